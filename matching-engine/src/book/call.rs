//! When auctions open, end and are extended.

use instruments::{Nanos, NanosSpan, Price, Qty, Side};

use super::{Book, Desk};
use crate::event::{BookEvent, CancelReason};
use crate::slab::{Slot, flag};
use crate::terms::{Auction, AuctionKind, BookMode, Phase};

/// How much longer each extension is than what it extends.
const EXTENSION_FACTOR: u64 = 3;

impl Book {
    /// From now on orders are collected and do not match. Nothing happens when they already are.
    pub(crate) fn open_auction(
        &mut self,
        kind: AuctionKind,
        until: Option<Nanos>,
        desk: &mut Desk<'_>,
    ) {
        if !self.is_continuous() {
            return;
        }
        let extensions = match (&self.terms.breaker, kind) {
            (Some(breaker), AuctionKind::Volatility) => breaker.extensions,
            _ => 0,
        };
        let length = until.map_or(NanosSpan::new(0), |until| until.since(desk.now));
        let ends_at = None;
        self.set_phase(Phase::Auction(Auction { kind, until, ends_at, length, extensions }));
        self.set_timer(until, desk);
        desk.say(BookEvent::AuctionOpened { book: self.instrument, kind, until });
        self.cancel_for_a_phase(5, CancelReason::AuctionOpened, desk);
    }

    /// The breaker has tripped.
    pub(crate) fn open_call(&mut self, kind: AuctionKind, desk: &mut Desk<'_>) {
        let length = self.terms.breaker.map_or(0, |breaker| breaker.call.length.nanos());
        let until = Nanos::new(desk.now.nanos().saturating_add(length));
        self.open_auction(kind, Some(until), desk);
    }

    /// The instant of the book's timer has come.
    pub(crate) fn time_is_up(&mut self, desk: &mut Desk<'_>) {
        let Phase::Auction(auction) = self.phase else { return };
        if let BookMode::Batch { every } = self.terms.mode {
            self.end_auction(self.reference(), desk);
            return self.next_batch(every, desk);
        }
        let Some(until) = auction.until else { return };
        let ends_at = auction.ends_at.unwrap_or_else(|| {
            let random = self.terms.breaker.map_or(0, |breaker| breaker.call.random.nanos());
            let extra = (*desk.hash).checked_rem(random.saturating_add(1)).unwrap_or(0);
            Nanos::new(until.nanos().saturating_add(extra))
        });
        if desk.now < ends_at {
            self.set_phase(Phase::Auction(Auction { ends_at: Some(ends_at), ..auction }));
            return self.set_timer(Some(ends_at), desk);
        }
        if auction.extensions != 0 && self.would_trip(desk) {
            return self.extend(&auction, desk);
        }
        self.end_auction(self.reference(), desk);
    }

    /// From now on no instant ends the auction.
    pub(crate) fn hold_auction(&mut self, desk: &mut Desk<'_>) {
        let Phase::Auction(auction) = self.phase else { return };
        if self.is_batch() {
            return;
        }
        self.drop_timer(&auction, desk);
        self.set_phase(Phase::Auction(Auction { until: None, ends_at: None, ..auction }));
    }

    /// An auction that no instant ends, but once had a length, has it again from now on.
    pub(crate) fn release_auction(&mut self, desk: &mut Desk<'_>) {
        let Phase::Auction(auction) = self.phase else { return };
        if auction.until.is_some() || auction.length.nanos() == 0 {
            return;
        }
        let until = Nanos::new(desk.now.nanos().saturating_add(auction.length.nanos()));
        self.set_phase(Phase::Auction(Auction { until: Some(until), ..auction }));
        self.set_timer(Some(until), desk);
        desk.say(BookEvent::AuctionExtended { book: self.instrument, until });
    }

    /// Whether the auction's price lies outside of what the breaker allows.
    fn would_trip(&self, desk: &mut Desk<'_>) -> bool {
        let Some(breaker) = &self.breaker else { return false };
        let (low, high) = breaker.limits_at(desk.now);
        let cross = self.indicative(self.reference(), desk.slab, desk.levels);
        cross.is_some_and(|cross| cross.price.ticks() < low || high < cross.price.ticks())
    }

    fn extend(&mut self, auction: &Auction, desk: &mut Desk<'_>) {
        let length = NanosSpan::new(auction.length.nanos().saturating_mul(EXTENSION_FACTOR));
        let until = Nanos::new(desk.now.nanos().saturating_add(length.nanos()));
        self.set_phase(Phase::Auction(Auction {
            until: Some(until),
            ends_at: None,
            length,
            extensions: auction.extensions.saturating_sub(1),
            ..*auction
        }));
        self.set_timer(Some(until), desk);
        desk.say(BookEvent::AuctionExtended { book: self.instrument, until });
    }

    /// Ends an auction: what can trade at the one price does, and orders match on arrival again, or in the next batch.
    pub(crate) fn end_auction(&mut self, reference: Price, desk: &mut Desk<'_>) {
        let Phase::Auction(auction) = self.phase else { return };
        let cross = self.indicative(reference, desk.slab, desk.levels);
        if !self.is_batch() {
            self.set_phase(Phase::Continuous);
            self.drop_timer(&auction, desk);
        }
        if let Some(cross) = cross {
            self.uncross_at(&cross, desk);
            self.last = Some(cross.price);
            if let Some(breaker) = &mut self.breaker {
                breaker.restart(cross.price);
            }
        }
        desk.say(BookEvent::AuctionEnded {
            book: self.instrument,
            price: cross.map(|cross| cross.price),
            volume: cross.map_or(Qty::ZERO, |cross| cross.volume),
        });
        self.cancel_for_a_phase(4, CancelReason::AuctionOver, desk);
        self.collect_all_due(desk);
    }

    /// A book that trades in batches is always in one.
    pub(crate) fn next_batch(&mut self, every: NanosSpan, desk: &mut Desk<'_>) {
        let every = every.nanos().max(1);
        let passed = desk.now.nanos().checked_div(every).unwrap_or(0);
        // At the end of time there is no next one.
        let until = passed.checked_add(1).and_then(|next| next.checked_mul(every)).map(Nanos::new);
        self.set_phase(Phase::Auction(Auction {
            kind: AuctionKind::Batch,
            until,
            ends_at: None,
            length: NanosSpan::new(every),
            extensions: 0,
        }));
        self.set_timer(until, desk);
    }

    fn set_timer(&self, at: Option<Nanos>, desk: &mut Desk<'_>) {
        if let Some(at) = at {
            desk.timers.insert((at.nanos(), u64::from(self.number)), self.number);
        }
    }

    pub(crate) fn drop_timer(&self, auction: &Auction, desk: &mut Desk<'_>) {
        if let Some(at) = auction.ends_at.or(auction.until) {
            desk.timers.remove((at.nanos(), u64::from(self.number)));
        }
    }

    /// Cancels the orders that are good for the phase that is over: bids, then asks, in priority order.
    fn cancel_for_a_phase(&mut self, force: u64, reason: CancelReason, desk: &mut Desk<'_>) {
        if self.for_a_phase == 0 {
            return;
        }
        for side in [Side::Buy, Side::Sell] {
            desk.shares.clear();
            desk.shares.extend(self.ladder(side).levels().map(|level| (level, 0)));
            for place in 0..desk.shares.len() {
                let Some(&(level, _)) = desk.shares.get(place) else { break };
                self.cancel_at(level, force, reason, desk);
            }
        }
    }

    fn cancel_at(&mut self, level: Slot, force: u64, reason: CancelReason, desk: &mut Desk<'_>) {
        let mut slot = desk.slab.node(level).next;
        while slot != level {
            let node = *desk.slab.node(slot);
            if (node.stamp & flag::FORCE) >> 6 == force {
                self.cancel(slot, reason, desk);
            }
            // The level goes with its last order, so it must not be asked again.
            if node.next == level {
                return;
            }
            slot = node.next;
        }
    }
}
