//! Changes of orders that rest or wait.

use instruments::Qty;

use super::check::{Change, limit_of};
use super::{Book, Desk, Taker};
use crate::event::{BookEvent, BookReject, CancelReason};
use crate::order::Amend;
use crate::slab::{Slot, flag};

impl Book {
    /// Changes an order. One that loses its place comes back as a taker, off its level, to arrive anew.
    pub(crate) fn amend(
        &mut self,
        slot: Slot,
        amend: &Amend,
        desk: &mut Desk<'_>,
    ) -> Result<Option<Taker>, BookReject> {
        let change = self.check_amend(slot, amend, desk.slab)?;

        // From here on nothing can fail.
        if change.open == 0 {
            self.cancel(slot, CancelReason::Amended, desk);
            return Ok(None);
        }
        let node = *desk.slab.node(slot);
        let (book, id) = (self.instrument, node.id(slot));
        let qty = Qty::from_lots(change.total);
        desk.say(BookEvent::Amended { book, id, price: change.price, qty });
        if node.has(flag::WAITING) {
            self.amend_waiting(&change, desk);
            return Ok(None);
        }
        let before = limit_of(self, slot, desk.slab);
        let open = desk.slab.open(slot);
        if change.price == before && change.open <= open {
            self.reduce(slot, open.wrapping_sub(change.open), desk.slab);
            return Ok(None);
        }
        self.pull(slot, &node, desk.slab);
        Ok(Some(self.taker_of(slot, &change, desk)))
    }

    /// An order that arrives anew.
    pub(super) fn taker_of(&self, slot: Slot, change: &Change, desk: &Desk<'_>) -> Taker {
        let node = desk.slab.node(slot);
        let has_cold = node.has(flag::COLD);
        let ceiling = if has_cold { desk.slab.cold(slot).ceiling } else { None };
        Taker {
            slot,
            id: node.id(slot),
            account: node.account,
            side: node.side(),
            stamp: node.stamp,
            token: desk.slab.token(slot),
            open: change.open,
            filled: desk.slab.filled(slot),
            limit: self.limit_depth(node.side(), change.price, ceiling),
            price: change.price,
            is_new: false,
        }
    }
}
