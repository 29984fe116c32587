//! Calendar spreads: the orders of a spread and of its two legs trade with each other.
//!
//! Buying the spread is buying the front and selling the back, so three prices hang together: `spread = front - back`. Two resting
//! orders of two of the books make a price in the third: an *implied* one. Only resting orders imply, never implied prices.
//!
//! Invariant: while all three books match continuously, no order that rests could trade with an implied price. Every arrival looks at
//! the combinations of its book, and the inequality is the same whichever of the three orders comes last; after an auction
//! [`Engine::settle_combos`] makes it true again.

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};

use super::{Engine, desk, place_of};
use crate::book::{Book, Desk, Taker, feature};
use crate::event::{BookEvent, CancelReason, Trade};
use crate::order::StpMode;
use crate::slab::Slot;
use crate::terms::AuctionKind;

/// A spread and its legs, by the numbers of their books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Combo {
    pub(crate) spread: usize,
    pub(crate) front: usize,
    pub(crate) back: usize,
}

/// What two resting orders of the other books offer to a taker.
#[derive(Debug, Clone, Copy)]
struct Offer {
    combo: Combo,
    /// The price in the taker's book, and the depth on the side it would have been found on.
    price: Price,
    depth: i64,
    /// Who trades: in the taker's book's stead, or beside it.
    one: Leg,
    other: Leg,
}

/// The best order of one side of another book.
#[derive(Debug, Clone, Copy)]
struct Leg {
    book: usize,
    slot: Slot,
    price: Price,
    shown: u64,
}

/// One side of a trade.
#[derive(Debug, Clone, Copy)]
struct Party {
    id: OrderId,
    account: u32,
}

/// How much somebody takes of an offer.
#[derive(Debug, Clone, Copy)]
struct Take {
    taker: Party,
    side: Side,
    qty: u64,
}

/// A trade in one of the three books.
#[derive(Debug, Clone, Copy)]
struct Print {
    book: usize,
    maker: Party,
    taker: Party,
    /// Which way the taker goes in this book.
    side: Side,
    price: Price,
    qty: u64,
}

impl Engine {
    /// Makes a listed book the calendar spread of two others: one lot of it is a lot of the front bought and a lot of the back sold.
    ///
    /// All three must have the same tick and the same lot; that is the venue's to see to. Says no when a book is not listed, is named
    /// twice, has orders, or when the spread already is one.
    pub fn link(&mut self, spread: InstrumentId, front: InstrumentId, back: InstrumentId) -> bool {
        let places =
            [spread, front, back].map(|id| place_of(id).filter(|_| self.book(id).is_some()));
        let [Some(spread), Some(front), Some(back)] = places else { return false };
        let are_distinct = spread != front && front != back && back != spread;
        // Of one generation: a spread is no leg, and a leg is no spread.
        let is_plain = |combo: &Combo| {
            ![front, back, spread].contains(&combo.spread)
                && ![combo.front, combo.back].contains(&spread)
        };
        if !are_distinct
            || !self.combos.iter().all(is_plain)
            || [spread, front, back].iter().any(|at| self.has_orders(*at))
        {
            return false;
        }
        let number = u32::try_from(self.combos.len()).unwrap_or(u32::MAX);
        self.combos.push(Combo { spread, front, back });
        for place in [spread, front, back] {
            if let Some(Some(book)) = self.books.get_mut(place) {
                book.combos.push(number);
                book.note_features();
            }
        }
        true
    }

    /// A book that is gone takes its combinations with it.
    pub(super) fn unlink(&mut self, place: usize) {
        self.combos.retain(|combo| ![combo.spread, combo.front, combo.back].contains(&place));
        for book in self.books.iter_mut().flatten() {
            book.combos.clear();
            book.note_features();
            book.implied = [None; 2];
        }
        for (number, combo) in (0..).zip(&self.combos) {
            for place in [combo.spread, combo.front, combo.back] {
                if let Some(Some(book)) = self.books.get_mut(place) {
                    book.combos.push(number);
                    book.note_features();
                }
            }
        }
    }

    fn has_orders(&self, place: usize) -> bool {
        self.entry(place).is_some_and(|book| book.orders != 0)
    }

    fn entry(&self, place: usize) -> Option<&Book> {
        self.books.get(place).and_then(Option::as_ref)
    }

    /// Lets an order of a linked book match: with what rests there, and where it is better with what the other books imply.
    pub(super) fn arrive_linked(
        &mut self,
        place: usize,
        taker: &mut Taker,
        out: &mut Vec<BookEvent>,
    ) {
        // Fill or kill counts the orders of its own book only, and so it takes only them.
        while taker.open != 0 && !taker.is_fok() {
            let Some(book) = self.entry(place).filter(|book| book.is_continuous()) else { break };
            let makers = book.ladder(taker.side.opposite());
            let direct = makers.is_within(taker.limit).then_some(makers.best_depth);
            let offer =
                self.best_offer(place, taker.side).filter(|offer| offer.depth <= taker.limit);
            match (direct, offer) {
                (None, None) => break,
                (Some(depth), offer) if offer.is_none_or(|offer| depth <= offer.depth) => {
                    let depth_max = offer.map_or(i64::MAX, |offer| offer.depth);
                    if let Some(Some(book)) = self.books.get_mut(place) {
                        book.take_levels(taker, depth_max, &mut desk!(self, out));
                    }
                }
                (_, Some(offer)) => self.take_offer(place, taker, &offer, out),
                (Some(_), None) => break,
            }
        }
        if let Some(Some(book)) = self.books.get_mut(place) {
            let desk = &mut desk!(self, out);
            if taker.is_fok() {
                return book.arrive(taker, desk);
            }
            book.conclude(taker, desk);
        }
    }

    /// Tells a linked book the best implied price on each side, for post-only orders.
    pub(super) fn tell_implied(&mut self, place: usize) {
        let linked = self.entry(place).is_some_and(|book| book.has(feature::LINKED));
        if !linked {
            return;
        }
        let asks = self.best_offer(place, Side::Buy).map(|offer| offer.price);
        let bids = self.best_offer(place, Side::Sell).map(|offer| offer.price);
        if let Some(Some(book)) = self.books.get_mut(place) {
            book.implied = [bids, asks];
        }
    }

    /// The best implied price for a taker of a side; of two equal ones that of the combination linked first.
    fn best_offer(&self, place: usize, side: Side) -> Option<Offer> {
        let book = self.entry(place)?;
        let makers = book.ladder(side.opposite());
        let combos = book.combos.iter().filter_map(|number| {
            let combo = usize::try_from(*number).ok().and_then(|at| self.combos.get(at))?;
            let (one, other, price) = self.offer_of(combo, place, side)?;
            let depth = makers.depth_of(price.ticks());
            Some(Offer { combo: *combo, price, depth, one, other })
        });
        combos.min_by_key(|offer| offer.depth)
    }

    /// The two orders that a taker of `side` in one book of a combination would trade with, and the price they make there.
    fn offer_of(&self, combo: &Combo, place: usize, side: Side) -> Option<(Leg, Leg, Price)> {
        let Combo { spread, front, back } = *combo;
        let (same, opposite) = (side, side.opposite());
        let sum = |a: Price, b: Price| a.ticks().checked_add(b.ticks());
        let difference = |a: Price, b: Price| a.ticks().checked_sub(b.ticks());
        let (one, other, ticks) = if place == spread {
            // Buying the spread lifts the front's ask and hits the back's bid.
            let (f, b) = (self.leg(front, opposite)?, self.leg(back, same)?);
            (f, b, difference(f.price, b.price)?)
        } else if place == front {
            // Whoever sells the spread sells the front, and buys the back from its ask.
            let (s, b) = (self.leg(spread, opposite)?, self.leg(back, opposite)?);
            (s, b, sum(s.price, b.price)?)
        } else {
            // Whoever buys the spread sells the back, and buys the front from its ask.
            let (s, f) = (self.leg(spread, same)?, self.leg(front, opposite)?);
            (s, f, difference(f.price, s.price)?)
        };
        Some((one, other, Price::from_ticks(ticks)))
    }

    /// The order of a side of a book that would trade next.
    fn leg(&self, place: usize, side: Side) -> Option<Leg> {
        let book = self.entry(place).filter(|book| book.is_continuous())?;
        let ladder = book.ladder(side);
        let price = ladder.best_price()?;
        let slot = self.slab.node(ladder.best).next;
        Some(Leg { book: place, slot, price, shown: self.slab.node(slot).open })
    }

    /// Trades with what two resting orders imply, one order of each at a time.
    fn take_offer(
        &mut self,
        place: usize,
        taker: &mut Taker,
        offer: &Offer,
        out: &mut Vec<BookEvent>,
    ) {
        let would_trip = self.trips(place, offer.price, out)
            || self.trips(offer.one.book, offer.one.price, out)
            || self.trips(offer.other.book, offer.other.price, out);
        if would_trip || self.meets_own(place, taker, offer, out) {
            return;
        }
        let qty = taker.open.min(offer.one.shown).min(offer.other.shown);
        let party = Party { id: taker.id, account: taker.account };
        taker.open = taker.open.wrapping_sub(qty);
        taker.filled = taker.filled.wrapping_add(qty);
        self.trade_offer(place, Take { taker: party, side: taker.side, qty }, offer, out);
    }

    /// Prints the trades of one implied match and takes them off the orders that rest.
    fn trade_offer(
        &mut self,
        place: usize,
        Take { taker, side, qty }: Take,
        offer: &Offer,
        out: &mut Vec<BookEvent>,
    ) {
        let (one, other) = (self.party(&offer.one), self.party(&offer.other));
        let (first, second, implied) = if place == offer.combo.spread {
            let (book, price) = (offer.one.book, offer.one.price);
            let first = Print { book, maker: one, taker, side, price, qty };
            let (book, price, side) = (offer.other.book, offer.other.price, side.opposite());
            let second = Print { book, maker: other, taker, side, price, qty };
            (first, second, (place, taker.id, offer.price))
        } else {
            // The spread's order trades here, and passes on what it did not want in the other leg.
            let first = Print { book: place, maker: one, taker, side, price: offer.price, qty };
            let (book, price) = (offer.other.book, offer.other.price);
            let second = Print { book, maker: other, taker: one, side, price, qty };
            (first, second, (offer.one.book, one.id, offer.one.price))
        };
        self.print(&first, out);
        self.print(&second, out);
        let (spread, id, price) = implied;
        if let Some(book) = self.entry(spread) {
            let (book, qty) = (book.instrument, Qty::from_lots(qty));
            self.say(BookEvent::Implied { book, id, price, qty }, out);
        }
        self.note_price(spread, price);
        for leg in [offer.one, offer.other] {
            if let Some(Some(book)) = self.books.get_mut(leg.book) {
                book.fill_shown(leg.slot, qty, &mut desk!(self, out));
            }
        }
    }

    fn party(&self, leg: &Leg) -> Party {
        let node = self.slab.node(leg.slot);
        Party { id: node.id(leg.slot), account: node.account }
    }

    fn print(&mut self, print: &Print, out: &mut Vec<BookEvent>) {
        let Some(book) = self.entry(print.book) else { return };
        let trade = Trade {
            book: book.instrument,
            maker: print.maker.id,
            taker: print.taker.id,
            maker_account: AccountId(u64::from(print.maker.account)),
            taker_account: AccountId(u64::from(print.taker.account)),
            taker_side: print.side,
            price: print.price,
            qty: Qty::from_lots(print.qty),
        };
        self.say(BookEvent::Traded(trade), out);
        self.note_price(print.book, print.price);
    }

    /// A book has a newer last price.
    fn note_price(&mut self, place: usize, price: Price) {
        if let Some(Some(book)) = self.books.get_mut(place) {
            book.note_trades(price, price, self.now, &mut self.moved);
        }
    }

    /// Whether a trade at `price` is more than a book's breaker lets happen; if so, its auction opens.
    fn trips(&mut self, place: usize, price: Price, out: &mut Vec<BookEvent>) -> bool {
        let Some(Some(book)) = self.books.get_mut(place) else { return false };
        let Some(breaker) = &mut book.breaker else { return false };
        breaker.advance(self.now);
        let (low, high) = breaker.limits();
        let trips = price.ticks() < low || high < price.ticks();
        if trips {
            book.open_call(AuctionKind::Volatility, &mut desk!(self, out));
        }
        trips
    }

    /// Self-trade prevention between a taker and the orders that imply. There is nothing to decrement both by: that mode ends the taker.
    fn meets_own(
        &mut self,
        place: usize,
        taker: &mut Taker,
        offer: &Offer,
        out: &mut Vec<BookEvent>,
    ) -> bool {
        let owned = [offer.one, offer.other]
            .into_iter()
            .find(|leg| taker.owns(self.slab.node(leg.slot), leg.slot, &self.slab));
        let Some(leg) = owned else { return false };
        let (ends_maker, ends_taker) = match taker.stp() {
            StpMode::None => return false,
            StpMode::CancelNewest | StpMode::Decrement => (false, true),
            StpMode::CancelOldest => (true, false),
            StpMode::CancelBoth => (true, true),
        };
        if ends_maker && let Some(Some(book)) = self.books.get_mut(leg.book) {
            book.cancel(leg.slot, CancelReason::SelfTrade, &mut desk!(self, out));
        }
        if ends_taker && let Some(Some(book)) = self.books.get_mut(place) {
            book.stop(taker, CancelReason::SelfTrade, &mut desk!(self, out));
        }
        true
    }

    /// After an auction in one of three linked books: whatever now could trade with an implied price does, the spread's orders in their
    /// places. Nobody took, so neither self-trade prevention nor a breaker acts.
    pub(super) fn settle_combos(&mut self, place: usize, out: &mut Vec<BookEvent>) {
        let count = self.entry(place).map_or(0, |book| book.combos.len());
        for at in 0..count {
            let number = self.entry(place).and_then(|book| book.combos.get(at).copied());
            let combo = number.and_then(|number| usize::try_from(number).ok());
            let Some(Combo { spread, .. }) = combo.and_then(|at| self.combos.get(at).copied())
            else {
                continue;
            };
            for side in [Side::Buy, Side::Sell] {
                while self.settle_one(spread, side, out) {}
            }
        }
    }

    /// Lets the best order of a spread's side trade with what the legs imply, if it can.
    fn settle_one(&mut self, spread: usize, side: Side, out: &mut Vec<BookEvent>) -> bool {
        let Some(resting) = self.leg(spread, side) else { return false };
        let offer = self.best_offer(spread, side).filter(|offer| match side {
            Side::Buy => offer.price <= resting.price,
            Side::Sell => resting.price <= offer.price,
        });
        let Some(offer) = offer.filter(|offer| offer.combo.spread == spread) else { return false };
        let qty = resting.shown.min(offer.one.shown).min(offer.other.shown);
        let party = self.party(&resting);
        self.trade_offer(spread, Take { taker: party, side, qty }, &offer, out);
        if let Some(Some(book)) = self.books.get_mut(spread) {
            book.fill_shown(resting.slot, qty, &mut desk!(self, out));
        }
        true
    }
}
