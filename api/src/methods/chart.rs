//! Candles, made of what a series' book has traded at.

use std::collections::BTreeMap;

use instruments::Instrument;

use super::Answer;
use crate::gateway::Gateway;
use crate::lower::{self, Resolution};
use crate::raise;
use crate::venue::history::CandleRecord;
use crate::wire::{Params, WireCandle, WireCandles, to_result};

pub(super) fn candles(gateway: &Gateway, params: &Params) -> Answer {
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let resolution = lower::resolution(params)?;
    let (first, last) = lower::candles(params, resolution, gateway.venue.now())?;
    let made = made(gateway, &terms, resolution, (first, last));
    let base = first.saturating_mul(resolution.parts());
    let history = gateway.venue.history();
    let before = history.candle_before(terms.id, resolution.made_of(), base);
    let mut close = before.map(|(_, candle)| candle.close);
    let mut answer = WireCandles::default();
    for number in first..=last {
        // Where nothing was traded the price is where it was; before the first trade there is none.
        let candle = match (made.get(&number), close) {
            (Some(candle), _) => *candle,
            (None, Some(close)) => CandleRecord::quiet(close),
            (None, None) => continue,
        };
        close = Some(candle.close);
        let tick = number.saturating_mul(resolution.millis());
        answer.push(&raise::candle(&candle, tick, &terms));
    }
    answer.status = if answer.ticks.is_empty() { "no_data" } else { "ok" }.to_owned();
    Ok(to_result(&answer))
}

/// One candle; `None` where nothing was traded.
pub(crate) fn candle(
    gateway: &Gateway,
    terms: &Instrument,
    resolution: Resolution,
    number: u64,
) -> Option<WireCandle> {
    let made = made(gateway, terms, resolution, (number, number));
    let tick = number.saturating_mul(resolution.millis());
    made.get(&number).map(|candle| raise::candle(candle, tick, terms))
}

/// The number of a series' newest candle.
pub(crate) fn newest_candle(
    gateway: &Gateway,
    terms: &Instrument,
    resolution: Resolution,
) -> Option<u64> {
    let history = gateway.venue.history();
    let newest = history.candle_before(terms.id, resolution.made_of(), u64::MAX);
    newest.map(|(number, _)| number.div_euclid(resolution.parts()))
}

/// Candles made of shorter ones, by number.
fn made(
    gateway: &Gateway,
    terms: &Instrument,
    resolution: Resolution,
    (first, last): (u64, u64),
) -> BTreeMap<u64, CandleRecord> {
    let parts = resolution.parts();
    let end = last.saturating_add(1).saturating_mul(parts).saturating_sub(1);
    let between = (first.saturating_mul(parts), end);
    let rows = gateway.venue.history().candles(terms.id, resolution.made_of(), between);
    let mut made: BTreeMap<u64, CandleRecord> = BTreeMap::new();
    for (number, part) in rows {
        let whole = made.entry(number.div_euclid(parts));
        whole.and_modify(|candle| *candle = candle.and(part)).or_insert(part);
    }
    made
}
