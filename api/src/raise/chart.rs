//! Candles, and series beside each other.

use exchange::{Exchange, Series};
use instruments::{Instrument, MicroUsd};
use rust_decimal::Decimal;

use super::{CURRENCY, listing, ticker};
use crate::venue::history::CandleRecord;
use crate::wire::{Number, WireBookSummary, WireCandle};

/// A candle that begins at `tick`.
pub(crate) fn candle(record: &CandleRecord, tick: u64, terms: &Instrument) -> WireCandle {
    let decimal = |price| Number::from(terms.price_to_decimal(price));
    let micros = record
        .tick_lots
        .saturating_mul(i128::from(terms.tick_size.micros()))
        .saturating_mul(i128::from(terms.hours_per_lot));
    WireCandle {
        tick,
        open: decimal(record.open),
        high: decimal(record.high),
        low: decimal(record.low),
        close: decimal(record.close),
        volume: record.volume.into(),
        // What does not fit the ledger was not traded.
        cost: MicroUsd::from_i128(micros).unwrap_or_default().into(),
    }
}

/// A series among others.
pub(crate) fn book_summary(exchange: &Exchange, series: &Series) -> WireBookSummary {
    let ticker = ticker(exchange, series);
    let touch = ticker.best_bid_price.zip(ticker.best_ask_price);
    WireBookSummary {
        base_currency: listing::root(&series.instrument).to_owned(),
        quote_currency: CURRENCY.to_owned(),
        bid_price: ticker.best_bid_price,
        ask_price: ticker.best_ask_price,
        mid_price: touch.map(|(bid, ask)| Number((bid.0 + ask.0) / Decimal::TWO)),
        mark_price: ticker.mark_price,
        last: ticker.last_price,
        high: ticker.stats.high,
        low: ticker.stats.low,
        volume: ticker.stats.volume,
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
