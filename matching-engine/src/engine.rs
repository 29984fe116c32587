//! All books together: the one door for orders, and what time does to them.
//!
//! Read [`Engine::place`] first, then `book.rs`. Orders of all books live in one slab, so an id alone finds its order. Nothing is allocated
//! once the engine has been as full as it gets; the same commands give the same events, ids and hash on every machine.

mod groups;
mod implied;
mod quote;
mod run;
mod snapshot;
mod upkeep;

use std::collections::BTreeMap;

use instruments::{InstrumentId, Nanos, OrderId, Price};

use crate::book::{Book, BookView, Cross, Desk};
use crate::event::{BookEvent, BookReject, CancelReason};
use crate::hash;
use crate::order::{Amend, NewOrder, Order, PostOnly, PriceSource};
use crate::protection::Fill;
use crate::slab::{LEVEL, Slab, Slot, WAITING_LEVEL};
use crate::sorted::Sorted;
use crate::terms::{AuctionKind, Bands, BookMode, BookTerms, Capacity, Phase};
pub use groups::{GROUP_BOOKS_MAX, GROUPS_MAX};
use groups::{Group, GroupKey};
pub use quote::{QUOTES_MAX, Quote};

/// Books that can be listed, so that an array of them is small.
pub const BOOKS_MAX: u64 = 1 << 20;

/// All books of one venue.
#[derive(Debug, Clone)]
pub struct Engine {
    slab: Slab,
    /// By the instrument's number; a book that was delisted leaves a gap.
    books: Vec<Option<Book>>,
    /// When auctions end and batches are due, by instant and book.
    timers: Sorted<(u64, u64)>,
    now: Nanos,
    hash: u64,
    combos: Vec<Combo>,
    due: Vec<(u64, Slot)>,
    moved: Vec<u32>,
    levels: Vec<(i64, u64)>,
    shares: Vec<(Slot, u64)>,
    groups: BTreeMap<GroupKey, Group>,
    /// What quotes have traded in the command under way.
    fills: Vec<Fill>,
}

/// The parts of an engine that an operation on one book needs.
macro_rules! desk {
    ($engine:ident, $out:ident) => {
        Desk {
            slab: &mut $engine.slab,
            out: $out,
            now: $engine.now,
            due: &mut $engine.due,
            moved: &mut $engine.moved,
            timers: &mut $engine.timers,
            levels: &mut $engine.levels,
            shares: &mut $engine.shares,
            fills: &mut $engine.fills,
            hash: &mut $engine.hash,
        }
    };
}
use desk;
use implied::Combo;

impl Engine {
    /// An engine without a book, at the beginning of time.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self {
            slab: Slab::new(capacity.orders),
            books: Vec::new(),
            timers: Sorted::new(),
            now: Nanos::new(0),
            hash: 0,
            combos: Vec::new(),
            due: Vec::with_capacity(64),
            moved: Vec::with_capacity(64),
            levels: Vec::with_capacity(256),
            shares: Vec::with_capacity(256),
            groups: BTreeMap::new(),
            fills: Vec::with_capacity(256),
        }
    }

    /// Lists a book. Says no when the instrument is listed already, its number is 0 or [`BOOKS_MAX`] or more, or a stretch of time in the
    /// terms is empty.
    pub fn list(&mut self, instrument: InstrumentId, terms: BookTerms) -> bool {
        let place = place_of(instrument).filter(|place| *place != 0 && terms.are_sound());
        let Some(place) = place else { return false };
        if self.books.len() <= place {
            self.books.resize_with(place.saturating_add(1), || None);
        }
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        if self.books.get(place).is_none_or(Option::is_some) {
            return false;
        }
        let mut book = Book::new(instrument, number, terms);
        if let BookMode::Batch { every } = terms.mode {
            let out = &mut Vec::new();
            book.next_batch(every, &mut desk!(self, out));
        }
        if let Some(entry) = self.books.get_mut(place) {
            *entry = Some(book);
        }
        true
    }

    /// Ends every order of a book and forgets the book.
    pub fn delist(
        &mut self,
        instrument: InstrumentId,
        reason: CancelReason,
        out: &mut Vec<BookEvent>,
    ) {
        let orders: Vec<OrderId> = self.book(instrument).map_or_else(Vec::new, |book| {
            let mut waiting: Vec<_> = book.waiting().map(|order| order.id).collect();
            waiting.sort_unstable();
            book.orders().map(|order| order.id).chain(waiting).collect()
        });
        for order in orders {
            self.cancel(order, reason, out);
        }
        let place = place_of(instrument).unwrap_or(usize::MAX);
        if let Some(book) = self.books.get_mut(place).and_then(Option::take)
            && let Phase::Auction(auction) = book.phase
        {
            book.drop_timer(&auction, &mut desk!(self, out));
        }
        self.unlink(place);
    }

    /// Takes in an order: it trades with what rests, and its rest rests, waits, is cancelled, or the whole is refused.
    #[inline]
    pub fn place(&mut self, book: InstrumentId, order: &NewOrder, out: &mut Vec<BookEvent>) {
        let place = place_of(book).unwrap_or(usize::MAX);
        if order.post_only != PostOnly::No {
            self.tell_implied(place);
        }
        if let Some(Some(entry)) = self.books.get_mut(place) {
            let taker = entry.place(order, &mut desk!(self, out));
            self.run(place, taker, out);
        } else {
            self.refuse(book, None, BookReject::UnknownBook, out);
        }
    }

    /// Ends an order that rests or waits.
    #[inline]
    pub fn cancel(&mut self, id: OrderId, reason: CancelReason, out: &mut Vec<BookEvent>) {
        let Some((slot, place)) = self.find(id) else { return self.refuse_unknown(id, out) };
        if let Some(Some(book)) = self.books.get_mut(place) {
            book.cancel(slot, reason, &mut desk!(self, out));
        }
    }

    /// Changes an order that rests or waits, wholly or not at all.
    ///
    /// A resting order keeps its place iff the price stays and the open quantity does not grow; else it arrives anew.
    pub fn amend(&mut self, id: OrderId, amend: &Amend, out: &mut Vec<BookEvent>) {
        let Some((slot, place)) = self.find(id) else {
            return self.refuse_unknown(id, out);
        };
        self.tell_implied(place);
        if let Some(Some(book)) = self.books.get_mut(place) {
            let instrument = book.instrument;
            match book.amend(slot, amend, &mut desk!(self, out)) {
                Ok(taker) => self.run(place, taker, out),
                Err(reason) => self.refuse(instrument, Some(id), reason, out),
            }
        }
    }

    /// Brings a mark or an index price, for which orders wait. The last price comes from trades.
    pub fn set_price(
        &mut self,
        book: InstrumentId,
        source: PriceSource,
        price: Price,
        out: &mut Vec<BookEvent>,
    ) {
        let place = place_of(book).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = self.books.get_mut(place) {
            entry.set_price(source, price, &mut desk!(self, out));
            self.run(place, None, out);
        }
    }

    /// Sets the limits that no later order may go beyond.
    pub fn set_bands(&mut self, book: InstrumentId, bands: Bands) {
        if let Some(Some(entry)) = place_of(book).and_then(|place| self.books.get_mut(place)) {
            entry.bands = bands;
            entry.note_features();
        }
    }

    /// Orders are collected from now on, until `until` or until somebody ends it. Nothing happens when they already are.
    pub fn open_auction(
        &mut self,
        book: InstrumentId,
        kind: AuctionKind,
        until: Option<Nanos>,
        out: &mut Vec<BookEvent>,
    ) {
        if let Some(Some(entry)) = place_of(book).and_then(|place| self.books.get_mut(place)) {
            entry.open_auction(kind, until, &mut desk!(self, out));
        }
    }

    /// Ends an auction at a stroke: what can trade at the one price does, and orders match on arrival again.
    pub fn uncross(&mut self, book: InstrumentId, reference: Price, out: &mut Vec<BookEvent>) {
        let place = place_of(book).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = self.books.get_mut(place) {
            entry.end_auction(reference, &mut desk!(self, out));
            self.settle_combos(place, out);
            self.run(place, None, out);
        }
    }

    /// What [`Engine::uncross`] would do now. `None` when nothing would trade.
    #[must_use]
    pub fn indicative(&self, book: InstrumentId, reference: Price) -> Option<Cross> {
        let view = self.book(book)?;
        view.book.indicative(reference, &self.slab, &mut Vec::new())
    }

    /// The id that the next accepted order will get.
    #[must_use]
    pub fn next_id(&self) -> OrderId {
        self.slab.next_id()
    }

    /// An order that rests or waits.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<Order> {
        let (slot, place) = self.find(id)?;
        let book = self.books.get(place)?.as_ref()?;
        Some(crate::book::order_of(book, slot, &self.slab))
    }

    /// A listed book.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        let book = self.books.get(place_of(instrument)?)?.as_ref()?;
        Some(BookView { book, slab: &self.slab })
    }

    /// The instruments of all listed books, ascending.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentId> {
        self.books.iter().flatten().map(|book| book.instrument)
    }

    /// The newest time the engine was told.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// A hash over every event so far, each in its order.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The slot of an order that lives, and the place of its book.
    #[inline]
    fn find(&self, id: OrderId) -> Option<(Slot, usize)> {
        let slot = self.slab.find(id)?;
        let level = self.slab.node(slot).level;
        let book = if level == WAITING_LEVEL {
            self.slab.cold(slot).book
        } else {
            (self.slab.node(level).level & !LEVEL) >> 1
        };
        usize::try_from(book).ok().map(|place| (slot, place))
    }

    /// Tells what has happened outside of any book.
    fn say(&mut self, event: BookEvent, out: &mut Vec<BookEvent>) {
        self.hash = hash::after(self.hash, &event);
        out.push(event);
    }

    #[cold]
    fn refuse_unknown(&mut self, id: OrderId, out: &mut Vec<BookEvent>) {
        self.refuse(InstrumentId(0), Some(id), BookReject::UnknownOrder, out);
    }

    fn refuse(
        &mut self,
        book: InstrumentId,
        id: Option<OrderId>,
        reason: BookReject,
        out: &mut Vec<BookEvent>,
    ) {
        self.say(BookEvent::Rejected { book, id, reason }, out);
    }
}

#[inline]
fn place_of(instrument: InstrumentId) -> Option<usize> {
    usize::try_from(instrument.0).ok().filter(|_| instrument.0 < BOOKS_MAX)
}
