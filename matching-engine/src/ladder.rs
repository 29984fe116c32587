//! One side of a book, in priority order.
//!
//! Invariants:
//! - iterating `orders` is price-time priority: the key is how far the price is from the best possible, then the arrival;
//! - `levels` and `open` are sums over `orders`, and no order or level is empty.

use std::collections::BTreeMap;

use instruments::{Price, Qty, Side};

use crate::order::Order;

/// An order's place in the queue of its side; the smaller trades first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Grows from the best price to the worst.
    depth: i64,
    /// Grows with every arrival at the book, so that no two ranks are equal.
    pub(crate) arrival: u64,
}

/// One side of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ladder {
    side: Side,
    orders: BTreeMap<Rank, Order>,
    // By depth. Kept beside the orders so that a level of 100,000 orders is read in one step.
    levels: BTreeMap<i64, Qty>,
    open: Qty,
}

impl Ladder {
    pub(crate) const fn new(side: Side) -> Self {
        Self { side, orders: BTreeMap::new(), levels: BTreeMap::new(), open: Qty::ZERO }
    }

    /// All that is open on this side.
    pub(crate) const fn open(&self) -> Qty {
        self.open
    }

    pub(crate) fn insert(&mut self, arrival: u64, order: Order) -> Rank {
        let rank = Rank { depth: self.depth(order.price), arrival };
        *self.levels.entry(rank.depth).or_default() += order.open;
        self.open += order.open;
        let before = self.orders.insert(rank, order);
        assert!(before.is_none(), "two orders of one rank");
        rank
    }

    pub(crate) fn get(&self, rank: Rank) -> Option<&Order> {
        self.orders.get(&rank)
    }

    /// The order that trades next.
    pub(crate) fn best(&self) -> Option<(Rank, Order)> {
        self.orders.first_key_value().map(|(rank, order)| (*rank, *order))
    }

    /// The order that trades next with someone who pays or takes `limit`; no limit is any price.
    pub(crate) fn best_within(&self, limit: Option<Price>) -> Option<(Rank, Order)> {
        self.best().filter(|(rank, _)| limit.is_none_or(|limit| rank.depth <= self.depth(limit)))
    }

    /// Every order that may trade within `limit`, first to last.
    pub(crate) fn within(&self, limit: Option<Price>) -> impl Iterator<Item = &Order> {
        let depth_max = limit.map_or(i64::MAX, |limit| self.depth(limit));
        self.orders.range(..=Rank { depth: depth_max, arrival: u64::MAX }).map(|(_, order)| order)
    }

    /// Takes an order out.
    pub(crate) fn remove(&mut self, rank: Rank) -> Option<Order> {
        let order = self.orders.remove(&rank)?;
        self.take_from_level(rank, order.open);
        Some(order)
    }

    /// An order has traded `qty`; at nothing open it leaves. Says whether it left.
    pub(crate) fn fill(&mut self, rank: Rank, qty: Qty) -> bool {
        if let Some(order) = self.orders.get_mut(&rank) {
            order.filled += qty;
        }
        self.decrement(rank, qty)
    }

    /// An order has lost `qty` without a trade; at nothing open it leaves. Says whether it left.
    pub(crate) fn decrement(&mut self, rank: Rank, qty: Qty) -> bool {
        let Some(order) = self.orders.get_mut(&rank) else { return false };
        order.open -= qty;
        let left = order.open.is_zero();
        if left {
            self.orders.remove(&rank);
        }
        self.take_from_level(rank, qty);
        left
    }

    /// The orders with their arrivals, first to last.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (u64, &Order)> {
        self.orders.iter().map(|(rank, order)| (rank.arrival, order))
    }

    /// Price and open quantity of every level, best first.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Price, Qty)> {
        self.levels.iter().map(|(depth, open)| (self.price(*depth), *open))
    }

    /// The open quantity at `price`.
    pub(crate) fn open_at(&self, price: Price) -> Qty {
        self.levels.get(&self.depth(price)).copied().unwrap_or_default()
    }

    fn take_from_level(&mut self, rank: Rank, qty: Qty) {
        self.open -= qty;
        if let Some(open) = self.levels.get_mut(&rank.depth) {
            *open -= qty;
            if open.is_zero() {
                self.levels.remove(&rank.depth);
            }
        }
    }

    /// `!ticks` turns the order of all 2^64 prices around and, unlike `-ticks`, overflows at none of them.
    const fn depth(&self, price: Price) -> i64 {
        match self.side {
            Side::Buy => !price.ticks(),
            Side::Sell => price.ticks(),
        }
    }

    const fn price(&self, depth: i64) -> Price {
        match self.side {
            Side::Buy => Price::from_ticks(!depth),
            Side::Sell => Price::from_ticks(depth),
        }
    }
}
