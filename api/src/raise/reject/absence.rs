//! What an account says of its own ids and timers, and cannot.

use exchange::Reject;
use rust_decimal::Decimal;

use super::{count, elsewhere};
use crate::wire::{ErrorCode, WireError};

#[expect(clippy::wildcard_enum_match_arm, reason = "the table of all refusals is exhaustive")]
pub(super) fn absence(reject: &Reject) -> WireError {
    match reject {
        Reject::BadClientOrderId { limit } => {
            let reason = format!("must have 1 to {limit} bytes of visible ASCII");
            WireError::param("client_order_id", reason).with_limit(count(*limit))
        }
        Reject::ClientOrderIdTaken { order } => {
            let reason = format!("the id names {order}, which was asked for in other terms");
            WireError::new(ErrorCode::BadRequest, reason).of("client_order_id")
        }
        Reject::TimeoutOutOfRange { limit } => {
            let millis = limit.nanos().div_euclid(1_000_000);
            let reason = format!("must be 0, or 1000 to {millis} milliseconds");
            WireError::param("timeout", reason).with_limit(Decimal::from(millis))
        }
        other => elsewhere(other),
    }
}
