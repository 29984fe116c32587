//! Whether both sides have accepted a delivery before it begins.
//!
//! ```text
//! Assigned --seller--> SellerReady --buyer, window ends--> Accepted
//!    |  |                   |                                 ^  ^
//!    |  +--buyer--> BuyerReady --seller----------------------+  |
//!    |                 |    |                                   |
//!    +---window ends---+    +--burn-in failed--> Lapsed --seller+
//! ```
//!
//! The buyer's silence is acceptance. The seller's silence, or a burn-in that failed, is a shortfall from the first hour until the seller
//! accepts after all; it does not end the obligation.

use borsh::{BorshDeserialize, BorshSerialize};

/// Who has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Acceptance {
    /// Nobody yet.
    Assigned,
    /// The seller.
    SellerReady,
    /// The buyer.
    BuyerReady,
    /// Both, or nobody was asked.
    Accepted,
    /// Not the seller, and its time is over.
    Lapsed,
}

/// What can happen to an acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AcceptanceStep {
    /// The seller accepts.
    Seller,
    /// The buyer accepts.
    Buyer,
    /// A verifier found that the burn-in is not what the grade asks for.
    BurnInFailed,
    /// The time for it is over.
    WindowEnds,
}

impl Acceptance {
    /// Where it begins, where anybody is asked and where nobody is.
    #[must_use]
    pub const fn of(is_asked: bool) -> Self {
        if is_asked { Self::Assigned } else { Self::Accepted }
    }

    /// Whether its time is not over.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Assigned | Self::SellerReady | Self::BuyerReady => true,
            Self::Accepted | Self::Lapsed => false,
        }
    }

    /// The state after `step`; the table is the whole rule. `None` when it has no such entry.
    #[must_use]
    pub fn after(self, step: AcceptanceStep) -> Option<Self> {
        Some(match (self, step) {
            (Self::Assigned, AcceptanceStep::Seller) => Self::SellerReady,
            (Self::Assigned, AcceptanceStep::Buyer) => Self::BuyerReady,
            (Self::SellerReady, AcceptanceStep::Buyer | AcceptanceStep::WindowEnds)
            | (Self::BuyerReady | Self::Lapsed, AcceptanceStep::Seller) => Self::Accepted,
            (Self::Assigned | Self::BuyerReady, AcceptanceStep::WindowEnds)
            | (
                Self::Assigned | Self::SellerReady | Self::BuyerReady,
                AcceptanceStep::BurnInFailed,
            ) => Self::Lapsed,
            _ => return None,
        })
    }
}
