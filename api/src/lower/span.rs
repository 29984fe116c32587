//! Stretches of time, pages, and how long a candle lasts.

use instruments::Nanos;
use rust_decimal::Decimal;

use super::order::{MILLIS_MAX, NANOS_PER_MILLI};
use crate::venue::history::{CandleWidth, Span};
use crate::wire::{Params, WireError};

/// Rows that may be passed over: a page further back is asked for by time.
pub(crate) const OFFSET_MAX: u64 = 10_000;

/// From when to when, both included, and from which end: the beginning where one is given, unless `sorting` says otherwise.
pub(crate) fn span(params: &Params) -> Result<Span, WireError> {
    let start = params.integer("start_timestamp", MILLIS_MAX)?;
    let end = params.integer("end_timestamp", MILLIS_MAX)?.unwrap_or(MILLIS_MAX);
    let oldest_first = match params.text("sorting")?.as_deref() {
        None | Some("default") => start.is_some(),
        Some("asc") => true,
        Some("desc") => false,
        Some(_) => return Err(WireError::param("sorting", "must be asc, desc or default")),
    };
    let millis = |millis: u64| Nanos::new(millis.saturating_mul(NANOS_PER_MILLI));
    // All of the last millisecond.
    let last = millis(end).nanos().saturating_add(NANOS_PER_MILLI.saturating_sub(1));
    Ok(Span { first: millis(start.unwrap_or(0)), last: Nanos::new(last), oldest_first })
}

/// How many rows to pass over.
pub(crate) fn offset(params: &Params) -> Result<usize, WireError> {
    let offset = params.integer("offset", OFFSET_MAX)?.unwrap_or(0);
    Ok(usize::try_from(offset).unwrap_or(usize::MAX))
}

/// How long a candle lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolution {
    minutes: u64,
}

/// Deribit's words for them, with their minutes.
const RESOLUTIONS: [(&str, u64); 12] = [
    ("1", 1),
    ("3", 3),
    ("5", 5),
    ("10", 10),
    ("15", 15),
    ("30", 30),
    ("60", 60),
    ("120", 120),
    ("180", 180),
    ("360", 360),
    ("720", 720),
    ("1D", 1_440),
];

impl Resolution {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let known = RESOLUTIONS.iter().find(|(name, _)| *name == text);
        known.map(|(_, minutes)| Self { minutes: *minutes })
    }

    /// All that there are, for whoever asked for another.
    pub(crate) fn names() -> [&'static str; 12] {
        RESOLUTIONS.map(|(name, _)| name)
    }

    pub(crate) fn known() -> String {
        RESOLUTIONS.map(|(name, _)| name).join(", ")
    }

    /// The longest candles that are kept and of which these are made.
    pub(crate) const fn made_of(self) -> CandleWidth {
        match self.minutes {
            0..5 => CandleWidth::Minute,
            5..60 => CandleWidth::FiveMinutes,
            60..1_440 => CandleWidth::Hour,
            _ => CandleWidth::Day,
        }
    }

    /// How many of those.
    pub(crate) const fn parts(self) -> u64 {
        self.minutes.div_euclid(self.made_of().minutes())
    }

    pub(crate) const fn millis(self) -> u64 {
        self.minutes.saturating_mul(60_000)
    }
}

/// The resolution that a request must name, under Deribit's words.
pub(crate) fn resolution(params: &Params) -> Result<Resolution, WireError> {
    // A number in a JSON-RPC request is as good as the text that Deribit's reference shows.
    let text = match params.text("resolution") {
        Ok(Some(text)) => text,
        Ok(None) => return Err(crate::wire::missing("resolution")),
        Err(_) => params.number("resolution")?.map_or(String::new(), |number| number.to_string()),
    };
    Resolution::parse(&text).ok_or_else(|| {
        WireError::param("resolution", format!("must be one of {}", Resolution::known()))
    })
}

/// Candles of one answer, and rows that they are made of.
pub(crate) const CANDLES_MAX: u64 = 5_000;

/// Which candles are asked for, by number since 1970: the last that fit, and none that has not begun.
pub(crate) fn candles(
    params: &Params,
    resolution: Resolution,
    now: Nanos,
) -> Result<(u64, u64), WireError> {
    let start = params.required_integer("start_timestamp", MILLIS_MAX)?;
    let end = params.required_integer("end_timestamp", MILLIS_MAX)?;
    if end < start {
        let error = WireError::param("end_timestamp", "must not be before start_timestamp");
        return Err(error.with_limit(Decimal::from(start)));
    }
    let last = end.min(now.millis()).div_euclid(resolution.millis());
    // Rounded down: the candle that holds the first instant is asked for.
    let first = start.div_euclid(resolution.millis());
    Ok((first.max(last.saturating_sub(CANDLES_MAX.saturating_sub(1))), last))
}

/// Of which type settlements are asked for. Nobody's bankruptcy is a settlement here: what others bear is a split of its own.
pub(crate) fn settlement_type(params: &Params) -> Result<Option<&'static str>, WireError> {
    match params.text("type")?.as_deref() {
        None => Ok(None),
        Some("settlement") => Ok(Some("settlement")),
        Some("delivery") => Ok(Some("delivery")),
        Some("bankruptcy") => Ok(Some("bankruptcy")),
        Some(_) => Err(WireError::param("type", "must be settlement, delivery or bankruptcy")),
    }
}

/// From where a search goes back.
pub(crate) fn search_start(params: &Params) -> Result<Nanos, WireError> {
    let millis = params.integer("search_start_timestamp", MILLIS_MAX)?.unwrap_or(MILLIS_MAX);
    let nanos = millis.saturating_mul(NANOS_PER_MILLI);
    Ok(Nanos::new(nanos.saturating_add(NANOS_PER_MILLI.saturating_sub(1))))
}
