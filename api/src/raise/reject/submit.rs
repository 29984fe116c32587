//! Commands that got no outcome.

use rust_decimal::Decimal;

use crate::venue::SubmitError;
use crate::wire::{ErrorCode, WireError};

/// A command that got no outcome.
pub(crate) fn submit_error(error: &SubmitError) -> WireError {
    let refused = |code| WireError::new(code, error.to_string());
    match error {
        SubmitError::Overloaded { limit } => {
            refused(ErrorCode::QueueFull).with_limit(Decimal::from(*limit))
        }
        // As long again as it may wait: by then what is there now is done, or it is asked again.
        SubmitError::Late { limit, .. } => {
            let millis = Decimal::from(limit.as_millis());
            refused(ErrorCode::QueueFull).with_limit(millis).with_retry_after(*limit)
        }
        SubmitError::TooLarge { limit, .. } => {
            refused(ErrorCode::InvalidRequest).with_limit(Decimal::from(*limit))
        }
        SubmitError::Stopped => refused(ErrorCode::Maintenance),
        SubmitError::Unknown => WireError::unknown(error.to_string()),
    }
}
