//! A provider: sells the GPUs it has forward, never more than it has, and delivers what it is assigned.

use exchange::{Exchange, PlaceOrder};
use instruments::{AccountId, Nanos, NanosSpan, Price, Side};
use matching_engine::{OrderKind, PostOnly};

use super::{Participant, Request, holdings, immediate, minutes, order, quotes, trading};
use crate::seed::Stream;

pub(crate) struct Provider {
    account: AccountId,
    chance: Stream,
    gpus: i64,
}

impl Provider {
    pub(crate) fn new(account: AccountId, mut chance: Stream) -> Self {
        let gpus = i64::try_from(8 * chance.between(1, 6)).unwrap_or(8);
        Self { account, chance, gpus }
    }
}

impl Participant for Provider {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        let account = self.account;
        let held = holdings(venue, account);
        for series in trading(venue, now) {
            let instrument = series.instrument.id;
            let net = held.get(&instrument).copied().unwrap_or(0);
            let offered: i64 = venue
                .open_orders_of(account, Some(instrument))
                .iter()
                .filter(|view| view.record.side == Side::Sell)
                .map(|view| i64::try_from(view.record.open().lots()).unwrap_or(i64::MAX))
                .sum();
            let free = self.gpus + net - offered;
            if free <= 0 || !self.chance.chance(400_000) {
                continue;
            }
            let lots = self.chance.between(1, free.unsigned_abs());
            let (bid, ask) = quotes(venue, series);
            let at = |price| order(account, instrument, Side::Sell, price, lots);
            let inside = Price::from_ticks((ask.ticks() - 1).max(1));
            let wanted = match self.chance.below(4) {
                0 => PlaceOrder { post_only: PostOnly::Reject, ..at(inside) },
                1 => immediate(at(bid)),
                2 => PlaceOrder { kind: OrderKind::Market, ..at(bid) },
                _ => at(bid),
            };
            wants.push(wanted.into());
        }
        minutes(self.chance.between(60, 180))
    }
}
