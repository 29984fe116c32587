//! Refusals on the way from the last trade to the close.

use exchange::CloseOutReject;

use super::count;
use crate::wire::{ErrorCode, WireError};

pub(super) fn close_out(reject: CloseOutReject) -> WireError {
    match reject {
        CloseOutReject::NoNominations => {
            let reason = "nominations are taken from the last trade until their instant";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        CloseOutReject::NothingHeld => {
            let reason = "the account holds nothing of the series";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        CloseOutReject::BadNomination => {
            let reason =
                "at most 1024 nodes with names of 1 to 64 bytes, an endpoint of at most 256";
            WireError::param("nodes", reason)
        }
        CloseOutReject::NoMatches => {
            let reason = "matches are taken from the last trade until their instant";
            WireError::new(ErrorCode::BadRequest, reason).of("instrument_name")
        }
        CloseOutReject::MatchOutOfRange { limit } => {
            let reason = "more than both sides have left, or nothing";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(limit)
        }
        CloseOutReject::TooManyMatches { limit } => {
            let error = WireError::new(ErrorCode::OtherReject, "the series takes no more matches");
            error.with_limit(count(limit))
        }
        CloseOutReject::NotAParty => {
            let reason = "the account is neither the seller nor the buyer";
            WireError::new(ErrorCode::Forbidden, reason).of("obligation_id")
        }
        CloseOutReject::NothingToAccept => {
            let reason = "nothing to accept, or not now";
            WireError::new(ErrorCode::BadRequest, reason).of("obligation_id")
        }
        CloseOutReject::NoSubstitution => {
            let reason = "nothing fails that other hardware could still replace";
            WireError::new(ErrorCode::BadRequest, reason).of("obligation_id")
        }
        CloseOutReject::LowerGrade => {
            let reason = "that hardware does not deliver what was sold";
            WireError::new(ErrorCode::BadRequest, reason).of("grade")
        }
        CloseOutReject::StandbyFeeOutOfRange { limit } => {
            let reason = "a fee must be zero or more and at most a tenth of the index";
            WireError::new(ErrorCode::InvalidAmount, reason).of("fee").with_limit(limit)
        }
        CloseOutReject::TooManyOffers { limit } => {
            let reason = "the standby pool takes no more offers";
            WireError::new(ErrorCode::OtherReject, reason).with_limit(count(limit))
        }
        CloseOutReject::TooManyChallenges { limit } => {
            let reason = "the obligation has as many challenges in flight as it may have";
            WireError::new(ErrorCode::OtherReject, reason).with_limit(count(limit))
        }
        CloseOutReject::OutageOutOfRange { from, limit } => {
            let reason =
                format!("whole intervals from {from} on until {limit} at most, none of them twice");
            WireError::param("from", reason).with_limit(count(limit.into()))
        }
        CloseOutReject::TooManyOutages { limit } => {
            let reason = "no more outages can be declared of the obligation";
            WireError::new(ErrorCode::OtherReject, reason).with_limit(count(limit))
        }
        CloseOutReject::NothingToDispute => {
            let reason = "no invoice can be disputed now";
            WireError::new(ErrorCode::BadRequest, reason).of("obligation_id")
        }
    }
}
