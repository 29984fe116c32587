//! The prices at which variation settles: one for every day, and the last one.
//!
//! The venue's day is one variation cycle; its half-hour is a 48th of that, its half-minute a 2880th.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Product};

use crate::Exchange;
use crate::event::Event;
use crate::mark::{Impact, step_of};

/// Half-hours of a day, and partitions of a fixing.
pub(crate) const PARTITIONS: u64 = 48;
/// Steps of a half-hour's tape.
const HALF_MINUTES: u64 = 60;
/// Fewer trades, or fewer lots, are no market.
const TRADES_MIN: u64 = 5;
const LOTS_MIN: u64 = 10;

/// What a settlement price was made of: all that is needed to make it again.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SettlementSource {
    /// The average price of what traded in the last half-hour, to the nearest tick.
    Trades {
        /// How many trades.
        trades: u64,
        /// How many lots.
        lots: u64,
        /// Ticks times lots.
        value: i128,
    },
    /// The middle of what the impact amount reaches on both sides.
    Book(Impact),
    /// The mark.
    Mark,
    /// The fixing over the index's last day, to the nearest tick.
    Index {
        /// When the last partition ends.
        until: Nanos,
        /// How long each is.
        partition: NanosSpan,
        /// The last value in each, oldest first.
        values: Vec<Option<MicroUsd>>,
    },
}

/// What a series can settle at, seen at the instant of its last trade.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Closing {
    /// The last half-hour's trades, the book, or the mark.
    pub price: Price,
    /// Which of them.
    pub source: SettlementSource,
    /// The index's last day.
    pub index: Vec<Option<MicroUsd>>,
}

impl Exchange {
    pub(crate) fn half_minute(&self) -> NanosSpan {
        let parts = PARTITIONS.saturating_mul(HALF_MINUTES);
        NanosSpan::new(self.variation_every().nanos().div_euclid(parts).max(1))
    }

    /// How long one partition of a fixing is.
    pub(crate) fn partition(&self) -> NanosSpan {
        NanosSpan::new(self.variation_every().nanos().div_euclid(PARTITIONS).max(1))
    }

    /// Fixes the price at which the cycle that is due settles a series. None for what variation does not settle.
    pub(crate) fn fix_daily_price(
        &mut self,
        instrument: InstrumentId,
        events: &mut Vec<Event>,
    ) -> Option<Price> {
        let series = self.series.get(&instrument)?;
        if series.instrument.is_premium_style() {
            return None;
        }
        let (price, source) = self.day_price(instrument, self.variation_at, series.mark)?;
        self.series.get_mut(&instrument)?.daily_price = Some(price);
        events.push(Event::SettlementPriceFixed { instrument, price, source });
        Some(price)
    }

    /// SETTLE-001: the last half-hour's trades, else the middle of the book, else the mark.
    fn day_price(
        &self,
        instrument: InstrumentId,
        at: Nanos,
        mark: Price,
    ) -> Option<(Price, SettlementSource)> {
        let series = self.series.get(&instrument)?;
        // An option ends against its future.
        if !series.is_cleared() || matches!(series.instrument.product, Product::Option { .. }) {
            return None;
        }
        let traded = series.pricing.half_hour.total(step_of(at, self.half_minute()));
        if TRADES_MIN <= traded.trades
            && LOTS_MIN <= traded.lots
            && let Some(price) = traded.average()
        {
            let (trades, lots, value) = (traded.trades, traded.lots, traded.value);
            return Some((price, SettlementSource::Trades { trades, lots, value }));
        }
        let impact = Impact::of(&series.instrument, &self.engine.book(instrument)?);
        let narrow = impact.filter(|it| it.is_within(series.instrument.guards.mark.spread_max));
        Some(match narrow {
            Some(impact) => (impact.mid(), SettlementSource::Book(impact)),
            None => (mark, SettlementSource::Mark),
        })
    }

    /// What a series can settle at, at the instant of its last trade and with all that is open then.
    pub(crate) fn closing(&self, instrument: InstrumentId, at: Nanos) -> Option<Closing> {
        let mark = self.mark_at(instrument, at)?;
        let (price, source) = self.day_price(instrument, at, mark)?;
        let series = self.series.get(&instrument)?;
        let history = self.indices.get(&series.instrument.grade);
        let index = history.map(|history| history.window(at, self.partition()));
        Some(Closing { price, source, index: index.unwrap_or_default() })
    }

    /// INDEX-004, INDEX-005: the fixing over the index's last day; where it cannot be made, the day's price at the last trade.
    pub(crate) fn last_price(&self, instrument: InstrumentId) -> Option<(Price, SettlementSource)> {
        let series = self.series.get(&instrument)?;
        let Some(closing) = &series.closing else {
            // The index prices compute; what is not cleared ends at whatever it was listed at.
            return Some((series.mark, SettlementSource::Mark));
        };
        // What settles against the index goes on doing so: only its trading has ended.
        let fixing = oracle::fixing(&closing.index);
        if let Some(value) = fixing.filter(|_| !series.instrument.settles_against_index()) {
            let until = series.instrument.schedule.last_trade_at;
            let (partition, values) = (self.partition(), closing.index.clone());
            let source = SettlementSource::Index { until, partition, values };
            return Some((series.instrument.nearest_price(value), source));
        }
        Some((closing.price, closing.source.clone()))
    }
}
