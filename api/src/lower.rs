//! Wire to domain: the fields of a request become a command, exactly or not at all.
//!
//! Invariants:
//! - whose account it is comes from the session, never from a field;
//! - a field that has no effect here is refused, never ignored.

mod agreement;
mod clearing;
mod margin;
mod order;
mod quote;
mod span;

use exchange::{Command, Exchange, Reject, Series};
use instruments::{AccountId, GradeId, InstrumentId, JobId, MicroUsd, ObligationId, Ppm};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use settlement::{DeliveryReceipt, Verdict};

use crate::raise;
use crate::wire::{ErrorCode, Params, WireError, missing};
pub(crate) use agreement::{
    BLOCK_FIELDS, DELIVERY_FIELDS, EXECUTE_BLOCK_FIELDS, EXECUTE_DELIVERY_FIELDS, block,
    delivery_agreement, signed,
};
pub(crate) use clearing::{
    LOG_FIELDS, NOMINATION_FIELDS, day, instruction, log_query, nomination, place, withdrawal,
};
pub(crate) use margin::{SIMULATED_MAX, margin_model, risk_query, simulated};
pub(crate) use order::{
    CANCEL_FIELDS, EDIT_BY_LABEL_FIELDS, EDIT_FIELDS, MILLIS_MAX, ORDER_FIELDS, amend_order,
    amount_and_price, cancel_filter, kind_filter, member_of, order_id, place_order,
};
pub(crate) use quote::{
    CANCEL_QUOTES_FIELDS, MASS_QUOTE_FIELDS, MMP_FIELDS, group_name, index_grade, mass_quote,
    protection, quote_filter,
};
pub(crate) use span::{
    CANDLES_MAX, OFFSET_MAX, Resolution, candles, offset, resolution, search_start,
    settlement_type, span,
};

/// Fields of `private/submit_receipt`.
pub(crate) const RECEIPT_FIELDS: &[&str] = &[
    "obligation_id",
    "challenge",
    "gpu_millis",
    "challenges",
    "work_root",
    "prev",
    "terms",
    "signature",
];

/// The series that a request names.
pub(crate) fn series<'a>(exchange: &'a Exchange, params: &Params) -> Result<&'a Series, WireError> {
    let name = params.required_text("instrument_name")?;
    let unknown = || raise::reject(&Reject::UnknownInstrument, None);
    exchange.series_by_name(&name).ok_or_else(unknown)
}

/// The series that a request may name.
pub(crate) fn optional_series(
    exchange: &Exchange,
    params: &Params,
) -> Result<Option<InstrumentId>, WireError> {
    if !params.has("instrument_name") {
        return Ok(None);
    }
    series(exchange, params).map(|series| Some(series.instrument.id))
}

fn combination(param: &str, reason: &str) -> WireError {
    WireError::new(ErrorCode::UnsupportedCombination, reason).of(param)
}

fn with_limit(error: WireError, limit: Option<Decimal>) -> WireError {
    match limit {
        Some(limit) => error.with_limit(limit),
        None => error,
    }
}

/// Test money in dollars, to the micro-dollar. Exact or refused.
pub(crate) fn deposit(params: &Params, account: AccountId) -> Result<Command, WireError> {
    Ok(Command::Deposit { account, amount: money(params, "amount")? })
}

/// Dollars, to the micro-dollar.
pub(crate) fn money(params: &Params, name: &str) -> Result<MicroUsd, WireError> {
    let dollars = params.number(name)?.ok_or_else(|| missing(name))?;
    let micros = dollars.checked_mul(Decimal::from(1_000_000)).filter(|it| it.fract().is_zero());
    let amount = micros.and_then(|micros| micros.to_i64()).map(MicroUsd::new);
    amount.ok_or_else(|| {
        WireError::param(name, "must have at most 6 digits after the point and fit the ledger")
    })
}

/// The grade that a request names.
pub(crate) fn grade(params: &Params) -> Result<GradeId, WireError> {
    let name = params.required_text("grade")?;
    GradeId::new(&name).ok_or_else(|| WireError::param("grade", "must be the name of a grade"))
}

/// The obligation that a request names.
pub(crate) fn obligation_id(params: &Params) -> Result<ObligationId, WireError> {
    params.required_integer("obligation_id", u64::MAX).map(ObligationId)
}

/// The job that a request names.
pub(crate) fn job_id(params: &Params) -> Result<JobId, WireError> {
    params.required_integer("job_id", u64::MAX).map(JobId)
}

/// Hashes in hexadecimal, at most `limit` of them.
pub(crate) fn hashes(
    params: &Params,
    name: &str,
    limit: usize,
) -> Result<Vec<[u8; 32]>, WireError> {
    let texts = params.required_texts(name)?;
    if limit < texts.len() {
        let reason = format!("has {} entries, at most {limit} are taken", texts.len());
        return Err(WireError::param(name, reason).with_limit(Decimal::from(limit)));
    }
    let hash = |text: &String| {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let wrong = |_error| WireError::param(name, "must be 32 bytes in hexadecimal each");
        hex::decode_to_slice(digits, &mut bytes).map(|()| bytes).map_err(wrong)
    };
    texts.iter().map(hash).collect()
}

/// The challenge that a request names.
pub(crate) fn challenge(params: &Params) -> Result<u32, WireError> {
    narrow(params, "challenge")
}

/// A number of 32 bits.
pub(crate) fn narrow(params: &Params, name: &str) -> Result<u32, WireError> {
    let whole = params.required_integer(name, u32::MAX.into())?;
    u32::try_from(whole).map_err(|_range| WireError::param(name, "is out of range"))
}

/// The claim that an agent has signed.
pub(crate) fn receipt(params: &Params) -> Result<DeliveryReceipt, WireError> {
    Ok(DeliveryReceipt {
        obligation: obligation_id(params)?,
        challenge: challenge(params)?,
        gpu_millis: params.required_integer("gpu_millis", u64::MAX)?,
        challenges: narrow(params, "challenges")?,
        work_root: params.required_hex("work_root")?,
        prev: params.required_hex("prev")?,
        terms: params.required_hex("terms")?,
    })
}

/// A verifier's judgement. Only a valid one has a quality.
pub(crate) fn verdict(params: &Params) -> Result<Verdict, WireError> {
    let quality = params.number("quality")?;
    match (params.required_text("verdict")?.as_str(), quality) {
        ("valid", Some(quality)) => {
            let ppm = quality.checked_mul(Decimal::from(1_000_000));
            let ppm = ppm.filter(|ppm| ppm.fract().is_zero()).and_then(|ppm| ppm.to_i64());
            let reason = "must be from 0 to 1 with at most 6 digits after the point";
            let quality = Ppm::new(ppm.ok_or_else(|| WireError::param("quality", reason))?);
            Ok(Verdict::Valid { quality })
        }
        ("valid", None) => Err(missing("quality")),
        ("invalid", None) => Ok(Verdict::Invalid),
        ("unverifiable", None) => Ok(Verdict::Unverifiable),
        ("invalid" | "unverifiable", Some(_)) => {
            Err(combination("quality", "has a meaning only when the verdict is valid"))
        }
        _ => Err(WireError::param("verdict", "must be valid, invalid or unverifiable")),
    }
}
