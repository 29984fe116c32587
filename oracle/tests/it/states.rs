//! How far a value may be relied upon: the gates, the jump, the fallback.

use expect_test::{Expect, expect};
use instruments::{MicroUsd, Nanos};
use oracle::{Index, Observation, Params, Print, ProviderId, State};

use crate::book::{Quotes, micros};

const FIVE: [i64; 5] = [1_800_000, 2_000_000, 2_100_000, 2_300_000, 2_900_000];

/// `value conf state providers`, one line per print.
#[track_caller]
fn check(prints: &[Print], expected: &Expect) {
    let line = |print: &Print| {
        let value = print.value.map_or_else(|| "-".to_owned(), |value| value.micros().to_string());
        format!("{value} {} {} {}\n", print.conf.ppm(), print.state, print.providers)
    };
    expected.assert_eq(&prints.iter().map(line).collect::<String>());
}

#[test]
fn oracle_007_the_number_of_providers_decides_what_is_published() {
    let first = |providers| Quotes::of(&FIVE[..providers]).tick();
    check(
        &[first(0), first(3), first(4), first(5)],
        &expect![[r#"
            - 1000000 WITHHELD(no observations) 0
            - 1000000 WITHHELD(3 of 4 providers) 3
            2049390 10000 LOW_CONF 4
            2126743 10000 OK 5
        "#]],
    );
}

#[test]
fn oracle_007_prices_of_different_things_found_no_index() {
    let mut quotes = Quotes::of(&[2_000_000, 2_100_000, 2_200_000, 90_000_000]);
    check(
        &[quotes.tick()],
        &expect![[r#"
        - 1000000 WITHHELD(no common level of 4 providers) 4
    "#]],
    );
}

#[test]
fn oracle_014_one_provider_short_a_recent_quote_helps_for_six_hours() {
    let mut quotes = Quotes::of(&FIVE[..4]);
    quotes.ticks(2);
    quotes.prices[1] = None;
    let states: Vec<String> =
        quotes.ticks(14).iter().map(|print| print.state.to_string()).collect();
    assert!(states[..12].iter().all(|state| state == "FALLBACK(2)"), "{states:?}");
    assert_eq!(states[12], "WITHHELD(3 of 4 providers)");
    assert_eq!(states[13], "WITHHELD(3 of 4 providers)");
}

#[test]
fn oracle_014_two_providers_short_nothing_helps() {
    let mut quotes = Quotes::of(&FIVE[..4]);
    quotes.ticks(2);
    quotes.prices[1] = None;
    quotes.prices[2] = None;
    check(
        &[quotes.tick()],
        &expect![[r#"
        - 1000000 WITHHELD(2 of 4 providers) 2
    "#]],
    );
}

/// The index goes where the middle votes are: two of five cannot move it, the third can, and it moves alone.
#[test]
fn oracle_010_a_jump_is_unconfirmed_until_it_has_stood_for_three_ticks() {
    let mut quotes = Quotes::of(&[2_000_000; 5]);
    quotes.ticks(3);
    quotes.prices = [3, 3, 2, 2, 2].map(|price| Some(price * 1_000_000)).to_vec();
    quotes.ticks(3);
    quotes.prices[2] = Some(3_000_000);
    let prints = quotes.ticks(5);
    let states: Vec<State> = prints.iter().map(|print| print.state).collect();
    check(
        &prints,
        &expect![[r#"
            2971387 50000 UNCONFIRMED 5
            2970768 50000 UNCONFIRMED 5
            2970150 25000 OK 5
            2969531 25000 OK 5
            2968912 25000 OK 5
        "#]],
    );
    assert_eq!(states[..2], [State::Unconfirmed; 2]);
    assert_ne!(states[2], State::Unconfirmed);
}

#[test]
fn oracle_010_a_move_that_others_make_too_is_believed_at_once() {
    let mut quotes = Quotes::of(&[2_000_000; 5]);
    quotes.ticks(3);
    quotes.prices = vec![Some(2_400_000); 5];
    let print = quotes.tick();
    assert_eq!(print.state, State::Ok);
    assert_eq!(micros(&print), 2_400_000);
}

#[test]
fn oracle_010_a_jump_that_goes_back_is_forgotten() {
    let mut quotes = Quotes::of(&[2_000_000; 5]);
    quotes.ticks(3);
    quotes.prices = [3, 3, 2, 2, 2].map(|price| Some(price * 1_000_000)).to_vec();
    quotes.ticks(3);
    quotes.prices[2] = Some(3_000_000);
    assert_eq!(quotes.tick().state, State::Unconfirmed);
    quotes.prices = vec![Some(2_000_000); 5];
    assert_ne!(quotes.tick().state, State::Unconfirmed);
}

#[test]
fn oracle_015_votes_that_disagree_widen_the_confidence_and_show() {
    let mut quotes = Quotes::of(&[2_000_000; 6]);
    quotes.ticks(2);
    quotes.prices = [14, 16, 19, 21, 26, 29].map(|price| Some(price * 100_000)).to_vec();
    let print = quotes.tick();
    assert_eq!(print.state, State::LowConf);
    assert!(50_000 < print.conf.ppm());
}

/// A day's ticks at which providers of these names ask two dollars and a few cents, and what the last of them printed.
fn days_of(index: &mut Index, now: &mut u64, days: u64, names: &[String]) -> Print {
    let mut last = None;
    for _ in 0..48 * days {
        *now += 1_800;
        let at = Nanos::from_seconds(*now);
        let asks = names.iter().zip(0_i64..).map(|(name, place)| {
            let price = MicroUsd::new(2_000_000 + 10_000 * place);
            Observation::new(at, ProviderId::new(name).expect("a name"), price, 1).expect("an ask")
        });
        last = Some(index.tick(at, &asks.collect::<Vec<_>>()));
    }
    last.expect("a day has ticks")
}

/// ORACLE-046: everybody gone for a month, or five of eight under other names: a week later there is an index again.
#[test]
fn oracle_046_an_index_that_nobody_votes_in_any_more_is_founded_anew() {
    let names =
        |from: usize| -> Vec<String> { (from..from + 8).map(|n| format!("p{n}")).collect() };
    for (gap, after) in [(29, names(0)), (0, names(8)), (0, names(5))] {
        let (mut index, mut now) = (Index::new(Params::default()), 1_790_000_000);
        assert_eq!(days_of(&mut index, &mut now, 10, &names(0)).state, State::Ok);
        now += 86_400 * gap;
        let print = days_of(&mut index, &mut now, 6, &after);
        assert!(matches!(print.state, State::Withheld(_)), "{gap} {after:?}: {print:?}");
        let print = days_of(&mut index, &mut now, 3, &after);
        assert_eq!(print.state, State::Ok, "{gap} {after:?}: {print:?}");
        let value = print.value.expect("a value").micros();
        assert!((2_020_000..2_060_000).contains(&value), "{value}");
    }
}
