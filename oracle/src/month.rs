//! The fixing of a month of delivery: the mean of its hours, and how much of it was really printed.

use instruments::rounding::{div_floor, div_half_even};
use instruments::{MicroUsd, Ppm};

/// An hour without a value takes the mean of at most so many hours before the gap.
const CARRIED_MAX: usize = 72;
/// From this coverage on a month settles.
const COVERAGE_FULL: Ppm = Ppm::new(980_000);
/// From this on it settles after a review; below, by the fallback ladder.
const COVERAGE_MIN: Ppm = Ppm::new(900_000);

/// What the coverage of a month allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// At least 98 % of the hours: it settles.
    Settles,
    /// At least 90 %: it settles after somebody has looked.
    Review,
    /// Less: the fallback ladder decides.
    Ladder,
}

/// The fixing of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthFixing {
    /// The mean of all hours, rounded half to even.
    pub value: MicroUsd,
    /// The share of the hours that had a value of their own, rounded down.
    pub printed: Ppm,
    /// What that allows.
    pub coverage: Coverage,
}

/// The mean over hours, oldest first, `None` where the index was withheld for the whole hour.
///
/// The hours of a gap take the mean of the last `min(gap, 72)` values before it, those of a gap at the beginning the first value after it.
/// Each of these means is rounded half to even. `None` without a single value.
#[must_use]
pub fn month_fixing(hours: &[Option<MicroUsd>]) -> Option<MonthFixing> {
    let first = hours.iter().flatten().next().copied()?;
    let count = i128::try_from(hours.len()).ok()?;
    let own = i128::try_from(hours.iter().flatten().count()).ok()?;

    let mut known: Vec<i128> = Vec::with_capacity(hours.len());
    let (mut sum, mut gap) = (0_i128, 0_usize);
    // A gap's length is known when it has ended.
    for hour in hours.iter().copied().map(Some).chain([None]) {
        if hour == Some(None) {
            gap = gap.saturating_add(1);
            continue;
        }
        if 0 < gap {
            let carried = carried(&known, gap).unwrap_or(i128::from(first.micros()));
            let filled = i128::try_from(gap).ok()?;
            sum = sum.saturating_add(carried.saturating_mul(filled));
            gap = 0;
        }
        if let Some(Some(value)) = hour {
            known.push(i128::from(value.micros()));
            sum = sum.saturating_add(i128::from(value.micros()));
        }
    }
    let value = MicroUsd::from_i128(div_half_even(sum, count))?;
    let printed = div_floor(own.saturating_mul(1_000_000), count);
    let printed = Ppm::new(i64::try_from(printed).ok()?);
    let coverage = if COVERAGE_FULL <= printed {
        Coverage::Settles
    } else if COVERAGE_MIN <= printed {
        Coverage::Review
    } else {
        Coverage::Ladder
    };
    Some(MonthFixing { value, printed, coverage })
}

/// The mean of the last values before a gap of so many hours.
fn carried(known: &[i128], gap: usize) -> Option<i128> {
    let wanted = gap.min(CARRIED_MAX).min(known.len());
    let last = known.get(known.len().saturating_sub(wanted)..)?;
    let count = i128::try_from(last.len()).ok().filter(|count| 0 < *count)?;
    Some(div_half_even(last.iter().sum(), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(hours: impl IntoIterator<Item = Option<i64>>) -> Option<(i64, i64, Coverage)> {
        let hours: Vec<_> = hours.into_iter().map(|hour| hour.map(MicroUsd::new)).collect();
        let found = month_fixing(&hours)?;
        Some((found.value.micros(), found.printed.ppm(), found.coverage))
    }

    /// FIX-005: a gap of two hours after 1, 2, 3 takes 2.5 twice: (1 + 2 + 3 + 2.5 + 2.5 + 5) / 6, each rounded half to even.
    #[test]
    fn fix_005_a_gap_takes_the_mean_of_as_many_hours_before_it() {
        let hours = [Some(100), Some(200), Some(300), None, None, Some(500)];
        assert_eq!(month(hours), Some((267, 666_666, Coverage::Ladder)), "1,600 / 6 = 266.7");
        assert_eq!(month([None, None, Some(6), Some(9)]), Some((7, 500_000, Coverage::Ladder)));
        assert_eq!(month([Some(6), None]), Some((6, 500_000, Coverage::Ladder)));
        assert_eq!(month([None, None]), None);
        assert_eq!(month([]), None);
        let long = std::iter::repeat_n(Some(10), 72).chain(std::iter::repeat_n(None, 200));
        let long = std::iter::once(Some(1_000_000)).chain(long);
        assert_eq!(
            month(long).map(|found| found.0),
            Some(3_673),
            "72 tens, not the first: 1,002,720 / 273"
        );
    }

    /// FIX-006: 730 of 744 hours are 98.1 %, 729 are 97.98 %, 670 are 90.05 %, 669 are 89.9 %.
    #[test]
    fn fix_006_coverage_decides_whether_a_month_settles() {
        let covered = |own: usize| {
            let hours = std::iter::repeat_n(Some(7), own);
            month(hours.chain(std::iter::repeat_n(None, 744 - own)))
        };
        for (own, ppm, coverage) in [
            (744, 1_000_000, Coverage::Settles),
            (730, 981_182, Coverage::Settles),
            (729, 979_838, Coverage::Review),
            (670, 900_537, Coverage::Review),
            (669, 899_193, Coverage::Ladder),
        ] {
            assert_eq!(covered(own), Some((7, ppm, coverage)));
        }
    }
}
