//! What can be read of a book.

use instruments::{InstrumentId, Price, Qty, Side};

use super::Book;
use super::check::limit_of;
use crate::order::{Order, OrderKind, PriceSource};
use crate::slab::{Slab, Slot, flag, post_only_of};
use crate::terms::{Bands, BookTerms, Phase};

/// One book, to be read.
#[derive(Clone, Copy)]
pub struct BookView<'a> {
    pub(crate) book: &'a Book,
    pub(crate) slab: &'a Slab,
}

impl<'a> BookView<'a> {
    /// Which.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.book.instrument
    }

    /// Its terms.
    #[must_use]
    pub const fn terms(&self) -> &'a BookTerms {
        &self.book.terms
    }

    /// Whether orders match on arrival.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.book.phase
    }

    /// The limits that no order may go beyond.
    #[must_use]
    pub const fn bands(&self) -> Bands {
        self.book.bands
    }

    /// The lowest and the highest price at which the breaker lets a trade happen, as of the newest command.
    #[must_use]
    pub fn breaker_limits(&self) -> Option<(Price, Price)> {
        let (low, high) = self.book.breaker.as_ref()?.limits();
        Some((Price::from_ticks(low), Price::from_ticks(high)))
    }

    /// The newest price of a source.
    #[must_use]
    pub const fn price(&self, source: PriceSource) -> Option<Price> {
        match source {
            PriceSource::Last => self.book.last,
            PriceSource::Mark => self.book.mark,
            PriceSource::Index => self.book.index,
        }
    }

    /// How many orders rest or wait.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.book.orders).unwrap_or(usize::MAX)
    }

    /// Whether no order rests or waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.book.orders == 0
    }

    /// The highest bid and what is shown there.
    #[must_use]
    pub fn best_bid(&self) -> Option<(Price, Qty)> {
        self.depth(Side::Buy).next()
    }

    /// The lowest ask and what is shown there.
    #[must_use]
    pub fn best_ask(&self) -> Option<(Price, Qty)> {
        self.depth(Side::Sell).next()
    }

    /// Price and shown quantity of every level of a side, best first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> + use<'a> {
        let (ladder, slab) = (self.book.ladder(side), self.slab);
        ladder.levels().map(move |level| {
            let node = slab.node(level);
            (ladder.price_of(node.depth()), Qty::from_lots(node.open))
        })
    }

    /// What is shown at one price of a side.
    #[must_use]
    pub fn open_at(&self, side: Side, price: Price) -> Qty {
        let ladder = self.book.ladder(side);
        let level = ladder.level(ladder.depth_of(price.ticks()));
        level.map_or(Qty::ZERO, |level| Qty::from_lots(self.slab.node(level).open))
    }

    /// All that is open on a side: shown, hidden and waiting.
    #[must_use]
    pub const fn open_on(&self, side: Side) -> Qty {
        Qty::from_lots(self.book.ladder(side).open)
    }

    /// Every resting order: bids, then asks, each in priority order.
    pub fn orders(&self) -> impl Iterator<Item = Order> + use<'a> {
        let view = *self;
        [Side::Buy, Side::Sell].into_iter().flat_map(move |side| {
            let levels = view.book.ladder(side).levels();
            levels.flat_map(move |level| view.queue(level))
        })
    }

    /// Every order that waits for a price, by source and direction, what fires first before what fires later.
    pub fn waiting(&self) -> impl Iterator<Item = Order> + use<'a> {
        let view = *self;
        view.book.triggers.iter().flat_map(move |list| {
            list.iter().map(move |(_, slot)| order_of(view.book, slot, view.slab))
        })
    }

    /// Whether the best bid and the best ask could trade. Only in an auction.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        let (bid, ask) = (self.book.bids.best_price(), self.book.asks.best_price());
        matches!((bid, ask), (Some(bid), Some(ask)) if ask <= bid)
    }

    fn queue(&self, level: Slot) -> impl Iterator<Item = Order> + use<'a> {
        let view = *self;
        let mut slot = view.slab.node(level).next;
        std::iter::from_fn(move || {
            let here = (slot != level).then_some(slot)?;
            slot = view.slab.node(here).next;
            Some(order_of(view.book, here, view.slab))
        })
    }
}

/// An order as it is seen from outside.
pub(crate) fn order_of(book: &Book, slot: Slot, slab: &Slab) -> Order {
    let node = slab.node(slot);
    let is_waiting = node.has(flag::WAITING);
    let cold = node.has(flag::COLD).then(|| slab.cold(slot));
    Order {
        id: node.id(slot),
        book: book.instrument,
        account: node.account_id(),
        side: node.side(),
        kind: limit_of(book, slot, slab).map_or(OrderKind::Market, OrderKind::Limit),
        open: Qty::from_lots(slab.open(slot)),
        shown: Qty::from_lots(if is_waiting { 0 } else { node.open }),
        filled: Qty::from_lots(slab.filled(slot)),
        time_in_force: slab.time_in_force(slot),
        post_only: post_only_of(node.stamp),
        stp: node.stp(),
        stp_token: slab.token(slot),
        display: slab.display(slot),
        trigger: cold.and_then(|cold| cold.trigger),
        ceiling: cold.and_then(|cold| cold.ceiling),
    }
}
