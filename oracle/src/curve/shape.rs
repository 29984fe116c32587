//! The usual shape of a curve, around which quotes bend it: a decline, the days of the week, and the launches of newer machines.

use instruments::rounding::div_half_even;
use instruments::{NanosSpan, Ppm};

use super::{CurveError, DAYS_MAX};
use crate::NanoLog;
use crate::log::closed_part;

/// The most launches in one shape.
const LAUNCHES_MAX: usize = 16;
/// From a tenth to ten times: beyond that a factor is a mistake.
const FACTOR_MIN: Ppm = Ppm::new(100_000);
const FACTOR_MAX: Ppm = Ppm::new(10_000_000);
const DAYS_PER_YEAR: i128 = 365;
const DAY: u64 = 86_400;

/// A newer machine from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The day on which it can be had, counted from the curve's first.
    pub day: u32,
    /// What the older one is worth beside today in the end: 700,000 is seven tenths.
    pub factor: Ppm,
    /// Days until half of that is reached; none for at once.
    pub half_life_days: u32,
}

/// How the price of a delivery day usually depends on the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What a price is worth after a year beside today: 800,000 for a fifth less.
    pub year_factor: Ppm,
    /// The factor of each day of the week, Monday first.
    pub week: [Ppm; 7],
    /// Which day of the week the first day is, Monday 0.
    pub first_weekday: u8,
    /// What is known to come.
    pub launches: Vec<Launch>,
}

impl Default for Shape {
    /// A straight line.
    fn default() -> Self {
        Self { year_factor: Ppm::ONE, week: [Ppm::ONE; 7], first_weekday: 0, launches: Vec::new() }
    }
}

impl Shape {
    /// The logarithm of each day's factor.
    ///
    /// # Errors
    /// [`CurveError::Parameter`] for a factor that is not a tenth to ten times, a day of the week that does not exist, or too many launches;
    /// [`CurveError::Length`].
    pub fn logs(&self, days: u32) -> Result<Vec<NanoLog>, CurveError> {
        if days == 0 || DAYS_MAX < days {
            return Err(CurveError::Length { days: usize::try_from(days).unwrap_or(usize::MAX) });
        }
        if 6 < self.first_weekday {
            return Err(CurveError::Parameter { field: "first_weekday", limits: "0 to 6" });
        }
        if LAUNCHES_MAX < self.launches.len() {
            return Err(CurveError::Parameter { field: "launches", limits: "16 launches" });
        }
        let year = i128::from(factor("year_factor", self.year_factor)?.nanos());
        let mut week = [NanoLog::ZERO; 7];
        for (log, given) in week.iter_mut().zip(self.week) {
            *log = factor("week", given)?;
        }
        let mut launches = Vec::with_capacity(self.launches.len());
        for launch in &self.launches {
            launches.push((launch, factor("launches.factor", launch.factor)?));
        }
        let shape = (0..days).map(|day| {
            let decline = div_half_even(year.saturating_mul(i128::from(day)), DAYS_PER_YEAR);
            let weekday = day.saturating_add(u32::from(self.first_weekday)).rem_euclid(7);
            let weekday = usize::try_from(weekday).ok().and_then(|it| week.get(it)).copied();
            let known = launches.iter().filter(|(launch, _)| launch.day <= day);
            let known = known.fold(NanoLog::ZERO, |sum, (launch, log)| {
                sum.plus(reached(*log, day.saturating_sub(launch.day), launch.half_life_days))
            });
            let decline = NanoLog::new(i64::try_from(decline).unwrap_or(i64::MIN));
            decline.plus(weekday.unwrap_or_default()).plus(known)
        });
        Ok(shape.collect())
    }
}

/// So much of a launch has come after so many days, halving what is left in each half-life.
fn reached(log: NanoLog, days: u32, half_life_days: u32) -> NanoLog {
    let span = |days: u32| NanosSpan::from_seconds(u64::from(days).saturating_mul(DAY));
    NanoLog::new(closed_part(log.nanos(), span(days), span(half_life_days)))
}

/// The logarithm of a factor, to the nearest billionth.
fn factor(field: &'static str, given: Ppm) -> Result<NanoLog, CurveError> {
    if given < FACTOR_MIN || FACTOR_MAX < given {
        return Err(CurveError::Parameter { field, limits: "a tenth to ten times" });
    }
    // Shares and prices are both millionths, so the table of prices serves.
    let one = NanoLog::of(instruments::MicroUsd::new(Ppm::ONE.ppm())).unwrap_or_default();
    let log = NanoLog::of(instruments::MicroUsd::new(given.ppm())).unwrap_or_default();
    Ok(log.minus(one))
}
