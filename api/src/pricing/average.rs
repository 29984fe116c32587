//! Options on an average: cash contracts settle against the mean of the index over their delivery period.
//!
//! A mean moves less than what it is the mean of. For a lognormal price whose mean is taken from `T1` for `tau` years,
//! `sigma_eff^2 T = sigma^2 (T1 + tau/3)`, `T = T1 + tau`, to first order in `sigma^2 tau` (Kemna and Vorst's geometric average has it
//! exactly). Once averaging has begun, what has been realised is a fixed sum: with the part `p` of the period passed at the mean `R`, an
//! option struck at `K` is `1 - p` options on the mean of the rest, struck at `(K - p R)/(1 - p)`.

use instruments::Right;

use super::black76::{European, Terms};
use super::error::{PricingError, Range};

const SIGMA: Range =
    Range { field: "sigma", low: 0.0, high: 1_000.0, is_open: false, expected: "0 to 1000" };
const STARTS_IN: Range =
    Range { field: "T1", low: 0.0, high: 500.0, is_open: false, expected: "0 to 500 years" };
const LENGTH: Range =
    Range { field: "tau", low: 0.0, high: 500.0, is_open: true, expected: "above 0 to 500 years" };
const PASSED: Range =
    Range { field: "passed", low: 0.0, high: 1.0, is_open: false, expected: "0 to 1" };
const REALISED: Range =
    Range { field: "realised", low: 0.0, high: 1e12, is_open: false, expected: "0 to 1e12" };

/// An option on the mean of a price over a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    /// Call or put.
    pub right: Right,
    /// The forward of what is still to be averaged.
    pub forward: f64,
    /// `K`, of the mean over the whole period.
    pub strike: f64,
    /// Years until averaging begins; zero once it has.
    pub starts_in: f64,
    /// Years of averaging still to come.
    pub length: f64,
    /// The part of the whole period that has passed, 0 to 1.
    pub passed: f64,
    /// The mean over that part.
    pub realised: f64,
    /// `r`, continuously compounded, per year.
    pub rate: f64,
}

/// A price, and how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AverageValue {
    /// What one unit costs.
    pub price: f64,
    /// By the forward of the rest.
    pub delta: f64,
    /// By the volatility of the price, not of its mean.
    pub vega: f64,
}

/// The volatility of the mean over `T = starts_in + length`, when the price has `sigma`.
///
/// # Errors
/// [`PricingError::OutOfRange`], with the field and its limits.
pub fn effective_vol(sigma: f64, starts_in: f64, length: f64) -> Result<f64, PricingError> {
    SIGMA.check(sigma)?;
    STARTS_IN.check(starts_in)?;
    LENGTH.check(length)?;
    Ok(sigma * ((starts_in + length / 3.0) / (starts_in + length)).sqrt())
}

impl Average {
    /// What it is worth at the volatility `sigma` of the price.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`], with the field and its limits.
    pub fn value(&self, sigma: f64) -> Result<AverageValue, PricingError> {
        let rest = 1.0 - PASSED.check(self.passed)?;
        let fixed = self.passed * REALISED.check(self.realised)?;
        if rest <= 0.0 {
            return self.certain(fixed, 0.0, 0.0);
        }
        let sigma_effective = effective_vol(sigma, self.starts_in, self.length)?;
        let strike = (self.strike - fixed) / rest;
        if strike <= 0.0 {
            return self.certain(fixed + rest * self.forward, rest, self.starts_in + self.length);
        }
        let rest_of_it = European::new(Terms {
            right: self.right,
            forward: self.forward,
            strike,
            years: self.starts_in + self.length,
            rate: self.rate,
        })?;
        let value = rest_of_it.value(sigma_effective)?;
        let ratio = effective_vol(1.0, self.starts_in, self.length)?;
        Ok(AverageValue {
            price: rest * value.price,
            delta: rest * value.delta,
            vega: rest * value.vega * ratio,
        })
    }

    /// The value when whether it is exercised is no longer in doubt.
    fn certain(&self, mean: f64, rest: f64, years: f64) -> Result<AverageValue, PricingError> {
        let Self { right, forward, strike, rate, .. } = *self;
        // The terms are checked even though no formula is left to compute.
        let discount = European::new(Terms { right, forward, strike, years, rate })?.discount();
        let (gain, delta) = match right {
            Right::Call => (mean - strike, rest),
            Right::Put => (strike - mean, -rest),
        };
        let delta = if 0.0 < gain { discount * delta } else { 0.0 };
        Ok(AverageValue { price: discount * gain.max(0.0), delta, vega: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: f64 = 1.0 / 12.0;

    fn call() -> Average {
        Average {
            right: Right::Call,
            forward: 2.5,
            strike: 2.6,
            starts_in: 0.25,
            length: MONTH,
            passed: 0.0,
            realised: 0.0,
            rate: 0.04,
        }
    }

    /// The two figures of the contract design: 54.8 % for a month that begins in three, 34.6 % for one that begins now.
    #[test]
    fn a_mean_moves_less_than_its_price() {
        let vol = |starts_in| effective_vol(0.6, starts_in, MONTH).expect("a volatility");
        assert!((vol(0.25) - 0.547_722_557_505_166_1).abs() < 1e-15, "{}", vol(0.25));
        assert!((vol(0.0) - 0.346_410_161_513_775_5).abs() < 1e-15, "{}", vol(0.0));
    }

    #[test]
    fn before_averaging_it_is_an_option_at_the_effective_volatility() {
        let Average { right, forward, strike, rate, .. } = call();
        let years = 0.25 + MONTH;
        let plain = European::new(Terms { right, forward, strike, years, rate }).expect("terms");
        let price = plain.price(0.547_722_557_505_166_1).expect("a price");
        let value = call().value(0.6).expect("a value");
        assert!((value.price - price).abs() < 1e-14);
        let bumped = call().value(0.6 + 1e-6).expect("a value").price;
        assert!((value.vega - (bumped - value.price) / 1e-6).abs() < 1e-5);
    }

    /// 2.5 hours into ten at 3.0 the rest, at 2.4, is struck at 2.466..: by hand `(2.6 - 0.25 x 3.0) / 0.75`.
    #[test]
    fn what_has_been_realised_moves_the_strike_of_the_rest() {
        let begun = Average {
            forward: 2.4,
            starts_in: 0.0,
            length: 0.75 * MONTH,
            passed: 0.25,
            realised: 3.0,
            rate: 0.0,
            ..call()
        };
        let strike = (2.6 - 0.25 * 3.0) / 0.75;
        let years = 0.75 * MONTH;
        let terms = Terms { right: Right::Call, forward: 2.4, strike, years, rate: 0.0 };
        let price = European::new(terms).expect("terms").price(0.6 / 3f64.sqrt()).expect("a price");
        let value = begun.value(0.6).expect("a value");
        assert!((value.price - 0.75 * price).abs() < 1e-15);
        // Call less put is the expected mean less the strike.
        let put = Average { right: Right::Put, ..begun }.value(0.6).expect("a value");
        assert!((value.price - put.price - (0.25 * 3.0 + 0.75 * 2.4 - 2.6)).abs() < 1e-14);
        assert!((value.delta - put.delta - 0.75).abs() < 1e-14);
    }

    #[test]
    fn a_mean_that_is_already_above_the_strike_is_certain() {
        let begun = Average { starts_in: 0.0, passed: 0.9, realised: 3.0, rate: 0.0, ..call() };
        let value = begun.value(0.6).expect("a value");
        assert!((value.price - (0.9 * 3.0 + 0.1 * 2.5 - 2.6)).abs() < 1e-15);
        assert!((value.delta - 0.1).abs() < 1e-15 && value.vega == 0.0);
        let put = Average { right: Right::Put, ..begun }.value(0.6).expect("a value");
        assert_eq!((put.price, put.delta), (0.0, 0.0));
        let over = Average { passed: 1.0, realised: 2.5, ..begun }.value(0.6).expect("a value");
        assert_eq!((over.price, over.delta), (0.0, 0.0));
    }

    #[test]
    fn figures_out_of_range_are_refused_by_name() {
        let refused = |wrong: Average| wrong.value(0.6).expect_err("refused").to_string();
        assert!(refused(Average { passed: 1.1, ..call() }).starts_with("passed 1.1"));
        assert!(refused(Average { realised: -1.0, ..call() }).starts_with("realised -1"));
        assert!(refused(Average { length: 0.0, ..call() }).starts_with("tau 0"));
        assert!(refused(Average { starts_in: -1.0, ..call() }).starts_with("T1 -1"));
        assert!(call().value(f64::NAN).expect_err("refused").to_string().starts_with("sigma NaN"));
    }
}
