//! The mark of what is paid for at the trade: between what it would bring at once and what it can bring at most.

use std::collections::BTreeSet;

use instruments::{Instrument, InstrumentId, Price, Product, Right};

use crate::Exchange;
use crate::event::Event;
use crate::reject::Reject;
use crate::series::SeriesState;

impl Exchange {
    /// OPTION-001: an option must be able to become what it says it becomes.
    pub(crate) fn check_underlying(&self, terms: &Instrument) -> Result<(), Reject> {
        let Product::Option { underlying, .. } = terms.product else { return Ok(()) };
        // A lot of a cash future loses hours once its period has begun.
        let fits = self.series.get(&underlying).is_some_and(|series| {
            let future = &series.instrument;
            matches!(future.product, Product::Future { .. })
                && series.state == SeriesState::Trading
                && future.grade == terms.grade
                && future.tick_size == terms.tick_size
                && future.hours_per_lot == terms.hours_per_lot
                && future.node_size == terms.node_size
                && terms.schedule.last_trade_at <= future.schedule.last_trade_at
                && terms.schedule.last_trade_at <= future.schedule.deliver_from
        });
        if fits { Ok(()) } else { Err(Reject::BadUnderlying) }
    }

    /// OPTION-005: `price` as a mark: at least what exercise at once would bring and a tick, at most the underlying, or the strike of a put.
    pub(crate) fn premium_mark(&self, terms: &Instrument, price: Price) -> Price {
        let Some(underlying) = self.underlying_price(terms) else { return price };
        let most = match terms.product {
            Product::Option { strike, right: Right::Put, .. } => strike,
            Product::Option { .. }
            | Product::Cap { .. }
            | Product::Future { .. }
            | Product::Spread { .. } => underlying,
        };
        let least = Price::from_ticks(terms.moneyness(underlying).max(1));
        price.min(most).max(least)
    }

    /// The mark of an underlying has moved: so do those of its options, and what short lots of them hold.
    pub(crate) fn remark_options(&mut self, underlying: InstrumentId, events: &mut Vec<Event>) {
        let Some(options) = self.options_on.get(&underlying).cloned() else { return };
        for option in &options {
            if let Some(mark) = self.mark_at(*option, self.now) {
                self.set_mark(*option, mark, events);
            }
        }
        self.rehold_in(options);
    }

    /// Holds anew for everyone with a stake in one of the series.
    pub(crate) fn rehold_in(&mut self, series: BTreeSet<InstrumentId>) {
        if series.is_empty() {
            return;
        }
        let with_orders = self.open_orders.iter();
        let mut affected: BTreeSet<_> = with_orders
            .filter(|(_, by)| by.keys().any(|id| series.contains(id)))
            .map(|(account, _)| *account)
            .collect();
        for instrument in series {
            affected.extend(self.positions.of_instrument(instrument).map(|(account, _)| account));
        }
        for account in affected {
            self.rehold(account);
        }
    }

    pub(crate) fn is_cap(&self, instrument: InstrumentId) -> bool {
        let series = self.series.get(&instrument);
        series.is_some_and(|it| matches!(it.instrument.product, Product::Cap { .. }))
    }
}
