//! One account's lots of one grade, and what they add up to.

use instruments::{NetQty, Qty};

use super::array::{LANES, RiskArray};
use super::book::RiskSeries;
use super::components::Charged;
use super::lanes::{Lanes, add_held, add_open, worst_of};

/// No portfolio.
pub(super) const NONE: u32 = u32::MAX;

/// An account's lots of one series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leg {
    /// Held, negative when short.
    pub net: i64,
    /// Open to be bought.
    pub buys: i64,
    /// Open to be sold.
    pub sells: i64,
}

impl Leg {
    /// A leg of lots held and lots open.
    #[must_use]
    pub fn new(net: NetQty, buys: Qty, sells: Qty) -> Self {
        Self { net: net.lots(), buys: lots(buys), sells: lots(sells) }
    }

    pub(super) fn plus(self, change: Self) -> Self {
        Self {
            net: self.net.wrapping_add(change.net),
            buys: self.buys.wrapping_add(change.buys),
            sells: self.sells.wrapping_add(change.sells),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            net: self.net.wrapping_sub(other.net),
            buys: self.buys.wrapping_sub(other.buys),
            sells: self.sells.wrapping_sub(other.sells),
        }
    }

    /// Lots that count towards the gross.
    fn weight(self) -> i64 {
        self.net.wrapping_abs().wrapping_add(self.buys).wrapping_add(self.sells)
    }

    fn short(self) -> i64 {
        self.net.wrapping_neg().max(0)
    }

    /// The most that may come to be short.
    pub(super) fn short_at_worst(self) -> i64 {
        self.sells.wrapping_sub(self.net).max(0)
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Series {
    pub(super) array: Lanes,
    pub(super) delta: i64,
    pub(super) peak: i64,
    pub(super) short_minimum: i64,
    pub(super) grade: u32,
    pub(super) expiry: u32,
    pub(super) is_listed: bool,
}

impl Series {
    pub(super) const UNLISTED: Self = Self {
        array: [0; LANES],
        delta: 0,
        peak: 0,
        short_minimum: 0,
        grade: 0,
        expiry: 0,
        is_listed: false,
    };

    pub(super) fn of(terms: &RiskSeries, expiry: u32) -> Self {
        let short_minimum = terms.short_minimum.micros().clamp(0, RiskArray::LANE_MAX);
        let (array, delta, peak) = match &terms.array {
            Some(array) => (array.scenarios(), array.delta(), array.peak().max(short_minimum)),
            None => ([0; LANES], 0, i64::MAX),
        };
        let (grade, is_listed) = (terms.grade, true);
        Self { array, delta, peak, short_minimum, grade, expiry, is_listed }
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

/// One account's lots of one grade, added up.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct Portfolio {
    pub(super) worst: Lanes,
    /// What all legs could come to at most, in every scenario.
    pub(super) gross: i128,
    pub(super) up: i64,
    pub(super) down: i64,
    pub(super) held: i64,
    pub(super) long: i64,
    pub(super) short: i64,
    /// The larger of the two of each expiry, added up.
    pub(super) larger: i64,
    /// Expiries that are not empty.
    pub(super) expiries: i64,
    pub(super) minimum: i64,
    pub(super) initial: i64,
    pub(super) position: Lanes,
    pub(super) long_held: i64,
    pub(super) short_held: i64,
    pub(super) minimum_held: i64,
    pub(super) account: u64,
    pub(super) grade: u32,
    /// The account's portfolio in another grade.
    pub(super) next: u32,
    /// Series of which it has or had lots.
    pub(super) legs: Vec<u32>,
}

impl Portfolio {
    pub(super) const EMPTY: Self = Self {
        worst: [0; LANES],
        gross: 0,
        up: 0,
        down: 0,
        held: 0,
        long: 0,
        short: 0,
        larger: 0,
        expiries: 0,
        minimum: 0,
        initial: 0,
        position: [0; LANES],
        long_held: 0,
        short_held: 0,
        minimum_held: 0,
        account: 0,
        grade: 0,
        next: NONE,
        legs: Vec::new(),
    };

    /// With orders. The worst loss has been computed along the way.
    #[inline]
    pub(super) fn charged(&self, worst: i64) -> Charged {
        let up = self.held.wrapping_add(self.up);
        let down = self.down.wrapping_sub(self.held);
        let (long, short, minimum) = (self.long, self.short, self.minimum);
        let offset = self.offset();
        Charged { worst, long, short, offset, delta: up.max(down), minimum }
    }

    /// What may offset between its expiries.
    #[inline]
    fn offset(&self) -> i64 {
        if self.expiries < 2 { 0 } else { self.larger }
    }

    /// With orders and one more, whose lots come to `moved` in an expiry. The worst loss has been computed along the way.
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

    /// Forgets what its legs come to, and hands out which they are.
    pub(super) fn clear(&mut self) -> Vec<u32> {
        let legs = std::mem::take(&mut self.legs);
        let (account, grade, next, initial) = (self.account, self.grade, self.next, self.initial);
        *self = Self { account, grade, next, initial, ..Self::EMPTY };
        legs
    }

    /// Adds a leg while the portfolio is computed anew: `worst` has what the orders come to by themselves until [`Self::join`].
    pub(super) fn add(&mut self, series: &Series, leg: Leg) {
        add_held(&mut self.position, &series.array, leg.net);
        if leg.buys != 0 || leg.sells != 0 {
            add_open(&mut self.worst, &series.array, leg);
        }
    }

    pub(super) fn join(&mut self) {
        for (worst, position) in self.worst.iter_mut().zip(&self.position) {
            *worst = worst.wrapping_add(*position);
        }
    }

    /// Without orders.
    pub(super) fn charged_held(&self) -> Charged {
        Charged {
            worst: worst_of(&self.position),
            long: self.long_held,
            short: self.short_held,
            offset: i64::MAX,
            delta: self.held.wrapping_abs(),
            minimum: self.minimum_held,
        }
    }

    /// Counts a leg that was `old` and is `new` with an array's own numbers.
    #[inline]
    pub(super) fn count_leg(&mut self, series: &Series, old: Leg, new: Leg) {
        let weight = new.weight().wrapping_sub(old.weight());
        self.gross = self.gross.wrapping_add(wide(weight, series.peak));
        if series.short_minimum != 0 {
            let more =
                |new: i64, old: i64| new.wrapping_sub(old).wrapping_mul(series.short_minimum);
            let at_worst = more(new.short_at_worst(), old.short_at_worst());
            self.minimum = self.minimum.wrapping_add(at_worst);
            self.minimum_held = self.minimum_held.wrapping_add(more(new.short(), old.short()));
        }
    }

    /// Moves an expiry's delta by what `change` lots make of it.
    #[inline]
    pub(super) fn count_delta(&mut self, expiry: &mut Expiry, delta: i64, change: Leg) {
        let old = *expiry;
        let (gains, loses) = (delta.max(0), delta.min(0));
        let part = |lots: i64, of: i64| lots.wrapping_mul(of);
        let up = part(change.buys, gains).wrapping_sub(part(change.sells, loses));
        let down = part(change.sells, gains).wrapping_sub(part(change.buys, loses));
        let held = part(change.net, delta);
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
        self.long_held = shifted(self.long_held, expiry.held.max(0), old.held.max(0));
        self.short_held = shifted(self.short_held, old.held.min(0), expiry.held.min(0));
    }
}

/// Lots as the lanes count them.
pub(super) fn lots(qty: Qty) -> i64 {
    i64::try_from(qty.lots()).unwrap_or(i64::MAX)
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
