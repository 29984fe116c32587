//! What clients ask about their money: each movement with what it was for, and what a day came to.
//!
//! Holds for orders, quotes and positions come and go with every order and leave the account's money its own: they are not kept here. The
//! journal has them. What is set aside for a delivery or given to the default fund is kept.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::{
    CloseOutEvent, DeliveredInDay, Event, HourSettled, IntervalSettled, Movement, TradedInDay,
};
use instruments::{AccountId, Date, InstrumentId, MicroUsd, Nanos, ObligationId, Side};
use settlement::{Bucket, Reason, Transfer, TransferId};

use super::key::{self, Tree};
use super::past::first_after;
use super::{Draft, History, ROWS_MAX};

/// Where an account's money is, as far as a statement tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Pot {
    /// What margin is measured against: free, or held for orders, quotes and positions.
    Margin,
    /// Set aside for compute to come.
    Escrow,
    /// Set aside in case it is not delivered.
    Bond,
    /// The account's part of the default fund.
    FundShare,
}

impl Pot {
    /// The pot of an account's bucket; `None` for the house's.
    #[must_use]
    pub const fn of(bucket: Bucket) -> Option<Self> {
        match bucket {
            Bucket::Cash(_)
            | Bucket::OrderHold(_)
            | Bucket::PositionMargin(_)
            | Bucket::QuoteHold(_) => Some(Self::Margin),
            Bucket::DeliveryEscrow(_) => Some(Self::Escrow),
            Bucket::Bond(_) => Some(Self::Bond),
            Bucket::DefaultFundShare(_) => Some(Self::FundShare),
            Bucket::Custody
            | Bucket::Fees
            | Bucket::FirstLoss
            | Bucket::Insurance
            | Bucket::DefaultFund
            | Bucket::Suspense
            | Bucket::Rounding => None,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Margin => "margin_balance",
            Self::Escrow => "delivery_escrow",
            Self::Bond => "bond",
            Self::FundShare => "default_fund_share",
        }
    }
}

/// What is in each pot; what is empty is left out.
pub type Pots = BTreeMap<Pot, MicroUsd>;

/// A movement of an account's money.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TransferRecord {
    /// What moved.
    pub transfer: Transfer,
    /// When.
    pub at: Nanos,
    /// All the account's money after it.
    pub balance: MicroUsd,
}

/// One account's day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayRecord {
    /// What was there when it began.
    pub opening: Pots,
    /// What came and went, by pot and by what it was for.
    pub movements: BTreeMap<(Pot, Reason), Movement>,
    /// What was traded.
    pub trades: BTreeMap<InstrumentId, TradedInDay>,
    /// What variation paid.
    pub variation: BTreeMap<InstrumentId, MicroUsd>,
    /// What became of deliveries.
    pub deliveries: BTreeMap<ObligationId, DeliveredInDay>,
    /// What was there when it ended, or is there now.
    pub closing: Pots,
}

impl History {
    /// An account's newest movements from `first` to `last`, both included, and before `before`, newest first.
    #[must_use]
    pub fn transfers(
        &self,
        account: AccountId,
        before: Option<TransferId>,
        (first, last): (Nanos, Nanos),
        limit: usize,
    ) -> Vec<TransferRecord> {
        let end = self.transfer_after(account, last);
        let before = before.map_or(end, |before| before.min(end));
        let mut rows = self.transfers_before(account, before, limit);
        rows.retain(|row| first <= row.at);
        rows
    }

    fn transfers_before(
        &self,
        account: AccountId,
        before: TransferId,
        limit: usize,
    ) -> Vec<TransferRecord> {
        let before = key::transfer(account, before);
        self.newest_records(&key::TRANSFERS, &key::account(account), Some(&before), limit)
    }

    /// The first id that is no earlier movement.
    fn transfer_after(&self, account: AccountId, last: Nanos) -> TransferId {
        TransferId(first_after(last, |before| {
            let rows = self.transfers_before(account, TransferId(before), 1);
            rows.first().map(|row| (row.transfer.id.0, row.at))
        }))
    }

    /// What an account's day came to. `None` when nothing is known of the account up to then.
    #[must_use]
    pub fn day(&self, account: AccountId, day: Date) -> Option<DayRecord> {
        let in_day = key::day(account, day);
        let next = day.days().saturating_add(1);
        let closing = self.pots_before(account, next)?;
        let opening = self.pots_before(account, day.days()).unwrap_or_default();
        let mut found = DayRecord { opening, closing, ..DayRecord::default() };
        let lines = |tree: &Tree| self.newest(tree, &in_day, None, ROWS_MAX);
        for (key, value) in lines(&key::DAY_MOVEMENTS) {
            let line: Option<(Pot, Reason)> =
                key.get(in_day.len()..).and_then(|line| self.decode(line));
            found.movements.extend(line.zip(self.decode(&value)));
        }
        for (key, value) in lines(&key::DAY_TRADES) {
            let id = key::tail(&key).map(|id| InstrumentId(u64::from_be_bytes(id)));
            found.trades.extend(id.zip(self.decode(&value)));
        }
        for (key, value) in lines(&key::DAY_VARIATION) {
            let id = key::tail(&key).map(|id| InstrumentId(u64::from_be_bytes(id)));
            found.variation.extend(id.zip(self.decode(&value)));
        }
        for (key, value) in lines(&key::DAY_DELIVERIES) {
            let id = key::tail(&key).map(|id| ObligationId(u64::from_be_bytes(id)));
            found.deliveries.extend(id.zip(self.decode(&value)));
        }
        Some(found)
    }

    /// What was in an account's pots before the day with this number began.
    fn pots_before(&self, account: AccountId, days: u64) -> Option<Pots> {
        let before = key::days(account, days);
        let rows = self.newest(&key::DAY_POTS, &key::account(account), Some(&before), 1);
        self.decode(&rows.first()?.1)
    }
}

impl Draft<'_> {
    /// Keeps what an event tells about money.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what moves nobody's money is not kept")]
    pub(super) fn money(&mut self, event: &Event, at: Nanos) {
        let day = Date::of(at);
        match event {
            Event::MoneyMoved(transfer) => self.moved(transfer, at),
            Event::Traded(traded) => {
                let taker = traded.taker_side;
                for (fill, side) in [(&traded.taker, taker), (&traded.maker, taker.opposite())] {
                    let key = key::in_day(fill.account, day, traded.instrument.0);
                    self.sum(&key::DAY_TRADES, key, |sum: &mut TradedInDay| {
                        sum.trades = sum.trades.saturating_add(1);
                        sum.fees += fill.fee;
                        match side {
                            Side::Buy => sum.bought += traded.qty,
                            Side::Sell => sum.sold += traded.qty,
                        }
                    });
                }
            }
            Event::VariationPaid { instrument, account, amount } => {
                let key = key::in_day(*account, day, instrument.0);
                self.sum(&key::DAY_VARIATION, key, |sum: &mut MicroUsd| *sum += *amount);
            }
            Event::ObligationAssigned { obligation, seller, buyer, .. } => {
                self.put(&key::PARTIES, key::obligation(*obligation), &(*seller, *buyer));
            }
            Event::IntervalSettled(settled) => self.delivered(settled, day),
            Event::CloseOut(CloseOutEvent::HourSettled(hour)) => self.hour_settled(hour, day),
            _ => {}
        }
    }

    fn delivered(&mut self, settled: &IntervalSettled, day: Date) {
        let obligation = settled.obligation;
        let parties = self.get(&key::PARTIES, &key::obligation(obligation));
        let Some((seller, buyer)): Option<(AccountId, AccountId)> = parties else { return };
        let deliverer = settled.stand_in.unwrap_or(seller);
        for party in [Some(seller), Some(buyer), settled.stand_in].into_iter().flatten() {
            let key = key::in_day(party, day, obligation.0);
            self.sum(&key::DAY_DELIVERIES, key, |sum: &mut DeliveredInDay| {
                sum.intervals = sum.intervals.saturating_add(1);
                if party == deliverer || party == buyer {
                    sum.pay += settled.paid;
                }
            });
        }
    }

    fn hour_settled(&mut self, hour: &HourSettled, day: Date) {
        let obligation = hour.obligation;
        let parties = self.get(&key::PARTIES, &key::obligation(obligation));
        let Some((seller, _)): Option<(AccountId, AccountId)> = parties else { return };
        for (receiver, amount) in &hour.settled.received {
            for party in [seller, *receiver] {
                let key = key::in_day(party, day, obligation.0);
                self.sum(&key::DAY_DELIVERIES, key, |sum: &mut DeliveredInDay| {
                    sum.damages += *amount;
                });
            }
        }
    }

    fn moved(&mut self, transfer: &Transfer, at: Nanos) {
        let Transfer { from, to, amount, .. } = *transfer;
        let ends = (from.account(), to.account());
        let is_own = ends.0 == ends.1;
        if is_own && Pot::of(from) == Pot::of(to) {
            return;
        }
        for account in [ends.0, ends.1.filter(|_| !is_own)].into_iter().flatten() {
            let changes: Vec<(Pot, MicroUsd)> = [(from, -amount), (to, amount)]
                .into_iter()
                .filter(|(bucket, _)| bucket.account() == Some(account))
                .filter_map(|(bucket, change)| Some((Pot::of(bucket)?, change)))
                .collect();
            let pots = self.change_pots(account, Date::of(at), transfer.reason, &changes);
            let balance = pots.values().copied().sum();
            let record = TransferRecord { transfer: *transfer, at, balance };
            for (tree, reason) in
                [(&key::DEPOSITS, Reason::Deposit), (&key::WITHDRAWALS, Reason::Withdrawal)]
            {
                if transfer.reason == reason {
                    self.put(tree, key::transfer(account, transfer.id), &record);
                }
            }
            self.put(&key::TRANSFERS, key::transfer(account, transfer.id), &record);
        }
    }

    fn change_pots(
        &mut self,
        account: AccountId,
        day: Date,
        reason: Reason,
        changes: &[(Pot, MicroUsd)],
    ) -> Pots {
        let now = key::account(account);
        let mut pots: Pots = self.get(&key::POTS, &now).unwrap_or_default();
        for (pot, change) in changes {
            *pots.entry(*pot).or_default() += *change;
            let mut key = key::day(account, day);
            key.extend(borsh::to_vec(&(*pot, reason)).unwrap_or_default());
            self.sum(&key::DAY_MOVEMENTS, key, |sum: &mut Movement| {
                sum.transfers = sum.transfers.saturating_add(1);
                sum.received += (*change).max(MicroUsd::ZERO);
                sum.paid += (-*change).max(MicroUsd::ZERO);
            });
        }
        pots.retain(|_, money| *money != MicroUsd::ZERO);
        self.put(&key::POTS, now, &pots);
        self.put(&key::DAY_POTS, key::days(account, day.days()), &pots);
        pots
    }

    fn sum<T: Default + BorshDeserialize + BorshSerialize>(
        &mut self,
        tree: &Tree,
        key: Vec<u8>,
        add: impl FnOnce(&mut T),
    ) {
        let mut sum = self.get(tree, &key).unwrap_or_default();
        add(&mut sum);
        self.put(tree, key, &sum);
    }
}
