//! The dot products: the only code that is run for every scenario.
//!
//! Numbers wrap. A portfolio's *gross*, the sum over its legs of lots times the array's largest number, bounds every sum of products from
//! above; while it is at most [`GROSS_MAX`] nothing has wrapped, and where it is more nobody reads the lanes. Wrapping sums are exact again
//! as soon as the gross is back in range, because they are exact modulo 2^64.

use super::array::LANES;
use super::portfolio::Leg;

/// 18 billion dollars: more than any account may have. Sums of four such numbers fit into 64 bits with room to spare.
pub(super) const GROSS_MAX: i128 = 1 << 54;

/// Scenario by scenario, and a zero at the end.
pub(super) type Lanes = [i64; LANES];

const _: () = assert!(LANES == 4 * 9);

/// The smallest of all, taken in four strands so that each waits for fewer.
#[inline]
fn least(strands: [i64; 4]) -> i64 {
    let [a, b, c, d] = strands;
    a.min(b).min(c.min(d))
}

/// What the largest loss would be with so many more lots that may or may not be filled: `signed` is positive for a buy. A scenario counts
/// only if the fill loses in it.
#[inline]
pub(super) fn worst_with(worst: &Lanes, array: &Lanes, signed: i64) -> i64 {
    let (worst, _) = worst.as_chunks::<4>();
    let (array, _) = array.as_chunks::<4>();
    let mut low = [0_i64; 4];
    for (worst, array) in worst.iter().zip(array) {
        for ((low, worst), array) in low.iter_mut().zip(worst).zip(array) {
            let with = worst.wrapping_add(signed.wrapping_mul(*array).min(0));
            *low = (*low).min(with);
        }
    }
    least(low).wrapping_neg()
}

/// Adds lots that may or may not be filled (`open` positive), or takes them away, and returns the largest loss after it.
#[inline]
pub(super) fn add_order(worst: &mut Lanes, array: &Lanes, side: i64, open: i64) -> i64 {
    // min(side x lane, 0) x open, as one product: the sign decides which lanes count.
    let signed = side.wrapping_mul(open);
    let (worst, _) = worst.as_chunks_mut::<4>();
    let (array, _) = array.as_chunks::<4>();
    let mut low = [0_i64; 4];
    for (worst, array) in worst.iter_mut().zip(array) {
        for ((low, worst), array) in low.iter_mut().zip(worst).zip(array) {
            let loses = (side ^ *array) < 0;
            let part = if loses { signed.wrapping_mul(*array) } else { 0 };
            *worst = worst.wrapping_add(part);
            *low = (*low).min(*worst);
        }
    }
    least(low).wrapping_neg()
}

/// Adds so many lots to a position, negative when sold.
#[inline]
pub(super) fn add_position(
    position: &mut Lanes,
    worst: &mut Lanes,
    array: &Lanes,
    signed: i64,
) -> i64 {
    let (position, _) = position.as_chunks_mut::<4>();
    let (worst, _) = worst.as_chunks_mut::<4>();
    let (array, _) = array.as_chunks::<4>();
    let mut low = [0_i64; 4];
    for ((position, worst), array) in position.iter_mut().zip(worst).zip(array) {
        let strands = low.iter_mut().zip(position).zip(worst).zip(array);
        for (((low, position), worst), array) in strands {
            let gain = signed.wrapping_mul(*array);
            *position = position.wrapping_add(gain);
            *worst = worst.wrapping_add(gain);
            *low = (*low).min(*worst);
        }
    }
    least(low).wrapping_neg()
}

/// Moves so many lots of an open order into the position. What they could lose counts already; what they gain counts from now on.
#[inline]
pub(super) fn fill_order(
    position: &mut Lanes,
    worst: &mut Lanes,
    array: &Lanes,
    signed: i64,
) -> i64 {
    let (position, _) = position.as_chunks_mut::<4>();
    let (worst, _) = worst.as_chunks_mut::<4>();
    let (array, _) = array.as_chunks::<4>();
    let mut low = [0_i64; 4];
    for ((position, worst), array) in position.iter_mut().zip(worst).zip(array) {
        let strands = low.iter_mut().zip(position).zip(worst).zip(array);
        for (((low, position), worst), array) in strands {
            let gain = signed.wrapping_mul(*array);
            *position = position.wrapping_add(gain);
            *worst = worst.wrapping_add(gain.max(0));
            *low = (*low).min(*worst);
        }
    }
    least(low).wrapping_neg()
}

/// Adds a whole leg: lots held, and lots that may be bought and sold.
#[inline]
pub(super) fn add_leg(position: &mut Lanes, worst: &mut Lanes, array: &Lanes, leg: Leg) {
    for ((position, worst), array) in position.iter_mut().zip(worst).zip(array) {
        let gain = leg.net.wrapping_mul(*array);
        let open = if *array < 0 { leg.buys } else { leg.sells.wrapping_neg() };
        *position = position.wrapping_add(gain);
        *worst = worst.wrapping_add(gain).wrapping_add(open.wrapping_mul(*array));
    }
}

/// Adds lots held.
#[inline]
pub(super) fn add_held(position: &mut Lanes, array: &Lanes, net: i64) {
    for (position, array) in position.iter_mut().zip(array) {
        *position = position.wrapping_add(net.wrapping_mul(*array));
    }
}

/// Adds lots that may be bought and sold.
#[inline]
pub(super) fn add_open(worst: &mut Lanes, array: &Lanes, leg: Leg) {
    for (worst, array) in worst.iter_mut().zip(array) {
        let open = if *array < 0 { leg.buys } else { leg.sells.wrapping_neg() };
        *worst = worst.wrapping_add(open.wrapping_mul(*array));
    }
}

/// The largest loss.
#[inline]
pub(super) fn worst_of(worst: &Lanes) -> i64 {
    worst.iter().fold(0_i64, |low, lane| low.min(*lane)).wrapping_neg()
}

/// A rate of an amount, rounded up. Both are within range, the amount not negative: no product of more than 64 bits is made.
#[inline]
pub(super) fn rate_ceil(amount: i64, rate_ppm: i64) -> i64 {
    let (whole, rest) = (amount.div_euclid(1_000_000), amount.rem_euclid(1_000_000));
    let part = rest.wrapping_mul(rate_ppm).wrapping_add(999_999).div_euclid(1_000_000);
    whole.wrapping_mul(rate_ppm).wrapping_add(part)
}
