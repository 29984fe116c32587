//! What keeps prices from running away: bands that follow the mark, and the breaker of a series' book.

use instruments::{Instrument, InstrumentId, NanosSpan, Ppm, Price, Side};
use matching_engine::{Bands, BookTerms, Breaker, Call, PriceSource};

use crate::Exchange;
use crate::event::Event;
use crate::price::away_from;

/// A series is in front while it stops trading within this.
pub(crate) const FRONT: NanosSpan = NanosSpan::from_seconds(35 * 86_400);

/// The terms of a series' book.
pub(crate) fn book_terms(instrument: &Instrument) -> BookTerms {
    let reference = instrument.reference;
    let breaker = instrument.guards.breaker.map(|terms| Breaker {
        width: width_in_ticks(reference, terms.width),
        window: terms.window,
        call: Call { length: terms.call, random: terms.random },
        extensions: terms.extensions,
    });
    BookTerms { breaker, ..BookTerms::continuous(reference) }
}

/// BAND-004: at least a tick.
fn width_in_ticks(reference: Price, width: Ppm) -> u64 {
    let ticks = away_from(reference, Side::Buy, width).ticks().saturating_sub(reference.ticks());
    u64::try_from(ticks).unwrap_or(1).max(1)
}

impl Exchange {
    /// Sets the bands of a series around its mark.
    pub(crate) fn set_bands(&mut self, instrument: InstrumentId) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Some(widths) = series.instrument.guards.bands else { return };
        let left = series.instrument.schedule.last_trade_at.since(self.now);
        let width = if left <= FRONT { widths.front } else { widths.back };
        let bands = Bands {
            low: Some(away_from(series.mark, Side::Sell, width)),
            high: Some(away_from(series.mark, Side::Buy, width)),
        };
        self.engine.set_bands(instrument, bands);
    }

    /// Brings orders that wait a price.
    pub(crate) fn set_trigger_price(
        &mut self,
        instrument: InstrumentId,
        source: PriceSource,
        price: Price,
        events: &mut Vec<Event>,
    ) {
        self.cancel_unpayable(events);
        self.operate(events, |engine, out| engine.set_price(instrument, source, price, out));
    }
}
