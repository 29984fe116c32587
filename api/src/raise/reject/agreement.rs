//! Refusals of what was agreed elsewhere.

use exchange::AgreementReject;
use instruments::Instrument;
use rust_decimal::Decimal;

use super::{beyond, count};
use crate::wire::{ErrorCode, WireError};

pub(super) fn agreement(reject: &AgreementReject, instrument: Option<&Instrument>) -> WireError {
    match reject {
        AgreementReject::SameParty => WireError::param("counterparty", "must be another account"),
        AgreementReject::NotAParty => {
            let reason = "one of the two parties brings what they agreed";
            WireError::new(ErrorCode::Forbidden, reason).of("counterparty")
        }
        AgreementReject::OutOfTime { limit } => {
            let reason = "an agreement ends after now and within a day";
            let error = WireError::new(ErrorCode::TimedOut, reason).of("valid_until");
            error.with_limit(Decimal::from(limit.millis()))
        }
        AgreementReject::Taken => {
            WireError::param("nonce", "an agreement of that number and end has been taken")
        }
        AgreementReject::NotSigned { party } => {
            let reason = format!("is not of the key that {party} registered");
            WireError::new(ErrorCode::Forbidden, reason).of("signature")
        }
        AgreementReject::TooMany { limit } => {
            let error = WireError::new(ErrorCode::QueueFull, "the venue takes no more agreements");
            error.with_limit(count(*limit))
        }
        AgreementReject::LegsOutOfRange { limit } => {
            let reason = "must be some, at most the limit, each in a series of its own";
            WireError::param("trades", reason).with_limit(count(*limit))
        }
        AgreementReject::NoBlocks => {
            let reason = "the series takes no such trades";
            WireError::new(ErrorCode::InvalidInstrument, reason).of("instrument_name")
        }
        AgreementReject::BelowSize { limit } => {
            let error = WireError::new(ErrorCode::QtyTooLow, "too small for a block");
            error.of("amount").with_limit(*limit)
        }
        AgreementReject::BeyondBand { limit } => {
            let reason = "price is beyond the band of blocks around the mark";
            beyond(WireError::new(ErrorCode::InvalidPrice, reason), *limit, instrument)
        }
        AgreementReject::NotTheParties => {
            let reason = "the obligation is of another seller and buyer";
            WireError::new(ErrorCode::Forbidden, reason).of("obligation_id")
        }
        AgreementReject::DeliveryBegun => {
            let reason = "the delivery has begun, or the obligation has ended";
            WireError::new(ErrorCode::BadRequest, reason).of("obligation_id")
        }
    }
}
