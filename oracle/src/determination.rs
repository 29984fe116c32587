//! From a fixing to a settlement price that stands: provisional, disputed, final.
//!
//! Recomputing a fixing is mechanical: whoever holds the partitions makes the same number again, and there is nothing to argue about. What
//! can be contested is an *input*, one partition at a time, with what it should have been. While a claim is open the value is pending:
//! there is no value then, least of all an older one.
//!
//! Invariants:
//! - the value is the fixing of the partitions as they stand;
//! - a partition has at most one open claim, and what is final never changes.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos};

use crate::fixing::fixing;

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stand {
    /// Claims may still come.
    Provisional,
    /// A claim has not been ruled on.
    Pending,
    /// Nothing changes it any more.
    Final,
}

/// What somebody says a partition should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// Who says so: the caller's number.
    pub claimant: u64,
    /// The right value; none where the index should have been withheld.
    pub value: Option<MicroUsd>,
}

/// Why a claim or a ruling is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The window has ended.
    #[error("the dispute window has ended")]
    Closed,
    /// There are not so many.
    #[error("partition {partition} of {count}")]
    NoPartition {
        /// Which was named, from zero.
        partition: u32,
        /// How many there are.
        count: u32,
    },
    /// Somebody was first.
    #[error("the partition is disputed already")]
    Disputed,
    /// The claim says what is there, or a fixing could not be made with it.
    #[error("the claim would not change the fixing")]
    NoChange,
    /// Nothing to rule on.
    #[error("the partition is not disputed")]
    NotDisputed,
}

/// A fixing on its way to being final.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Determination {
    partitions: Vec<Option<MicroUsd>>,
    value: MicroUsd,
    until: Nanos,
    claims: BTreeMap<u32, Claim>,
    is_final: bool,
}

impl Determination {
    /// A provisional value, open to claims before `until`. `None` when there is no fixing.
    #[must_use]
    pub fn new(partitions: Vec<Option<MicroUsd>>, until: Nanos) -> Option<Self> {
        let value = fixing(&partitions)?;
        Some(Self { partitions, value, until, claims: BTreeMap::new(), is_final: false })
    }

    /// The partitions as they stand, oldest first.
    #[must_use]
    pub fn partitions(&self) -> &[Option<MicroUsd>] {
        &self.partitions
    }

    /// When claims end.
    #[must_use]
    pub const fn until(&self) -> Nanos {
        self.until
    }

    /// The open claims by partition.
    #[must_use]
    pub const fn claims(&self) -> &BTreeMap<u32, Claim> {
        &self.claims
    }

    /// How sure the value is.
    #[must_use]
    pub fn stand(&self) -> Stand {
        if !self.claims.is_empty() {
            Stand::Pending
        } else if self.is_final {
            Stand::Final
        } else {
            Stand::Provisional
        }
    }

    /// The value, unless it is pending.
    #[must_use]
    pub fn value(&self) -> Option<MicroUsd> {
        self.claims.is_empty().then_some(self.value)
    }

    /// What the partitions as they stand come to, pending or not.
    #[must_use]
    pub const fn computed(&self) -> MicroUsd {
        self.value
    }

    /// Looks whether a claim would be taken, and returns what the fixing would be if it were upheld.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn check(
        &self,
        now: Nanos,
        partition: u32,
        value: Option<MicroUsd>,
    ) -> Result<MicroUsd, ClaimError> {
        if self.is_final || self.until <= now {
            return Err(ClaimError::Closed);
        }
        let count = u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        let found = usize::try_from(partition).ok().and_then(|place| self.partitions.get(place));
        let Some(standing) = found else {
            return Err(ClaimError::NoPartition { partition, count });
        };
        if self.claims.contains_key(&partition) {
            return Err(ClaimError::Disputed);
        }
        let corrected = fixing(&self.with(partition, value));
        corrected.filter(|_| *standing != value).ok_or(ClaimError::NoChange)
    }

    /// Opens a claim.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn dispute(&mut self, now: Nanos, partition: u32, claim: Claim) -> Result<(), ClaimError> {
        self.check(now, partition, claim.value)?;
        self.claims.insert(partition, claim);
        Ok(())
    }

    /// Ends a claim. Upheld, the partition becomes what was claimed and the fixing is made anew; a claim that other rulings have left
    /// without effect changes nothing.
    ///
    /// # Errors
    /// [`ClaimError::NotDisputed`].
    pub fn rule(&mut self, partition: u32, is_upheld: bool) -> Result<Claim, ClaimError> {
        let claim = self.claims.remove(&partition).ok_or(ClaimError::NotDisputed)?;
        let partitions = self.with(partition, claim.value);
        if let Some(value) = fixing(&partitions).filter(|_| is_upheld) {
            (self.partitions, self.value) = (partitions, value);
        }
        Ok(claim)
    }

    /// Makes the value final, whether or not claims were ruled on, and returns those that were not.
    pub fn finalise(&mut self) -> Vec<Claim> {
        self.is_final = true;
        std::mem::take(&mut self.claims).into_values().collect()
    }

    fn with(&self, partition: u32, value: Option<MicroUsd>) -> Vec<Option<MicroUsd>> {
        let mut partitions = self.partitions.clone();
        let place = usize::try_from(partition).ok();
        if let Some(standing) = place.and_then(|place| partitions.get_mut(place)) {
            *standing = value;
        }
        partitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Determination {
        let partitions = vec![Some(MicroUsd::new(2_000_000)); 48];
        Determination::new(partitions, Nanos::new(100)).expect("a fixing")
    }

    fn claim(micros: i64) -> Claim {
        Claim { claimant: 7, value: Some(MicroUsd::new(micros)) }
    }

    /// FIX-003: while a claim is open there is no value, not the provisional one and none before it.
    #[test]
    fn fix_003_a_pending_value_is_none() {
        let mut fixing = two();
        let value = Some(MicroUsd::new(2_000_000));
        assert_eq!((fixing.stand(), fixing.value()), (Stand::Provisional, value));
        fixing.dispute(Nanos::new(99), 5, claim(9_000_000)).expect("a claim");
        assert_eq!((fixing.stand(), fixing.value()), (Stand::Pending, None));
        fixing.rule(5, false).expect("a ruling");
        assert_eq!((fixing.stand(), fixing.value()), (Stand::Provisional, value));
        assert_eq!(fixing.finalise(), []);
        assert_eq!((fixing.stand(), fixing.value()), (Stand::Final, value));
    }

    /// FIX-004: five partitions of 48 at 9.00 instead of 2.00: one of them is kept, 2 + 7 / 40 = 2.175.
    #[test]
    fn fix_004_upheld_claims_are_put_in_and_the_fixing_is_made_anew() {
        let mut fixing = two();
        for partition in 0..5 {
            fixing.dispute(Nanos::new(1), partition, claim(9_000_000)).expect("a claim");
        }
        for partition in 0..5 {
            assert_eq!(fixing.value(), None);
            fixing.rule(partition, true).expect("a ruling");
        }
        assert_eq!(fixing.value(), Some(MicroUsd::new(2_175_000)));
        assert_eq!(fixing.rule(0, true), Err(ClaimError::NotDisputed));
    }

    /// FIX-002: too late, beyond the last partition, twice, or without effect.
    #[test]
    fn fix_002_a_claim_comes_in_time_and_says_something() {
        let mut fixing = two();
        let now = Nanos::new(1);
        assert_eq!(fixing.dispute(Nanos::new(100), 0, claim(1)), Err(ClaimError::Closed));
        let beyond = ClaimError::NoPartition { partition: 48, count: 48 };
        assert_eq!(fixing.dispute(now, 48, claim(1)), Err(beyond));
        assert_eq!(fixing.dispute(now, 0, claim(2_000_000)), Err(ClaimError::NoChange));
        fixing.dispute(now, 0, claim(1)).expect("a claim");
        assert_eq!(fixing.dispute(now, 0, claim(2)), Err(ClaimError::Disputed));
        assert_eq!(fixing.finalise(), [claim(1)]);
        assert_eq!(fixing.dispute(now, 1, claim(1)), Err(ClaimError::Closed));
        assert_eq!(fixing.value(), Some(MicroUsd::new(2_000_000)), "as it stood");
    }
}
