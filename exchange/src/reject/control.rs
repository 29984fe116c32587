//! Why what operators have stopped is refused. In the order of the checks.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::command::TradingState;

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ControlReject {
    /// OPS-009: an operator has stopped the account.
    Killed,
    /// OPS-003, OPS-004, OPS-005: the venue or the series does not let this through now.
    NotOpen {
        /// What it lets through.
        state: TradingState,
        /// Whether that is so everywhere, and not in this series alone.
        is_venue: bool,
    },
    /// OPS-002: what goes in now may only rest.
    MustRest,
}

impl ControlReject {
    /// The rule that refuses.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Killed => "OPS-009",
            Self::NotOpen { .. } => "OPS-003",
            Self::MustRest => "OPS-002",
        }
    }
}
