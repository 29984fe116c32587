//! Ends a series: whatever is still open of its deliveries is closed.

use instruments::{AccountId, InstrumentId, ObligationId};

use crate::Exchange;
use crate::event::Event;
use crate::series::SeriesState;

impl Exchange {
    pub(crate) fn close_series(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get_mut(&instrument) else { return };
        series.state = SeriesState::Closed;
        let obligations = self.deliveries.values().map(|delivery| &delivery.obligation);
        let open: Vec<(ObligationId, [AccountId; 2])> = obligations
            .filter(|obligation| obligation.instrument == instrument && !obligation.closed)
            .map(|obligation| (obligation.id, [obligation.seller, obligation.buyer]))
            .collect();
        for (obligation, parties) in open {
            self.close_obligation(obligation, events);
            for account in parties {
                self.rehold(account);
            }
        }
        self.close_outs.nominations.retain(|(of, _), _| *of != instrument);
    }
}
