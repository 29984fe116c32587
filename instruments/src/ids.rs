//! Opaque identities. Every id is issued in the journal's order and never reused.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
        )]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A party that holds money and positions.
    AccountId,
    "A-"
);
id!(
    /// One listed series.
    InstrumentId,
    "I-"
);
id!(
    /// One order, for its whole life.
    OrderId,
    "T-"
);
id!(
    /// One trade: two orders met.
    TradeId,
    "X-"
);
id!(
    /// One seller's duty to one buyer after assignment.
    ObligationId,
    "D-"
);
id!(
    /// A buyer's own work on the hardware of an obligation.
    JobId,
    "J-"
);

/// A command's place in the journal. Gapless, from 1.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    ///
    /// # Panics
    /// After 2^64 commands.
    #[must_use]
    #[expect(clippy::expect_used, reason = "2^64 commands take 500,000 years at 1 M/s")]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("journal sequence exhausted"))
    }
}
