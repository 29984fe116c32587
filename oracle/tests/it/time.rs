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

/// ORACLE-016: a lasting change of the level comes through by half in a week, in small steps.
#[test]
fn oracle_016_half_of_a_lasting_change_of_level_comes_through_in_a_week() {
    let levels = std::iter::repeat_n(2_000_000, 5).chain(std::iter::repeat_n(3_000_000, 9));
    let mut quotes = Quotes::of(&levels.collect::<Vec<_>>());
    let mut prints = quotes.ticks(2);
    quotes.prices[5..].fill(None);
    assert_eq!(micros(&prints[1]), 3_000_000);
    prints.extend(quotes.ticks(8 * TICKS_PER_DAY));
    assert!(worst_step(&prints) <= 2_500, "{}", worst_step(&prints));
    // Half of the logarithmic way from 3 to 2 is 2.449; the first day passes before those who left have faded.
    let last = micros(&prints[8 * TICKS_PER_DAY]);
    assert!((2_400_000..2_550_000).contains(&last), "{last}");
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
        2020059 to 2010130, conf 24395 to 24343
        2010213 to 2017255, conf 24291 to 10636
        2017219 to 1996635, conf 10610 to 10000
        1996590 to 1996385, conf 10000 to 10000
        1996392 to 1998295, conf 10000 to 10000
        1998403 to 2002680, conf 10000 to 10000
    "#]]
    .assert_eq(&weeks.iter().map(line).collect::<String>());
    assert!(weeks.iter().all(|week| worst_step(week) <= 200));
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
