//! The auditor's money: balances by transfers, and what the other events say they should be.

use std::collections::BTreeMap;

use instruments::{AccountId, MicroUsd};
use settlement::{Bucket, Transfer};

use crate::finding::Finding;

/// Every balance, added up from the transfers.
#[derive(Debug, Clone, Default)]
pub(super) struct Money {
    balances: BTreeMap<Bucket, i128>,
    deposited: i128,
}

/// What one command's events say should have moved, and what its transfers did move.
#[derive(Debug, Default)]
pub(super) struct Stated {
    reasons: BTreeMap<Option<AccountId>, i128>,
    moved: BTreeMap<Option<AccountId>, i128>,
    touched: Vec<Bucket>,
}

impl Stated {
    /// An account gained (positive) or lost `micros` for a reason that an event stated.
    pub(super) fn gain(&mut self, account: AccountId, amount: MicroUsd) {
        *self.reasons.entry(Some(account)).or_default() += i128::from(amount.micros());
    }

    /// The house's own buckets gained (positive) or lost something.
    pub(super) fn house(&mut self, amount: MicroUsd) {
        *self.reasons.entry(None).or_default() += i128::from(amount.micros());
    }
}

impl Money {
    pub(super) fn balance(&self, bucket: Bucket) -> MicroUsd {
        money(self.balances.get(&bucket).copied().unwrap_or(0))
    }

    pub(super) fn deposit(&mut self, amount: MicroUsd) {
        self.deposited += i128::from(amount.micros());
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer, stated: &mut Stated) {
        let micros = i128::from(transfer.amount.micros());
        for (bucket, change) in [(transfer.from, -micros), (transfer.to, micros)] {
            *self.balances.entry(bucket).or_default() += change;
            *stated.moved.entry(bucket.account()).or_default() += change;
            stated.touched.push(bucket);
        }
    }

    /// SIM-003 to SIM-005, after one command.
    pub(super) fn check(&self, stated: &Stated) -> Result<(), Finding> {
        for bucket in &stated.touched {
            let balance = self.balance(*bucket);
            if *bucket != Bucket::Custody && balance < MicroUsd::ZERO {
                return Err(Finding::BelowZero { bucket: *bucket, balance });
            }
        }
        let stuck = self.balance(Bucket::Suspense);
        if stuck != MicroUsd::ZERO {
            return Err(Finding::Suspense { stuck });
        }
        let owed = -self.balance(Bucket::Custody);
        if i128::from(owed.micros()) != self.deposited {
            return Err(Finding::Custody { owed, deposited: money(self.deposited) });
        }
        for whose in stated.reasons.keys().chain(stated.moved.keys()) {
            let of = |sums: &BTreeMap<_, i128>| sums.get(whose).copied().unwrap_or(0);
            let (moved, reasons) = (of(&stated.moved), of(&stated.reasons));
            if moved != reasons {
                let (moved, stated) = (money(moved), money(reasons));
                return Err(Finding::Unexplained { whose: *whose, moved, stated });
            }
        }
        Ok(())
    }

    /// Every bucket that is not empty.
    pub(super) fn balances(&self) -> impl Iterator<Item = (Bucket, MicroUsd)> {
        let filled = self.balances.iter().filter(|(_, micros)| **micros != 0);
        filled.map(|(bucket, micros)| (*bucket, money(*micros)))
    }

    /// What an account may hold: cash and what is held already.
    pub(super) fn usable(&self, account: AccountId) -> MicroUsd {
        self.balance(Bucket::Cash(account))
            + self.balance(Bucket::OrderHold(account))
            + self.balance(Bucket::PositionMargin(account))
    }
}

/// Beyond the ledger's range nothing is compared any more: it would have stopped long before.
pub(super) fn money(micros: i128) -> MicroUsd {
    MicroUsd::from_i128(micros).unwrap_or(MicroUsd::new(i64::MAX))
}
