//! Why there is no price. Fields have the letters of the formulas: `F`, `K`, `T`, `sigma`, `r`, `price`.

use thiserror::Error;

/// Why there is no price, no volatility, no array.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PricingError {
    /// A figure that is no number, or beyond what the formulas take.
    #[error("{field} {}: expected {expected}", short(*value))]
    OutOfRange {
        /// Which figure.
        field: &'static str,
        /// What was given.
        value: f64,
        /// What is taken.
        expected: &'static str,
    },
    /// Nobody may sell an option for less than exercising it would bring.
    #[error("price {price}: below the discounted intrinsic value {intrinsic}")]
    BelowIntrinsic {
        /// What was given.
        price: f64,
        /// The least it can be.
        intrinsic: f64,
    },
    /// A call costs less than the forward, a put less than its strike, whatever the volatility.
    #[error("price {price}: no volatility brings it near or above the discounted {bound} {limit}")]
    AboveBound {
        /// What was given.
        price: f64,
        /// `F` for a call, `K` for a put.
        bound: &'static str,
        /// Its discounted value.
        limit: f64,
    },
    /// So close to the intrinsic value that no digit of a volatility is left in the difference.
    #[error("price {price}: time value {time_value}, expected more than 1e-8 of the price")]
    NoTimeValue {
        /// What was given.
        price: f64,
        /// Of it, what is not intrinsic.
        time_value: f64,
    },
}

/// A number without three hundred zeros.
fn short(value: f64) -> String {
    let is_plain = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if is_plain { value.to_string() } else { format!("{value:e}") }
}

/// A range of figures, with the words that say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) field: &'static str,
    pub(super) low: f64,
    pub(super) high: f64,
    /// The low end is out, too.
    pub(super) is_open: bool,
    pub(super) expected: &'static str,
}

impl Range {
    /// `value` if it is in the range. No comparison with NaN is true, so NaN is in no range.
    pub(super) fn check(self, value: f64) -> Result<f64, PricingError> {
        let is_above = if self.is_open { self.low < value } else { self.low <= value };
        if is_above && value <= self.high {
            return Ok(value);
        }
        Err(PricingError::OutOfRange { field: self.field, value, expected: self.expected })
    }
}
