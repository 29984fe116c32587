//! Cancels one order, or every order of an account.

use instruments::{AccountId, InstrumentId, OrderId};
use matching_engine::CancelReason;

use crate::Exchange;
use crate::event::Event;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn cancel_order(
        &mut self,
        account: AccountId,
        order: OrderId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let record = self.orders.get(&order).filter(|record| record.account == account);
        let instrument = record.ok_or(Reject::UnknownOrder)?.instrument;

        // From here on nothing can fail.
        self.match_order(instrument, events, |book, out| {
            book.cancel(order, CancelReason::Requested, out);
        });
        Ok(())
    }

    pub(crate) fn cancel_all(
        &mut self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if instrument.is_some_and(|id| !self.series.contains_key(&id)) {
            return Err(Reject::UnknownInstrument);
        }

        // From here on nothing can fail.
        let listed = self.open_orders.get(&account).into_iter().flat_map(|series| series.keys());
        let wanted = |id: &&InstrumentId| instrument.is_none_or(|only| only == **id);
        let instruments: Vec<InstrumentId> = listed.filter(wanted).copied().collect();
        for instrument in instruments {
            self.cancel_in(instrument, Some(account), CancelReason::Requested, events);
        }
        Ok(())
    }

    /// Cancels the orders of one account, or of all, in one series.
    pub(crate) fn cancel_in(
        &mut self,
        instrument: InstrumentId,
        account: Option<AccountId>,
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        let Some(book) = self.books.get(&instrument) else { return };
        let orders: Vec<OrderId> = book
            .orders()
            .filter(|order| account.is_none_or(|only| only == order.account))
            .map(|order| order.id)
            .collect();
        self.match_order(instrument, events, |book, out| {
            for order in orders {
                book.cancel(order, reason, out);
            }
        });
    }
}
