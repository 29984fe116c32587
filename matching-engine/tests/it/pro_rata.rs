//! Levels that are shared in proportion.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_097_the_published_cases_are_shared_as_published() {
    // CME Globex notice 020705-1 of 2005-02-07, Eurodollar pro-rata with a top order: 10, 3, 6, 16, 25.
    check(
        "
        terms prorata=2 top
        sell 10 @ 100
        sell 5 @ 100
        sell 20 @ 100
        sell 50 @ 100
        sell 75 @ 100
        buy 60 @ 100
        ",
        expect![[r#"
            #6 takes 10 from #1 @ 100
            #6 takes 3 from #2 @ 100
            #6 takes 6 from #3 @ 100
            #6 takes 16 from #4 @ 100
            #6 takes 25 from #5 @ 100
            ask 100 #2x2 #3x14 #4x34 #5x50
        "#]],
    );
    // CME client systems, example of pro-rata with a minimum of 2: shares 0, 0, 7, 0, 3, 37; the remaining 3 go to the oldest.
    check(
        "
        terms prorata=2
        sell 5 @ 100
        sell 9 @ 100
        sell 57 @ 100
        sell 4 @ 100
        sell 28 @ 100
        sell 300 @ 100
        buy 50 @ 100
        ",
        expect![[r#"
            #7 takes 3 from #1 @ 100
            #7 takes 7 from #3 @ 100
            #7 takes 3 from #5 @ 100
            #7 takes 37 from #6 @ 100
            ask 100 #1x2 #2x9 #3x50 #4x4 #5x25 #6x263
        "#]],
    );
}

#[test]
fn match_097_the_remainder_is_handed_out_by_age() {
    check(
        "
        terms prorata=1
        sell 3 @ 100
        sell 3 @ 100
        sell 3 @ 100
        buy 5 @ 100
        buy 2 @ 100
        ",
        expect![[r#"
            #4 takes 3 from #1 @ 100
            #4 takes 1 from #2 @ 100
            #4 takes 1 from #3 @ 100
            #5 takes 1 from #2 @ 100
            #5 takes 1 from #3 @ 100
            ask 100 #2x1 #3x1
        "#]],
    );
}

#[test]
fn match_097_shares_follow_what_is_shown_not_what_hides() {
    check(
        "
        terms prorata=1
        sell 10 @ 100
        sell 90 @ 100 display=10
        buy 10 @ 100
        ",
        expect![[r#"
            #3 takes 5 from #1 @ 100
            #3 takes 5 from #2 @ 100
            ask 100 #1x5 #2x5+80
        "#]],
    );
}

#[test]
fn match_098_own_orders_are_met_before_a_level_is_shared() {
    check(
        "
        terms prorata=1
        bob: sell 4 @ 100
        ann: sell 4 @ 100
        ann: buy 3 @ 100 stp=newest
        ann: buy 3 @ 100 stp=oldest
        ",
        expect![[r#"
            #3 cancelled 3: self_trade
            #2 cancelled 4: self_trade
            #4 takes 3 from #1 @ 100
            ask 100 #1x1
        "#]],
    );
    check(
        "
        terms prorata=1
        bob: sell 4 @ 99
        bob: sell 4 @ 100
        ann: sell 4 @ 100
        ann: buy 6 @ 100 stp=both
        ",
        expect![[r#"
            #4 takes 4 from #1 @ 99
            #3 cancelled 4: self_trade
            #4 cancelled 2: self_trade
            ask 100 #2x4
        "#]],
    );
    check(
        "
        terms prorata=1
        bob: sell 6 @ 100
        ann: sell 1 @ 100
        bob: sell 6 @ 100
        ann: sell 2 @ 100
        ann: buy 7 @ 100 stp=decrement
        ",
        expect![[r#"
            #2 cancelled 1: self_trade
            #5 decremented by 1 to 6
            #4 cancelled 2: self_trade
            #5 decremented by 2 to 4
            #5 takes 2 from #1 @ 100
            #5 takes 2 from #3 @ 100
            ask 100 #1x4 #3x4
        "#]],
    );
}

#[test]
fn match_098_fok_counts_nothing_of_a_level_with_an_own_order_that_ends_it() {
    check(
        "
        terms prorata=1
        bob: sell 1 @ 97
        bob: sell 1 @ 102
        ann: sell 1 @ 102
        ann: buy 2 @ 102 fok stp=both
        ann: buy 1 @ 102 fok stp=both
        ann: buy 1 @ 102 fok stp=oldest
        ",
        expect![[r#"
            #4 cancelled 2: fok
            #5 takes 1 from #1 @ 97
            #3 cancelled 1: self_trade
            #6 takes 1 from #2 @ 102
        "#]],
    );
}

#[test]
fn match_099_the_order_that_made_the_best_price_is_served_first() {
    check(
        "
        terms prorata=1 top
        sell 2 @ 101
        sell 2 @ 100
        sell 20 @ 100
        buy 6 @ 100
        buy 6 @ 100
        ",
        expect![[r#"
            #4 takes 2 from #2 @ 100
            #4 takes 4 from #3 @ 100
            #5 takes 6 from #3 @ 100
            ask 101 #1x2
            ask 100 #3x10
        "#]],
    );
    // A better price takes the place; when it has gone nobody inherits it.
    check(
        "
        terms prorata=1 top
        sell 2 @ 100
        sell 2 @ 99
        sell 8 @ 100
        buy 2 @ 99
        buy 5 @ 100
        ",
        expect![[r#"
            #4 takes 2 from #2 @ 99
            #5 takes 1 from #1 @ 100
            #5 takes 4 from #3 @ 100
            ask 100 #1x1 #3x4
        "#]],
    );
}

#[test]
fn match_099_the_top_order_is_it_no_more_once_it_lost_its_place() {
    // Losing its place at the level, or moving, an order is the top order no more.
    check(
        "
        terms prorata=1 top
        sell 2 @ 100
        sell 8 @ 100
        amend #1 3
        buy 4 @ 100
        ",
        expect![[r#"
            #1 amended to 3 @ 100
            #3 takes 3 from #2 @ 100
            #3 takes 1 from #1 @ 100
            ask 100 #2x5 #1x2
        "#]],
    );
    check(
        "
        terms prorata=1 top
        sell 8 @ 101
        sell 2 @ 100
        amend #2 @ 101
        buy 4 @ 101
        ",
        expect![[r#"
            #2 amended to 2 @ 101
            #3 takes 4 from #1 @ 101
            ask 101 #1x4 #2x2
        "#]],
    );
    // Asking for less keeps it.
    check(
        "
        terms prorata=1 top
        sell 3 @ 100
        sell 8 @ 100
        amend #1 2
        buy 4 @ 100
        ",
        expect![[r#"
            #1 amended to 2 @ 100
            #3 takes 2 from #1 @ 100
            #3 takes 2 from #2 @ 100
            ask 100 #2x6
        "#]],
    );
}

#[test]
fn match_099_neither_an_auction_nor_a_refresh_makes_a_top_order() {
    // In an auction nobody makes a price.
    check(
        "
        terms prorata=1 top
        auction
        sell 2 @ 100
        uncross 100
        sell 8 @ 100
        buy 5 @ 100
        ",
        expect![[r#"
            call auction
            auction over: nothing
            #3 takes 1 from #1 @ 100
            #3 takes 4 from #2 @ 100
            ask 100 #1x1 #2x4
        "#]],
    );
    // An iceberg that shows its next part is not it any more.
    check(
        "
        terms prorata=1 top
        sell 4 @ 100 display=2
        sell 8 @ 100
        buy 2 @ 100
        buy 5 @ 100
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 100
            #1 shows 2
            #4 takes 4 from #2 @ 100
            #4 takes 1 from #1 @ 100
            ask 100 #2x4 #1x1
        "#]],
    );
}

#[test]
fn match_100_a_taker_for_all_that_is_shown_takes_it_by_age_and_the_level_is_looked_at_again() {
    check(
        "
        terms prorata=1
        sell 6 @ 100 display=2
        sell 2 @ 100
        sell 9 @ 100 display=3
        buy 10 @ 100
        buy 4 @ 100
        ",
        expect![[r#"
            #4 takes 2 from #1 @ 100
            #1 shows 2
            #4 takes 2 from #2 @ 100
            #4 takes 3 from #3 @ 100
            #3 shows 3
            #4 takes 2 from #1 @ 100
            #1 shows 2
            #4 takes 1 from #3 @ 100
            #5 takes 2 from #3 @ 100
            #3 shows 3
            #5 takes 2 from #1 @ 100
            ask 100 #3x3
        "#]],
    );
}

#[test]
fn match_100_an_uncross_does_not_share() {
    check(
        "
        terms prorata=1
        auction
        sell 5 @ 100
        sell 5 @ 100
        buy 6 @ 100
        uncross 100
        ",
        expect![[r#"
            call auction
            #3 takes 5 from #1 @ 100
            #3 takes 1 from #2 @ 100
            auction over: 6 @ 100
            ask 100 #2x4
        "#]],
    );
}
