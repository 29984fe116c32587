//! Mass quotes: an account's bids and asks in many books, set by one message.
//!
//! A quote is an order like any other, good till cancelled and post-only. Read [`Engine::mass_quote`], then `groups.rs`.

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};

use super::groups::{GroupKey, Quoted, key_of};
use super::{Engine, desk, place_of};
use crate::book::{Book, Desk, Taker};
use crate::event::{BookEvent, BookReject, CancelReason};
use crate::order::{Amend, NewOrder, OrderKind, PostOnly, StpMode};
use crate::protection::{Fill, Greeks};
use crate::slab::{Slot, flag};

/// Books in one mass quote, which bounds the time that one command takes.
pub const QUOTES_MAX: usize = 100;

/// Marks the group of an order that is a member of it and no quote. Groups are numbered below.
pub(crate) const MEMBER: u32 = 1 << 31;

/// What an account wants to stand in one book. A side that is absent, or of no size, is to stand no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Where.
    pub book: InstrumentId,
    /// What it buys.
    pub bid: Option<(Price, Qty)>,
    /// What it sells.
    pub ask: Option<(Price, Qty)>,
}

/// One side of one book in a mass quote.
#[derive(Clone, Copy)]
struct QuoteSide {
    key: GroupKey,
    book: InstrumentId,
    side: Side,
    /// What stands.
    old: Option<OrderId>,
    /// What is to stand.
    new: Option<(Price, Qty)>,
}

impl Engine {
    /// Sets what fills of quotes count for, from the next one on.
    pub fn set_greeks(&mut self, book: InstrumentId, greeks: Greeks) {
        if let Some(Some(entry)) = place_of(book).and_then(|place| self.books.get_mut(place)) {
            entry.greeks = greeks;
        }
    }

    /// Sets an account's quotes in many books, each side by itself: one that is refused leaves nothing of its old quote.
    pub fn mass_quote(
        &mut self,
        account: AccountId,
        group: u32,
        quotes: &[Quote],
        out: &mut Vec<BookEvent>,
    ) {
        let key = key_of(account, group).filter(|key| self.may_quote(*key));
        match key {
            _ if QUOTES_MAX < quotes.len() => {
                self.refuse(InstrumentId(0), None, BookReject::TooManyQuotes, out);
            }
            Some(key) => quotes.iter().for_each(|quote| self.quote(key, quote, out)),
            None => {
                for quote in quotes {
                    for _ in [quote.bid, quote.ask].into_iter().filter_map(wanted) {
                        self.refuse(quote.book, None, BookReject::GroupFrozen, out);
                    }
                }
            }
        }
    }

    /// Sets both sides in one book.
    fn quote(&mut self, key: GroupKey, quote: &Quote, out: &mut Vec<BookEvent>) {
        let book = quote.book;
        let old = self.quoted(key, book);
        let bid = QuoteSide { key, book, side: Side::Buy, old: old.bid, new: wanted(quote.bid) };
        let ask = QuoteSide { key, book, side: Side::Sell, old: old.ask, new: wanted(quote.ask) };
        let mut quoted = Quoted { book, bid: None, ask: None };
        if let Err(reason) = self.check_quote(&bid, &ask) {
            for side in [bid, ask].iter().filter(|side| side.new.is_some()) {
                self.refuse(book, side.old, reason, out);
                self.cancel_old(side, CancelReason::Quote, out);
            }
        } else if self.is_ask_first(&bid, &ask) {
            quoted.ask = self.quote_side(&ask, out);
            quoted.bid = self.quote_side(&bid, out);
        } else {
            quoted.bid = self.quote_side(&bid, out);
            quoted.ask = self.quote_side(&ask, out);
        }
        if let Some(group) = self.groups.get_mut(&key) {
            group.keep(quoted);
        }
    }

    /// Why neither side can be set.
    fn check_quote(&mut self, bid: &QuoteSide, ask: &QuoteSide) -> Result<(), BookReject> {
        if self.book(bid.book).is_none() {
            return Err(BookReject::UnknownBook);
        }
        let group = self.groups.get_mut(&bid.key);
        if !group.is_some_and(|group| group.has_room(bid.book, &self.slab)) {
            return Err(BookReject::GroupFull);
        }
        match (bid.new, ask.new) {
            (Some((bid, _)), Some((ask, _))) if ask <= bid => Err(BookReject::QuoteCrossed),
            _ => Ok(()),
        }
    }

    /// The ask makes way for the bid when both go up; else the bid for the ask.
    fn is_ask_first(&self, bid: &QuoteSide, ask: &QuoteSide) -> bool {
        let price_of = |id: OrderId| match self.order(id)?.kind {
            OrderKind::Limit(price) => Some(price),
            OrderKind::Market => None,
        };
        let is_above = |new: &QuoteSide, old: &QuoteSide, at_least: bool| {
            let old = old.old.and_then(price_of);
            match (new.new, old) {
                (Some((new, _)), Some(old)) => old < new || at_least && old == new,
                _ => false,
            }
        };
        is_above(bid, ask, true) || is_above(bid, bid, false) && is_above(ask, ask, false)
    }

    /// Sets one side, by itself. Gives the id of what stands.
    fn quote_side(&mut self, quote: &QuoteSide, out: &mut Vec<BookEvent>) -> Option<OrderId> {
        match (quote.old, quote.new) {
            (None, Some((price, qty))) => self.place_quote(quote, price, qty, out),
            (Some(old), Some((price, qty))) => self.amend_quote(old, price, qty, out),
            (_, None) => {
                self.cancel_old(quote, CancelReason::Requested, out);
                None
            }
        }
    }

    fn place_quote(
        &mut self,
        quote: &QuoteSide,
        price: Price,
        qty: Qty,
        out: &mut Vec<BookEvent>,
    ) -> Option<OrderId> {
        let (account, group) = quote.key;
        let order = quote_order(AccountId(u64::from(account)), quote.side, price, qty);
        let place = place_of(quote.book)?;
        let taker = self.take_in(place, &order, group, out)?;
        let id = taker.id;
        self.follow(place, Some(taker), out);
        Some(id)
    }

    /// Takes in an order that its group's protection counts.
    fn take_in(
        &mut self,
        place: usize,
        order: &NewOrder,
        group: u32,
        out: &mut Vec<BookEvent>,
    ) -> Option<Taker> {
        self.tell_implied(place);
        let book = self.books.get_mut(place)?.as_mut()?;
        let mut taker = book.place(order, &mut desk!(self, out))?;
        let cold = self.slab.cold_mut(taker.slot);
        cold.book = book.number;
        cold.group = group;
        let node = self.slab.node_mut(taker.slot);
        node.stamp |= flag::QUOTE;
        taker.stamp = node.stamp;
        Some(taker)
    }

    /// Sets one quote where the group has none on that side, for an owner that looks at each side by itself. Gives its id.
    ///
    /// The owner has seen that the group may quote, has room and does not cross itself.
    pub fn place_quote_side(
        &mut self,
        (account, group): (AccountId, u32),
        (book, side): (InstrumentId, Side),
        (price, qty): (Price, Qty),
        out: &mut Vec<BookEvent>,
    ) -> Option<OrderId> {
        let key = key_of(account, group).filter(|key| self.may_quote(*key))?;
        let mut quoted = self.quoted(key, book);
        let (old, new) = (None, Some((price, qty)));
        let id = self.place_quote(&QuoteSide { key, book, side, old, new }, price, qty, out)?;
        match side {
            Side::Buy => quoted.bid = Some(id),
            Side::Sell => quoted.ask = Some(id),
        }
        if let Some(group) = self.groups.get_mut(&key) {
            group.keep(quoted);
        }
        if !self.fills.is_empty() {
            self.protect(out);
        }
        Some(id)
    }

    /// Takes in an order that is no quote, but whose fills at rest count for a group: a member. What waits for a price cannot be one.
    ///
    /// A trip leaves members to their owner, who knows them.
    pub fn place_member(
        &mut self,
        book: InstrumentId,
        order: &NewOrder,
        group: u32,
        out: &mut Vec<BookEvent>,
    ) {
        let Some(place) = place_of(book).filter(|_| self.book(book).is_some()) else {
            return self.refuse(book, None, BookReject::UnknownBook, out);
        };
        let taker = self.take_in(place, order, group | MEMBER, out);
        self.run(place, taker, out);
    }

    /// Makes a quote another: in its place if only its size shrinks, gone if that is refused.
    fn amend_quote(
        &mut self,
        id: OrderId,
        price: Price,
        qty: Qty,
        out: &mut Vec<BookEvent>,
    ) -> Option<OrderId> {
        let (slot, place) = self.find(id)?;
        self.tell_implied(place);
        let book = self.books.get_mut(place)?.as_mut()?;
        let instrument = book.instrument;
        let total = self.slab.filled(slot).checked_add(qty.lots()).map(Qty::from_lots);
        let amend = Amend { price: Some(price), total, trigger: None };
        let amended = match total {
            Some(_) => book.amend(slot, &amend, &mut desk!(self, out)),
            None => Err(BookReject::QtyOutOfRange),
        };
        match amended {
            Ok(taker) => {
                self.follow(place, taker, out);
                Some(id)
            }
            Err(reason) => {
                self.refuse(instrument, Some(id), reason, out);
                self.cancel(id, CancelReason::Quote, out);
                None
            }
        }
    }

    fn cancel_old(&mut self, quote: &QuoteSide, reason: CancelReason, out: &mut Vec<BookEvent>) {
        if let Some(old) = quote.old {
            self.cancel(old, reason, out);
        }
    }
}

impl Book {
    /// A quote trades: its group's protection counts that when the command is done.
    #[inline(never)]
    pub(crate) fn note_fill(&self, slot: Slot, lots: u64, desk: &mut Desk<'_>) {
        let node = desk.slab.node(slot);
        let (account, group) = (node.account, desk.slab.cold(slot).group);
        let group = group & !MEMBER;
        desk.fills.push(Fill { account, group, side: node.side(), lots, greeks: self.greeks });
    }
}

/// A quote is good till cancelled and post-only.
fn quote_order(account: AccountId, side: Side, price: Price, qty: Qty) -> NewOrder {
    NewOrder {
        post_only: PostOnly::Reject,
        stp: StpMode::CancelNewest,
        ..NewOrder::limit(account, side, price, qty)
    }
}

/// A side of no size is a side that is not wanted.
fn wanted(side: Option<(Price, Qty)>) -> Option<(Price, Qty)> {
    side.filter(|(_, qty)| !qty.is_zero())
}
