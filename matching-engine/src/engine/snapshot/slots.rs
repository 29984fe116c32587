//! What a snapshot keeps of levels and orders, slot by slot.

use std::io::Result;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{OrderId, Price, Qty, Side};

use super::{check, damaged};
use crate::book::{Book, DISPLAY_RATIO_MAX, is_beyond};
use crate::engine::Engine;
use crate::order::{PostOnly, PriceSource, StpMode, TimeInForce, Trigger, TriggerWhen};
use crate::slab::{
    LEVEL, NONE, Node, SLOT_BITS, Slab, Slot, WAITING_LEVEL, flag, flags_of, post_only_of, side_bit,
};

/// What is in a slot that is not free.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) enum Use {
    Level { book: u32, side: Side, depth: i64 },
    Resting(Resting),
    Waiting(Waiting),
}

/// An order on a level. Its side and its limit are the level's.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Resting {
    wishes: Wishes,
    level: Slot,
    shown: u64,
    filled: u64,
}

/// An order that waits for a price.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Waiting {
    wishes: Wishes,
    book: u32,
    side: Side,
    open: u64,
    limit: Option<Price>,
    trigger: Trigger,
}

/// What both have.
#[derive(BorshSerialize, BorshDeserialize)]
struct Wishes {
    arrival: u64,
    account: u32,
    time_in_force: TimeInForce,
    post_only: PostOnly,
    stp: StpMode,
    special: Option<Special>,
}

/// What most orders do not have. Nothing of all this is written as no record at all.
#[derive(PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
struct Special {
    token: u64,
    display: u64,
    hidden: u64,
    /// The arrival number of its place, if that is not its own.
    place: u64,
    ceiling: Option<Price>,
    group: Option<u32>,
}

impl Use {
    pub(super) fn of(slot: Slot, slab: &Slab) -> Self {
        let node = slab.node(slot);
        if let Some((book, side)) = home(slot, slab) {
            return Self::Level { book, side, depth: node.depth() };
        }
        let wishes = Wishes::of(slot, slab);
        if node.has(flag::WAITING)
            && let cold = slab.cold(slot)
            && let Some(trigger) = cold.trigger
        {
            let (book, side, open, limit) = (cold.book, node.side(), node.open, cold.limit);
            return Self::Waiting(Waiting { wishes, book, side, open, limit, trigger });
        }
        let (level, shown, filled) = (node.level, node.open, slab.filled(slot));
        Self::Resting(Resting { wishes, level, shown, filled })
    }
}

impl Wishes {
    fn of(slot: Slot, slab: &Slab) -> Self {
        let node = slab.node(slot);
        let is_special = node.has(flag::COLD | flag::TOKEN | flag::REQUEUED);
        let special = is_special.then(|| Special::of(slot, slab));
        Self {
            arrival: node.stamp >> SLOT_BITS,
            account: node.account,
            time_in_force: slab.time_in_force(slot),
            post_only: post_only_of(node.stamp),
            stp: node.stp(),
            special: special.filter(|special| *special != Special::default()),
        }
    }

    /// Puts what is the order's own into its slot.
    fn enter(&self, slot: Slot, book: u32, slab: &mut Slab) {
        let Self { time_in_force, post_only, stp, .. } = *self;
        let flags = flags_of(Side::Buy, time_in_force, post_only, stp);
        let stamp = (self.arrival << SLOT_BITS) | flags;
        *slab.node_mut(slot) = Node {
            prev: slot,
            next: slot,
            level: WAITING_LEVEL,
            account: self.account,
            open: 0,
            stamp,
        };
        let expires_at = time_in_force.expires_at();
        if expires_at != 0 {
            let id = slab.node(slot).id(slot);
            slab.expiries.insert((expires_at, id.0), slot);
            let cold = slab.cold_mut(slot);
            (cold.book, cold.expires_at) = (book, expires_at);
        }
        if let Some(special) = &self.special {
            special.enter(slot, book, slab);
        }
    }

    fn check(&self, open: u64, engine: &Engine) -> Result<()> {
        let is_known = self.arrival != 0 && self.arrival <= engine.slab.arrivals;
        check(is_known, "an order that has not arrived")?;
        check(open != 0, "an order with nothing open")?;
        if let TimeInForce::Gtd(at) = self.time_in_force {
            check(engine.now < at, "an order whose time is over")?;
        }
        let Some(special) = &self.special else { return Ok(()) };
        check(*special != Special::default(), "an empty record")?;
        let is_placed = self.arrival < special.place && special.place <= engine.slab.arrivals;
        check(special.place == 0 || is_placed, "a place that nobody was given")?;
        let open_max = match special.display {
            0 => u64::MAX,
            display => display.saturating_mul(DISPLAY_RATIO_MAX),
        };
        check(open <= open_max, "an iceberg that shows too little")
    }

    fn display(&self) -> u64 {
        self.special.as_ref().map_or(0, |special| special.display)
    }

    fn hidden(&self) -> u64 {
        self.special.as_ref().map_or(0, |special| special.hidden)
    }

    fn place(&self) -> u64 {
        self.special.as_ref().map_or(0, |special| special.place)
    }

    /// Whether `price` keeps within the worst limit that the order may have.
    fn allows(&self, side: Side, price: Price) -> bool {
        let ceiling = self.special.as_ref().and_then(|special| special.ceiling);
        ceiling.is_none_or(|ceiling| !is_beyond(side, price, ceiling))
    }
}

impl Special {
    fn of(slot: Slot, slab: &Slab) -> Self {
        let node = slab.node(slot);
        let cold = node.has(flag::COLD).then(|| slab.cold(slot));
        Self {
            token: slab.token(slot),
            display: slab.display(slot).map_or(0, Qty::lots),
            hidden: slab.hidden(slot),
            place: if node.has(flag::REQUEUED) { slab.place(slot) } else { 0 },
            ceiling: cold.and_then(|cold| cold.ceiling),
            group: cold.filter(|_| node.has(flag::QUOTE)).map(|cold| cold.group),
        }
    }

    fn enter(&self, slot: Slot, book: u32, slab: &mut Slab) {
        slab.set_token(slot, self.token);
        if self.place != 0 {
            slab.set_place(slot, self.place);
        }
        let bare = Self { token: self.token, place: self.place, ..Self::default() };
        if *self == bare {
            return;
        }
        let cold = slab.cold_mut(slot);
        (cold.display, cold.hidden) = (self.display, self.hidden);
        (cold.ceiling, cold.book) = (self.ceiling, book);
        cold.group = self.group.unwrap_or(0);
        let flags = [(self.display != 0, flag::ICEBERG), (self.group.is_some(), flag::QUOTE)];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
        slab.node_mut(slot).stamp |= flags.fold(0, |all, (_, flag)| all | flag);
    }
}

/// What has been read and is not yet in its place: an order may come before its level.
#[derive(Default)]
pub(super) struct Draft {
    /// Book, side, depth and slot.
    levels: Vec<(u32, Side, i64, Slot)>,
    /// Every arrival number that is in use, and the resting order whose place it is.
    numbers: Vec<(u64, Slot)>,
}

impl Draft {
    pub(super) fn enter(&mut self, slot: Slot, content: Use, engine: &mut Engine) -> Result<()> {
        match content {
            Use::Level { book, side, depth } => {
                self.levels.push((book, side, depth, slot));
                Ok(())
            }
            Use::Resting(order) => self.enter_resting(slot, &order, engine),
            Use::Waiting(order) => self.enter_waiting(slot, &order, engine),
        }
    }

    fn enter_resting(&mut self, slot: Slot, order: &Resting, engine: &mut Engine) -> Result<()> {
        let wishes = &order.wishes;
        let (hidden, display) = (wishes.hidden(), wishes.display());
        let open = order.shown.checked_add(hidden).ok_or_else(|| damaged("an order too large"))?;
        wishes.check(open, engine)?;
        check(open.checked_add(order.filled).is_some(), "an order too large")?;
        check(wishes.time_in_force.rests(), "an immediate order at rest")?;
        check(order.shown != 0, "a resting order that shows nothing")?;
        check(display == 0 || order.shown <= display, "an iceberg that shows too much")?;
        check(display != 0 || hidden == 0, "hidden, and no iceberg")?;

        let slab = &mut engine.slab;
        wishes.enter(slot, 0, slab);
        let node = slab.node_mut(slot);
        (node.level, node.open) = (order.level, order.shown);
        if order.filled != 0 {
            slab.set_filled(slot, order.filled);
        }
        if wishes.place() != 0 {
            self.numbers.push((wishes.arrival, NONE));
        }
        self.numbers.push((slab.place(slot), slot));
        Ok(())
    }

    fn enter_waiting(&mut self, slot: Slot, order: &Waiting, engine: &mut Engine) -> Result<()> {
        let wishes = &order.wishes;
        wishes.check(order.open, engine)?;
        let force = wishes.time_in_force;
        check(!is_for_a_phase(force), "a waiting order for one phase")?;
        check(wishes.hidden() == 0 && wishes.place() == 0, "a waiting order in a queue")?;
        let may_rest = order.limit.is_some() && force.rests();
        let is_plain = wishes.post_only == PostOnly::No && wishes.display() == 0;
        check(may_rest || is_plain, "a waiting order that cannot rest and has to")?;
        check(order.limit.is_none_or(|limit| wishes.allows(order.side, limit)), BEYOND)?;
        let book = book_mut(&mut engine.books, order.book)?;
        check(!book.is_batch(), "a waiting order in a book of batches")?;
        check(!book.is_continuous() || !has_come(book, &order.trigger), "a trigger in the past")?;

        let slab = &mut engine.slab;
        wishes.enter(slot, order.book, slab);
        let cold = slab.cold_mut(slot);
        (cold.book, cold.limit, cold.trigger) = (order.book, order.limit, Some(order.trigger));
        let node = slab.node_mut(slot);
        node.stamp |= side_bit(order.side) | flag::WAITING;
        node.open = order.open;
        let id = node.id(slot);
        count(book, order.side, order.open)?;
        book.waiting = book.waiting.saturating_add(1);
        book.wait_on(id.0, slot, slab);
        slab.waiting = slab.waiting.saturating_add(1);
        self.numbers.push((wishes.arrival, NONE));
        Ok(())
    }

    /// Makes the levels, best first, and then their queues.
    pub(super) fn finish(mut self, engine: &mut Engine) -> Result<()> {
        self.levels.sort_unstable();
        for &(book, side, depth, slot) in &self.levels {
            let ladder = book_mut(&mut engine.books, book)?.ladder_mut(side);
            // The slot becomes the only free one, so that it is the one that is taken.
            engine.slab.give(slot);
            let made = ladder.level_or_new(depth, &mut engine.slab);
            check(made == slot, "two levels at one price")?;
        }
        self.numbers.sort_unstable();
        check(self.numbers.is_sorted_by(|(a, _), (b, _)| a < b), "an arrival number twice")?;
        for (_, slot) in self.numbers {
            if slot != NONE {
                link(slot, engine)?;
            }
        }
        let is_empty = |slot| engine.slab.node(slot).next == slot;
        let is_any_empty = self.levels.iter().any(|(.., slot)| is_empty(*slot));
        check(!is_any_empty, "a level without an order")
    }
}

const BEYOND: &str = "a limit beyond the order's ceiling";

/// Puts an order behind those of its level that have been linked.
fn link(slot: Slot, engine: &mut Engine) -> Result<()> {
    let slab = &mut engine.slab;
    let (level, open) = (slab.node(slot).level, slab.open(slot));
    let (number, side) = home(level, slab).ok_or_else(|| damaged("an order on no level"))?;
    let book = book_mut(&mut engine.books, number)?;
    count(book, side, open)?;
    let price = book.ladder(side).price_of(slab.node(level).depth());
    let force = slab.time_in_force(slot);
    if is_for_a_phase(force) {
        check((force == TimeInForce::Gfn) == book.is_continuous(), "an order for another phase")?;
        book.for_a_phase = book.for_a_phase.saturating_add(1);
    }
    slab.link_back(level, slot);
    let node = slab.node_mut(slot);
    node.stamp |= side_bit(side);
    let (shown, is_iceberg) = (node.open, node.has(flag::ICEBERG));
    if node.has(flag::COLD) {
        let cold = slab.cold_mut(slot);
        cold.book = number;
        check(cold.ceiling.is_none_or(|ceiling| !is_beyond(side, price, ceiling)), BEYOND)?;
    }
    let level = slab.node_mut(level);
    level.account = level.account.saturating_add(u32::from(is_iceberg));
    // Cannot overflow: all that is open on the side has just been counted.
    level.open = level.open.saturating_add(shown);
    Ok(())
}

/// Counts an order and what of it is open.
fn count(book: &mut Book, side: Side, open: u64) -> Result<()> {
    let sum = book.ladder(side).open.checked_add(open);
    book.ladder_mut(side).open = sum.ok_or_else(|| damaged("more open than 64 bits hold"))?;
    book.orders = book.orders.saturating_add(1);
    Ok(())
}

/// The book and the side of a level; `None` when the slot holds no level.
fn home(level: Slot, slab: &Slab) -> Option<(u32, Side)> {
    let node = (level < slab.slots()).then(|| slab.node(level))?;
    let is_level = LEVEL <= node.level && node.level != NONE;
    is_level.then(|| ((node.level & !LEVEL) >> 1, node.level_side()))
}

/// Whether an order of that id stands on that side of the book.
pub(super) fn is_on(book: &Book, side: Side, id: OrderId, slab: &Slab) -> bool {
    let level = slab.find(id).map(|slot| slab.node(slot).level);
    level.and_then(|level| home(level, slab)) == Some((book.number, side))
}

fn book_mut(books: &mut [Option<Book>], number: u32) -> Result<&mut Book> {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let book = books.get_mut(place).and_then(Option::as_mut);
    book.ok_or_else(|| damaged("an order or a level of no book"))
}

const fn is_for_a_phase(force: TimeInForce) -> bool {
    matches!(force, TimeInForce::Gfa | TimeInForce::Gfn)
}

/// Whether the price that an order waits for is there.
fn has_come(book: &Book, trigger: &Trigger) -> bool {
    let price = match trigger.source {
        PriceSource::Last => book.last,
        PriceSource::Mark => book.mark,
        PriceSource::Index => book.index,
    };
    price.is_some_and(|price| match trigger.when {
        TriggerWhen::Rises => trigger.price <= price,
        TriggerWhen::Falls => price <= trigger.price,
    })
}
