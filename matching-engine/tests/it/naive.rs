//! A book that is obviously right: one list of orders, sorted again after every command.
//!
//! It shares no algorithm with the real one: a fill-or-kill order is tried on a copy, an auction looks at every tick.

use std::cmp::Reverse;

use instruments::{OrderId, Price, Qty, Side};
use matching_engine::{
    Book, BookEvent, BookReject, CancelReason, NewOrder, Order, OrderKind, StpMode, TimeInForce,
    Trade,
};

/// One thing that an account or the venue may ask of a book.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    Place(NewOrder),
    Cancel(OrderId),
    Amend(OrderId, Option<Price>, Option<Qty>),
    OpenAuction,
    Uncross(Price),
}

/// What both books can do.
pub(crate) trait Venue {
    fn apply(&mut self, command: Command, out: &mut Vec<BookEvent>);
    /// Bids, then asks, each in priority order.
    fn resting(&self) -> Vec<Order>;
}

impl Venue for Book {
    fn apply(&mut self, command: Command, out: &mut Vec<BookEvent>) {
        match command {
            Command::Place(order) => self.place(order, out),
            Command::Cancel(id) => self.cancel(id, CancelReason::Requested, out),
            Command::Amend(id, price, total) => self.amend(id, price, total, out),
            Command::OpenAuction => self.open_auction(),
            Command::Uncross(reference) => self.uncross(reference, out),
        }
    }

    fn resting(&self) -> Vec<Order> {
        self.orders().copied().collect()
    }
}

/// The obviously right book. Orders stand in the order of their arrival.
#[derive(Debug, Clone, Default)]
pub(crate) struct NaiveBook {
    orders: Vec<Order>,
    in_auction: bool,
}

impl Venue for NaiveBook {
    fn apply(&mut self, command: Command, out: &mut Vec<BookEvent>) {
        match command {
            Command::Place(order) => self.place(&order, out),
            Command::Cancel(id) => self.cancel(id, CancelReason::Requested, out),
            Command::Amend(id, price, total) => self.amend(id, price, total, out),
            Command::OpenAuction => self.in_auction = true,
            Command::Uncross(reference) => self.uncross(reference, out),
        }
    }

    fn resting(&self) -> Vec<Order> {
        let mut all = self.queue(Side::Buy);
        all.extend(self.queue(Side::Sell));
        all
    }
}

impl NaiveBook {
    /// Stable sort by price: orders of one price keep the order of their arrival.
    fn queue(&self, side: Side) -> Vec<Order> {
        let mut queue: Vec<_> = self.orders.iter().filter(|o| o.side == side).copied().collect();
        match side {
            Side::Buy => queue.sort_by_key(|order| Reverse(order.price)),
            Side::Sell => queue.sort_by_key(|order| order.price),
        }
        queue
    }

    fn position(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id)
    }

    fn meets(side: Side, limit: Option<Price>, maker: Price) -> bool {
        limit.is_none_or(|limit| match side {
            Side::Buy => maker <= limit,
            Side::Sell => limit <= maker,
        })
    }

    fn crosses(&self, side: Side, limit: Option<Price>) -> bool {
        let opposite = self.orders.iter().filter(|order| order.side != side);
        opposite.into_iter().any(|order| Self::meets(side, limit, order.price))
    }

    fn place(&mut self, new: &NewOrder, out: &mut Vec<BookEvent>) {
        let id = new.id;
        let is_limit = matches!(new.kind, OrderKind::Limit(_));
        let may_rest = is_limit && new.time_in_force == TimeInForce::Gtc;
        let limit = match new.kind {
            OrderKind::Limit(price) => Some(price),
            OrderKind::Market => None,
        };
        let reason = if new.qty == Qty::ZERO {
            Some(BookReject::ZeroQuantity)
        } else if self.position(id).is_some() {
            Some(BookReject::DuplicateId)
        } else if new.post_only && !may_rest {
            Some(BookReject::PostOnlyImmediate)
        } else if self.in_auction && (new.post_only || !may_rest) {
            Some(BookReject::NotInAuction)
        } else if new.post_only && self.crosses(new.side, limit) {
            Some(BookReject::PostOnlyWouldCross)
        } else {
            None
        };
        if let Some(reason) = reason {
            return out.push(BookEvent::Rejected { id, reason });
        }
        out.push(BookEvent::Accepted { id });
        let mut order = Order {
            id,
            account: new.account,
            side: new.side,
            // A market order never rests, so nobody sees this price.
            price: limit.unwrap_or(Price::from_ticks(0)),
            open: new.qty,
            filled: Qty::ZERO,
            post_only: new.post_only,
            stp: new.stp,
        };
        if new.time_in_force == TimeInForce::Fok {
            let (mut copy, mut tried) = (self.clone(), order);
            copy.take(&mut tried, limit, &mut Vec::new());
            if tried.filled != new.qty {
                let (qty, reason) = (order.open, CancelReason::FillOrKill);
                return out.push(BookEvent::Cancelled { id, qty, reason });
            }
        }
        self.take(&mut order, limit, out);
        if order.open == Qty::ZERO {
        } else if may_rest {
            self.orders.push(order);
        } else {
            let reason = match new.time_in_force {
                TimeInForce::Gtc => CancelReason::Market,
                TimeInForce::Ioc => CancelReason::ImmediateOrCancel,
                TimeInForce::Fok => unreachable!("tried on a copy"),
            };
            out.push(BookEvent::Cancelled { id, qty: order.open, reason });
        }
    }

    fn cancel(&mut self, id: OrderId, reason: CancelReason, out: &mut Vec<BookEvent>) {
        match self.position(id) {
            Some(at) => {
                let qty = self.orders.remove(at).open;
                out.push(BookEvent::Cancelled { id, qty, reason });
            }
            None => out.push(BookEvent::Rejected { id, reason: BookReject::UnknownOrder }),
        }
    }

    fn amend(
        &mut self,
        id: OrderId,
        price: Option<Price>,
        total: Option<Qty>,
        out: &mut Vec<BookEvent>,
    ) {
        let Some(at) = self.position(id) else {
            return out.push(BookEvent::Rejected { id, reason: BookReject::UnknownOrder });
        };
        let mut order = self.orders[at];
        let price = price.unwrap_or(order.price);
        let total = total.unwrap_or(order.filled + order.open);
        if total <= order.filled {
            return self.cancel(id, CancelReason::Amended, out);
        }
        if order.post_only && !self.in_auction && self.crosses(order.side, Some(price)) {
            return out.push(BookEvent::Rejected { id, reason: BookReject::PostOnlyWouldCross });
        }
        out.push(BookEvent::Amended { id, price, qty: total });
        let open = total - order.filled;
        if price == order.price && open <= order.open {
            self.orders[at].open = open;
            return;
        }
        self.orders.remove(at);
        order.price = price;
        order.open = open;
        self.take(&mut order, Some(price), out);
        if order.open != Qty::ZERO {
            self.orders.push(order);
        }
    }

    fn take(&mut self, taker: &mut Order, limit: Option<Price>, out: &mut Vec<BookEvent>) {
        while taker.open != Qty::ZERO && !self.in_auction {
            let Some(maker) = self.queue(taker.side.opposite()).first().copied() else { return };
            if !Self::meets(taker.side, limit, maker.price) {
                return;
            }
            let qty = taker.open.min(maker.open);
            let is_own = taker.account == maker.account;
            match taker.stp {
                mode if mode == StpMode::None || !is_own => {
                    self.lose(maker.id, qty, true);
                    taker.open -= qty;
                    taker.filled += qty;
                    out.push(BookEvent::Traded(trade(&maker, taker, maker.price, qty)));
                }
                StpMode::None => unreachable!("trades"),
                StpMode::CancelOldest => self.cancel(maker.id, CancelReason::SelfTrade, out),
                StpMode::CancelNewest => stop(taker, out),
                StpMode::CancelBoth => {
                    self.cancel(maker.id, CancelReason::SelfTrade, out);
                    stop(taker, out);
                }
                StpMode::Decrement => {
                    if maker.open <= taker.open {
                        self.cancel(maker.id, CancelReason::SelfTrade, out);
                    } else {
                        self.lose(maker.id, qty, false);
                        let total = maker.filled + maker.open - qty;
                        out.push(decremented(maker.id, Some(maker.price), qty, total));
                    }
                    if taker.open <= maker.open {
                        stop(taker, out);
                    } else {
                        taker.open -= qty;
                        out.push(decremented(taker.id, limit, qty, taker.filled + taker.open));
                    }
                }
            }
        }
    }

    fn lose(&mut self, id: OrderId, qty: Qty, traded: bool) {
        let at = self.position(id).unwrap();
        self.orders[at].open -= qty;
        if traded {
            self.orders[at].filled += qty;
        }
        self.orders.retain(|order| order.open != Qty::ZERO);
    }

    fn uncross(&mut self, reference: Price, out: &mut Vec<BookEvent>) {
        self.in_auction = false;
        let Some((price, mut left)) = self.cross(reference) else { return };
        while left != 0 {
            let (bid, ask) = (self.queue(Side::Buy)[0], self.queue(Side::Sell)[0]);
            let qty = bid.open.min(ask.open).min(Qty::from_lots(left));
            let bid_first = self.position(bid.id) < self.position(ask.id);
            let (maker, taker) = if bid_first { (bid, ask) } else { (ask, bid) };
            self.lose(bid.id, qty, true);
            self.lose(ask.id, qty, true);
            out.push(BookEvent::Traded(trade(&maker, &taker, price, qty)));
            left -= qty.lots();
        }
    }

    /// Every tick between the lowest and the highest price, one by one.
    fn cross(&self, reference: Price) -> Option<(Price, u64)> {
        let ticks = self.orders.iter().map(|order| order.price.ticks());
        let (low, high) = (ticks.clone().min()?, ticks.max()?);
        let sum = |side, holds: &dyn Fn(i64) -> bool| -> i64 {
            let at = |o: &&Order| o.side == side && holds(o.price.ticks());
            let lots: u64 = self.orders.iter().filter(at).map(|order| order.open.lots()).sum();
            i64::try_from(lots).unwrap()
        };
        let all: Vec<_> = (low..=high)
            .map(|tick| {
                let demand = sum(Side::Buy, &|limit| tick <= limit);
                let supply = sum(Side::Sell, &|limit| limit <= tick);
                (tick, demand.min(supply), demand - supply)
            })
            .collect();
        let volume = all.iter().map(|(_, volume, _)| *volume).max().filter(|v| 0 < *v)?;
        let mut tied: Vec<_> = all.into_iter().filter(|(_, v, _)| *v == volume).collect();
        let least = tied.iter().map(|(_, _, imbalance)| imbalance.abs()).min()?;
        tied.retain(|(_, _, imbalance)| imbalance.abs() == least);
        let tick = if tied.iter().all(|(_, _, imbalance)| 0 < *imbalance) {
            tied.last()?.0
        } else if tied.iter().all(|(_, _, imbalance)| *imbalance < 0) {
            tied.first()?.0
        } else {
            let distance = |tick: i64| (tick - reference.ticks()).abs();
            tied.sort_by_key(|(tick, ..)| (distance(*tick), *tick));
            tied.first()?.0
        };
        Some((Price::from_ticks(tick), u64::try_from(volume).unwrap()))
    }
}

fn trade(maker: &Order, taker: &Order, price: Price, qty: Qty) -> Trade {
    Trade {
        maker: maker.id,
        taker: taker.id,
        maker_account: maker.account,
        taker_account: taker.account,
        taker_side: taker.side,
        price,
        qty,
    }
}

fn stop(taker: &mut Order, out: &mut Vec<BookEvent>) {
    let (id, qty, reason) = (taker.id, taker.open, CancelReason::SelfTrade);
    out.push(BookEvent::Cancelled { id, qty, reason });
    taker.open = Qty::ZERO;
}

fn decremented(id: OrderId, price: Option<Price>, by: Qty, qty: Qty) -> BookEvent {
    BookEvent::Decremented { id, price, by, qty }
}
