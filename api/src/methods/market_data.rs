//! Everything anybody may ask.

use exchange::SeriesState;
use instruments::{GradeId, Instrument};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::currency::{OfCurrency, currencies};
use super::day::stats;
use super::replay::Replay;
use super::submit::tick_direction;
use super::{Answer, Method};
use crate::gateway::Gateway;
use crate::venue::history::{ROWS_MAX, TradeRecord};
use crate::wire::{
    ErrorCode, Params, WireBookSummary, WireError, WireInstrument, WireTicker, WireTrade, to_result,
};
use crate::{lower, raise};

/// Levels of a side that one answer shows at most, as in Deribit's API.
pub(crate) const DEPTH_MAX: u64 = 10_000;
/// Levels of a side when the client does not say.
const DEPTH: u64 = 20;
/// Rows of an answer when the client does not say, as in Deribit's API.
const COUNT: usize = 10;
/// Ended orders of an answer when the client does not say, as in Deribit's API.
const ORDERS: usize = 20;
/// Rows of a page of a log when the client does not say, as in Deribit's API.
const PAGE: usize = 100;

/// The venue's version.
#[derive(Serialize, JsonSchema)]
pub(super) struct Version {
    /// As `0.1.0`.
    version: &'static str,
}

/// Answers a method that needs no login; `None` when it is another kind of method.
#[expect(clippy::wildcard_enum_match_arm, reason = "the table of all methods is in `call`")]
pub(super) fn answer(gateway: &Gateway, method: Method, params: &Params) -> Option<Answer> {
    Some(match method {
        Method::Hello | Method::Test => {
            let named = params.text("client_name").and(params.text("client_version"));
            named.map(|_| to_result(&Version { version: env!("CARGO_PKG_VERSION") }))
        }
        Method::Status => Ok(to_result(&raise::status(&gateway.venue))),
        Method::GetTime => Ok(to_result(&gateway.venue.now().millis())),
        Method::GetCurrencies => Ok(to_result(&currencies(&gateway.venue.exchange()))),
        Method::GetInstruments => instruments(gateway, params),
        Method::GetInstrument => instrument(gateway, params),
        Method::Ticker => ticker(gateway, params),
        Method::GetOrderBook => order_book(gateway, params),
        Method::GetLastTradesByInstrument => last_trades(gateway, params),
        Method::GetIndexPrice => index_price(gateway, params),
        Method::GetIndexPriceNames => Ok(to_result(&index_names(gateway))),
        Method::GetRiskArrays => super::margin::risk_arrays(gateway, params),
        Method::GetAssignment => assignment(gateway, params),
        Method::GetTranscript => super::delivery::transcript(gateway, params),
        Method::GetSettlementFixing => super::fixing::fixing(gateway, params),
        Method::GetLastTradesByInstrumentAndTime => last_trades_in(gateway, params),
        Method::GetBookSummaryByCurrency => book_summaries(gateway, params),
        Method::GetBookSummaryByInstrument => book_summary(gateway, params),
        Method::GetTradingviewChartData => super::chart::candles(gateway, params),
        Method::Replay(Replay::Public) => super::replay::channel(gateway, None, params),
        Method::Day(method) => super::day::answer(gateway, method, params),
        Method::Absent(reason) => Err(WireError::new(ErrorCode::NotImplemented, reason)),
        Method::GetLastSettlementsByInstrument => super::settled::last_settlements(gateway, params),
        _ => return None,
    })
}

/// The one currency, or none named.
pub(super) fn check_currency(params: &Params) -> Result<(), WireError> {
    match params.text("currency")?.as_deref() {
        None | Some("any" | raise::CURRENCY) => Ok(()),
        Some(_) => Err(WireError::param("currency", "must be USDC or any")),
    }
}

/// A kind of series, or none named.
pub(super) fn check_kind(params: &Params) -> Result<Option<String>, WireError> {
    const KINDS: [&str; 7] =
        ["any", "future", "option", "spot", "future_combo", "option_combo", "combo"];
    match params.text("kind")? {
        None => Ok(None),
        Some(kind) if kind == "any" => Ok(None),
        Some(kind) if KINDS.contains(&kind.as_str()) => Ok(Some(kind)),
        Some(_) => Err(WireError::param("kind", format!("must be one of {}", KINDS.join(", ")))),
    }
}

fn instruments(gateway: &Gateway, params: &Params) -> Answer {
    let currency = OfCurrency::of(params)?;
    let kind = check_kind(params)?;
    let expired = params.flag("expired")?.unwrap_or(false);
    let exchange = gateway.venue.exchange();
    let listed: Vec<WireInstrument> = exchange
        .series()
        .filter(|series| (series.state != SeriesState::Trading) == expired)
        .filter(|series| currency.lets_through(&series.instrument))
        .map(raise::instrument)
        .filter(|series| kind.as_ref().is_none_or(|kind| *kind == series.kind))
        .collect();
    drop(exchange);
    Ok(to_result(&listed))
}

fn instrument(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    lower::series(&exchange, params).map(|series| to_result(&raise::instrument(series)))
}

fn ticker(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    let (mut ticker, terms) = (raise::ticker(&exchange, series), series.instrument.clone());
    drop(exchange);
    ticker.stats = stats(gateway, &terms);
    Ok(to_result(&ticker))
}

fn order_book(gateway: &Gateway, params: &Params) -> Answer {
    let depth = params.integer("depth", DEPTH_MAX)?.unwrap_or(DEPTH).max(1);
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    let (mut book, terms) = (raise::book(&exchange, series, depth), series.instrument.clone());
    drop(exchange);
    book.ticker.stats = stats(gateway, &terms);
    Ok(to_result(&book))
}

/// Trades of one series.
#[derive(Serialize, JsonSchema)]
pub(super) struct Trades {
    /// The trades.
    trades: Vec<WireTrade>,
    /// Whether there are more than were asked for.
    has_more: bool,
}

fn last_trades(gateway: &Gateway, params: &Params) -> Answer {
    let (count, sorting) = (Count::of(params)?, Sorting::of(params)?);
    params.flag("include_old")?;
    let start = params.integer("start_seq", u64::MAX)?;
    let first = start.unwrap_or(u64::MIN);
    let last = params.integer("end_seq", u64::MAX)?.unwrap_or(u64::MAX);
    // Oldest first from a place on: a page forward. A series' trades are gapless, so the page's end is known.
    let is_forward = start.is_some() && matches!(sorting, Sorting::OldestFirst);
    let page = u64::try_from(count.and_one_more()).unwrap_or(u64::MAX);
    let page_end = first.saturating_add(page).saturating_sub(1);
    let last = if is_forward { last.min(page_end) } else { last };
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let history = gateway.venue.history();
    let mut records = history.trades_between(terms.id, first, last, count.and_one_more());
    if is_forward {
        records.reverse();
    }
    let has_more = count.cut(&mut records);
    if !is_forward {
        sorting.apply(&mut records);
    }
    let wire =
        |record: &TradeRecord| raise::public_trade(record, tick_direction(gateway, record), &terms);
    Ok(to_result(&Trades { trades: records.iter().map(wire).collect(), has_more }))
}

fn last_trades_in(gateway: &Gateway, params: &Params) -> Answer {
    let (count, span) = (Count::of(params)?, lower::span(params)?);
    params.flag("include_old")?;
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let mut records = gateway.venue.history().trades_in(terms.id, span, count.and_one_more());
    let has_more = count.cut(&mut records);
    let wire =
        |record: &TradeRecord| raise::public_trade(record, tick_direction(gateway, record), &terms);
    Ok(to_result(&Trades { trades: records.iter().map(wire).collect(), has_more }))
}

fn book_summaries(gateway: &Gateway, params: &Params) -> Answer {
    let currency = OfCurrency::of(params)?;
    let kind = check_kind(params)?;
    let exchange = gateway.venue.exchange();
    let tickers: Vec<(WireTicker, Instrument)> = exchange
        .series()
        .filter(|series| series.state == SeriesState::Trading)
        .filter(|series| currency.lets_through(&series.instrument))
        .filter(|series| kind.as_ref().is_none_or(|kind| raise::kind(&series.instrument) == kind))
        .map(|series| (raise::ticker(&exchange, series), series.instrument.clone()))
        .collect();
    drop(exchange);
    let summary = |(ticker, terms)| summary_of(gateway, ticker, &terms);
    let summaries: Vec<WireBookSummary> = tickers.into_iter().map(summary).collect();
    Ok(to_result(&summaries))
}

fn book_summary(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    let (ticker, terms) = (raise::ticker(&exchange, series), series.instrument.clone());
    drop(exchange);
    Ok(to_result(&[summary_of(gateway, ticker, &terms)]))
}

fn summary_of(gateway: &Gateway, mut ticker: WireTicker, terms: &Instrument) -> WireBookSummary {
    ticker.stats = stats(gateway, terms);
    raise::book_summary(ticker, terms)
}

/// How many rows are asked for.
pub(super) struct Count(usize);

impl Count {
    /// As many as fit on a page unless the client says otherwise.
    pub(super) fn of_rows(params: &Params) -> Result<Self, WireError> {
        if params.has("count") { Self::of(params) } else { Ok(Self(PAGE)) }
    }

    /// As many as there may be unless the client says otherwise.
    pub(super) fn of_replay(params: &Params) -> Result<Self, WireError> {
        if params.has("count") { Self::of(params) } else { Ok(Self(ROWS_MAX)) }
    }

    /// As many as Deribit shows of ended orders unless the client says otherwise.
    pub(super) fn of_orders(params: &Params) -> Result<Self, WireError> {
        if params.has("count") { Self::of(params) } else { Ok(Self(ORDERS)) }
    }

    /// The number itself.
    pub(super) const fn rows(&self) -> usize {
        self.0
    }

    pub(super) fn of(params: &Params) -> Result<Self, WireError> {
        let limit = u64::try_from(ROWS_MAX).unwrap_or(u64::MAX);
        let count = params.integer("count", limit)?;
        let count = count.map_or(COUNT, |count| usize::try_from(count).unwrap_or(ROWS_MAX));
        if count == 0 {
            let error = WireError::param("count", "must be at least 1");
            return Err(error.with_limit(Decimal::from(limit)));
        }
        Ok(Self(count))
    }

    /// What to read in order to know whether there is more.
    pub(super) fn and_one_more(&self) -> usize {
        self.0.saturating_add(1)
    }

    /// Drops what was read beyond it, and says whether there is more.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>) -> bool {
        // The history itself stops at the limit: then there may be more.
        let has_more = self.0 < rows.len() || ROWS_MAX <= rows.len();
        rows.truncate(self.0);
        has_more
    }
}

/// In which order rows are asked for.
pub(super) enum Sorting {
    NewestFirst,
    OldestFirst,
}

impl Sorting {
    pub(super) fn of(params: &Params) -> Result<Self, WireError> {
        match params.text("sorting")?.as_deref() {
            None | Some("default" | "desc") => Ok(Self::NewestFirst),
            Some("asc") => Ok(Self::OldestFirst),
            Some(_) => Err(WireError::param("sorting", "must be asc, desc or default")),
        }
    }

    /// Sorts rows that come newest first.
    pub(super) fn apply<T>(&self, rows: &mut [T]) {
        match self {
            Self::NewestFirst => {}
            Self::OldestFirst => rows.reverse(),
        }
    }
}

fn assignment(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let terms = &lower::series(&exchange, params)?.instrument;
    let (id, name) = (terms.id, terms.name.clone());
    drop(exchange);
    let published = gateway.venue.history().assignment(id).ok_or_else(|| {
        let reason = format!("{name} has not been assigned");
        WireError::new(ErrorCode::NotFound, reason).of("instrument_name")
    })?;
    Ok(to_result(&raise::assignment(&name, &published)))
}

fn index_price(gateway: &Gateway, params: &Params) -> Answer {
    let name = params.required_text("index_name")?;
    let grade = name.strip_suffix("_usd").unwrap_or(&name).to_ascii_uppercase();
    let exchange = gateway.venue.exchange();
    let known = GradeId::new(&grade)
        .filter(|grade| exchange.series().any(|series| series.instrument.grade == *grade));
    let Some(grade) = known else {
        return Err(WireError::param("index_name", "no such index"));
    };
    let price = exchange.index(&grade).and_then(raise::index_price);
    drop(exchange);
    let withheld = || {
        let reason = format!("the index of {grade} is withheld: it has too few observations now");
        WireError::new(ErrorCode::OtherReject, reason).of("index_name")
    };
    price.map(|price| to_result(&price)).ok_or_else(withheld)
}

fn index_names(gateway: &Gateway) -> Vec<String> {
    let exchange = gateway.venue.exchange();
    let names: std::collections::BTreeSet<String> =
        exchange.series().map(|series| raise::index_name(&series.instrument.grade)).collect();
    names.into_iter().collect()
}
