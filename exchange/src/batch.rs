//! Several orders, changes and cancels of one account under one stamp.

use instruments::AccountId;

use crate::Exchange;
use crate::command::BatchItem;
use crate::event::Event;
use crate::limits::BATCH_MAX;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn batch(
        &mut self,
        account: AccountId,
        items: &[BatchItem],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if items.is_empty() || BATCH_MAX < items.len() {
            let limit = u64::try_from(BATCH_MAX).unwrap_or(u64::MAX);
            return Err(Reject::BatchOutOfRange { limit });
        }
        if items.iter().any(|item| item.account().is_some_and(|its| its != account)) {
            return Err(Reject::BatchOfOthers);
        }

        // From here on nothing can fail: an item that is refused changes nothing.
        for (place, item) in (0..).zip(items) {
            let result = match item {
                BatchItem::Place(order) => self.place_order(order, events),
                BatchItem::Amend(amend) => self.amend_order(amend, events),
                BatchItem::Cancel(order) => self.cancel_order(account, *order, events),
            };
            events.push(Event::BatchItemDone { place, refusal: result.err() });
        }
        Ok(())
    }
}

impl BatchItem {
    /// The account that it names.
    const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Place(order) => Some(order.account),
            Self::Amend(amend) => Some(amend.account),
            Self::Cancel(_) => None,
        }
    }
}
