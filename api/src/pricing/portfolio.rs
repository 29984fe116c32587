//! The margin of a whole portfolio, from the scenarios of each position: what anyone can recompute from published figures.
//!
//! `im = max(worst + roll, short option minimum)`, `mm = mm_factor x im`. `worst` is the largest loss over the standard and the
//! weighted extended scenarios of all positions together; an extended loss counts only beyond the dampener. `roll` charges expiries
//! that offset each other: compute cannot be stored, so June does not cover July. It is `roll_rate x 2 x min(long, short)` of the delta
//! notionals, netted within each expiry. The delta contingency is a charge of the venue on top and stands in no figure here.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::error::{PricingError, Range};
use super::scenarios::{Contract, RiskVector, Scenarios};

/// The most positions of one portfolio.
pub const POSITIONS_MAX: usize = 10_000;

const QTY: Range =
    Range { field: "qty", low: -1e12, high: 1e12, is_open: false, expected: "-1e12 to 1e12" };

/// The rates of the charges beside the scenarios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Charges {
    /// Extended losses up to here do not count, in dollars.
    pub extended_dampener: f64,
    /// Of both legs of what offsets between expiries.
    pub roll_rate: f64,
    /// Of the net delta notional, charged by the venue.
    pub delta_contingency: f64,
    /// Maintenance margin as a part of initial margin.
    pub mm_factor: f64,
    /// Of the notional of each short option, at least.
    pub short_option_min_rate: f64,
}

impl Default for Charges {
    fn default() -> Self {
        Self {
            extended_dampener: 0.0,
            roll_rate: 0.01,
            delta_contingency: 0.006,
            mm_factor: 0.8,
            short_option_min_rate: 0.01,
        }
    }
}

/// One position.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// In what.
    pub contract: Contract,
    /// The price of the future.
    pub forward: f64,
    /// Days to expiry.
    pub days: f64,
    /// Units held; below zero when sold.
    pub qty: f64,
    /// The name of the expiry: positions of one name offset without a roll charge.
    pub expiry: String,
}

/// What a portfolio must hold, in dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct Margin {
    /// Gain or loss in each standard scenario.
    pub standard: Vec<f64>,
    /// Gain or loss in each extended scenario, weighted, before the dampener.
    pub extended: Vec<f64>,
    /// The largest loss, as a positive number.
    pub worst: f64,
    /// For expiries that offset each other.
    pub roll: f64,
    /// What short options need at least.
    pub short_option_minimum: f64,
    /// Initial margin.
    pub initial: f64,
    /// Maintenance margin.
    pub maintenance: f64,
    /// Delta notional of each expiry.
    pub delta_notionals: BTreeMap<String, f64>,
}

/// Which position is wrong, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PortfolioError {
    /// A parameter.
    #[error("parameters.{0}")]
    Parameter(PricingError),
    /// More than anyone holds.
    #[error("{count} positions, at most {POSITIONS_MAX}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A figure of a position.
    #[error("positions[{index}].{error}")]
    Position {
        /// From 0.
        index: usize,
        /// What is wrong.
        error: PricingError,
    },
}

impl Charges {
    /// The same, if they make sense.
    ///
    /// # Errors
    /// [`PricingError::OutOfRange`], with the field and its limits.
    pub fn check(self) -> Result<Self, PricingError> {
        let rate = |field, value| {
            Range { field, low: 0.0, high: 1.0, is_open: false, expected: "0 to 1" }.check(value)
        };
        Range {
            field: "extended_dampener_usd",
            low: 0.0,
            high: 1e15,
            is_open: false,
            expected: "0 to 1e15",
        }
        .check(self.extended_dampener)?;
        rate("roll_rate", self.roll_rate)?;
        rate("delta_contingency", self.delta_contingency)?;
        rate("mm_factor", self.mm_factor)?;
        rate("short_option_min_rate", self.short_option_min_rate)?;
        Ok(self)
    }
}

/// The margin of `positions`.
///
/// # Errors
/// [`PortfolioError`], with the position, the field and its limits.
pub fn margin(
    scenarios: Scenarios,
    charges: Charges,
    positions: &[Position],
) -> Result<Margin, PortfolioError> {
    let scenarios = scenarios.check().map_err(PortfolioError::Parameter)?;
    let charges = charges.check().map_err(PortfolioError::Parameter)?;
    if POSITIONS_MAX < positions.len() {
        return Err(PortfolioError::TooMany { count: positions.len() });
    }
    let mut sums = Sums::new(&scenarios);
    for (position, index) in positions.iter().zip(0..) {
        let wrong = |error| PortfolioError::Position { index, error };
        let qty = QTY.check(position.qty).map_err(wrong)?;
        let vector = scenarios.vector(&position.contract, position.forward, position.days);
        sums.add(position, qty, &vector.map_err(wrong)?);
    }
    Ok(sums.margin(&charges))
}

/// What positions add up to.
struct Sums {
    standard: Vec<f64>,
    extended: Vec<f64>,
    delta_notionals: BTreeMap<String, f64>,
    short_notional: f64,
}

impl Sums {
    fn new(scenarios: &Scenarios) -> Self {
        Self {
            standard: scenarios.moves().flat_map(|_| [0.0; 3]).collect(),
            extended: vec![0.0; scenarios.extended_moves.len()],
            delta_notionals: BTreeMap::new(),
            short_notional: 0.0,
        }
    }

    fn add(&mut self, position: &Position, qty: f64, unit: &RiskVector) {
        let sums = self.standard.iter_mut().chain(&mut self.extended);
        for (sum, gain) in sums.zip(unit.standard.iter().chain(&unit.extended)) {
            *sum += qty * gain;
        }
        *self.delta_notionals.entry(position.expiry.clone()).or_default() +=
            qty * unit.delta_notional;
        if matches!(position.contract, Contract::Option { .. }) && qty < 0.0 {
            self.short_notional += position.forward * qty.abs();
        }
    }

    fn margin(self, charges: &Charges) -> Margin {
        let losses = self.standard.iter().map(|gain| -gain);
        let losses = losses.chain(self.extended.iter().map(|it| -it - charges.extended_dampener));
        let worst = losses.fold(0.0, f64::max);
        let notionals = self.delta_notionals.values();
        let (long, short) = notionals.fold((0.0, 0.0), |(long, short), each: &f64| {
            (long + each.max(0.0), short + (-each).max(0.0))
        });
        let roll = charges.roll_rate * 2.0 * long.min(short);
        let short_option_minimum = charges.short_option_min_rate * self.short_notional;
        let initial = (worst + roll).max(short_option_minimum);
        Margin {
            // A loss of nothing is no loss: without the sign of zero.
            standard: self.standard.iter().map(|gain| gain + 0.0).collect(),
            extended: self.extended.iter().map(|gain| gain + 0.0).collect(),
            worst,
            roll,
            short_option_minimum,
            initial,
            maintenance: charges.mm_factor * initial,
            delta_notionals: self.delta_notionals,
        }
    }
}
