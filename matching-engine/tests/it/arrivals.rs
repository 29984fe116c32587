//! What happens to an order on arrival: priority, prices, time in force, post-only, refusals.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_001_best_price_first_then_oldest() {
    check(
        "
        sell 2 @ 101
        sell 2 @ 100
        sell 2 @ 100
        buy  3 @ 101
        ",
        expect![[r#"
            #4 takes 2 from #2 @ 100
            #4 takes 1 from #3 @ 100
            ask 101 #1x2
            ask 100 #3x1
        "#]],
    );
    check(
        "
        buy  2 @ 99
        buy  2 @ 100
        buy  2 @ 100
        sell 5 @ 99
        ",
        expect![[r#"
            #4 takes 2 from #2 @ 100
            #4 takes 2 from #3 @ 100
            #4 takes 1 from #1 @ 99
            bid 99 #1x1
        "#]],
    );
}

#[test]
fn match_002_a_trade_prints_the_makers_price_on_either_side() {
    check(
        "
        sell 1 @ 100
        buy  1 @ 105
        buy  1 @ 99
        sell 1 @ 90
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #4 takes 1 from #3 @ 99
        "#]],
    );
}

#[test]
fn match_003_a_limit_order_never_trades_beyond_its_limit_and_its_rest_rests() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 101
        sell 1 @ 102
        buy  5 @ 101
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #4 takes 1 from #2 @ 101
            ask 102 #3x1
            bid 101 #4x3
        "#]],
    );
}

#[test]
fn match_004_a_partly_filled_maker_keeps_its_place() {
    check(
        "
        sell 3 @ 100
        sell 3 @ 100
        buy  1 @ 100
        buy  1 @ 100
        buy  2 @ 100
        ",
        expect![[r#"
            #3 takes 1 from #1 @ 100
            #4 takes 1 from #1 @ 100
            #5 takes 1 from #1 @ 100
            #5 takes 1 from #2 @ 100
            ask 100 #2x2
        "#]],
    );
}

#[test]
fn match_005_the_rest_of_an_ioc_order_is_cancelled() {
    check(
        "
        sell 1 @ 100
        buy  3 @ 100 ioc
        buy  3 @ 100 ioc
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #2 cancelled 2: ioc
            #3 cancelled 3: ioc
        "#]],
    );
}

#[test]
fn match_006_a_market_order_trades_at_any_price_and_its_rest_is_cancelled() {
    check(
        "
        buy  1 market
        sell 1 @ 100
        sell 1 @ 900
        buy  5 market
        sell 1 @ 100
        buy  2 market ioc
        ",
        expect![[r#"
            #1 cancelled 1: market
            #4 takes 1 from #2 @ 100
            #4 takes 1 from #3 @ 900
            #4 cancelled 3: market
            #6 takes 1 from #5 @ 100
            #6 cancelled 1: ioc
        "#]],
    );
}

#[test]
fn match_007_a_fok_order_trades_whole_or_nothing_changes() {
    check(
        "
        sell 2 @ 100
        sell 2 @ 101
        buy  4 @ 100 fok
        buy  5 @ 101 fok
        buy  5 market fok
        buy  4 @ 101 fok
        ",
        expect![[r#"
            #3 cancelled 4: fok
            #4 cancelled 5: fok
            #5 cancelled 5: fok
            #6 takes 2 from #1 @ 100
            #6 takes 2 from #2 @ 101
        "#]],
    );
}

#[test]
fn match_009_a_post_only_order_that_would_take_is_refused_even_from_its_own_account() {
    check(
        "
        ann: sell 1 @ 100
        bob: buy  1 @ 100 post
        ann: buy  1 @ 101 post stp=oldest
        bob: buy  1 @ 99 post
        ann: sell 1 @ 99 post
        ",
        expect![[r#"
            #2 refused: post_only_would_cross
            #3 refused: post_only_would_cross
            #5 refused: post_only_would_cross
            ask 100 #1x1
            bid 99 #4x1
        "#]],
    );
}

#[test]
fn match_050_a_sliding_order_rests_one_tick_off_the_best_price_of_the_other_side() {
    check(
        "
        ann: sell 1 @ 100
        ann: buy  1 @ 105 slide
        bob: sell 1 @ 90 slide
        bob: buy  1 @ 98 slide
        cancel #3
        amend #4 @ 102
        sell 1 @ 99
        ",
        expect![[r#"
            #2 slides to 99
            #3 slides to 100
            #3 cancelled 1: user
            #4 amended to 1 @ 99
            #5 takes 1 from #2 @ 99
            ask 100 #1x1
            bid 99 #4x1
        "#]],
    );
    // There is no tick beyond the end of the range.
    check(
        "
        buy  1 @ 9223372036854775807
        sell 1 @ 5 slide
        cancel #1
        buy  1 @ 9223372036854775806
        sell 1 @ 5 slide
        ",
        expect![[r#"
            #2 refused: post_only_would_cross
            #1 cancelled 1: user
            #4 slides to 9223372036854775807
            ask 9223372036854775807 #4x1
            bid 9223372036854775806 #3x1
        "#]],
    );
}

#[test]
fn match_010_a_post_only_order_that_cannot_rest_is_refused() {
    check(
        "
        buy 1 @ 100 ioc post
        buy 1 @ 100 fok post
        buy 1 market post
        ",
        expect![[r#"
            #1 refused: post_only_immediate
            #2 refused: post_only_immediate
            #3 refused: post_only_immediate
        "#]],
    );
}

#[test]
fn match_014_an_order_of_nothing_is_refused() {
    check(
        "buy 0 @ 100\nsell 0 market",
        expect![[r#"
        #1 refused: zero_quantity
        #2 refused: zero_quantity
    "#]],
    );
}

#[test]
fn match_015_an_id_that_ended_names_nothing_ever_after() {
    check(
        "
        buy  1 @ 100
        sell 1 @ 100
        buy  1 @ 99
        cancel #1
        amend #1 5
        cancel #3
        sell 1 @ 105
        amend #3 5
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #1 refused: unknown_order
            #1 refused: unknown_order
            #3 cancelled 1: user
            #3 refused: unknown_order
            ask 105 #4x1
        "#]],
    );
}

#[test]
fn match_016_a_sides_open_quantity_fits_into_64_bits_or_the_order_is_refused() {
    check(
        "
        buy  18446744073709551614 @ 100
        buy  2 @ 99
        buy  1 @ 99
        amend #3 2
        sell 18446744073709551615 @ 100
        sell 1 @ 101
        ",
        expect![[r#"
            #2 refused: qty_out_of_range
            #3 refused: qty_out_of_range
            #4 takes 18446744073709551614 from #1 @ 100
            ask 101 #5x1
            ask 100 #4x1
            bid 99 #3x1
        "#]],
    );
}

#[test]
fn match_017_a_cancel_frees_the_level_and_the_next_best_price_trades() {
    check(
        "
        buy  1 @ 100
        buy  1 @ 101
        buy  1 @ 101
        buy  1 @ 101
        cancel #3
        cancel #2
        cancel #4
        sell 2 @ 100
        ",
        expect![[r#"
            #3 cancelled 1: user
            #2 cancelled 1: user
            #4 cancelled 1: user
            #5 takes 1 from #1 @ 100
            ask 100 #5x1
        "#]],
    );
}

#[test]
fn match_018_a_cancel_or_amend_of_what_does_not_rest_is_refused() {
    check(
        "
        cancel #9
        amend #9 5
        sell 1 @ 100
        buy  1 @ 100
        cancel #1
        amend #2 5 @ 101
        ",
        expect![[r#"
            #9 refused: unknown_order
            #9 refused: unknown_order
            #2 takes 1 from #1 @ 100
            #1 refused: unknown_order
            #2 refused: unknown_order
        "#]],
    );
}

#[test]
fn match_019_prices_at_the_ends_of_the_range_rest_and_trade_like_any_other() {
    check(
        "
        buy  1 @ -9223372036854775808
        sell 1 @ 9223372036854775807
        sell 1 @ 0
        buy  1 @ -1
        buy  3 @ 9223372036854775807
        sell 3 @ -9223372036854775808
        ",
        expect![[r#"
            #5 takes 1 from #3 @ 0
            #5 takes 1 from #2 @ 9223372036854775807
            #6 takes 1 from #5 @ 9223372036854775807
            #6 takes 1 from #4 @ -1
            #6 takes 1 from #1 @ -9223372036854775808
        "#]],
    );
}

#[test]
fn match_027_of_two_refusals_the_first_in_the_list_is_given() {
    check(
        "
        clock 100
        band 90 110
        sell 18446744073709551615 @ 105
        buy 1 @ 104
        buy 1 market stop=mark:500
        99| buy 0 @ 100
        account 4294967296: buy 0 market post
        account 4294967296: buy 1 market post
        buy 1 market post display=1
        buy 1 market display=0
        buy 1 @ 120 display=0 gfa stop=mark:500
        buy 1 @ 120 gfa stop=mark:500 ceiling=100
        buy 1 @ 120 gtd=100 ceiling=100
        buy 1 @ 120 gfa ceiling=100
        buy 1 @ 120 post ceiling=100
        buy 1 @ 120 post
        sell 1 @ 80 post
        sell 1 @ 104 post
        buy 1 @ 105 post
        cancel #99
        amend #2 0 trigger=500
        amend #3 0 @ 120
        auction
        buy 1 @ 120 gfn ceiling=100
        buy 1 @ 120 ioc gtd=100
        ",
        expect![[r#"
            99| #4 refused: unknown_book
            #5 refused: zero_quantity
            #6 refused: account_out_of_range
            #7 refused: post_only_immediate
            #8 refused: display_immediate
            #9 refused: display_out_of_range
            #10 refused: trigger_time_in_force
            #11 refused: expiry_passed
            #12 refused: not_in_continuous
            #13 refused: beyond_ceiling
            #14 refused: above_band 110
            #15 refused: below_band 90
            #16 refused: qty_out_of_range
            #17 refused: post_only_would_cross
            #99 refused: unknown_order
            #2 refused: not_waiting
            #3 refused: no_limit
            call auction
            #18 refused: not_in_auction
            #19 refused: expiry_passed
            ask 105 #1x18446744073709551615
            bid 104 #2x1
            waits #3x1
        "#]],
    );
}
