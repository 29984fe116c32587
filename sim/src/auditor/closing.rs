//! What time does to the books: when marks must have followed them, and what a series' mark was when it stopped.

use exchange::Event;
use instruments::{InstrumentId, Nanos, Product};
use matching_engine::CancelReason;

use super::{Auditor, MARKS_AFTER, Sheet};

impl Auditor {
    pub(super) fn note_closing(&mut self, instrument: InstrumentId) {
        let priced = self.prices.terms(instrument).map(|(terms, _)| match terms.product {
            Product::Option { underlying, .. } => underlying,
            Product::Future { .. } | Product::Cap { .. } | Product::Spread { .. } => instrument,
        });
        // An option ends against its future, which may have stopped with it.
        let priced = priced.unwrap_or(instrument);
        let mark = self.prices.fresh_mark(priced, self.orders.bests(priced));
        self.note_lot_value(instrument);
        self.closing.extend(mark.map(|mark| (instrument, mark)));
    }

    /// The series that stops with this command and whose book an event changes before it stops: by an order that ends by itself, or by
    /// an auction. What is cancelled because the series stops comes after that.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else happens in a book before that"
    )]
    pub(super) fn stirs_closing(&self, event: &Event, sheet: &Sheet) -> Option<InstrumentId> {
        let instrument = match event {
            Event::Traded(traded) => traded.instrument,
            Event::OrderTriggered { instrument, .. }
            | Event::OrderAmended { instrument, .. }
            | Event::AuctionEnded { instrument, .. } => *instrument,
            Event::OrderCancelled { instrument, order, reason, .. } => {
                let last = *sheet.stopping.get(instrument)?;
                let is_stopped =
                    *reason == CancelReason::Expired && !self.orders.ends_before(*order, last);
                return (!is_stopped).then_some(*instrument);
            }
            _ => return None,
        };
        sheet.stopping.contains_key(&instrument).then_some(instrument)
    }

    /// When what happened in the books must have reached the marks. What time has done comes before a tick computes them.
    pub(super) fn note_marks(&mut self, now: Nanos, events: &[Event], sheet: &Sheet) {
        let always = |event: &Event| matches!(event, Event::SeriesExpired { .. });
        let stirs = |event: &Event| {
            matches!(
                event,
                Event::OrderAccepted(_)
                    | Event::OrderAmended { .. }
                    | Event::OrderCancelled { .. }
                    | Event::OrderTriggered { .. }
                    | Event::AuctionOpened { .. }
                    | Event::AuctionExtended { .. }
                    | Event::AuctionEnded { .. }
            )
        };
        let stirs = |event: &Event| always(event) || !sheet.is_marked && stirs(event);
        let has_fired = !sheet.fired.is_empty();
        if sheet.is_marked_last {
            self.marks_due = None;
        }
        let is_stirred = !sheet.is_marked_last && events.iter().any(stirs);
        if (has_fired || is_stirred) && self.marks_due.is_none() {
            self.marks_due = Some(now + MARKS_AFTER);
        }
    }
}

/// Whether it is something that time alone can have done, and that a refused command may therefore come after.
pub(super) fn is_of_time(event: &Event) -> bool {
    matches!(
        event,
        Event::OrderCancelled { reason: CancelReason::Expired, .. }
            | Event::AuctionExtended { .. }
            | Event::AuctionEnded { .. }
            | Event::DaySettled { .. }
            | Event::Traded(_)
    )
}
