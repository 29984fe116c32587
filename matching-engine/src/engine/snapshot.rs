//! The canonical bytes of an engine: its clock and hash, every book, the free slots in the order in which they will be taken, what is in
//! every other slot, and the protection of every group of quotes.
//!
//! Equal histories give equal bytes. Slots are part of them, because they are part of the ids that will be issued next. What follows from
//! the rest is left out and made anew: queues (from the places of their orders), sums, counters, timers, lists of triggers and expiries.
//! What is read is checked, so that a damaged snapshot is an error and never a book that is crossed or an order in two places; and no
//! length is believed before so many bytes have been read.

mod book;
mod groups;
mod slots;
#[cfg(test)]
mod tests;

use std::io::{Error, ErrorKind, Read, Result, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{InstrumentId, Nanos};

use super::Engine;
use super::implied::Combo;
use crate::slab::{SLOT_BITS, SLOTS_MAX, Slot};
use crate::terms::Capacity;
use book::Frame;
use slots::{Draft, Use};

impl BorshSerialize for Engine {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        (self.now, self.hash, self.slab.arrivals).serialize(writer)?;
        let count = self.books.iter().flatten().count();
        u32::try_from(count).unwrap_or(u32::MAX).serialize(writer)?;
        for book in self.books.iter().flatten() {
            Frame::of(book, &self.slab).serialize(writer)?;
        }
        let combos: Vec<_> = self.combos.iter().map(instruments_of).collect();
        combos.serialize(writer)?;
        let mut free: Vec<Slot> = self.slab.free_slots().collect();
        (self.slab.slots(), &free).serialize(writer)?;
        free.sort_unstable();
        for slot in used(self.slab.slots(), &free) {
            Use::of(slot, &self.slab).serialize(writer)?;
        }
        self.write_groups(writer)
    }
}

impl BorshDeserialize for Engine {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let mut engine = Self::new(Capacity { orders: 0 });
        (engine.now, engine.hash, engine.slab.arrivals) =
            <(Nanos, u64, u64)>::deserialize_reader(reader)?;
        check(engine.slab.arrivals >> (u64::BITS - SLOT_BITS) == 0, "too many arrivals")?;
        let mut next = InstrumentId(0);
        for _ in 0..u32::deserialize_reader(reader)? {
            let frame = Frame::deserialize_reader(reader)?;
            check(next <= frame.instrument, "books are not in ascending order")?;
            next = InstrumentId(frame.instrument.0.saturating_add(1));
            frame.restore(&mut engine)?;
        }
        for [spread, front, back] in Vec::<[InstrumentId; 3]>::deserialize_reader(reader)? {
            check(engine.link(spread, front, back), "books that cannot be linked")?;
        }
        engine.read_slots(reader)?;
        engine.read_groups(reader)?;
        let Self { books, slab, .. } = &engine;
        books.iter().flatten().try_for_each(|book| book::check_orders(book, slab))?;
        Ok(engine)
    }
}

impl Engine {
    /// Reads what is in the slots; the books are there already, and empty.
    fn read_slots<R: Read>(&mut self, reader: &mut R) -> Result<()> {
        let (slots, free) = <(u32, Vec<Slot>)>::deserialize_reader(reader)?;
        check(slots <= SLOTS_MAX, "too many slots")?;
        let mut ascending = free.clone();
        ascending.sort_unstable();
        check(ascending.is_sorted_by(|a, b| a < b), "a slot is free twice")?;
        check(ascending.last().is_none_or(|last| *last < slots), "a free slot that is not there")?;

        let mut draft = Draft::default();
        for slot in used(slots, &ascending) {
            let content = Use::deserialize_reader(reader)?;
            while self.slab.slots() <= slot {
                self.slab.take();
            }
            draft.enter(slot, content, self)?;
        }
        while self.slab.slots() < slots {
            self.slab.take();
        }
        draft.finish(self)?;
        for &slot in free.iter().rev() {
            self.slab.give(slot);
        }
        check(self.slab.has_room(0), "no room for the levels of waiting orders")
    }
}

/// A spread, its front and its back.
fn instruments_of(combo: &Combo) -> [InstrumentId; 3] {
    [combo.spread, combo.front, combo.back]
        .map(|place| InstrumentId(u64::try_from(place).unwrap_or(u64::MAX)))
}

/// The slots below `slots` that are not in `free`, which is ascending.
fn used(slots: u32, free: &[Slot]) -> impl Iterator<Item = Slot> {
    let mut free = free.iter().peekable();
    (0..slots).filter(move |slot| free.next_if_eq(&slot).is_none())
}

impl PartialEq for Engine {
    /// Equal engines say the same from now on: their canonical bytes are equal.
    fn eq(&self, other: &Self) -> bool {
        let bytes = |engine: &Self| borsh::to_vec(engine).unwrap_or_default();
        bytes(self) == bytes(other)
    }
}

impl Eq for Engine {}

/// An error, unless it is `sound`.
fn check(sound: bool, what: &'static str) -> Result<()> {
    if sound { Ok(()) } else { Err(damaged(what)) }
}

#[cold]
fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("damaged snapshot of the books: {what}"))
}
