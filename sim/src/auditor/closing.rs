//! What time does to the books: when marks must have followed them, and what a series' mark was when it stopped.

use exchange::{Event, SettlementSource};
use instruments::{InstrumentId, Nanos, NanosSpan, Product};
use matching_engine::CancelReason;

use super::{Auditor, Sheet};

impl Auditor {
    /// What a series that stops with this command settles at, as its book is now. An option ends against its future's mark, which may have
    /// stopped with it.
    pub(super) fn note_closing(&mut self, instrument: InstrumentId, at: Nanos) {
        let day = self.variation.map_or(NanosSpan::ZERO, |(_, every)| every);
        let product = self.prices.terms(instrument).map(|(terms, _)| terms.product);
        let closing = if let Ok(Product::Option { underlying, .. }) = product {
            let market = self.orders.market(underlying);
            let computed = self.prices.compute(underlying, &market, at);
            computed.map(|computed| (computed.mark, SettlementSource::Mark))
        } else {
            self.prices.closing(instrument, &self.orders.market(instrument), at, day)
        };
        self.note_lot_value(instrument, at);
        self.closing.extend(closing.map(|closing| (instrument, closing)));
    }

    /// SIM-023: computes every mark, as the exchange does now.
    pub(super) fn refresh(&mut self, now: Nanos, sheet: &mut Sheet) {
        sheet.is_to_refresh = false;
        sheet.is_stirred = false;
        self.marks_due = None;
        let trading: Vec<InstrumentId> = self.prices.trading().collect();
        for instrument in trading {
            let market = self.orders.market(instrument);
            let Some(computed) = self.prices.compute(instrument, &market, now) else { continue };
            self.prices.keep(instrument, &computed);
            sheet.expected.insert(instrument, computed.mark);
            if let Some(at) = computed.moves_at {
                self.marks_due = Some(self.marks_due.map_or(at, |due| due.min(at)));
            }
        }
    }

    /// The series that stops with this command and whose book an event changes before it stops: by an order that ends by itself, or by
    /// an auction. What is cancelled because the series stops comes after that.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else happens in a book before that"
    )]
    pub(super) fn stirs_closing(
        &self,
        event: &Event,
        sheet: &Sheet,
    ) -> Option<(InstrumentId, Nanos)> {
        let instrument = match event {
            Event::Traded(traded) => traded.instrument,
            Event::OrderTriggered { instrument, .. }
            | Event::OrderAmended { instrument, .. }
            | Event::AuctionEnded { instrument, .. } => *instrument,
            Event::OrderCancelled { instrument, order, reason, .. } => {
                let last = *sheet.stopping.get(instrument)?;
                let is_stopped =
                    *reason == CancelReason::Expired && !self.orders.ends_before(*order, last);
                return (!is_stopped).then_some((*instrument, last));
            }
            _ => return None,
        };
        sheet.stopping.get(&instrument).map(|last| (instrument, *last))
    }
}

/// Whether a mark follows within a second.
pub(super) fn stirs(event: &Event) -> bool {
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
}

/// Whether it happens in a book by itself, before a tick computes marks.
pub(super) fn is_of_books(event: &Event) -> bool {
    stirs(event) && !matches!(event, Event::OrderAccepted(_))
        || matches!(event, Event::Traded(_) | Event::DepthChanged { .. })
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
