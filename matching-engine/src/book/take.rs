//! Matching: an arriving order meets the orders that rest, best price first, then oldest.

use instruments::{AccountId, Nanos, OrderId, Price, Qty, Side};

use super::{Book, Desk, feature};
use crate::event::{BookEvent, CancelReason, Trade};
use crate::hash;
use crate::order::StpMode;
use crate::slab::{Node, Run, Slab, Slot, flag, stp_of};
use crate::terms::AuctionKind;

/// An order on its way through the book.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) slot: Slot,
    pub(crate) id: OrderId,
    pub(crate) account: u32,
    pub(crate) side: Side,
    pub(crate) stamp: u64,
    pub(crate) token: u64,
    pub(crate) open: u64,
    /// What it had traded before this arrival, and since.
    pub(crate) filled: u64,
    /// The worst depth of the other side at which it trades.
    pub(crate) limit: i64,
    /// Its limit; absent for a market order.
    pub(crate) price: Option<Price>,
    /// Whether it arrives for the first time, so that its id is its place.
    pub(crate) is_new: bool,
}

impl Taker {
    pub(crate) const fn stp(&self) -> StpMode {
        stp_of(self.stamp)
    }

    pub(crate) const fn force(&self) -> u64 {
        (self.stamp & flag::FORCE) >> 6
    }

    pub(crate) const fn is_fok(&self) -> bool {
        self.force() == 2
    }

    /// Whether its rest may stay.
    const fn rests(&self) -> bool {
        self.price.is_some() && !matches!(self.force(), 1 | 2)
    }

    /// Whether a resting order is this order's own.
    #[inline]
    pub(crate) fn owns(&self, maker: &Node, slot: Slot, slab: &Slab) -> bool {
        maker.account == self.account
            && self.stp() != StpMode::None
            && slab.token(slot) == self.token
    }
}

impl Book {
    /// Everything that happens to an order when it arrives.
    #[inline]
    pub(crate) fn arrive(&mut self, taker: &mut Taker, desk: &mut Desk<'_>) {
        if taker.is_fok() && self.tradable(taker, desk) < taker.open {
            self.stop(taker, CancelReason::FillOrKill, desk);
        }
        self.take(taker, desk);
        self.conclude(taker, desk);
    }

    /// What is left of an order after it has matched rests or is cancelled.
    #[inline]
    pub(crate) fn conclude(&mut self, taker: &mut Taker, desk: &mut Desk<'_>) {
        if taker.open != 0 && taker.rests() && !self.is_out_of_phase(taker) {
            return self.rest(taker, desk);
        }
        if taker.open != 0 {
            let is_halted = !self.is_continuous();
            let reason = match taker.force() {
                5 if is_halted => CancelReason::AuctionOpened,
                _ if is_halted => CancelReason::Halted,
                1 => CancelReason::ImmediateOrCancel,
                _ => CancelReason::Market,
            };
            assert!(!taker.is_fok(), "fill or kill left a rest");
            self.stop(taker, reason, desk);
        }
        self.end(taker.slot, desk.slab);
    }

    /// Good for normal trading, and the breaker has just opened an auction.
    const fn is_out_of_phase(&self, taker: &Taker) -> bool {
        taker.force() == 5 && !self.is_continuous()
    }

    /// Ends what is left of a taker.
    pub(crate) fn stop(&self, taker: &mut Taker, reason: CancelReason, desk: &mut Desk<'_>) {
        if taker.open != 0 {
            let (book, id, qty) = (self.instrument, taker.id, Qty::from_lots(taker.open));
            desk.say(BookEvent::Cancelled { book, id, qty, reason });
            taker.open = 0;
        }
    }

    /// Matches until the taker is done, nothing is left within its limit, or the breaker trips.
    #[inline]
    pub(crate) fn take(&mut self, taker: &mut Taker, desk: &mut Desk<'_>) {
        let makers = self.ladder(taker.side.opposite());
        if taker.open == 0 || !makers.is_within(taker.limit) || !self.is_continuous() {
            return;
        }
        self.take_levels(taker, i64::MAX, desk);
    }

    /// Matches with levels no deeper than `depth_max` and the taker's own limit.
    pub(crate) fn take_levels(&mut self, taker: &mut Taker, depth_max: i64, desk: &mut Desk<'_>) {
        let side = taker.side.opposite();
        let limit = taker.limit.min(depth_max);
        let (low, high) = self.breaker_limits(desk.now);
        let (mut first, mut newest) = (None, None);
        while taker.open != 0 && self.ladder(side).is_within(limit) {
            let makers = self.ladder(side);
            let (level, price) = (makers.best, makers.price_of(makers.best_depth));
            if price.ticks() < low || high < price.ticks() {
                self.open_call(AuctionKind::Volatility, desk);
                break;
            }
            let trades = if self.has(feature::SHARED) {
                self.share_level(taker, level, desk)
            } else {
                self.take_level(taker, level, desk)
            };
            if trades {
                first = first.or(Some(price));
                newest = Some(price);
            }
        }
        if let (Some(first), Some(newest)) = (first, newest) {
            self.note_trades(first, newest, desk.now, desk.moved);
        }
    }

    /// A taker has traded from one price to another.
    #[inline]
    pub(crate) fn note_trades(
        &mut self,
        first: Price,
        newest: Price,
        now: Nanos,
        moved: &mut Vec<u32>,
    ) {
        self.last = Some(newest);
        if self.waiting != 0 {
            moved.push(self.number);
        }
        if self.has(feature::BREAKER)
            && let Some(breaker) = &mut self.breaker
        {
            breaker.record(now, first, newest);
        }
    }

    /// The lowest and the highest price at which a trade may happen now.
    #[inline]
    fn breaker_limits(&mut self, now: Nanos) -> (i64, i64) {
        if !self.has(feature::BREAKER) {
            return (i64::MIN, i64::MAX);
        }
        self.breaker.as_mut().map_or((i64::MIN, i64::MAX), |breaker| {
            breaker.advance(now);
            breaker.limits()
        })
    }

    /// Trades with one level, oldest order first, until it meets an order that is more than a number. Says whether anything traded.
    #[inline]
    pub(super) fn take_level(
        &mut self,
        taker: &mut Taker,
        level: Slot,
        desk: &mut Desk<'_>,
    ) -> bool {
        let price = self.price_at(level, desk.slab);
        let (book, wanted) = (self.instrument, taker.open);
        let (mut ended, mut met, mut run) = (0_u32, Special::None, Run::default());
        let mut hash = *desk.hash;
        let mut slot = desk.slab.node(level).next;
        while slot != level && taker.open != 0 {
            let maker = *desk.slab.node(slot);
            if maker.account == taker.account && taker.owns(&maker, slot, desk.slab) {
                met = Special::Own;
                break;
            }
            let qty = taker.open.min(maker.open);
            let event = BookEvent::Traded(Trade {
                book,
                maker: maker.id(slot),
                taker: taker.id,
                maker_account: AccountId(u64::from(maker.account)),
                taker_account: AccountId(u64::from(taker.account)),
                taker_side: taker.side,
                price,
                qty: Qty::from_lots(qty),
            });
            // Said at the end of the run, all at once: the hash stays at hand from one trade to the next.
            hash = hash::after(hash, &event);
            desk.out.push(event);
            taker.open = taker.open.wrapping_sub(qty);
            if qty != maker.open {
                desk.slab.node_mut(slot).open = maker.open.wrapping_sub(qty);
                desk.slab.add_filled(slot, qty);
                if maker.has(flag::QUOTE) {
                    self.note_fill(slot, qty, desk);
                }
                break;
            }
            if maker.has(flag::ICEBERG | flag::FORCE | flag::QUOTE) {
                if maker.has(flag::QUOTE) {
                    self.note_fill(slot, qty, desk);
                }
                if desk.slab.hidden(slot) != 0 {
                    desk.slab.add_filled(slot, qty);
                    met = Special::Iceberg;
                    break;
                }
                self.forget(&maker, level, desk.slab);
                desk.slab.give_run(std::mem::take(&mut run));
                desk.slab.end(slot);
            } else {
                desk.slab.add_to_run(slot, &mut run);
            }
            ended = ended.wrapping_add(1);
            slot = maker.next;
        }
        *desk.hash = hash;
        desk.slab.give_run(run);
        let traded = wanted.wrapping_sub(taker.open);
        taker.filled = taker.filled.wrapping_add(traded);
        self.orders = self.orders.wrapping_sub(ended);
        self.settle_level(level, slot, traded, desk.slab);
        match met {
            Special::None => {}
            Special::Own => self.meet_own(taker, slot, desk),
            Special::Iceberg => self.refresh(slot, desk),
        }
        traded != 0
    }

    /// The price of a level.
    #[inline]
    pub(super) fn price_at(&self, level: Slot, slab: &Slab) -> Price {
        let node = slab.node(level);
        self.ladder(node.level_side()).price_of(node.depth())
    }

    /// Makes a level's sums and its front true after `traded` lots in front of `first` have gone.
    #[inline]
    fn settle_level(&mut self, level: Slot, first: Slot, traded: u64, slab: &mut Slab) {
        let side = slab.node(level).level_side();
        let ladder = self.ladder_mut(side);
        ladder.open = ladder.open.wrapping_sub(traded);
        if first == level {
            return ladder.remove_best(slab);
        }
        slab.node_mut(first).prev = level;
        let node = slab.node_mut(level);
        node.next = first;
        node.open = node.open.wrapping_sub(traded);
    }

    /// The taker has reached an order of its own.
    #[cold]
    pub(super) fn meet_own(&mut self, taker: &mut Taker, slot: Slot, desk: &mut Desk<'_>) {
        match taker.stp() {
            StpMode::None => {}
            StpMode::CancelNewest => self.stop(taker, CancelReason::SelfTrade, desk),
            StpMode::CancelOldest => self.cancel(slot, CancelReason::SelfTrade, desk),
            StpMode::CancelBoth => {
                self.cancel(slot, CancelReason::SelfTrade, desk);
                self.stop(taker, CancelReason::SelfTrade, desk);
            }
            StpMode::Decrement => self.decrement(taker, slot, desk),
        }
    }

    /// Both lose the smaller's open quantity: the one that has nothing left ends, the other goes on.
    fn decrement(&mut self, taker: &mut Taker, slot: Slot, desk: &mut Desk<'_>) {
        let book = self.instrument;
        let open = desk.slab.open(slot);
        let by = taker.open.min(open);
        if by == open {
            self.cancel(slot, CancelReason::SelfTrade, desk);
        } else {
            self.reduce(slot, by, desk.slab);
            let total = desk.slab.filled(slot).wrapping_add(open.wrapping_sub(by));
            desk.say(BookEvent::Decremented {
                book,
                id: desk.slab.node(slot).id(slot),
                price: super::check::limit_of(self, slot, desk.slab),
                by: Qty::from_lots(by),
                qty: Qty::from_lots(total),
            });
        }
        if by == taker.open {
            return self.stop(taker, CancelReason::SelfTrade, desk);
        }
        taker.open = taker.open.wrapping_sub(by);
        let qty = Qty::from_lots(taker.filled.wrapping_add(taker.open));
        let (id, price, by) = (taker.id, taker.price, Qty::from_lots(by));
        desk.say(BookEvent::Decremented { book, id, price, by, qty });
    }

    /// What a taker would trade on arrival under its own self-trade mode, counted no further than it needs.
    pub(crate) fn tradable(&self, taker: &Taker, desk: &mut Desk<'_>) -> u64 {
        if !self.is_continuous() {
            return 0;
        }
        let makers = self.ladder(taker.side.opposite());
        let (low, high) =
            self.breaker.as_ref().map_or((i64::MIN, i64::MAX), |b| b.limits_at(desk.now));
        let mut sum = 0_u64;
        for level in makers.levels() {
            let depth = desk.slab.node(level).depth();
            let ticks = makers.price_of(depth).ticks();
            if taker.limit < depth || ticks < low || high < ticks || taker.open <= sum {
                break;
            }
            if self.has(feature::SHARED) && stops_at(taker, level, desk.slab) {
                break;
            }
            match count_level(taker, level, sum, desk.slab) {
                (counted, true) => sum = counted,
                (counted, false) => return counted,
            }
        }
        sum
    }
}

/// What a taker has met that is more than a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    None,
    /// An order of its own.
    Own,
    /// An iceberg that has more to show.
    Iceberg,
}

/// Whether a level holds an order of the taker's own that ends it. In a pro-rata book that happens before anything there trades.
fn stops_at(taker: &Taker, level: Slot, slab: &Slab) -> bool {
    if matches!(taker.stp(), StpMode::None | StpMode::CancelOldest) {
        return false;
    }
    let mut slot = slab.node(level).next;
    while slot != level {
        let maker = slab.node(slot);
        if taker.owns(maker, slot, slab) {
            return true;
        }
        slot = maker.next;
    }
    false
}

/// `sum` and what a taker would trade with one level, and whether it would go on behind it.
fn count_level(taker: &Taker, level: Slot, mut sum: u64, slab: &Slab) -> (u64, bool) {
    let mut hidden = 0_u64;
    let mut slot = slab.node(level).next;
    while slot != level {
        let maker = slab.node(slot);
        if !taker.owns(maker, slot, slab) {
            sum = sum.saturating_add(maker.open);
            hidden = hidden.saturating_add(slab.hidden(slot));
        } else if taker.stp() != StpMode::CancelOldest {
            // A decremented taker can no longer trade whole: what it loses to itself is not traded.
            return (sum, false);
        }
        if taker.open <= sum {
            return (sum, false);
        }
        slot = maker.next;
    }
    (sum.saturating_add(hidden), true)
}
