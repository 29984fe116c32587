//! Refusals of what operators have stopped.

use exchange::{ControlReject, TradingState};

use crate::wire::{ErrorCode, WireError};

pub(super) fn control(reject: ControlReject) -> WireError {
    match reject {
        ControlReject::Killed => {
            let reason = "an operator has stopped the account: it can only cancel";
            WireError::new(ErrorCode::LockedByAdmin, reason)
        }
        ControlReject::NotOpen { state, is_venue: true } => {
            let reason = format!("the venue is {}, see public/status", word(state));
            WireError::new(ErrorCode::Maintenance, reason)
        }
        ControlReject::NotOpen { state, is_venue: false } => {
            let reason = format!("the series is {}, see public/status", word(state));
            WireError::new(ErrorCode::BookClosed, reason).of("instrument_name")
        }
        ControlReject::MustRest => {
            let reason = "post_only: for now only limit orders that rest without trading go in";
            WireError::new(ErrorCode::PostOnlyReject, reason)
        }
    }
}

/// A trading state on the wire.
pub(crate) const fn word(state: TradingState) -> &'static str {
    match state {
        TradingState::Open => "open",
        TradingState::PostOnly => "post_only",
        TradingState::CancelOnly => "cancel_only",
        TradingState::Halted => "halted",
    }
}
