//! Ends the trading of a series: open orders are cancelled, the settlement price is fixed, the last variation is paid.

use instruments::{InstrumentId, Product};
use matching_engine::CancelReason;

use crate::Exchange;
use crate::cascade::cascades;
use crate::event::Event;
use crate::series::SeriesState;
use crate::settlement_price::SettlementSource;

impl Exchange {
    pub(crate) fn expire_series(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get(&instrument) else { return };
        match series.instrument.product {
            Product::Option { .. } => self.expire_option(instrument, events),
            Product::Future { .. } if cascades(&series.instrument) => {
                self.expire_parent(instrument, events);
            }
            Product::Future { .. } | Product::Cap { .. } | Product::Spread { .. } => {
                self.expire_future(instrument, events);
            }
        }
    }

    fn expire_future(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some((settlement_price, source)) = self.last_price(instrument) else { return };

        // From here on nothing can fail.
        self.cancel_in(instrument, CancelReason::Expired, events, |_| true);
        self.unmarked.remove(&instrument);
        self.set_mark(instrument, settlement_price, events);
        let is_cleared = match self.series.get_mut(&instrument) {
            Some(series) => {
                series.settlement_price = Some(settlement_price);
                let is_cleared = series.is_cleared();
                series.state = if is_cleared { SeriesState::Expired } else { SeriesState::Closed };
                is_cleared
            }
            None => false,
        };
        let partitions = match &source {
            SettlementSource::Index { values, .. } => values.clone(),
            SettlementSource::Trades { .. }
            | SettlementSource::Book(_)
            | SettlementSource::Mark => Vec::new(),
        };
        if is_cleared {
            let price = settlement_price;
            events.push(Event::SettlementPriceFixed { instrument, price, source });
        }
        events.push(Event::SeriesExpired { instrument, settlement_price });
        if is_cleared {
            self.pay_variation(&[(instrument, settlement_price)], events);
            self.open_fixing(instrument, &partitions, events);
        }
    }
}
