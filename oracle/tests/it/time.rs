//! What time does: entry, exit, the anchor, the epochs.

use expect_test::expect;
use instruments::{MicroUsd, NanosSpan};
use oracle::{Index, Observation, Params, Print, ProviderId};

use crate::book::{HALF_HOUR, Quotes, TICKS_PER_DAY, micros, moved, worst_step};

const SIX: [i64; 6] = [1_000_000, 2_000_000, 2_100_000, 2_400_000, 2_700_000, 3_300_000];

/// ORACLE-008: a newcomer is watched for a week and then begins with no weight; the index never notices.
#[test]
fn oracle_008_a_new_provider_does_not_move_the_index_when_it_enters() {
    let mut quotes = Quotes::of(&SIX);
    let before = micros(&quotes.ticks(10)[9]);
    quotes.prices.push(Some(1_200_000));
    let prints = quotes.ticks(7 * TICKS_PER_DAY + 1);
    assert!(
        prints.iter().all(|print| print.providers == 6),
        "it does not count while on probation"
    );
    assert!(prints.iter().all(|print| micros(print) == before), "nor does it vote");
    let prints = quotes.ticks(2 * TICKS_PER_DAY);
    assert!(prints.iter().all(|print| print.providers == 7));
    // Its level counts from now on, but slowly: the entry is no step.
    assert!(worst_step(&prints) <= 500, "{}", worst_step(&prints));
    assert!(moved(before, micros(&prints[0])) <= 100);
}

#[test]
fn oracle_008_a_provider_that_is_rarely_there_stays_on_probation() {
    let mut quotes = Quotes::of(&SIX);
    quotes.ticks(2);
    quotes.prices.push(None);
    for tick in 0..10 * TICKS_PER_DAY {
        quotes.prices[6] = (tick % 3 == 0).then_some(2_000_000);
        assert_eq!(quotes.tick().providers, 6);
    }
}

/// ORACLE-009: whoever leaves fades; the level follows slowly.
#[test]
fn oracle_009_leaving_and_returning_are_no_steps() {
    let mut quotes = Quotes::of(&SIX);
    let before = micros(&quotes.ticks(10)[9]);
    quotes.prices[5] = None;
    let mut prints = quotes.ticks(2 * TICKS_PER_DAY);
    quotes.prices[5] = Some(SIX[5]);
    prints.extend(quotes.ticks(2 * TICKS_PER_DAY));
    assert!(worst_step(&prints) <= 2_500, "{}", worst_step(&prints));
    assert!(moved(before, micros(&prints[0])) <= 100);
    // The plain median of the six and of the five others differ by seven per cent.
    assert!(prints.iter().all(|print| moved(before, micros(print)) <= 15_000));
}

#[test]
fn oracle_009_a_provider_gone_for_a_day_has_no_vote() {
    let silent = |price| {
        let mut quotes = Quotes::of(&[2_000_000; 6]);
        quotes.prices[5] = Some(price);
        quotes.ticks(2);
        quotes.prices[5] = None;
        quotes
    };
    let (mut low, mut high) = (silent(1_950_000), silent(2_050_000));
    let (low, high) = (low.ticks(TICKS_PER_DAY), high.ticks(TICKS_PER_DAY));
    let last = TICKS_PER_DAY - 1;
    assert_eq!(low[last].conf, high[last].conf);
    assert_eq!(low[last].conf.ppm(), 10_000, "nobody's quote is old any more");
    assert!(10_000 < low[last - 1].conf.ppm());
}

/// The prints of so many days after sixteen of twenty-one providers left, who had asked `above` instead of two dollars.
fn after_the_dear_ones_left(above: i64, days: usize) -> Vec<Print> {
    let levels = std::iter::repeat_n(2_000_000, 5).chain(std::iter::repeat_n(above, 16));
    let mut quotes = Quotes::of(&levels.collect::<Vec<_>>());
    let mut prints = quotes.ticks(2);
    assert_eq!(micros(&prints[1]), above);
    quotes.prices[5..].fill(None);
    prints.extend(quotes.ticks(days * TICKS_PER_DAY));
    prints
}

/// ORACLE-016: a small lasting change of the level comes through by half in three and a half days, in small steps.
#[test]
fn oracle_016_half_of_a_lasting_change_of_level_comes_through_in_half_a_week() {
    let prints = after_the_dear_ones_left(2_020_000, 4);
    assert!(worst_step(&prints) <= 250, "{}", worst_step(&prints));
    // The first day passes before those who left have faded.
    let last = micros(&prints[4 * TICKS_PER_DAY]);
    assert!((2_008_000..2_012_000).contains(&last), "{last}");
}

/// ORACLE-016: a large one comes through by one per cent a day.
#[test]
fn oracle_016_the_level_moves_the_index_by_one_per_cent_a_day() {
    let prints = after_the_dear_ones_left(3_000_000, 11);
    let days: Vec<i64> = prints.iter().step_by(TICKS_PER_DAY).map(micros).collect();
    for day in days.windows(2).skip(1) {
        assert!((9_900..=9_990).contains(&moved(day[0], day[1])), "{days:?}");
    }
}

/// ORACLE-017: whoever asks more for good is an outlier for the epoch, and then becomes normal by a quarter of a per cent a day.
#[test]
fn oracle_017_spreads_are_frozen_for_an_epoch_and_then_move_slowly() {
    let mut quotes = Quotes::of(&[2_000_000; 5]);
    quotes.ticks(1);
    quotes.prices[..2].fill(Some(2_100_000));
    let weeks: Vec<Vec<_>> = (0..6).map(|_| quotes.ticks(7 * TICKS_PER_DAY)).collect();
    let line = |week: &Vec<Print>| {
        let (first, last) = (&week[0], &week[7 * TICKS_PER_DAY - 1]);
        format!(
            "{} to {}, conf {} to {}\n",
            micros(first),
            micros(last),
            first.conf.ppm(),
            last.conf.ppm()
        )
    };
    expect![[r#"
        2020139 to 2027138, conf 24395 to 10000
        2027148 to 2028887, conf 10000 to 10000
        2028889 to 2029341, conf 10000 to 10000
        2029341 to 2029452, conf 10000 to 10000
        2029452 to 2029480, conf 10000 to 10000
        2029480 to 2029487, conf 10000 to 10000
    "#]]
    .assert_eq(&weeks.iter().map(line).collect::<String>());
    assert!(weeks.iter().all(|week| worst_step(week) <= 420));
}

/// ORACLE-017: what one tick taught is forgotten after a week, between two ticks and without a step.
#[test]
fn oracle_017_the_founding_spreads_give_way_without_a_step() {
    let mut quotes =
        Quotes::of(&[2_000_000, 2_000_000, 2_000_000, 2_300_000, 1_800_000, 2_100_000]);
    quotes.ticks(1);
    quotes.prices.fill(Some(2_000_000));
    let week = quotes.ticks(7 * TICKS_PER_DAY - 2);
    let turn = quotes.ticks(4);
    assert!(worst_step(&turn) <= 420, "{turn:?}");
    assert!(15_000 < week[TICKS_PER_DAY].conf.ppm(), "they seemed to disagree");
    assert_eq!(turn[3].conf.ppm(), 10_000, "and do not any more");
}

#[test]
fn oracle_003_of_two_quotes_the_later_counts_and_then_the_cheaper() {
    let quote = |at, price| {
        let provider = ProviderId::new("provider-0").unwrap();
        Observation::new(at, provider, MicroUsd::new(price), 1).unwrap()
    };
    let with = |extra: &[Observation]| {
        let quotes = Quotes::of(&SIX);
        let mut observations = quotes.observations();
        observations.remove(0);
        observations.extend_from_slice(extra);
        Index::new(Params::default()).tick(quotes.now, &observations)
    };
    let now = Quotes::of(&SIX).now;
    let (early, stale) = (now - NanosSpan::from_seconds(60), now - HALF_HOUR - NanosSpan::new(1));
    let alone = with(&[quote(now, 2_350_000)]);
    assert_eq!(with(&[quote(early, 1), quote(now, 2_350_000)]), alone);
    assert_eq!(with(&[quote(now, 2_350_000), quote(now, 2_950_000)]), alone);
    assert_eq!(with(&[quote(now, 2_350_000), quote(now + HALF_HOUR, 1)]), alone, "not yet");
    assert_eq!(with(&[quote(stale, 2_350_000)]), with(&[]), "not any more");
}
