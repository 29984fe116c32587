//! Why something about a buyer's job is refused. Within each verb, in the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GpuSeconds, MicroUsd};

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobReject {
    /// DISPUTE-001: terms that make no sense.
    BadTerms,
    /// DISPUTE-001: only the buyer of an obligation has jobs on it.
    NotTheBuyer,
    /// DISPUTE-001: the obligation is not being delivered now.
    NotDelivering,
    /// DISPUTE-002: a job has a step at least, a stride within its steps, and so many checkpoints at most.
    CheckpointsOutOfRange {
        /// The most.
        limit: u64,
    },
    /// DISPUTE-002: a job takes a GPU-second at least, and at most what the obligation has in all.
    ComputeOutOfRange {
        /// The most.
        limit: GpuSeconds,
    },
    /// DISPUTE-001: an obligation has so many jobs at a time.
    TooManyJobs {
        /// The most.
        limit: u64,
    },
    /// DISPUTE-003: no such job, or it was forgotten after its end.
    UnknownJob,
    /// DISPUTE-003, 006: the account is neither the one who runs the job nor its buyer, or it is the other's turn.
    NotYourTurn,
    /// DISPUTE-003, 004, 005, 006: the job is not at this step, or the time for it has passed.
    WrongStep,
    /// DISPUTE-003: a result names a root for every stride.
    WrongCheckpoints {
        /// How many there are.
        expected: u64,
    },
    /// DISPUTE-003, 005: a replay costs at most what the job is worth.
    ReplayCostOutOfRange {
        /// What it is worth.
        limit: MicroUsd,
    },
    /// DISPUTE-005: only what is exact to the last bit is disputed.
    NotExact,
    /// DISPUTE-005: a dispute is backed by free money.
    NoStake {
        /// The stake.
        required: MicroUsd,
        /// What is free.
        available: MicroUsd,
    },
}

impl JobReject {
    /// The rule that refuses.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::BadTerms | Self::NotTheBuyer | Self::NotDelivering | Self::TooManyJobs { .. } => {
                "DISPUTE-001"
            }
            Self::CheckpointsOutOfRange { .. } | Self::ComputeOutOfRange { .. } => "DISPUTE-002",
            Self::UnknownJob
            | Self::NotYourTurn
            | Self::WrongStep
            | Self::WrongCheckpoints { .. }
            | Self::ReplayCostOutOfRange { .. } => "DISPUTE-003",
            Self::NotExact | Self::NoStake { .. } => "DISPUTE-005",
        }
    }
}
