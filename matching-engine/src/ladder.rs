//! One side of a book: its levels, best first.
//!
//! Prices are turned into *depths*, which grow from the best price to the worst on both sides, so that one code serves both. Around the
//! best depth lies a window: an array with one entry per tick and a bitmap over it, in which every level is found in one step and the
//! next best one in three. Farther levels are in a sorted map; nothing is ever nearer than the window.
//!
//! Invariants:
//! - unless the side is empty, its best level lies in the window and is `best`;
//! - a bit is set iff its entry holds a level; no level is empty of orders;
//! - every depth in `far` lies beyond the window.

use instruments::{Price, Side};

use crate::slab::{LEVEL, NONE, Node, Slab, Slot};
use crate::sorted::Sorted;

/// One side of a book. Fields stand in the order of their use.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Ladder {
    /// The depth of the best level; without meaning when the side is empty.
    pub(crate) best_depth: i64,
    /// The best level; `NONE` when the side is empty.
    pub(crate) best: Slot,
    /// Book and side, for the levels.
    tag: u32,
    /// Turns ticks into depths: `ticks ^ mask` is `ticks` or `!ticks`, which overflows at no price.
    mask: i64,
    /// The depth of the window's first entry.
    base: i64,
    /// How many entries the window has.
    window: u64,
    /// All that is open: shown, hidden and waiting.
    pub(crate) open: u64,
    slots: Box<[Slot]>,
    summary: u64,
    words: Box<[u64]>,
    // Apart, because an ordinary order has nothing to look for there.
    far: Box<Sorted<i64>>,
}

/// The widest window.
const WINDOW_MAX: u64 = 4_096;

/// Blocks that a side with the widest window has room for beyond it: such a book is a busy one, and should allocate nothing later.
const ROOM: usize = 512;

const BITS: u32 = 6;

#[expect(clippy::as_conversions, reason = "an offset within the window, which is at most 4,096")]
const fn at(offset: u64) -> usize {
    offset as usize
}

#[expect(clippy::as_conversions, reason = "a count of at most 64 bits")]
const fn wide(bits: u32) -> u64 {
    bits as u64
}

/// The bits from `offset` on within its word.
const fn from_bit(offset: u64) -> u64 {
    u64::MAX << (offset & 63)
}

impl Ladder {
    /// An empty side. `window` is a power of two from 64 to 4,096.
    pub(crate) fn new(side: Side, book: u32, window: u32) -> Self {
        let window = window.clamp(64, 4_096).next_power_of_two();
        let (mask, bit) = match side {
            Side::Buy => (-1, 0),
            Side::Sell => (0, 1),
        };
        let window = u64::from(window);
        Self {
            mask,
            base: 0,
            window,
            best: NONE,
            best_depth: i64::MAX,
            open: 0,
            tag: LEVEL | book.wrapping_shl(1) | bit,
            summary: 0,
            words: vec![0; at(window >> BITS)].into(),
            slots: vec![NONE; at(window)].into(),
            far: Box::new(Sorted::with_room(if window < WINDOW_MAX { 2 } else { ROOM })),
        }
    }

    #[inline]
    pub(crate) const fn depth_of(&self, ticks: i64) -> i64 {
        ticks ^ self.mask
    }

    #[inline]
    pub(crate) const fn price_of(&self, depth: i64) -> Price {
        Price::from_ticks(depth ^ self.mask)
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.best == NONE
    }

    /// The best price.
    #[inline]
    pub(crate) fn best_price(&self) -> Option<Price> {
        (self.best != NONE).then(|| self.price_of(self.best_depth))
    }

    /// Whether an order that pays or takes down to `limit`, a depth of this side, meets anything.
    #[inline]
    pub(crate) const fn is_within(&self, limit: i64) -> bool {
        self.best != NONE && self.best_depth <= limit
    }

    #[inline]
    const fn offset(&self, depth: i64) -> u64 {
        depth.wrapping_sub(self.base).cast_unsigned()
    }

    /// The level at a depth, if there is one.
    pub(crate) fn level(&self, depth: i64) -> Option<Slot> {
        let offset = self.offset(depth);
        if offset < self.window {
            return self.slots.get(at(offset)).copied().filter(|slot| *slot != NONE);
        }
        self.far.get(depth)
    }

    /// The level at a depth, made if there was none.
    #[inline]
    pub(crate) fn level_or_new(&mut self, depth: i64, slab: &mut Slab) -> Slot {
        let offset = self.offset(depth);
        if offset < self.window
            && let Some(&slot) = self.slots.get(at(offset))
            && slot != NONE
        {
            return slot;
        }
        self.new_level(depth, slab)
    }

    fn new_level(&mut self, depth: i64, slab: &mut Slab) -> Slot {
        self.move_window_for(depth);
        // A far level may just have come into the window.
        if let Some(slot) = self.level(depth) {
            return slot;
        }
        let offset = self.offset(depth);
        let slot = slab.take();
        *slab.node_mut(slot) = Node {
            prev: slot,
            next: slot,
            level: self.tag,
            account: 0,
            open: 0,
            stamp: depth.cast_unsigned(),
        };
        if offset < self.window {
            self.enter(offset, slot);
        } else {
            self.far.insert(depth, slot);
        }
        if self.best == NONE || depth < self.best_depth {
            self.best = slot;
            self.best_depth = depth;
        }
        slot
    }

    /// Takes out a level that has no order left.
    #[inline]
    pub(crate) fn remove_level(&mut self, slot: Slot, slab: &mut Slab) {
        let depth = slab.node(slot).depth();
        slab.give(slot);
        let offset = self.offset(depth);
        if offset < self.window {
            self.leave(offset);
        } else {
            self.far.remove(depth);
        }
        if slot == self.best {
            self.find_best(offset);
        }
    }

    /// Takes out the best level, which has no order left.
    #[inline]
    pub(crate) fn remove_best(&mut self, slab: &mut Slab) {
        slab.give(self.best);
        // The best level always lies in the window.
        let offset = self.offset(self.best_depth);
        self.leave(offset);
        self.find_best(offset);
    }

    /// The best level after the one at `offset` has gone.
    #[inline]
    fn find_best(&mut self, offset: u64) {
        if let Some(next) = self.next_set(offset) {
            self.best = self.slots.get(at(next)).copied().unwrap_or(NONE);
            self.best_depth = self.base.wrapping_add(next.cast_signed());
        } else if let Some((depth, slot)) = self.far.first() {
            self.best = slot;
            self.best_depth = depth;
            self.shift_to(self.centred(depth));
        } else {
            self.best = NONE;
        }
    }

    /// The first entry with a level at `offset` or behind it.
    #[inline]
    fn next_set(&self, offset: u64) -> Option<u64> {
        let word = offset >> BITS;
        let here = self.words.get(at(word)).copied().unwrap_or(0) & from_bit(offset);
        if here != 0 {
            return Some((word << BITS) | wide(here.trailing_zeros()));
        }
        // The shift by 64 that the last word would need is a shift by 1 and then by the rest.
        let later = self.summary & (from_bit(word) << 1);
        let word = wide(later.trailing_zeros());
        let there = self.words.get(at(word)).copied().filter(|_| later != 0)?;
        Some((word << BITS) | wide(there.trailing_zeros()))
    }

    #[inline]
    fn enter(&mut self, offset: u64, slot: Slot) {
        if let (Some(entry), Some(word)) =
            (self.slots.get_mut(at(offset)), self.words.get_mut(at(offset >> BITS)))
        {
            *entry = slot;
            *word |= 1 << (offset & 63);
            self.summary |= 1 << (offset >> BITS);
        }
    }

    #[inline]
    fn leave(&mut self, offset: u64) {
        if let (Some(entry), Some(word)) =
            (self.slots.get_mut(at(offset)), self.words.get_mut(at(offset >> BITS)))
        {
            *entry = NONE;
            *word &= !(1 << (offset & 63));
            if *word == 0 {
                self.summary &= !(1 << (offset >> BITS));
            }
        }
    }

    /// A base that puts `depth` a quarter into the window, within the range of depths.
    fn centred(&self, depth: i64) -> i64 {
        let last = i64::MAX.wrapping_sub(self.window.cast_signed().wrapping_sub(1));
        depth.saturating_sub((self.window >> 2).cast_signed()).min(last)
    }

    /// Moves the window before a level is made at `depth`: nothing may be nearer than it, and it follows the best level.
    fn move_window_for(&mut self, depth: i64) {
        if self.best == NONE {
            // Nothing is in the window, so nothing has to move.
            self.base = self.centred(depth);
        } else if depth < self.base {
            self.shift_to(self.centred(depth));
        } else if self.window <= self.offset(depth)
            && self.window >> 1 < self.offset(self.best_depth)
        {
            self.shift_to(self.centred(self.best_depth));
        }
    }

    /// Moves the window to `base`, levels that leave it to the far map and levels that come within from there.
    #[cold]
    fn shift_to(&mut self, base: i64) {
        let old = self.base;
        self.base = base;
        // Away from the side to which entries move, so that none is written over before it has moved.
        let mut offset = if old < base { self.next_set(0) } else { self.last_set(self.window) };
        while let Some(here) = offset {
            let slot = self.slots.get(at(here)).copied().unwrap_or(NONE);
            self.leave(here);
            let depth = old.wrapping_add(here.cast_signed());
            if self.offset(depth) < self.window {
                self.enter(self.offset(depth), slot);
            } else {
                self.far.insert(depth, slot);
            }
            offset = if old < base { self.next_set(here) } else { self.last_set(here) };
        }
        while let Some((depth, slot)) = self.far.first()
            && self.offset(depth) < self.window
        {
            self.far.remove(depth);
            self.enter(self.offset(depth), slot);
        }
    }

    /// The last entry with a level before `offset`.
    fn last_set(&self, offset: u64) -> Option<u64> {
        let bits = |word: u64| self.words.get(at(word)).copied().unwrap_or(0);
        let word = offset >> BITS;
        let here = bits(word) & !from_bit(offset);
        let (word, found) = if here == 0 {
            (0..word).rev().map(|word| (word, bits(word))).find(|(_, bits)| *bits != 0)?
        } else {
            (word, here)
        };
        Some((word << BITS) | wide(63_u32.saturating_sub(found.leading_zeros())))
    }

    /// Every level, best first.
    pub(crate) fn levels(&self) -> impl Iterator<Item = Slot> {
        let mut offset = self.next_set(0);
        let near = std::iter::from_fn(move || {
            let here = offset?;
            offset =
                here.checked_add(1).filter(|o| *o < self.window).and_then(|o| self.next_set(o));
            self.slots.get(at(here)).copied()
        });
        near.chain(self.far.iter().map(|(_, slot)| slot))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Prices near the middle, far from it, and at the ends of the range.
    fn any_ticks() -> impl Strategy<Value = i64> {
        prop_oneof![
            6 => -40..40i64,
            3 => (0..8i64).prop_map(|step| step * 23),
            3 => -3_000..3_000i64,
            1 => prop_oneof![Just(i64::MIN), Just(i64::MIN + 1), Just(i64::MAX - 1), Just(i64::MAX)],
        ]
    }

    proptest! {
        /// Whatever levels come and go, in whatever window, it is an ordered map with its first entry at hand.
        #[test]
        fn it_is_an_ordered_map_of_levels(
            side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
            window in prop_oneof![Just(64u32), Just(256), Just(4_096)],
            steps in prop::collection::vec((prop::bool::weighted(0.55), any_ticks(), any::<prop::sample::Index>()), 1..600),
        ) {
            let mut slab = Slab::new(0);
            let mut ladder = Ladder::new(side, 0, window);
            let mut plain: BTreeMap<i64, Slot> = BTreeMap::new();
            for (comes, ticks, index) in steps {
                let depth = ladder.depth_of(ticks);
                if comes || plain.is_empty() {
                    let slot = ladder.level_or_new(depth, &mut slab);
                    let before = plain.insert(depth, slot);
                    prop_assert!(before.is_none_or(|before| before == slot));
                } else {
                    let (depth, slot) = plain.iter().nth(index.index(plain.len())).map(|(d, s)| (*d, *s)).unwrap();
                    ladder.remove_level(slot, &mut slab);
                    plain.remove(&depth);
                }
                prop_assert!(ladder.levels().eq(plain.values().copied()));
                prop_assert_eq!(ladder.level(depth), plain.get(&depth).copied());
                let first = plain.first_key_value();
                prop_assert_eq!(ladder.is_empty(), first.is_none());
                if let Some((depth, slot)) = first {
                    prop_assert_eq!((ladder.best_depth, ladder.best), (*depth, *slot));
                    prop_assert!(ladder.is_within(*depth));
                    prop_assert!(depth.checked_sub(1).is_none_or(|nearer| !ladder.is_within(nearer)));
                }
            }
        }
    }
}
