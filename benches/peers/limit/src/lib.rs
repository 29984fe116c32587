//! The bare limit book: a yardstick, not a product. It shows how fast the machine at hand can match by price and time when nothing else is
//! asked: no events, no hash, no accounts, no checks. What an engine costs beside it, in multiples, travels between machines; nanoseconds
//! do not.
//!
//! A level is the sentinel of a circular list and lies in the array of the orders, so that linking and unlinking never branch; an order is
//! 16 bytes; the next level is found in a bitmap of three layers; an id leads to its order through a flat table. Bounds are not checked:
//! whoever replays a stream has checked its books, ids and prices against its header once, and every other index is one that this file has
//! made from those. That is the only reason for the unsafe code here, and why it lives outside the workspace, which forbids it.

/// An order, or the sentinel of a level.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
struct Node {
    prev: u32,
    next: u32,
    qty: u32,
    id: u32,
}

/// One book: its best prices, as places in its ladder. Place 0 is below all prices, the last place above all.
#[derive(Debug, Clone, Copy)]
struct Touch {
    bid: u32,
    ask: u32,
    /// The node of place 0.
    base: u32,
    /// The word of place 0 in the lowest layer.
    leaf: u32,
}

/// All books of a stream.
#[derive(Debug)]
pub struct Limit {
    nodes: Vec<Node>,
    /// The node of each order that lives; 0 for all others.
    slots: Vec<u32>,
    touches: Vec<Touch>,
    /// Which levels have orders: all leaves of all books, then their summaries, then theirs.
    leaves: Vec<u64>,
    summaries: Vec<u64>,
    tops: Vec<u64>,
    free: u32,
    low: u32,
    /// The last place.
    end: u32,
}

/// What fits one top word per book: 64 * 64 * 64 places.
const PLACES_MAX: u32 = 1 << 18;

const BUY: bool = true;
const SELL: bool = false;

macro_rules! at {
    ($array:expr, $index:expr) => {{
        let index = $index as usize;
        debug_assert!(index < $array.len());
        // SAFETY: see the head of this file; debug builds check it.
        unsafe { $array.get_unchecked_mut(index) }
    }};
}

impl Limit {
    /// Empty books for prices from `low` to `high` and ids up to `id_high`; at most `orders` rest at one time.
    ///
    /// # Panics
    /// When a book would have more than 262,142 prices.
    #[must_use]
    pub fn new(books: u32, (low, high): (u32, u32), id_high: u32, orders: u32) -> Self {
        let places = (high - low + 3).next_multiple_of(64);
        assert!(places <= PLACES_MAX, "a book of {places} places");
        let leaves = (places / 64).next_multiple_of(64);
        let base = |book| 1 + book * places;
        let touch =
            |book| Touch { bid: 0, ask: high - low + 2, base: base(book), leaf: book * leaves };
        let sentinels = base(books);
        let sentinel = |node| Node { prev: node, next: node, qty: 0, id: 0 };
        let order = |node| Node { prev: 0, next: node + 1, qty: 0, id: 0 };
        let nodes = (0..sentinels).map(sentinel);
        let nodes = nodes.chain((sentinels..=sentinels + orders).map(order)).collect();
        // Written, not only reserved, so that no page is touched for the first time while the clock runs.
        let mut slots = vec![1; id_high as usize + 1];
        slots.fill(0);
        Self {
            nodes,
            slots,
            touches: (0..books).map(touch).collect(),
            leaves: vec![0; (books * leaves) as usize],
            summaries: vec![0; (books * leaves / 64) as usize],
            tops: vec![0; books as usize],
            free: sentinels,
            low,
            end: high - low + 2,
        }
    }

    /// A limit order that rests; `fill` hears of each trade: the maker's id, the price, the quantity.
    #[inline]
    pub fn add(
        &mut self,
        book: u16,
        is_buy: bool,
        (id, price, qty): (u32, u32, u32),
        fill: impl FnMut(u32, u32, u32),
    ) {
        let place = price - self.low + 1;
        if is_buy {
            let open = self.take::<BUY>(book, place, qty, fill);
            if open != 0 {
                self.rest::<BUY>(book, place, (id, open));
            }
        } else {
            let open = self.take::<SELL>(book, place, qty, fill);
            if open != 0 {
                self.rest::<SELL>(book, place, (id, open));
            }
        }
    }

    /// An order that does not rest, at any price when none is given.
    #[inline]
    pub fn immediate(
        &mut self,
        book: u16,
        is_buy: bool,
        (price, qty): (Option<u32>, u32),
        fill: impl FnMut(u32, u32, u32),
    ) {
        if is_buy {
            let place = price.map_or(self.end - 1, |price| price - self.low + 1);
            self.take::<BUY>(book, place, qty, fill);
        } else {
            let place = price.map_or(1, |price| price - self.low + 1);
            self.take::<SELL>(book, place, qty, fill);
        }
    }

    /// Ends an order. Says no when it has ended already.
    #[inline]
    pub fn cancel(&mut self, book: u16, id: u32) -> bool {
        let slot = at!(self.slots, id);
        let node = *slot;
        if node == 0 {
            return false;
        }
        *slot = 0;
        let Node { prev, next, .. } = *at!(self.nodes, node);
        at!(self.nodes, prev).next = next;
        at!(self.nodes, next).prev = prev;
        self.release(node);
        if prev == next {
            self.empty(book, prev);
        }
        true
    }

    /// Gives an order a new price and open quantity, at the back of its level. Says no when it has ended.
    #[inline]
    pub fn modify(
        &mut self,
        book: u16,
        is_buy: bool,
        order: (u32, u32, u32),
        fill: impl FnMut(u32, u32, u32),
    ) -> bool {
        let lives = self.cancel(book, order.0);
        if lives {
            self.add(book, is_buy, order, fill);
        }
        lives
    }

    #[inline]
    fn release(&mut self, node: u32) {
        at!(self.nodes, node).next = self.free;
        self.free = node;
    }

    #[inline]
    fn rest<const SIDE: bool>(&mut self, book: u16, place: u32, (id, qty): (u32, u32)) {
        let touch = at!(self.touches, book);
        let (level, leaf) = (touch.base + place, touch.leaf + place / 64);
        if SIDE == BUY {
            touch.bid = touch.bid.max(place);
        } else {
            touch.ask = touch.ask.min(place);
        }
        let node = self.free;
        let last = at!(self.nodes, level).prev;
        let new = at!(self.nodes, node);
        self.free = new.next;
        *new = Node { prev: last, next: level, qty, id };
        at!(self.nodes, last).next = node;
        at!(self.nodes, level).prev = node;
        *at!(self.slots, id) = node;
        *at!(self.leaves, leaf) |= 1 << (place % 64);
        *at!(self.summaries, leaf / 64) |= 1 << (leaf % 64);
        *at!(self.tops, book) |= 1 << (place / 4096);
    }

    /// The last order of a level has gone, and `sentinel` is all that is left of it.
    #[inline]
    fn empty(&mut self, book: u16, sentinel: u32) {
        let touch = *at!(self.touches, book);
        let place = sentinel - touch.base;
        self.clear(book, touch.leaf, place);
        if place == touch.bid {
            at!(self.touches, book).bid = self.below(book, touch.leaf, place);
        } else if place == touch.ask {
            at!(self.touches, book).ask = self.above(book, touch.leaf, place);
        }
    }

    #[inline]
    fn clear(&mut self, book: u16, leaf: u32, place: u32) {
        let leaf = leaf + place / 64;
        let word = at!(self.leaves, leaf);
        *word &= !(1 << (place % 64));
        if *word == 0 {
            let word = at!(self.summaries, leaf / 64);
            *word &= !(1 << (leaf % 64));
            if *word == 0 {
                *at!(self.tops, book) &= !(1 << (place / 4096));
            }
        }
    }

    /// The nearest level below a place; 0 when there is none.
    #[inline]
    fn below(&mut self, book: u16, leaf: u32, place: u32) -> u32 {
        let word = *at!(self.leaves, leaf + place / 64) & ((1 << (place % 64)) - 1);
        if word != 0 {
            return (place & !63) + 63 - word.leading_zeros();
        }
        let far = place / 64;
        let word = *at!(self.summaries, leaf / 64 + far / 64) & ((1 << (far % 64)) - 1);
        let far = if word != 0 {
            (far & !63) + 63 - word.leading_zeros()
        } else {
            let top = far / 64;
            let word = *at!(self.tops, book) & ((1 << top) - 1);
            if word == 0 {
                return 0;
            }
            let top = 63 - word.leading_zeros();
            top * 64 + 63 - at!(self.summaries, leaf / 64 + top).leading_zeros()
        };
        far * 64 + 63 - at!(self.leaves, leaf + far).leading_zeros()
    }

    /// The nearest level above a place; the last place when there is none.
    #[inline]
    fn above(&mut self, book: u16, leaf: u32, place: u32) -> u32 {
        let word = *at!(self.leaves, leaf + place / 64) & (!1 << (place % 64));
        if word != 0 {
            return (place & !63) + word.trailing_zeros();
        }
        let far = place / 64;
        let word = *at!(self.summaries, leaf / 64 + far / 64) & (!1 << (far % 64));
        let far = if word != 0 {
            (far & !63) + word.trailing_zeros()
        } else {
            let top = far / 64;
            let word = *at!(self.tops, book) & (!1 << top);
            if word == 0 {
                return self.end;
            }
            let top = word.trailing_zeros();
            top * 64 + at!(self.summaries, leaf / 64 + top).trailing_zeros()
        };
        far * 64 + at!(self.leaves, leaf + far).trailing_zeros()
    }

    /// Trades with the other side up to a place and says how much is left.
    #[inline]
    fn take<const SIDE: bool>(
        &mut self,
        book: u16,
        limit: u32,
        mut open: u32,
        mut fill: impl FnMut(u32, u32, u32),
    ) -> u32 {
        let touch = *at!(self.touches, book);
        let mut best = if SIDE == BUY { touch.ask } else { touch.bid };
        let reaches = |best: u32| if SIDE == BUY { best <= limit } else { limit <= best };
        // Nothing lies at place 0 or at the last one, and no limit reaches either.
        while reaches(best) {
            let (level, price) = (touch.base + best, self.low + best - 1);
            let mut node = at!(self.nodes, level).next;
            loop {
                let maker = at!(self.nodes, node);
                if open < maker.qty {
                    if open != 0 {
                        maker.qty -= open;
                        fill(maker.id, price, open);
                    }
                    maker.prev = level;
                    at!(self.nodes, level).next = node;
                    return self.set_best::<SIDE>(book, best, 0);
                }
                let Node { next, qty, id, .. } = *maker;
                fill(id, price, qty);
                open -= qty;
                *at!(self.slots, id) = 0;
                self.release(node);
                node = next;
                if node == level {
                    break;
                }
            }
            *at!(self.nodes, level) = Node { prev: level, next: level, qty: 0, id: 0 };
            self.clear(book, touch.leaf, best);
            best = match SIDE {
                BUY => self.above(book, touch.leaf, best),
                SELL => self.below(book, touch.leaf, best),
            };
            if open == 0 {
                break;
            }
        }
        self.set_best::<SIDE>(book, best, open)
    }

    #[inline]
    fn set_best<const SIDE: bool>(&mut self, book: u16, best: u32, open: u32) -> u32 {
        let touch = at!(self.touches, book);
        if SIDE == BUY {
            touch.ask = best;
        } else {
            touch.bid = best;
        }
        open
    }
}
