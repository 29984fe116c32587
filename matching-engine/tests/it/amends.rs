//! Amends: what keeps the place, what arrives anew, what is refused whole.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_013_a_smaller_size_keeps_the_place() {
    check(
        "
        sell 5 @ 100
        sell 5 @ 100
        amend #1 3
        amend #1 3
        amend #1
        amend #1 3 @ 100
        buy  4 @ 100
        ",
        expect![[r#"
            #1 amended to 3 @ 100
            #1 amended to 3 @ 100
            #1 amended to 3 @ 100
            #1 amended to 3 @ 100
            #3 takes 3 from #1 @ 100
            #3 takes 1 from #2 @ 100
            ask 100 #2x4
        "#]],
    );
}

#[test]
fn match_013_a_larger_size_or_another_price_loses_the_place() {
    check(
        "
        sell 2 @ 100
        sell 2 @ 100
        sell 2 @ 100
        amend #1 3
        amend #2 @ 101
        amend #2 1 @ 100
        buy  3 @ 100
        ",
        expect![[r#"
            #1 amended to 3 @ 100
            #2 amended to 2 @ 101
            #2 amended to 1 @ 100
            #4 takes 2 from #3 @ 100
            #4 takes 1 from #1 @ 100
            ask 100 #1x2 #2x1
        "#]],
    );
}

#[test]
fn match_020_the_new_size_counts_what_has_traded() {
    check(
        "
        sell 5 @ 100
        buy  3 @ 100
        amend #1 4
        buy  9 @ 100 ioc
        sell 5 @ 100
        buy  3 @ 100
        amend #4 3
        sell 5 @ 100
        amend #6 0
        ",
        expect![[r#"
            #2 takes 3 from #1 @ 100
            #1 amended to 4 @ 100
            #3 takes 1 from #1 @ 100
            #3 cancelled 8: ioc
            #5 takes 3 from #4 @ 100
            #4 cancelled 2: amended
            #6 cancelled 5: amended
        "#]],
    );
}

#[test]
fn match_013_an_amend_that_crosses_trades_within_its_new_limit_and_rests_at_the_back() {
    check(
        "
        sell 2 @ 101
        sell 2 @ 103
        buy  9 @ 102
        sell 1 @ 104
        buy  1 @ 100
        amend #5 4 @ 103
        amend #3 @ 104
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 101
            #5 amended to 4 @ 103
            #5 takes 2 from #2 @ 103
            #3 amended to 9 @ 104
            #3 takes 1 from #4 @ 104
            bid 104 #3x6
            bid 103 #5x2
        "#]],
    );
}

#[test]
fn match_013_an_amended_order_arrives_with_its_own_self_trade_mode() {
    check(
        "
        ann: sell 2 @ 101
        ann: buy  3 @ 100 stp=newest
        amend #2 @ 101
        ann: buy  3 @ 100 stp=oldest
        amend #3 @ 101
        ",
        expect![[r#"
            #2 amended to 3 @ 101
            #2 cancelled 3: self_trade
            #3 amended to 3 @ 101
            #1 cancelled 2: self_trade
            bid 101 #3x3
        "#]],
    );
}

#[test]
fn match_009_an_amend_that_makes_a_post_only_order_take_is_refused_whole() {
    check(
        "
        sell 2 @ 101
        buy  5 @ 100 post
        amend #2 3 @ 101
        amend #2 3 @ 99
        ",
        expect![[r#"
            #2 refused: post_only_would_cross
            #2 amended to 3 @ 99
            ask 101 #1x2
            bid 99 #2x3
        "#]],
    );
}

#[test]
fn match_013_an_amend_leaves_its_neighbours_alone() {
    check(
        "
        buy 1 @ 100
        buy 2 @ 100
        buy 3 @ 100
        amend #2 5 @ 99
        amend #2 5 @ 101
        amend #2 4
        ",
        expect![[r#"
            #2 amended to 5 @ 99
            #2 amended to 5 @ 101
            #2 amended to 4 @ 101
            bid 101 #2x4
            bid 100 #1x1 #3x3
        "#]],
    );
}
