//! What follows an operation on a book: the order matches, and what waited for its price fires.

use instruments::{InstrumentId, Nanos, OrderId, Price};

use super::{Engine, desk, place_of};
use crate::book::{Book, Desk, Taker};
use crate::event::{BookEvent, CancelReason};
use crate::order::PriceSource;

impl Engine {
    /// Lets an order match, and then every order that waited for what it did.
    #[inline]
    pub(super) fn run(
        &mut self,
        book: InstrumentId,
        taker: Option<Taker>,
        out: &mut Vec<BookEvent>,
    ) {
        let Some(Some(entry)) = place_of(book).and_then(|place| self.books.get_mut(place)) else {
            return;
        };
        if let Some(mut taker) = taker {
            entry.arrive(&mut taker, &mut desk!(self, out));
        }
        if entry.has_moved || !self.due.is_empty() {
            entry.fire_due(&mut desk!(self, out));
        }
    }

    /// Time has passed: orders good till then end, auctions end, batches trade.
    #[inline]
    pub fn advance(&mut self, now: Nanos, out: &mut Vec<BookEvent>) {
        self.now = self.now.max(now);
        let is_due = |first: Option<((u64, u64), u32)>| {
            first.is_some_and(|((at, _), _)| at <= self.now.nanos())
        };
        if is_due(self.slab.expiries.first()) || is_due(self.timers.first()) {
            let from = out.len();
            self.expire(out);
            self.ring(out);
            self.seal(from, out);
        }
    }

    /// Ends orders whose time is over, by instant and id.
    fn expire(&mut self, out: &mut Vec<BookEvent>) {
        while let Some(((at, id), _)) = self.slab.expiries.first()
            && at <= self.now.nanos()
        {
            self.cancel_quietly(OrderId(id), CancelReason::Expired, out);
        }
    }

    /// Does what books have to do at an instant that has come, by instant and book.
    fn ring(&mut self, out: &mut Vec<BookEvent>) {
        while let Some(((at, _), number)) = self.timers.first()
            && at <= self.now.nanos()
        {
            self.timers.pop_first();
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(Some(entry)) = self.books.get_mut(place) {
                let instrument = entry.instrument;
                entry.time_is_up(&mut desk!(self, out));
                self.run(instrument, None, out);
            }
        }
    }
}

impl Book {
    pub(crate) fn set_price(&mut self, source: PriceSource, price: Price, desk: &mut Desk<'_>) {
        match source {
            PriceSource::Last => return,
            PriceSource::Mark => self.mark = Some(price),
            PriceSource::Index => self.index = Some(price),
        }
        if self.waiting != 0 {
            self.collect_due(source, desk);
        }
    }

    /// Lets every order arrive whose price has come, and those that their trades set free in turn.
    #[inline]
    fn fire_due(&mut self, desk: &mut Desk<'_>) {
        if std::mem::take(&mut self.has_moved) && self.waiting != 0 {
            self.collect_due(PriceSource::Last, desk);
        }
        let mut next = 0;
        while let Some(&(id, slot)) = desk.due.get(next) {
            next = next.saturating_add(1);
            if !self.is_continuous() {
                self.wait_on(id, slot, desk.slab);
                continue;
            }
            if let Some(mut taker) = self.fire(slot, desk) {
                self.arrive(&mut taker, desk);
            }
            if std::mem::take(&mut self.has_moved) {
                self.collect_due(PriceSource::Last, desk);
            }
        }
        desk.due.clear();
    }
}
