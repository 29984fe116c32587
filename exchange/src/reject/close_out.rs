//! Refusals between the last trade of a physical series and its close.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Qty};

/// Why something about a close-out is refused. Within each verb, variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CloseOutReject {
    /// EXPIRY-008: the series takes no nominations now.
    NoNominations,
    /// EXPIRY-009: whoever holds nothing of a series has nothing to say about its delivery.
    NothingHeld,
    /// EXPIRY-010: a nomination has at most 1,024 nodes with names of 1 to 64 bytes, and an endpoint of at most 256.
    BadNomination,
    /// EXPIRY-011: the series takes no reports of matches now.
    NoMatches,
    /// EXPIRY-012: a match is above zero and at most what both sides have left.
    MatchOutOfRange {
        /// The most.
        limit: Qty,
    },
    /// EXPIRY-013: a series takes no more matches.
    TooManyMatches {
        /// How many it takes at most.
        limit: u64,
    },
    /// DELIV-019: only its seller and its buyer have a say in a delivery.
    NotAParty,
    /// DELIV-020: there is nothing to accept, or not now.
    NothingToAccept,
    /// DELIV-028: nothing fails that other hardware could still replace for free.
    NoSubstitution,
    /// DELIV-029: that hardware does not deliver what was sold.
    LowerGrade,
    /// DELIV-033: a standby fee is zero or more, and at most a tenth of the index.
    StandbyFeeOutOfRange {
        /// The highest.
        limit: MicroUsd,
    },
    /// DELIV-034: the standby pool takes no more offers.
    TooManyOffers {
        /// How many it takes at most.
        limit: u64,
    },
    /// METER-010: an obligation has so many challenges in flight at most.
    TooManyChallenges {
        /// How many.
        limit: u64,
    },
    /// METER-012: an outage is declared for whole intervals, one interval ahead at least, and not twice.
    OutageOutOfRange {
        /// The first interval that it can begin with now.
        from: u32,
        /// How many intervals there are.
        limit: u32,
    },
    /// METER-013: so many outages are declared of one obligation at most.
    TooManyOutages {
        /// How many.
        limit: u64,
    },
    /// DELIV-040: there is no invoice that can be disputed now.
    NothingToDispute,
}

impl CloseOutReject {
    /// The rule that refuses, as it stands in the rule book.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::NoNominations => "EXPIRY-008",
            Self::NothingHeld => "EXPIRY-009",
            Self::BadNomination => "EXPIRY-010",
            Self::NoMatches => "EXPIRY-011",
            Self::MatchOutOfRange { .. } => "EXPIRY-012",
            Self::TooManyMatches { .. } => "EXPIRY-013",
            Self::NotAParty => "DELIV-019",
            Self::NothingToAccept => "DELIV-020",
            Self::NoSubstitution => "DELIV-028",
            Self::LowerGrade => "DELIV-029",
            Self::StandbyFeeOutOfRange { .. } => "DELIV-033",
            Self::TooManyOffers { .. } => "DELIV-034",
            Self::TooManyChallenges { .. } => "METER-010",
            Self::OutageOutOfRange { .. } => "METER-012",
            Self::TooManyOutages { .. } => "METER-013",
            Self::NothingToDispute => "DELIV-040",
        }
    }
}
