//! One expiry's volatilities as total variance: `w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2))`, `k = ln(K/F)`, `w = iv^2 T`.
//!
//! Gatheral's raw parametrisation. A [`Smile`] is one that nobody can trade against: the density of the price that it implies is
//! nowhere negative. That is `g(k) >= 0` with `g = (1 - k w'/(2w))^2 - w'^2/4 (1/w + 1/4) + w''/2` (Gatheral and Jacquier, 2014), and
//! wings below the slope of 2 (Lee, 2004). Between expiries `w` must not fall at any `k`.
//!
//! The checks walk `k = m + s sinh z`: in `z` the curve is smooth at every scale, so evenly spaced points are dense where it bends and
//! reach far where it does not; each low point between them is then closed in on.

pub mod fit;
#[cfg(test)]
mod tests;

use thiserror::Error;

/// Points of a walk.
const POINTS: i32 = 1_500;

/// How far the walk goes on each side, in `k`: a strike of `exp(30)` times the forward. Beyond it the wings decide.
const REACH: f64 = 30.0;

/// Steps of closing in on a low point; each takes off 38 % of the bracket.
const GOLDEN_STEPS: u32 = 40;

/// The slope of total variance in a wing that no price allows.
const WING_MAX: f64 = 2.0;

/// The least total variance anywhere: 0.1 % over a year. Nothing is marked without volatility.
const VARIANCE_MIN: f64 = 1e-9;

/// Parameters of a curve. Any values; [`Svi::check`] makes a [`Smile`] of those that are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svi {
    /// The level.
    pub a: f64,
    /// How steep both wings are.
    pub b: f64,
    /// Which wing is steeper, -1 to 1.
    pub rho: f64,
    /// Where it turns.
    pub m: f64,
    /// How round the turn is.
    pub s: f64,
}

/// A curve without arbitrage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smile(Svi);

/// Why a curve is no smile.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SviError {
    /// Outside of what the formula allows.
    #[error("{field} {value}: expected {expected}")]
    Parameter {
        /// Which.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// Three strikes around here can be bought and sold at a certain gain.
    #[error("butterfly arbitrage at k {k}: g {g}, expected 0 or more")]
    Butterfly {
        /// Log of strike over forward.
        k: f64,
        /// How negative the density is.
        g: f64,
    },
    /// The later expiry costs less than the earlier.
    #[error(
        "calendar arbitrage at k {k}: total variance falls by {by} from one expiry to the next"
    )]
    Calendar {
        /// Log of strike over forward.
        k: f64,
        /// By how much.
        by: f64,
    },
}

impl Svi {
    /// One volatility for all strikes.
    #[must_use]
    pub fn flat(iv: f64, years: f64) -> Self {
        Self { a: iv * iv * years, b: 0.0, rho: 0.0, m: 0.0, s: 0.1 }
    }

    /// Total variance at `k`.
    #[must_use]
    pub fn variance(&self, k: f64) -> f64 {
        let u = k - self.m;
        self.a + self.b * (self.rho * u + (u * u + self.s * self.s).sqrt())
    }

    /// What must nowhere be negative.
    #[must_use]
    pub fn g(&self, k: f64) -> f64 {
        let u = k - self.m;
        let root = (u * u + self.s * self.s).sqrt();
        let w = self.a + self.b * (self.rho * u + root);
        let slope = self.b * (self.rho + u / root);
        let bend = self.b * self.s * self.s / (root * root * root);
        let tilt = 1.0 - 0.5 * k * slope / w;
        tilt * tilt - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend
    }

    /// The same curve with all variances times `factor`: what is left of it when the time to expiry has shrunk so.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { a: self.a * factor, b: self.b * factor, ..self }
    }

    /// The same as a smile, if it is one.
    ///
    /// # Errors
    /// [`SviError`], with the parameter, or the place where it can be traded against.
    pub fn check(self) -> Result<Smile, SviError> {
        self.check_parameters()?;
        let (k, g) = self.lowest(|k| self.g(k));
        // Not `g < 0`: no comparison with NaN is true.
        if 0.0 <= g { Ok(Smile(self)) } else { Err(SviError::Butterfly { k, g }) }
    }

    fn check_parameters(&self) -> Result<(), SviError> {
        let Self { a, b, rho, m, s } = *self;
        let check = |field, value: f64, holds: bool, expected| {
            if holds { Ok(()) } else { Err(SviError::Parameter { field, value, expected }) }
        };
        check("b", b, (0.0..WING_MAX).contains(&b), "0 to below 2")?;
        check("rho", rho, -1.0 < rho && rho < 1.0, "above -1 and below 1")?;
        check("m", m, m.abs() <= 10.0, "-10 to 10")?;
        check("s", s, (1e-6..=100.0).contains(&s), "1e-6 to 100")?;
        check("a", a, a.abs() <= 1e6, "-1e6 to 1e6")?;
        let wing = b * (1.0 + rho.abs());
        check("b (1 + |rho|)", wing, wing < WING_MAX, "below 2")?;
        let least = a + b * s * (1.0 - rho * rho).sqrt();
        check("least total variance", least, VARIANCE_MIN <= least, "at least 1e-9")
    }

    /// Where `of` is lowest along the walk, and how low.
    fn lowest(&self, of: impl Fn(f64) -> f64) -> (f64, f64) {
        let end = (REACH / self.s).asinh();
        let place = |z: f64| self.m + self.s * z.sinh();
        let z = |step: i32| end * (2.0 * f64::from(step) / f64::from(POINTS) - 1.0);
        let at = |step| of(place(z(step)));
        let (mut best_z, mut best) = (z(0), at(0));
        let (mut before, mut here) = (f64::INFINITY, best);
        for step in 0..=POINTS {
            let after = if step < POINTS { at(step + 1) } else { f64::INFINITY };
            if here.is_nan() {
                return (place(z(step)), here);
            }
            if here <= before && here <= after {
                let (low_z, low) = golden(&|z| of(place(z)), z(step - 1), z(step + 1));
                for (found_z, found) in [(z(step), here), (low_z, low)] {
                    if found < best {
                        (best_z, best) = (found_z, found);
                    }
                }
            }
            (before, here) = (here, after);
        }
        (place(best_z), best)
    }
}

/// The low point between `low` and `high`.
fn golden(of: &impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> (f64, f64) {
    const RATIO: f64 = 0.618_033_988_749_894_8;
    let (mut left, mut right) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut at_left, mut at_right) = (of(left), of(right));
    for _ in 0..GOLDEN_STEPS {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - RATIO * (high - low);
            at_left = of(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + RATIO * (high - low);
            at_right = of(right);
        }
    }
    if at_left < at_right { (left, at_left) } else { (right, at_right) }
}

impl Smile {
    /// Its parameters.
    #[must_use]
    pub fn svi(&self) -> &Svi {
        &self.0
    }

    /// One low volatility for all strikes: less than any other smile.
    #[must_use]
    pub(super) const fn least() -> Self {
        Self(Svi { a: VARIANCE_MIN, b: 0.0, rho: 0.0, m: 0.0, s: 0.1 })
    }

    /// Total variance at `k`; above zero everywhere.
    #[must_use]
    pub fn variance(&self, k: f64) -> f64 {
        self.0.variance(k)
    }

    /// The volatility at `k` over `years`.
    #[must_use]
    pub fn iv(&self, k: f64, years: f64) -> f64 {
        (self.variance(k) / years).sqrt()
    }

    /// Holds that no strike has less variance here than `earlier`, up to one part in a billion.
    ///
    /// # Errors
    /// [`SviError::Calendar`], with the worst place.
    pub fn check_after(&self, earlier: &Self) -> Result<(), SviError> {
        let gain = |k| self.variance(k) * (1.0 + 1e-9) - earlier.variance(k);
        // Each curve is smooth on its own walk.
        for walk in [self, earlier] {
            let (k, gain) = walk.0.lowest(gain);
            if gain < 0.0 {
                return Err(SviError::Calendar { k, by: -gain });
            }
        }
        Ok(())
    }
}
