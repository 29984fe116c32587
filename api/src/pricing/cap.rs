//! An hourly cap: for each hour of a month, what the index is above a price. A ceiling on a budget, hour by hour.
//!
//! It is a strip of calls, one for each hour, each on its own forward with its own time. Prices are per GPU-hour: the mean over the hours,
//! so that a lot costs that times its hours. Hours that have passed are what they paid.

use instruments::Right;

use super::black76::{European, Terms};
use super::error::{PricingError, Range};

/// The most hours of one cap: a leap year.
pub const HOURS_MAX: usize = 8_784;

const HOURS: Range =
    Range { field: "hours", low: 1.0, high: 8_784.0, is_open: false, expected: "1 to 8784" };

/// One hour of a cap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// What the index is expected to be, or was.
    pub forward: f64,
    /// Years until it is known; zero or less once it is.
    pub years: f64,
    /// The volatility of the index until then.
    pub sigma: f64,
}

/// A price per GPU-hour, and how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapValue {
    /// The mean over the hours.
    pub price: f64,
    /// By all forwards together.
    pub delta: f64,
    /// By all forwards together, twice.
    pub gamma: f64,
    /// By all volatilities together.
    pub vega: f64,
    /// By the passing of time, per year.
    pub theta: f64,
}

/// The value of a cap at `strike` over `hours`, discounted at `rate` from each hour.
///
/// # Errors
/// [`PricingError::OutOfRange`], with the field and its limits.
pub fn value(hours: &[Hour], strike: f64, rate: f64) -> Result<CapValue, PricingError> {
    let count = f64::from(u32::try_from(hours.len()).unwrap_or(u32::MAX));
    HOURS.check(count)?;
    let mut sum = CapValue { price: 0.0, delta: 0.0, gamma: 0.0, vega: 0.0, theta: 0.0 };
    for &Hour { forward, years, sigma } in hours {
        // An hour that has passed is due with the others: it is no option any more, and is not discounted.
        let terms = Terms { right: Right::Call, forward, strike, years: years.max(0.0), rate };
        let hour = European::new(terms)?.value(sigma)?;
        sum.price += hour.price;
        if 0.0 < years {
            sum.delta += hour.delta;
            sum.gamma += hour.gamma;
            sum.vega += hour.vega;
            sum.theta += hour.theta;
        }
    }
    Ok(CapValue {
        price: sum.price / count,
        delta: sum.delta / count,
        gamma: sum.gamma / count,
        vega: sum.vega / count,
        theta: sum.theta / count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(forward: f64, years: f64) -> Hour {
        Hour { forward, years, sigma: 0.8 }
    }

    #[test]
    fn a_cap_is_the_mean_of_its_hours_calls() {
        let hours = [hour(2.0, 0.1), hour(2.5, 0.2), hour(3.5, 0.3), hour(3.0, -0.01)];
        let cap = value(&hours, 2.6, 0.04).expect("a value");
        let call = |at: usize| {
            let Hour { forward, years, sigma } = hours[at];
            let terms = Terms { right: Right::Call, forward, strike: 2.6, years, rate: 0.04 };
            European::new(terms).expect("terms").value(sigma).expect("a value")
        };
        let price = (call(0).price + call(1).price + call(2).price + 0.4) / 4.0;
        assert!((cap.price - price).abs() < 1e-15);
        assert!((cap.delta - (call(0).delta + call(1).delta + call(2).delta) / 4.0).abs() < 1e-15);
    }

    /// Hours move against each other, so a ceiling on each costs more than one on their mean.
    #[test]
    fn a_ceiling_on_each_hour_costs_more_than_one_on_the_month() {
        let hours: Vec<Hour> =
            (0..744).map(|at| hour(2.5, 0.25 + f64::from(at) / 8_760.0)).collect();
        let cap = value(&hours, 2.5, 0.0).expect("a value");
        let length = 744.0 / 8_760.0;
        let years = 0.25 + length;
        let terms = Terms { right: Right::Call, forward: 2.5, strike: 2.5, years, rate: 0.0 };
        let sigma = super::super::average::effective_vol(0.8, 0.25, length).expect("a volatility");
        let month = European::new(terms).expect("terms").price(sigma).expect("a price");
        assert!(month < cap.price && cap.price < 1.1 * month, "{month} {}", cap.price);
    }

    #[test]
    fn no_hours_and_wrong_hours_are_refused_by_name() {
        assert!(value(&[], 2.5, 0.0).expect_err("none").to_string().starts_with("hours 0"));
        let many = vec![hour(2.5, 0.1); HOURS_MAX + 1];
        assert!(value(&many, 2.5, 0.0).expect_err("many").to_string().starts_with("hours 8785"));
        let wrong = value(&[hour(-1.0, 0.1)], 2.5, 0.0).expect_err("no price").to_string();
        assert!(wrong.starts_with("F -1"), "{wrong}");
    }
}
