//! Orders, changes and cancels, from Deribit's fields and a few of our own.

use exchange::{
    AmendOrder, CancelFilter, CancelKind, Exchange, GroupName, OrderView, PlaceOrder, Reject,
    TimeInForce,
};
use instruments::{AccountId, Instrument, Nanos, OrderId, Price, PriceError, Qty, QtyError, Side};
use matching_engine::{OrderKind, PostOnly, PriceSource, StpMode, Trigger, TriggerWhen};
use rust_decimal::Decimal;

use super::{combination, optional_series, series, with_limit};
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
    "good_til",
    "post_only",
    "reject_post_only",
    "reduce_only",
    "display_amount",
    "trigger",
    "trigger_price",
    "ceiling_price",
    "stp",
    "stp_token",
    "valid_until",
    "label",
    "client_order_id",
    "mmp",
    "mmp_group",
];
/// Fields of `private/edit`.
pub(crate) const EDIT_FIELDS: &[&str] = &[
    "order_id",
    "amount",
    "contracts",
    "price",
    "trigger_price",
    "post_only",
    "reduce_only",
    "valid_until",
];
/// Fields of `private/edit_by_label`.
pub(crate) const EDIT_BY_LABEL_FIELDS: &[&str] = &[
    "label",
    "instrument_name",
    "amount",
    "contracts",
    "price",
    "trigger_price",
    "post_only",
    "reduce_only",
    "valid_until",
];
/// Fields of `private/cancel_all` and `private/cancel_all_by_instrument`.
pub(crate) const CANCEL_FIELDS: &[&str] = &["instrument_name", "type", "direction", "label"];

pub(super) const NANOS_PER_MILLI: u64 = 1_000_000;
/// The last millisecond that there is in nanoseconds.
pub(crate) const MILLIS_MAX: u64 = u64::MAX / NANOS_PER_MILLI;

/// What the word after `type` says.
#[derive(Clone, Copy)]
struct OrderType {
    is_limit: bool,
    /// A stop waits for the price to go against the order, a take-profit for it.
    waits: Option<Waits>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Stop,
    Take,
}

/// A new order.
pub(crate) fn place_order(
    exchange: &Exchange,
    params: &Params,
    (account, session): (AccountId, Option<u64>),
    side: Side,
) -> Result<PlaceOrder, WireError> {
    let instrument = &series(exchange, params)?.instrument;
    let qty = amount(instrument, params)?.ok_or_else(|| missing("amount"))?;
    let order_type = order_type(params)?;
    let kind = match (order_type.is_limit, price(instrument, params, "price")?) {
        (true, Some(price)) => OrderKind::Limit(price),
        (true, None) => return Err(missing("price")),
        (false, None) => OrderKind::Market,
        (false, Some(_)) => {
            return Err(combination("price", "a market order has no price"));
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
        stp: self_trade(params)?,
        stp_token: params.integer("stp_token", u64::MAX)?.unwrap_or(0),
        display: lots(instrument, params, "display_amount")?,
        trigger: trigger(instrument, params, (order_type.waits, side))?,
        ceiling: price(instrument, params, "ceiling_price")?,
        valid_until: instant(params, "valid_until")?,
        label: params.text("label")?.unwrap_or_default(),
        client_order_id: params.text("client_order_id")?,
        session,
    })
}

/// The group whose protection a new order is under, if it is under one: by name, or that of what is traded.
pub(crate) fn member_of(
    exchange: &Exchange,
    params: &Params,
) -> Result<Option<GroupName>, WireError> {
    if !params.flag("mmp")?.unwrap_or(false) {
        if params.has("mmp_group") {
            return Err(combination("mmp_group", "has a meaning only with mmp"));
        }
        return Ok(None);
    }
    let grade = &series(exchange, params)?.instrument.grade;
    super::group_name(params, grade).map(Some)
}

fn order_type(params: &Params) -> Result<OrderType, WireError> {
    let of = |is_limit, waits| Ok(OrderType { is_limit, waits });
    match params.text("type")?.as_deref() {
        None | Some("limit") => of(true, None),
        Some("market") => of(false, None),
        Some("stop_limit") => of(true, Some(Waits::Stop)),
        Some("stop_market") => of(false, Some(Waits::Stop)),
        Some("take_limit") => of(true, Some(Waits::Take)),
        Some("take_market") => of(false, Some(Waits::Take)),
        Some(other) => {
            let reason = format!(
                "order type `{other}` is not supported; known are limit, market, stop_limit, \
                 stop_market, take_limit, take_market"
            );
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("type"))
        }
    }
}

/// What the order waits for. A stop to buy and a take-profit to sell wait for a rise, the other two for a fall.
fn trigger(
    instrument: &Instrument,
    params: &Params,
    (waits, side): (Option<Waits>, Side),
) -> Result<Option<Trigger>, WireError> {
    let at = price(instrument, params, "trigger_price")?;
    let source = match params.text("trigger")?.as_deref() {
        None => None,
        Some("last_price") => Some(PriceSource::Last),
        Some("mark_price") => Some(PriceSource::Mark),
        Some("index_price") => Some(PriceSource::Index),
        Some(_) => {
            let reason = "must be last_price, mark_price or index_price";
            return Err(WireError::param("trigger", reason));
        }
    };
    let Some(waits) = waits else {
        let unused = [("trigger", source.is_some()), ("trigger_price", at.is_some())];
        return match unused.into_iter().find(|(_, is_sent)| *is_sent) {
            Some((field, _)) => {
                Err(combination(field, "has a meaning only with a stop or a take-profit"))
            }
            None => Ok(None),
        };
    };
    let when = match (waits, side) {
        (Waits::Stop, Side::Buy) | (Waits::Take, Side::Sell) => TriggerWhen::Rises,
        (Waits::Stop, Side::Sell) | (Waits::Take, Side::Buy) => TriggerWhen::Falls,
    };
    let source = source.ok_or_else(|| missing("trigger"))?;
    let price = at.ok_or_else(|| missing("trigger_price"))?;
    Ok(Some(Trigger { source, when, price }))
}

fn time_in_force(params: &Params) -> Result<TimeInForce, WireError> {
    let good_til = instant(params, "good_til")?;
    let word = params.text("time_in_force")?;
    let force = match (word.as_deref(), good_til) {
        (Some("good_til_date"), Some(at)) => return Ok(TimeInForce::Gtd(at)),
        (Some("good_til_date"), None) => return Err(missing("good_til")),
        (None | Some("good_til_cancelled"), _) => TimeInForce::Gtc,
        (Some("good_til_day"), _) => TimeInForce::Day,
        (Some("immediate_or_cancel"), _) => TimeInForce::Ioc,
        (Some("fill_or_kill"), _) => TimeInForce::Fok,
        (Some("good_for_auction"), _) => TimeInForce::Gfa,
        (Some("good_for_normal"), _) => TimeInForce::Gfn,
        (Some(_), _) => {
            let reason = "must be good_til_cancelled, good_til_day, good_til_date, \
                          immediate_or_cancel, fill_or_kill, good_for_auction or good_for_normal";
            return Err(WireError::param("time_in_force", reason));
        }
    };
    match good_til {
        Some(_) => Err(combination("good_til", "has a meaning only with good_til_date")),
        None => Ok(force),
    }
}

/// Refused rather than moved, unless the client says otherwise: then it knows that its price may be another.
fn post_only(params: &Params) -> Result<PostOnly, WireError> {
    match (params.flag("post_only")?.unwrap_or(false), params.flag("reject_post_only")?) {
        (true, Some(true) | None) => Ok(PostOnly::Reject),
        (true, Some(false)) => Ok(PostOnly::Slide),
        (false, Some(true)) => {
            Err(combination("reject_post_only", "has a meaning only with post_only"))
        }
        (false, Some(false) | None) => Ok(PostOnly::No),
    }
}

fn self_trade(params: &Params) -> Result<StpMode, WireError> {
    match params.text("stp")?.as_deref() {
        None | Some("cancel_newest") => Ok(StpMode::CancelNewest),
        Some("cancel_oldest") => Ok(StpMode::CancelOldest),
        Some("cancel_both") => Ok(StpMode::CancelBoth),
        Some("decrement") => Ok(StpMode::Decrement),
        Some("none") => Ok(StpMode::None),
        Some(_) => {
            let reason = "must be none, cancel_newest, cancel_oldest, cancel_both or decrement";
            Err(WireError::param("stp", reason))
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn instant(params: &Params, name: &str) -> Result<Option<Nanos>, WireError> {
    let millis = params.integer(name, MILLIS_MAX)?;
    Ok(millis.map(|millis| Nanos::new(millis.saturating_mul(NANOS_PER_MILLI))))
}

/// A change of an open order. Price, trigger price and size are the new ones, fills included.
pub(crate) fn amend_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<AmendOrder, WireError> {
    let view = open_order(exchange, params, account)?;
    let unknown = || raise::reject(&Reject::UnknownInstrument, None);
    let series = exchange.series_by_id(view.record.instrument).ok_or_else(unknown)?;
    let instrument = &series.instrument;
    let is_post_only = view.record.post_only != PostOnly::No;
    for (flag, now) in [("post_only", is_post_only), ("reduce_only", view.record.reduce_only)] {
        if params.flag(flag)?.is_some_and(|asked| asked != now) {
            let reason = "an edit changes price and amount only; cancel and place anew";
            return Err(WireError::new(ErrorCode::NotImplemented, reason).of(flag));
        }
    }
    Ok(AmendOrder {
        account,
        order: view.order,
        price: price(instrument, params, "price")?,
        qty: amount(instrument, params)?,
        trigger: price(instrument, params, "trigger_price")?,
        valid_until: instant(params, "valid_until")?,
    })
}

/// Which orders a cancel is about.
pub(crate) fn cancel_filter(
    exchange: &Exchange,
    params: &Params,
) -> Result<CancelFilter, WireError> {
    let side = match params.text("direction")?.as_deref() {
        None => None,
        Some("buy") => Some(Side::Buy),
        Some("sell") => Some(Side::Sell),
        Some(_) => return Err(WireError::param("direction", "must be buy or sell")),
    };
    Ok(CancelFilter {
        instrument: optional_series(exchange, params)?,
        side,
        label: params.text("label")?,
        kind: kind_filter(params)?,
    })
}

/// Deribit's filter by order type.
pub(crate) fn kind_filter(params: &Params) -> Result<CancelKind, WireError> {
    match params.text("type")?.as_deref() {
        None | Some("all") => Ok(CancelKind::All),
        Some("limit") => Ok(CancelKind::Resting),
        Some("trigger_all") => Ok(CancelKind::Waiting),
        Some(_) => {
            let reason =
                "filtering by that type is not supported; known are all, limit, trigger_all";
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("type"))
        }
    }
}

/// The open order of this account that a request names.
pub(crate) fn open_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<OrderView, WireError> {
    if !params.has("order_id") && params.has("label") {
        return labelled_order(exchange, params, account);
    }
    let order = order_id(params)?;
    exchange
        .open_order(order)
        .filter(|view| view.record.account == account)
        .ok_or_else(|| raise::reject(&Reject::UnknownOrder, None))
}

/// The one open order of this account in a series that has a label.
fn labelled_order(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<OrderView, WireError> {
    let (instrument, label) = (series(exchange, params)?.instrument.id, params.text("label")?);
    let open = exchange.open_orders_of(account, Some(instrument)).into_iter();
    let mut found = open.filter(|view| Some(&view.record.label) == label.as_ref());
    let unknown = || raise::reject(&Reject::UnknownOrder, None).of("label");
    let order = found.next().ok_or_else(unknown)?;
    if found.next().is_some() {
        let reason = "more than one open order of the series has that label; name its order_id";
        return Err(WireError::new(ErrorCode::BadRequest, reason).of("label"));
    }
    Ok(order)
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

/// A price in dollars per GPU-hour. Exact or refused.
fn price(instrument: &Instrument, params: &Params, name: &str) -> Result<Option<Price>, WireError> {
    params.number(name)?.map(|decimal| price_of(instrument, decimal, name)).transpose()
}

pub(super) fn price_of(
    instrument: &Instrument,
    decimal: Decimal,
    name: &str,
) -> Result<Price, WireError> {
    let refused = |error: PriceError| {
        let (code, limit) = match error {
            PriceError::OffTick { tick_size, .. } => (ErrorCode::PriceWrongTick, Some(tick_size)),
            PriceError::NotPositive { .. } => {
                (ErrorCode::InvalidPrice, Some(instrument.tick_size_decimal()))
            }
            PriceError::OutOfRange { limit, .. } => (ErrorCode::PriceTooHigh, Some(limit)),
        };
        with_limit(WireError::new(code, error.to_string()).of(name), limit)
    };
    instrument.price_from_decimal(decimal).map_err(refused)
}

/// A size and a limit, where they are sent.
pub(crate) fn amount_and_price(
    instrument: &Instrument,
    params: &Params,
) -> Result<(Option<Qty>, Option<Price>), WireError> {
    Ok((amount(instrument, params)?, price(instrument, params, "price")?))
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
    lots(instrument, params, name)
}

fn lots(instrument: &Instrument, params: &Params, name: &str) -> Result<Option<Qty>, WireError> {
    params.number(name)?.map(|decimal| lots_of(instrument, decimal, name)).transpose()
}

pub(super) fn lots_of(
    instrument: &Instrument,
    decimal: Decimal,
    name: &str,
) -> Result<Qty, WireError> {
    let refused = |error: QtyError| {
        let (code, limit) = match error {
            QtyError::Fractional { .. } => (ErrorCode::NonIntegerAmount, Some(Decimal::ONE)),
            QtyError::NotPositive { .. } => (ErrorCode::QtyTooLow, Some(Decimal::ONE)),
            QtyError::OutOfRange { limit, .. } => (ErrorCode::InvalidAmount, Some(limit.into())),
        };
        with_limit(WireError::new(code, error.to_string()).of(name), limit)
    };
    instrument.qty_from_decimal(decimal).map_err(refused)
}
