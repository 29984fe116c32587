//! Double-entry ledger in micro-dollars.
//!
//! Read this file, then `ledger/hold.rs` for money set aside and `ledger/chain.rs` for transfers that stand or fall together.
//!
//! Invariants:
//! - the sum over all buckets is zero, because a transfer is the only way to change one;
//! - no bucket but `Custody` is ever below zero;
//! - every transfer has the id after the one before it; what is undone was never recorded;
//! - a bucket at zero is not stored, so that two ledgers with the same balances, holds and last id have the same bytes.

mod audit;
mod bucket;
mod chain;
mod hold;
mod transfer;

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, MicroUsd};

pub use audit::LedgerFinding;
pub use bucket::Bucket;
pub use chain::{Because, Chain};
pub use hold::{HoldError, HoldKey};
pub use transfer::{Insufficient, Reason, Transfer, TransferId};

/// All balances, what is set aside in them, and what has moved since it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    // BTreeMap, not HashMap: reports and state hashes iterate it.
    balances: BTreeMap<Bucket, MicroUsd>,
    // Of obligations only: an account's own hold is its bucket.
    holds: BTreeMap<HoldKey, MicroUsd>,
    last_transfer: TransferId,
    // Not state: whoever applies a command takes them before the next one.
    #[borsh(skip)]
    transfers: Vec<Transfer>,
    // Not state: scopes, which end within a command.
    #[borsh(skip)]
    reason: Option<Reason>,
    #[borsh(skip)]
    open: chain::Open,
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
    /// On a negative amount: that is a transfer the other way, and a bug in the caller. So is an escrow or a bond at either end: these
    /// are [`Ledger::hold`] and [`Ledger::post`].
    pub fn transfer(
        &mut self,
        from: Bucket,
        to: Bucket,
        amount: MicroUsd,
    ) -> Result<(), Insufficient> {
        let is_free = !from.is_set_aside() && !to.is_set_aside();
        assert!(is_free, "money set aside for an obligation moves by its hold");
        self.shift(from, to, amount)
    }

    /// Pays as much of `amount` as the buckets hold, drained in their order, and returns the unpaid rest. Never fails.
    ///
    /// `Custody` holds nothing: what it may be overdrawn by is not ours.
    ///
    /// # Panics
    /// On an escrow or a bond at either end, as [`Ledger::transfer`].
    pub fn pay(&mut self, from: &[Bucket], to: Bucket, amount: MicroUsd) -> MicroUsd {
        assert!(!to.is_set_aside(), "money is set aside by opening a hold");
        self.drain(from, to, amount)
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

    /// The last transfer there was.
    #[must_use]
    pub const fn last_transfer(&self) -> TransferId {
        self.last_transfer
    }

    /// What has moved since the last call, in order.
    ///
    /// # Panics
    /// While a chain is open: what it has moved may yet be undone.
    #[must_use]
    pub fn take_transfers(&mut self) -> Vec<Transfer> {
        assert!(self.open.chain.is_none(), "a chain is open");
        std::mem::take(&mut self.transfers)
    }

    /// [`Ledger::pay`], also into an escrow or a bond.
    fn drain(&mut self, from: &[Bucket], to: Bucket, amount: MicroUsd) -> MicroUsd {
        let mut unpaid = amount;
        for bucket in from {
            assert!(!bucket.is_set_aside(), "money set aside for an obligation moves by its hold");
            let part = unpaid.min(self.balance(*bucket)).max(MicroUsd::ZERO);
            let moved = self.shift(*bucket, to, part);
            assert!(moved.is_ok(), "a bucket pays what it holds");
            unpaid -= part;
        }
        unpaid
    }

    /// The one mutator: everything that moves money comes through here.
    fn shift(&mut self, from: Bucket, to: Bucket, amount: MicroUsd) -> Result<(), Insufficient> {
        assert!(MicroUsd::ZERO <= amount, "negative transfer");
        let available = self.balance(from);
        if from != Bucket::Custody && available < amount {
            return Err(Insufficient { bucket: from, shortfall: amount - available });
        }
        if amount == MicroUsd::ZERO {
            return Ok(());
        }

        // From here on nothing can fail.
        self.change(from, -amount);
        self.change(to, amount);
        let id = self.last_transfer.next();
        self.last_transfer = id;
        let chain = self.open.chain.unwrap_or(id);
        let reason = self.reason.unwrap_or_else(|| Reason::between(from, to));
        self.transfers.push(Transfer { id, chain, reason, from, to, amount });
        Ok(())
    }

    fn change(&mut self, bucket: Bucket, by: MicroUsd) {
        let balance = self.balances.entry(bucket).or_default();
        *balance += by;
        if *balance == MicroUsd::ZERO {
            self.balances.remove(&bucket);
        }
    }
}
