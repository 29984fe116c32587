//! Black's 1976 formula for a European option on a forward, with its derivatives.
//!
//! `C = D (F N(d1) - K N(d2))`, `D = exp(-r T)`, `d1 = ln(F/K)/(sigma sqrt T) + sigma sqrt T / 2`. The difference is never taken: the
//! side that is out of the money comes from a formulation of the normalised price that keeps every digit in the tail, and the other
//! side is that plus the intrinsic value. Relative error against 40 digits: below 1e-9 wherever the result is a normal number.
//!
//! Derivatives: `delta` by the forward, `gamma` twice by the forward, `vega` by sigma (1 = 100 %), `theta` by the passing of time, per
//! year of 365 days, `rho` by the rate at a fixed forward. Where the volatility or the time is zero the price is the discounted
//! intrinsic value; a derivative that does not exist there (at the strike) is half way for delta and zero for gamma and theta.

#[cfg(test)]
mod tests;

use std::f64::consts::FRAC_1_SQRT_2;

use implied_vol::{DefaultSpecialFn, PriceBlackScholesNormalised, SpecialFn};
use instruments::Right;

use super::error::{PricingError, Range};

/// `1 / sqrt(2 pi)`.
const FRAC_1_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;

/// A total volatility below this is none: its reciprocal would leave the range of numbers.
const TOTAL_VOL_MIN: f64 = 1e-100;

const FORWARD: Range = price_range("F");
const STRIKE: Range = price_range("K");
const YEARS: Range =
    Range { field: "T", low: 0.0, high: 1_000.0, is_open: false, expected: "0 to 1000 years" };
const SIGMA: Range =
    Range { field: "sigma", low: 0.0, high: 1_000.0, is_open: false, expected: "0 to 1000" };
const RATE: Range =
    Range { field: "r", low: -0.5, high: 0.5, is_open: false, expected: "-0.5 to 0.5" };

const fn price_range(field: &'static str) -> Range {
    Range { field, low: 1e-12, high: 1e12, is_open: false, expected: "1e-12 to 1e12" }
}

/// What an option is about. Any values; [`European::new`] refuses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Call or put.
    pub right: Right,
    /// `F`, the price of the future.
    pub forward: f64,
    /// `K`, in the unit of the forward.
    pub strike: f64,
    /// `T`, in years of 365 days.
    pub years: f64,
    /// `r`, continuously compounded, per year.
    pub rate: f64,
}

/// One European option on a forward.
///
/// Invariant: `F` and `K` are in `[1e-12, 1e12]`, `T` in `[0, 1000]`, `r` in `[-0.5, 0.5]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct European {
    terms: Terms,
    /// `exp(-r T)`.
    discount: f64,
}

/// A price and its derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// What one unit costs.
    pub price: f64,
    /// By the forward.
    pub delta: f64,
    /// By the forward, twice.
    pub gamma: f64,
    /// By sigma; for one percentage point divide by 100.
    pub vega: f64,
    /// By the passing of time, per year; for one day divide by 365.
    pub theta: f64,
    /// By the rate, with the forward as it is.
    pub rho: f64,
}

impl European {
    /// Checks the terms.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`], with the field and its limits.
    pub fn new(terms: Terms) -> Result<Self, PricingError> {
        FORWARD.check(terms.forward)?;
        STRIKE.check(terms.strike)?;
        YEARS.check(terms.years)?;
        RATE.check(terms.rate)?;
        Ok(Self { terms, discount: (-terms.rate * terms.years).exp() })
    }

    /// What it is about.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// `exp(-r T)`: what one dollar at expiry is worth now.
    #[must_use]
    pub fn discount(&self) -> f64 {
        self.discount
    }

    /// The discounted value at a volatility of zero.
    #[must_use]
    pub fn intrinsic(&self) -> f64 {
        self.discount * intrinsic(self.terms.right, self.terms.forward, self.terms.strike)
    }

    /// What it costs at the volatility `sigma` (1 = 100 % a year).
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`] for `sigma` outside 0 to 1000.
    pub fn price(&self, sigma: f64) -> Result<f64, PricingError> {
        let total_vol = SIGMA.check(sigma)? * self.terms.years.sqrt();
        let Terms { right, forward, strike, .. } = self.terms;
        Ok(self.discount * undiscounted(right, forward, strike, total_vol))
    }

    /// Its price and derivatives at the volatility `sigma`.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`] for `sigma` outside 0 to 1000.
    pub fn value(&self, sigma: f64) -> Result<Value, PricingError> {
        let price = self.price(sigma)?;
        let Terms { right, forward, strike, years, rate } = self.terms;
        let root_years = years.sqrt();
        let total_vol = sigma * root_years;
        let d1 = d1(forward, strike, total_vol);
        let density = FRAC_1_SQRT_2_PI * (-0.5 * d1 * d1).exp();
        let (gamma, decay) = if total_vol < TOTAL_VOL_MIN {
            (0.0, 0.0)
        } else {
            let gamma = self.discount * density / (forward * total_vol);
            (gamma, self.discount * forward * density * sigma / (2.0 * root_years))
        };
        Ok(Value {
            price,
            delta: self.discount * hit(right, d1),
            gamma,
            vega: self.discount * forward * density * root_years,
            theta: rate * price - decay,
            rho: -years * price,
        })
    }
}

/// The derivative of the undiscounted price by the forward, at a total volatility `sigma sqrt T` of zero or more.
pub(super) fn undiscounted_delta(right: Right, forward: f64, strike: f64, total_vol: f64) -> f64 {
    hit(right, d1(forward, strike, total_vol))
}

/// The undiscounted price at a total volatility `sigma sqrt T` of zero or more. Never above `F` for a call, `K` for a put.
pub(super) fn undiscounted(right: Right, forward: f64, strike: f64, total_vol: f64) -> f64 {
    intrinsic(right, forward, strike) + time_value(forward, strike, total_vol)
}

/// What an option is worth above its intrinsic value: the price of the side that is out of the money.
fn time_value(forward: f64, strike: f64, total_vol: f64) -> f64 {
    if total_vol < TOTAL_VOL_MIN {
        return 0.0;
    }
    let normalised = PriceBlackScholesNormalised::builder()
        .log_moneyness(log_moneyness(forward, strike))
        .total_volatility(total_vol)
        .build_unchecked()
        .calculate::<DefaultSpecialFn>();
    (forward.sqrt() * strike.sqrt() * normalised).min(forward.min(strike))
}

fn intrinsic(right: Right, forward: f64, strike: f64) -> f64 {
    match right {
        Right::Call => (forward - strike).max(0.0),
        Right::Put => (strike - forward).max(0.0),
    }
}

/// `ln(F/K)`, to the last digit also where the two nearly agree.
pub(super) fn log_moneyness(forward: f64, strike: f64) -> f64 {
    let ratio = forward / strike;
    if (0.5..=2.0).contains(&ratio) { ((forward - strike) / strike).ln_1p() } else { ratio.ln() }
}

fn d1(forward: f64, strike: f64, total_vol: f64) -> f64 {
    let moneyness = log_moneyness(forward, strike);
    if moneyness == 0.0 {
        return 0.5 * total_vol;
    }
    if total_vol < TOTAL_VOL_MIN {
        return moneyness * f64::INFINITY;
    }
    moneyness / total_vol + 0.5 * total_vol
}

/// `N(d1)` for a call, `-N(-d1)` for a put.
fn hit(right: Right, d1: f64) -> f64 {
    match right {
        Right::Call => normal_cdf(d1),
        Right::Put => -normal_cdf(-d1),
    }
}

/// The probability that a standard normal variable is below `x`; relative accuracy also in the lower tail.
fn normal_cdf(x: f64) -> f64 {
    0.5 * DefaultSpecialFn::erfc(-x * FRAC_1_SQRT_2)
}
