//! The settlement fixing: a trimmed mean of the partitions of the last day.

use instruments::MicroUsd;
use instruments::rounding::div_half_even;

/// One partition in twelve is dropped at either end: 4 and 4 of 48.
const TRIM_ONE_IN: usize = 12;
/// At least three partitions in five must be there: 29 of 48.
const THERE_MIN: (usize, usize) = (3, 5);

/// The settlement value of consecutive partition values, oldest first, `None` where the index was withheld.
///
/// A missing partition takes the value before it, the first ones the value after them. Then one value in twelve, rounded down, is dropped
/// at either end, and the mean of the rest is rounded once, half to even. `None` when fewer than three partitions in five are there, or none.
#[must_use]
pub fn fixing(partitions: &[Option<MicroUsd>]) -> Option<MicroUsd> {
    let there = partitions.iter().flatten().count();
    if there.saturating_mul(THERE_MIN.1) < partitions.len().saturating_mul(THERE_MIN.0) {
        return None;
    }
    let mut carried = partitions.iter().flatten().next().copied()?;
    let mut values = Vec::with_capacity(partitions.len());
    for value in partitions {
        carried = value.unwrap_or(carried);
        values.push(carried);
    }
    values.sort_unstable();
    let trim = values.len().div_euclid(TRIM_ONE_IN);
    let kept = values.get(trim..values.len().saturating_sub(trim))?;
    let sum: i128 = kept.iter().map(|value| i128::from(value.micros())).sum();
    MicroUsd::from_i128(div_half_even(sum, i128::try_from(kept.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(values: impl IntoIterator<Item = Option<i64>>) -> Option<i64> {
        let values: Vec<_> = values.into_iter().map(|value| value.map(MicroUsd::new)).collect();
        fixing(&values).map(MicroUsd::micros)
    }

    /// ORACLE-012: four wild partitions of 48 change nothing.
    #[test]
    fn oracle_012_the_four_highest_and_lowest_of_48_do_not_count() {
        let honest = std::iter::repeat_n(Some(2_000_000), 44);
        assert_eq!(day(honest.clone().chain([Some(i64::MAX); 4])), Some(2_000_000));
        assert_eq!(day(honest.chain([Some(0); 4])), Some(2_000_000));
        let rising = (1..=48).map(Some);
        assert_eq!(day(rising), Some(24), "24.5, half to even");
    }

    /// ORACLE-012: fewer partitions are trimmed in proportion.
    #[test]
    fn oracle_012_fewer_partitions_are_trimmed_in_proportion() {
        assert_eq!(day([Some(7)]), Some(7));
        assert_eq!(day((1..=11).map(Some).chain([Some(1_000)])), Some(6), "2 to 11, mean 6.5");
        assert_eq!(day([Some(1), Some(2), Some(1_000)]), Some(334), "too few to trim");
    }

    /// ORACLE-013: a missing partition is carried, and less than three in five refuses.
    #[test]
    fn oracle_013_missing_partitions_are_carried_if_three_in_five_are_there() {
        let with_gap = |gap: usize| {
            (0..48).map(
                move |i| if (10..10 + gap).contains(&i) { None } else { Some(i64::from(i < 10)) },
            )
        };
        let all: Vec<_> = with_gap(4).collect();
        assert_eq!(all.iter().flatten().count(), 44);
        // Fourteen ones instead of ten; four of them are trimmed.
        assert_eq!(
            day((0..48).map(|i| match i {
                10..14 => None,
                i if i < 10 => Some(1_000),
                _ => Some(0),
            })),
            Some(250)
        );
        assert_eq!(day(with_gap(19)), Some(1), "29 ones of which 4 and 4 do not count, 19 noughts");
        assert_eq!(day(with_gap(20)), None, "28 of 48 are less than three in five");
        assert_eq!(day([None, None, Some(5), Some(5), Some(5)]), Some(5));
        assert_eq!(day([None, None, None, Some(5), Some(5), Some(5)]), None);
        assert_eq!(day([None]), None);
        assert_eq!(day([]), None);
    }
}
