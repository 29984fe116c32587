//! A market maker: quotes both sides around the index, leans against its inventory, amends or replaces, goes flat before expiry.

use exchange::{AmendOrder, CancelFilter, Command, Exchange, OrderView, PlaceOrder, Series};
use instruments::{AccountId, Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::PostOnly;

use super::{Participant, Request, holdings, left, minutes, order, reduce, trading};
use crate::seed::Stream;

/// Before this it stops quoting a series and closes what it has.
const FLAT_BEFORE: NanosSpan = minutes(60);

pub(crate) struct Maker {
    account: AccountId,
    chance: Stream,
    half_spread_ppm: i64,
    lots: u64,
}

impl Maker {
    pub(crate) fn new(account: AccountId, mut chance: Stream) -> Self {
        let half_spread_ppm = i64::try_from(chance.between(3_000, 12_000)).unwrap_or(5_000);
        let lots = 8 * chance.between(1, 4);
        Self { account, chance, half_spread_ppm, lots }
    }

    fn quote(&mut self, venue: &Exchange, series: &Series, net: i64, wants: &mut Vec<Request>) {
        let terms = &series.instrument;
        let index = venue.index(&terms.grade).and_then(|print| print.value);
        let anchor = index.map_or(series.mark, |value| terms.nearest_price(value)).ticks();
        let half = (anchor * self.half_spread_ppm / 1_000_000).max(2);
        // One half-spread for every four quotes' worth of inventory, two at most.
        let per_lot = i64::try_from(4 * self.lots).unwrap_or(i64::MAX);
        let lean = (-net * half / per_lot).clamp(-2 * half, 2 * half);
        let open = venue.open_orders_of(self.account, Some(terms.id));
        for (side, away) in [(Side::Buy, -half), (Side::Sell, half)] {
            let jitter = self.chance.around_zero(half.unsigned_abs());
            let target = Price::from_ticks((anchor + away + lean + jitter).max(1));
            let mine: Vec<&OrderView> =
                open.iter().filter(|view| view.record.side == side).collect();
            match mine.as_slice() {
                [] => wants.push(self.fresh(series, side, target)),
                [view, rest @ ..] => {
                    wants.extend(rest.iter().map(|extra| self.cancel(extra)));
                    let moved = self.moved(series, view, target, half);
                    wants.extend(moved);
                }
            }
        }
    }

    fn fresh(&self, series: &Series, side: Side, price: Price) -> Request {
        let plain = order(self.account, series.instrument.id, side, price, self.lots);
        PlaceOrder { post_only: PostOnly::Reject, label: "quote".to_owned(), ..plain }.into()
    }

    fn cancel(&self, view: &OrderView) -> Request {
        Command::CancelOrder { account: self.account, order: view.order }.into()
    }

    /// Brings a quote that rests to its target: by cancel and replace, by amend, or not at all.
    fn moved(
        &mut self,
        series: &Series,
        view: &OrderView,
        target: Price,
        half: i64,
    ) -> Vec<Request> {
        let distance = (target.ticks() - view.record.limit.ticks()).abs();
        let is_thin = 2 * view.record.open().lots() < self.lots;
        let amend = |price, qty| {
            let (account, order) = (self.account, view.order);
            Command::AmendOrder(AmendOrder::new(account, order, price, qty)).into()
        };
        if is_thin || (half / 2 < distance && self.chance.chance(300_000)) {
            vec![self.cancel(view), self.fresh(series, view.record.side, target)]
        } else if half / 2 < distance {
            vec![amend(Some(target), None)]
        } else if self.chance.chance(50_000) {
            let lots = Qty::from_lots(self.chance.between(1, 2 * self.lots));
            vec![amend(None, Some(view.record.filled + lots))]
        } else {
            Vec::new()
        }
    }
}

impl Participant for Maker {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        let account = self.account;
        let held = holdings(venue, account);
        if self.chance.chance(10_000) {
            wants.push(
                Command::CancelAll { account, filter: CancelFilter::instrument(None) }.into(),
            );
        } else {
            for series in trading(venue, now) {
                let instrument = series.instrument.id;
                let net = held.get(&instrument).copied().unwrap_or(0);
                if FLAT_BEFORE < left(series, now) {
                    self.quote(venue, series, net, wants);
                    continue;
                }
                wants.push(
                    Command::CancelAll {
                        account,
                        filter: CancelFilter::instrument(Some(instrument)),
                    }
                    .into(),
                );
                if net != 0 {
                    wants.push(reduce(account, instrument, net).into());
                }
            }
        }
        minutes(self.chance.between(20, 60))
    }
}
