//! The dot products: the only code that is run for every scenario.
//!
//! What is a straight line in the price, as every future is, needs no products: [`Line`] has what all futures of a portfolio come to, and
//! the lanes have the options alone.
//!
//! Numbers wrap. A portfolio's *gross*, the sum over its legs of lots times the array's largest number, bounds every sum of products from
//! above; while it is at most [`GROSS_MAX`] nothing has wrapped, and where it is more nobody reads the lanes. Wrapping sums are exact again
//! as soon as the gross is back in range, because they are exact modulo 2^64.

use super::array::LANES;
use super::leg::Leg;
use super::portfolio::either;

/// 18 billion dollars: more than any account may have. Sums of four such numbers fit into 64 bits with room to spare.
pub(super) const GROSS_MAX: i128 = 1 << 54;

/// What a portfolio beyond the range requires: more than any account may have, and small enough that 32 grades add up.
pub(super) const BEYOND: i64 = 1 << 57;

/// Scenario by scenario, and a zero at the end.
pub(super) type Lanes = [i64; LANES];

/// What a step of the price does to all that moves in a straight line, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What a step gains with all buys filled and no sell: a fall loses so much.
    pub(super) high: i64,
    /// What a step gains with all sells filled and no buy: a rise loses so much where it is negative.
    pub(super) low: i64,
}

impl Line {
    /// With one more order, whose lots move it by `moved` a step, negative for a sell.
    #[inline]
    pub(super) fn with_order(self, moved: i64) -> Self {
        let high = self.high.wrapping_add(moved.max(0));
        Self { high, low: self.low.wrapping_add(moved.min(0)) }
    }

    /// With more lots of a series whose step gains `step`.
    #[inline]
    pub(super) const fn with(self, step: i64, change: Leg) -> Self {
        Self {
            high: self.high.wrapping_add(change.highest().wrapping_mul(step)),
            low: self.low.wrapping_add(change.lowest().wrapping_mul(step)),
        }
    }

    /// The largest loss: at one of the two ends.
    #[inline]
    pub(super) fn worst(self) -> i64 {
        self.high.max(self.low.wrapping_neg()).max(0).wrapping_mul(4)
    }

    /// What it gains at each of the nine prices, low to high.
    #[inline]
    pub(super) fn gains(self) -> [i64; PRICES] {
        let down = |steps: i64| self.high.wrapping_mul(steps);
        let up = |steps: i64| self.low.wrapping_mul(steps);
        [down(-4), down(-3), down(-2), down(-1), 0, up(1), up(2), up(3), up(4)]
    }
}

/// Prices of the standard scenarios; at each of them three volatilities.
const PRICES: usize = 9;

const _: () = assert!(LANES == 3 * PRICES + 9);

/// Walks the scenarios and returns the largest loss. The line gains the same wherever the price is the same, so that it is added once, to the
/// least of them.
#[inline]
fn scan(curved: &Lanes, array: &Lanes, line: Line, gain: impl Fn(i64, i64) -> i64) -> i64 {
    let prices = line.gains();
    let [first, .., last] = prices;
    let (curved, _) = curved.as_chunks::<3>();
    let (array, _) = array.as_chunks::<3>();
    let gains = |([a, b, c], [by_a, by_b, by_c]): (&[i64; 3], &[i64; 3])| {
        [gain(*a, *by_a), gain(*b, *by_b), gain(*c, *by_c)]
    };
    let mut all = curved.iter().zip(array).map(gains);
    let mut low = 0_i64;
    for (price, [one, two, three]) in prices.into_iter().zip(&mut all) {
        low = low.min(one.min(two).min(three).wrapping_add(price));
    }
    for ([one, two, three], [by_one, by_two, by_three]) in all.zip(far(first, last)) {
        low = low.min(one.wrapping_add(by_one));
        low = low.min(two.wrapping_add(by_two));
        low = low.min(three.wrapping_add(by_three));
    }
    low.wrapping_neg()
}

/// What the line gains in the far scenarios, and a zero at the end.
const fn far(first: i64, last: i64) -> [[i64; 3]; 3] {
    [[first, first, last], [last; 3], [last, last, 0]]
}

/// The largest loss of lanes and a line together.
#[inline]
pub(super) fn worst_of(curved: &Lanes, line: Line) -> i64 {
    scan(curved, curved, line, |curved, _| curved)
}

/// What the largest loss would be with so many more lots that may or may not be filled; `loses` has what one of them loses at worst.
#[inline]
pub(super) fn worst_with(curved: &Lanes, line: Line, loses: &Lanes, open: i64) -> i64 {
    scan(curved, loses, line, |curved, loses| curved.wrapping_add(open.wrapping_mul(loses)))
}

/// What one lot does in every scenario, seen from both sides: what a lot bought loses, and what a lot sold loses, each zero or below. Their
/// difference is what a lot gains. The sums need no comparison that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Halves {
    pub(super) bought: Lanes,
    pub(super) sold: Lanes,
}

impl Halves {
    pub(super) const NONE: Self = Self { bought: [0; LANES], sold: [0; LANES] };

    pub(super) fn of(gains: &Lanes) -> Self {
        let bought = gains.map(|gain| gain.min(0));
        Self { bought, sold: gains.map(|gain| gain.max(0).wrapping_neg()) }
    }

    /// What a lot bought, and a lot sold, loses in the worst scenario.
    pub(super) fn most(&self) -> [i64; 2] {
        let most =
            |lanes: &Lanes| lanes.iter().fold(0_i64, |most, lane| most.max(lane.wrapping_neg()));
        [most(&self.bought), most(&self.sold)]
    }

    /// What lots bought, or sold, lose at worst.
    #[inline]
    pub(super) fn loses(&self, is_buy: bool) -> &Lanes {
        either(is_buy, &self.bought, &self.sold)
    }
}

/// Adds lots that may or may not be filled, or takes them away where `open` is negative.
#[inline]
pub(super) fn add_order(worst: &mut Lanes, loses: &Lanes, open: i64) {
    for (worst, loses) in worst.iter_mut().zip(loses) {
        *worst = worst.wrapping_add(open.wrapping_mul(*loses));
    }
}

/// Adds so many lots to a position, negative when sold.
#[inline]
pub(super) fn add_position(position: &mut Lanes, worst: &mut Lanes, one: &Halves, signed: i64) {
    let halves = one.bought.iter().zip(&one.sold);
    for ((position, worst), (bought, sold)) in position.iter_mut().zip(worst).zip(halves) {
        let gain = signed.wrapping_mul(bought.wrapping_sub(*sold));
        *position = position.wrapping_add(gain);
        *worst = worst.wrapping_add(gain);
    }
}

/// Moves so many lots of an open order into the position. What they could lose counts already; what they gain, which is what the other side
/// loses, counts from now on.
#[inline]
pub(super) fn fill_order(
    position: &mut Lanes,
    worst: &mut Lanes,
    (loses, gains): (&Lanes, &Lanes),
    lots: i64,
) {
    let both = loses.iter().zip(gains);
    for ((position, worst), (loses, gains)) in position.iter_mut().zip(worst).zip(both) {
        let gain = lots.wrapping_mul(*gains);
        *position = position.wrapping_add(lots.wrapping_mul(*loses)).wrapping_sub(gain);
        *worst = worst.wrapping_sub(gain);
    }
}

/// Adds lots held.
#[inline]
pub(super) fn add_held(position: &mut Lanes, one: &Halves, net: i64) {
    for ((position, bought), sold) in position.iter_mut().zip(&one.bought).zip(&one.sold) {
        *position = position.wrapping_add(net.wrapping_mul(bought.wrapping_sub(*sold)));
    }
}

/// Adds a change of a leg. Where a lot loses, the most that may come to be held counts; where it gains, the least.
pub(super) fn add_change((position, worst): (&mut Lanes, &mut Lanes), one: &Halves, change: Leg) {
    let (highest, lowest) = (change.highest(), change.lowest());
    let halves = one.bought.iter().zip(&one.sold);
    for ((position, worst), (bought, sold)) in position.iter_mut().zip(worst).zip(halves) {
        let (most, fewest) = (highest.wrapping_mul(*bought), lowest.wrapping_mul(*sold));
        *worst = worst.wrapping_add(most).wrapping_sub(fewest);
        let gain = bought.wrapping_sub(*sold);
        *position = position.wrapping_add(change.net.wrapping_mul(gain));
    }
}

/// A rate of an amount, rounded up. Both are within range and not negative: no product of more than 64 bits is made.
#[inline]
pub(super) const fn rate_ceil(amount: i64, rate_ppm: i64) -> i64 {
    const ONE: u64 = 1_000_000;
    let (amount, rate) = (amount.cast_unsigned(), rate_ppm.cast_unsigned());
    let whole = amount.wrapping_div(ONE);
    let rest = amount.wrapping_sub(whole.wrapping_mul(ONE));
    let part = rest.wrapping_mul(rate).wrapping_add(ONE.wrapping_sub(1)).wrapping_div(ONE);
    whole.wrapping_mul(rate).wrapping_add(part).cast_signed()
}
