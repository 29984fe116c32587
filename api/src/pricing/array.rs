//! A risk vector as integers: micro-dollars that one lot held long gains in each scenario, then its delta notional.
//!
//! Each number is rounded once, to the nearest micro-dollar, ties to even, so that a lot long and a lot short mirror each other to the
//! last micro-dollar and an option bought and sold is nothing. Rounding against the holder on both sides would charge for nothing.

use thiserror::Error;

use super::scenarios::RiskVector;

/// Numbers in an array: 27 standard scenarios, 8 extended, the delta notional.
pub const LANES: usize = 36;

/// Micro-dollars of a dollar.
const MICROS: f64 = 1e6;

/// Up to here every whole number is a floating-point number of its own.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Why a vector has no array.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ArrayError {
    /// Other scenarios than the venue's.
    #[error("{count} numbers, expected {LANES}")]
    Length {
        /// How many there are.
        count: usize,
    },
    /// More than is exact in micro-dollars.
    #[error("lane {lane}: {value} USD, expected at most 9007199254 either way")]
    OutOfRange {
        /// From 0.
        lane: usize,
        /// What it would be.
        value: f64,
    },
}

/// The array of one lot of `hours_per_lot` GPU-hours.
///
/// # Errors
/// [`ArrayError`], with the lane.
pub fn lanes(vector: &RiskVector, hours_per_lot: u32) -> Result<[i64; LANES], ArrayError> {
    let all = vector.standard.iter().chain(&vector.extended).chain([&vector.delta_notional]);
    let all: Vec<f64> = all.map(|unit| unit * f64::from(hours_per_lot)).collect();
    let count = all.len();
    let all: [f64; LANES] = all.try_into().map_err(|_wrong| ArrayError::Length { count })?;
    let mut lanes = [0; LANES];
    for (lane, (place, value)) in lanes.iter_mut().zip(all).enumerate() {
        *place = to_micros(value).ok_or(ArrayError::OutOfRange { lane, value })?;
    }
    Ok(lanes)
}

/// Dollars as micro-dollars, to the nearest, ties to even; `None` beyond what is exact.
#[must_use]
pub fn to_micros(dollars: f64) -> Option<i64> {
    whole(dollars * MICROS)
}

/// The nearest whole number, ties to even; `None` beyond what is exact.
pub(super) fn whole(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // In range, so the conversion is exact.
    (rounded.abs() <= WHOLE_MAX).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use instruments::Right;

    use super::super::scenarios::{Contract, Scenarios};
    use super::*;

    #[test]
    fn a_futures_array_is_a_straight_line_that_stays_where_the_range_ends() {
        let vector = Scenarios::default().vector(&Contract::Future, 2.5, 30.0).expect("a vector");
        let lanes = lanes(&vector, 744).expect("an array");
        let step = 93_000_000;
        let standard = (-4..=4).flat_map(|at| [at * step; 3]);
        assert_eq!(lanes[..27], standard.collect::<Vec<_>>());
        assert_eq!(lanes[27..29], [-4 * step; 2]);
        assert_eq!(lanes[29..35], [4 * step; 6]);
        assert_eq!(lanes[35], 1_860_000_000);
    }

    /// The first and last numbers of the published strangle's call, which is sold there a thousand times; computed with 40 digits.
    #[test]
    fn an_options_array_is_its_vector_to_the_micro_dollar() {
        let call = Contract::Option { right: Right::Call, strike: 3.0, iv: 0.9 };
        let vector = Scenarios::default().vector(&call, 2.5, 30.0).expect("a vector");
        let lanes = lanes(&vector, 1_000).expect("an array");
        assert_eq!(lanes[13], 0, "nothing moves, nothing is gained");
        for (lane, gain) in vector.standard.iter().chain(&vector.extended).enumerate() {
            assert!((1e9 * gain - lanes[lane] as f64).abs() <= 0.5, "lane {lane}");
        }
    }

    #[test]
    fn halves_go_to_the_even_side_and_mirror() {
        for (micros, expected) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2)] {
            assert_eq!(whole(micros), Some(expected));
        }
        assert_eq!(to_micros(1e10), None);
        assert_eq!(to_micros(f64::NAN), None);
    }

    #[test]
    fn other_scenarios_have_no_array() {
        let scenarios = Scenarios { buckets: 3, ..Scenarios::default() };
        let vector = scenarios.vector(&Contract::Future, 2.5, 30.0).expect("a vector");
        assert_eq!(lanes(&vector, 744), Err(ArrayError::Length { count: 30 }));
        let vector = Scenarios::default().vector(&Contract::Future, 1e9, 30.0).expect("a vector");
        assert!(matches!(lanes(&vector, 8_784), Err(ArrayError::OutOfRange { lane: 0, .. })));
    }
}
