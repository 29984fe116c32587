//! What keeps prices from running away: bands that follow the mark, and the breaker of a series' book.

use instruments::{Instrument, InstrumentId, NanosSpan, Ppm, Price, Side};
use matching_engine::{Bands, BookTerms, Breaker, Call, PriceSource};

use crate::Exchange;
use crate::event::Event;
use crate::price::away_from;

/// A series is in front while it stops trading within this.
pub(crate) const FRONT: NanosSpan = NanosSpan::from_seconds(35 * 86_400);

/// How far from an option's mark a limit may be at least, as a share of it.
const PREMIUM_WIDTH: Ppm = Ppm::new(500_000);

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
    u64::try_from(reach(reference, width)).unwrap_or(1).max(1)
}

/// So many ticks is a share of a price.
fn reach(price: Price, width: Ppm) -> i64 {
    away_from(price, Side::Buy, width).ticks().saturating_sub(price.ticks())
}

/// The lowest limit of a sell and the highest of a buy: by the width of the mark. BAND-005: where the premium is paid at once by half of
/// the mark, and by no less than the width of the strike.
fn edges(terms: &Instrument, mark: Price, width: Ppm) -> (Price, Price) {
    let around = |share| (away_from(mark, Side::Sell, share), away_from(mark, Side::Buy, share));
    let Some(strike) = terms.strike() else { return around(width) };
    let (low, high) = around(width.max(PREMIUM_WIDTH));
    let reach = reach(strike, width);
    let at = |ticks: i64| Price::from_ticks(ticks.clamp(1, Instrument::PRICE_MAX.ticks()));
    let below = at(mark.ticks().saturating_sub(reach));
    (low.min(below), high.max(at(mark.ticks().saturating_add(reach))))
}

impl Exchange {
    /// Sets the bands of a series around its mark.
    pub(crate) fn set_bands(&mut self, instrument: InstrumentId) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Some(widths) = series.instrument.guards.bands else { return };
        let left = series.instrument.schedule.last_trade_at.since(self.now);
        let width = if left <= FRONT { widths.front } else { widths.back };
        let (low, high) = edges(&series.instrument, series.mark, width);
        self.engine.set_bands(instrument, Bands { low: Some(low), high: Some(high) });
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
        // OPS-006: it is brought when the series is open again.
        if !self.is_open_in(instrument) {
            return;
        }
        self.operate(events, |engine, out| engine.set_price(instrument, source, price, out));
    }
}
