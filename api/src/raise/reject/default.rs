//! Refusals around the default fund, liquidation and its auctions.

use exchange::DefaultReject;

use super::count;
use crate::wire::{ErrorCode, Number, WireError};

/// What concerns the default fund, liquidation and its auctions.
pub(super) fn default(reject: &DefaultReject) -> WireError {
    let invalid = |message: &str| WireError::new(ErrorCode::InvalidParams, message);
    let other = |message: &str| WireError::new(ErrorCode::OtherReject, message);
    match reject {
        DefaultReject::InLiquidation { limit } => {
            let error = other("the account is being liquidated and may only close positions");
            error.with_limit(count(limit.lots()))
        }
        DefaultReject::BadDefaultTerms => invalid("these are no terms for defaults"),
        DefaultReject::ShareOutOfRange { limit } => {
            let reason = "a share takes free money, and gives back what is in it";
            let error = WireError::new(ErrorCode::InvalidAmount, reason);
            error.of("amount").with_limit(Number::from(*limit))
        }
        DefaultReject::ShareAtRisk => other("a share stays while its account holds a position"),
        DefaultReject::NoticeRunning { until } => {
            let error = other("a contribution stays for the time of notice");
            error.with_limit(count(until.nanos().div_euclid(1_000_000)))
        }
        DefaultReject::CapacityOutOfRange { limit } => {
            let reason = "beyond what one account may have";
            let error = WireError::new(ErrorCode::InvalidAmount, reason);
            error.of("amount").with_limit(Number::from(*limit))
        }
        DefaultReject::TooManyBackstops { limit } => {
            other("the venue has no room for another backstop").with_limit(count(*limit))
        }
        DefaultReject::UnknownBackstop => {
            let reason = "no such auction is under way";
            WireError::new(ErrorCode::NotFound, reason).of("auction_id")
        }
        DefaultReject::NotABackstop => {
            let reason = "only a registered backstop bids, and not for its own portfolio";
            WireError::new(ErrorCode::Forbidden, reason).of("auction_id")
        }
        DefaultReject::BeyondCapacity { limit } => {
            let error = other("the portfolio is larger than the bidder takes over");
            error.of("auction_id").with_limit(Number::from(*limit))
        }
    }
}
