//! Mass quotes and market-maker protection, from Deribit's fields.

use exchange::limits::QUOTES_MAX;
use exchange::{Exchange, GroupName, MassQuote, ProtectionTerms, QuoteEntry, QuoteFilter, Reject};
use instruments::{AccountId, GradeId, Instrument, NanosSpan, Price, Qty};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

use super::order::{instant, lots_of, price_of};
use super::{combination, series};
use crate::raise;
use crate::wire::{ErrorCode, Number, Params, WireError, missing};

/// Fields of `private/mass_quote`.
pub(crate) const MASS_QUOTE_FIELDS: &[&str] =
    &["mmp_group", "quote_id", "quotes", "detailed", "wait_for_response", "valid_until"];
/// Fields of `private/cancel_quotes`.
pub(crate) const CANCEL_QUOTES_FIELDS: &[&str] = &[
    "cancel_type",
    "mmp_group",
    "quote_set_id",
    "instrument_name",
    "kind",
    "currency",
    "min_delta",
    "max_delta",
    "detailed",
];
/// Fields of `private/set_mmp_config`.
pub(crate) const MMP_FIELDS: &[&str] = &[
    "index_name",
    "mmp_group",
    "interval",
    "frozen_time",
    "quantity_limit",
    "delta_limit",
    "vega_limit",
    "trade_limit",
    "max_quote_quantity",
];

/// One entry of a mass quote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRow {
    instrument_name: String,
    #[serde(default)]
    quote_set_id: String,
    bid: Option<SideRow>,
    ask: Option<SideRow>,
}

/// One side of an entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SideRow {
    price: Option<Number>,
    amount: Number,
    post_only: Option<bool>,
    reject_post_only: Option<bool>,
}

/// A mass quote. What cannot be read refuses the whole, by the name of its entry.
pub(crate) fn mass_quote(
    exchange: &Exchange,
    params: &Params,
    (account, session): (AccountId, Option<u64>),
) -> Result<MassQuote, WireError> {
    if params.flag("wait_for_response")? == Some(false) {
        let reason = "the reply always tells what became of the quotes";
        return Err(WireError::new(ErrorCode::NotImplemented, reason).of("wait_for_response"));
    }
    let wrong = "must be an array of objects with `instrument_name`, `quote_set_id`, `bid`, `ask`; \
                 a side has `price`, `amount`, `post_only`";
    let rows: Vec<EntryRow> = params.value("quotes", wrong)?.ok_or_else(|| missing("quotes"))?;
    if QUOTES_MAX < rows.len() {
        let reason = format!("has {} entries, at most {QUOTES_MAX} are taken", rows.len());
        return Err(WireError::param("quotes", reason).with_limit(Decimal::from(QUOTES_MAX)));
    }
    let entries = rows.into_iter().enumerate().map(|(place, row)| entry(exchange, place, row));
    Ok(MassQuote {
        account,
        group: GroupName::Named(params.required_text("mmp_group")?),
        quote_id: params.required_text("quote_id")?,
        valid_until: instant(params, "valid_until")?,
        quotes: entries.collect::<Result<_, _>>()?,
        session,
    })
}

fn entry(exchange: &Exchange, place: usize, row: EntryRow) -> Result<QuoteEntry, WireError> {
    let field = |name: &str| format!("quotes[{place}].{name}");
    let unknown = || raise::reject(&Reject::UnknownInstrument, None).of(&field("instrument_name"));
    let terms = &exchange.series_by_name(&row.instrument_name).ok_or_else(unknown)?.instrument;
    let read = |name: &str, side: Option<SideRow>| match side {
        Some(side) => quoted(terms, &side, &field(name)),
        None => Ok(None),
    };
    Ok(QuoteEntry {
        instrument: terms.id,
        set: row.quote_set_id,
        bid: read("bid", row.bid)?,
        ask: read("ask", row.ask)?,
    })
}

/// What is to stand on one side; nothing where its amount is zero.
fn quoted(
    terms: &Instrument,
    side: &SideRow,
    field: &str,
) -> Result<Option<(Price, Qty)>, WireError> {
    for (name, flag) in [("post_only", side.post_only), ("reject_post_only", side.reject_post_only)]
    {
        if flag == Some(false) {
            let reason = "a quote never takes and never moves: leave the field out or say true";
            let field = format!("{field}.{name}");
            return Err(WireError::new(ErrorCode::NotImplemented, reason).of(&field));
        }
    }
    if side.amount.0.is_zero() {
        return Ok(None);
    }
    let named = format!("{field}.price");
    let price = side.price.ok_or_else(|| missing(&named))?;
    let price = price_of(terms, price.0, &named)?;
    Ok(Some((price, lots_of(terms, side.amount.0, &format!("{field}.amount"))?)))
}

/// Which quotes a cancel is about.
pub(crate) fn quote_filter(exchange: &Exchange, params: &Params) -> Result<QuoteFilter, WireError> {
    let kind = params.required_text("cancel_type")?;
    let taken: &[&str] = match kind.as_str() {
        "all" => &[],
        "delta" => &["min_delta", "max_delta"],
        "quote_set_id" => &["quote_set_id"],
        "instrument" => &["instrument_name"],
        "kind" | "instrument_kind" => &["kind", "currency"],
        "currency" => &["currency"],
        _ => {
            let reason =
                "must be all, delta, quote_set_id, instrument, kind, instrument_kind or currency";
            return Err(WireError::param("cancel_type", reason));
        }
    };
    for field in ["min_delta", "max_delta", "quote_set_id", "instrument_name", "kind", "currency"] {
        if params.has(field) && !taken.contains(&field) {
            return Err(combination(field, "has no meaning with this cancel_type"));
        }
    }
    let mut filter = QuoteFilter {
        group: params.text("mmp_group")?.map(GroupName::Named),
        ..QuoteFilter::default()
    };
    match kind.as_str() {
        "delta" => {
            let delta = |name| {
                let number = params.number(name)?.ok_or_else(|| missing(name))?;
                signed_millionths(number, name)
            };
            filter.delta = Some((delta("min_delta")?, delta("max_delta")?));
        }
        "quote_set_id" => filter.set = Some(params.required_text("quote_set_id")?),
        "instrument" => filter.instrument = Some(series(exchange, params)?.instrument.id),
        "kind" | "instrument_kind" => {
            filter.is_option = match params.required_text("kind")?.as_str() {
                "any" => None,
                "future" => Some(false),
                "option" => Some(true),
                _ => return Err(WireError::param("kind", "must be any, future or option")),
            };
            filter.grade = currency(exchange, params)?;
        }
        "currency" => {
            if !params.has("currency") {
                return Err(missing("currency"));
            }
            filter.grade = currency(exchange, params)?;
        }
        _ => {}
    }
    Ok(filter)
}

/// What is traded, where that is named; `USDC` and `any` are everything.
fn currency(exchange: &Exchange, params: &Params) -> Result<Option<GradeId>, WireError> {
    let Some(name) = params.text("currency")?.filter(|it| it != "any" && it != raise::CURRENCY)
    else {
        return Ok(None);
    };
    let grades = exchange.series().map(|series| &series.instrument.grade);
    let found = grades.into_iter().find(|grade| grade.as_str() == name).cloned();
    let reason = "must be USDC, any, or what is traded";
    found.map(Some).ok_or_else(|| WireError::param("currency", reason))
}

/// The grade of the index that a request names.
pub(crate) fn index_grade(exchange: &Exchange, params: &Params) -> Result<GradeId, WireError> {
    let name = params.required_text("index_name")?;
    let mut grades = exchange.series().map(|series| &series.instrument.grade);
    let found = grades.find(|grade| raise::index_name(grade) == name).cloned();
    found.ok_or_else(|| WireError::param("index_name", "no such index"))
}

/// The group that a request names: that of the index where it names none.
pub(crate) fn group_name(params: &Params, grade: &GradeId) -> Result<GroupName, WireError> {
    let name = params.text("mmp_group")?;
    Ok(name.map_or_else(|| GroupName::Of(grade.clone()), GroupName::Named))
}

/// The terms of a protection; nothing where it is to end, which Deribit says by an interval of zero.
pub(crate) fn protection(params: &Params) -> Result<Option<ProtectionTerms>, WireError> {
    let most = 3_600;
    let interval = params.required_integer("interval", most)?;
    if interval == 0 {
        return Ok(None);
    }
    let frozen = params.required_integer("frozen_time", most)?;
    let lots = |name: &str| params.integer(name, Instrument::QTY_MAX.lots());
    let quote_max = lots("max_quote_quantity")?.ok_or_else(|| missing("max_quote_quantity"))?;
    let decimal = |name: &str| match params.number(name)? {
        None => Ok(0),
        Some(number) => millionths(number, name),
    };
    let trades = params.integer("trade_limit", u32::MAX.into())?.unwrap_or(0);
    Ok(Some(ProtectionTerms {
        window: NanosSpan::from_seconds(interval),
        frozen_for: (frozen != 0).then(|| NanosSpan::from_seconds(frozen)),
        qty_max: Qty::from_lots(lots("quantity_limit")?.unwrap_or(0)),
        delta_max: decimal("delta_limit")?,
        vega_max: decimal("vega_limit")?,
        trades_max: u32::try_from(trades).unwrap_or(u32::MAX),
        quote_max: Qty::from_lots(quote_max),
    }))
}

fn millionths(number: Decimal, name: &str) -> Result<u64, WireError> {
    let wrong =
        || WireError::param(name, "must be zero or more, with at most 6 digits after the point");
    u64::try_from(signed_millionths(number, name)?).map_err(|_range| wrong())
}

fn signed_millionths(number: Decimal, name: &str) -> Result<i64, WireError> {
    let whole = number.checked_mul(Decimal::from(1_000_000)).filter(|it| it.fract().is_zero());
    let reason = "must have at most 6 digits after the point";
    whole.and_then(|whole| whole.to_i64()).ok_or_else(|| WireError::param(name, reason))
}
