//! One demand for work, from when it was made until it was judged.
//!
//! ```text
//! Challenged --receipt--> Claimed --valid-----------> Passed
//!     |                     | | |---- below grade ----> Failed(BelowGrade)
//!     |                     | +------ invalid --------> Failed(Refuted)
//!     +---- deadline -------|-------------------------> Failed(Silent)
//!                           +-------- unverifiable ---> Unknown
//!                           +-------- deadline -------> Unknown   (void leads there from both)
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Ppm};

use crate::obligation::{FailCause, Verdict};

/// From here work counts in full.
pub(crate) const QUALITY_FULL: Ppm = Ppm::new(970_000);
/// Below this it does not count at all.
pub(crate) const QUALITY_FLOOR: Ppm = Ppm::new(900_000);

/// Where a challenge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ChallengeState {
    /// Work was demanded.
    Challenged {
        /// A receipt must have arrived before this instant.
        answer_by: Nanos,
    },
    /// The work is claimed and waits for its verdict.
    Claimed {
        /// The verdict must have arrived before this instant.
        verdict_by: Nanos,
    },
    /// It is over.
    Ended(ChallengeOutcome),
}

/// How a challenge has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ChallengeOutcome {
    /// The work was done.
    Passed {
        /// How well: [`Ppm::ONE`] or, between floor and full, the quality measured.
        quality: Ppm,
    },
    /// It was not, or too slowly.
    Failed {
        /// Why.
        cause: FailCause,
    },
    /// Nobody could judge it: as if it had never been.
    Unknown,
}

/// What can happen to a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeStep {
    /// The work is claimed.
    Receipt {
        /// The verdict must arrive before this instant.
        verdict_by: Nanos,
    },
    /// The claim is judged.
    Verdict(Verdict),
    /// What was awaited did not come.
    Deadline,
    /// The venue cannot go on with it, through no fault of the seller.
    Void,
}

impl ChallengeState {
    /// When [`ChallengeStep::Deadline`] is due; `None` once it is over.
    #[must_use]
    pub const fn deadline(self) -> Option<Nanos> {
        match self {
            Self::Challenged { answer_by } => Some(answer_by),
            Self::Claimed { verdict_by } => Some(verdict_by),
            Self::Ended(_) => None,
        }
    }

    /// The state after `step`; the table is the whole rule. `None` when it has no such entry.
    #[must_use]
    pub fn after(self, step: ChallengeStep) -> Option<Self> {
        Some(match (self, step) {
            (Self::Challenged { .. }, ChallengeStep::Receipt { verdict_by }) => {
                Self::Claimed { verdict_by }
            }
            (Self::Challenged { .. }, ChallengeStep::Deadline) => {
                Self::Ended(ChallengeOutcome::Failed { cause: FailCause::Silent })
            }
            (Self::Claimed { .. }, ChallengeStep::Verdict(verdict)) => {
                Self::Ended(ChallengeOutcome::of(verdict))
            }
            // Nobody judged: our silence, not the seller's.
            (Self::Claimed { .. }, ChallengeStep::Deadline)
            | (Self::Challenged { .. } | Self::Claimed { .. }, ChallengeStep::Void) => {
                Self::Ended(ChallengeOutcome::Unknown)
            }
            _ => return None,
        })
    }
}

impl ChallengeOutcome {
    /// What a verdict makes of a claim.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid { quality } if quality < QUALITY_FLOOR => {
                Self::Failed { cause: FailCause::BelowGrade }
            }
            Verdict::Valid { quality } if quality < QUALITY_FULL => Self::Passed { quality },
            Verdict::Valid { .. } => Self::Passed { quality: Ppm::ONE },
            Verdict::Invalid => Self::Failed { cause: FailCause::Refuted },
            Verdict::Unverifiable => Self::Unknown,
        }
    }
}
