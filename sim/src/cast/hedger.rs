//! A hedger: needs GPUs on certain days, buys them forward bit by bit, and sometimes needs fewer than it bought.

use std::collections::BTreeMap;

use exchange::{Exchange, PlaceOrder};
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, Price, Side};
use matching_engine::OrderKind;

use super::{Participant, Request, holdings, immediate, minutes, order, quotes, reduce, trading};
use crate::seed::Stream;

pub(crate) struct Hedger {
    account: AccountId,
    chance: Stream,
    needs: BTreeMap<InstrumentId, i64>,
}

impl Hedger {
    pub(crate) fn new(account: AccountId, chance: Stream) -> Self {
        Self { account, chance, needs: BTreeMap::new() }
    }

    /// How many GPUs it needs: whole nodes mostly, sometimes a few more.
    fn need(&mut self, instrument: InstrumentId) -> i64 {
        let nodes = self.chance.below(5);
        let odd = if self.chance.chance(300_000) { self.chance.below(8) } else { 0 };
        let drawn = i64::try_from(8 * nodes + odd).unwrap_or(0);
        *self.needs.entry(instrument).or_insert(drawn)
    }
}

impl Participant for Hedger {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        let account = self.account;
        let held = holdings(venue, account);
        for series in trading(venue, now) {
            let instrument = series.instrument.id;
            let net = held.get(&instrument).copied().unwrap_or(0);
            let missing = (self.need(instrument) - net).unsigned_abs();
            if 0 < net && self.chance.chance(60_000) {
                let part = i64::try_from(self.chance.between(1, net.unsigned_abs())).unwrap_or(1);
                wants.push(reduce(account, instrument, part).into());
            }
            if self.need(instrument) <= net || !self.chance.chance(400_000) {
                continue;
            }
            let lots = self.chance.between(1, missing);
            let (bid, ask) = quotes(venue, series);
            let middle = Price::from_ticks(bid.ticks().midpoint(ask.ticks()).max(1));
            let at = |price| order(account, instrument, Side::Buy, price, lots);
            let wanted = match self.chance.below(4) {
                0 => at(middle),
                1 => immediate(at(ask)),
                2 => PlaceOrder { kind: OrderKind::Market, ..at(ask) },
                _ => at(ask),
            };
            wants.push(wanted.into());
        }
        minutes(self.chance.between(60, 180))
    }
}
