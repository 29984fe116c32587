//! Two-phase holds: money is set aside under a key, then paid out in parts or given back.
//!
//! ```text
//! hold --> open --top_up, post--> open --void--> gone        an obligation's hold: opened once
//!           set_holds moves an account's own holds to whatever they must be; they are always open
//! ```
//!
//! Invariants:
//! - a bucket of holds is the sum of its open holds: an account's own hold is alone in its bucket, an obligation's are listed;
//! - a hold that is gone pays nothing and is not given back again.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, JobId, MicroUsd, ObligationId};
use thiserror::Error;

use super::Ledger;
use super::bucket::Bucket;
use super::transfer::{Insufficient, Reason};

/// What money is held for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum HoldKey {
    /// All open orders of an account.
    Orders(AccountId),
    /// All positions of an account.
    Positions(AccountId),
    /// All quotes of an account.
    Quotes(AccountId),
    /// What a buyer has set aside for an obligation.
    Escrow(ObligationId, AccountId),
    /// What a seller has set aside for an obligation.
    Bond(ObligationId, AccountId),
    /// What backs an account's claim against a series' fixing.
    Claim(InstrumentId, AccountId),
    /// What backs a buyer's doubt about a job's result.
    Stake(JobId, AccountId),
}

impl HoldKey {
    /// Where the money is.
    #[must_use]
    pub const fn bucket(self) -> Bucket {
        match self {
            Self::Orders(account) => Bucket::OrderHold(account),
            Self::Positions(account) => Bucket::PositionMargin(account),
            Self::Quotes(account) => Bucket::QuoteHold(account),
            Self::Escrow(_, account) => Bucket::DeliveryEscrow(account),
            Self::Bond(_, account) | Self::Claim(_, account) | Self::Stake(_, account) => {
                Bucket::Bond(account)
            }
        }
    }

    /// Whose money it is.
    #[must_use]
    pub const fn account(self) -> AccountId {
        match self {
            Self::Orders(account)
            | Self::Positions(account)
            | Self::Quotes(account)
            | Self::Escrow(_, account)
            | Self::Bond(_, account)
            | Self::Claim(_, account)
            | Self::Stake(_, account) => account,
        }
    }

    const fn reason(self) -> Reason {
        match self {
            Self::Orders(_) => Reason::OrderHold,
            Self::Positions(_) => Reason::PositionMargin,
            Self::Quotes(_) => Reason::QuoteHold,
            Self::Escrow(..) => Reason::DeliveryEscrow,
            Self::Bond(..) | Self::Claim(..) | Self::Stake(..) => Reason::Bond,
        }
    }

    const fn is_of_obligation(self) -> bool {
        self.bucket().is_set_aside()
    }
}

/// Why a hold stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HoldError {
    /// It is open already.
    #[error("{0:?} is held already")]
    Open(HoldKey),
    /// It was never opened, or is gone.
    #[error("{0:?} is not held")]
    NotOpen(HoldKey),
    /// It holds less than was asked of it.
    #[error(transparent)]
    Insufficient(#[from] Insufficient),
}

impl Ledger {
    /// What a hold holds; zero when it is not open.
    #[must_use]
    pub fn held(&self, key: HoldKey) -> MicroUsd {
        if key.is_of_obligation() {
            return self.holds.get(&key).copied().unwrap_or(MicroUsd::ZERO);
        }
        self.balance(key.bucket())
    }

    /// Every open hold of an obligation.
    pub fn obligation_holds(&self) -> impl Iterator<Item = (HoldKey, MicroUsd)> + '_ {
        self.holds.iter().map(|(key, held)| (*key, *held))
    }

    /// Opens a hold of an obligation with as much of `amount` as the buckets hold, drained in their order. Returns what they lack.
    ///
    /// # Errors
    /// [`HoldError::Open`] when it is open, as an account's own holds always are.
    pub fn hold(
        &mut self,
        key: HoldKey,
        from: &[Bucket],
        amount: MicroUsd,
    ) -> Result<MicroUsd, HoldError> {
        if !key.is_of_obligation() || self.holds.contains_key(&key) {
            return Err(HoldError::Open(key));
        }

        // From here on nothing can fail.
        let lack = self.because(key.reason()).drain(from, key.bucket(), amount);
        self.note_hold(key);
        self.holds.insert(key, amount - lack);
        Ok(lack)
    }

    /// Adds to an open hold of an obligation as much of `amount` as the buckets hold, drained in their order. Returns what they lack.
    ///
    /// # Errors
    /// [`HoldError::NotOpen`] when it is gone, and for an account's own holds, which [`Ledger::set_holds`] moves.
    pub fn top_up(
        &mut self,
        key: HoldKey,
        from: &[Bucket],
        amount: MicroUsd,
    ) -> Result<MicroUsd, HoldError> {
        let held = *self.holds.get(&key).ok_or(HoldError::NotOpen(key))?;

        // From here on nothing can fail.
        let lack = self.because(key.reason()).drain(from, key.bucket(), amount);
        self.note_hold(key);
        self.holds.insert(key, held + amount - lack);
        Ok(lack)
    }

    /// Pays a part of a hold, or all of it, to anyone.
    ///
    /// # Errors
    /// [`HoldError::NotOpen`] when it is gone, [`HoldError::Insufficient`] when it holds less; nothing has changed then.
    pub fn post(&mut self, key: HoldKey, to: Bucket, amount: MicroUsd) -> Result<(), HoldError> {
        if !key.is_of_obligation() {
            return Ok(self.transfer(key.bucket(), to, amount)?);
        }
        assert!(!to.is_set_aside(), "money is set aside by opening a hold");
        let held = *self.holds.get(&key).ok_or(HoldError::NotOpen(key))?;
        if held < amount {
            return Err(Insufficient { bucket: key.bucket(), shortfall: amount - held }.into());
        }

        // From here on nothing can fail.
        let moved = self.shift(key.bucket(), to, amount);
        assert!(moved.is_ok(), "a bucket is the sum of its open holds");
        self.note_hold(key);
        self.holds.insert(key, held - amount);
        Ok(())
    }

    /// Gives what is left of a hold back to its account's cash, and returns how much that was. An obligation's hold is gone then.
    ///
    /// # Errors
    /// [`HoldError::NotOpen`] when it is gone.
    pub fn void(&mut self, key: HoldKey) -> Result<MicroUsd, HoldError> {
        let held = if key.is_of_obligation() {
            *self.holds.get(&key).ok_or(HoldError::NotOpen(key))?
        } else {
            self.held(key)
        };

        // From here on nothing can fail.
        let cash = Bucket::Cash(key.account());
        let moved = self.because(key.reason()).shift(key.bucket(), cash, held);
        assert!(moved.is_ok(), "a bucket is the sum of its open holds");
        if key.is_of_obligation() {
            self.note_hold(key);
            self.holds.remove(&key);
        }
        Ok(held)
    }

    /// Brings one of an account's own holds to `target`, as far as its cash goes. Returns what that lacks.
    pub fn set_hold(&mut self, key: HoldKey, target: MicroUsd) -> MicroUsd {
        self.set_holds(&[(key, target)])
    }

    /// Brings several of an account's own holds to their targets, as far as its cash goes: what one of them gives back, another may take.
    /// The first is served first. Returns what they lack together.
    ///
    /// # Panics
    /// On a hold of an obligation, whose size is what was agreed, and on a negative target.
    pub fn set_holds(&mut self, targets: &[(HoldKey, MicroUsd)]) -> MicroUsd {
        for (key, target) in targets {
            assert!(!key.is_of_obligation(), "an obligation's hold is topped up, not resized");
            assert!(MicroUsd::ZERO <= *target, "a negative hold");
            let excess = (self.held(*key) - *target).max(MicroUsd::ZERO);
            let cash = Bucket::Cash(key.account());
            let moved = self.because(key.reason()).transfer(key.bucket(), cash, excess);
            assert!(moved.is_ok(), "a hold releases what it has");
        }
        let mut lack = MicroUsd::ZERO;
        for (key, target) in targets {
            let wanted = (*target - self.held(*key)).max(MicroUsd::ZERO);
            let cash = Bucket::Cash(key.account());
            lack += self.because(key.reason()).pay(&[cash], key.bucket(), wanted);
        }
        lack
    }
}
