//! What every account holds and what it stood at, kept from the events alone: with it each variation can be redone by hand.
//!
//! A stake's cost is what its lots were bought for less what lots were sold for, since the last variation; what was held then costs what
//! it was settled at. A variation pays `lots x hours x price - cost`, and the cost is the worth at its price from then on.

use std::collections::BTreeMap;

use exchange::Traded;
use instruments::{AccountId, Instrument, MicroUsd, NetQty, Price, Qty, Side};

use super::explain::{Table, table};

/// One account's, short ones negative.
#[derive(Debug, Clone, Copy, Default)]
struct Stake {
    lots: i64,
    /// In micro-dollars.
    cost: i128,
}

/// All accounts' stakes in the one series there is, and the variations so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Stakes {
    by_account: BTreeMap<AccountId, Stake>,
    /// What the variation that is being told has paid.
    dues: BTreeMap<AccountId, MicroUsd>,
    told: Vec<Variation>,
}

/// One that has ended.
#[derive(Debug, Clone)]
struct Variation {
    title: String,
    /// Account, lots, worth at the price, what they stood at, what was due.
    rows: Vec<(AccountId, i64, [i128; 3])>,
    dues: BTreeMap<AccountId, MicroUsd>,
    /// Whether every due follows from one price.
    is_one_price: bool,
}

impl Stakes {
    pub(super) fn traded(&mut self, terms: &Instrument, trade: &Traded) {
        let (buyer, seller) = match trade.taker_side {
            Side::Buy => (trade.taker.account, trade.maker.account),
            Side::Sell => (trade.maker.account, trade.taker.account),
        };
        let lots = i64::try_from(trade.qty.lots()).unwrap_or(i64::MAX);
        self.take(terms, buyer, lots, trade.price);
        self.take(terms, seller, -lots, trade.price);
    }

    pub(super) fn moved(
        &mut self,
        terms: &Instrument,
        (from, to): (AccountId, AccountId),
        net: NetQty,
        price: Price,
    ) {
        self.take(terms, from, -net.lots(), price);
        self.take(terms, to, net.lots(), price);
    }

    fn take(&mut self, terms: &Instrument, account: AccountId, lots: i64, price: Price) {
        let stake = self.by_account.entry(account).or_default();
        stake.lots += lots;
        stake.cost += worth(terms, price) * i128::from(lots);
    }

    pub(super) fn paid(&mut self, account: AccountId, amount: MicroUsd) {
        *self.dues.entry(account).or_default() += amount;
    }

    /// The number that the variation has which is being told.
    pub(super) fn number(&self) -> usize {
        self.told.len() + 1
    }

    /// A variation is over: from now on all stands at its price.
    pub(super) fn ended(&mut self, terms: &Instrument, at: &str) {
        let dues = std::mem::take(&mut self.dues);
        let (mut rows, mut price, mut is_one_price) = (Vec::new(), None, true);
        for (account, due) in &dues {
            let stake = self.by_account.entry(*account).or_default();
            let due = i128::from(due.micros());
            let now = stake.cost + due;
            // What was due says at which price; it has to be the same for all.
            if stake.lots != 0 {
                let ticks = now / (worth(terms, Price::from_ticks(1)) * i128::from(stake.lots));
                let ticks = *price.get_or_insert(ticks);
                let each = worth(terms, Price::from_ticks(1)) * ticks;
                is_one_price &= each * i128::from(stake.lots) == now;
            } else {
                is_one_price &= now == 0;
            }
            rows.push((*account, stake.lots, [now, -stake.cost, due]));
            stake.cost = now;
        }
        let ticks = price.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(0);
        let (number, price) = (self.number(), terms.price_to_decimal(Price::from_ticks(ticks)));
        let hours = terms.hours_per_lot;
        let title = format!("variation {number} at {at}: {price} a GPU-hour, {hours} hours a lot");
        self.told.push(Variation { title, rows, dues, is_one_price });
    }

    /// What one account was due in a variation.
    pub(super) fn due(&self, number: usize, account: AccountId) -> Option<i128> {
        let due = self.told.get(number.checked_sub(1)?)?.dues.get(&account)?;
        Some(due.micros().into())
    }

    /// A table for each variation: lots, what they are worth at its price, less what they stood at before.
    pub(super) fn tables(&self, name: impl Fn(AccountId) -> String) -> Vec<Table> {
        let told = self.told.iter().map(|variation| {
            let row = |(account, _, cells): &(AccountId, i64, [i128; 3])| {
                (name(*account), cells.to_vec())
            };
            let rows = variation.rows.iter().map(row).collect();
            let columns = vec!["worth", "stood at", "due"];
            let mut table = table(variation.title.clone(), columns, rows);
            table.lots = variation.rows.iter().map(|(_, lots, _)| *lots).collect();
            table.lots.push(table.lots.iter().sum());
            let is_zero = table.rows.last().is_some_and(|(_, sums)| sums.last() == Some(&0));
            table.adds_up &= variation.is_one_price && is_zero;
            table
        });
        told.collect()
    }
}

fn worth(terms: &Instrument, price: Price) -> i128 {
    terms.notional(price, Qty::from_lots(1)).unwrap_or_default().micros().into()
}
