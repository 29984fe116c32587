//! What one lot gains or loses in each scenario.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_ceil, div_half_even};
use instruments::{MicroUsd, Ppm};

use super::parameters::RiskParameters;

/// Numbers in an array: 27 standard scenarios, 8 extended ones, and the delta.
pub const LANES: usize = 36;
/// Those of them that are scenarios.
pub const SCENARIOS: usize = 35;

/// Steps from the middle of the price range to its end.
const STEPS: i64 = 4;

/// How many steps the price has moved in each scenario, with the extended ones held at the ends; none in the delta's place.
pub(super) const STEPS_OF: [i64; LANES] = [
    -4, -4, -4, -3, -3, -3, -2, -2, -2, -1, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4,
    -4, -4, 4, 4, 4, 4, 4, 4, 0,
];

/// Micro-dollars that one lot held long gains (positive) or loses, scenario by scenario.
///
/// For each of nine price moves from low to high: volatility down, unchanged, up. Then eight far moves, weighted. Last the delta: what the
/// lot is worth in its future at the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RiskArray {
    lanes: [i64; LANES],
}

impl RiskArray {
    /// The largest number in an array: 4.4 million dollars a lot, forty years of the dearest grade today. It keeps a product with the
    /// largest position within 2^62.
    pub const LANE_MAX: i64 = 1 << 42;

    /// An array, if none of its numbers is out of range.
    #[must_use]
    pub fn new(lanes: [i64; LANES]) -> Option<Self> {
        let limit = Self::LANE_MAX.unsigned_abs();
        lanes.iter().all(|lane| lane.unsigned_abs() <= limit).then_some(Self { lanes })
    }

    /// The array of a future whose lot is worth `value` at the mark: a straight line. One step of the price range is rounded to the nearest
    /// micro-dollar, ties to even, and everything else is a whole number of steps. Beyond the price range it stays where the range ends.
    #[must_use]
    pub fn of_future(parameters: &RiskParameters, value: MicroUsd) -> Option<Self> {
        let range =
            i128::from(value.micros()).checked_mul(i128::from(parameters.price_range.ppm()))?;
        let whole = i128::from(STEPS).checked_mul(i128::from(Ppm::ONE.ppm()))?;
        let step = i64::try_from(div_half_even(range, whole)).ok()?;
        let mut lanes = [0; LANES];
        for (lane, steps) in lanes.iter_mut().zip(STEPS_OF) {
            *lane = step.checked_mul(steps)?;
        }
        let [.., delta] = &mut lanes;
        *delta = value.micros();
        Self::new(lanes)
    }

    /// All numbers, the delta last.
    #[must_use]
    pub const fn lanes(&self) -> &[i64; LANES] {
        &self.lanes
    }

    /// Micro-dollars of the future that one lot stands for.
    #[must_use]
    pub const fn delta(&self) -> i64 {
        let [.., delta] = self.lanes;
        delta
    }

    /// The scenarios, and in the delta's place a zero: nothing is lost when nothing happens.
    pub(super) const fn scenarios(&self) -> [i64; LANES] {
        let [scenarios @ .., _] = self.lanes;
        let mut all = [0; LANES];
        let (head, _) = all.split_at_mut(SCENARIOS);
        head.copy_from_slice(&scenarios);
        all
    }

    /// What one step gains, if that is all there is to know: the array is a straight line that rises.
    pub(super) fn step(&self) -> Option<i64> {
        let scenarios = self.scenarios();
        let step = scenarios.iter().zip(STEPS_OF).find(|(_, steps)| *steps == 1)?.0;
        let is_line = |(lane, steps): (&i64, i64)| step.checked_mul(steps) == Some(*lane);
        (0 <= *step && scenarios.iter().zip(STEPS_OF).all(is_line)).then_some(*step)
    }

    /// The largest distance from zero of any of them.
    pub(super) fn peak(&self) -> i64 {
        self.lanes.iter().fold(0, |peak, lane| peak.max(lane.saturating_abs()))
    }
}

/// One scenario of a scan: how many parts of its loss count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScenarioTerms {
    /// All of it, or a share where the move is extreme.
    pub cover: Ppm,
}

/// The scan risk of a portfolio: the largest covered loss over all scenarios, rounded up; nothing when it gains in each.
///
/// `gains` has what the whole portfolio gains (positive) or loses in each scenario. A scenario without terms counts whole.
#[must_use]
pub fn scan_risk(gains: &[i64], terms: &[ScenarioTerms]) -> Option<MicroUsd> {
    let covers = terms.iter().map(|terms| terms.cover).chain(std::iter::repeat(Ppm::ONE));
    let mut worst = 0_i128;
    for (gain, cover) in gains.iter().zip(covers) {
        let loss = i128::from(*gain).checked_neg()?.checked_mul(i128::from(cover.ppm()))?;
        worst = worst.max(div_ceil(loss, i128::from(Ppm::ONE.ppm())));
    }
    MicroUsd::from_i128(worst)
}
