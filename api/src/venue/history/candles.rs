//! Candles: what a series' book traded at in each minute, five minutes, hour and day. Blocks are agreed elsewhere and are in none.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::io::{Direction, Scan};
use instruments::{InstrumentId, Nanos, Price, Qty};

use super::record::TradeRecord;
use super::{Draft, History, ROWS_MAX, key};

/// How long a candle that is kept lasts. Longer ones are made of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandleWidth {
    /// A minute.
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl CandleWidth {
    const ALL: [Self; 4] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    /// In minutes.
    #[must_use]
    pub const fn minutes(self) -> u64 {
        match self {
            Self::Minute => 1,
            Self::FiveMinutes => 5,
            Self::Hour => 60,
            Self::Day => 1_440,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Minute => 0,
            Self::FiveMinutes => 1,
            Self::Hour => 2,
            Self::Day => 3,
        }
    }
}

/// What was traded in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CandleRecord {
    /// The first price.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// The last.
    pub close: Price,
    /// How much.
    pub volume: Qty,
    /// The sum of price in ticks times lots.
    pub tick_lots: i128,
}

impl CandleRecord {
    fn of(trade: &TradeRecord) -> Self {
        let (price, volume) = (trade.price, trade.qty);
        let ticks = i128::from(price.ticks());
        let tick_lots = ticks.saturating_mul(i128::from(volume.lots()));
        Self { open: price, high: price, low: price, close: price, volume, tick_lots }
    }

    /// A time in which nothing was traded, after a trade at this price.
    #[must_use]
    pub const fn quiet(close: Price) -> Self {
        let volume = Qty::ZERO;
        Self { open: close, high: close, low: close, close, volume, tick_lots: 0 }
    }

    /// This and what came after it.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let mut volume = self.volume;
        volume += later.volume;
        Self {
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            close: later.close,
            volume,
            tick_lots: self.tick_lots.saturating_add(later.tick_lots),
        }
    }
}

/// Minutes since 1970.
pub(crate) fn minute_of(at: Nanos) -> u64 {
    at.nanos().div_euclid(60_000_000_000)
}

impl History {
    /// A series' candles of one width, by their number since 1970, from one to another, both included, oldest first. Where nothing was
    /// traded there is none.
    #[must_use]
    pub fn candles(
        &self,
        instrument: InstrumentId,
        width: CandleWidth,
        (first, last): (u64, u64),
    ) -> Vec<(u64, CandleRecord)> {
        let prefix = key::candles(instrument, width.code());
        let mut found: Vec<(u64, CandleRecord)> = Vec::new();
        let mut after = first.checked_sub(1);
        loop {
            let after_key = after.map(|number| key::candle(instrument, width.code(), number));
            let scan = Scan {
                tree: key::CANDLES.name(),
                prefix: &prefix,
                after: after_key.as_deref(),
                direction: Direction::Ascending,
                limit: ROWS_MAX,
            };
            let rows = self.ask(|store| store.scan(&scan)).unwrap_or_default();
            let is_end = rows.len() < ROWS_MAX;
            for (key, value) in rows {
                let Some(number) = key::tail(&key).map(u64::from_be_bytes) else { continue };
                if last < number {
                    return found;
                }
                after = Some(number);
                found.extend(self.decode(&value).map(|candle| (number, candle)));
            }
            if is_end {
                return found;
            }
        }
    }

    /// The newest candle of one width before a number.
    #[must_use]
    pub fn candle_before(
        &self,
        instrument: InstrumentId,
        width: CandleWidth,
        number: u64,
    ) -> Option<(u64, CandleRecord)> {
        let before = key::candle(instrument, width.code(), number);
        let prefix = key::candles(instrument, width.code());
        let rows = self.newest(&key::CANDLES, &prefix, Some(&before), 1);
        let (key, value) = rows.first()?;
        Some((key::tail(key).map(u64::from_be_bytes)?, self.decode(value)?))
    }
}

impl Draft<'_> {
    /// Adds a trade to the candles of its time.
    pub(super) fn candles(&mut self, trade: &TradeRecord) {
        let minute = minute_of(trade.at);
        for width in CandleWidth::ALL {
            let number = minute.div_euclid(width.minutes());
            let key = key::candle(trade.instrument, width.code(), number);
            let now = CandleRecord::of(trade);
            let known: Option<CandleRecord> = self.get(&key::CANDLES, &key);
            let candle = known.map_or(now, |known| known.and(now));
            self.put(&key::CANDLES, key, &candle);
        }
    }
}
