//! One account's lots of one grade, and what they add up to.

use instruments::{MicroUsd, Side};

use super::array::STEPS_OF;
use super::book::RiskOrder;
use super::components::{Charged, Rates, RiskComponents};
use super::grade::Moved;
use super::lanes::{
    BEYOND, GROSS_MAX, Lanes, Line, add_change, add_order, add_position, fill_order, worst_of,
    worst_with,
};
use super::leg::{Leg, lots};
use super::legs;
use super::series::Series;

/// Nowhere.
pub(super) const NONE: u32 = u32::MAX;

/// Where a portfolio is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) grade: u32,
    pub(super) row: u32,
}

impl Place {
    pub(super) const NONE: Self = Self { grade: NONE, row: NONE };
}

/// An account's delta in one expiry, in micro-dollars: what it may come to at most, and the same of its opposite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(16))]
pub(super) struct Expiry {
    pub(super) high: i64,
    pub(super) low: i64,
}

impl Expiry {
    /// With one more order, whose lots come to `moved`, negative for a sell.
    #[inline]
    fn with_order(self, moved: i64) -> Self {
        let high = self.high.wrapping_add(moved.max(0));
        Self { high, low: self.low.wrapping_sub(moved.min(0)) }
    }

    #[inline]
    fn long(self) -> i64 {
        self.high.max(0)
    }

    #[inline]
    fn short(self) -> i64 {
        self.low.max(0)
    }

    /// It ends up long or short, never both.
    #[inline]
    fn larger(self) -> i64 {
        self.high.max(self.low).max(0)
    }

    /// One, if there is anything.
    #[inline]
    fn count(self) -> i64 {
        i64::from(self.larger() != 0)
    }
}

/// An order as a portfolio counts it.
#[derive(Debug, Clone, Copy)]
pub(super) struct More {
    pub(super) is_buy: bool,
    /// Lots.
    pub(super) open: i64,
}

impl More {
    #[inline]
    pub(super) fn of(order: &RiskOrder) -> Self {
        Self { is_buy: order.side == Side::Buy, open: lots(order.qty) }
    }

    /// What its lots cost at least where they are sold short.
    #[inline]
    pub(super) fn short(self, series: &Series) -> i64 {
        either(self.is_buy, 0, self.open.wrapping_mul(series.short_minimum))
    }

    /// What its lots come to if one of them comes to `one`.
    #[inline]
    pub(super) fn signed(self, one: i64) -> i64 {
        let all = self.open.wrapping_mul(one);
        either(self.is_buy, all, all.wrapping_neg())
    }
}

/// So often is `most` raised before it is computed.
const RAISED_MAX: u64 = 8;

/// One account's lots of one grade, added up. What every order reads comes first and lies side by side: two cache lines and the scenarios.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Portfolio {
    /// What all legs could come to at most, in every scenario.
    pub(super) gross: i128,
    pub(super) line: Line,
    /// The delta, as of one expiry.
    delta: Expiry,
    /// Legs that are more than straight lines: without them the scenarios are flat.
    curved: i64,
    minimum: i64,
    long: i64,
    short: i64,
    /// The larger of the two of each expiry, added up.
    larger: i64,
    /// Expiries that are not empty.
    expiries: i64,
    /// The account's portfolio in another grade.
    pub(super) next: Place,
    pub(super) line_held: i64,
    /// No less than the largest loss, and not much more.
    most: i64,
    /// How often `most` was raised since it was equal.
    raised: u64,
    /// What is more than a line gains and loses, over every way the orders may fill.
    pub(super) worst: Lanes,
    held: i64,
    long_held: i64,
    short_held: i64,
    minimum_held: i64,
}

const _: () = assert!(size_of::<Portfolio>() == 7 * 64);

impl Portfolio {
    pub(super) const EMPTY: Self = Self {
        gross: 0,
        line: Line { high: 0, low: 0 },
        curved: 0,
        delta: Expiry { high: 0, low: 0 },
        minimum: 0,
        long: 0,
        short: 0,
        larger: 0,
        expiries: 0,
        next: Place::NONE,
        line_held: 0,
        most: 0,
        raised: 0,
        worst: [0; _],
        held: 0,
        long_held: 0,
        short_held: 0,
        minimum_held: 0,
    };

    /// An empty one; `next` is its account's in another grade.
    pub(super) fn before(next: Place) -> Self {
        Self { next, ..Self::EMPTY }
    }

    /// Forgets what its legs come to.
    pub(super) fn clear(&mut self) {
        *self = Self { next: self.next, ..Self::EMPTY };
    }

    /// The largest loss, over every way the orders may fill.
    #[inline]
    fn loss(&self) -> i64 {
        if self.curved == 0 { self.line.worst() } else { worst_of(&self.worst, self.line) }
    }

    /// The same with one more order.
    #[inline]
    fn loss_with(&self, series: &Series, more: More) -> i64 {
        let line = self.line.with_order(more.signed(series.step));
        if self.curved == 0 && !series.is_curved {
            return line.worst();
        }
        worst_with(&self.worst, line, series.one.loses(more.is_buy), more.open)
    }

    /// What the positions gain in every scenario; `curved` has what is more than a line.
    pub(super) fn gains(&self, curved: &Lanes) -> impl Iterator<Item = i64> {
        let steps = curved.iter().zip(STEPS_OF);
        steps.map(|(curved, steps)| curved.wrapping_add(self.line_held.wrapping_mul(steps)))
    }

    /// With orders.
    #[inline]
    fn charged(&self) -> Charged {
        Charged {
            worst: self.loss(),
            long: self.long,
            short: self.short,
            offset: if self.expiries < 2 { 0 } else { self.larger },
            delta: self.delta.high.max(self.delta.low),
            minimum: self.minimum,
        }
    }

    /// With orders and one more, of a series whose expiry is `expiry`; but for what it adds to the minimum.
    #[inline]
    pub(super) fn charged_with(&self, series: &Series, expiry: Expiry, more: More) -> Charged {
        let moved = more.signed(series.delta);
        let new = expiry.with_order(moved);
        let larger = self.larger.wrapping_add(new.larger()).wrapping_sub(expiry.larger());
        let expiries = self.expiries.wrapping_add(new.count()).wrapping_sub(expiry.count());
        let delta = self.delta.with_order(moved);
        Charged {
            worst: self.loss_with(series, more),
            long: self.long.wrapping_add(new.long()).wrapping_sub(expiry.long()),
            short: self.short.wrapping_add(new.short()).wrapping_sub(expiry.short()),
            offset: if expiries < 2 { 0 } else { larger },
            delta: delta.high.max(delta.low),
            minimum: self.minimum,
        }
    }

    /// Without orders; `curved` has what is more than a line.
    fn charged_held(&self, curved: &Lanes) -> Charged {
        Charged {
            worst: worst_of(curved, Line { high: self.line_held, low: self.line_held }),
            long: self.long_held,
            short: self.short_held,
            offset: i64::MAX,
            delta: self.held.wrapping_abs(),
            minimum: self.minimum_held,
        }
    }

    /// No less than what it would require with one more order, from two cache lines of the portfolio and one of the series. In every part an
    /// order adds no more than it comes to alone, so that whoever has room for that needs no look at the scenarios.
    #[inline]
    pub(super) fn bound_with(&self, rates: &Rates, series: &Series, more: More) -> i64 {
        let worst = series.most(more.is_buy).wrapping_mul(more.open);
        let moved = more.signed(series.delta);
        let delta = self.delta.with_order(moved);
        let short = more.short(series);
        rates.initial(&Charged {
            worst: self.most.wrapping_add(worst),
            long: self.long.wrapping_add(moved.max(0)),
            short: self.short.wrapping_sub(moved.min(0)),
            offset: self.larger.wrapping_add(moved.wrapping_abs()),
            delta: delta.high.max(delta.low),
            minimum: self.minimum.wrapping_add(short),
        })
    }

    /// Counts lots that may or may not be filled, or that may no longer be where `open` is negative.
    #[inline]
    pub(super) fn order(&mut self, series: &Series, moved: Moved<'_>, (is_buy, open): (bool, i64)) {
        self.count_order(series, moved, (is_buy, open));
        if series.is_curved {
            add_order(&mut self.worst, series.one.loses(is_buy), open);
        }
        self.raise(series.most(is_buy).saturating_mul(open.max(0)));
    }

    /// Counts lots of an open order that are held from now on. No loss is larger than before.
    #[inline]
    pub(super) fn fill_order(&mut self, series: &Series, moved: Moved<'_>, more: More) {
        self.count(series, moved.line, moved.legs);
        if series.is_curved {
            let sides = (series.one.loses(more.is_buy), series.one.loses(!more.is_buy));
            fill_order(moved.position, &mut self.worst, sides, more.open);
        }
    }

    /// Counts lots that were no open order.
    #[inline]
    pub(super) fn fill(&mut self, series: &Series, moved: Moved<'_>, more: More) {
        self.count(series, moved.line, moved.legs);
        if series.is_curved {
            add_position(moved.position, &mut self.worst, &series.one, more.signed(1));
        }
        self.raise(series.most(more.is_buy).saturating_mul(more.open));
    }

    /// Adds any change of a leg to the scenarios.
    pub(super) fn change(&mut self, position: &mut Lanes, series: &Series, change: Leg) {
        if series.is_curved {
            add_change((position, &mut self.worst), &series.one, change);
        }
    }

    /// Takes note that the largest loss may be so much more than it was.
    #[inline]
    fn raise(&mut self, most: i64) {
        self.raised = self.raised.wrapping_add(1);
        if self.curved == 0 || RAISED_MAX < self.raised {
            self.settle();
        } else {
            self.most = self.most.saturating_add(most).min(BEYOND);
        }
    }

    /// Computes the largest loss.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.raised = 0;
        self.most = if GROSS_MAX < self.gross { BEYOND } else { self.loss() };
    }

    /// Whether an order would be beyond the range in which sums are exact.
    #[inline]
    pub(super) fn is_beyond(&self, series: &Series, more: More) -> bool {
        GROSS_MAX < self.gross.wrapping_add(wide(more.open, series.peak))
    }

    /// What it requires, in parts; `curved` has what of the positions is more than a line.
    pub(super) fn components(&self, curved: &Lanes, rates: &Rates) -> RiskComponents {
        if GROSS_MAX < self.gross {
            return RiskComponents::of_all(MicroUsd::new(BEYOND));
        }
        rates.components(&self.charged_held(curved), self.initial(rates))
    }

    /// What it requires, open orders included.
    #[inline]
    pub(super) fn initial(&self, rates: &Rates) -> i64 {
        if GROSS_MAX < self.gross { BEYOND } else { rates.initial(&self.charged()) }
    }

    /// Counts a leg that was `old` and is `new`, everywhere but in the scenarios. `line` is its expiry's.
    #[inline]
    pub(super) fn count(&mut self, series: &Series, line: &mut legs::Line, (old, new): (Leg, Leg)) {
        let change = new.minus(old);
        let weight = new.weight().wrapping_sub(old.weight());
        self.gross = self.gross.wrapping_add(wide(weight, series.peak));
        self.line = self.line.with(series.step, change);
        let count = |leg: Leg| i64::from(!leg.is_empty() & series.is_curved);
        self.curved = self.curved.wrapping_add(count(new)).wrapping_sub(count(old));
        let more = |new: i64, old: i64| new.wrapping_sub(old).wrapping_mul(series.short_minimum);
        let at_worst = more(new.short_at_worst(), old.short_at_worst());
        self.minimum = self.minimum.wrapping_add(at_worst);
        self.count_delta(&mut line.expiry, series.delta, change);
        if change.net != 0 {
            self.line_held = self.line_held.wrapping_add(change.net.wrapping_mul(series.step));
            self.minimum_held = self.minimum_held.wrapping_add(more(new.short(), old.short()));
            self.count_held(&mut line.held, change.net.wrapping_mul(series.delta));
        }
    }

    /// The same where nothing changes but what is open on one side.
    #[inline]
    fn count_order(&mut self, series: &Series, moved: Moved<'_>, (is_buy, open): (bool, i64)) {
        let (old, new) = moved.legs;
        self.gross = self.gross.wrapping_add(wide(open, series.peak));
        let stepped = open.wrapping_mul(series.step);
        self.line.high = self.line.high.wrapping_add(either(is_buy, stepped, 0));
        self.line.low = self.line.low.wrapping_sub(either(is_buy, 0, stepped));
        let count = |leg: Leg| i64::from(!leg.is_empty() & series.is_curved);
        self.curved = self.curved.wrapping_add(count(new)).wrapping_sub(count(old));
        let short = new.short_at_worst().wrapping_sub(old.short_at_worst());
        self.minimum = self.minimum.wrapping_add(short.wrapping_mul(series.short_minimum));
        // A buy of what has a delta above zero may raise it, and so may a sell of what has one below.
        let is_up = is_buy == (0 <= series.delta);
        let by = open.wrapping_mul(series.delta.wrapping_abs());
        let (up, down) = (either(is_up, by, 0), either(is_up, 0, by));
        let raised =
            |of: Expiry| Expiry { high: of.high.wrapping_add(up), low: of.low.wrapping_add(down) };
        let (before, after) = (moved.line.expiry, raised(moved.line.expiry));
        moved.line.expiry = after;
        self.delta = raised(self.delta);
        self.count_expiry(before, after);
    }

    /// Counts an expiry that was one and is another.
    #[inline]
    fn count_expiry(&mut self, old: Expiry, new: Expiry) {
        self.long = shifted(self.long, new.long(), old.long());
        self.short = shifted(self.short, new.short(), old.short());
        self.larger = shifted(self.larger, new.larger(), old.larger());
        self.expiries = shifted(self.expiries, new.count(), old.count());
    }

    /// Moves an expiry's delta by what `change` lots make of it.
    #[inline]
    fn count_delta(&mut self, expiry: &mut Expiry, delta: i64, change: Leg) {
        let old = *expiry;
        // What buys may move, less what sells may: the delta's sign says which way each of them goes.
        let (bought, sold) = (change.buys.wrapping_mul(delta), change.sells.wrapping_mul(delta));
        let is_rising = 0 <= delta;
        let up = either(is_rising, bought, sold.wrapping_neg());
        let down = either(is_rising, sold, bought.wrapping_neg());
        let held = change.net.wrapping_mul(delta);
        let moved = |of: Expiry| Expiry {
            high: of.high.wrapping_add(held).wrapping_add(up),
            low: of.low.wrapping_sub(held).wrapping_add(down),
        };
        let new = moved(old);
        *expiry = new;
        self.delta = moved(self.delta);
        self.count_expiry(old, new);
    }

    /// The same of what is held.
    #[inline]
    fn count_held(&mut self, held: &mut i64, moved: i64) {
        let old = *held;
        *held = old.wrapping_add(moved);
        self.held = self.held.wrapping_add(moved);
        self.long_held = shifted(self.long_held, (*held).max(0), old.max(0));
        self.short_held = shifted(self.short_held, old.min(0), (*held).min(0));
    }
}

/// One or the other, where nobody could guess which: both are computed, and none is jumped to.
#[inline]
pub(super) fn either<T>(is_it: bool, yes: T, no: T) -> T {
    std::hint::select_unpredictable(is_it, yes, no)
}

const fn shifted(sum: i64, new: i64, old: i64) -> i64 {
    sum.wrapping_add(new).wrapping_sub(old)
}

fn wide(lots: i64, peak: i64) -> i128 {
    i128::from(lots).wrapping_mul(i128::from(peak))
}

/// A place as a number that fits a record.
#[inline]
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}

/// A number as a place.
#[inline]
#[expect(clippy::as_conversions, reason = "u32 to usize loses nothing on the machines we support")]
pub(super) const fn at(place: u32) -> usize {
    place as usize
}
