//! One account's lots of one grade, and what they add up to.

use instruments::MicroUsd;

use super::array::{RiskArray, STEPS_OF};
use super::book::RiskSeries;
use super::components::{Charged, Rates, RiskComponents};
use super::curve::Curve;
use super::lanes::{BEYOND, GROSS_MAX, Halves, Line, worst_of, worst_with};
use super::leg::Leg;

/// No portfolio.
pub(super) const NONE: u32 = u32::MAX;

/// What the book knows of a series. What every order reads comes first, in one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Series {
    pub(super) delta: i64,
    pub(super) peak: i64,
    pub(super) short_minimum: i64,
    /// What one step of the price gains, where that is all there is.
    pub(super) step: i64,
    pub(super) grade: u32,
    pub(super) expiry: u32,
    pub(super) is_listed: bool,
    /// Whether the array is more than a straight line.
    pub(super) is_curved: bool,
    pub(super) one: Halves,
}

impl Series {
    pub(super) const UNLISTED: Self = Self {
        delta: 0,
        peak: 0,
        short_minimum: 0,
        step: 0,
        grade: 0,
        expiry: 0,
        is_listed: false,
        is_curved: false,
        one: Halves::NONE,
    };

    pub(super) fn of(terms: &RiskSeries, expiry: u32) -> Self {
        let short_minimum = terms.short_minimum.micros().clamp(0, RiskArray::LANE_MAX);
        let listed = Self { grade: terms.grade, expiry, is_listed: true, ..Self::UNLISTED };
        let Some(array) = &terms.array else { return Self { peak: i64::MAX, ..listed } };
        let step = if short_minimum == 0 { array.step() } else { None };
        Self {
            delta: array.delta(),
            peak: array.peak().max(short_minimum),
            short_minimum,
            step: step.unwrap_or(0),
            is_curved: step.is_none(),
            one: Halves::of(&array.scenarios()),
            ..listed
        }
    }
}

/// An account's delta in one expiry, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Expiry {
    /// Of the position.
    pub(super) held: i64,
    /// By how much orders may raise it.
    pub(super) up: i64,
    /// By how much they may lower it.
    pub(super) down: i64,
}

impl Expiry {
    /// With one more order, whose lots come to `moved`, negative for a sell.
    #[inline]
    fn with_order(self, moved: i64) -> Self {
        let up = self.up.wrapping_add(moved.max(0));
        let down = self.down.wrapping_sub(moved.min(0));
        Self { held: self.held, up, down }
    }

    fn long(self) -> i64 {
        self.held.wrapping_add(self.up).max(0)
    }

    fn short(self) -> i64 {
        self.down.wrapping_sub(self.held).max(0)
    }

    /// It ends up long or short, never both.
    #[inline]
    fn larger(self) -> i64 {
        self.held.wrapping_add(self.up).max(self.down.wrapping_sub(self.held)).max(0)
    }

    /// One, if there is anything.
    #[inline]
    fn count(self) -> i64 {
        i64::from(self.larger() != 0)
    }
}

/// One account's lots of one grade, added up. What every order reads comes first, in two cache lines.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Portfolio {
    /// What all legs could come to at most, in every scenario.
    pub(super) gross: i128,
    pub(super) grade: u32,
    /// The account's portfolio in another grade.
    pub(super) next: u32,
    pub(super) line: Line,
    /// Legs that are more than straight lines: without them the curve is flat.
    curved: i64,
    up: i64,
    down: i64,
    held: i64,
    long: i64,
    short: i64,
    /// The larger of the two of each expiry, added up.
    larger: i64,
    /// Expiries that are not empty.
    expiries: i64,
    minimum: i64,
    /// A series of which it has or had lots; their cells lead to the others.
    pub(super) first_leg: u32,
    long_held: i64,
    short_held: i64,
    minimum_held: i64,
}

impl Portfolio {
    pub(super) const EMPTY: Self = Self {
        grade: 0,
        next: NONE,
        gross: 0,
        line: Line { high: 0, low: 0, held: 0 },
        curved: 0,
        up: 0,
        down: 0,
        held: 0,
        long: 0,
        short: 0,
        larger: 0,
        expiries: 0,
        minimum: 0,
        long_held: 0,
        short_held: 0,
        minimum_held: 0,
        first_leg: NONE,
    };

    /// An empty one; `next` is its account's portfolio in another grade.
    pub(super) fn new(grade: u32, next: u32) -> Self {
        Self { grade, next, ..Self::EMPTY }
    }

    /// Forgets what its legs come to.
    pub(super) fn clear(&mut self) {
        let (grade, next, first_leg) = (self.grade, self.next, self.first_leg);
        *self = Self { grade, next, first_leg, ..Self::EMPTY };
    }

    /// The largest loss, over every way the orders may fill.
    #[inline]
    fn loss(&self, curve: &Curve) -> i64 {
        match self.curved {
            0 => self.line.worst(),
            _ => worst_of(&curve.worst, self.line),
        }
    }

    /// The same with one more order, of `open` lots.
    #[inline]
    pub(super) fn loss_with(
        &self,
        curve: &Curve,
        series: &Series,
        (is_buy, open): (bool, i64),
    ) -> i64 {
        if series.is_curved {
            return worst_with(&curve.worst, self.line, series.one.loses(is_buy), open);
        }
        let moved = open.wrapping_mul(series.step);
        let line = self.line.with_order(if is_buy { moved } else { moved.wrapping_neg() });
        match self.curved {
            0 => line.worst(),
            _ => worst_of(&curve.worst, line),
        }
    }

    /// What the positions gain in every scenario.
    pub(super) fn gains(&self, curve: &Curve) -> impl Iterator<Item = i64> {
        let steps = curve.position.iter().zip(STEPS_OF);
        steps.map(|(curved, steps)| curved.wrapping_add(self.line.held.wrapping_mul(steps)))
    }

    /// With orders.
    #[inline]
    fn charged(&self, curve: &Curve) -> Charged {
        let up = self.held.wrapping_add(self.up);
        let down = self.down.wrapping_sub(self.held);
        Charged {
            worst: self.loss(curve),
            long: self.long,
            short: self.short,
            offset: if self.expiries < 2 { 0 } else { self.larger },
            delta: up.max(down),
            minimum: self.minimum,
        }
    }

    /// With orders and one more, whose lots come to `moved` in an expiry.
    #[inline]
    pub(super) fn charged_with(&self, worst: i64, expiry: Expiry, moved: i64) -> Charged {
        let new = expiry.with_order(moved);
        let larger = self.larger.wrapping_add(new.larger()).wrapping_sub(expiry.larger());
        let expiries = self.expiries.wrapping_add(new.count()).wrapping_sub(expiry.count());
        let up = self.held.wrapping_add(self.up).wrapping_add(moved.max(0));
        let down = self.down.wrapping_sub(self.held).wrapping_sub(moved.min(0));
        Charged {
            worst,
            long: self.long.wrapping_add(new.long()).wrapping_sub(expiry.long()),
            short: self.short.wrapping_add(new.short()).wrapping_sub(expiry.short()),
            offset: if expiries < 2 { 0 } else { larger },
            delta: up.max(down),
            minimum: self.minimum,
        }
    }

    /// Without orders.
    fn charged_held(&self, curve: &Curve) -> Charged {
        Charged {
            worst: worst_of(&curve.position, self.line.without_orders()),
            long: self.long_held,
            short: self.short_held,
            offset: i64::MAX,
            delta: self.held.wrapping_abs(),
            minimum: self.minimum_held,
        }
    }

    /// What it requires, in parts.
    pub(super) fn components(&self, curve: &Curve, rates: &Rates) -> RiskComponents {
        if GROSS_MAX < self.gross {
            return RiskComponents::of_all(MicroUsd::new(BEYOND));
        }
        rates.components(&self.charged_held(curve), self.initial(curve, rates))
    }

    /// What it requires, open orders included.
    #[inline]
    pub(super) fn initial(&self, curve: &Curve, rates: &Rates) -> i64 {
        if GROSS_MAX < self.gross { BEYOND } else { rates.initial(&self.charged(curve)) }
    }

    /// Counts a leg that was `old` and is `new`, everywhere but in the lanes.
    #[inline]
    pub(super) fn count(&mut self, series: &Series, expiry: &mut Expiry, old: Leg, new: Leg) {
        let change = new.minus(old);
        let weight = new.weight().wrapping_sub(old.weight());
        self.gross = self.gross.wrapping_add(wide(weight, series.peak));
        self.line = self.line.with(series.step, change);
        if series.is_curved {
            let count = |leg: Leg| i64::from(!leg.is_empty());
            self.curved = self.curved.wrapping_add(count(new)).wrapping_sub(count(old));
            let more =
                |new: i64, old: i64| new.wrapping_sub(old).wrapping_mul(series.short_minimum);
            let at_worst = more(new.short_at_worst(), old.short_at_worst());
            self.minimum = self.minimum.wrapping_add(at_worst);
            self.minimum_held = self.minimum_held.wrapping_add(more(new.short(), old.short()));
        }
        self.count_delta(expiry, series.delta, change);
    }

    /// Moves an expiry's delta by what `change` lots make of it.
    #[inline]
    fn count_delta(&mut self, expiry: &mut Expiry, delta: i64, change: Leg) {
        let old = *expiry;
        // What buys may move, less what sells may: the delta's sign says which way each of them goes.
        let (bought, sold) = (change.buys.wrapping_mul(delta), change.sells.wrapping_mul(delta));
        let is_rising = 0 <= delta;
        let up = if is_rising { bought } else { sold.wrapping_neg() };
        let down = if is_rising { sold } else { bought.wrapping_neg() };
        let held = change.net.wrapping_mul(delta);
        expiry.held = old.held.wrapping_add(held);
        expiry.up = old.up.wrapping_add(up);
        expiry.down = old.down.wrapping_add(down);
        self.held = self.held.wrapping_add(held);
        self.up = self.up.wrapping_add(up);
        self.down = self.down.wrapping_add(down);
        let shifted = |sum: i64, new: i64, old: i64| sum.wrapping_add(new).wrapping_sub(old);
        self.long = shifted(self.long, expiry.long(), old.long());
        self.short = shifted(self.short, expiry.short(), old.short());
        self.larger = shifted(self.larger, expiry.larger(), old.larger());
        self.expiries = shifted(self.expiries, expiry.count(), old.count());
        if change.net == 0 {
            return;
        }
        self.long_held = shifted(self.long_held, expiry.held.max(0), old.held.max(0));
        self.short_held = shifted(self.short_held, old.held.min(0), expiry.held.min(0));
    }
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
