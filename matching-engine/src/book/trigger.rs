//! Stops and take-profits: orders that wait for a price.

use instruments::{Price, Qty, Side};

use super::check::Change;
use super::{Book, Desk, Taker};
use crate::event::{BookEvent, CancelReason};
use crate::order::{PostOnly, PriceSource, Trigger, TriggerWhen};
use crate::slab::{Slab, Slot, WAITING_LEVEL, flag, post_only_of};

impl Book {
    /// Puts an accepted order among those that wait.
    pub(super) fn wait(&mut self, taker: &Taker, desk: &mut Desk<'_>) {
        let ladder = self.ladder_mut(taker.side);
        ladder.open = ladder.open.wrapping_add(taker.open);
        let node = desk.slab.node_mut(taker.slot);
        node.open = taker.open;
        node.level = WAITING_LEVEL;
        node.stamp |= flag::WAITING;
        desk.slab.waiting = desk.slab.waiting.wrapping_add(1);
        self.waiting = self.waiting.wrapping_add(1);
        if let Some(trigger) = desk.slab.cold(taker.slot).trigger {
            self.list(trigger, taker.id.0, taker.slot);
            self.collect_due(trigger.source, desk);
        }
    }

    /// Changes an order that waits; it may fire at once.
    pub(super) fn amend_waiting(&mut self, change: &Change, desk: &mut Desk<'_>) {
        let node = desk.slab.node_mut(change.slot);
        let (side, id) = (node.side(), node.id(change.slot));
        let before = std::mem::replace(&mut node.open, change.open);
        let ladder = self.ladder_mut(side);
        ladder.open = ladder.open.wrapping_sub(before).wrapping_add(change.open);
        let cold = desk.slab.cold_mut(change.slot);
        cold.limit = change.price;
        let Some(old) = cold.trigger else { return };
        let trigger = Trigger { price: change.trigger.unwrap_or(old.price), ..old };
        cold.trigger = Some(trigger);
        self.unlist(old, id.0);
        self.list(trigger, id.0, change.slot);
        self.collect_due(trigger.source, desk);
    }

    /// An order waits no more.
    pub(super) fn stop_waiting(&mut self, slot: Slot, slab: &mut Slab) {
        let node = *slab.node(slot);
        if let Some(trigger) = slab.cold(slot).trigger {
            self.unlist(trigger, node.id(slot).0);
        }
        self.leave_waiting(slot, slab);
    }

    fn leave_waiting(&mut self, slot: Slot, slab: &mut Slab) {
        let node = slab.node_mut(slot);
        node.stamp &= !flag::WAITING;
        let (side, open) = (node.side(), node.open);
        let ladder = self.ladder_mut(side);
        ladder.open = ladder.open.wrapping_sub(open);
        slab.waiting = slab.waiting.wrapping_sub(1);
        self.waiting = self.waiting.wrapping_sub(1);
    }

    fn list(&mut self, trigger: Trigger, id: u64, slot: Slot) {
        let (place, key) = place_of(trigger);
        if let Some(list) = self.triggers.get_mut(place) {
            list.insert((key, id), slot);
        }
    }

    fn unlist(&mut self, trigger: Trigger, id: u64) {
        let (place, key) = place_of(trigger);
        if let Some(list) = self.triggers.get_mut(place) {
            list.remove((key, id));
        }
    }

    /// The newest price of a source.
    const fn price_of(&self, source: PriceSource) -> Option<Price> {
        match source {
            PriceSource::Last => self.last,
            PriceSource::Mark => self.mark,
            PriceSource::Index => self.index,
        }
    }

    /// Takes the orders whose price has come off their lists, in the order of their ids.
    pub(crate) fn collect_due(&mut self, source: PriceSource, desk: &mut Desk<'_>) {
        let Some(price) = self.price_of(source).filter(|_| self.is_continuous()) else { return };
        let from = desk.due.len();
        for when in [TriggerWhen::Rises, TriggerWhen::Falls] {
            let (place, key) = place_of(Trigger { source, when, price });
            let Some(list) = self.triggers.get_mut(place) else { continue };
            while let Some(((_, id), slot)) =
                list.first().filter(|((trigger, _), _)| *trigger <= key)
            {
                list.pop_first();
                desk.due.push((id, slot));
            }
        }
        if let Some(added) = desk.due.get_mut(from..) {
            added.sort_unstable();
        }
    }

    /// After an auction every source is looked at again.
    pub(super) fn collect_all_due(&mut self, desk: &mut Desk<'_>) {
        for source in [PriceSource::Last, PriceSource::Mark, PriceSource::Index] {
            self.collect_due(source, desk);
        }
        // Whatever was due before this stands in front; at an auction's end nothing was.
        desk.due.sort_unstable();
    }

    /// The next order that fires, on its way into the book; `None` when none is left or what fired was cancelled.
    pub(crate) fn fire(&mut self, slot: Slot, desk: &mut Desk<'_>) -> Option<Taker> {
        let node = *desk.slab.node(slot);
        let (book, id) = (self.instrument, node.id(slot));
        desk.say(BookEvent::Triggered { book, id });
        self.leave_waiting(slot, desk.slab);
        let cold = desk.slab.cold_mut(slot);
        cold.trigger = None;
        let limit = cold.limit;
        let node = *desk.slab.node(slot);
        let refused = match limit {
            Some(price) => {
                self.arrival_price(price, node.side(), post_only_of(node.stamp)).map(Some)
            }
            None => Ok(None),
        };
        let change = |price| Change { slot, price, total: 0, open: node.open, trigger: None };
        match refused {
            Ok(price) => {
                if price != limit {
                    let total = desk.slab.filled(slot).wrapping_add(node.open);
                    let qty = Qty::from_lots(total);
                    desk.say(BookEvent::Amended { book, id, price, qty });
                }
                Some(self.taker_of(slot, &change(price), desk))
            }
            Err(reason) => {
                let qty = Qty::from_lots(node.open);
                desk.say(BookEvent::Cancelled { book, id, qty, reason });
                self.end(slot, desk.slab);
                None
            }
        }
    }

    /// The limit at which a triggered order arrives, or why it cannot.
    fn arrival_price(
        &self,
        price: Price,
        side: Side,
        post_only: PostOnly,
    ) -> Result<Price, CancelReason> {
        if self.check_band(side, price).is_err() {
            return Err(CancelReason::Band);
        }
        self.check_post_only(post_only, side, price).ok().ok_or(CancelReason::PostOnly)
    }

    /// Orders that were due when an auction opened go on waiting.
    pub(crate) fn wait_on(&mut self, id: u64, slot: Slot, slab: &Slab) {
        if let Some(trigger) = slab.cold(slot).trigger {
            self.list(trigger, id, slot);
        }
    }
}

/// The list that holds a trigger, and its place there: what fires first is first.
const fn place_of(trigger: Trigger) -> (usize, i64) {
    let source = match trigger.source {
        PriceSource::Last => 0,
        PriceSource::Mark => 2,
        PriceSource::Index => 4,
    };
    match trigger.when {
        TriggerWhen::Rises => (source, trigger.price.ticks()),
        TriggerWhen::Falls => (source | 1, !trigger.price.ticks()),
    }
}
