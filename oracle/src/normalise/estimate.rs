//! The factors of the next epoch, from a month of offers: a Huber regression of log price on the differences, with an effect for every class
//! and every day, drawn towards the factors in force.
//!
//! Integers only, a fixed number of rounds, sums that do not depend on the order of rows: the same rows give the same factors everywhere.
//!
//! Invariants:
//! - a difference that the rows do not show keeps its factor;
//! - no factor moves further than [`FACTOR_STEP_MAX`] in an epoch, whatever the rows say, because offers are free to list;
//! - none is negative: a difference never makes an offer better than the reference.

use std::collections::BTreeMap;

use instruments::rounding::div_half_even;

use super::{
    ADJUSTMENT_MAX, Configuration, Difference, Factor, Factors, FactorsError, OFFER_GPUS_MAX,
    log_of_count,
};
use crate::log::NanoLog;
use crate::votes::{Vote, weighted_median};

/// A month of a large book is a tenth of it.
pub const OFFER_ROWS_MAX: usize = 200_000;
/// ln 1.1: how far a factor may move in an epoch.
pub const FACTOR_STEP_MAX: NanoLog = NanoLog::new(95_310_180);
/// The factors in force count as much as so many rows that show a difference.
const PRIOR_ROWS: i128 = 50;
/// Coordinate descent has long converged: each round visits classes, days and differences once.
const ROUNDS: u32 = 60;
const MILLION: i128 = 1_000_000;
/// 1.345 standard deviations, by 1.4826 median deviations, in thousandths.
const HUBER: i128 = 1_994;
/// The least that counts as far: half a percent, so that a month of equal prices does not divide by nothing.
const FAR_MIN: i128 = 5_000_000;
const LN_2: i128 = 693_147_181;

/// One offer on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferRow {
    /// A number for its class; which one does not matter.
    pub class: u32,
    /// Its day; which number does not matter.
    pub day: u32,
    /// The log of its price per GPU-hour, not restated.
    pub level: NanoLog,
    /// How it is configured.
    pub configuration: Configuration,
}

/// What a month of offers says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// The next epoch's factors.
    pub factors: Factors,
    /// How many rows were used.
    pub rows: usize,
    /// Half of the rows are no further from their class, day and differences than this.
    pub residual: NanoLog,
    /// What each difference would add without the limit on a step, with the weight of the rows that show it in millionths of a row.
    pub found: Vec<(Difference, NanoLog, i128)>,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstimateError {
    /// More rows than are read.
    #[error("{len} rows, limit {OFFER_ROWS_MAX}")]
    TooMany {
        /// How many.
        len: usize,
    },
    /// Nothing to estimate from.
    #[error("no rows")]
    Empty,
    /// An offer of no size, or a price beyond reason.
    #[error("row {row}: an offer of {gpus} GPUs at a log price of {} billionths", level.nanos())]
    Row {
        /// Which, from 0.
        row: usize,
        /// Its size.
        gpus: u32,
        /// Its log price.
        level: NanoLog,
    },
    /// The estimate is no set of factors.
    #[error(transparent)]
    Factors(#[from] FactorsError),
}

/// A row as the regression sees it.
struct Point {
    class: u32,
    day: u32,
    level: i128,
    /// How much of each difference it has, in millionths.
    extents: [i128; Difference::ALL.len()],
    /// In millionths: less than one for what is far off.
    weight: i128,
    /// What the model leaves of its level.
    residual: i128,
}

#[derive(Default)]
struct Model {
    classes: BTreeMap<u32, i128>,
    days: BTreeMap<u32, i128>,
    /// What a whole difference takes from the log price, in billionths.
    takes: [i128; Difference::ALL.len()],
}

impl Factors {
    /// The factors of the next epoch, from `rows` of a month, drawn towards these.
    ///
    /// # Errors
    /// [`EstimateError`] for no rows, too many, and rows that are no offers.
    pub fn estimate(&self, rows: &[OfferRow]) -> Result<Estimate, EstimateError> {
        let mut points = points(rows)?;
        let prior = Difference::ALL.map(|difference| i128::from(self.adds(difference).nanos()));
        let mut model = Model { takes: prior, ..Model::default() };
        for _ in 0..ROUNDS {
            model.explain(&mut points);
            model.center(&mut points);
            let far = far(&points);
            for point in &mut points {
                let distance = point.residual.abs();
                point.weight = div_half_even(far.saturating_mul(MILLION), distance.max(far));
            }
            model.center(&mut points);
            model.descend(&mut points, &prior);
        }
        model.explain(&mut points);
        self.next(&model, &points)
    }

    fn adds(&self, difference: Difference) -> NanoLog {
        let found = self.factors.iter().find(|factor| factor.difference == difference);
        found.map_or(NanoLog::ZERO, |factor| factor.adds)
    }

    fn next(&self, model: &Model, points: &[Point]) -> Result<Estimate, EstimateError> {
        let epoch = self.epoch.saturating_add(1);
        let mut factors = Vec::new();
        let mut found = Vec::new();
        for (place, (difference, takes)) in Difference::ALL.into_iter().zip(model.takes).enumerate()
        {
            let adds = NanoLog::new(i64::try_from(takes).unwrap_or(i64::MAX));
            let limited = adds.within(self.adds(difference), FACTOR_STEP_MAX);
            let limited = limited.clamp(NanoLog::ZERO, ADJUSTMENT_MAX);
            let shown = mass(points, place);
            let source = format!("estimate of epoch {epoch}: {shown} millionths of a row");
            factors.push(Factor { difference, adds: limited, source });
            found.push((difference, adds, shown));
        }
        let residual = i64::try_from(spread(points)).unwrap_or(i64::MAX);
        let factors = Factors::new(epoch, factors)?;
        let residual = NanoLog::new(residual);
        Ok(Estimate { factors, rows: points.len(), residual, found })
    }
}

fn points(rows: &[OfferRow]) -> Result<Vec<Point>, EstimateError> {
    if OFFER_ROWS_MAX < rows.len() {
        return Err(EstimateError::TooMany { len: rows.len() });
    }
    if rows.is_empty() {
        return Err(EstimateError::Empty);
    }
    let point = |(place, row): (usize, &OfferRow)| {
        let gpus = row.configuration.gpus;
        // A price of one micro-dollar has the log 0, one of a billion dollars less than 35.
        let is_price = (0..=35_000_000_000).contains(&row.level.nanos());
        if gpus == 0 || OFFER_GPUS_MAX < gpus || !is_price {
            return Err(EstimateError::Row { row: place, gpus, level: row.level });
        }
        Ok(Point {
            class: row.class,
            day: row.day,
            level: i128::from(row.level.nanos()),
            extents: Difference::ALL.map(|difference| extent(&row.configuration, difference)),
            weight: MILLION,
            residual: 0,
        })
    };
    rows.iter().enumerate().map(point).collect()
}

/// How much of a difference an offer has, in millionths: all or nothing, or halvings of its size.
fn extent(offer: &Configuration, difference: Difference) -> i128 {
    if !offer.has(difference) {
        return 0;
    }
    match difference {
        Difference::HalfSize => {
            let distance = log_of_count(super::NODE_GPUS).minus(log_of_count(offer.gpus));
            div_half_even(i128::from(distance.nanos()).saturating_mul(MILLION), LN_2)
        }
        Difference::Unverified
        | Difference::OutsideDatacentre
        | Difference::Community
        | Difference::Preemptible
        | Difference::Reserved
        | Difference::Ethernet => MILLION,
    }
}

impl Model {
    /// Sets what is left of every row's log price.
    fn explain(&self, points: &mut [Point]) {
        let of = |effects: &BTreeMap<u32, i128>, key| effects.get(&key).copied().unwrap_or(0);
        for point in points {
            point.residual = point
                .level
                .saturating_sub(of(&self.classes, point.class))
                .saturating_sub(of(&self.days, point.day))
                .saturating_add(self.taken(point));
        }
    }

    /// What a row's differences take from its log price.
    fn taken(&self, point: &Point) -> i128 {
        let sum =
            self.takes.iter().zip(point.extents).fold(0_i128, |sum, (takes, extent)| {
                sum.saturating_add(takes.saturating_mul(extent))
            });
        div_half_even(sum, MILLION)
    }

    /// Every class and then every day takes the weighted mean of what is left to it.
    fn center(&mut self, points: &mut [Point]) {
        for is_class in [true, false] {
            let key = |point: &Point| if is_class { point.class } else { point.day };
            let mut sums: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
            for point in points.iter() {
                let sum = sums.entry(key(point)).or_default();
                sum.0 = sum.0.saturating_add(point.residual.saturating_mul(point.weight));
                sum.1 = sum.1.saturating_add(point.weight);
            }
            let means: BTreeMap<u32, i128> = sums
                .into_iter()
                .map(|(key, (sum, weight))| (key, div_half_even(sum, weight.max(1))))
                .collect();
            for point in points.iter_mut() {
                let mean = means.get(&key(point)).copied().unwrap_or(0);
                point.residual = point.residual.saturating_sub(mean);
            }
            let effects = if is_class { &mut self.classes } else { &mut self.days };
            for (key, mean) in means {
                let effect = effects.entry(key).or_default();
                *effect = effect.saturating_add(mean);
            }
        }
    }

    /// Every difference takes its least-squares value, the prior counting as [`PRIOR_ROWS`] rows.
    fn descend(&mut self, points: &mut [Point], prior: &[i128; Difference::ALL.len()]) {
        let pull = PRIOR_ROWS.saturating_mul(MILLION);
        for ((place, takes), prior) in self.takes.iter_mut().enumerate().zip(prior) {
            let (mut gain, mut mass) = (pull.saturating_mul(prior.saturating_sub(*takes)), pull);
            let extent_of = |point: &Point| point.extents.get(place).copied().unwrap_or(0);
            for point in points.iter().filter(|point| extent_of(point) != 0) {
                let extent = extent_of(point);
                let weighted = div_half_even(point.weight.saturating_mul(extent), MILLION);
                // What a row has too little is what its differences take too little of.
                gain = gain.saturating_sub(weighted.saturating_mul(point.residual));
                mass = mass.saturating_add(div_half_even(weighted.saturating_mul(extent), MILLION));
            }
            let step = div_half_even(gain, mass);
            *takes = takes.saturating_add(step);
            for point in points.iter_mut().filter(|point| extent_of(point) != 0) {
                let moved = div_half_even(step.saturating_mul(extent_of(point)), MILLION);
                point.residual = point.residual.saturating_add(moved);
            }
        }
    }
}

/// The weight of the rows that show a difference, in millionths of a row.
fn mass(points: &[Point], place: usize) -> i128 {
    let shows = |point: &&Point| point.extents.get(place).is_some_and(|&extent| extent != 0);
    points.iter().filter(shows).fold(0, |sum, point| sum.saturating_add(point.weight))
}

/// The median distance of the rows from what the model says.
fn spread(points: &[Point]) -> i128 {
    let vote = |point: &Point| {
        let distance = i64::try_from(point.residual.abs()).unwrap_or(i64::MAX);
        Vote { at: NanoLog::new(distance), mass: 1 }
    };
    let votes: Vec<Vote> = points.iter().map(vote).collect();
    weighted_median(&votes).map_or(0, |median| i128::from(median.nanos()))
}

/// From where a row counts less.
fn far(points: &[Point]) -> i128 {
    div_half_even(spread(points).saturating_mul(HUBER), 1_000).max(FAR_MIN)
}
