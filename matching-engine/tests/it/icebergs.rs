//! Orders that show only a part of themselves.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_043_an_iceberg_takes_with_its_whole_size_and_rests_showing_a_part() {
    check(
        "
        sell 7 @ 100
        buy 12 @ 100 display=2
        buy 3 @ 99 display=9
        ",
        expect![[r#"
            #2 takes 7 from #1 @ 100
            bid 100 #2x2+3
            bid 99 #3x3
        "#]],
    );
}

#[test]
fn match_044_what_hides_comes_forward_at_the_back_of_its_level() {
    check(
        "
        sell 6 @ 100 display=2
        sell 3 @ 100
        buy 2 @ 100
        buy 4 @ 100
        buy 9 @ 100
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 100
            #1 shows 2
            #4 takes 3 from #2 @ 100
            #4 takes 1 from #1 @ 100
            #5 takes 1 from #1 @ 100
            #1 shows 2
            #5 takes 2 from #1 @ 100
            bid 100 #5x6
        "#]],
    );
}

#[test]
fn match_044_two_icebergs_take_turns_under_one_taker() {
    check(
        "
        sell 5 @ 100 display=2
        sell 4 @ 100 display=1
        sell 1 @ 100
        buy 9 @ 100
        ",
        expect![[r#"
            #4 takes 2 from #1 @ 100
            #1 shows 2
            #4 takes 1 from #2 @ 100
            #2 shows 1
            #4 takes 1 from #3 @ 100
            #4 takes 2 from #1 @ 100
            #1 shows 1
            #4 takes 1 from #2 @ 100
            #2 shows 1
            #4 takes 1 from #1 @ 100
            #4 takes 1 from #2 @ 100
            #2 shows 1
            ask 100 #2x1
        "#]],
    );
}

#[test]
fn match_045_what_is_hidden_is_lost_first_and_the_place_is_kept() {
    check(
        "
        sell 8 @ 100 display=3
        sell 2 @ 100
        amend #1 5
        amend #1 2
        buy 3 @ 100
        ",
        expect![[r#"
            #1 amended to 5 @ 100
            #1 amended to 2 @ 100
            #3 takes 2 from #1 @ 100
            #3 takes 1 from #2 @ 100
            ask 100 #2x1
        "#]],
    );
}

#[test]
fn match_045_an_iceberg_that_grows_or_moves_arrives_anew_and_shows_its_part() {
    check(
        "
        sell 8 @ 100 display=3
        sell 2 @ 100
        amend #1 2
        amend #1 9
        amend #1 @ 101
        buy 3 @ 101
        ",
        expect![[r#"
            #1 amended to 2 @ 100
            #1 amended to 9 @ 100
            #1 amended to 9 @ 101
            #3 takes 2 from #2 @ 100
            #3 takes 1 from #1 @ 101
            ask 101 #1x2+6
        "#]],
    );
}

#[test]
fn match_045_self_trade_prevention_acts_on_all_of_an_iceberg() {
    check(
        "
        ann: sell 8 @ 100 display=3
        ann: buy 4 @ 100 stp=decrement
        ann: buy 3 @ 100 stp=decrement
        bob: sell 1 @ 100
        ann: buy 2 @ 100 stp=oldest
        ",
        expect![[r#"
            #1 decremented by 4 to 4
            #2 cancelled 4: self_trade
            #1 decremented by 3 to 1
            #3 cancelled 3: self_trade
            #1 cancelled 1: self_trade
            #5 takes 1 from #4 @ 100
            bid 100 #5x1
        "#]],
    );
    // The taker is the larger one: the iceberg ends whole.
    check(
        "
        ann: sell 8 @ 100 display=3
        ann: buy 9 @ 100 stp=decrement
        ",
        expect![[r#"
            #1 cancelled 8: self_trade
            #2 decremented by 8 to 1
            bid 100 #2x1
        "#]],
    );
}

#[test]
fn match_046_an_iceberg_trades_in_an_uncross_with_all_of_it_in_its_place() {
    check(
        "
        auction
        sell 9 @ 100 display=2
        sell 4 @ 100
        buy 6 @ 100
        uncross 100
        buy 1 @ 100
        ",
        expect![[r#"
            call auction
            #3 takes 6 from #1 @ 100
            #1 shows 2
            auction over: 6 @ 100
            #4 takes 1 from #2 @ 100
            ask 100 #2x3 #1x2+1
        "#]],
    );
    // Only a part of what is shown has traded: the place is kept.
    check(
        "
        auction
        sell 9 @ 100 display=5
        sell 4 @ 100
        buy 3 @ 100
        uncross 100
        buy 3 @ 100
        ",
        expect![[r#"
            call auction
            #3 takes 3 from #1 @ 100
            auction over: 3 @ 100
            #4 takes 2 from #1 @ 100
            #1 shows 4
            #4 takes 1 from #2 @ 100
            ask 100 #2x3 #1x4
        "#]],
    );
}

#[test]
fn match_008_fok_counts_what_hides_but_not_behind_an_own_order() {
    check(
        "
        bob: sell 9 @ 100 display=2
        ann: buy 9 @ 100 fok stp=both
        ",
        expect![[r#"
            #2 takes 2 from #1 @ 100
            #1 shows 2
            #2 takes 2 from #1 @ 100
            #1 shows 2
            #2 takes 2 from #1 @ 100
            #1 shows 2
            #2 takes 2 from #1 @ 100
            #1 shows 1
            #2 takes 1 from #1 @ 100
        "#]],
    );
    check(
        "
        bob: sell 9 @ 100 display=2
        ann: sell 1 @ 100
        ann: buy 3 @ 100 fok stp=newest
        ann: buy 2 @ 100 fok stp=newest
        ",
        expect![[r#"
            #3 cancelled 3: fok
            #4 takes 2 from #1 @ 100
            #1 shows 2
            ask 100 #2x1 #1x2+5
        "#]],
    );
    check(
        "
        bob: sell 9 @ 100 display=2
        ann: sell 1 @ 100
        ann: buy 9 @ 100 fok stp=oldest
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 100
            #1 shows 2
            #2 cancelled 1: self_trade
            #3 takes 2 from #1 @ 100
            #1 shows 2
            #3 takes 2 from #1 @ 100
            #1 shows 2
            #3 takes 2 from #1 @ 100
            #1 shows 1
            #3 takes 1 from #1 @ 100
        "#]],
    );
}

#[test]
fn match_033_an_iceberg_shows_something_and_at_least_a_thousandth() {
    check(
        "
        sell 5 @ 100 display=0
        sell 1001 @ 100 display=1
        sell 1000 @ 100 display=1
        amend #3 1001
        buy 2 @ 100
        amend #3 1003
        amend #3 1002
        ",
        expect![[r#"
            #1 refused: display_out_of_range
            #2 refused: display_out_of_range
            #3 refused: display_out_of_range
            #4 takes 1 from #3 @ 100
            #3 shows 1
            #4 takes 1 from #3 @ 100
            #3 shows 1
            #3 refused: display_out_of_range
            #3 amended to 1002 @ 100
            ask 100 #3x1+999
        "#]],
    );
}

#[test]
fn match_032_an_order_that_can_never_rest_has_nothing_to_hide() {
    check(
        "
        sell 5 market display=1
        sell 5 @ 100 ioc display=1
        sell 5 @ 100 fok display=1
        sell 5 market stop=90 display=1
        sell 5 @ 100 stop=90 display=1
        ",
        expect![[r#"
            #1 refused: display_immediate
            #2 refused: display_immediate
            #3 refused: display_immediate
            #4 refused: display_immediate
            waits #5x5
        "#]],
    );
}
