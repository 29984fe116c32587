//! The mean of a quantity over so many days, each day counting once however often it was measured.
//!
//! Invariant: days are in order, each once, and none is older than the window.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Nanos;
use instruments::rounding::div_half_even;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// The day of an instant, counted from the Unix epoch.
pub(crate) fn day_of(at: Nanos) -> u64 {
    at.nanos().div_euclid(DAY_NANOS)
}

/// One day's measurements.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Day {
    day: u64,
    sum: i128,
    count: u32,
}

/// The days of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Daily {
    days: Vec<Day>,
}

impl Daily {
    /// Adds a measurement and forgets what is older than `window` days.
    pub(crate) fn add(&mut self, at: Nanos, value: i64, window: u32) {
        let today = day_of(at);
        match self.days.last_mut() {
            Some(last) if last.day == today => {
                last.sum = last.sum.saturating_add(i128::from(value));
                last.count = last.count.saturating_add(1);
            }
            Some(_) | None => self.days.push(Day { day: today, sum: i128::from(value), count: 1 }),
        }
        self.days.retain(|day| today.saturating_sub(day.day) < u64::from(window));
    }

    /// How many days have a measurement.
    pub(crate) fn days(&self) -> u32 {
        u32::try_from(self.days.len()).unwrap_or(u32::MAX)
    }

    /// The mean of the days' means; `None` without a day.
    pub(crate) fn mean(&self) -> Option<i64> {
        let sum: i128 = self.days.iter().map(Day::mean).sum();
        let count = i128::from(self.days());
        if count == 0 {
            return None;
        }
        i64::try_from(div_half_even(sum, count)).ok()
    }

    /// The means of the two days before `today`, later first, if they are those two days.
    pub(crate) fn last_two(&self, today: u64) -> Option<(i64, i64)> {
        let mean = |ago: u64| {
            let day = today.checked_sub(ago)?;
            let day = self.days.iter().rev().find(|one| one.day == day)?;
            i64::try_from(day.mean()).ok()
        };
        Some((mean(1)?, mean(2)?))
    }
}

impl Day {
    fn mean(&self) -> i128 {
        div_half_even(self.sum, i128::from(self.count.max(1)))
    }
}

/// Amounts by day and their sum over a window.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Volume {
    days: Vec<(u64, u64)>,
    sum: u64,
}

impl Volume {
    /// Adds `amount` today.
    pub(crate) fn add(&mut self, at: Nanos, amount: u64) {
        let today = day_of(at);
        self.sum = self.sum.saturating_add(amount);
        match self.days.last_mut() {
            Some((day, there)) if *day == today => *there = there.saturating_add(amount),
            Some(_) | None => self.days.push((today, amount)),
        }
    }

    /// The sum of the last `window` days.
    pub(crate) fn sum(&mut self, now: Nanos, window: u32) -> u64 {
        let today = day_of(now);
        let is_old = |day: u64| u64::from(window) <= today.saturating_sub(day);
        if self.days.first().is_some_and(|(day, _)| is_old(*day)) {
            self.days.retain(|(day, _)| !is_old(*day));
            self.sum = self.days.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount));
        }
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon(day: u64) -> Nanos {
        Nanos::from_seconds(day * 86_400 + 43_200)
    }

    #[test]
    fn every_day_counts_once_and_old_days_are_forgotten() {
        let mut daily = Daily::default();
        assert_eq!(daily.mean(), None);
        for value in [1, 2, 3] {
            daily.add(noon(1), value, 3);
        }
        daily.add(noon(2), 10, 3);
        assert_eq!((daily.mean(), daily.days()), (Some(6), 2));
        assert_eq!(daily.last_two(3), Some((10, 2)));
        assert_eq!(daily.last_two(2), None);
        daily.add(noon(4), 20, 3);
        assert_eq!((daily.mean(), daily.days()), (Some(15), 2));
    }

    #[test]
    fn a_volume_is_the_sum_of_its_window() {
        let mut volume = Volume::default();
        volume.add(noon(1), 5);
        volume.add(noon(1), 6);
        volume.add(noon(28), 7);
        assert_eq!(volume.sum(noon(28), 28), 18);
        assert_eq!(volume.sum(noon(29), 28), 7);
        assert_eq!(volume.sum(noon(56), 28), 0);
    }
}
