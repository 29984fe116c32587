//! One instrument's book: what it checks, and how orders arrive, change and end.
//!
//! Read [`Book::place`] first, then `book/take.rs`. All orders live in the engine's slab; a book knows where its levels begin.
//!
//! Invariants:
//! - outside an auction the best bid is below the best ask;
//! - every lot that was placed has traded, was cancelled or decremented, or is open.

mod amend;
mod auction;
mod call;
mod check;
mod pro_rata;
mod rest;
mod take;
mod trigger;
mod view;

use instruments::{InstrumentId, Nanos, Price, Qty, Side};

use crate::breaker::Window;
use crate::event::{BookEvent, CancelReason};
use crate::hash;
use crate::ladder::Ladder;
use crate::order::{NewOrder, OrderKind};
use crate::protection::{Fill, Greeks};
use crate::slab::{Cold, Node, SLOT_BITS, Slab, Slot, WAITING_LEVEL, flag, flags_of};
use crate::sorted::Sorted;
use crate::terms::{Allocation, Bands, BookMode, BookTerms, Phase};
pub use auction::{Cross, CrossRule};
use check::Admission;
pub(crate) use check::{DISPLAY_RATIO_MAX, is_beyond};
pub(crate) use take::Taker;
pub use view::BookView;
pub(crate) use view::order_of;

/// What every operation on a book works with.
pub(crate) struct Desk<'a> {
    pub(crate) slab: &'a mut Slab,
    pub(crate) out: &'a mut Vec<BookEvent>,
    pub(crate) now: Nanos,
    /// Orders whose trigger's price has come, in the order in which they fire.
    pub(crate) due: &'a mut Vec<(u64, Slot)>,
    /// Books with orders that wait and a newer last price.
    pub(crate) moved: &'a mut Vec<u32>,
    /// Instants at which books have something to do.
    pub(crate) timers: &'a mut Sorted<(u64, u64)>,
    /// Room for one auction's bids.
    pub(crate) levels: &'a mut Vec<(i64, u64)>,
    /// Room for one level's shares.
    pub(crate) shares: &'a mut Vec<(Slot, u64)>,
    /// What quotes have traded in this command.
    pub(crate) fills: &'a mut Vec<Fill>,
    /// The engine's hash over all it has said.
    pub(crate) hash: &'a mut u64,
}

impl Desk<'_> {
    /// Tells what has happened.
    #[inline(always)]
    pub(crate) fn say(&mut self, event: BookEvent) {
        *self.hash = hash::after(*self.hash, &event);
        self.out.push(event);
    }
}

/// What an ordinary book is not, so that an ordinary order asks one question instead of five.
pub(crate) mod feature {
    pub(crate) const AUCTION: u32 = 1;
    pub(crate) const BANDS: u32 = 1 << 1;
    pub(crate) const BREAKER: u32 = 1 << 2;
    pub(crate) const LINKED: u32 = 1 << 3;
    pub(crate) const SHARED: u32 = 1 << 4;
}

/// One instrument's orders. Fields stand in the order of their use: what every order touches is in the first four cache lines.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(crate) struct Book {
    pub(crate) instrument: InstrumentId,
    /// What of [`feature`] it has; follows from the fields below, see [`Book::note_features`].
    features: u32,
    /// Its index among the engine's books.
    pub(crate) number: u32,
    pub(crate) waiting: u32,
    /// Orders that rest or wait.
    pub(crate) orders: u32,
    /// Orders that rest for one phase only: an opening or an ending has something to cancel.
    pub(crate) for_a_phase: u32,
    /// Of the newest trade.
    pub(crate) last: Option<Price>,
    pub(crate) bids: Ladder,
    pub(crate) asks: Ladder,
    pub(crate) terms: BookTerms,
    pub(crate) phase: Phase,
    pub(crate) bands: Bands,
    /// What a lot counts for in market-maker protection.
    pub(crate) greeks: Greeks,
    pub(crate) mark: Option<Price>,
    pub(crate) index: Option<Price>,
    /// Orders that wait, by source and direction.
    pub(crate) triggers: [Sorted<(i64, u64)>; 6],
    pub(crate) breaker: Option<Box<Window>>,
    /// The order of each side that made the best price, in pro-rata books.
    pub(crate) tops: [u64; 2],
    /// The combinations in which it is the spread or a leg.
    pub(crate) combos: Vec<u32>,
    /// The best prices that linked books imply, bid and ask, as of the command under way.
    pub(crate) implied: [Option<Price>; 2],
}

impl Book {
    pub(crate) fn new(instrument: InstrumentId, number: u32, terms: BookTerms) -> Self {
        let window = terms.window.clamp(64, 4_096).next_power_of_two();
        let terms = BookTerms { window, ..terms };
        let mut book = Self {
            instrument,
            features: 0,
            number,
            terms,
            bids: Ladder::new(Side::Buy, number, terms.window),
            asks: Ladder::new(Side::Sell, number, terms.window),
            phase: Phase::Continuous,
            bands: Bands::default(),
            greeks: Greeks::default(),
            last: None,
            mark: None,
            index: None,
            triggers: [const { Sorted::new() }; 6],
            waiting: 0,
            breaker: terms.breaker.map(|breaker| Box::new(Window::new(breaker, terms.reference))),
            tops: [0; 2],
            orders: 0,
            for_a_phase: 0,
            combos: Vec::new(),
            implied: [None; 2],
        };
        book.note_features();
        book
    }

    /// After a change of the phase, the bands or the links: what the book is not ordinary in.
    pub(crate) fn note_features(&mut self) {
        let has = [
            (!matches!(self.phase, Phase::Continuous), feature::AUCTION),
            (self.bands != Bands::default(), feature::BANDS),
            (self.breaker.is_some(), feature::BREAKER),
            (!self.combos.is_empty(), feature::LINKED),
            (self.terms.allocation != Allocation::Fifo, feature::SHARED),
        ];
        let has = has.into_iter().filter(|(is_so, _)| *is_so);
        self.features = has.fold(0, |all, (_, feature)| all | feature);
    }

    /// Whether it has a [`feature`].
    #[inline]
    pub(crate) const fn has(&self, feature: u32) -> bool {
        self.features & feature != 0
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.note_features();
    }

    /// Takes in an order: it trades with what rests, and its rest rests, waits or is cancelled.
    #[inline]
    pub(crate) fn place(&mut self, order: &NewOrder, desk: &mut Desk<'_>) -> Option<Taker> {
        let admission = match self.check_place(order, desk) {
            Ok(admission) => admission,
            Err(reason) => {
                let (book, id) = (self.instrument, None);
                desk.say(BookEvent::Rejected { book, id, reason });
                return None;
            }
        };

        // From here on nothing can fail.
        let taker = self.accept(order, admission, desk);
        if order.trigger.is_some() {
            self.wait(&taker, desk);
            return None;
        }
        Some(taker)
    }

    /// Gives an order its id and its slot.
    #[inline]
    fn accept(
        &mut self,
        order: &NewOrder,
        Admission { account, price, limit }: Admission,
        desk: &mut Desk<'_>,
    ) -> Taker {
        let slab = &mut *desk.slab;
        let slot = slab.take();
        let flags = flags_of(order.side, order.time_in_force, order.post_only, order.stp);
        let stamp = slab.arrive().wrapping_shl(SLOT_BITS) | flags;
        *slab.node_mut(slot) =
            Node { prev: slot, next: slot, level: WAITING_LEVEL, account, open: 0, stamp };
        slab.set_token(slot, order.stp_token);
        if !order.is_plain() {
            remember(order, price, self.number, slot, slab);
        }
        // What was remembered has set flags of its own.
        let stamp = slab.node(slot).stamp;
        let id = slab.node(slot).id(slot);
        desk.say(BookEvent::Accepted { book: self.instrument, id, price });
        self.orders = self.orders.wrapping_add(1);
        Taker {
            slot,
            id,
            account,
            side: order.side,
            stamp,
            token: order.stp_token,
            open: order.qty.lots(),
            filled: 0,
            limit,
            price,
            is_new: true,
        }
    }

    /// Ends an order that rests or waits.
    pub(crate) fn cancel(&mut self, slot: Slot, reason: CancelReason, desk: &mut Desk<'_>) {
        let node = *desk.slab.node(slot);
        let qty = Qty::from_lots(desk.slab.open(slot));
        let (book, id) = (self.instrument, node.id(slot));
        desk.say(BookEvent::Cancelled { book, id, qty, reason });
        if node.has(flag::WAITING) {
            self.stop_waiting(slot, desk.slab);
        } else {
            self.pull(slot, &node, desk.slab);
        }
        self.end(slot, desk.slab);
    }

    /// Ends an order that is on no level.
    #[inline]
    pub(crate) fn end(&mut self, slot: Slot, slab: &mut Slab) {
        self.orders = self.orders.wrapping_sub(1);
        slab.end(slot);
    }

    #[inline]
    pub(crate) const fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    pub(crate) const fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    #[inline]
    pub(crate) const fn is_continuous(&self) -> bool {
        !self.has(feature::AUCTION)
    }

    pub(crate) const fn is_batch(&self) -> bool {
        matches!(self.terms.mode, BookMode::Batch { .. })
    }

    /// The price that stands for the book when it has to have one.
    pub(crate) fn reference(&self) -> Price {
        self.last.unwrap_or(self.terms.reference)
    }
}

/// Keeps what most orders do not have.
#[cold]
fn remember(order: &NewOrder, price: Option<Price>, book: u32, slot: Slot, slab: &mut Slab) {
    let expires_at = order.time_in_force.expires_at();
    let cold = slab.cold_mut(slot);
    *cold = Cold {
        hidden: 0,
        display: order.display.map_or(0, Qty::lots),
        expires_at,
        ceiling: order.ceiling,
        trigger: order.trigger,
        limit: price,
        book,
        group: 0,
    };
    let node = slab.node_mut(slot);
    if order.display.is_some() {
        node.stamp |= flag::ICEBERG;
    }
    if expires_at != 0 {
        let id = slab.node(slot).id(slot);
        slab.expiries.insert((expires_at, id.0), slot);
    }
}

impl NewOrder {
    /// Whether everything about it is in the hot half of its record.
    #[inline]
    const fn is_plain(&self) -> bool {
        self.display.is_none()
            && self.trigger.is_none()
            && self.ceiling.is_none()
            && !matches!(self.time_in_force, crate::order::TimeInForce::Gtd(_))
    }

    /// The limit, if it has one.
    pub(crate) const fn price(&self) -> Option<Price> {
        match self.kind {
            OrderKind::Limit(price) => Some(price),
            OrderKind::Market => None,
        }
    }
}
