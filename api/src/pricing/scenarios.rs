//! What a position gains or loses when prices and volatilities move: the scenarios of portfolio margin, per unit of a contract.
//!
//! Standard scenarios: for each price move from low to high, the volatility down, the same, up. Extended scenarios: moves far outside
//! the range, volatility up only, weighted down; a future keeps there the gain or loss it has at the end of the range. Undiscounted, in
//! dollars per GPU-hour of one long unit; a short one has the negative. `T` is days over 365; at zero days an option is its intrinsic
//! value. Start values are [`Scenarios::default`].

use instruments::Right;

use super::black76::{undiscounted, undiscounted_delta};
use super::error::{PricingError, Range};

/// Days in the `T` of a risk array.
const DAYS_PER_YEAR: f64 = 365.0;

/// The days to expiry at which a volatility moves by just its rate; also where the short-term power ends.
const DAYS_OF_RATE: f64 = 30.0;

/// No scenario takes a volatility below this.
const VOL_MIN: f64 = 0.01;

/// The most price moves on one side.
pub const BUCKETS_MAX: u32 = 100;

/// The most extended moves.
pub const EXTENDED_MOVES_MAX: usize = 64;

const FORWARD: Range = unit_price("F");
const STRIKE: Range = unit_price("K");
const IV: Range =
    Range { field: "iv", low: 0.0, high: 100.0, is_open: false, expected: "0 to 100" };
const DAYS: Range =
    Range { field: "dte", low: 0.0, high: 36_500.0, is_open: false, expected: "0 to 36500 days" };

const fn unit_price(field: &'static str) -> Range {
    Range { field, low: 1e-12, high: 1e9, is_open: false, expected: "1e-12 to 1e9" }
}

/// How far prices and volatilities move.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenarios {
    /// The largest standard move, up and down, as a part of the price.
    pub price_range: f64,
    /// Price moves on each side of none.
    pub buckets: u32,
    /// By which part a volatility rises, 30 days before expiry.
    pub vol_up: f64,
    /// By which part it falls.
    pub vol_down: f64,
    /// The rise is at least that of this volatility.
    pub min_vol_for_up: f64,
    /// How much stronger volatilities move closer than 30 days to expiry.
    pub short_term_power: f64,
    /// How much weaker they move further away.
    pub long_term_power: f64,
    /// Closer to expiry they move as on this day.
    pub dte_floor: f64,
    /// Moves outside the range, as parts of the price.
    pub extended_moves: Vec<f64>,
}

impl Default for Scenarios {
    fn default() -> Self {
        Self {
            price_range: 0.2,
            buckets: 4,
            vol_up: 0.45,
            vol_down: 0.3,
            min_vol_for_up: 0.5,
            short_term_power: 0.3,
            long_term_power: 0.13,
            dte_floor: 1.0,
            extended_moves: vec![-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0],
        }
    }
}

/// What has a risk array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contract {
    /// A future.
    Future,
    /// An option on one.
    Option {
        /// Call or put.
        right: Right,
        /// `K`.
        strike: f64,
        /// The volatility at which it is marked.
        iv: f64,
    },
}

/// Gains and losses of one long unit.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskVector {
    /// Standard scenarios.
    pub standard: Vec<f64>,
    /// Extended scenarios, weighted.
    pub extended: Vec<f64>,
    /// The delta times the price of the future.
    pub delta_notional: f64,
}

impl Scenarios {
    /// The same, if they make sense.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`], with the field and its limits.
    pub fn check(self) -> Result<Self, PricingError> {
        const UP_TO_100: &str = "0 to 100";
        let closed = |field, value, high, expected| {
            Range { field, low: 0.0, high, is_open: false, expected }.check(value)
        };
        let open = |field, value, high, expected| {
            Range { field, low: 0.0, high, is_open: true, expected }.check(value)
        };
        open("price_range", self.price_range, 0.99, "above 0 and at most 0.99")?;
        Range {
            field: "buckets",
            low: 1.0,
            high: f64::from(BUCKETS_MAX),
            is_open: false,
            expected: "1 to 100",
        }
        .check(f64::from(self.buckets))?;
        closed("vol_up", self.vol_up, 100.0, UP_TO_100)?;
        closed("vol_down", self.vol_down, 100.0, UP_TO_100)?;
        closed("min_vol_for_up", self.min_vol_for_up, 100.0, UP_TO_100)?;
        closed("short_term_power", self.short_term_power, 2.0, "0 to 2")?;
        closed("long_term_power", self.long_term_power, 2.0, "0 to 2")?;
        open("dte_floor", self.dte_floor, 36_500.0, "above 0 and at most 36500 days")?;
        if EXTENDED_MOVES_MAX < self.extended_moves.len() {
            return Err(PricingError::OutOfRange {
                field: "extended_moves",
                value: f64::from(u32::try_from(self.extended_moves.len()).unwrap_or(u32::MAX)),
                expected: "at most 64 moves",
            });
        }
        for &each in &self.extended_moves {
            let is_move = -1.0 < each && each != 0.0 && each <= 1_000.0;
            if !is_move {
                return Err(PricingError::OutOfRange {
                    field: "extended_moves",
                    value: each,
                    expected: "above -1, not 0, at most 1000",
                });
            }
        }
        Ok(self)
    }

    /// The price moves of the standard scenarios, low to high, as parts of the price.
    pub fn moves(&self) -> impl Iterator<Item = f64> {
        let (range, buckets) = (self.price_range, i64::from(self.buckets));
        (-buckets..=buckets).map(move |step| range * (step as f64) / (buckets as f64))
    }

    /// The volatilities of the standard scenarios: down, the same, up.
    #[must_use]
    pub fn vols(&self, iv: f64, days: f64) -> [f64; 3] {
        let power = if days < DAYS_OF_RATE { self.short_term_power } else { self.long_term_power };
        let scale = (DAYS_OF_RATE / days.max(self.dte_floor)).powf(power);
        let down = (iv * (1.0 - self.vol_down * scale)).max(VOL_MIN);
        let up = iv + iv.max(self.min_vol_for_up) * self.vol_up * scale;
        [down, iv, up]
    }

    /// What one unit of `contract` gains in each scenario while its future stands at `forward`, `days` before expiry.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`] with the field: `F`, `K`, `iv` or `dte`.
    pub fn vector(
        &self,
        contract: &Contract,
        forward: f64,
        days: f64,
    ) -> Result<RiskVector, PricingError> {
        FORWARD.check(forward)?;
        DAYS.check(days)?;
        match *contract {
            Contract::Future => Ok(self.of_future(forward)),
            Contract::Option { right, strike, iv } => {
                STRIKE.check(strike)?;
                let vols = self.vols(IV.check(iv)?, days);
                let root_years = (days / DAYS_PER_YEAR).sqrt();
                let total_vols = vols.map(|vol| vol * root_years);
                Ok(self.of_option(right, forward, strike, total_vols))
            }
        }
    }

    fn of_future(&self, forward: f64) -> RiskVector {
        let standard = self.moves().flat_map(|part| [forward * part; 3]);
        let extended = self.extended_moves.iter();
        RiskVector {
            standard: standard.collect(),
            extended: extended.map(|part| forward * self.price_range.copysign(*part)).collect(),
            delta_notional: forward,
        }
    }

    fn of_option(
        &self,
        right: Right,
        forward: f64,
        strike: f64,
        [down, same, up]: [f64; 3],
    ) -> RiskVector {
        let now = undiscounted(right, forward, strike, same);
        let gain = |part: f64, vol| undiscounted(right, forward * (1.0 + part), strike, vol) - now;
        let standard = self.moves().flat_map(|part| [down, same, up].map(|vol| gain(part, vol)));
        let weighted = |part: &f64| gain(*part, up) * (self.price_range / part.abs());
        RiskVector {
            standard: standard.collect(),
            extended: self.extended_moves.iter().map(weighted).collect(),
            delta_notional: forward * undiscounted_delta(right, forward, strike, same),
        }
    }
}
