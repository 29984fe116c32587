//! Self-trade prevention, mode by mode.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_011_without_a_mode_an_account_trades_with_itself() {
    check(
        "ann: sell 1 @ 100\nann: buy 1 @ 100",
        expect![[r#"
        #2 takes 1 from #1 @ 100
    "#]],
    );
}

#[test]
fn match_011_earlier_fills_stand_and_the_stopped_rest_never_rests() {
    check(
        "
        bob: sell 1 @ 100
        ann: sell 2 @ 100
        bob: sell 4 @ 100
        ann: buy  5 @ 100 stp=newest
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #4 cancelled 4: self_trade
            ask 100 #2x2 #3x4
        "#]],
    );
}

#[test]
fn match_011_cancel_oldest_goes_on_behind_the_own_order() {
    check(
        "
        ann: sell 2 @ 100
        bob: sell 1 @ 100
        ann: sell 2 @ 101
        ann: buy  3 @ 101 stp=oldest
        ",
        expect![[r#"
            #1 cancelled 2: self_trade
            #4 takes 1 from #2 @ 100
            #3 cancelled 2: self_trade
            bid 101 #4x2
        "#]],
    );
}

#[test]
fn match_011_cancel_both_ends_both() {
    check(
        "
        bob: sell 1 @ 100
        ann: sell 2 @ 101
        ann: sell 2 @ 102
        ann: buy  3 @ 102 stp=both
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #2 cancelled 2: self_trade
            #4 cancelled 2: self_trade
            ask 102 #3x2
        "#]],
    );
}

#[test]
fn match_011_decrement_takes_the_smaller_from_both() {
    check(
        "
        ann: sell 5 @ 100
        ann: buy  2 @ 100 stp=decrement
        ann: buy  3 @ 100 stp=decrement
        ann: sell 2 @ 100
        bob: sell 1 @ 100
        ann: buy  5 @ 100 stp=decrement
        ",
        expect![[r#"
            #1 decremented by 2 to 3
            #2 cancelled 2: self_trade
            #1 cancelled 3: self_trade
            #3 cancelled 3: self_trade
            #4 cancelled 2: self_trade
            #6 decremented by 2 to 3
            #6 takes 1 from #5 @ 100
            bid 100 #6x2
        "#]],
    );
}

#[test]
fn match_011_nothing_happens_to_an_own_order_that_is_not_reached() {
    check(
        "
        bob: sell 2 @ 100
        ann: sell 2 @ 100
        ann: buy  2 @ 100 stp=both
        ann: buy  1 @ 99 stp=both
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 100
            ask 100 #2x2
            bid 99 #4x1
        "#]],
    );
}

#[test]
fn match_012_the_takers_mode_wins_over_the_resting_orders() {
    check(
        "
        ann: sell 2 @ 100 stp=newest
        ann: buy  2 @ 100 stp=oldest
        ann: sell 1 @ 100 stp=both
        ",
        expect![[r#"
            #1 cancelled 2: self_trade
            #2 cancelled 2: self_trade
            #3 cancelled 1: self_trade
        "#]],
    );
}

#[test]
fn match_008_fok_counts_what_it_can_trade_under_its_own_mode() {
    let book = "
        bob: sell 2 @ 100
        ann: sell 2 @ 100
        bob: sell 2 @ 100
        ";
    // Without a mode the own order counts.
    check(
        &format!("{book}\nann: buy 6 @ 100 fok"),
        expect![[r#"
        #4 takes 2 from #1 @ 100
        #4 takes 2 from #2 @ 100
        #4 takes 2 from #3 @ 100
    "#]],
    );
    // What comes before the own order counts, and nothing behind it.
    check(
        &format!("{book}\nann: buy 3 @ 100 fok stp=newest\nann: buy 2 @ 100 fok stp=newest"),
        expect![[r#"
            #4 cancelled 3: fok
            #5 takes 2 from #1 @ 100
            ask 100 #2x2 #3x2
        "#]],
    );
    check(
        &format!("{book}\nann: buy 3 @ 100 fok stp=both"),
        expect![[r#"
        #4 cancelled 3: fok
        ask 100 #1x2 #2x2 #3x2
    "#]],
    );
    // The own order is skipped, and cancelled only when the count is met.
    check(
        &format!("{book}\nann: buy 5 @ 100 fok stp=oldest\nann: buy 4 @ 100 fok stp=oldest"),
        expect![[r#"
            #4 cancelled 5: fok
            #5 takes 2 from #1 @ 100
            #2 cancelled 2: self_trade
            #5 takes 2 from #3 @ 100
        "#]],
    );
    // A decremented order can no longer trade whole.
    check(
        &format!("{book}\nann: buy 4 @ 100 fok stp=decrement"),
        expect![[r#"
        #4 cancelled 4: fok
        ask 100 #1x2 #2x2 #3x2
    "#]],
    );
}

#[test]
fn match_011_a_stopped_ioc_or_market_order_says_self_trade() {
    check(
        "
        ann: sell 2 @ 100
        ann: buy  3 @ 100 ioc stp=newest
        ann: buy  3 market stp=both
        ann: sell 1 @ 100
        ann: buy  3 market stp=decrement
        ",
        expect![[r#"
            #2 cancelled 3: self_trade
            #1 cancelled 2: self_trade
            #3 cancelled 3: self_trade
            #4 cancelled 1: self_trade
            #5 decremented by 1 to 2
            #5 cancelled 2: market
        "#]],
    );
}

#[test]
fn match_051_own_orders_are_those_of_the_account_with_the_same_token() {
    check(
        "
        ann: sell 1 @ 100 token=1
        ann: sell 1 @ 100 token=2
        ann: sell 1 @ 100
        bob: sell 1 @ 100 token=2
        ann: buy  3 @ 100 token=2 stp=oldest
        ann: buy  1 @ 100 stp=newest
        ",
        expect![[r#"
            #5 takes 1 from #1 @ 100
            #2 cancelled 1: self_trade
            #5 takes 1 from #3 @ 100
            #5 takes 1 from #4 @ 100
            bid 100 #6x1
        "#]],
    );
}
