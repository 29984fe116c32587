//! Why the exchange refuses what concerns accounts that have too little. Within each verb, variants stand in the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, Qty};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum DefaultReject {
    /// LIQ-003: an account that is being liquidated may only make its positions smaller.
    InLiquidation {
        /// The most lots that its orders of this side may have together.
        limit: Qty,
    },
    /// LIQ-020: the terms of defaults are rates within a half and spans within a year.
    BadDefaultTerms,
    /// LIQ-021: what goes into a share is free money above zero, and what comes out of it at most all of it.
    ShareOutOfRange {
        /// The most.
        limit: MicroUsd,
    },
    /// LIQ-022: a share stays while its account holds a position, or is owed for one.
    ShareAtRisk,
    /// LIQ-023: a contribution stays for the time of notice.
    NoticeRunning {
        /// Until when.
        until: Nanos,
    },
    /// LIQ-024: a capacity, and what is asked, is within what one account may have.
    CapacityOutOfRange {
        /// The most.
        limit: MicroUsd,
    },
    /// LIQ-025: the venue has as many backstop bidders as it may have.
    TooManyBackstops {
        /// The most.
        limit: u64,
    },
    /// LIQ-026: no such auction is under way.
    UnknownBackstop,
    /// LIQ-027: only a registered backstop bids, and not for its own portfolio.
    NotABackstop,
    /// LIQ-028: the portfolio is larger than the bidder takes over.
    BeyondCapacity {
        /// The largest notional that it takes over.
        limit: MicroUsd,
    },
}

impl DefaultReject {
    /// The rule that refuses, as it stands in the rule book.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::InLiquidation { .. } => "LIQ-003",
            Self::BadDefaultTerms => "LIQ-020",
            Self::ShareOutOfRange { .. } => "LIQ-021",
            Self::ShareAtRisk => "LIQ-022",
            Self::NoticeRunning { .. } => "LIQ-023",
            Self::CapacityOutOfRange { .. } => "LIQ-024",
            Self::TooManyBackstops { .. } => "LIQ-025",
            Self::UnknownBackstop => "LIQ-026",
            Self::NotABackstop => "LIQ-027",
            Self::BeyondCapacity { .. } => "LIQ-028",
        }
    }
}
