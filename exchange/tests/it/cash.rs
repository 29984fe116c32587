//! CASH: what settles against the index, a day at a time.

use expect_test::expect;

use crate::script::Desk;

/// A cash future on three days of four hours each, an hour a minute: the first begins after ten minutes. A cap at 2.50 on the same hours.
const MORNING: &str = "
    open test
    list CASH cash month hours 12 intervals 3 trade 21m assign 21m from 10m until 22m close 30m
    list CAP cap strike 2.5 ref 0.1 hours 12 intervals 3 trade 21m assign 21m from 10m until 22m close 30m
    account alice
    account bob
    deposit alice 1000
    deposit bob 1000
";

#[track_caller]
fn check_cash(script: &str, expected: expect_test::Expect) {
    let mut desk = Desk::new();
    desk.run(MORNING);
    desk.out.clear();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// CASH-001, CASH-006: four hours at 2.40, 2.50, 2.60 and 2.70 bring 10.20 a lot; the next eight are worth 8 x 2.70.
#[test]
fn cash_001_a_day_rolls_off_against_its_hours() {
    check_cash(
        "
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        run 10m
        index H100 2.4
        run 1m
        index H100 2.5
        run 1m
        index H100 2.6
        run 1m
        index H100 2.7
        show alice
        run 1m
        show alice
        show bob
        alice sell 1 @ 2.7
        bob buy 1 @ 2.7
        run 4m
        show alice
        run 4m
        show alice
        show bob
        show CASH
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.03
            H100 index 2.4
            CASH mark 2.4
            H100 index 2.5
            CASH mark 2.492
            H100 index 2.6
            CASH mark 2.575
            H100 index 2.7
            CASH mark 2.65
            CAP mark 0.2
            alice: cash 987.28 margin 12.72 +2 CASH (3.6)
            CASH day 0 brings 10.2 a lot, 4 hours valued, 8 left
            CASH variation alice 2.8
            CASH variation bob -2.8
            CAP day 0 brings 0.3 a lot, 4 hours valued, 8 left
            alice: cash 994.32 margin 8.48 +2 CASH
            bob: cash 988.69 margin 8.48 -2 CASH
            #3 alice sell 1 @ 2.7
            #4 bob buy 1 @ 2.7
            #4 bob buys 1 @ 2.7 with #3 alice, fee 0.0108
            CASH mark 2.7
            CASH day 1 brings 10.8 a lot, 0 hours valued, 4 left
            CASH variation alice 0.8
            CASH variation bob -0.8
            CAP day 1 brings 0.8 a lot, 0 hours valued, 4 left
            alice: cash 1001.44 margin 2.16 +1 CASH
            CASH settles @ 2.7 by the mark
            CASH expired @ 2.7
            CAP settles @ 0.2 by the mark
            CAP expired @ 0.2
            CASH day 2 brings 10.8 a lot, 0 hours valued, 0 left
            CASH settled at a mean of 2.65, coverage 333333 ppm
            CASH alice ends +1, 0 for delivery
            CASH bob ends -1, 0 for delivery
            CAP day 2 brings 0.8 a lot, 0 hours valued, 0 left
            CAP settled at a mean of 2.65, coverage 333333 ppm
            alice: cash 1003.6
            bob: cash 996.3592
            CASH Closed, open interest 0
        "#]],
    );
}

#[test]
fn cash_002_the_day_has_ended_before_anything_later_is_looked_at() {
    check_cash(
        "
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        index H100 2.5
        +14m
        alice sell 2 @ 2.5
        bob buy 2 @ 2.5
        show alice
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.03
            H100 index 2.5
            CASH day 0 brings 10 a lot, 0 hours valued, 8 left
            CAP day 0 brings 0 a lot, 0 hours valued, 8 left
            #3 alice sell 2 @ 2.5
            #4 bob buy 2 @ 2.5
            #4 bob buys 2 @ 2.5 with #3 alice, fee 0.02
            alice: cash 1000
        "#]],
    );
}

#[test]
fn cash_003_an_hour_without_an_index_takes_the_one_before_or_the_mark() {
    check_cash(
        "
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        run 14m
        index H100 2.4
        run 1m
        index H100 withheld
        run 1m
        index H100 2.5
        run 1m
        index H100 2.6
        +30s
        index H100 withheld
        run 20m
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.015
            CASH day 0 brings 10 a lot, 0 hours valued, 8 left
            CAP day 0 brings 0 a lot, 0 hours valued, 8 left
            H100 index 2.4
            CASH mark 2.4
            H100 index withheld
            H100 index 2.5
            CASH mark 2.488
            H100 index 2.6
            CASH mark 2.562
            H100 index withheld
            CASH day 1 brings 9.8 a lot, 2 hours valued, 4 left
            CASH variation alice 0.048
            CASH variation bob -0.048
            CAP day 1 brings 0 a lot, 2 hours valued, 4 left
            CASH settles @ 2.562 by the mark
            CASH expired @ 2.562
            CAP settles @ 0.1 by the mark
            CAP expired @ 0.1
            CASH day 2 brings 10 a lot, 0 hours valued, 0 left
            CASH variation alice -0.248
            CASH variation bob 0.248
            CASH settled at a mean of 2.483333, coverage 166666 ppm
            CASH alice ends +1, 0 for delivery
            CASH bob ends -1, 0 for delivery
            CAP day 2 brings 0 a lot, 0 hours valued, 0 left
            CAP settled at a mean of 2.483333, coverage 166666 ppm
        "#]],
    );
}

/// CASH-004, CASH-007: hours at 2.40, 2.60, 3.00 and 2.50 above a strike of 2.50: 0.10 + 0.50 a lot.
#[test]
#[expect(clippy::too_many_lines, reason = "one day from its first line to its last")]
fn cash_004_a_cap_pays_what_the_hours_are_above_the_strike() {
    check_cash(
        "
        alice buy 10 @ 0.1 in CAP
        bob sell 10 @ 0.1 in CAP
        show alice
        show bob
        run 10m
        index H100 2.4
        run 1m
        index H100 2.6
        run 1m
        index H100 3
        show bob
        run 1m
        index H100 2.5
        run 1m
        show alice
        show bob
        alice sell 4 @ 0.2 in CAP
        bob buy 4 @ 0.2 in CAP
        show alice
        run 8m
        show alice
        show bob
        show CAP
        ",
        expect![[r#"
            #1 alice buy 10 @ 0.1
            #2 bob sell 10 @ 0.1
            #2 bob sells 10 @ 0.1 with #1 alice, fee 0.15
            alice: cash 988 +10 CAP
            bob: cash 924.85 margin 87 -10 CAP
            H100 index 2.4
            CASH mark 2.4
            H100 index 2.6
            CASH mark 2.583
            H100 index 3
            CASH mark 2.917
            CAP mark 0.5
            bob: cash 861.85 margin 150 -10 CAP
            H100 index 2.5
            CASH mark 2.542
            CAP mark 0.1
            CASH day 0 brings 10.5 a lot, 4 hours valued, 8 left
            CAP day 0 brings 0.6 a lot, 4 hours valued, 8 left
            CAP variation alice 6
            CAP variation bob -6
            alice: cash 994 +10 CAP
            bob: cash 947.85 margin 58 -10 CAP
            #3 alice sell 4 @ 0.2
            #4 bob buy 4 @ 0.2
            #4 bob buys 4 @ 0.2 with #3 alice, fee 0.04
            alice: cash 1000.4 +6 CAP
            CASH mark 2.5
            CASH day 1 brings 10 a lot, 0 hours valued, 4 left
            CAP day 1 brings 0 a lot, 0 hours valued, 4 left
            CASH settles @ 2.5 by the mark
            CASH expired @ 2.5
            CAP settles @ 0.1 by the mark
            CAP expired @ 0.1
            CASH day 2 brings 10 a lot, 0 hours valued, 0 left
            CASH settled at a mean of 2.541667, coverage 333333 ppm
            CAP day 2 brings 0 a lot, 0 hours valued, 0 left
            CAP settled at a mean of 2.541667, coverage 333333 ppm
            CAP alice ends +6, 0 for delivery
            CAP bob ends -6, 0 for delivery
            alice: cash 1000.4
            bob: cash 999.41
            CAP Closed, open interest 0
        "#]],
    );
}

#[test]
fn cash_005_margin_is_for_the_hours_that_are_left() {
    check_cash(
        "
        index H100 2.5
        alice buy 10 @ 2.5
        bob sell 10 @ 2.5
        show bob
        run 14m
        show bob
        run 4m
        show bob
        ",
        expect![[r#"
            H100 index 2.5
            #1 alice buy 10 @ 2.5
            #2 bob sell 10 @ 2.5
            #2 bob sells 10 @ 2.5 with #1 alice, fee 0.15
            bob: cash 939.85 margin 60 -10 CASH
            CASH day 0 brings 10 a lot, 0 hours valued, 8 left
            CAP day 0 brings 0 a lot, 0 hours valued, 8 left
            bob: cash 959.85 margin 40 -10 CASH
            CASH day 1 brings 10 a lot, 0 hours valued, 4 left
            CAP day 1 brings 0 a lot, 0 hours valued, 4 left
            bob: cash 979.85 margin 20 -10 CASH
        "#]],
    );
}
