//! The forward curve of a grade: one price per day of delivery, as smooth as what is quoted allows.
//!
//! A contract's price is the mean of the curve over its days. With `s` a curve's usual shape, `g` what the market adds to it, `u` the daily
//! steps of `g`, and `w` half of what is between a contract's bid and its ask, the curve `f = s + g` minimises
//!
//! ```text
//! ( Σ (u[t] − u[t−1])² + Σ u[t]² / H² ) / σ²  +  Σ ((mean of f over contract j − price j) / w j)²
//! ```
//!
//! The first sum is maximum smoothness with averaging constraints (after "Extracting and Applying Smooth Forward Curves From Average-Based
//! Commodity Contracts with Seasonal Variation", Journal of Derivatives 15(1), 2007). The second, with `H` a year, ends the curve flat where
//! nobody quotes, and makes one contract enough. Read as likelihoods, the same sums say how sure the curve is of a mean: [`Curve::conf`].
//!
//! Integers only. The steps' quadratic form is tridiagonal and solved once per contract; what couples the contracts is one small
//! positive matrix, solved by Cholesky's method in fixed point. Products that would not fit are refused, never wrapped.

mod bounds;
mod shape;
mod solve;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{MicroUsd, Ppm};

pub use bounds::{Quote, Violation, violations};
pub use shape::{Launch, Shape};
use solve::{FRACTION, Matrix, Steps, shifted};

/// The longest curve, in days: three years.
pub const DAYS_MAX: u32 = 1_096;
/// The most contracts in one curve.
pub const CONTRACTS_MAX: usize = 64;
/// The dearest price: ten thousand dollars for an hour of one GPU, as for the index.
const PRICE_MAX: MicroUsd = MicroUsd::new(10_000_000_000);
/// Spreads and bends are squared in billionths of a dollar, so that rounding them is seen nowhere.
const NANO_PER_MICRO: i128 = 1_000;

/// Consecutive days of delivery, counted from the curve's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Days {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Days {
    /// The day after the last.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.first.saturating_add(self.count)
    }
}

/// What a contract says of its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// What it delivers.
    pub days: Days,
    /// Its price for one GPU-hour: the middle of its quotes, its last trade, or a term lease.
    pub price: MicroUsd,
    /// How far off the price may be: half of what is between bid and ask.
    pub half_spread: MicroUsd,
}

/// The numbers of the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurveParams {
    /// By how much the slope usually changes from one day to the next (`σ`), as a share of the price.
    pub bend: Ppm,
    /// Days in which the slope forgets itself (`H`).
    pub slope_days: u32,
    /// The narrowest half spread that is believed, as a share of the price.
    pub half_spread_min: Ppm,
}

impl Default for CurveParams {
    fn default() -> Self {
        Self { bend: Ppm::new(50), slope_days: 365, half_spread_min: Ppm::new(250) }
    }
}

/// Why there is no curve, or no answer from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// A length.
    #[error("a curve of {days} days, not 1 to {DAYS_MAX}")]
    Length {
        /// What was asked.
        days: usize,
    },
    /// Without a contract there is no level.
    #[error("no contract")]
    NoContract,
    /// Too many.
    #[error("{count} contracts, at most {CONTRACTS_MAX}")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// Days that are not on the curve.
    #[error("contract {contract}: {} days from day {} are not within the {length} days of the curve", days.count, days.first)]
    OffCurve {
        /// Its place.
        contract: usize,
        /// Its days.
        days: Days,
        /// The curve's.
        length: usize,
    },
    /// Not a price.
    #[error("contract {contract}: price of {} micro-dollars, not 1 to {}", price.micros(), PRICE_MAX.micros())]
    Price {
        /// Its place.
        contract: usize,
        /// What was given.
        price: MicroUsd,
    },
    /// Not a spread.
    #[error("contract {contract}: half spread of {} micro-dollars, not 0 to the price", half_spread.micros())]
    Spread {
        /// Its place.
        contract: usize,
        /// What was given.
        half_spread: MicroUsd,
    },
    /// A parameter.
    #[error("{field} is not within {limits}")]
    Parameter {
        /// Which.
        field: &'static str,
        /// Within what it has to be.
        limits: &'static str,
    },
    /// Prices so far apart, or spreads so unequal, that fixed point has no digits for both.
    #[error("prices or spreads too far apart to be on one curve")]
    OutOfRange,
}

/// A fitted curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    daily: Vec<MicroUsd>,
    /// Squared billionths of a dollar per day squared: what one unit of the matrix' inverse is worth.
    bend_squared: i128,
    steps: Steps,
    matrix: Matrix,
    /// Sums of sums of each contract's answer, for its covariance with any mean.
    sums: Vec<Vec<i128>>,
}

impl Curve {
    /// Fits a curve to contracts, around a shape with one logarithm per day.
    ///
    /// # Errors
    /// [`CurveError`], with the contract's place from zero.
    pub fn fit(
        params: &CurveParams,
        shape: &[crate::NanoLog],
        contracts: &[Contract],
    ) -> Result<Self, CurveError> {
        params.check()?;
        check(shape.len(), contracts)?;
        let prior = prior(shape, contracts)?;
        let bend = share(mean_nanos(contracts), params.bend).max(1);
        let bend_squared = bend.checked_mul(bend).ok_or(CurveError::OutOfRange)?;

        let fit = Fit::new(shape.len(), params.slope_days, contracts, |contract| {
            let nanos = |money: MicroUsd| i128::from(money.micros()).saturating_mul(NANO_PER_MICRO);
            let narrowest = share(nanos(contract.price), params.half_spread_min).max(1);
            let noise = nanos(contract.half_spread).max(narrowest);
            let noise = shifted(noise.checked_mul(noise)?, FRACTION)?;
            Some(div_half_even(noise, bend_squared))
        });
        let Fit { steps, answers, sums, matrix } = fit.ok_or(CurveError::OutOfRange)?;

        let gaps = contracts.iter().map(|contract| {
            let usual = mean_micros(&prior, contract.days)?;
            i128::from(contract.price.micros()).checked_sub(usual)
        });
        let gaps = gaps.collect::<Option<Vec<_>>>().ok_or(CurveError::OutOfRange)?;
        let added = matrix.added(&gaps, &answers).ok_or(CurveError::OutOfRange)?;
        let daily = prior
            .iter()
            .zip(added)
            .map(|(usual, added)| MicroUsd::from_i128(usual.checked_add(added)?));
        let daily = daily.collect::<Option<Vec<_>>>().ok_or(CurveError::OutOfRange)?;
        Ok(Self { daily, bend_squared, steps, matrix, sums })
    }

    /// The price of each day, the first first. A day may be negative where quotes contradict each other wildly; it is not hidden.
    #[must_use]
    pub fn daily(&self) -> &[MicroUsd] {
        &self.daily
    }

    /// What a contract on these days is worth: the mean of the daily prices, rounded half to even. `None` off the curve.
    #[must_use]
    pub fn price(&self, days: Days) -> Option<MicroUsd> {
        let micros: Vec<i128> = self.daily.iter().map(|price| i128::from(price.micros())).collect();
        mean_micros(&micros, days).and_then(MicroUsd::from_i128)
    }

    /// One standard deviation of that price, given what is quoted, rounded down: small where contracts are, large far from them. `None` off
    /// the curve.
    #[must_use]
    pub fn conf(&self, days: Days) -> Option<MicroUsd> {
        let own = self.steps.variance(days)?;
        let shared = self.sums.iter().map(|sums| solve::mean_of(sums, days));
        let shared = shared.collect::<Option<Vec<_>>>()?;
        let left = self.matrix.variance_left(own, &shared)?;
        let variance = shifted(left.checked_mul(self.bend_squared)?, FRACTION.saturating_neg())?;
        MicroUsd::from_i128(div_floor(variance.checked_isqrt()?, NANO_PER_MICRO))
    }
}

/// Everything that depends on which days are quoted and how sharply, but not on the prices.
struct Fit {
    steps: Steps,
    /// By contract: the daily steps that a pull of one at it makes.
    answers: Vec<Vec<i128>>,
    sums: Vec<Vec<i128>>,
    matrix: Matrix,
}

impl Fit {
    /// `noise` is a contract's squared half spread beside the squared bend, with the fraction bits of a variance. `None` when something
    /// does not fit.
    fn new(
        days: usize,
        slope_days: u32,
        contracts: &[Contract],
        noise: impl Fn(&Contract) -> Option<i128>,
    ) -> Option<Self> {
        let steps = Steps::new(days, slope_days)?;
        let answers = contracts.iter().map(|contract| steps.answer(contract.days));
        let answers = answers.collect::<Option<Vec<_>>>()?;
        let sums: Vec<Vec<i128>> = answers.iter().map(|answer| solve::sums(answer)).collect();
        let mut rows = Vec::with_capacity(contracts.len());
        for (place, contract) in contracts.iter().enumerate() {
            let before = sums.iter().take(place.saturating_add(1));
            let row = before.map(|sums| solve::mean_of(sums, contract.days));
            let mut row = row.collect::<Option<Vec<_>>>()?;
            let own = row.last_mut()?;
            *own = own.checked_add(noise(contract)?)?;
            rows.push(row);
        }
        let matrix = Matrix::new(&rows)?;
        Some(Self { steps, answers, sums, matrix })
    }
}

impl CurveParams {
    fn check(&self) -> Result<(), CurveError> {
        let wrong = |field, limits| Err(CurveError::Parameter { field, limits });
        if !(1..=100_000).contains(&self.bend.ppm()) {
            return wrong("bend", "1 to 100,000 millionths a day");
        }
        if !(1..=3_650).contains(&self.slope_days) {
            return wrong("slope_days", "1 to 3,650 days");
        }
        if !(1..=1_000_000).contains(&self.half_spread_min.ppm()) {
            return wrong("half_spread_min", "1 to 1,000,000 millionths");
        }
        Ok(())
    }
}

fn check(length: usize, contracts: &[Contract]) -> Result<(), CurveError> {
    let limit = usize::try_from(DAYS_MAX).unwrap_or(usize::MAX);
    if length == 0 || limit < length {
        return Err(CurveError::Length { days: length });
    }
    if contracts.is_empty() {
        return Err(CurveError::NoContract);
    }
    if CONTRACTS_MAX < contracts.len() {
        return Err(CurveError::TooMany { count: contracts.len() });
    }
    for (contract, given) in contracts.iter().enumerate() {
        let days = given.days;
        let end = usize::try_from(days.end()).unwrap_or(usize::MAX);
        if days.count == 0 || length < end {
            return Err(CurveError::OffCurve { contract, days, length });
        }
        if given.price <= MicroUsd::ZERO || PRICE_MAX < given.price {
            return Err(CurveError::Price { contract, price: given.price });
        }
        let half_spread = given.half_spread;
        if half_spread < MicroUsd::ZERO || given.price < half_spread {
            return Err(CurveError::Spread { contract, half_spread });
        }
    }
    Ok(())
}

/// The mean of the contracts' prices in billionths of a dollar, rounded down.
fn mean_nanos(contracts: &[Contract]) -> i128 {
    let sum: i128 = contracts.iter().map(|contract| i128::from(contract.price.micros())).sum();
    let count = i128::try_from(contracts.len()).unwrap_or(1).max(1);
    div_floor(sum.saturating_mul(NANO_PER_MICRO), count)
}

/// A share of an amount, rounded down.
fn share(amount: i128, part: Ppm) -> i128 {
    div_floor(amount.saturating_mul(i128::from(part.ppm())), 1_000_000)
}

/// The shape at the contracts' level: the mean of what each contract's price says the level is. Rounded half to even.
fn prior(shape: &[crate::NanoLog], contracts: &[Contract]) -> Result<Vec<i128>, CurveError> {
    let unit = MicroUsd::new(1_000_000);
    let level = crate::NanoLog::of(unit).unwrap_or_default();
    let factors = shape.iter().map(|log| log.plus(level).price().map(|it| i128::from(it.micros())));
    let factors = factors.collect::<Option<Vec<_>>>().ok_or(CurveError::OutOfRange)?;
    let levels = contracts.iter().map(|contract| {
        let factor = mean_micros(&factors, contract.days).filter(|factor| 0 < *factor)?;
        let scaled = i128::from(contract.price.micros()).checked_mul(1_000_000)?;
        Some(div_half_even(scaled, factor))
    });
    let levels = levels.collect::<Option<Vec<i128>>>().ok_or(CurveError::OutOfRange)?;
    let count = i128::try_from(levels.len()).unwrap_or(1).max(1);
    let level = div_half_even(levels.iter().sum(), count);
    let daily = factors
        .iter()
        .map(|factor| level.checked_mul(*factor).map(|scaled| div_half_even(scaled, 1_000_000)));
    daily.collect::<Option<Vec<_>>>().ok_or(CurveError::OutOfRange)
}

/// The mean over days, rounded half to even.
fn mean_micros(daily: &[i128], days: Days) -> Option<i128> {
    let first = usize::try_from(days.first).ok()?;
    let end = usize::try_from(days.end()).ok()?;
    let within = daily.get(first..end)?;
    let count = i128::from(days.count);
    (0 < count).then(|| div_half_even(within.iter().sum(), count))
}
