//! The variation cycle: the price of the day is fixed for every series that trades, and what its positions gained or lost since the last one
//! is paid.

use instruments::{InstrumentId, Price};

use crate::Exchange;
use crate::event::Event;
use crate::series::SeriesState;

impl Exchange {
    /// Runs one cycle over all trading series, in the order of their ids.
    pub(crate) fn run_variation(&mut self, events: &mut Vec<Event>) {
        self.unmarked = self.series.keys().copied().collect();
        self.refresh_marks(events);
        let trading = |(id, series): (&InstrumentId, &crate::Series)| {
            (series.state == SeriesState::Trading).then_some(*id)
        };
        let trading: Vec<InstrumentId> = self.series.iter().filter_map(trading).collect();
        for instrument in trading {
            if let Some(price) = self.fix_daily_price(instrument, events) {
                self.pay_variation(instrument, price, events);
            }
            // A series comes to the front by time alone.
            self.set_bands(instrument);
        }
    }

    /// Pays the variation of one series at `price`.
    pub(crate) fn pay_variation(
        &mut self,
        instrument: InstrumentId,
        price: Price,
        events: &mut Vec<Event>,
    ) {
        let Some(series) = self.series.get(&instrument) else { return };
        let terms = &series.instrument;
        let moved = settlement::run_variation(&mut self.ledger, &mut self.positions, terms, price);
        for part in moved {
            events.push(Event::VariationPaid {
                instrument,
                account: part.account,
                amount: part.moved(),
                unpaid: part.unpaid,
                haircut: part.haircut,
            });
            self.rehold(part.account);
        }
    }
}
