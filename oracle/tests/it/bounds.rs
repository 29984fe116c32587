//! The bounds T1 to T5 of `docs/oracle.md`, on generated markets with exact ties and prices over six decades.

use instruments::{MicroUsd, Ppm};
use oracle::{NanoLog, Vote, fixing, interquantile_mean, weighted_median};
use proptest::prelude::*;

use crate::book::{Quotes, TICKS_PER_DAY, micros, moved};

/// Half of the central share of the index.
const HALF: i128 = 100_000;
const WHOLE: i128 = 1_000_000;
/// ln 10^6: six decades of price.
const SIX_DECADES: i64 = 13_815_510_558;

/// Positions with a weight; few distinct positions, so that there are exact ties.
fn honest() -> impl Strategy<Value = Vec<Vote>> {
    let tied = (-4..=4_i64).prop_map(|step| step * SIX_DECADES / 8);
    let at = prop_oneof![tied, -SIX_DECADES / 2..SIX_DECADES / 2];
    let vote = (at, 1..1_000_u32).prop_map(|(at, mass)| Vote { at: NanoLog::new(at), mass });
    prop::collection::vec(vote, 3..20)
}

fn mass(votes: &[Vote]) -> i128 {
    votes.iter().map(|vote| i128::from(vote.mass)).sum()
}

/// The mean of the honest mass between two positions of it in millionths of a unit of mass, by itself: no code of the index.
fn mean_between(honest: &[Vote], from: i128, until: i128) -> i128 {
    let mut sorted = honest.to_vec();
    sorted.sort_unstable();
    let (mut below, mut sum) = (0_i128, 0_i128);
    for vote in sorted {
        let start = below;
        below += i128::from(vote.mass) * WHOLE;
        let inside = (below.min(until) - start.max(from)).max(0);
        sum += inside * i128::from(vote.at.nanos());
    }
    sum.div_euclid(until - from)
}

/// ORACLE-045: the two ticks of `docs/oracle.md`.
#[test]
fn oracle_045_the_two_ticks_by_hand() {
    let mut quotes = Quotes::of(&[1_800_000, 2_000_000, 2_100_000, 2_400_000]);
    assert_eq!(micros(&quotes.tick()), 2_049_390);
    quotes.prices[2] = Some(21_000_000);
    let (print, told) = quotes.index.tick_explained(quotes.now, &quotes.observations());
    assert_eq!(micros(&print), 2_070_418);
    // The index reckons in micro-dollars, the page in dollars.
    let dollar = NanoLog::of(MicroUsd::new(1_000_000)).unwrap();
    let logs = [told.fast.minus(dollar), told.level.minus(dollar), told.anchor];
    let rounded = logs.map(|log| (log.nanos() + 50_000) / 100_000);
    assert_eq!(rounded, [7_275, 7_843, 2]);
}

proptest! {
    /// ORACLE-042 (T1): whatever a coalition reports that has less than four tenths of the weight, the middle fifth stays between two
    /// means of honest votes.
    #[test]
    fn t1_any_reports_of_a_coalition_leave_the_mean_among_the_honest(
        honest in honest(),
        reports in prop::collection::vec(any::<i64>(), 1..6),
        share in 1..399_000_i128,
    ) {
        let whole = mass(&honest);
        let coalition = (whole * share / (WHOLE - share)).max(1);
        prop_assume!(coalition * 10 < (whole + coalition) * 4);
        let each = coalition / i128::try_from(reports.len()).unwrap();
        prop_assume!(0 < each);
        let taken = each * i128::try_from(reports.len()).unwrap();
        let mut votes = honest.clone();
        votes.extend(reports.iter().map(|&at| Vote {
            // Far beyond every price, on either side.
            at: NanoLog::new(at / 1_000_000),
            mass: u32::try_from(each).unwrap(),
        }));
        let all = whole + taken;
        let (from, until) = (all * (WHOLE / 2 - HALF), all * (WHOLE / 2 + HALF));
        let low = mean_between(&honest, from - taken * WHOLE, until - taken * WHOLE);
        let high = mean_between(&honest, from, until);
        let mean = interquantile_mean(&votes, Ppm::new(100_000)).unwrap();
        prop_assert!(low - 1 <= i128::from(mean.nanos()) && i128::from(mean.nanos()) <= high + 1);
    }

    /// ORACLE-042 (T2): with the band, less than half of the weight moves the mean by no more than it can move the median, and the band.
    #[test]
    fn t2_the_band_holds_what_the_median_holds(
        honest in honest(),
        reports in prop::collection::vec(-50_000_000_000..50_000_000_000_i64, 1..6),
        share in 1..499_000_i128,
        band in 50_000_000..150_000_000_i64,
    ) {
        let whole = mass(&honest);
        let count = i128::try_from(reports.len()).unwrap();
        let each = (whole * share / (WHOLE - share)) / count;
        prop_assume!(0 < each && each * count < whole);
        let mut votes = honest.clone();
        votes.extend(reports.iter().map(|&at| Vote {
            at: NanoLog::new(at),
            mass: u32::try_from(each).unwrap(),
        }));
        let center = weighted_median(&votes).unwrap();
        let band = NanoLog::new(band);
        let winsorised: Vec<Vote> =
            votes.iter().map(|vote| Vote { at: vote.at.within(center, band), ..*vote }).collect();
        let mean = interquantile_mean(&winsorised, Ppm::new(100_000)).unwrap();
        let at = honest.iter().map(|vote| vote.at);
        prop_assert!(at.clone().min().unwrap() <= center && center <= at.max().unwrap());
        prop_assert!(mean.minus(center).abs() <= band);
        // The median itself stays within the honest quantiles at ½ − x/2 and ½ + x/2 of 1 − x.
        let all = whole + each * count;
        let quantile = |wanted: i128| {
            let mut sorted = honest.clone();
            sorted.sort_unstable();
            let mut below = 0;
            let reached = |vote: &&Vote| {
                below += 2 * i128::from(vote.mass);
                wanted <= below
            };
            sorted.iter().find(reached).map(|vote| vote.at)
        };
        prop_assert!(quantile(all - 2 * each * count) <= Some(center));
        prop_assert!(quantile(all).is_none_or(|high| center <= high));
    }

    /// ORACLE-043 (T3): in a market at rest less than four tenths of the providers move the index by the width of a vote and one per cent
    /// a day, whatever they quote, at any price level.
    #[test]
    fn t3_a_lie_of_some_hours_moves_the_index_by_its_share_of_the_anchor(
        decade in 0..6_u32,
        levels in prop::collection::vec(100_000..300_000_i64, 5..12),
        lies in prop::collection::vec(1..1_000_000_000_000_i64, 4),
        ticks in 1..TICKS_PER_DAY,
    ) {
        let scale = 10_i64.pow(decade);
        let mut quotes = Quotes::of(&levels.iter().map(|level| level * scale).collect::<Vec<_>>());
        quotes.ticks(4);
        let mut honest = quotes.clone();
        let liars = (levels.len() * 2).div_ceil(5) - 1;
        for (price, lie) in quotes.prices.iter_mut().take(liars).zip(lies.iter().cycle()) {
            *price = Some(*lie);
        }
        for tick in 1..=ticks {
            let (lied, told) = (micros(&quotes.tick()), micros(&honest.tick()));
            let days_ppm = 10_000 * i64::try_from(tick).unwrap() / 48;
            // Two anchors move apart by twice the limit; a vote reaches one per cent, and its exponential a little more.
            prop_assert!(moved(told, lied) <= 10_200 + 2 * days_ppm + 100, "{told} {lied} {tick}");
        }
    }

    /// ORACLE-044 (T4): four wild partitions of 48 leave the fixing among the honest ones; of more each moves it by a fortieth.
    #[test]
    fn t4_wild_partitions_move_a_fixing_by_their_number(
        honest in prop::collection::vec(1_000_000..4_000_000_i64, 48),
        wild in prop::collection::vec(1..4_000_000_000_i64, 0..16),
    ) {
        let settled = |values: &[i64]| {
            let values: Vec<_> = values.iter().map(|&value| Some(MicroUsd::new(value))).collect();
            fixing(&values).unwrap().micros()
        };
        let mut values = honest.clone();
        values[..wild.len()].copy_from_slice(&wild);
        let kept = &honest[wild.len()..];
        let (low, high) = (kept.iter().min().unwrap(), kept.iter().max().unwrap());
        let value = settled(&values);
        if wild.len() <= 4 {
            prop_assert!((*low..=*high).contains(&value));
        }
        let beyond = i64::try_from(wild.len().saturating_sub(4)).unwrap();
        let furthest = wild.iter().map(|wild| (wild - high).max(low - wild).max(0)).max().unwrap_or(0);
        prop_assert!(value <= high + (beyond * furthest).div_euclid(40) + 1);
        prop_assert!(low - (beyond * furthest).div_euclid(40) - 1 <= value);
    }
}
