//! What the book knows of a series.

use super::array::RiskArray;
use super::book::RiskSeries;
use super::lanes::Halves;
use super::portfolio::either;

/// A series. What every order reads comes first, in one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Series {
    pub(super) delta: i64,
    pub(super) peak: i64,
    pub(super) short_minimum: i64,
    /// What one step of the price gains, where that is all there is.
    pub(super) step: i64,
    /// What a lot bought loses in the worst scenario.
    bought: i64,
    /// The same of a lot sold.
    sold: i64,
    pub(super) grade: u32,
    pub(super) expiry: u32,
    pub(super) is_listed: bool,
    /// Whether the array is more than a straight line.
    pub(super) is_curved: bool,
    /// Beside the line: nothing where the array is no more than that.
    pub(super) one: Halves,
}

impl Series {
    pub(super) const UNLISTED: Self = Self {
        delta: 0,
        peak: 0,
        short_minimum: 0,
        step: 0,
        bought: 0,
        sold: 0,
        grade: 0,
        expiry: 0,
        is_listed: false,
        is_curved: false,
        one: Halves::NONE,
    };

    pub(super) fn of(terms: &RiskSeries, expiry: u32) -> Self {
        let short_minimum = terms.short_minimum.micros().clamp(0, RiskArray::LANE_MAX);
        let grade = terms.grade;
        let listed = Self { grade, expiry, is_listed: true, ..Self::UNLISTED };
        let Some(array) = &terms.array else { return Self { peak: i64::MAX, ..listed } };
        let step = if short_minimum == 0 { array.step() } else { None };
        let (delta, peak) = (array.delta(), array.peak().max(short_minimum));
        let listed = Self { delta, peak, short_minimum, ..listed };
        let one = Halves::of(&array.scenarios());
        let [bought, sold] = one.most();
        let listed = Self { bought, sold, ..listed };
        match step {
            Some(step) => Self { step, ..listed },
            None => Self { is_curved: true, one, ..listed },
        }
    }

    /// What a lot bought, or sold, loses in the worst scenario.
    #[inline]
    pub(super) fn most(&self, is_buy: bool) -> i64 {
        either(is_buy, self.bought, self.sold)
    }
}
