//! Why what a market maker asks is refused, in the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Qty};

/// Why what a market maker asks is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum QuoteReject {
    /// QUOTE-001: a mass quote has at least one entry, and so many at most.
    QuotesOutOfRange {
        /// The most.
        limit: u64,
    },
    /// QUOTE-002: a quote's own words are bounded.
    WordTooLong {
        /// The most bytes.
        limit: u64,
    },
    /// QUOTE-003: nobody quotes without protection.
    UnknownGroup,
    /// QUOTE-004: a group that was pulled is away.
    GroupFrozen {
        /// Until when; absent, until it is reset.
        until: Option<Nanos>,
    },
    /// QUOTE-005: a group is of one grade.
    OtherGrade,
    /// QUOTE-006: a group has quotes in so many series at most.
    GroupFull {
        /// The most.
        limit: u64,
    },
    /// QUOTE-007: a quote that crosses itself.
    QuoteCrossed,
    /// QUOTE-008: a quote has at most what its group's protection allows.
    AboveQuoteMax {
        /// The most.
        limit: Qty,
    },
    /// QUOTE-009: what waits for a price is no member of a group.
    MemberWaits,
    /// QUOTE-010: a group's name has 1 to 64 bytes.
    BadGroupName {
        /// The most bytes.
        limit: u64,
    },
    /// QUOTE-011: protection has a window, a limit, and times of an hour at most.
    BadTerms,
    /// QUOTE-012: the largest quote is at least a lot and no more than a position may be.
    QuoteMaxOutOfRange {
        /// The most.
        limit: Qty,
    },
    /// QUOTE-013: an account has so many groups at most.
    TooManyGroups {
        /// The most.
        limit: u64,
    },
}

impl QuoteReject {
    /// The rule that refuses.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::QuotesOutOfRange { .. } => "QUOTE-001",
            Self::WordTooLong { .. } => "QUOTE-002",
            Self::UnknownGroup => "QUOTE-003",
            Self::GroupFrozen { .. } => "QUOTE-004",
            Self::OtherGrade => "QUOTE-005",
            Self::GroupFull { .. } => "QUOTE-006",
            Self::QuoteCrossed => "QUOTE-007",
            Self::AboveQuoteMax { .. } => "QUOTE-008",
            Self::MemberWaits => "QUOTE-009",
            Self::BadGroupName { .. } => "QUOTE-010",
            Self::BadTerms => "QUOTE-011",
            Self::QuoteMaxOutOfRange { .. } => "QUOTE-012",
            Self::TooManyGroups { .. } => "QUOTE-013",
        }
    }
}
