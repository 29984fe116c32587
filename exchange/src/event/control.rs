//! What operators have stopped, and let go on.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::AccountId;

use crate::command::{StateScope, TradingState};

/// Something was stopped, or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ControlEvent {
    /// What is let through is now this.
    TradingStateChanged {
        /// Where.
        scope: StateScope,
        /// What.
        state: TradingState,
    },
    /// An account does nothing new from now on; its orders are cancelled next.
    AccountKilled {
        /// Which.
        account: AccountId,
    },
    /// An account goes on.
    AccountRevived {
        /// Which.
        account: AccountId,
    },
}
