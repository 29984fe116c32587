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
fn index_004_a_series_settles_at_the_fixing_of_the_day_that_ends_with_it() {
    // The day before the last trade at 25 hours: of its 48 half-hours two close at 8.00 and the last at 3.00, the others at 2.00. The four
    // highest and lowest do not count. What was printed before that day, at 1.00, and after it, at 9.00, does not count at all.
    let mut desk = crate::script::Desk::new();
    desk.run(
        "
        open test
        list H100D trade 25h assign 30h from 31h until 55h close 56h
        index H100 1
        +30m
        index H100 1
        ",
    );
    for half_hour in 2..50 {
        let value = match half_hour {
            3 | 27 => "8",
            49 => "3",
            _ => "2",
        };
        desk.run(&format!("+30m\nindex H100 {value} at {}m", half_hour * 30));
    }
    desk.run("+30m");
    desk.out.clear();
    desk.run("index H100 9\ntick");
    expect![[r#"
        H100 index 9
        H100D mark 9
        H100D mark 2
        H100D settles @ 2 by 48 of 48 partitions
        H100D expired @ 2
        H100D provisional until 104400
    "#]]
    .assert_eq(&desk.out);
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
            H100D settles @ 2.61 by the mark
            H100D expired @ 2.61
        "#]],
    );
}

#[test]
fn index_005_or_at_what_traded_last() {
    // Five trades of eleven lots: (5 * 2.60 + 4 * 2.62 + 2 * 2.61) / 11 = 28.7 / 11 = 2.609.
    check_morning(
        "
        +30m
        alice buy 11 @ 2.62
        bob sell 2 @ 2.62
        bob sell 2 @ 2.62
        alice amend #1 @ 2.6
        bob sell 5 @ 2.6
        alice amend #1 @ 2.61
        bob sell 1 @ 2.61
        bob sell 1 @ 2.61
        run 30m
        ",
        expect![[r#"
            #1 alice buy 11 @ 2.62
            #2 bob sell 2 @ 2.62
            #2 bob sells 2 @ 2.62 with #1 alice, fee 0.06288
            #3 bob sell 2 @ 2.62
            #3 bob sells 2 @ 2.62 with #1 alice, fee 0.06288
            #1 now 11 @ 2.6
            #4 bob sell 5 @ 2.6
            #4 bob sells 5 @ 2.6 with #1 alice, fee 0.156
            #1 now 11 @ 2.61
            #5 bob sell 1 @ 2.61
            #5 bob sells 1 @ 2.61 with #1 alice, fee 0.03132
            #6 bob sell 1 @ 2.61
            #6 bob sells 1 @ 2.61 with #1 alice, fee 0.03132
            H100D mark 2.609
            H100D settles @ 2.609 by 11 lots in 5 trades
            H100D expired @ 2.609
            H100D variation alice -0.024
            H100D variation bob 0.024
        "#]],
    );
}
