//! Natural logarithms of prices in billionths, from integer series: the same bits on every machine.
//!
//! Invariants:
//! - within the range of a price, the logarithm is within one billionth of the true one;
//! - `NanoLog::of(price).price()` is `price` again, up to one billionth of it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_half_even;
use instruments::{MicroUsd, NanosSpan, Ppm};

/// Fixed point inside this file: 1e18 is one. A product of two such numbers below 13 fits in an `i128`.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;
/// ln 2 at that scale.
const LN_2: i128 = 693_147_180_559_945_309;
const NANO_PER_ONE: i128 = 1_000_000_000;
/// The scale of a logarithm: 2^60 is one.
const BITS_ONE: i128 = 1 << 60;
/// ln 2 at that scale.
const LN_2_BITS: i128 = 799_144_290_325_165_979;
/// √2 at that scale.
const ROOT_2_BITS: i128 = 1_630_477_228_166_597_776;
/// t^n / n with |t| < 0.1716 is below 2^-60 from this n on.
const LN_ODD_END: i64 = 25;
/// r^k / k! with |r| < 0.3466 is below 1e-18 after this many terms.
const EXP_TERMS: i128 = 16;
/// e^63 ln 2 is 2^63: beyond it no price fits.
const POWER_MAX: i128 = 63;

/// A natural logarithm, or a difference of two, in billionths.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct NanoLog(i64);

impl NanoLog {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// `nanos` billionths.
    #[must_use]
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// How many billionths.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The logarithm of `price` in micro-dollars; `None` unless the price is positive.
    #[must_use]
    pub fn of(price: MicroUsd) -> Option<Self> {
        let micros = u64::try_from(price.micros()).ok().filter(|&micros| 0 < micros)?;
        i64::try_from(ln_nanos(micros)).ok().map(Self)
    }

    /// The price with this logarithm, to the nearest micro-dollar; `None` beyond the range of money.
    #[must_use]
    pub fn price(self) -> Option<MicroUsd> {
        let (significand, power) = exp_fixed(i128::from(self.0).saturating_mul(NANO_PER_ONE));
        if POWER_MAX < power {
            return None;
        }
        MicroUsd::from_i128(scale_by_power(significand, power, ONE))
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The size of a difference.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The logarithm of odds: ln(share / (1 − share)), for a share brought within one and ninety-nine per cent.
    #[must_use]
    pub(crate) fn of_odds(share: Ppm) -> Self {
        let share = share.ppm().clamp(10_000, 990_000);
        let log = |ppm| Self::of(MicroUsd::new(ppm)).unwrap_or_default();
        log(share).minus(log(1_000_000_i64.saturating_sub(share)))
    }

    /// So many millionths of it, to the nearest.
    #[must_use]
    pub(crate) fn times(self, ppm: Ppm) -> Self {
        let product = i128::from(self.0).saturating_mul(i128::from(ppm.ppm()));
        Self(i64::try_from(div_half_even(product, 1_000_000)).unwrap_or(i64::MAX))
    }

    /// The nearest value that is at most `band` away from `center`.
    #[must_use]
    pub fn within(self, center: Self, band: Self) -> Self {
        self.clamp(center.minus(band), center.plus(band))
    }
}

/// The part of `gap` that closes in `elapsed` when half of it closes in `half_life`: gap · (1 − 2^(−elapsed / half-life)).
pub(crate) fn closed_part(gap: i64, elapsed: NanosSpan, half_life: NanosSpan) -> i64 {
    Closing::of(elapsed, half_life).of_gap(gap)
}

/// How much of any gap closes in one tick.
#[derive(Clone, Copy)]
pub(crate) struct Closing(i128);

impl Closing {
    /// 1 − 2^(−elapsed / half-life).
    pub(crate) fn of(elapsed: NanosSpan, half_life: NanosSpan) -> Self {
        if half_life == NanosSpan::ZERO {
            return Self(ONE);
        }
        let halvings = i128::from(elapsed.nanos())
            .saturating_mul(LN_2)
            .div_euclid(i128::from(half_life.nanos()));
        let (significand, power) = exp_fixed(halvings.saturating_neg());
        Self(ONE.saturating_sub(scale_by_power(significand, power, 1)))
    }

    /// The part of `gap` that closes.
    pub(crate) fn of_gap(self, gap: i64) -> i64 {
        i64::try_from(times(i128::from(gap), self.0)).unwrap_or(gap)
    }
}

/// ln of an integer, in billionths: the power of two apart, the rest by 2 atanh((m − 1) / (m + 1)).
///
/// At 2^60 instead of 1e18, because a shift costs a tenth of a division. Nothing below overflows: a significand is below 2^61, a term below
/// 2^58, and their products below 2^121.
fn ln_nanos(micros: u64) -> i128 {
    let mut power = i128::from(micros.ilog2());
    let mut significand = i128::from(micros).wrapping_shl(63_u32.saturating_sub(micros.ilog2()));
    significand = significand.wrapping_shr(3);
    // Above the square root of two the next power is nearer, and the series shorter.
    if ROOT_2_BITS < significand {
        significand = significand.wrapping_shr(1);
        power = power.saturating_add(1);
    }
    let above = significand.saturating_sub(BITS_ONE).wrapping_shl(60);
    let ratio = div_half_even(above, significand.saturating_add(BITS_ONE));
    let squared = times_bits(ratio, ratio);
    let mut term = ratio;
    let mut sum = 0_i64;
    for odd in (1..LN_ODD_END).step_by(2) {
        sum = sum.saturating_add(i64::try_from(term).unwrap_or(0).div_euclid(odd));
        term = times_bits(term, squared);
    }
    let log = power.saturating_mul(LN_2_BITS).saturating_add(i128::from(sum).saturating_mul(2));
    // To the nearest billionth; half of one cannot be told from its neighbours at this precision.
    log.saturating_mul(NANO_PER_ONE).saturating_add(BITS_ONE / 2).wrapping_shr(60)
}

/// The product at 2^60 of two numbers below 2^61, rounded to the nearest.
fn times_bits(left: i128, right: i128) -> i128 {
    left.wrapping_mul(right).wrapping_add(BITS_ONE / 2).wrapping_shr(60)
}

/// e^x for x at 1e18, as a significand at 1e18 and a power of two.
pub(crate) fn exp_fixed(x: i128) -> (i128, i128) {
    let power = div_half_even(x, LN_2);
    let rest = x.saturating_sub(power.saturating_mul(LN_2));
    let mut term = ONE;
    let mut sum = 0_i128;
    for k in 1..=EXP_TERMS {
        sum = sum.saturating_add(term);
        term = div_half_even(times(term, rest), k);
    }
    (sum, power)
}

/// `significand` at 1e18 times 2^`power`, at a scale of 1e18 / `divisor`; a power beyond the range of a price saturates.
pub(crate) fn scale_by_power(significand: i128, power: i128, divisor: i128) -> i128 {
    let shift = u32::try_from(power.unsigned_abs()).unwrap_or(u32::MAX);
    let factor = power_of_two(shift);
    if 0 <= power {
        div_half_even(significand.saturating_mul(factor), divisor)
    } else {
        div_half_even(significand, divisor.saturating_mul(factor))
    }
}

fn power_of_two(power: u32) -> i128 {
    2_i128.saturating_pow(power)
}

pub(crate) fn times(left: i128, right: i128) -> i128 {
    div_half_even(left.saturating_mul(right), ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ORACLE-023: the logarithm is the true one to a billionth.
    #[test]
    fn logarithms_agree_with_published_constants_to_a_billionth() {
        for (micros, expected) in [
            (1, 0),
            (2, 693_147_181),
            (3, 1_098_612_289),
            (10, 2_302_585_093),
            (1_000_000, 13_815_510_558),
            (2_000_000, 14_508_657_739),
            (2_718_282, 14_815_510_621),
            (3_141_593, 14_960_240_554),
            (1_000_000_000_000, 27_631_021_116),
            (i64::MAX, 43_668_272_375),
        ] {
            let log = NanoLog::of(MicroUsd::new(micros)).unwrap().nanos();
            assert_eq!(log, expected, "ln {micros}");
        }
    }

    #[test]
    fn a_price_that_is_not_positive_has_no_logarithm() {
        assert_eq!(NanoLog::of(MicroUsd::ZERO), None);
        assert_eq!(NanoLog::of(MicroUsd::new(-1)), None);
    }

    /// ORACLE-023: and it is undone exactly where prices are quoted.
    #[test]
    fn prices_come_back_from_their_logarithm() {
        for micros in (1..2_000_i64).chain((2_000..80_000_000).step_by(99_991)) {
            let price = MicroUsd::new(micros);
            assert_eq!(NanoLog::of(price).unwrap().price(), Some(price), "{micros}");
        }
        for micros in [1_000_000_000_000, 1_000_000_000_000_000_i64] {
            let back = NanoLog::of(MicroUsd::new(micros)).unwrap().price().unwrap().micros();
            assert!(
                (back - micros).abs() <= micros / 1_000_000_000,
                "{micros} came back as {back}"
            );
        }
    }

    #[test]
    fn a_logarithm_without_a_price_says_so() {
        assert_eq!(NanoLog::new(44_000_000_000).price(), None);
        assert_eq!(NanoLog::new(i64::MAX).price(), None);
        assert_eq!(NanoLog::new(-1_000_000_000_000).price(), Some(MicroUsd::ZERO));
        assert_eq!(NanoLog::new(i64::MIN).price(), Some(MicroUsd::ZERO));
    }

    #[test]
    fn the_logarithm_never_falls_where_the_price_rises() {
        let logs: Vec<NanoLog> =
            (1..20_000).map(|micros| NanoLog::of(MicroUsd::new(micros)).unwrap()).collect();
        assert!(logs.is_sorted());
    }

    /// ORACLE-016: the anchor's arithmetic.
    #[test]
    fn half_of_a_gap_closes_in_one_half_life() {
        let day = NanosSpan::from_seconds(86_400);
        let week = NanosSpan::from_seconds(7 * 86_400);
        let part = |elapsed, half_life| closed_part(1_000_000_000_000, elapsed, half_life);
        assert_eq!(part(NanosSpan::ZERO, week), 0);
        assert_eq!(part(week, week), 500_000_000_000);
        assert_eq!(part(NanosSpan::from_seconds(14 * 86_400), week), 750_000_000_000);
        assert_eq!(part(day, week), 94_276_335_736);
        assert_eq!(part(NanosSpan::new(u64::MAX), NanosSpan::new(1)), 1_000_000_000_000);
        assert_eq!(part(day, NanosSpan::ZERO), 1_000_000_000_000);
        assert_eq!(closed_part(-1_000_000_000_000, day, week), -94_276_335_736);
    }
}
