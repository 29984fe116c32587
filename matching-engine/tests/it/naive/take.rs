//! An order arrives: it trades, and its rest rests or is cancelled.

use instruments::{Nanos, OrderId, Price, Qty, Side};
use matching_engine::{
    Allocation, AuctionKind, BookEvent, CancelReason, Order, OrderKind, StpMode, TimeInForce, Trade,
};

use super::Desk;
use super::book::{Held, NaiveBook, limit_of, meets, worth};

impl NaiveBook {
    /// `place` is the number with which the order was accepted; one that comes later takes another when it rests.
    pub(super) fn arrive(&mut self, mut order: Order, place: Option<u64>, desk: &mut Desk<'_>) {
        let (book, id) = (self.instrument, order.id);
        if order.time_in_force == TimeInForce::Fok && !self.would_trade_whole(&order, desk) {
            let (qty, reason) = (order.open, CancelReason::FillOrKill);
            return desk.say(BookEvent::Cancelled { book, id, qty, reason });
        }
        let mut is_halted = false;
        if self.is_continuous() {
            let from = desk.out.len();
            is_halted = self.take(&mut order, desk);
            self.note_trades(from, desk);
        }
        if is_halted {
            let length = self.terms.breaker.unwrap().call.length;
            self.open_auction(AuctionKind::Volatility, Some(desk.now + length), desk);
        }
        if order.open == Qty::ZERO {
            return;
        }
        let is_limit = matches!(order.kind, OrderKind::Limit(_));
        let force = order.time_in_force;
        let reason = if is_halted && force == TimeInForce::Gfn {
            CancelReason::AuctionOpened
        } else if is_limit && force.rests() {
            return self.rest(order, place, desk);
        } else if is_halted {
            CancelReason::Halted
        } else if force == TimeInForce::Ioc {
            CancelReason::ImmediateOrCancel
        } else {
            CancelReason::Market
        };
        desk.say(BookEvent::Cancelled { book, id, qty: order.open, reason });
    }

    /// Fill or kill is tried on a copy.
    fn would_trade_whole(&self, order: &Order, desk: &Desk<'_>) -> bool {
        let (mut copy, mut tried) = (self.clone(), *order);
        let (arrivals, out) = (&mut desk.arrivals.clone(), &mut Vec::new());
        copy.take(&mut tried, &mut Desk { now: desk.now, arrivals, drawn: None, out });
        tried.filled == order.total()
    }

    /// What traded since `from` is the last price, and is what the breaker looks at.
    fn note_trades(&mut self, from: usize, desk: &Desk<'_>) {
        for event in &desk.out[from..] {
            if let BookEvent::Traded(trade) = event {
                self.last = Some(trade.price);
                self.trades.push((desk.now, trade.price));
            }
        }
        // Time does not go back: what the window has left behind never comes into it again.
        if let Some(breaker) = self.terms.breaker {
            let length = (breaker.window.nanos() / 60).max(1);
            self.trades.retain(|(at, _)| desk.now.nanos() / length < at.nanos() / length + 60);
        } else {
            self.trades.clear();
        }
    }

    /// The lowest and the highest price at which the breaker lets a trade happen.
    pub(super) fn limits(&self, now: Nanos) -> Option<(i128, i128)> {
        let breaker = self.terms.breaker?;
        // The window is counted in sixtieths of it.
        let length = (breaker.window.nanos() / 60).max(1);
        let counts = |at: Nanos| now.nanos() / length < at.nanos() / length + 60;
        let anchor = self.last.unwrap_or(self.terms.reference);
        let mut prices: Vec<_> = Vec::new();
        for (at, price) in &self.trades {
            if counts(*at) {
                prices.push(*price);
            }
        }
        let low = prices.iter().min().unwrap_or(&anchor).ticks();
        let high = prices.iter().max().unwrap_or(&anchor).ticks();
        let width = i128::from(breaker.width);
        Some((i128::from(high) - width, i128::from(low) + width))
    }

    /// Trades until the taker is done or nothing is left within its limit. Says whether the breaker stopped it.
    fn take(&mut self, taker: &mut Order, desk: &mut Desk<'_>) -> bool {
        let limits = self.limits(desk.now);
        let limit = self.worst_price(taker);
        while taker.open != Qty::ZERO {
            let Some(maker) = self.best(taker.side.opposite()) else { return false };
            let price = limit_of(&maker.order).unwrap();
            if limit.is_some_and(|limit| !meets(taker.side, Some(limit), price)) {
                return false;
            }
            let ticks = i128::from(price.ticks());
            if limits.is_some_and(|(low, high)| ticks < low || high < ticks) {
                return true;
            }
            match self.terms.allocation {
                Allocation::Fifo if is_own(taker, &maker.order) => {
                    self.prevent(taker, &maker.order, desk);
                }
                Allocation::Fifo => {
                    let qty = taker.open.min(maker.order.shown);
                    self.trade(taker, maker.order.id, qty, desk);
                }
                Allocation::ProRata { min, top } => {
                    self.take_level(taker, price, (min, top), desk);
                }
            }
        }
        false
    }

    /// Its limit; of a market order its ceiling or the band, whichever is reached first.
    fn worst_price(&self, taker: &Order) -> Option<Price> {
        let band = if taker.side == Side::Buy { self.bands.high } else { self.bands.low };
        match (taker.kind, band, taker.ceiling) {
            (OrderKind::Limit(price), _, _) => Some(price),
            (OrderKind::Market, Some(band), Some(ceiling)) => Some(match taker.side {
                Side::Buy => band.min(ceiling),
                Side::Sell => band.max(ceiling),
            }),
            (OrderKind::Market, band, ceiling) => band.or(ceiling),
        }
    }

    /// A trade with a resting order, at its price. What hides comes forward at the back of the level.
    pub(super) fn trade(&mut self, taker: &mut Order, id: OrderId, qty: Qty, desk: &mut Desk<'_>) {
        let at = self.find(id).unwrap();
        let maker = &mut self.held[at];
        desk.say(BookEvent::Traded(Trade {
            book: self.instrument,
            maker: id,
            taker: taker.id,
            maker_account: maker.order.account,
            taker_account: taker.account,
            taker_side: taker.side,
            price: limit_of(&maker.order).unwrap(),
            qty,
        }));
        taker.open -= qty;
        taker.filled += qty;
        maker.order.open -= qty;
        maker.order.shown -= qty;
        maker.order.filled += qty;
        if maker.order.open == Qty::ZERO {
            self.held.remove(at);
        } else if maker.order.shown == Qty::ZERO {
            self.refresh(id, desk);
        }
    }

    /// An iceberg shows its next part, at the back of its level.
    pub(super) fn refresh(&mut self, id: OrderId, desk: &mut Desk<'_>) {
        let at = self.find(id).unwrap();
        let Held { order, place } = &mut self.held[at];
        order.shown = order.open.min(order.display.unwrap());
        *place = desk.next_arrival();
        let (book, shown) = (self.instrument, order.shown);
        desk.say(BookEvent::Refreshed { book, id, shown });
        self.tops = self.tops.map(|top| top.filter(|top| *top != id));
    }

    /// The taker has reached an order of its own.
    pub(super) fn prevent(&mut self, taker: &mut Order, maker: &Order, desk: &mut Desk<'_>) {
        let (book, reason) = (self.instrument, CancelReason::SelfTrade);
        let by = taker.open.min(maker.open);
        let is_decrement = taker.stp == StpMode::Decrement;
        let ends_maker = match taker.stp {
            StpMode::CancelOldest | StpMode::CancelBoth => true,
            StpMode::Decrement => maker.open <= taker.open,
            StpMode::None | StpMode::CancelNewest => false,
        };
        let ends_taker = match taker.stp {
            StpMode::CancelNewest | StpMode::CancelBoth => true,
            StpMode::Decrement => taker.open <= maker.open,
            StpMode::None | StpMode::CancelOldest => false,
        };
        if ends_maker {
            self.cancel(maker.id, reason, desk);
        } else if is_decrement {
            self.lose(maker.id, by);
            let (id, price, qty) = (maker.id, limit_of(maker), maker.total() - by);
            desk.say(BookEvent::Decremented { book, id, price, by, qty });
        }
        if ends_taker {
            desk.say(BookEvent::Cancelled { book, id: taker.id, qty: taker.open, reason });
            taker.open = Qty::ZERO;
        } else if is_decrement {
            taker.open -= by;
            let (id, price, qty) = (taker.id, limit_of(taker), taker.total());
            desk.say(BookEvent::Decremented { book, id, price, by, qty });
        }
    }

    /// Puts what is left at the back of its level.
    fn rest(&mut self, mut order: Order, place: Option<u64>, desk: &mut Desk<'_>) {
        let mine = usize::from(order.side == Side::Sell);
        let best = self.best(order.side);
        let is_better = best.is_none_or(|best| worth(&order) < worth(&best.order));
        self.tops[mine] = self.tops[mine].filter(|top| *top != order.id);
        if is_better && self.is_continuous() {
            self.tops[mine] = Some(order.id);
        }
        order.shown = order.display.map_or(order.open, |display| display.min(order.open));
        let place = place.unwrap_or_else(|| desk.next_arrival());
        self.held.push(Held { order, place });
    }
}

/// Self-trade prevention acts between these two, by the taker's mode.
pub(super) fn is_own(taker: &Order, maker: &Order) -> bool {
    let is_same = (taker.account, taker.stp_token) == (maker.account, maker.stp_token);
    is_same && taker.stp != StpMode::None
}
