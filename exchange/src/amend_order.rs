//! Amends a resting order, wholly or not at all.

use matching_engine::OrderKind;

use crate::Exchange;
use crate::command::{AmendOrder, PlaceOrder};
use crate::event::Event;
use crate::place_order::{check_price, check_qty};
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn amend_order(
        &mut self,
        request: &AmendOrder,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.check_amend(request)?;

        // From here on nothing can fail.
        let AmendOrder { order, price, qty, .. } = *request;
        let Some(record) = self.orders.get(&order) else { return Ok(()) };
        let instrument = record.instrument;
        self.match_order(instrument, events, |book, out| book.amend(order, price, qty, out));
        Ok(())
    }

    /// The checks, in the order of [`Reject`]'s variants, but for the order itself, without which there is nothing to check.
    fn check_amend(&self, request: &AmendOrder) -> Result<(), Reject> {
        let AmendOrder { account, order, price, qty } = *request;
        let record = self.orders.get(&order).filter(|record| record.account == account);
        let record = record.ok_or(Reject::UnknownOrder)?;
        let series = self.trading_series(record.instrument)?;
        let qty = qty.unwrap_or(record.qty);
        let limit = price.unwrap_or(record.limit);
        check_qty(qty)?;
        check_price(limit)?;
        if qty == record.qty && limit == record.limit {
            return Err(Reject::NothingToAmend);
        }
        let open = qty.saturating_sub(record.filled);
        if open.is_zero() {
            return Ok(());
        }
        let request = PlaceOrder {
            account,
            instrument: record.instrument,
            side: record.side,
            kind: OrderKind::Limit(limit),
            qty: open,
            time_in_force: record.time_in_force,
            post_only: record.post_only,
            reduce_only: record.reduce_only,
            stp: matching_engine::StpMode::CancelNewest,
            label: String::new(),
        };
        let is_smaller = limit == record.limit && open <= record.open();
        if !is_smaller {
            self.check_funds(&request, series, limit, Some(record))?;
        }
        let reprices = limit != record.limit;
        if record.post_only && reprices && self.would_cross(record.instrument, record.side, limit) {
            return Err(Reject::PostOnlyWouldCross);
        }
        Ok(())
    }
}
