//! What follows an operation on a book: the order matches, and what waited for its price fires.

use instruments::{Nanos, OrderId, Price};

use super::{Engine, desk};
use crate::book::{Book, Desk, Taker, feature};
use crate::event::{BookEvent, CancelReason};
use crate::order::PriceSource;

impl Engine {
    /// The end of a command that may trade: what follows from it, and the quotes that then have traded too much.
    #[inline]
    pub(super) fn run(&mut self, place: usize, taker: Option<Taker>, out: &mut Vec<BookEvent>) {
        self.follow(place, taker, out);
        if !self.fills.is_empty() {
            self.protect(out);
        }
    }

    /// Lets an order match, and then every order that waited for what it did.
    #[inline]
    pub(super) fn follow(&mut self, place: usize, taker: Option<Taker>, out: &mut Vec<BookEvent>) {
        if let Some(mut taker) = taker {
            self.arrive(place, &mut taker, out);
        }
        if !self.moved.is_empty() || !self.due.is_empty() {
            self.fire_due(out);
        }
    }

    #[inline]
    fn arrive(&mut self, place: usize, taker: &mut Taker, out: &mut Vec<BookEvent>) {
        let Some(Some(entry)) = self.books.get_mut(place) else { return };
        if entry.has(feature::LINKED) {
            self.arrive_linked(place, taker, out);
        } else {
            entry.arrive(taker, &mut desk!(self, out));
        }
    }

    /// Lets every order arrive whose price has come, and those that their trades set free in turn.
    #[cold]
    fn fire_due(&mut self, out: &mut Vec<BookEvent>) {
        self.collect_due(out);
        let mut next = 0;
        while let Some(&(id, slot)) = self.due.get(next) {
            next = next.saturating_add(1);
            let place = usize::try_from(self.slab.cold(slot).book).unwrap_or(usize::MAX);
            self.tell_implied(place);
            let Some(Some(entry)) = self.books.get_mut(place) else { continue };
            if !entry.is_continuous() {
                entry.wait_on(id, slot, &self.slab);
                continue;
            }
            if let Some(mut taker) = entry.fire(slot, &mut desk!(self, out)) {
                self.arrive(place, &mut taker, out);
            }
            self.collect_due(out);
        }
        self.due.clear();
    }

    /// Orders whose price has come by trades line up behind those that are due, in the order of their ids.
    fn collect_due(&mut self, out: &mut Vec<BookEvent>) {
        let from = self.due.len();
        while let Some(number) = self.moved.pop() {
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(Some(entry)) = self.books.get_mut(place) {
                entry.collect_due(PriceSource::Last, &mut desk!(self, out));
            }
        }
        if let Some(added) = self.due.get_mut(from..) {
            added.sort_unstable();
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
            self.expire(out);
            self.ring(out);
        }
    }

    /// Ends orders whose time is over, by instant and id.
    fn expire(&mut self, out: &mut Vec<BookEvent>) {
        while let Some(((at, id), _)) = self.slab.expiries.first()
            && at <= self.now.nanos()
        {
            self.cancel(OrderId(id), CancelReason::Expired, out);
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
                entry.time_is_up(&mut desk!(self, out));
                self.settle_combos(place, out);
                self.follow(place, None, out);
            }
        }
        if !self.fills.is_empty() {
            self.protect(out);
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
}
