//! INDEX: what the venue takes from the oracle, and the settlement price it makes of it.

use exchange::{Command, IndexPrint, limits};
use expect_test::expect;
use instruments::{GradeId, MicroUsd, Ppm};

use crate::script::check_morning;
use crate::world::{START, World, day_future, refusal};

#[test]
fn index_001_a_grade_that_no_series_has_is_unknown() {
    check_morning(
        "
        index A100 1.2
        list A100D grade A100
        index A100 1.2
        ",
        expect![[r#"
            refused INDEX-001 UnknownGrade
            A100D listed
            A100 index 1.2
            A100D mark 1.2
        "#]],
    );
}

#[test]
fn index_002_prints_come_in_the_order_of_their_observation() {
    check_morning(
        "
        index H100 2.5 at 30m
        index H100 2.6 at 30m
        index H100 2.6 at 29m
        list A100D grade A100
        index A100 1.2 at 29m
        index H100 2.6 at 31m
        ",
        expect![[r#"
            H100 index 2.5
            refused INDEX-002 IndexOutOfOrder
            refused INDEX-002 IndexOutOfOrder
            A100D listed
            A100 index 1.2
            A100D mark 1.2
            H100 index 2.6
            H100D mark 2.6
        "#]],
    );
}

#[test]
fn index_003_a_value_in_range_or_a_reason_for_none() {
    let mut world = World::open();
    world.list(day_future("H100D", "H100"));
    let none = oracle::State::Withheld(oracle::Withheld::NoObservations);
    let (ok, half) = (oracle::State::Ok, 500_000);
    let top = limits::INDEX_MAX.micros();
    let bad = [
        (Some(0), half, ok),
        (Some(-1), half, ok),
        (Some(top + 1), half, ok),
        (Some(2_500_000), -1, ok),
        (Some(2_500_000), half, none),
        (None, half, ok),
        (None, half, oracle::State::LowConf),
    ];
    let good = [
        (Some(1), 0, ok),
        (Some(top), 2_000_000, oracle::State::Unconfirmed),
        (Some(2_500_000), half, oracle::State::Fallback(2)),
        (None, 1_000_000, none),
    ];
    let tried = bad.map(|print| (print, Some("INDEX-003"))).into_iter();
    for (print, rule) in tried.chain(good.map(|print| (print, None))) {
        let (value, conf, state) = print;
        let print = IndexPrint {
            grade: GradeId::new("H100").unwrap(),
            observed_at: world.now,
            value: value.map(MicroUsd::new),
            conf: Ppm::new(conf),
            state,
        };
        assert_eq!(refusal(&world.apply(Command::PublishIndex(print.clone()))), rule, "{print:?}");
        world.wait(instruments::NanosSpan::from_seconds(1));
    }
    assert!(START < world.now);
}

#[test]
fn index_004_a_series_settles_at_the_fixing_of_the_half_hours_before_it() {
    // Of 48 half-hours two close at 8.00 and the last at 3.00, the others at 2.00: the four highest and lowest do not count.
    let mut script = String::new();
    for half_hour in 0..48 {
        let value = match half_hour {
            3 | 27 => "8",
            47 => "3",
            _ => "2",
        };
        script.push_str(&format!("index H100 {value} at {}m\n", half_hour * 30));
    }
    script.push_str("run 1h");
    let mut desk = crate::script::Desk::morning();
    desk.run(&script);
    assert!(desk.out.ends_with("H100D mark 2\nH100D expired @ 2\n"), "{}", desk.out);
}

#[test]
fn index_005_without_a_fixing_a_series_settles_at_its_mark() {
    check_morning(
        "
        index H100 2.4
        +30m
        index H100 withheld
        alice buy 1 @ 2.61
        bob sell 1 @ 2.61
        alice buy 1 @ 2.6
        bob sell 1 @ 2.7
        run 30m
        ",
        expect![[r#"
            H100 index 2.4
            H100D mark 2.4
            H100 index withheld
            #1 alice buy 1 @ 2.61
            #2 bob sell 1 @ 2.61
            #2 bob sells 1 @ 2.61 with #1 alice, fee 0.03132
            #3 alice buy 1 @ 2.6
            #4 bob sell 1 @ 2.7
            H100D mark 2.61
            #3 cancelled 1: expired
            #4 cancelled 1: expired
            H100D expired @ 2.61
        "#]],
    );
}
