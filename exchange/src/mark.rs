//! The mark price: the median of an anchor, the book's mid and the newest trade.
//!
//! The anchor is the index, or the mark itself while the oracle withholds. A leg that is missing is replaced by the anchor, so that
//! neither a lonely quote nor a lonely trade can move the mark.

use instruments::rounding::div_floor;
use instruments::{InstrumentId, MicroUsd, NanosSpan, Price};
use matching_engine::{BookView, Phase, PriceSource};

use crate::Exchange;
use crate::event::Event;
use crate::run_timers::later;
use crate::series::{Series, SeriesState};

/// Bounds how often trading may recompute margin for all who hold positions.
const MARKS_AFTER: NanosSpan = NanosSpan::from_seconds(1);

impl Exchange {
    /// Asks for fresh marks within a second.
    pub(crate) fn marks_due_soon(&mut self) {
        if self.marks_at.is_none() {
            self.marks_at = Some(later(self.now, MARKS_AFTER));
        }
    }

    /// Recomputes the marks of all series that changed, and the holds of whoever has a stake in one whose mark moved.
    pub(crate) fn refresh_marks(&mut self, events: &mut Vec<Event>) {
        self.marks_at = None;
        for instrument in std::mem::take(&mut self.unmarked) {
            self.tell_indicative(instrument, events);
            self.refresh_scale(instrument, events);
            let Some(mark) = self.fresh_mark(instrument) else { continue };
            self.set_mark(instrument, mark, events);
        }
    }

    pub(crate) fn set_mark(
        &mut self,
        instrument: InstrumentId,
        mark: Price,
        events: &mut Vec<Event>,
    ) {
        let Some(series) = self.series.get_mut(&instrument) else { return };
        if series.mark == mark {
            return;
        }
        series.mark = mark;
        self.follow_mark(instrument);
        events.push(Event::MarkChanged { instrument, mark });
        let mut affected: std::collections::BTreeSet<_> =
            self.positions.of_instrument(instrument).map(|(account, _)| account).collect();
        let with_orders = self.open_orders.iter().filter(|(_, by)| by.contains_key(&instrument));
        affected.extend(with_orders.map(|(account, _)| *account));
        for account in affected {
            self.rehold(account);
        }
        self.set_bands(instrument);
        self.set_trigger_price(instrument, PriceSource::Mark, mark, events);
    }

    pub(crate) fn fresh_mark(&self, instrument: InstrumentId) -> Option<Price> {
        let series = self.series.get(&instrument)?;
        // The index prices compute; what an option or a spread is worth, nobody has said yet.
        if series.state != SeriesState::Trading || !series.is_cleared() {
            return None;
        }
        let index = self.index_value(&series.instrument.grade);
        Some(mark(series, &self.engine.book(instrument)?, index))
    }
}

/// MARK-001: the median of anchor, mid and last trade.
fn mark(series: &Series, book: &BookView<'_>, index: Option<MicroUsd>) -> Price {
    let anchor = index.map_or(series.mark, |value| series.instrument.nearest_price(value));
    let mid = match (book.best_bid(), book.best_ask()) {
        (Some((bid, _)), Some((ask, _))) if book.phase() == Phase::Continuous => {
            let sum = i128::from(bid.ticks()).saturating_add(i128::from(ask.ticks()));
            Price::from_ticks(i64::try_from(div_floor(sum, 2)).unwrap_or(1))
        }
        // What is collected for an auction may cross: its middle says nothing.
        (Some(_), Some(_)) | (None, _) | (_, None) => anchor,
    };
    let last = series.last_trade.unwrap_or(anchor);
    median(anchor, mid, last)
}

fn median(a: Price, b: Price, c: Price) -> Price {
    a.min(b).max(a.max(b).min(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_001_the_median_of_three_in_any_order() {
        for [a, b, c] in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
            let [a, b, c] = [a, b, c].map(Price::from_ticks);
            assert_eq!(median(a, b, c), Price::from_ticks(2));
        }
    }
}
