//! A gambler: takes the largest position its margin carries, either way, brings more money when some is lacking or all is
//! gone, and takes some out when it has won.

use exchange::{Command, Exchange, PlaceOrder};
use instruments::{AccountId, MicroUsd, Nanos, NanosSpan, Side};
use matching_engine::OrderKind;

use super::{Participant, Request, immediate, minutes, order, quotes, trading};
use crate::seed::Stream;

/// What it brings each time.
pub(crate) const STAKE: MicroUsd = MicroUsd::new(600_000_000);
/// Below this it brings another stake; this much when its margin lacks something.
const BROKE: MicroUsd = MicroUsd::new(20_000_000);

pub(crate) struct Gambler {
    account: AccountId,
    chance: Stream,
}

impl Gambler {
    pub(crate) fn new(account: AccountId, chance: Stream) -> Self {
        Self { account, chance }
    }
}

impl Participant for Gambler {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        let account = self.account;
        let Some(summary) = venue.account_summary(account) else { return minutes(60) };
        if STAKE + STAKE < summary.equity && MicroUsd::ZERO < summary.available {
            let amount = summary.available.min(summary.cash).min(STAKE);
            wants.push(Command::Withdraw { account, amount }.into());
        }
        let lacks = summary.order_hold + summary.position_margin < summary.margin_initial;
        if summary.equity < BROKE {
            wants.push(Command::Deposit { account, amount: STAKE }.into());
        } else if lacks && self.chance.chance(700_000) {
            wants.push(Command::Deposit { account, amount: BROKE }.into());
        }
        let series: Vec<_> = trading(venue, now).collect();
        if !series.is_empty() {
            let series = self.chance.pick(&series);
            let (bid, ask) = quotes(venue, series);
            let (side, price) =
                if self.chance.chance(500_000) { (Side::Buy, ask) } else { (Side::Sell, bid) };
            let lots = self.chance.between(1, 40);
            let plain = immediate(order(account, series.instrument.id, side, price, lots));
            wants.push(PlaceOrder { kind: OrderKind::Market, ..plain }.into());
        }
        minutes(self.chance.between(60, 240))
    }
}
