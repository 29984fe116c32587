//! Commit first, reveal an epoch later: who copies what others say is an epoch too late.
//!
//! ```text
//! epoch e       commit(series, e + 1, hash)       one for each series
//! epoch e + 1   reveal(series, e + 1, hash)       must be the same hash
//! epoch e + 2   advance: what was not revealed is counted and forgotten
//! ```
//!
//! Invariants: a hash is revealed at most once, in its own epoch; everything that is refused after a commitment is counted for its provider.
//! Hashes are made elsewhere.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

use crate::statement::{Address, StatementSeries};

/// What waits to be revealed, and what became of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Commitments {
    epoch: u64,
    waiting: BTreeMap<(u64, StatementSeries), [u8; 32]>,
    counts: BTreeMap<Address, CommitmentCounts>,
}

/// What a provider did with its commitments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitmentCounts {
    /// Revealed in time, as committed.
    pub revealed: u64,
    /// Never revealed.
    pub unrevealed: u64,
    /// Revealed after its epoch.
    pub late: u64,
    /// Revealed as something else.
    pub changed: u64,
}

/// Why a commitment or its reveal is refused. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommitmentError {
    /// Not a commitment to the epoch that comes next.
    #[error("commitment to epoch {epoch}, the next is {next}")]
    NotNext {
        /// What was sent.
        epoch: u64,
        /// What is taken.
        next: u64,
    },
    /// The series has another commitment for that epoch.
    #[error("epoch {epoch} of this series has another commitment")]
    Twice {
        /// Of which epoch.
        epoch: u64,
    },
    /// The provider has commitments for too many series.
    #[error(
        "provider {provider} has {} commitments for one epoch, the limit",
        Commitments::SERIES_MAX
    )]
    TooMany {
        /// Whose.
        provider: Address,
    },
    /// The epoch of the reveal is over.
    #[error("reveal of epoch {epoch} in epoch {now}: too late")]
    Late {
        /// What was sent.
        epoch: u64,
        /// What it is now.
        now: u64,
    },
    /// The epoch of the reveal has not begun.
    #[error("reveal of epoch {epoch} in epoch {now}: too early")]
    Early {
        /// What was sent.
        epoch: u64,
        /// What it is now.
        now: u64,
    },
    /// Nothing was committed, or it was revealed already.
    #[error("epoch {epoch} of this series has no commitment that waits")]
    NotCommitted {
        /// Of which epoch.
        epoch: u64,
    },
    /// Something else was committed.
    #[error("what is revealed for epoch {epoch} is not what was committed")]
    Changed {
        /// Of which epoch.
        epoch: u64,
    },
}

impl Commitments {
    /// The most series of one provider in one epoch.
    pub const SERIES_MAX: usize = 64;

    /// An epoch begins. What should have been revealed before is counted and forgotten. An epoch that is over changes nothing.
    pub fn advance(&mut self, epoch: u64) {
        if epoch <= self.epoch {
            return;
        }
        self.epoch = epoch;
        let still = self.waiting.split_off(&(epoch, StatementSeries::FIRST));
        let over = std::mem::replace(&mut self.waiting, still);
        for (_, series) in over.into_keys() {
            self.count(series.provider, |counts| &mut counts.unrevealed);
        }
    }

    /// Takes a commitment to the next epoch. The same one twice is one.
    ///
    /// # Errors
    /// [`CommitmentError`]; nothing has changed then.
    pub fn commit(
        &mut self,
        series: StatementSeries,
        epoch: u64,
        hash: [u8; 32],
    ) -> Result<(), CommitmentError> {
        let next = self.epoch.saturating_add(1);
        if epoch != next {
            return Err(CommitmentError::NotNext { epoch, next });
        }
        match self.waiting.get(&(epoch, series)) {
            Some(before) if *before == hash => return Ok(()),
            Some(_) => return Err(CommitmentError::Twice { epoch }),
            None => {}
        }
        let provider = series.provider;
        let (first, last) = StatementSeries::bounds(provider);
        if Self::SERIES_MAX <= self.waiting.range((epoch, first)..=(epoch, last)).count() {
            return Err(CommitmentError::TooMany { provider });
        }

        // From here on nothing can fail.
        self.waiting.insert((epoch, series), hash);
        Ok(())
    }

    /// Takes a reveal in its epoch. What was changed is gone: a second try would be a choice.
    ///
    /// # Errors
    /// [`CommitmentError`]; the refusal has been counted then, if something was committed or it came late.
    pub fn reveal(
        &mut self,
        series: StatementSeries,
        epoch: u64,
        hash: [u8; 32],
    ) -> Result<(), CommitmentError> {
        let now = self.epoch;
        if epoch < now {
            self.count(series.provider, |counts| &mut counts.late);
            return Err(CommitmentError::Late { epoch, now });
        }
        if now < epoch {
            return Err(CommitmentError::Early { epoch, now });
        }
        let Some(committed) = self.waiting.remove(&(epoch, series)) else {
            return Err(CommitmentError::NotCommitted { epoch });
        };
        if committed != hash {
            self.count(series.provider, |counts| &mut counts.changed);
            return Err(CommitmentError::Changed { epoch });
        }
        self.count(series.provider, |counts| &mut counts.revealed);
        Ok(())
    }

    /// What a provider did with its commitments.
    #[must_use]
    pub fn counts(&self, provider: &Address) -> CommitmentCounts {
        self.counts.get(provider).copied().unwrap_or_default()
    }

    /// The caller lets only registered providers in, which bounds the map.
    fn count(&mut self, provider: Address, which: fn(&mut CommitmentCounts) -> &mut u64) {
        let count = which(self.counts.entry(provider).or_default());
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: Address = Address([7; 20]);

    fn series(class: u32) -> StatementSeries {
        StatementSeries { provider: PROVIDER, class, region: 0 }
    }

    /// REPORT-006: committed one epoch ahead, revealed once, as committed.
    #[test]
    fn report_006_a_reveal_is_what_was_committed_an_epoch_before() {
        let mut commitments = Commitments::default();
        commitments.advance(10);
        assert_eq!(commitments.commit(series(1), 11, [1; 32]), Ok(()));
        assert_eq!(commitments.commit(series(1), 11, [1; 32]), Ok(()));
        let refused = commitments.commit(series(1), 11, [2; 32]);
        assert_eq!(refused, Err(CommitmentError::Twice { epoch: 11 }));
        for epoch in [9, 10, 12] {
            let refused = commitments.commit(series(1), epoch, [1; 32]);
            assert_eq!(refused, Err(CommitmentError::NotNext { epoch, next: 11 }));
        }
        let early = commitments.reveal(series(1), 11, [1; 32]);
        assert_eq!(early, Err(CommitmentError::Early { epoch: 11, now: 10 }));

        commitments.advance(11);
        assert_eq!(commitments.reveal(series(1), 11, [1; 32]), Ok(()));
        for series in [series(1), series(2)] {
            let refused = commitments.reveal(series, 11, [1; 32]);
            assert_eq!(refused, Err(CommitmentError::NotCommitted { epoch: 11 }));
        }
        let counts = CommitmentCounts { revealed: 1, ..CommitmentCounts::default() };
        assert_eq!(commitments.counts(&PROVIDER), counts);
    }

    /// REPORT-007: what is late, changed or missing is counted.
    #[test]
    fn report_007_late_changed_and_missing_reveals_are_counted() {
        let mut commitments = Commitments::default();
        for class in 1..=3 {
            commitments.commit(series(class), 1, [1; 32]).expect("the next epoch");
        }
        commitments.advance(1);
        let changed = commitments.reveal(series(1), 1, [2; 32]);
        assert_eq!(changed, Err(CommitmentError::Changed { epoch: 1 }));
        let again = commitments.reveal(series(1), 1, [1; 32]);
        assert_eq!(again, Err(CommitmentError::NotCommitted { epoch: 1 }));

        commitments.advance(2);
        let late = commitments.reveal(series(2), 1, [1; 32]);
        assert_eq!(late, Err(CommitmentError::Late { epoch: 1, now: 2 }));
        let counts = CommitmentCounts { revealed: 0, unrevealed: 2, late: 1, changed: 1 };
        assert_eq!(commitments.counts(&PROVIDER), counts);
        commitments.advance(1);
        assert_eq!(commitments.counts(&PROVIDER), counts);
    }

    #[test]
    fn a_provider_has_at_most_64_commitments_an_epoch() {
        let mut commitments = Commitments::default();
        let mut commit = |class| commitments.commit(series(class), 1, [1; 32]);
        assert!((0..64).all(|class| commit(class).is_ok()));
        assert_eq!(commit(64), Err(CommitmentError::TooMany { provider: PROVIDER }));
        let other = StatementSeries { provider: Address([8; 20]), ..series(64) };
        assert_eq!(commitments.commit(other, 1, [1; 32]), Ok(()));
    }
}
