//! Wire to domain: the fields of a request become a command, exactly or not at all.
//!
//! Invariants:
//! - whose account it is comes from the session, never from a field;
//! - a field that has no effect here is refused, never ignored.

use exchange::{AmendOrder, Command, Exchange, OrderView, PlaceOrder, Reject, Series};
use instruments::{
    AccountId, Instrument, InstrumentId, MicroUsd, ObligationId, OrderId, Ppm, Price, PriceError,
    Qty, QtyError, Side,
};
use matching_engine::{OrderKind, StpMode, TimeInForce};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use settlement::{DeliveryReceipt, Verdict};

use crate::raise;
use crate::wire::{ErrorCode, Params, WireError, missing};

/// Fields of `private/buy` and `private/sell`.
pub(crate) const ORDER_FIELDS: &[&str] = &[
    "instrument_name",
    "amount",
    "contracts",
    "type",
    "price",
    "time_in_force",
    "post_only",
    "reject_post_only",
    "reduce_only",
    "label",
];
/// Fields of `private/edit`.
pub(crate) const EDIT_FIELDS: &[&str] =
    &["order_id", "amount", "contracts", "price", "post_only", "reduce_only"];
/// Fields of `private/submit_receipt`.
pub(crate) const RECEIPT_FIELDS: &[&str] = &[
    "obligation_id",
    "interval",
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

/// A new order.
pub(crate) fn place_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
    side: Side,
) -> Result<PlaceOrder, WireError> {
    let instrument = &series(exchange, params)?.instrument;
    let qty = amount(instrument, params)?.ok_or_else(|| missing("amount"))?;
    let price = price(instrument, params)?;
    let kind = match (params.text("type")?.as_deref(), price) {
        (None | Some("limit"), Some(price)) => OrderKind::Limit(price),
        (None | Some("limit"), None) => return Err(missing("price")),
        (Some("market"), None) => OrderKind::Market,
        (Some("market"), Some(_)) => {
            return Err(combination("price", "a market order has no price"));
        }
        (Some(other), _) => {
            let reason = format!("order type `{other}` is not supported; known are limit, market");
            return Err(WireError::new(ErrorCode::NotImplemented, reason).of("type"));
        }
    };
    Ok(PlaceOrder {
        account,
        instrument: instrument.id,
        side,
        kind,
        qty,
        time_in_force: time_in_force(params)?,
        post_only: post_only(params)?,
        reduce_only: params.flag("reduce_only")?.unwrap_or(false),
        stp: StpMode::CancelNewest,
        label: params.text("label")?.unwrap_or_default(),
    })
}

fn time_in_force(params: &Params) -> Result<TimeInForce, WireError> {
    match params.text("time_in_force")?.as_deref() {
        None | Some("good_til_cancelled") => Ok(TimeInForce::Gtc),
        Some("immediate_or_cancel") => Ok(TimeInForce::Ioc),
        Some("fill_or_kill") => Ok(TimeInForce::Fok),
        Some("good_til_day") => {
            let reason = "good_til_day is not supported: orders rest until cancelled or expiry";
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("time_in_force"))
        }
        Some(_) => {
            let reason = "must be good_til_cancelled, immediate_or_cancel or fill_or_kill";
            Err(WireError::param("time_in_force", reason))
        }
    }
}

/// A post-only order is refused rather than moved: the client knows its price.
fn post_only(params: &Params) -> Result<bool, WireError> {
    match (params.flag("post_only")?.unwrap_or(false), params.flag("reject_post_only")?) {
        (true, Some(false)) => {
            let reason = "a post-only order that would take is refused, never moved; leave the \
                          field out or send true";
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("reject_post_only"))
        }
        (false, Some(true)) => {
            Err(combination("reject_post_only", "has a meaning only with post_only"))
        }
        (post_only, Some(_) | None) => Ok(post_only),
    }
}

fn combination(param: &str, reason: &str) -> WireError {
    WireError::new(ErrorCode::UnsupportedCombination, reason).of(param)
}

/// A change of an open order. Price and size are the new ones, fills included.
pub(crate) fn amend_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<Command, WireError> {
    let view = open_order(exchange, params, account)?;
    let unknown = || raise::reject(&Reject::UnknownInstrument, None);
    let series = exchange.series_by_id(view.record.instrument).ok_or_else(unknown)?;
    let instrument = &series.instrument;
    for (flag, now) in
        [("post_only", view.record.post_only), ("reduce_only", view.record.reduce_only)]
    {
        if params.flag(flag)?.is_some_and(|asked| asked != now) {
            let reason = "an edit changes price and amount only; cancel and place anew";
            return Err(WireError::new(ErrorCode::NotImplemented, reason).of(flag));
        }
    }
    Ok(Command::AmendOrder(AmendOrder {
        account,
        order: view.order,
        price: price(instrument, params)?,
        qty: amount(instrument, params)?,
    }))
}

/// The open order of this account that a request names.
pub(crate) fn open_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<OrderView, WireError> {
    let order = order_id(params)?;
    exchange
        .open_order(order)
        .filter(|view| view.record.account == account)
        .ok_or_else(|| raise::reject(&Reject::UnknownOrder, None))
}

/// `T-17`, and nothing that only looks like it.
pub(crate) fn order_id(params: &Params) -> Result<OrderId, WireError> {
    let text = params.required_text("order_id")?;
    let number: Option<u64> = text.strip_prefix("T-").and_then(|digits| digits.parse().ok());
    number
        .map(OrderId)
        .filter(|order| order.to_string() == text)
        .ok_or_else(|| WireError::param("order_id", "must be an order's id, as in T-17"))
}

/// A limit price in dollars per GPU-hour. Exact or refused.
fn price(instrument: &Instrument, params: &Params) -> Result<Option<Price>, WireError> {
    let Some(decimal) = params.number("price")? else { return Ok(None) };
    let refused = |error: PriceError| {
        let (code, limit) = match error {
            PriceError::OffTick { tick_size, .. } => (ErrorCode::PriceWrongTick, Some(tick_size)),
            PriceError::NotPositive { .. } => {
                (ErrorCode::InvalidPrice, Some(instrument.tick_size_decimal()))
            }
            PriceError::OutOfRange { limit, .. } => (ErrorCode::PriceTooHigh, Some(limit)),
        };
        with_limit(WireError::new(code, error.to_string()).of("price"), limit)
    };
    instrument.price_from_decimal(decimal).map(Some).map_err(refused)
}

/// A size in lots, under either of Deribit's names.
fn amount(instrument: &Instrument, params: &Params) -> Result<Option<Qty>, WireError> {
    let name = match (params.has("amount"), params.has("contracts")) {
        (true, true) => {
            return Err(combination("contracts", "is another word for amount; send one"));
        }
        (false, true) => "contracts",
        (true, false) | (false, false) => "amount",
    };
    let Some(decimal) = params.number(name)? else { return Ok(None) };
    let refused = |error: QtyError| {
        let (code, limit) = match error {
            QtyError::Fractional { .. } => (ErrorCode::NonIntegerAmount, Some(Decimal::ONE)),
            QtyError::NotPositive { .. } => (ErrorCode::QtyTooLow, Some(Decimal::ONE)),
            QtyError::OutOfRange { limit, .. } => (ErrorCode::InvalidAmount, Some(limit.into())),
        };
        with_limit(WireError::new(code, error.to_string()).of(name), limit)
    };
    instrument.qty_from_decimal(decimal).map(Some).map_err(refused)
}

fn with_limit(error: WireError, limit: Option<Decimal>) -> WireError {
    match limit {
        Some(limit) => error.with_limit(limit),
        None => error,
    }
}

/// Test money in dollars, to the micro-dollar. Exact or refused.
pub(crate) fn deposit(params: &Params, account: AccountId) -> Result<Command, WireError> {
    let dollars = params.number("amount")?.ok_or_else(|| missing("amount"))?;
    let micros = dollars.checked_mul(Decimal::from(1_000_000)).filter(|it| it.fract().is_zero());
    let amount = micros.and_then(|micros| micros.to_i64()).map(MicroUsd::new);
    let amount = amount.ok_or_else(|| {
        WireError::param("amount", "must have at most 6 digits after the point and fit the ledger")
    })?;
    Ok(Command::Deposit { account, amount })
}

/// The obligation that a request names.
pub(crate) fn obligation_id(params: &Params) -> Result<ObligationId, WireError> {
    params.required_integer("obligation_id", u64::MAX).map(ObligationId)
}

/// The interval that a request names.
pub(crate) fn interval(params: &Params) -> Result<u32, WireError> {
    narrow(params, "interval")
}

fn narrow(params: &Params, name: &str) -> Result<u32, WireError> {
    let whole = params.required_integer(name, u32::MAX.into())?;
    u32::try_from(whole).map_err(|_range| WireError::param(name, "is out of range"))
}

/// The claim that an agent has signed.
pub(crate) fn receipt(params: &Params) -> Result<DeliveryReceipt, WireError> {
    Ok(DeliveryReceipt {
        obligation: obligation_id(params)?,
        interval: interval(params)?,
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
