//! Orders that wait for a price: when they fire, in which order, and how they arrive.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_052_a_waiting_order_is_not_in_the_book_until_its_price_comes() {
    check(
        "
        sell 1 @ 100
        sell 5 @ 105
        buy  2 @ 105 stop=100
        buy  1 @ 99 stop=mark:100
        sell 1 @ 90
        cancel #4
        buy  1 @ 100
        ",
        expect![[r#"
            #4 cancelled 1: user
            #6 takes 1 from #5 @ 90
            ask 105 #2x5
            ask 100 #1x1
            waits #3x2
        "#]],
    );
}

#[test]
fn match_052_each_source_and_direction_fires_at_the_price_or_beyond() {
    check(
        "
        buy  1 @ 90 stop=mark:105
        sell 1 @ 110 stop=mark:95
        buy  1 @ 91 take=mark:95
        sell 1 @ 111 take=mark:105
        mark 104
        mark 96
        index 105
        mark 105
        mark 95
        ",
        expect![[r#"
            #1 triggered
            #4 triggered
            #2 triggered
            #3 triggered
            ask 111 #4x1
            ask 110 #2x1
            bid 91 #3x1
            bid 90 #1x1
        "#]],
    );
    check(
        "
        buy  1 @ 90 stop=index:105
        sell 1 @ 110 stop=index:95
        mark 105
        index 106
        index 94
        ",
        expect![[r#"
            #1 triggered
            #2 triggered
            ask 110 #2x1
            bid 90 #1x1
        "#]],
    );
    check(
        "
        sell 1 @ 100
        sell 1 @ 101
        buy 1 @ 100
        buy 1 @ 90 stop=101
        buy 1 @ 91 take=100
        buy 1 @ 101
        ",
        expect![[r#"
            #3 takes 1 from #1 @ 100
            #5 triggered
            #6 takes 1 from #2 @ 101
            #4 triggered
            bid 91 #5x1
            bid 90 #4x1
        "#]],
    );
}

#[test]
fn match_053_a_price_that_has_come_before_fires_the_order_at_once() {
    check(
        "
        sell 1 @ 100
        buy  1 @ 100
        sell 2 @ 105
        buy  1 @ 105 stop=100
        buy  1 market take=100
        mark 50
        buy  1 @ 90 take=mark:50
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #4 triggered
            #4 takes 1 from #3 @ 105
            #6 triggered
            ask 105 #3x1
            bid 90 #6x1
            waits #5x1
        "#]],
    );
}

#[test]
fn match_053_the_last_price_is_the_last_trade_of_an_order_that_has_finished() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 101
        sell 1 @ 102
        buy  1 @ 90 take=100
        buy  1 @ 91 stop=102
        buy  3 @ 102
        ",
        expect![[r#"
            #6 takes 1 from #1 @ 100
            #6 takes 1 from #2 @ 101
            #6 takes 1 from #3 @ 102
            #5 triggered
            bid 91 #5x1
            waits #4x1
        "#]],
    );
}

#[test]
fn match_054_orders_fire_by_id_and_what_they_set_free_lines_up_behind() {
    check(
        "
        sell 1 @ 101
        sell 1 @ 102
        sell 1 @ 103
        sell 1 @ 104
        buy  1 market stop=103
        buy  1 market stop=101
        buy  1 market stop=102
        buy  1 market stop=101
        buy  1 @ 101
        ",
        expect![[r#"
            #9 takes 1 from #1 @ 101
            #6 triggered
            #6 takes 1 from #2 @ 102
            #8 triggered
            #8 takes 1 from #3 @ 103
            #7 triggered
            #7 takes 1 from #4 @ 104
            #5 triggered
            #5 cancelled 1: market
        "#]],
    );
}

#[test]
fn match_054_a_cascade_goes_on_until_nothing_is_due() {
    check(
        "
        buy  1 @ 100
        buy  1 @ 99
        buy  1 @ 98
        buy  1 @ 97
        buy  1 @ 96
        sell 1 market stop=97
        sell 1 market stop=98
        sell 1 market stop=99
        sell 1 market stop=100
        sell 1 @ 100
        ",
        expect![[r#"
            #10 takes 1 from #1 @ 100
            #9 triggered
            #9 takes 1 from #2 @ 99
            #8 triggered
            #8 takes 1 from #3 @ 98
            #7 triggered
            #7 takes 1 from #4 @ 97
            #6 triggered
            #6 takes 1 from #5 @ 96
        "#]],
    );
}

#[test]
fn match_054_an_order_that_is_due_fires_even_when_the_price_has_gone_back() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 102
        buy  1 @ 98
        sell 1 market stop=100
        buy  1 market take=100
        buy  1 @ 100
        ",
        expect![[r#"
            #6 takes 1 from #1 @ 100
            #4 triggered
            #4 takes 1 from #3 @ 98
            #5 triggered
            #5 takes 1 from #2 @ 102
        "#]],
    );
}

#[test]
fn match_055_a_triggered_order_arrives_with_its_id_at_the_back() {
    check(
        "
        sell 2 @ 110 take=mark:105
        sell 2 @ 110
        mark 105
        buy  3 @ 110
        ",
        expect![[r#"
            #1 triggered
            #3 takes 2 from #2 @ 110
            #3 takes 1 from #1 @ 110
            ask 110 #1x1
        "#]],
    );
}

#[test]
fn match_055_a_triggered_order_arrives_under_the_rules_of_that_moment() {
    check(
        "
        sell 1 @ 100
        buy  2 @ 100 post stop=mark:105
        buy  2 @ 100 slide stop=mark:105
        buy  2 @ 99 fok stop=mark:105
        buy  2 @ 99 ioc stop=mark:105
        buy  2 @ 109 stop=mark:105
        buy  2 market stop=mark:105
        band 90 108
        mark 105
        ",
        expect![[r#"
            #2 triggered
            #2 cancelled 2: post_only
            #3 triggered
            #3 amended to 2 @ 99
            #4 triggered
            #4 cancelled 2: fok
            #5 triggered
            #5 cancelled 2: ioc
            #6 triggered
            #6 cancelled 2: band
            #7 triggered
            #7 takes 1 from #1 @ 100
            #7 cancelled 1: market
            bid 99 #3x2
        "#]],
    );
}

#[test]
fn match_055_the_takers_own_mode_holds_when_it_fires() {
    check(
        "
        ann: sell 1 @ 100
        ann: buy 2 @ 100 stop=mark:105 stp=oldest
        ann: sell 1 @ 100 token=3
        mark 105
        ",
        expect![[r#"
            #2 triggered
            #1 cancelled 1: self_trade
            #2 takes 1 from #3 @ 100
            bid 100 #2x1
        "#]],
    );
}

#[test]
fn match_056_in_an_auction_nothing_fires_and_its_end_looks_again() {
    check(
        "
        mark 100
        auction
        buy  1 @ 99 stop=mark:100
        buy  1 market ioc take=mark:95
        buy  1 @ 98 post stop=103
        mark 95
        mark 100
        buy  2 @ 103
        sell 2 @ 103
        uncross 103
        ",
        expect![[r#"
            call auction
            #5 takes 2 from #4 @ 103
            auction over: 2 @ 103
            #1 triggered
            #3 triggered
            bid 99 #1x1
            bid 98 #3x1
            waits #2x1
        "#]],
    );
}

#[test]
fn match_057_an_amend_of_a_waiting_order_changes_it_where_it_waits() {
    check(
        "
        mark 100
        buy  5 @ 99 stop=mark:105
        amend #1 3
        amend #1 @ 98 trigger=104
        amend #1 4 @ 97
        mark 104
        ",
        expect![[r#"
            #1 amended to 3 @ 99
            #1 amended to 3 @ 98
            #1 amended to 4 @ 97
            #1 triggered
            bid 97 #1x4
        "#]],
    );
}

#[test]
fn match_057_a_waiting_order_fires_at_once_when_its_new_price_has_come() {
    check(
        "
        mark 100
        buy  5 @ 99 stop=mark:105
        buy  5 market stop=mark:105
        amend #1 trigger=100
        amend #2 2 trigger=99
        ",
        expect![[r#"
            #1 amended to 5 @ 99
            #1 triggered
            #2 amended to 2 market
            #2 triggered
            #2 cancelled 2: market
            bid 99 #1x5
        "#]],
    );
}

#[test]
fn match_057_a_size_of_nothing_ends_a_waiting_order() {
    check(
        "
        buy 5 @ 99 stop=105
        amend #1 0
        amend #1 5
        ",
        expect![[r#"
            #1 cancelled 5: amended
            #1 refused: unknown_order
        "#]],
    );
}

#[test]
fn match_029_only_a_waiting_order_has_a_trigger() {
    check(
        "
        buy  5 @ 99
        amend #1 9 trigger=100
        mark 100
        buy  5 @ 98 stop=mark:100
        amend #2 trigger=101
        ",
        expect![[r#"
            #1 refused: not_waiting
            #2 triggered
            #2 refused: not_waiting
            bid 99 #1x5
            bid 98 #2x5
        "#]],
    );
}

#[test]
fn match_030_a_market_order_has_no_limit_to_change() {
    check(
        "
        buy 5 market stop=105
        amend #1 @ 100
        amend #1 6
        ",
        expect![[r#"
            #1 refused: no_limit
            #1 amended to 6 market
            waits #1x6
        "#]],
    );
}

#[test]
fn match_034_an_order_for_one_phase_cannot_wait_for_a_price() {
    check(
        "
        buy 5 @ 99 gfa stop=105
        buy 5 @ 99 gfn stop=105
        auction
        buy 5 @ 99 gfa stop=105
        ",
        expect![[r#"
            #1 refused: trigger_time_in_force
            #2 refused: trigger_time_in_force
            call auction
            #3 refused: trigger_time_in_force
        "#]],
    );
}

#[test]
fn match_052_a_waiting_order_can_be_cancelled_and_fires_no_more() {
    check(
        "
        buy 5 @ 99 stop=mark:105
        cancel #1
        mark 105
        cancel #1
        ",
        expect![[r#"
            #1 cancelled 5: user
            #1 refused: unknown_order
        "#]],
    );
}

#[test]
fn match_016_waiting_and_hidden_quantity_counts() {
    check(
        "
        buy 18446744073709551613 @ 90 display=18446744073709551000
        buy 1 @ 99 stop=mark:105
        buy 2 @ 99 stop=mark:106
        buy 1 @ 99 stop=mark:106
        amend #2 2
        ",
        expect![[r#"
            #3 refused: qty_out_of_range
            #2 refused: qty_out_of_range
            bid 90 #1x18446744073709551000+613
            waits #2x1 #4x1
        "#]],
    );
}
