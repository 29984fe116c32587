//! Matching: an arriving order meets the orders that rest, best price first, then oldest.

use instruments::{AccountId, OrderId, Price, Qty, Side};

use super::Book;
use crate::event::{BookEvent, CancelReason, Trade};
use crate::ladder::Rank;
use crate::order::{NewOrder, Order, OrderKind, StpMode};

/// An order on its way through the book.
pub(super) struct Taker {
    id: OrderId,
    account: AccountId,
    side: Side,
    /// Absent: any price.
    pub(super) limit: Option<Price>,
    pub(super) open: Qty,
    filled: Qty,
    post_only: bool,
    stp: StpMode,
}

impl Taker {
    pub(super) const fn new(order: &NewOrder) -> Self {
        Self {
            id: order.id,
            account: order.account,
            side: order.side,
            limit: match order.kind {
                OrderKind::Limit(price) => Some(price),
                OrderKind::Market => None,
            },
            open: order.qty,
            filled: Qty::ZERO,
            post_only: order.post_only,
            stp: order.stp,
        }
    }

    /// A resting order that arrives anew.
    pub(super) const fn amended(order: &Order, price: Price, open: Qty) -> Self {
        Self {
            id: order.id,
            account: order.account,
            side: order.side,
            limit: Some(price),
            open,
            filled: order.filled,
            post_only: order.post_only,
            stp: order.stp,
        }
    }

    pub(super) const fn resting_at(&self, price: Price) -> Order {
        Order {
            id: self.id,
            account: self.account,
            side: self.side,
            price,
            open: self.open,
            filled: self.filled,
            post_only: self.post_only,
            stp: self.stp,
        }
    }

    /// Ends what is left, if anything is.
    pub(super) fn cancel(&mut self, reason: CancelReason, out: &mut Vec<BookEvent>) {
        if !self.open.is_zero() {
            out.push(BookEvent::Cancelled { id: self.id, qty: self.open, reason });
            self.open = Qty::ZERO;
        }
    }

    /// The mode that holds between this order and a resting one.
    fn stp_against(&self, maker: &Order) -> StpMode {
        if maker.account == self.account { self.stp } else { StpMode::None }
    }
}

impl Book {
    /// What `taker` would trade on arrival under its own self-trade mode, counted no further than it needs.
    pub(super) fn tradable(&self, taker: &Taker) -> Qty {
        let mut sum = Qty::ZERO;
        for maker in self.ladder(taker.side.opposite()).within(taker.limit) {
            match taker.stp_against(maker) {
                StpMode::None => sum += maker.open,
                StpMode::CancelOldest => {}
                // A decremented taker can no longer trade whole: what it loses to itself is not traded.
                StpMode::CancelNewest | StpMode::CancelBoth | StpMode::Decrement => break,
            }
            if taker.open <= sum {
                break;
            }
        }
        sum
    }

    /// Matches until the taker is done or nothing is left within its limit.
    pub(super) fn take(&mut self, taker: &mut Taker, out: &mut Vec<BookEvent>) {
        while !taker.open.is_zero() {
            let makers = self.ladder(taker.side.opposite());
            let Some((rank, maker)) = makers.best_within(taker.limit) else { return };
            match taker.stp_against(&maker) {
                StpMode::None => self.trade(taker, rank, &maker, out),
                StpMode::CancelNewest => taker.cancel(CancelReason::SelfTrade, out),
                StpMode::CancelOldest => self.cancel(maker.id, CancelReason::SelfTrade, out),
                StpMode::CancelBoth => {
                    self.cancel(maker.id, CancelReason::SelfTrade, out);
                    taker.cancel(CancelReason::SelfTrade, out);
                }
                StpMode::Decrement => self.decrement(taker, rank, &maker, out),
            }
        }
    }

    fn trade(&mut self, taker: &mut Taker, rank: Rank, maker: &Order, out: &mut Vec<BookEvent>) {
        let qty = taker.open.min(maker.open);
        out.push(BookEvent::Traded(Trade {
            maker: maker.id,
            taker: taker.id,
            maker_account: maker.account,
            taker_account: taker.account,
            taker_side: taker.side,
            price: maker.price,
            qty,
        }));
        taker.open -= qty;
        taker.filled += qty;
        if self.ladder_mut(maker.side).fill(rank, qty) {
            self.index.remove(&maker.id);
        }
    }

    /// Both lose the smaller's open quantity: the one that has nothing left ends, the other goes on.
    fn decrement(
        &mut self,
        taker: &mut Taker,
        rank: Rank,
        maker: &Order,
        out: &mut Vec<BookEvent>,
    ) {
        let by = taker.open.min(maker.open);
        if by == maker.open {
            self.cancel(maker.id, CancelReason::SelfTrade, out);
        } else {
            self.ladder_mut(maker.side).decrement(rank, by);
            let (id, price, qty) = (maker.id, Some(maker.price), maker.total() - by);
            out.push(BookEvent::Decremented { id, price, by, qty });
        }
        if by == taker.open {
            taker.cancel(CancelReason::SelfTrade, out);
        } else {
            taker.open -= by;
            let (id, price, qty) = (taker.id, taker.limit, taker.filled + taker.open);
            out.push(BookEvent::Decremented { id, price, by, qty });
        }
    }
}
