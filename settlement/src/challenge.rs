//! One demand for work, from when it was made until it was judged.
//!
//! ```text
//! Challenged --receipt--> Claimed --valid-----------> Passed
//!     |                     | | |---- below grade ----> Failed(BelowGrade)
//!     |                     | +------ invalid --------> Failed(Refuted)
//!     +---- deadline -------|-------------------------> Failed(Silent)
//!                           +-------- unverifiable ---> Unknown
//!                           +-------- deadline -------> Unknown
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Ppm};

use crate::obligation::FailCause;

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
