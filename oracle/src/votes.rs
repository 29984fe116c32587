//! Robust averages of weighted votes in log space: median, deviation, winsor band, interquantile mean, cap.
//!
//! Invariants:
//! - every average is the same whatever the order of the votes, and moves with them when all move by the same distance;
//! - [`weighted_median`] and [`interquantile_mean`] never fall when a vote rises;
//! - a vote is never deleted: a deleted bad input cannot be seen.

use instruments::Ppm;
use instruments::rounding::{div_floor, div_half_even};

use crate::log::NanoLog;
use crate::params::Params;

const PPM_PER_ONE: i128 = 1_000_000;

/// A position and what it weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    /// Where, in log price.
    pub at: NanoLog,
    /// What it weighs; only ratios matter.
    pub mass: u32,
}

/// The lowest position that has at least half of the mass at or below it. `None` without mass.
#[must_use]
pub fn weighted_median(votes: &[Vote]) -> Option<NanoLog> {
    quantile(votes, Ppm::new(500_000))
}

/// The lowest position that has at least the share `rank` of the mass at or below it. `None` without mass.
pub(crate) fn quantile(votes: &[Vote], rank: Ppm) -> Option<NanoLog> {
    let wanted = i128::from(rank.ppm()).saturating_mul(total(votes));
    let mut below = 0_i128;
    for vote in sorted(votes) {
        below = below.saturating_add(i128::from(vote.mass));
        if wanted <= below.saturating_mul(PPM_PER_ONE) {
            return Some(vote.at);
        }
    }
    None
}

/// The mean of the mass between the quantiles one half minus `half` and one half plus `half`. `None` without mass.
#[must_use]
pub fn interquantile_mean(votes: &[Vote], half: Ppm) -> Option<NanoLog> {
    let all = total(votes);
    let half = i128::from(half.ppm()).clamp(1, PPM_PER_ONE / 2);
    let from = all.saturating_mul((PPM_PER_ONE / 2).saturating_sub(half));
    let until = all.saturating_mul((PPM_PER_ONE / 2).saturating_add(half));
    if all == 0 {
        return None;
    }
    let mut below = 0_i128;
    let mut sum = 0_i128;
    for vote in sorted(votes) {
        let start = below;
        below = below.saturating_add(i128::from(vote.mass).saturating_mul(PPM_PER_ONE));
        let inside = below.min(until).saturating_sub(start.max(from)).max(0);
        sum = sum.saturating_add(inside.saturating_mul(i128::from(vote.at.nanos())));
    }
    let mean = div_half_even(sum, until.saturating_sub(from));
    i64::try_from(mean).ok().map(NanoLog::new)
}

/// The weighted median of the distances from `center`. `None` without mass.
pub(crate) fn deviation(votes: &[Vote], center: NanoLog) -> Option<NanoLog> {
    let distances: Vec<Vote> =
        votes.iter().map(|vote| Vote { at: vote.at.minus(center).abs(), ..*vote }).collect();
    weighted_median(&distances)
}

/// The votes with every position brought within `band` of `center`. None is deleted.
pub(crate) fn winsorised(votes: &[Vote], center: NanoLog, band: NanoLog) -> Vec<Vote> {
    votes.iter().map(|vote| Vote { at: vote.at.within(center, band), ..*vote }).collect()
}

/// Every vote as two halves, `halfwidth` below and above it.
pub(crate) fn spread_out(votes: &[Vote], halfwidth: NanoLog) -> Vec<Vote> {
    let below = votes.iter().map(|vote| Vote { at: vote.at.minus(halfwidth), ..*vote });
    let above = votes.iter().map(|vote| Vote { at: vote.at.plus(halfwidth), ..*vote });
    below.chain(above).collect()
}

/// How many equal voices the weights are worth: (Σ w)² / Σ w², in millionths.
pub(crate) fn voices(weights: impl Iterator<Item = u64> + Clone) -> Ppm {
    let (sum, squares) = sums(weights);
    if squares == 0 {
        return Ppm::ZERO;
    }
    let voices = div_floor(sum.saturating_mul(sum).saturating_mul(PPM_PER_ONE), squares);
    Ppm::new(i64::try_from(voices).unwrap_or(i64::MAX))
}

/// The most one cluster may weigh: a share of the sum, or two voices' worth where that is more, but never above the highest cap.
///
/// A tighter cap than two voices' worth would cut honest clusters until a coalition below it had the majority; the highest one stands where
/// a single cluster is so heavy that the voices are hardly more than one.
pub(crate) fn cap(weights: impl Iterator<Item = u64> + Clone, params: &Params) -> u64 {
    let (sum, squares) = sums(weights);
    if sum == 0 {
        return 0;
    }
    let share = |share: Ppm| div_floor(sum.saturating_mul(i128::from(share.ppm())), PPM_PER_ONE);
    let by_voices = div_floor(squares.saturating_mul(2), sum);
    let most = by_voices.min(share(params.cluster_cap_max)).max(share(params.cluster_cap));
    u64::try_from(most).unwrap_or(u64::MAX)
}

fn sums(weights: impl Iterator<Item = u64> + Clone) -> (i128, i128) {
    let sum: i128 = weights.clone().map(i128::from).sum();
    let squares = weights.map(|weight| i128::from(weight).saturating_mul(i128::from(weight))).sum();
    (sum, squares)
}

fn total(votes: &[Vote]) -> i128 {
    votes.iter().map(|vote| i128::from(vote.mass)).sum()
}

/// By position and then mass, so that the order in which votes arrive cannot matter. Without those that weigh nothing.
fn sorted(votes: &[Vote]) -> Vec<Vote> {
    let mut sorted: Vec<Vote> = votes.iter().copied().filter(|vote| 0 < vote.mass).collect();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(votes: &[(i64, u32)]) -> Vec<Vote> {
        votes.iter().map(|&(at, mass)| Vote { at: NanoLog::new(at), mass }).collect()
    }

    #[test]
    fn the_median_is_the_lowest_position_with_half_of_the_mass_below() {
        assert_eq!(weighted_median(&votes(&[])), None);
        assert_eq!(weighted_median(&votes(&[(5, 0)])), None);
        assert_eq!(weighted_median(&votes(&[(5, 1)])), Some(NanoLog::new(5)));
        assert_eq!(weighted_median(&votes(&[(1, 1), (9, 1)])), Some(NanoLog::new(1)));
        assert_eq!(weighted_median(&votes(&[(9, 2), (1, 1)])), Some(NanoLog::new(9)));
    }

    #[test]
    fn the_interquantile_mean_averages_the_middle_fifth_of_the_mass() {
        let tenth = Ppm::new(100_000);
        assert_eq!(interquantile_mean(&votes(&[]), tenth), None);
        assert_eq!(interquantile_mean(&votes(&[(0, 0)]), tenth), None);
        assert_eq!(interquantile_mean(&votes(&[(10, 1), (20, 1)]), tenth), Some(NanoLog::new(15)));
        // Shares 0.55 and 0.45: three quarters of the middle fifth lie at 10.
        let uneven = votes(&[(10, 55), (20, 45)]);
        assert_eq!(interquantile_mean(&uneven, tenth), Some(NanoLog::new(12)));
        let outlier = votes(&[(10, 1), (10, 1), (10, 1), (i64::MAX, 1)]);
        assert_eq!(interquantile_mean(&outlier, tenth), Some(NanoLog::new(10)));
    }

    /// ORACLE-022: the cap is a fifth, or two voices where that is more, and never above the highest.
    #[test]
    fn the_cap_never_cuts_below_two_voices() {
        let params = Params::default();
        let five = [100_u64; 5];
        assert_eq!(voices(five.iter().copied()), Ppm::new(5_000_000));
        assert_eq!(cap(five.iter().copied(), &params), 200, "two fifths, not one");
        let many = [10_u64; 50];
        assert_eq!(cap(many.iter().copied(), &params), 100, "one fifth of 500");
        let giant = [900_u64, 50, 50];
        assert_eq!(cap(giant.iter().copied(), &params), 400, "two fifths of 1000, not all of it");
        assert_eq!(cap(std::iter::empty(), &params), 0);
        assert_eq!(voices(std::iter::empty()), Ppm::ZERO);
    }
}
