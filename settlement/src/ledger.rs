//! Double-entry ledger in micro-dollars.
//!
//! Invariants:
//! - the sum over all buckets is zero, because [`Ledger::transfer`] is the only way to change one;
//! - no bucket but `Custody` is ever below zero;
//! - a bucket at zero is not stored, so that two ledgers with the same balances have the same bytes.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, MicroUsd};
use thiserror::Error;

/// A place where money is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Bucket {
    /// The contra bucket of deposits, the only one that may be below zero: its balance is minus all the money we owe.
    Custody,
    /// Free money of an account.
    Cash(AccountId),
    /// Held for an account's open orders.
    OrderHold(AccountId),
    /// Held for an account's positions.
    PositionMargin(AccountId),
    /// Held for an account's quotes.
    QuoteHold(AccountId),
    /// A buyer's money, set aside for compute that is being delivered.
    DeliveryEscrow(AccountId),
    /// A seller's money, set aside in case it does not deliver.
    Bond(AccountId),
    /// An account's part of the default fund.
    DefaultFundShare(AccountId),
    /// What trading fees have brought.
    Fees,
    /// The exchange's own money that stands before insurance.
    FirstLoss,
    /// Pays what a loser cannot, before winners are cut.
    Insurance,
    /// What of the default fund belongs to nobody.
    DefaultFund,
    /// Variation on its way from losers to winners; zero between cycles.
    Suspense,
    /// What roundings leave over.
    Rounding,
}

impl Bucket {
    /// Whose money it is; `None` for the house's own buckets.
    #[must_use]
    pub const fn account(self) -> Option<AccountId> {
        match self {
            Self::Cash(account)
            | Self::OrderHold(account)
            | Self::PositionMargin(account)
            | Self::QuoteHold(account)
            | Self::DeliveryEscrow(account)
            | Self::Bond(account)
            | Self::DefaultFundShare(account) => Some(account),
            Self::Custody
            | Self::Fees
            | Self::FirstLoss
            | Self::Insurance
            | Self::DefaultFund
            | Self::Suspense
            | Self::Rounding => None,
        }
    }

    /// All buckets of one account.
    const fn all_of(account: AccountId) -> [Self; 7] {
        [
            Self::Cash(account),
            Self::OrderHold(account),
            Self::PositionMargin(account),
            Self::QuoteHold(account),
            Self::DeliveryEscrow(account),
            Self::Bond(account),
            Self::DefaultFundShare(account),
        ]
    }
}

/// Money that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transfer {
    /// Where it was.
    pub from: Bucket,
    /// Where it is now.
    pub to: Bucket,
    /// How much; above zero.
    pub amount: MicroUsd,
}

/// A bucket holds less than was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{bucket:?} is {} micro-dollars short", shortfall.micros())]
pub struct Insufficient {
    /// The bucket.
    pub bucket: Bucket,
    /// How much is missing.
    pub shortfall: MicroUsd,
}

/// All balances, and what has moved since it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    // BTreeMap, not HashMap: reports and state hashes iterate it.
    balances: BTreeMap<Bucket, MicroUsd>,
    // Not state: whoever applies a command takes them before the next one.
    #[borsh(skip)]
    transfers: Vec<Transfer>,
}

impl Ledger {
    /// What a bucket holds.
    #[must_use]
    pub fn balance(&self, bucket: Bucket) -> MicroUsd {
        self.balances.get(&bucket).copied().unwrap_or(MicroUsd::ZERO)
    }

    /// Moves money from one bucket to another. Nothing is moved, and nothing recorded, when the amount is zero.
    ///
    /// # Errors
    /// [`Insufficient`] when `from` may not go below zero and would; nothing has changed then.
    ///
    /// # Panics
    /// On a negative amount: that is a transfer the other way, and a bug in the caller.
    pub fn transfer(
        &mut self,
        from: Bucket,
        to: Bucket,
        amount: MicroUsd,
    ) -> Result<(), Insufficient> {
        assert!(MicroUsd::ZERO <= amount, "negative transfer");
        let available = self.balance(from);
        if from != Bucket::Custody && available < amount {
            return Err(Insufficient { bucket: from, shortfall: amount - available });
        }
        if amount == MicroUsd::ZERO {
            return Ok(());
        }

        // From here on nothing can fail.
        self.set(from, available - amount);
        self.set(to, self.balance(to) + amount);
        self.transfers.push(Transfer { from, to, amount });
        Ok(())
    }

    /// Pays as much of `amount` as the buckets hold, drained in their order, and returns the unpaid rest. Never fails.
    ///
    /// `Custody` holds nothing: what it may be overdrawn by is not ours.
    pub fn pay(&mut self, from: &[Bucket], to: Bucket, amount: MicroUsd) -> MicroUsd {
        let mut unpaid = amount;
        for bucket in from {
            let part = unpaid.min(self.balance(*bucket)).max(MicroUsd::ZERO);
            let moved = self.transfer(*bucket, to, part);
            assert!(moved.is_ok(), "a bucket pays what it holds");
            unpaid -= part;
        }
        unpaid
    }

    /// All the money of an account, wherever it is held.
    #[must_use]
    pub fn equity(&self, account: AccountId) -> MicroUsd {
        Bucket::all_of(account).into_iter().map(|bucket| self.balance(bucket)).sum()
    }

    /// The sum over all buckets: always zero.
    #[must_use]
    pub fn total(&self) -> MicroUsd {
        // `Custody` comes first, so the partial sums stay within range.
        self.balances.values().copied().sum()
    }

    /// Every bucket that is not zero, in their order.
    pub fn balances(&self) -> impl Iterator<Item = (Bucket, MicroUsd)> + '_ {
        self.balances.iter().map(|(bucket, balance)| (*bucket, *balance))
    }

    /// What has moved since the last call, in order.
    #[must_use]
    pub fn take_transfers(&mut self) -> Vec<Transfer> {
        std::mem::take(&mut self.transfers)
    }

    fn set(&mut self, bucket: Bucket, balance: MicroUsd) {
        if balance == MicroUsd::ZERO {
            self.balances.remove(&bucket);
        } else {
            self.balances.insert(bucket, balance);
        }
    }
}
