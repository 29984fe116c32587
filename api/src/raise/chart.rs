//! Candles, and series beside each other.

use instruments::{Instrument, MicroUsd};
use rust_decimal::Decimal;

use super::{CURRENCY, listing};
use crate::venue::history::CandleRecord;
use crate::wire::{Number, WireBookSummary, WireCandle, WireStats, WireTicker};

/// A candle that begins at `tick`.
pub(crate) fn candle(record: &CandleRecord, tick: u64, terms: &Instrument) -> WireCandle {
    let decimal = |price| Number::from(terms.price_to_decimal(price));
    WireCandle {
        tick,
        open: decimal(record.open),
        high: decimal(record.high),
        low: decimal(record.low),
        close: decimal(record.close),
        volume: record.volume.into(),
        // What does not fit the ledger was not traded.
        cost: MicroUsd::from_i128(cost(record, terms)).unwrap_or_default().into(),
    }
}

/// What was traded was worth so much, in micro-dollars.
pub(crate) fn cost(record: &CandleRecord, terms: &Instrument) -> i128 {
    record
        .tick_lots
        .saturating_mul(i128::from(terms.tick_size.micros()))
        .saturating_mul(i128::from(terms.hours_per_lot))
}

/// What the candle of a day makes of a ticker. Percents are rounded to a ten-thousandth, ties to even.
pub(crate) fn stats(day: Option<&CandleRecord>, terms: &Instrument) -> WireStats {
    let Some(day) = day else { return WireStats::default() };
    let decimal = |price| Number::from(terms.price_to_decimal(price));
    let (open, close) = (Decimal::from(day.open.ticks()), Decimal::from(day.close.ticks()));
    let change = (close - open).checked_mul(Decimal::ONE_HUNDRED);
    let change = change.and_then(|change| change.checked_div(open));
    WireStats {
        volume: day.volume.into(),
        volume_usd: MicroUsd::from_i128(cost(day, terms)).unwrap_or_default().into(),
        high: Some(decimal(day.high)),
        low: Some(decimal(day.low)),
        price_change: change.map(|change| Number(change.round_dp(4).normalize())),
    }
}

/// A series among others.
pub(crate) fn book_summary(ticker: WireTicker, terms: &Instrument) -> WireBookSummary {
    let touch = ticker.best_bid_price.zip(ticker.best_ask_price);
    WireBookSummary {
        base_currency: listing::root(terms).to_owned(),
        quote_currency: CURRENCY.to_owned(),
        bid_price: ticker.best_bid_price,
        ask_price: ticker.best_ask_price,
        mid_price: touch.map(|(bid, ask)| Number((bid.0 + ask.0) / Decimal::TWO)),
        mark_price: ticker.mark_price,
        last: ticker.last_price,
        high: ticker.stats.high,
        low: ticker.stats.low,
        volume: ticker.stats.volume,
        volume_usd: ticker.stats.volume_usd,
        open_interest: ticker.open_interest,
        price_change: ticker.stats.price_change,
        estimated_delivery_price: ticker.estimated_delivery_price,
        mark_iv: ticker.mark_iv,
        underlying_price: ticker.underlying_price,
        underlying_index: ticker.underlying_index,
        interest_rate: ticker.interest_rate,
        creation_timestamp: ticker.timestamp,
        instrument_name: ticker.instrument_name,
    }
}
