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
