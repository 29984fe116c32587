//! Division that names its rounding. A bare `/` on money does not exist in Tenor.
//!
//! All functions take `i128`, so that a product of two 64-bit quantities never overflows before it is divided.

/// Divides and rounds towards negative infinity.
///
/// # Panics
/// When `divisor` is not positive.
#[must_use]
pub fn div_floor(dividend: i128, divisor: i128) -> i128 {
    assert!(0 < divisor, "division by {divisor}");
    dividend.div_euclid(divisor)
}

/// Divides and rounds towards positive infinity.
///
/// # Panics
/// When `divisor` is not positive.
#[must_use]
pub fn div_ceil(dividend: i128, divisor: i128) -> i128 {
    let floor = div_floor(dividend, divisor);
    if dividend.rem_euclid(divisor) == 0 { floor } else { floor.saturating_add(1) }
}

/// Divides and rounds to the nearest, ties to the even neighbour.
///
/// # Panics
/// When `divisor` is not positive.
#[must_use]
pub fn div_half_even(dividend: i128, divisor: i128) -> i128 {
    let floor = div_floor(dividend, divisor);
    let twice_rest = dividend.rem_euclid(divisor).saturating_mul(2);
    let floor_is_odd = floor.rem_euclid(2) == 1;
    if divisor < twice_rest || (twice_rest == divisor && floor_is_odd) {
        floor.saturating_add(1)
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rounding_names_its_direction() {
        for (dividend, divisor, floor, ceil, half_even) in [
            (7, 2, 3, 4, 4),
            (5, 2, 2, 3, 2),
            (-5, 2, -3, -2, -2),
            (-7, 2, -4, -3, -4),
            (6, 3, 2, 2, 2),
            (1, 3, 0, 1, 0),
            (2, 3, 0, 1, 1),
        ] {
            assert_eq!(div_floor(dividend, divisor), floor, "{dividend} / {divisor} down");
            assert_eq!(div_ceil(dividend, divisor), ceil, "{dividend} / {divisor} up");
            assert_eq!(div_half_even(dividend, divisor), half_even, "{dividend} / {divisor} even");
        }
    }
}
