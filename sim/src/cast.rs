//! The participants: each looks at the venue as a client can, and asks for something when it wakes.

mod broker;
mod fool;
mod gambler;
mod hedger;
mod maker;
mod provider;

use std::collections::BTreeMap;

use exchange::{Command, Exchange, PlaceOrder, Series, SeriesState, TimeInForce};
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::OrderKind;

pub(crate) use broker::Broker;
pub(crate) use fool::Fool;
pub(crate) use gambler::Gambler;
pub(crate) use hedger::Hedger;
pub(crate) use maker::Maker;
pub(crate) use provider::Provider;

/// Someone who trades.
pub(crate) trait Participant {
    /// Asks for what it wants now, and says when it wants to wake again.
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan;
}

/// Something that a participant asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// What.
    pub(crate) command: Command,
    /// Whether the exchange must refuse it, whatever its state.
    pub(crate) is_nonsense: bool,
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { command, is_nonsense: false }
    }
}

impl From<PlaceOrder> for Request {
    fn from(order: PlaceOrder) -> Self {
        Command::PlaceOrder(order).into()
    }
}

/// A plain order that rests: everybody else changes what they need.
pub(crate) fn order(
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    price: Price,
    lots: u64,
) -> PlaceOrder {
    PlaceOrder::limit(account, instrument, side, price, Qty::from_lots(lots))
}

/// The same order, taken at once or not at all.
pub(crate) fn immediate(order: PlaceOrder) -> PlaceOrder {
    PlaceOrder { time_in_force: TimeInForce::Ioc, ..order }
}

/// An immediate order at any price that makes a position smaller.
pub(crate) fn reduce(account: AccountId, instrument: InstrumentId, net: i64) -> PlaceOrder {
    let side = if 0 < net { Side::Sell } else { Side::Buy };
    let plain = order(account, instrument, side, Price::from_ticks(1), net.unsigned_abs());
    PlaceOrder { kind: OrderKind::Market, reduce_only: true, ..immediate(plain) }
}

/// The series that trade at `now`.
pub(crate) fn trading(venue: &Exchange, now: Nanos) -> impl Iterator<Item = &Series> {
    venue.series().filter(move |series| {
        series.state == SeriesState::Trading && !series.instrument.has_expired(now)
    })
}

/// What an account holds, by series.
pub(crate) fn holdings(venue: &Exchange, account: AccountId) -> BTreeMap<InstrumentId, i64> {
    let positions = venue.positions_of(account).into_iter();
    positions.map(|position| (position.instrument, position.net.lots())).collect()
}

/// Best bid and best ask; where nobody quotes, a little off the mark.
pub(crate) fn quotes(venue: &Exchange, series: &Series) -> (Price, Price) {
    let mark = series.mark.ticks();
    let book = venue.book(series.instrument.id);
    let bid = book.and_then(|book| book.best_bid()).map(|(price, _)| price);
    let ask = book.and_then(|book| book.best_ask()).map(|(price, _)| price);
    let tick = |ticks: i64| Price::from_ticks(ticks.max(1));
    (bid.unwrap_or(tick(mark - mark / 100 - 1)), ask.unwrap_or(tick(mark + mark / 100 + 1)))
}

/// How long until a series stops trading.
pub(crate) fn left(series: &Series, now: Nanos) -> NanosSpan {
    let last = series.instrument.schedule.last_trade_at;
    if now < last { last.since(now) } else { NanosSpan::ZERO }
}

/// A span of whole minutes.
pub(crate) const fn minutes(count: u64) -> NanosSpan {
    NanosSpan::from_seconds(60 * count)
}
