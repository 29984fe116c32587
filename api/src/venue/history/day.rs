//! What a series' book traded at in the last 24 hours, to five minutes.
//!
//! What is older than ten minutes changes every five minutes at most, and is added up once for everybody; the rest is two reads.

use instruments::{InstrumentId, Nanos};

use super::candles::minute_of;
use super::{CandleRecord, CandleWidth, History};

/// Candles of five minutes in a day.
const DAY: u64 = 288;

impl History {
    /// One candle of the last 24 hours; `None` when nothing was traded.
    #[must_use]
    pub fn last_day(&self, instrument: InstrumentId, now: Nanos) -> Option<CandleRecord> {
        let width = CandleWidth::FiveMinutes;
        let number = minute_of(now).div_euclid(width.minutes());
        // What was traded a moment ago may not be written yet: the candle before may still change.
        let recent = number.saturating_sub(1);
        let known = self.days.lock().get(&instrument).copied();
        let older = match known.filter(|(of, _)| *of == number) {
            Some((_, older)) => older,
            None => {
                let first = number.saturating_sub(DAY.saturating_sub(1));
                let last = recent.saturating_sub(1);
                let candles = self.candles(instrument, width, (first, last));
                let older = sum(candles.into_iter().map(|(_, candle)| candle));
                self.days.lock().insert(instrument, (number, older));
                older
            }
        };
        let newest = self.candles(instrument, width, (recent, number));
        sum(older.into_iter().chain(newest.into_iter().map(|(_, candle)| candle)))
    }
}

fn sum(candles: impl Iterator<Item = CandleRecord>) -> Option<CandleRecord> {
    candles.reduce(CandleRecord::and)
}
