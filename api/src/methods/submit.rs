//! Submits a command and reads what came of it.

use exchange::{Agreed, Command, Event, QuoteCommand, Traded};
use instruments::{Instrument, InstrumentId, Nanos, Price};

use crate::gateway::Gateway;
use crate::raise;
use crate::venue::Outcome;
use crate::venue::history::{OrderRecord, TradeRecord, UserTradeRecord};
use crate::wire::{ErrorCode, WireError, WirePlaced, WireUserTrade};

/// Submits a command; a refusal of the exchange becomes the client's error.
pub(super) async fn submit(gateway: &Gateway, command: Command) -> Result<Outcome, WireError> {
    let instrument = instrument_of(gateway, &command);
    let outcome =
        gateway.venue.submit(command).await.map_err(|error| raise::submit_error(&error))?;
    let Some(reason) = outcome.refusal() else { return Ok(outcome) };
    let exchange = gateway.venue.exchange();
    let series = instrument.and_then(|id| exchange.series_by_id(id));
    Err(raise::reject(reason, series.map(|series| &series.instrument)))
}

/// Whose ticks the prices of a refusal would be.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other refusal of a client has a price")]
fn instrument_of(gateway: &Gateway, command: &Command) -> Option<InstrumentId> {
    match command {
        Command::PlaceOrder(order) | Command::Quoting(QuoteCommand::Place { order, .. }) => {
            Some(order.instrument)
        }
        Command::AmendOrder(amend) => {
            let open = gateway.venue.exchange().open_order(amend.order);
            open.map(|view| view.record.instrument)
        }
        Command::SubmitAgreement { signed, .. } => {
            let Agreed::Trades { legs, .. } = &signed.agreement.agreed else { return None };
            let exchange = gateway.venue.exchange();
            let tick = |id| exchange.series_by_id(id).map(|series| series.instrument.tick_size);
            let first = legs.first()?.instrument;
            legs.iter().all(|leg| tick(leg.instrument) == tick(first)).then_some(first)
        }
        _ => None,
    }
}

/// The terms of a series, by its number.
pub(super) fn instrument(gateway: &Gateway, id: InstrumentId) -> Result<Instrument, WireError> {
    let exchange = gateway.venue.exchange();
    let series = exchange.series_by_id(id);
    series.map(|series| series.instrument.clone()).ok_or_else(|| {
        WireError::new(ErrorCode::Internal, "an order belongs to a series that is not listed")
    })
}

/// An order, and the trades it made as taker by the events of one command.
pub(super) fn arrival(
    gateway: &Gateway,
    record: &OrderRecord,
    outcome: &Outcome,
) -> Result<WirePlaced, WireError> {
    let instrument = instrument(gateway, record.terms.instrument)?;
    let order = record.terms.order;
    let traded = outcome
        .events
        .iter()
        .filter_map(|event| if let Event::Traded(traded) = event { Some(traded) } else { None });
    let trades = traded
        .filter(|traded| traded.taker.order == order)
        .map(|traded| user_trade_of(gateway, traded, outcome.at, (record, &instrument)));
    let order = raise::order(record, &instrument);
    Ok(WirePlaced { order, trades: trades.collect(), duplicate: false })
}

/// One account's side of a trade: that of `order`.
fn user_trade_of(
    gateway: &Gateway,
    traded: &Traded,
    at: Nanos,
    (order, instrument): (&OrderRecord, &Instrument),
) -> WireUserTrade {
    let is_taker = traded.taker.order == order.terms.order;
    let fill = if is_taker { &traded.taker } else { &traded.maker };
    let trade = TradeRecord::of(traded, at);
    let tick_direction = tick_direction(gateway, &trade);
    let record = UserTradeRecord {
        trade,
        account: fill.account,
        side: order.terms.side,
        is_taker,
        fee: fill.fee,
        order: order.clone(),
    };
    raise::user_trade(&record, tick_direction, instrument)
}

/// How a trade's price compares with that of the trade before it.
pub(crate) fn tick_direction(gateway: &Gateway, trade: &TradeRecord) -> u8 {
    let before = previous_price(gateway, trade.instrument, trade.trade_seq);
    raise::tick_direction(before, trade.price)
}

fn previous_price(gateway: &Gateway, instrument: InstrumentId, trade_seq: u64) -> Option<Price> {
    let seq = trade_seq.checked_sub(1)?;
    let trades = gateway.venue.history().trades_between(instrument, seq, seq, 1);
    trades.first().map(|trade| trade.price)
}
