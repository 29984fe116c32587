//! From a price to the volatility that Black's formula needs for it.
//!
//! The solver is Jäckel's, in the crate `implied-vol`; it is asked about the side that is out of the money, whose price is all time
//! value. A price of the other side is first freed of its intrinsic value, and refused when nothing but rounding would be left.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use instruments::Right;

use super::black76::{European, Terms};
use super::error::{PricingError, Range};

/// The least part of a price that time value must be. A price has 16 digits; below this fewer than 8 of them speak of volatility.
const TIME_VALUE_MIN: f64 = 1e-8;

/// How close, relative to it, a price may come to what it can never reach. Closer, a total volatility above 12 changes no digit of it.
const BOUND_GAP_MIN: f64 = 1e-9;

const PRICE: Range = Range {
    field: "price",
    low: 0.0,
    high: 1e12,
    is_open: true,
    expected: "above 0 and at most 1e12",
};

const YEARS: Range = Range {
    field: "T",
    low: 0.0,
    high: 1_000.0,
    is_open: true,
    expected: "above 0 to have a volatility",
};

impl European {
    /// The volatility at which it costs `price`, discounted like [`European::price`].
    ///
    /// A volatility of at most 1000 whose price has a time value of more than 1e-8 of it comes back within 1e-8 of itself.
    ///
    /// # Errors
    /// [`PricingError`] when no volatility brings the price, or too little of it is time value to tell.
    pub fn implied_vol(&self, price: f64) -> Result<f64, PricingError> {
        PRICE.check(price)?;
        let Terms { right, forward, strike, years, .. } = *self.terms();
        YEARS.check(years)?;
        let (bound, limit) = match right {
            Right::Call => ("F", forward),
            Right::Put => ("K", strike),
        };
        let limit = self.discount() * limit;
        if limit * (1.0 - BOUND_GAP_MIN) < price {
            return Err(PricingError::AboveBound { price, bound, limit });
        }
        let intrinsic = self.intrinsic();
        if price < intrinsic {
            return Err(PricingError::BelowIntrinsic { price, intrinsic });
        }
        let time_value = price - intrinsic;
        let none = PricingError::NoTimeValue { price, time_value };
        if time_value <= TIME_VALUE_MIN * price {
            return Err(none);
        }
        let solved = ImpliedBlackVolatility::builder()
            .forward(forward)
            .strike(strike)
            .expiry(years)
            .is_call(strike >= forward)
            .option_price(time_value / self.discount())
            .build()
            .and_then(|it| it.calculate::<DefaultSpecialFn>());
        // A time value below the normal range of numbers has no solution.
        solved.filter(|sigma| sigma.is_finite() && 0.0 < *sigma).ok_or(none)
    }
}
