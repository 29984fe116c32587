//! What the delivery desk does not take.

use rust_decimal::Decimal;

use crate::venue::{OpeningsError, RootsError};
use crate::wire::{ErrorCode, WireError};

/// Openings that are not carried to the verifiers.
pub(crate) fn openings_error(error: &OpeningsError) -> WireError {
    let reason = error.to_string();
    match error {
        OpeningsError::TooLarge { limit, .. } => {
            WireError::param("openings", reason).with_limit(Decimal::from(*limit))
        }
        OpeningsError::NotTheSeller { .. } => {
            WireError::new(ErrorCode::Forbidden, reason).of("obligation_id")
        }
        OpeningsError::NotDrawn { .. } | OpeningsError::Opened { .. } => {
            WireError::new(ErrorCode::BadRequest, reason).of("challenge")
        }
        OpeningsError::Overloaded { limit } => {
            WireError::new(ErrorCode::QueueFull, reason).with_limit(Decimal::from(*limit))
        }
    }
}

/// Roots that are not taken in.
pub(crate) fn roots_error(error: &RootsError) -> WireError {
    let reason = error.to_string();
    match error {
        RootsError::NotTheSeller { .. } => {
            WireError::new(ErrorCode::Forbidden, reason).of("obligation_id")
        }
        RootsError::NotOpen { .. } => WireError::new(ErrorCode::BadRequest, reason).of("challenge"),
        RootsError::NoSuchSlot { limit, .. } => {
            WireError::param("slot", reason).with_limit(Decimal::from(*limit))
        }
        RootsError::WrongCount { limit, .. } => {
            WireError::param("roots", reason).with_limit(Decimal::from(*limit))
        }
        RootsError::TooMany { limit, .. } => {
            WireError::param("roots", reason).with_limit(Decimal::from(*limit))
        }
        RootsError::OutOfOrder { limit, .. } => {
            WireError::param("first_segment", reason).with_limit(Decimal::from(*limit))
        }
        RootsError::TooOften { limit } => {
            WireError::new(ErrorCode::TooManyRequests, reason).with_limit(Decimal::from(*limit))
        }
        RootsError::Changed { .. } => WireError::param("roots", reason),
    }
}
