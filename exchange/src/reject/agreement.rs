//! Why what was agreed elsewhere is refused, in the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Nanos, Price, Qty};

/// Why what was agreed elsewhere is refused.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AgreementReject {
    /// BLOCK-001: nobody agrees with itself.
    SameParty,
    /// BLOCK-002: one of the two brings what they agreed.
    NotAParty,
    /// BLOCK-003: an agreement is valid for a day at most, and not any more at its end.
    OutOfTime {
        /// The latest end.
        limit: Nanos,
    },
    /// BLOCK-004: an agreement is taken once.
    Taken,
    /// BLOCK-005: each party has signed with the key it registered.
    NotSigned {
        /// Who has not.
        party: AccountId,
    },
    /// BLOCK-006: so many agreements of a day are remembered.
    TooMany {
        /// The most.
        limit: u64,
    },
    /// BLOCK-007: a block has 1 to 8 legs, each in a series of its own.
    LegsOutOfRange {
        /// The most.
        limit: u64,
    },
    /// BLOCK-008: the series takes no blocks, or no futures for a reservation.
    NoBlocks,
    /// BLOCK-009: a block has a least size.
    BelowSize {
        /// The least.
        limit: Qty,
    },
    /// BLOCK-010: a block's price lies within its band around the mark.
    BeyondBand {
        /// The nearest that is possible.
        limit: Price,
    },
    /// BLOCK-016: an obligation is released by its seller and its buyer.
    NotTheParties,
    /// BLOCK-017: an obligation is released before its delivery begins.
    DeliveryBegun,
}

impl AgreementReject {
    /// The rule that refuses.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::SameParty => "BLOCK-001",
            Self::NotAParty => "BLOCK-002",
            Self::OutOfTime { .. } => "BLOCK-003",
            Self::Taken => "BLOCK-004",
            Self::NotSigned { .. } => "BLOCK-005",
            Self::TooMany { .. } => "BLOCK-006",
            Self::LegsOutOfRange { .. } => "BLOCK-007",
            Self::NoBlocks => "BLOCK-008",
            Self::BelowSize { .. } => "BLOCK-009",
            Self::BeyondBand { .. } => "BLOCK-010",
            Self::NotTheParties => "BLOCK-016",
            Self::DeliveryBegun => "BLOCK-017",
        }
    }
}
