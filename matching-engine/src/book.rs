//! The book: place, cancel, amend, and what can be read of it.
//!
//! Invariants:
//! - outside an auction the best bid is below the best ask;
//! - `index` holds exactly the orders that rest;
//! - every lot that was placed has traded, was cancelled or decremented, or is open.

mod auction;
mod snapshot;
mod take;

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{OrderId, Price, Qty, Side};

pub use auction::{Cross, CrossRule};

use crate::event::{BookEvent, BookReject, CancelReason};
use crate::ladder::{Ladder, Rank};
use crate::order::{NewOrder, Order, OrderKind, TimeInForce};
use take::Taker;

/// One instrument's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
    // BTreeMap, not a hash table: its shape is the same on every machine.
    index: BTreeMap<OrderId, Spot>,
    arrivals: u64,
    phase: Phase,
}

/// Whether orders match on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// They do.
    Continuous,
    /// They are collected until [`Book::uncross`].
    Auction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    side: Side,
    rank: Rank,
}

/// An amend that was found good.
struct Change {
    spot: Spot,
    order: Order,
    price: Price,
    total: Qty,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book that matches continuously.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            index: BTreeMap::new(),
            arrivals: 0,
            phase: Phase::Continuous,
        }
    }

    /// Takes in an order: it trades with what rests, and its rest rests, is cancelled, or both sides say why not.
    pub fn place(&mut self, order: NewOrder, out: &mut Vec<BookEvent>) {
        let id = order.id;
        if let Err(reason) = self.check_place(&order) {
            return out.push(BookEvent::Rejected { id, reason });
        }

        // From here on nothing can fail.
        out.push(BookEvent::Accepted { id });
        let mut taker = Taker::new(&order);
        let is_fok = order.time_in_force == TimeInForce::Fok;
        if is_fok && self.tradable(&taker) < taker.open {
            return taker.cancel(CancelReason::FillOrKill, out);
        }
        if self.phase == Phase::Continuous {
            self.take(&mut taker, out);
        }
        match (order.kind, order.time_in_force) {
            (OrderKind::Limit(price), TimeInForce::Gtc) => self.rest(&taker, price),
            (OrderKind::Market, TimeInForce::Gtc) => taker.cancel(CancelReason::Market, out),
            (_, TimeInForce::Ioc) => taker.cancel(CancelReason::ImmediateOrCancel, out),
            (_, TimeInForce::Fok) => assert!(taker.open.is_zero(), "fill or kill left a rest"),
        }
    }

    /// Ends a resting order.
    pub fn cancel(&mut self, id: OrderId, reason: CancelReason, out: &mut Vec<BookEvent>) {
        out.push(match self.remove(id) {
            Some(order) => BookEvent::Cancelled { id, qty: order.open, reason },
            None => BookEvent::Rejected { id, reason: BookReject::UnknownOrder },
        });
    }

    /// Changes a resting order's price, its size, or both. `total` is the new size, fills included.
    ///
    /// The order keeps its place iff the price stays and the open quantity does not grow; else it arrives anew.
    pub fn amend(
        &mut self,
        id: OrderId,
        price: Option<Price>,
        total: Option<Qty>,
        out: &mut Vec<BookEvent>,
    ) {
        let change = match self.check_amend(id, price, total) {
            Ok(change) => change,
            Err(reason) => return out.push(BookEvent::Rejected { id, reason }),
        };

        // From here on nothing can fail.
        let Change { spot, order, price, total } = change;
        let open = total.saturating_sub(order.filled);
        if open.is_zero() {
            return self.cancel(id, CancelReason::Amended, out);
        }
        out.push(BookEvent::Amended { id, price, qty: total });
        if price == order.price && open <= order.open {
            self.ladder_mut(spot.side).decrement(spot.rank, order.open - open);
            return;
        }
        self.remove(id);
        let mut taker = Taker::amended(&order, price, open);
        if self.phase == Phase::Continuous {
            self.take(&mut taker, out);
        }
        self.rest(&taker, price);
    }

    /// Whether orders match on arrival.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// A resting order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        let spot = self.index.get(&id)?;
        self.ladder(spot.side).get(spot.rank)
    }

    /// Every resting order: bids, then asks, each in priority order.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.bids.orders().chain(self.asks.orders()).map(|(_, order)| order)
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The highest bid and all that is open there.
    #[must_use]
    pub fn best_bid(&self) -> Option<(Price, Qty)> {
        self.bids.levels().next()
    }

    /// The lowest ask and all that is open there.
    #[must_use]
    pub fn best_ask(&self) -> Option<(Price, Qty)> {
        self.asks.levels().next()
    }

    /// Price and open quantity of every level of a side, best first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> {
        self.ladder(side).levels()
    }

    /// All that is open at one price of a side.
    #[must_use]
    pub fn open_at(&self, side: Side, price: Price) -> Qty {
        self.ladder(side).open_at(price)
    }

    /// All that is open on a side.
    #[must_use]
    pub const fn open_on(&self, side: Side) -> Qty {
        self.ladder(side).open()
    }

    /// Whether the best bid and the best ask could trade. Only in an auction.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some((bid, _)), Some((ask, _))) => ask <= bid,
            (None, _) | (_, None) => false,
        }
    }

    /// The checks, in the order of [`BookReject`]'s variants. Reads, never writes.
    fn check_place(&self, order: &NewOrder) -> Result<(), BookReject> {
        if order.qty.is_zero() {
            return Err(BookReject::ZeroQuantity);
        }
        if self.index.contains_key(&order.id) {
            return Err(BookReject::DuplicateId);
        }
        let may_rest = order.kind != OrderKind::Market && order.time_in_force == TimeInForce::Gtc;
        if order.post_only && !may_rest {
            return Err(BookReject::PostOnlyImmediate);
        }
        if self.phase == Phase::Auction && (order.post_only || !may_rest) {
            return Err(BookReject::NotInAuction);
        }
        self.check_open(order.side, Qty::ZERO, order.qty)?;
        self.check_post_only(order.post_only, order.side, Taker::new(order).limit)
    }

    /// The checks, in the order of [`BookReject`]'s variants. Reads, never writes.
    fn check_amend(
        &self,
        id: OrderId,
        price: Option<Price>,
        total: Option<Qty>,
    ) -> Result<Change, BookReject> {
        let spot = *self.index.get(&id).ok_or(BookReject::UnknownOrder)?;
        let order = *self.ladder(spot.side).get(spot.rank).ok_or(BookReject::UnknownOrder)?;
        let price = price.unwrap_or(order.price);
        let total = total.unwrap_or_else(|| order.total());
        let open = total.saturating_sub(order.filled);
        if !open.is_zero() {
            self.check_open(spot.side, order.open, open)?;
            self.check_post_only(order.post_only, spot.side, Some(price))?;
        }
        Ok(Change { spot, order, price, total })
    }

    /// All sums over a side then fit, and no later addition can overflow.
    fn check_open(&self, side: Side, before: Qty, after: Qty) -> Result<(), BookReject> {
        let others = self.ladder(side).open() - before;
        let sum = others.lots().checked_add(after.lots());
        sum.map(|_| ()).ok_or(BookReject::QtyOutOfRange)
    }

    fn check_post_only(
        &self,
        post_only: bool,
        side: Side,
        limit: Option<Price>,
    ) -> Result<(), BookReject> {
        let would_cross = post_only
            && self.phase == Phase::Continuous
            && self.ladder(side.opposite()).best_within(limit).is_some();
        if would_cross { Err(BookReject::PostOnlyWouldCross) } else { Ok(()) }
    }

    /// Puts what is left of a taker at the back of its level.
    fn rest(&mut self, taker: &Taker, price: Price) {
        if taker.open.is_zero() {
            return;
        }
        self.arrivals = self.arrivals.saturating_add(1);
        assert!(self.arrivals < u64::MAX, "2^64 orders have arrived at one book");
        let order = taker.resting_at(price);
        let arrival = self.arrivals;
        let rank = self.ladder_mut(order.side).insert(arrival, order);
        self.index.insert(order.id, Spot { side: order.side, rank });
    }

    fn remove(&mut self, id: OrderId) -> Option<Order> {
        let spot = self.index.remove(&id)?;
        self.ladder_mut(spot.side).remove(spot.rank)
    }

    const fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}
