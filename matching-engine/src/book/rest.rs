//! Orders on their levels: coming to rest, showing more, losing quantity, leaving.

use instruments::Qty;

use super::{Book, Desk, Taker, feature};
use crate::event::BookEvent;
use crate::slab::{Cold, NONE, Node, Slab, Slot, flag};

impl Book {
    /// Puts what is left of a taker at the back of its level.
    #[inline]
    pub(crate) fn rest(&mut self, taker: &Taker, desk: &mut Desk<'_>) {
        let Some(price) = taker.price else { return };
        let ladder = self.ladder_mut(taker.side);
        let best = ladder.best;
        let level = ladder.level_or_new(ladder.depth_of(price.ticks()), desk.slab);
        ladder.open = ladder.open.wrapping_add(taker.open);
        let makes_best = ladder.best != best;

        let mut shown = taker.open;
        if taker.stamp & flag::ICEBERG != 0 {
            shown = show(taker.slot, taker.open, desk.slab);
            count_icebergs(level, 1, desk.slab);
        }
        if taker.filled != 0 {
            desk.slab.set_filled(taker.slot, taker.filled);
        }
        desk.slab.node_mut(taker.slot).open = shown;
        let node = desk.slab.node_mut(level);
        node.open = node.open.wrapping_add(shown);
        desk.slab.link_back(level, taker.slot);
        if !taker.is_new {
            requeue(taker.slot, desk.slab);
        }
        if 4 <= taker.force() {
            self.for_a_phase = self.for_a_phase.wrapping_add(1);
        }
        if self.has(feature::SHARED) {
            self.note_top(taker, makes_best);
        }
    }

    /// The order that makes a new best price is the top order of its side; one that comes to the back of a level is not.
    fn note_top(&mut self, taker: &Taker, makes_best: bool) {
        let is_continuous = self.is_continuous();
        let [bid, ask] = &mut self.tops;
        let top = if taker.side == instruments::Side::Buy { bid } else { ask };
        if makes_best && is_continuous {
            *top = taker.id.0;
        } else if *top == taker.id.0 {
            *top = 0;
        }
    }

    /// An iceberg whose shown part has traded shows more, at the back of its level.
    pub(crate) fn refresh(&mut self, slot: Slot, desk: &mut Desk<'_>) {
        let hidden = desk.slab.hidden(slot);
        let shown = show(slot, hidden, desk.slab);
        let node = desk.slab.node_mut(slot);
        node.open = shown;
        let (level, id) = (node.level, node.id(slot));
        let node = desk.slab.node_mut(level);
        node.open = node.open.wrapping_add(shown);
        desk.slab.unlink(slot);
        desk.slab.link_back(level, slot);
        requeue(slot, desk.slab);
        self.tops = self.tops.map(|top| if top == id.0 { 0 } else { top });
        let (book, shown) = (self.instrument, Qty::from_lots(shown));
        desk.say(BookEvent::Refreshed { book, id, shown });
    }

    /// An order loses `by` of its open quantity, hidden first, and keeps its place. Something is left.
    pub(crate) fn reduce(&mut self, slot: Slot, by: u64, slab: &mut Slab) {
        let from_hidden = slab.hidden(slot).min(by);
        self.lose(slot, by.wrapping_sub(from_hidden), from_hidden, slab);
    }

    /// What an order shows and hides becomes less, and so do its level and its side. It stays, even if it shows nothing now.
    pub(super) fn lose(&mut self, slot: Slot, from_shown: u64, from_hidden: u64, slab: &mut Slab) {
        if from_hidden != 0 {
            let cold = slab.cold_mut(slot);
            cold.hidden = cold.hidden.wrapping_sub(from_hidden);
        }
        let node = slab.node_mut(slot);
        node.open = node.open.wrapping_sub(from_shown);
        let (level, side) = (node.level, node.side());
        let node = slab.node_mut(level);
        node.open = node.open.wrapping_sub(from_shown);
        let ladder = self.ladder_mut(side);
        ladder.open = ladder.open.wrapping_sub(from_shown).wrapping_sub(from_hidden);
    }

    /// Takes an order off its level; its slot stays its own.
    #[inline]
    pub(crate) fn pull(&mut self, slot: Slot, node: &Node, slab: &mut Slab) {
        let level = node.level;
        let open = slab.open(slot);
        slab.unlink(slot);
        if node.has(flag::ICEBERG | flag::FORCE | flag::QUOTE) {
            self.forget(node, level, slab);
        }
        let at_level = slab.node_mut(level);
        at_level.open = at_level.open.wrapping_sub(node.open);
        let is_empty = at_level.next == level;
        let ladder = self.ladder_mut(node.side());
        ladder.open = ladder.open.wrapping_sub(open);
        if is_empty {
            ladder.remove_level(level, slab);
        }
    }

    /// What was counted of a special order is counted no more.
    pub(super) fn forget(&mut self, node: &Node, level: Slot, slab: &mut Slab) {
        if node.has(flag::ICEBERG) {
            count_icebergs(level, u32::MAX, slab);
        }
        if 4 <= (node.stamp & flag::FORCE) >> 6 {
            self.for_a_phase = self.for_a_phase.wrapping_sub(1);
        }
    }
}

/// Splits what is open into shown, which is returned, and hidden.
fn show(slot: Slot, open: u64, slab: &mut Slab) -> u64 {
    let cold: &mut Cold = slab.cold_mut(slot);
    let shown = open.min(cold.display);
    cold.hidden = open.wrapping_sub(shown);
    shown
}

/// `change` may be -1, written as `u32::MAX`.
fn count_icebergs(level: Slot, change: u32, slab: &mut Slab) {
    debug_assert!(level != NONE, "a level");
    let node = slab.node_mut(level);
    node.account = node.account.wrapping_add(change);
}

/// An order has come to the back of a level, later than its id says.
pub(super) fn requeue(slot: Slot, slab: &mut Slab) {
    let place = slab.arrive();
    slab.set_place(slot, place);
}
