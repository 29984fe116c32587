//! Cancels one order, or every order of an account that a filter lets through.

use instruments::{AccountId, InstrumentId, OrderId};
use matching_engine::CancelReason;

use crate::Exchange;
use crate::command::{CancelFilter, CancelKind};
use crate::event::Event;
use crate::open_order::OpenOrder;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn cancel_order(
        &mut self,
        account: AccountId,
        order: OrderId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let record = self.orders.get(&order).filter(|record| record.account == account);
        record.ok_or(Reject::UnknownOrder)?;

        // From here on nothing can fail.
        self.operate(events, |engine, out| engine.cancel(order, CancelReason::Requested, out));
        Ok(())
    }

    pub(crate) fn cancel_all(
        &mut self,
        account: AccountId,
        filter: &CancelFilter,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if filter.instrument.is_some_and(|id| !self.series.contains_key(&id)) {
            return Err(Reject::UnknownInstrument);
        }

        // From here on nothing can fail.
        self.cancel_of(account, CancelReason::Requested, events, |record| {
            filter.lets_through(record)
        });
        Ok(())
    }

    /// Cancels the orders of one account that are wanted, series by series.
    pub(crate) fn cancel_of(
        &mut self,
        account: AccountId,
        reason: CancelReason,
        events: &mut Vec<Event>,
        is_wanted: impl Fn(&OpenOrder) -> bool,
    ) {
        let listed = self.open_orders.get(&account).into_iter().flat_map(|series| series.keys());
        let instruments: Vec<InstrumentId> = listed.copied().collect();
        for instrument in instruments {
            self.cancel_in(instrument, reason, events, |record| {
                record.account == account && is_wanted(record)
            });
        }
    }

    /// Cancels the orders of one series that are wanted: bids, asks, and then what waits, oldest first.
    pub(crate) fn cancel_in(
        &mut self,
        instrument: InstrumentId,
        reason: CancelReason,
        events: &mut Vec<Event>,
        is_wanted: impl Fn(&OpenOrder) -> bool,
    ) {
        let Some(book) = self.engine.book(instrument) else { return };
        let mut waiting: Vec<OrderId> = book.waiting().map(|order| order.id).collect();
        waiting.sort_unstable();
        let orders: Vec<OrderId> = book
            .orders()
            .map(|order| order.id)
            .chain(waiting)
            .filter(|order| self.orders.get(order).is_some_and(&is_wanted))
            .collect();
        self.operate(events, |engine, out| {
            for order in orders {
                engine.cancel(order, reason, out);
            }
        });
    }
}

impl CancelFilter {
    fn lets_through(&self, record: &OpenOrder) -> bool {
        self.instrument.is_none_or(|only| only == record.instrument)
            && self.side.is_none_or(|side| side == record.side)
            && self.label.as_ref().is_none_or(|label| *label == record.label)
            && self.kind.lets_through(record)
    }
}

impl CancelKind {
    /// Whether an order is of this kind.
    #[must_use]
    pub const fn lets_through(self, record: &OpenOrder) -> bool {
        match self {
            Self::All => true,
            Self::Resting => !record.waits,
            Self::Waiting => record.waits,
        }
    }
}
