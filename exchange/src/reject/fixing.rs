//! Why a claim against a fixing, or a ruling on one, is refused. In the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::MicroUsd;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FixingReject {
    /// FIX-002: the series has no fixing, or its dispute window has ended.
    NotOpen,
    /// FIX-002: there are so many partitions.
    NoPartition {
        /// How many; the first is 0.
        limit: u64,
    },
    /// FIX-002: a partition has one claim at a time.
    Disputed,
    /// FIX-007: an account has one open claim in a series.
    OneClaim,
    /// FIX-002: what is claimed is a value of the index, and would change something.
    NoChange,
    /// FIX-007: a claim is backed by a bond of free money.
    NoBond {
        /// The bond.
        required: MicroUsd,
        /// What is free.
        available: MicroUsd,
    },
    /// FIX-004: there is no such claim to rule on.
    NotDisputed,
}

impl FixingReject {
    /// The rule that refuses.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NotOpen | Self::NoPartition { .. } | Self::Disputed | Self::NoChange => "FIX-002",
            Self::OneClaim | Self::NoBond { .. } => "FIX-007",
            Self::NotDisputed => "FIX-004",
        }
    }
}
