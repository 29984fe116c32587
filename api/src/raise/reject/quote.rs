//! Refusals of what market makers ask.

use exchange::QuoteReject;

use super::count;
use crate::wire::{ErrorCode, Number, WireError};

pub(super) fn quote(reject: QuoteReject) -> WireError {
    let of = |code, field: &str, reason: &str| WireError::new(code, reason).of(field);
    let param = WireError::param;
    match reject {
        QuoteReject::QuotesOutOfRange { limit } => {
            param("quotes", "must be some, at most the limit").with_limit(count(limit))
        }
        QuoteReject::WordTooLong { limit } => {
            param("quote_id", "it or a quote_set_id has too many bytes").with_limit(count(limit))
        }
        QuoteReject::UnknownGroup => {
            let reason = "no such group: set up its protection first, see private/set_mmp_config";
            of(ErrorCode::NotFound, "mmp_group", reason)
        }
        QuoteReject::GroupFrozen { until: Some(until) } => {
            let reason = format!(
                "market-maker protection has pulled the group until {}; private/reset_mmp ends that",
                until.millis()
            );
            of(ErrorCode::OtherReject, "mmp_group", &reason)
        }
        QuoteReject::GroupFrozen { until: None } => {
            let reason = "market-maker protection has pulled the group until private/reset_mmp";
            of(ErrorCode::OtherReject, "mmp_group", reason)
        }
        QuoteReject::OtherGrade => {
            of(ErrorCode::BadRequest, "mmp_group", "the group is of another index")
        }
        QuoteReject::GroupFull { limit } => {
            of(ErrorCode::OtherReject, "mmp_group", "the group has quotes in too many series")
                .with_limit(count(limit))
        }
        QuoteReject::QuoteCrossed => {
            of(ErrorCode::InvalidPrice, "bid", "the bid is at or above the ask")
        }
        QuoteReject::AboveQuoteMax { limit } => {
            of(ErrorCode::InvalidAmount, "amount", "more than the group's max_quote_quantity")
                .with_limit(Number::from(limit))
        }
        QuoteReject::MemberWaits => {
            let reason = "what waits for a price is not protected";
            of(ErrorCode::UnsupportedCombination, "mmp", reason)
        }
        QuoteReject::BadGroupName { limit } => {
            param("mmp_group", "must have 1 to so many bytes").with_limit(count(limit))
        }
        QuoteReject::BadTerms => {
            let reason = "protection has an interval and a frozen_time of at most 3600 seconds, \
                          and at least one limit";
            param("interval", reason)
        }
        QuoteReject::QuoteMaxOutOfRange { limit } => {
            param("max_quote_quantity", "must be at least one lot, at most the limit")
                .with_limit(Number::from(limit))
        }
        QuoteReject::TooManyGroups { limit } => {
            param("mmp_group", "the account has as many groups as it may have")
                .with_limit(count(limit))
        }
    }
}
