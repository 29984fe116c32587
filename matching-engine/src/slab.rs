//! Where orders and levels live: one slab of 32-byte nodes for all books, cold fields beside it by the same slot.
//!
//! A level is the sentinel of a circular list of its orders, in the same slab: linking and unlinking an order has no special case for
//! the first or the last. An order's id is its arrival number and its slot, so finding it is one array access and the arrival number,
//! which is never used again, tells a dead id from the order that lives in its slot now.

use instruments::{AccountId, OrderId, Price, Qty, Side};

use crate::order::{PostOnly, StpMode, TimeInForce, Trigger};
use crate::sorted::Sorted;

/// An index into the slab.
pub(crate) type Slot = u32;

/// No slot.
pub(crate) const NONE: Slot = u32::MAX;

/// How many bits of an id are its slot.
pub(crate) const SLOT_BITS: u32 = 24;

/// Orders and levels that exist at one time, in all books together.
pub(crate) const SLOTS_MAX: u32 = 1 << SLOT_BITS;

/// No order is taken in after so many arrivals: ids have no room for more, and what rests will need some for refreshes and amends.
const ARRIVALS_MAX: u64 = (1 << 40) - (1 << 32);

/// Set in a level's `level`, beside its book and side.
pub(crate) const LEVEL: u32 = 1 << 31;

/// The `level` of an order that waits.
pub(crate) const WAITING_LEVEL: u32 = 1 << 30;

/// What an order is, in the bits below its arrival number.
pub(crate) mod flag {
    pub(crate) const STP: u64 = 0b111;
    pub(crate) const POST_ONLY: u64 = 0b11 << 3;
    pub(crate) const SELL: u64 = 1 << 5;
    pub(crate) const FORCE: u64 = 0b111 << 6;
    /// The cold record is this order's.
    pub(crate) const COLD: u64 = 1 << 9;
    /// `filled` is this order's.
    pub(crate) const FILLED: u64 = 1 << 10;
    /// More may be hidden than shown.
    pub(crate) const ICEBERG: u64 = 1 << 11;
    /// Placed by a mass quote.
    pub(crate) const QUOTE: u64 = 1 << 12;
    /// Its place is younger than its id.
    pub(crate) const REQUEUED: u64 = 1 << 13;
    /// Outside the book until its trigger's price comes.
    pub(crate) const WAITING: u64 = 1 << 14;
    /// It has a self-trade token.
    pub(crate) const TOKEN: u64 = 1 << 15;
    pub(crate) const ALL: u64 = (1 << super::SLOT_BITS) - 1;
}

/// An order, or the level that holds it. Half a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Towards the front of the queue; a level's: its last order.
    pub(crate) prev: Slot,
    /// Towards the back; a level's: its first order; a free slot's: the next free one.
    pub(crate) next: Slot,
    /// Its level, or [`WAITING_LEVEL`]; a level's: [`LEVEL`], book and side.
    pub(crate) level: Slot,
    /// Whose; a level's: how many of its orders are icebergs.
    pub(crate) account: u32,
    /// What it shows; a level's: what is shown there.
    pub(crate) open: u64,
    /// Arrival number and flags, 0 when free; a level's: its depth.
    pub(crate) stamp: u64,
}

impl Node {
    const FREE: Self = Self { prev: NONE, next: NONE, level: NONE, account: 0, open: 0, stamp: 0 };

    /// Whether any bit of `flags` is set.
    pub(crate) const fn has(&self, flags: u64) -> bool {
        self.stamp & flags != 0
    }

    pub(crate) const fn side(&self) -> Side {
        if self.has(flag::SELL) { Side::Sell } else { Side::Buy }
    }

    /// A level's side.
    pub(crate) const fn level_side(&self) -> Side {
        if self.level & 1 == 0 { Side::Buy } else { Side::Sell }
    }

    /// A level's distance from the best possible price.
    pub(crate) const fn depth(&self) -> i64 {
        self.stamp.cast_signed()
    }

    pub(crate) fn account_id(&self) -> AccountId {
        AccountId(u64::from(self.account))
    }

    pub(crate) fn stp(&self) -> StpMode {
        stp_of(self.stamp)
    }

    pub(crate) const fn id(&self, slot: Slot) -> OrderId {
        id_of(self.stamp, slot)
    }
}

/// The id of the order whose stamp and slot these are.
#[expect(clippy::as_conversions, reason = "u32 to u64 in a const fn loses nothing")]
pub(crate) const fn id_of(stamp: u64, slot: Slot) -> OrderId {
    OrderId((stamp & !flag::ALL) | slot as u64)
}

/// What changes in an order's life, and its token. Each is this order's only if its flag is set, so that nothing is written at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Warm {
    filled: u64,
    /// The arrival number of its place, if that is not the id's.
    place: u64,
    token: u64,
}

/// What most orders do not have, and what is rarely read of those that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cold {
    /// What is open and not shown.
    pub(crate) hidden: u64,
    /// What it shows at most; 0: all.
    pub(crate) display: u64,
    pub(crate) expires_at: u64,
    pub(crate) ceiling: Option<Price>,
    pub(crate) trigger: Option<Trigger>,
    /// The limit of a waiting order; absent for a market order.
    pub(crate) limit: Option<Price>,
    /// The book of a waiting order, and of a quote.
    pub(crate) book: u32,
    /// The group of a quote.
    pub(crate) group: u32,
}

impl Cold {
    pub(crate) const NONE: Self = Self {
        hidden: 0,
        display: 0,
        expires_at: 0,
        ceiling: None,
        trigger: None,
        limit: None,
        book: 0,
        group: 0,
    };
}

/// Orders that ended one behind the other in one queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    first: Slot,
    last: Slot,
    count: u32,
}

/// All orders and levels of all books.
#[derive(Debug, Clone)]
pub(crate) struct Slab {
    nodes: Vec<Node>,
    warm: Vec<Warm>,
    cold: Vec<Cold>,
    free: Slot,
    /// Slots in use.
    live: u32,
    /// Orders that wait; each will need a level when it arrives.
    pub(crate) waiting: u32,
    /// The arrival number given last.
    pub(crate) arrivals: u64,
    /// Orders that are good till a date, by date and id.
    pub(crate) expiries: Sorted<(u64, u64)>,
}

#[expect(
    clippy::as_conversions,
    reason = "a slot is an index: u32 to usize loses nothing on the machines we support"
)]
const fn at(slot: Slot) -> usize {
    slot as usize
}

#[expect(
    clippy::indexing_slicing,
    reason = "a slot outside the slab is our bug, and there is no order to go on with: the check that panics is the one we want"
)]
impl Slab {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            // Each order may need a level of its own.
            nodes: Vec::with_capacity(capacity.saturating_mul(2)),
            warm: Vec::with_capacity(capacity.saturating_mul(2)),
            cold: Vec::with_capacity(capacity),
            free: NONE,
            live: 0,
            waiting: 0,
            arrivals: 0,
            expiries: Sorted::new(),
        }
    }

    #[inline]
    pub(crate) fn node(&self, slot: Slot) -> &Node {
        &self.nodes[at(slot)]
    }

    #[inline]
    pub(crate) fn node_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.nodes[at(slot)]
    }

    /// The cold record of an order that has one.
    pub(crate) fn cold(&self, slot: Slot) -> &Cold {
        &self.cold[at(slot)]
    }

    /// The cold record of an order; a fresh one if it had none.
    pub(crate) fn cold_mut(&mut self, slot: Slot) -> &mut Cold {
        if !self.nodes[at(slot)].has(flag::COLD) {
            self.nodes[at(slot)].stamp |= flag::COLD;
            if self.cold.len() <= at(slot) {
                self.cold.resize(self.nodes.len().max(self.cold.len()), Cold::NONE);
            }
            self.cold[at(slot)] = Cold::NONE;
        }
        &mut self.cold[at(slot)]
    }

    /// The order of an id, if it still rests or waits.
    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<Slot> {
        let slot = slot_of(id);
        let node = self.nodes.get(at(slot))?;
        let is_same = (node.stamp ^ id.0) & !flag::ALL == 0 && id.0 & !flag::ALL != 0;
        // A level's stamp is a depth, which may look like any id.
        (is_same && node.level < LEVEL).then_some(slot)
    }

    /// Takes a slot. The caller has checked that there is one.
    #[inline]
    pub(crate) fn take(&mut self) -> Slot {
        self.live = self.live.wrapping_add(1);
        let slot = self.free;
        if slot == NONE {
            return self.grow();
        }
        self.free = self.nodes[at(slot)].next;
        slot
    }

    #[cold]
    fn grow(&mut self) -> Slot {
        let slot = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        assert!(slot < SLOTS_MAX, "more orders and levels than ids can name");
        self.nodes.push(Node::FREE);
        self.warm.push(Warm { filled: 0, place: 0, token: 0 });
        slot
    }

    /// Gives a slot back.
    #[inline]
    pub(crate) fn give(&mut self, slot: Slot) {
        self.live = self.live.wrapping_sub(1);
        let free = self.free;
        let node = &mut self.nodes[at(slot)];
        node.stamp = 0;
        node.next = free;
        self.free = slot;
    }

    /// Ends an order of the hot half only, next behind those of the run in its queue. It is free once the run is given back.
    #[inline]
    pub(crate) fn add_to_run(&mut self, slot: Slot, run: &mut Run) {
        self.nodes[at(slot)].stamp = 0;
        if run.count == 0 {
            run.first = slot;
        }
        run.last = slot;
        run.count = run.count.wrapping_add(1);
    }

    /// Gives back the slots of a run at a stroke: they are linked already.
    #[inline]
    pub(crate) fn give_run(&mut self, run: Run) {
        if run.count != 0 {
            self.nodes[at(run.last)].next = self.free;
            self.free = run.first;
            self.live = self.live.wrapping_sub(run.count);
        }
    }

    /// Ends an order that is in no list any more.
    #[inline]
    pub(crate) fn end(&mut self, slot: Slot) {
        let stamp = self.nodes[at(slot)].stamp;
        if stamp & (flag::COLD | flag::FORCE) > flag::COLD {
            self.forget_expiry(slot);
        }
        self.give(slot);
    }

    fn forget_expiry(&mut self, slot: Slot) {
        let expires_at = self.cold[at(slot)].expires_at;
        if expires_at != 0 {
            let id = self.nodes[at(slot)].id(slot);
            self.expiries.remove((expires_at, id.0));
        }
    }

    /// Whether `more` slots are left beside what waiting orders will need.
    #[inline]
    pub(crate) fn has_room(&self, more: u32) -> bool {
        let needed = self.live.saturating_add(self.waiting).saturating_add(more);
        needed <= SLOTS_MAX && self.arrivals < ARRIVALS_MAX
    }

    /// The id that the next accepted order will get.
    pub(crate) fn next_id(&self) -> OrderId {
        let next = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let slot = if self.free == NONE { next } else { self.free };
        id_of(self.arrivals.wrapping_add(1).wrapping_shl(SLOT_BITS), slot)
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(NONE)
    }

    /// The free slots, the one that is taken next first.
    pub(crate) fn free_slots(&self) -> impl Iterator<Item = Slot> {
        let mut next = self.free;
        std::iter::from_fn(move || {
            let slot = (next != NONE).then_some(next)?;
            next = self.nodes[at(slot)].next;
            Some(slot)
        })
    }

    /// The next arrival number.
    #[inline]
    pub(crate) fn arrive(&mut self) -> u64 {
        self.arrivals = self.arrivals.wrapping_add(1);
        assert!(self.arrivals < 1 << 40, "2^40 orders have arrived");
        self.arrivals
    }

    /// Puts an order at the back of a level's queue.
    #[inline]
    pub(crate) fn link_back(&mut self, level: Slot, slot: Slot) {
        let last = self.nodes[at(level)].prev;
        let node = &mut self.nodes[at(slot)];
        node.prev = last;
        node.next = level;
        node.level = level;
        self.nodes[at(last)].next = slot;
        self.nodes[at(level)].prev = slot;
    }

    /// Takes an order out of its queue.
    #[inline]
    pub(crate) fn unlink(&mut self, slot: Slot) {
        let Node { prev, next, .. } = self.nodes[at(slot)];
        self.nodes[at(prev)].next = next;
        self.nodes[at(next)].prev = prev;
    }

    /// What an order has traded.
    pub(crate) fn filled(&self, slot: Slot) -> u64 {
        if self.nodes[at(slot)].has(flag::FILLED) { self.warm[at(slot)].filled } else { 0 }
    }

    pub(crate) fn set_filled(&mut self, slot: Slot, total: u64) {
        self.nodes[at(slot)].stamp |= flag::FILLED;
        self.warm[at(slot)].filled = total;
    }

    #[inline]
    pub(crate) fn add_filled(&mut self, slot: Slot, qty: u64) {
        let node = &mut self.nodes[at(slot)];
        let before = if node.has(flag::FILLED) { self.warm[at(slot)].filled } else { 0 };
        node.stamp |= flag::FILLED;
        self.warm[at(slot)].filled = before.wrapping_add(qty);
    }

    pub(crate) fn hidden(&self, slot: Slot) -> u64 {
        if self.nodes[at(slot)].has(flag::ICEBERG) { self.cold[at(slot)].hidden } else { 0 }
    }

    /// All that may still trade.
    pub(crate) fn open(&self, slot: Slot) -> u64 {
        self.nodes[at(slot)].open.wrapping_add(self.hidden(slot))
    }

    pub(crate) fn token(&self, slot: Slot) -> u64 {
        if self.nodes[at(slot)].has(flag::TOKEN) { self.warm[at(slot)].token } else { 0 }
    }

    pub(crate) fn set_token(&mut self, slot: Slot, token: u64) {
        if token != 0 {
            self.nodes[at(slot)].stamp |= flag::TOKEN;
            self.warm[at(slot)].token = token;
        }
    }

    pub(crate) fn set_place(&mut self, slot: Slot, place: u64) {
        self.nodes[at(slot)].stamp |= flag::REQUEUED;
        self.warm[at(slot)].place = place;
    }

    /// The arrival number of an order's place in the queue.
    pub(crate) fn place(&self, slot: Slot) -> u64 {
        let stamp = self.nodes[at(slot)].stamp;
        if stamp & flag::REQUEUED == 0 {
            stamp.wrapping_shr(SLOT_BITS)
        } else {
            self.warm[at(slot)].place
        }
    }
}

/// The slot of an id.
#[inline]
pub(crate) fn slot_of(id: OrderId) -> Slot {
    u32::try_from(id.0 & flag::ALL).unwrap_or(NONE)
}

pub(crate) const fn side_bit(side: Side) -> u64 {
    match side {
        Side::Buy => 0,
        Side::Sell => flag::SELL,
    }
}

/// The flags of an order's own wishes.
#[inline]
pub(crate) const fn flags_of(
    side: Side,
    force: TimeInForce,
    post_only: PostOnly,
    stp: StpMode,
) -> u64 {
    let force = match force {
        TimeInForce::Gtc => 0,
        TimeInForce::Ioc => 1,
        TimeInForce::Fok => 2,
        TimeInForce::Gtd(_) => 3,
        TimeInForce::Gfa => 4,
        TimeInForce::Gfn => 5,
    };
    let post_only = match post_only {
        PostOnly::No => 0,
        PostOnly::Reject => 1,
        PostOnly::Slide => 2,
    };
    let stp = match stp {
        StpMode::None => 0,
        StpMode::CancelNewest => 1,
        StpMode::CancelOldest => 2,
        StpMode::CancelBoth => 3,
        StpMode::Decrement => 4,
    };
    side_bit(side) | (force << 6) | (post_only << 3) | stp
}

pub(crate) const fn stp_of(stamp: u64) -> StpMode {
    match stamp & flag::STP {
        1 => StpMode::CancelNewest,
        2 => StpMode::CancelOldest,
        3 => StpMode::CancelBoth,
        4 => StpMode::Decrement,
        _ => StpMode::None,
    }
}

pub(crate) const fn post_only_of(stamp: u64) -> PostOnly {
    match (stamp & flag::POST_ONLY) >> 3 {
        1 => PostOnly::Reject,
        2 => PostOnly::Slide,
        _ => PostOnly::No,
    }
}

impl Slab {
    /// An order's time in force.
    pub(crate) fn time_in_force(&self, slot: Slot) -> TimeInForce {
        match (self.node(slot).stamp & flag::FORCE) >> 6 {
            1 => TimeInForce::Ioc,
            2 => TimeInForce::Fok,
            3 => TimeInForce::Gtd(instruments::Nanos::new(self.cold(slot).expires_at)),
            4 => TimeInForce::Gfa,
            5 => TimeInForce::Gfn,
            _ => TimeInForce::Gtc,
        }
    }

    /// What an order shows at most; absent: all.
    pub(crate) fn display(&self, slot: Slot) -> Option<Qty> {
        let has_cold = self.node(slot).has(flag::COLD);
        let display = if has_cold { self.cold(slot).display } else { 0 };
        (display != 0).then(|| Qty::from_lots(display))
    }
}
