//! How much a price is worth as evidence: what was delivered, what was leased, what was offered, what was written on a card, what was guessed.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// The hierarchy of inputs, best first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Tier {
    /// A: a trade of ours, or a delivery that was settled.
    Settled,
    /// B: a lease of a provider with receipts.
    Leased,
    /// C: an ask that a buyer could have taken.
    Offered,
    /// D: a rate card, or an ask that follows one.
    RateCard,
    /// E: a judgement. Shown, never counted.
    Judgement,
}

impl Tier {
    /// Whether money changed hands.
    #[must_use]
    pub const fn is_transacted(self) -> bool {
        match self {
            Self::Settled | Self::Leased => true,
            Self::Offered | Self::RateCard | Self::Judgement => false,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "A",
            Self::Leased => "B",
            Self::Offered => "C",
            Self::RateCard => "D",
            Self::Judgement => "E",
        })
    }
}
