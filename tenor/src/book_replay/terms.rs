//! From the first line to the terms of the book.

use instruments::{NanosSpan, Price, Qty};
use matching_engine::{Allocation, Bands, BookMode, BookTerms, Breaker, Call};

use serde_json::value::RawValue;

use super::ReplayError;
use super::line::{BandLine, BookLine, BreakerLine, Text};
use super::tick::Tick;
use super::value::{Refused, given, lots, millis, needed, whole};

/// The least share of a pro-rata allocation when the first line does not say: what CME has in most of its books.
const PRO_RATA_MIN: Qty = Qty::from_lots(2);

/// Everything the first line decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) tick: Tick,
    pub(super) book: BookTerms,
    pub(super) bands: Bands,
    /// Whether events of every kind are printed.
    pub(super) is_verbose: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            tick: Tick::default(),
            book: BookTerms::continuous(Price::from_ticks(0)),
            bands: Bands::default(),
            is_verbose: false,
        }
    }
}

impl Terms {
    /// Reads the first line, which is line `line` of the input.
    pub(super) fn read(terms: &BookLine, line: u64) -> Result<Self, ReplayError> {
        let refused = |(field, reason)| ReplayError::Field { line, command: "book", field, reason };
        let is_shared = is_pro_rata(terms, line)?;
        let tick = tick_of(terms, line)?;
        let reference = terms.reference.as_ref().map(|text| tick.price(text.get(), "reference"));
        let reference = reference.transpose().map_err(|reason| refused(("reference", reason)))?;
        let batch = terms.batch.as_ref().map(|text| some_time(text, "batch"));
        let batch = batch.map(|every| every.map(|every| BookMode::Batch { every }));
        let batch = batch.transpose().map_err(|reason| refused(("batch", reason)))?;
        if terms.breaker.is_some() && batch.is_some() {
            // Between two batches nothing trades, so nothing could trip it.
            return Err(refused(("breaker", Refused::Unsupported("batch"))));
        }
        if terms.breaker.is_some() && reference.is_none() {
            return Err(refused(("reference", Refused::Missing("reference"))));
        }
        let breaker = terms.breaker.as_ref().map(|terms| breaker(terms, tick));
        let bands = terms.band.as_ref().map(|terms| bands(terms, tick)).transpose();
        Ok(Self {
            tick,
            book: BookTerms {
                allocation: allocation(terms, is_shared).map_err(refused)?,
                mode: batch.unwrap_or(BookMode::Continuous),
                breaker: breaker.transpose().map_err(|reason| refused(("breaker", reason)))?,
                ..BookTerms::continuous(reference.unwrap_or(Price::from_ticks(0)))
            },
            bands: bands.map_err(|(_, reason)| refused(("band", reason)))?.unwrap_or_default(),
            is_verbose: terms.verbose.unwrap_or(false),
        })
    }
}

fn is_pro_rata(terms: &BookLine, line: u64) -> Result<bool, ReplayError> {
    match terms.allocation.as_deref() {
        None | Some("fifo") => Ok(false),
        Some("pro_rata") => Ok(true),
        Some(other) => {
            let (field, value) = ("allocation", format!("`{other}`"));
            Err(ReplayError::Terms { line, field, value, expected: "`fifo` or `pro_rata`" })
        }
    }
}

fn tick_of(terms: &BookLine, line: u64) -> Result<Tick, ReplayError> {
    let Some(text) = &terms.tick else { return Ok(Tick::default()) };
    let expected = "a decimal above 0 of at most 9 digits";
    let value = text.get().to_owned();
    Tick::parse(text.get()).ok_or(ReplayError::Terms { line, field: "tick", value, expected })
}

/// A field and what is wrong with it.
type Fault = (&'static str, Refused);

fn allocation(terms: &BookLine, is_shared: bool) -> Result<Allocation, Fault> {
    if is_shared {
        let min = terms.pro_rata_min.as_ref().map(|text| lots(text, "pro_rata_min"));
        let min = min.transpose().map_err(|reason| ("pro_rata_min", reason))?;
        let top = terms.top.unwrap_or(false);
        return Ok(Allocation::ProRata { min: min.unwrap_or(PRO_RATA_MIN), top });
    }
    if terms.pro_rata_min.is_some() {
        return Err(("pro_rata_min", Refused::Unsupported("pro_rata_min")));
    }
    if terms.top == Some(true) {
        return Err(("top", Refused::Unsupported("top")));
    }
    Ok(Allocation::Fifo)
}

fn breaker(terms: &BreakerLine, tick: Tick) -> Result<Breaker, Refused> {
    let width = tick.price(needed(&terms.width, "width")?.get(), "width")?;
    let width = u64::try_from(width.ticks()).ok().ok_or(Refused::Invalid("width"))?;
    let random = terms.random.as_ref().map_or(Ok(NanosSpan::ZERO), |text| span(text, "random"));
    let extensions = terms.extensions.as_ref().map_or(Ok(0), |text| whole(text, "extensions"))?;
    Ok(Breaker {
        width,
        window: some_time(needed(&terms.window, "window")?, "window")?,
        call: Call {
            length: some_time(needed(&terms.length, "length")?, "length")?,
            random: random?,
        },
        extensions: u8::try_from(extensions).ok().ok_or(Refused::Invalid("extensions"))?,
    })
}

fn span(text: &RawValue, field: &'static str) -> Result<NanosSpan, Refused> {
    millis(text, field).map(NanosSpan::new)
}

/// Reads a span that is not empty.
fn some_time(text: &RawValue, field: &'static str) -> Result<NanosSpan, Refused> {
    span(text, field).and_then(|span| {
        if span == NanosSpan::ZERO { Err(Refused::Invalid(field)) } else { Ok(span) }
    })
}

/// Reads both limits; on failure which, and why.
pub(super) fn bands(terms: &BandLine, tick: Tick) -> Result<Bands, Fault> {
    let limit = |text: &Text, field| {
        let limit = given(text).map(|text| tick.price(text.get(), field));
        limit.transpose().map_err(|reason| (field, reason))
    };
    Ok(Bands { low: limit(&terms.low, "low")?, high: limit(&terms.high, "high")? })
}
