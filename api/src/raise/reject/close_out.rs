//! Refusals on the way from the last trade to the close.

use exchange::Reject;

use super::{count, elsewhere};
use crate::wire::{ErrorCode, WireError};

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller's table is exhaustive")]
pub(super) fn close_out(reject: &Reject) -> WireError {
    match reject {
        Reject::NoNominations => {
            let reason = "nominations are taken from the last trade until their instant";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        Reject::NothingHeld => {
            let reason = "the account holds nothing of the series";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        Reject::BadNomination => {
            let reason =
                "at most 1024 nodes with names of 1 to 64 bytes, an endpoint of at most 256";
            WireError::param("nodes", reason)
        }
        Reject::NoMatches => {
            let reason = "matches are taken from the last trade until their instant";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        Reject::MatchOutOfRange { limit } => {
            let reason = "more than both sides have left, or nothing";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        Reject::TooManyMatches { limit } => {
            let error = WireError::new(ErrorCode::OtherReject, "the series takes no more matches");
            error.with_limit(count(*limit))
        }
        other => elsewhere(other),
    }
}
