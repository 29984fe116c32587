//! The normal distribution in integers: the same bits on every machine.
//!
//! Invariant: within six standard deviations the result is within a millionth of the true one, beyond them it is nothing or the whole; it never
//! falls where its argument rises.

use instruments::Ppm;
use instruments::rounding::div_half_even;

use crate::log::{NanoLog, exp_fixed, scale_by_power};

/// Fixed point inside this file: the series grows to tens of millions before it is multiplied by the density.
const SCALE: i128 = 1_000_000_000_000;
/// Beyond this many standard deviations the tail is below a billionth.
const FAR: i128 = 6 * SCALE;
/// 1 / √(2π) at 1e12.
const PEAK: i128 = 398_942_280_401;
/// x^(2k+1) / (1 · 3 · 5 · … · (2k+1)) at x = 6 is below a billionth of the sum after this many terms.
const TERMS: i128 = 80;

/// The share of a normal distribution that lies below `deviations` standard deviations, given in billionths.
pub(crate) fn below(deviations: NanoLog) -> Ppm {
    let x = i128::from(deviations.nanos()).saturating_mul(1_000);
    if x <= -FAR {
        return Ppm::ZERO;
    }
    if FAR <= x {
        return Ppm::ONE;
    }
    let squared = times(x, x);
    let mut term = x;
    let mut sum = 0_i128;
    for k in 1..=TERMS {
        sum = sum.saturating_add(term);
        term = div_half_even(times(term, squared), k.saturating_mul(2).saturating_add(1));
    }
    let exponent = div_half_even(squared, 2).saturating_neg().saturating_mul(1_000_000);
    let (significand, power) = exp_fixed(exponent);
    // At 1e18, where the sum is largest and the density smallest.
    let density = times(PEAK, scale_by_power(significand, power, 1));
    let above = div_half_even(density.saturating_mul(sum), 1_000_000_000_000_000_000_000_000);
    let share = 500_000_i128.saturating_add(above).clamp(0, 1_000_000);
    Ppm::new(i64::try_from(share).unwrap_or(0))
}

fn times(left: i128, right: i128) -> i128 {
    div_half_even(left.saturating_mul(right), SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ORACLE-037: published values of the normal distribution.
    #[test]
    fn the_normal_distribution_agrees_with_its_tables() {
        for (thousandths, ppm) in [
            (-7_000, 0),
            (-3_000, 1_350),
            (-1_960, 24_998),
            (-1_000, 158_655),
            (0, 500_000),
            (500, 691_462),
            (1_000, 841_345),
            (2_000, 977_250),
            (3_000, 998_650),
            (4_753, 999_999),
            (7_000, 1_000_000),
        ] {
            assert_eq!(below(NanoLog::new(thousandths * 1_000_000)).ppm(), ppm, "{thousandths}");
        }
    }

    #[test]
    fn the_normal_distribution_never_falls() {
        let shares: Vec<Ppm> = (-700..=700).map(|x| below(NanoLog::new(x * 10_000_000))).collect();
        assert!(shares.is_sorted());
    }
}
