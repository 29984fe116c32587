//! MARK: the price that margin and variation use.

use expect_test::expect;

use crate::script::check_morning;

#[test]
fn mark_001_the_median_of_index_mid_and_last_trade() {
    check_morning(
        "
        index H100 2.5
        alice buy 1 @ 2.6
        run 2s
        bob sell 1 @ 2.6
        run 2s
        alice buy 1 @ 2.61
        bob sell 1 @ 2.66
        run 2s
        index H100 2.62
        +1s
        index H100 2.7
        ",
        expect![[r#"
            H100 index 2.5
            #1 alice buy 1 @ 2.6
            #2 bob sell 1 @ 2.6
            #2 bob sells 1 @ 2.6 with #1 alice, fee 0.0312
            #3 alice buy 1 @ 2.61
            #4 bob sell 1 @ 2.66
            H100D mark 2.6
            H100 index 2.62
            H100D mark 2.62
            H100 index 2.7
            H100D mark 2.635
        "#]],
    );
}

#[test]
fn mark_002_neither_a_lonely_quote_nor_a_lonely_trade_moves_it() {
    check_morning(
        "
        index H100 2.5
        alice buy 1 @ 2.9
        run 2s
        bob sell 1 @ 2.9
        run 2s
        carol buy 1 @ 2.8
        carol sell 1 @ 2.85
        run 2s
        ",
        expect![[r#"
            H100 index 2.5
            #1 alice buy 1 @ 2.9
            #2 bob sell 1 @ 2.9
            #2 bob sells 1 @ 2.9 with #1 alice, fee 0.0348
            #3 carol buy 1 @ 2.8
            #4 carol sell 1 @ 2.85
            H100D mark 2.825
        "#]],
    );
}

#[test]
fn mark_003_while_the_index_is_withheld_the_mark_is_its_own_anchor() {
    check_morning(
        "
        index H100 2.6
        +1s
        index H100 withheld
        run 2s
        carol buy 1 @ 2.8
        run 2s
        alice sell 1 @ 2.8
        run 2s
        carol buy 1 @ 2.7
        alice sell 1 @ 2.75
        run 2s
        ",
        expect![[r#"
            H100 index 2.6
            H100D mark 2.6
            H100 index withheld
            #1 carol buy 1 @ 2.8
            #2 alice sell 1 @ 2.8
            #2 alice sells 1 @ 2.8 with #1 carol, fee 0.0336
            #3 carol buy 1 @ 2.7
            #4 alice sell 1 @ 2.75
            H100D mark 2.725
        "#]],
    );
}

#[test]
fn mark_004_trading_moves_it_a_second_later_and_an_index_at_once() {
    check_morning(
        "
        alice buy 1 @ 2.6
        bob sell 1 @ 2.6
        alice buy 1 @ 2.6
        bob sell 1 @ 2.7
        +999ms
        tick
        +1ms
        tick
        index H100 2.62
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.6
            #2 bob sell 1 @ 2.6
            #2 bob sells 1 @ 2.6 with #1 alice, fee 0.0312
            #3 alice buy 1 @ 2.6
            #4 bob sell 1 @ 2.7
            H100D mark 2.6
            H100 index 2.62
            H100D mark 2.62
        "#]],
    );
}

#[test]
fn mark_005_it_is_at_least_one_tick_and_at_most_the_highest_price() {
    check_morning(
        "
        index H100 0.000001
        +1s
        index H100 10000
        ",
        expect![[r#"
            H100 index 0.000001
            H100D mark 0.001
            H100 index 10000
            H100D mark 10000
        "#]],
    );
}

#[test]
fn mark_006_holds_follow_the_mark() {
    // 20 % of 10 * 24 hours: 120 at 2.50, 144 at 3.00. The order below it holds 20 % of 24 hours, and the fee it was accepted with.
    check_morning(
        "
        alice buy 10 @ 2.5
        bob sell 10 @ 2.5
        alice buy 1 @ 2.4
        show alice
        show bob
        index H100 3
        show alice
        show bob
        ",
        expect![[r#"
            #1 alice buy 10 @ 2.5
            #2 bob sell 10 @ 2.5
            #2 bob sells 10 @ 2.5 with #1 alice, fee 0.3
            #3 alice buy 1 @ 2.4
            alice: cash 867.97 orders 12.03 margin 120 +10 H100D
            bob: cash 879.7 margin 120 -10 H100D
            H100 index 3
            H100D mark 3
            alice: cash 841.57 orders 14.43 margin 144 +10 H100D (120)
            bob: cash 855.7 margin 144 -10 H100D (-120)
        "#]],
    );
}

#[test]
fn mark_008_an_auction_has_no_mid() {
    check_morning(
        "
        bob sell 2 @ 2.62
        carol buy 1 @ 2.62
        alice buy 1 @ 2.6
        auction H100D until 1m
        run 2s
        alice cancel all
        run 1m
        alice buy 1 @ 2.6
        run 2s
        ",
        expect![[r#"
            #1 bob sell 2 @ 2.62
            #2 carol buy 1 @ 2.62
            #2 carol buys 1 @ 2.62 with #1 bob, fee 0.03144
            #3 alice buy 1 @ 2.6
            H100D auction opens: Opening until 0:01:00
            #3 cancelled 1: user
            H100D auction ends, 0 traded
            #4 alice buy 1 @ 2.6
            H100D mark 2.61
        "#]],
    );
}

#[test]
fn mark_009_the_impact_mid_is_the_middle_of_what_an_amount_reaches() {
    // 100 dollars for a month are 3.34 for the 24 hours of a day; 5,000 are 166.67. At 60 dollars a lot those buy two lots at 2.50 and
    // sell two, one at 2.48 and one at 2.46, at 2.47 on average: the middle is 2.485, and the mark between it and the trade.
    check_morning(
        "
        list A100D impact 5000 grade A100 ref 2.5
        list A100W impact 100 grade A100 ref 2.5
        alice buy 1 @ 2.4 in A100D
        bob sell 1 @ 2.4 in A100D
        alice buy 1 @ 2.48 in A100D
        alice buy 1 @ 2.46 in A100D
        bob sell 3 @ 2.5 in A100D
        run 2s
        alice buy 1 @ 2.44 in A100D
        run 2s
        alice buy 1 @ 2.4 in A100W
        bob sell 1 @ 2.4 in A100W
        alice buy 1 @ 2.48 in A100W
        bob sell 3 @ 2.5 in A100W
        run 2s
        ",
        expect![[r#"
            A100D listed
            A100W listed
            #1 alice buy 1 @ 2.4
            #2 bob sell 1 @ 2.4
            #2 bob sells 1 @ 2.4 with #1 alice, fee 0.0288
            #3 alice buy 1 @ 2.48
            #4 alice buy 1 @ 2.46
            #5 bob sell 3 @ 2.5
            #6 alice buy 1 @ 2.44
            A100D mark 2.485
            #7 alice buy 1 @ 2.4
            #8 bob sell 1 @ 2.4
            #8 bob sells 1 @ 2.4 with #7 alice, fee 0.0288
            #9 alice buy 1 @ 2.48
            #10 bob sell 3 @ 2.5
            A100W mark 2.49
        "#]],
    );
}

#[test]
fn mark_010_trades_fade_over_five_minutes() {
    // Withheld: the mark is its own anchor. 2 lots at 2.40 three minutes before 1 lot at 2.52, and the mid is below both.
    check_morning(
        "
        alice buy 2 @ 2.4
        bob sell 2 @ 2.4
        +3m
        alice buy 1 @ 2.52
        bob sell 1 @ 2.52
        alice buy 1 @ 2.3
        bob sell 1 @ 2.301
        +1s
        tick
        show H100D
        run 3m
        run 3m
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.4
            #2 bob sell 2 @ 2.4
            #2 bob sells 2 @ 2.4 with #1 alice, fee 0.0576
            #3 alice buy 1 @ 2.52
            #4 bob sell 1 @ 2.52
            #4 bob sells 1 @ 2.52 with #3 alice, fee 0.03024
            #5 alice buy 1 @ 2.3
            #6 bob sell 1 @ 2.301
            H100D mark 2.467
            H100D Trading, open interest 3
        "#]],
    );
}

#[test]
fn mark_011_the_basis_goes_a_thirtieth_of_its_way_every_five_seconds() {
    // Quoted at 2.60 beside an index of 2.00: the way of the basis is 0.3, of which it goes 0.01, then 0.0096667: 2.02, 2.039.
    check_morning(
        "
        index H100 2
        alice buy 1 @ 2.59
        bob sell 1 @ 2.61
        run 10s
        ",
        expect![[r#"
            H100 index 2
            H100D mark 2
            #1 alice buy 1 @ 2.59
            #2 bob sell 1 @ 2.61
            H100D mark 2.02
            H100D mark 2.039
        "#]],
    );
}

/// MARK-004, MARK-011: time alone moves it, a tick of the price at a time.
#[test]
fn mark_011_it_arrives_and_without_quotes_comes_back() {
    check_morning(
        "
        index H100 2
        alice buy 1 @ 2
        bob sell 1 @ 2.01
        run 10m
        alice cancel all
        run 10m
        ",
        expect![[r#"
            H100 index 2
            H100D mark 2
            #1 alice buy 1 @ 2
            #2 bob sell 1 @ 2.01
            H100D mark 2.001
            H100D mark 2.002
            H100D mark 2.003
            H100D mark 2.004
            H100D mark 2.005
            #1 cancelled 1: user
            H100D mark 2.004
            H100D mark 2.003
            H100D mark 2.002
            H100D mark 2.001
            H100D mark 2
        "#]],
    );
}

/// MARK-015: the curve stands in for a mid that is missing, at the pace of the basis, for two hours; quotes of size come before it.
#[test]
fn mark_015_where_nobody_quotes_the_basis_goes_to_the_curve() {
    let mut desk = crate::script::Desk::new();
    desk.run(
        "
        open test
        list H100D trade 12h assign 13h from 14h until 38h close 40h
        account alice
        account bob
        deposit alice 5000
        deposit bob 5000
        index H100 2
        curve 2.01 0.05
        ",
    );
    for (script, ticks) in [
        ("run 5s", 2_000),
        // Thirteen steps: 2 + 0.01 x (1 - (29/30)^13) = 2.0036.
        ("run 1m", 2_004),
        ("run 10m", 2_010),
        ("alice buy 1 @ 1.99\nbob sell 1 @ 2.00\nrun 10m", 1_995),
        ("alice cancel all\nrun 10m", 2_010),
        ("run 2h\nindex H100 2\nrun 10m", 2_000),
    ] {
        desk.run(script);
        let mark = desk.world.exchange.series_by_name("H100D").unwrap().mark;
        assert_eq!(mark.ticks(), ticks, "{script}");
    }
}

/// MARK-016: in the order of the checks.
#[test]
fn mark_016_a_curve_is_of_futures_that_trade() {
    check_morning(
        "
        curve 2 0.1 in NOTHING
        list CALL call 2.5 on H100D ref 0.1
        curve 2 0.1 in CALL
        curve 2 -1
        curve 2 10001
        run 2h
        curve 2 0.1
        ",
        expect![[r#"
            refused ORDER-001 UnknownInstrument
            CALL listed
            CALL curve 2 +- 0.1
            refused INDEX-003 IndexOutOfRange
            refused INDEX-003 IndexOutOfRange
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            CALL settles @ 0.1 by the mark
            CALL expired @ 0.1
            refused ORDER-003 SeriesExpired
        "#]],
    );
}

#[test]
fn mark_012_it_moves_one_percent_in_five_seconds_and_gets_there() {
    check_morning(
        "
        list A100D paced grade A100 ref 2
        index A100 2
        +2s
        index A100 2.1
        run 30s
        +2s
        index A100 1.99
        run 30s
        ",
        expect![[r#"
            A100D listed
            A100 index 2
            A100 index 2.1
            A100D mark 2.02
            A100D mark 2.04
            A100D mark 2.06
            A100D mark 2.08
            A100D mark 2.1
            A100 index 1.99
            A100D mark 2.079
            A100D mark 2.059
            A100D mark 2.039
            A100D mark 2.019
            A100D mark 1.999
            A100D mark 1.99
        "#]],
    );
}

/// MARK-012: three times the price in under ten minutes, from any price to any other in under two hours.
#[test]
fn mark_012_whatever_the_index_does_the_mark_arrives() {
    let mut desk = crate::script::Desk::morning();
    desk.world.is_watched = false;
    desk.run("list A100D paced grade A100 ref 2 trade 9h assign 10h from 11h until 35h close 36h");
    desk.run("index A100 2");
    let mut arrives = |price: &str, within: u64| {
        desk.run(&format!("+1s\nindex A100 {price}"));
        let mut seconds = 0;
        let wanted = crate::script::dollars(price).micros() / 1_000;
        let mark = |desk: &crate::script::Desk| {
            desk.world.exchange.series_by_name("A100D").unwrap().mark.ticks()
        };
        while mark(&desk) != wanted {
            desk.run("run 5s");
            seconds += 5;
            assert!(seconds <= within, "{} after {seconds} s", mark(&desk));
        }
        seconds
    };
    let took = [("6", 600), ("2", 600), ("0.002", 3_600), ("10000", 7_200), ("2", 7_200)]
        .map(|(price, within)| arrives(price, within));
    assert_eq!(took, [560, 550, 2_250, 6_555, 4_245]);
}

/// MARK-003, MARK-013.
#[test]
fn mark_013_a_print_is_good_for_two_hours() {
    // Trade and quotes at 2.30 beside an index of 2.20: without the quotes the mark goes back to the index while that is good, and stays
    // where it is when it is not.
    let evening = |wait: &str| {
        let mut desk = crate::script::Desk::morning();
        desk.run("list A100D grade A100 ref 2 trade 9h assign 10h from 11h until 35h close 36h");
        desk.run("index A100 2.2");
        desk.run(wait);
        desk.out.clear();
        desk.run(
            "
            alice buy 1 @ 2.3 in A100D
            bob sell 1 @ 2.3 in A100D
            alice buy 1 @ 2.29 in A100D
            bob sell 1 @ 2.31 in A100D
            +1s
            tick
            alice cancel all
            +1s
            tick
            ",
        );
        desk.out
    };
    expect![[r#"
        #1 alice buy 1 @ 2.3
        #2 bob sell 1 @ 2.3
        #2 bob sells 1 @ 2.3 with #1 alice, fee 0.0276
        #3 alice buy 1 @ 2.29
        #4 bob sell 1 @ 2.31
        A100D mark 2.3
        H100D settles @ 2.5 by the mark
        H100D expired @ 2.5
        #3 cancelled 1: user
        A100D mark 2.2
    "#]]
    .assert_eq(&evening("+119m"));
    expect![[r#"
        #1 alice buy 1 @ 2.3
        #2 bob sell 1 @ 2.3
        #2 bob sells 1 @ 2.3 with #1 alice, fee 0.0276
        #3 alice buy 1 @ 2.29
        #4 bob sell 1 @ 2.31
        A100D mark 2.3
        H100D settles @ 2.5 by the mark
        H100D expired @ 2.5
        #3 cancelled 1: user
    "#]]
    .assert_eq(&evening("+120m"));
}
