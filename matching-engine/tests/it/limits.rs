//! What keeps prices in: ceilings, bands, and the breaker.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_037_a_limit_beyond_the_orders_own_ceiling_is_refused() {
    check(
        "
        buy  1 @ 101 ceiling=100
        buy  1 @ 99 ceiling=100
        amend #2 @ 101
        amend #2 @ 100
        sell 1 @ 104 ceiling=105
        sell 1 @ 106 ceiling=105
        amend #4 @ 104
        buy  1 @ 101 ceiling=100 stop=mark:105
        ",
        expect![[r#"
            #1 refused: beyond_ceiling
            #2 refused: beyond_ceiling
            #2 amended to 1 @ 100
            #3 refused: beyond_ceiling
            #4 refused: beyond_ceiling
            #5 refused: beyond_ceiling
            ask 106 #4x1
            bid 100 #2x1
        "#]],
    );
}

#[test]
fn match_058_a_market_order_trades_no_further_than_its_ceiling_and_the_band() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 102
        sell 1 @ 104
        buy  5 market ceiling=100
        band - 103
        buy  5 market
        band - -
        buy  5 market ceiling=103
        buy  5 market
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #4 cancelled 4: market
            #5 takes 1 from #2 @ 102
            #5 cancelled 4: market
            #6 cancelled 5: market
            #7 takes 1 from #3 @ 104
            #7 cancelled 4: market
        "#]],
    );
    check(
        "
        buy  1 @ 100
        buy  1 @ 98
        buy  1 @ 96
        band 98 -
        sell 5 market ceiling=99
        sell 5 market ceiling=90
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #4 cancelled 4: market
            #5 takes 1 from #2 @ 98
            #5 cancelled 4: market
            bid 96 #3x1
        "#]],
    );
}

#[test]
fn match_058_a_waiting_market_order_is_held_to_the_band_of_its_arrival() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 102
        buy  5 market stop=mark:105
        band - 101
        mark 105
        ",
        expect![[r#"
            #3 triggered
            #3 takes 1 from #1 @ 100
            #3 cancelled 4: market
            ask 102 #2x1
        "#]],
    );
}

#[test]
fn match_038_a_limit_beyond_the_band_is_refused_and_told_the_limit() {
    check(
        "
        band 95 105
        buy  1 @ 106
        sell 1 @ 94
        buy  1 @ 94
        sell 1 @ 106
        amend #3 @ 106
        amend #4 @ 94
        ",
        expect![[r#"
            #1 refused: above_band 105
            #2 refused: below_band 95
            #3 refused: above_band 105
            #4 refused: below_band 95
            ask 106 #4x1
            bid 94 #3x1
        "#]],
    );
}

#[test]
fn match_059_orders_that_rest_stay_when_the_band_moves() {
    check(
        "
        buy  2 @ 104
        band 95 100
        amend #1 1
        amend #1 3 @ 104
        amend #1 @ 103
        sell 1 @ 96
        band - -
        buy  1 @ 110
        ",
        expect![[r#"
            #1 amended to 1 @ 104
            #1 amended to 3 @ 104
            #1 refused: above_band 100
            #2 takes 1 from #1 @ 104
            bid 110 #3x1
            bid 104 #1x2
        "#]],
    );
}

#[test]
fn match_059_a_waiting_order_meets_the_band_when_it_fires() {
    check(
        "
        band 95 105
        buy  1 @ 110 stop=mark:105
        buy  1 @ 111 stop=mark:106
        mark 105
        band - -
        mark 106
        ",
        expect![[r#"
            #1 triggered
            #1 cancelled 1: band
            #2 triggered
            bid 111 #2x1
        "#]],
    );
}

#[test]
fn match_090_trades_stay_within_the_width_of_the_windows_lowest_and_highest() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 105
        sell 1 @ 106
        buy  1 @ 105
        sell 1 @ 110
        buy  1 @ 106
        cancel #4
        buy  1 @ 95
        sell 1 @ 95
        ",
        expect![[r#"
            #3 takes 1 from #1 @ 105
            #5 takes 1 from #2 @ 106
            #4 cancelled 1: user
            volatility auction until 10
            ask 95 #7x1
            bid 95 #6x1
        "#]],
    );
}

#[test]
fn match_090_without_a_trade_in_the_window_the_last_price_is_where_it_starts() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 105
        buy  1 @ 105
        clock 60
        sell 1 @ 110
        buy  1 @ 110
        clock 119
        sell 1 @ 104
        buy  1 @ 104
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 105
            #4 takes 1 from #3 @ 110
            volatility auction until 129
            ask 104 #5x1
            bid 104 #6x1
        "#]],
    );
}

#[test]
fn match_090_the_limits_of_an_order_are_those_of_its_beginning() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 96
        sell 1 @ 105
        sell 1 @ 106
        buy  3 @ 105
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 96
            #4 takes 1 from #2 @ 105
            ask 106 #3x1
            bid 105 #4x1
        "#]],
    );
}

#[test]
fn match_091_a_trade_beyond_the_limits_opens_an_auction_instead() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        clock 7
        sell 1 @ 105
        sell 2 @ 106
        sell 1 @ 120 gfn
        buy  3 @ 110
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 105
            volatility auction until 17
            #3 cancelled 1: auction
            ask 106 #2x2
            bid 110 #4x2
        "#]],
    );
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 106
        buy  2 @ 110 ioc
        ",
        expect![[r#"
            volatility auction until 10
            #2 cancelled 2: halted
            ask 106 #1x1
        "#]],
    );
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 106
        buy  2 market
        ",
        expect![[r#"
            volatility auction until 10
            #2 cancelled 2: halted
            ask 106 #1x1
        "#]],
    );
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 106
        buy  2 @ 110 gfn
        ",
        expect![[r#"
            volatility auction until 10
            #2 cancelled 2: auction
            ask 106 #1x1
        "#]],
    );
    // An own order at such a price trips it as any other.
    check(
        "
        terms width=5 window=60 length=10 reference=100
        ann: sell 1 @ 106
        ann: buy 2 @ 110 stp=oldest
        ",
        expect![[r#"
            volatility auction until 10
            ask 106 #1x1
            bid 110 #2x2
        "#]],
    );
}

#[test]
fn match_091_an_amend_that_would_trade_beyond_the_limits_trips_the_breaker() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 2 @ 106
        buy  3 @ 100
        amend #2 @ 106
        ",
        expect![[r#"
            #2 amended to 3 @ 106
            volatility auction until 10
            ask 106 #1x2
            bid 106 #2x3
        "#]],
    );
}

/// MATCH-056: in the auction that the first of them opens.
#[test]
fn match_091_orders_that_were_due_wait_on_when_an_auction_opens() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 106
        buy  1 market stop=mark:105
        buy  1 @ 100 stop=mark:105
        mark 105
        clock 10
        ",
        expect![[r#"
            #2 triggered
            volatility auction until 10
            #2 cancelled 1: halted
            auction over: nothing
            #3 triggered
            ask 106 #1x1
            bid 100 #3x1
        "#]],
    );
}

#[test]
fn match_092_fill_or_kill_does_not_trip_the_breaker() {
    check(
        "
        terms width=5 window=60 length=10 reference=100
        sell 1 @ 105
        sell 1 @ 106
        buy  2 @ 106 fok
        buy  1 @ 106 fok
        ",
        expect![[r#"
            #3 cancelled 2: fok
            #4 takes 1 from #1 @ 105
            ask 106 #2x1
        "#]],
    );
}

#[test]
fn match_090_a_trade_counts_for_fifty_nine_sixtieths_of_the_window_at_least() {
    let story = |at: u32| {
        format!(
            "
            terms width=5 window=60 length=10 reference=100
            sell 1 @ 100
            buy  1 @ 100
            sell 1 @ 105
            buy  1 @ 105
            clock {at}
            sell 1 @ 106
            buy  1 @ 106
            "
        )
    };
    check(
        &story(59),
        expect![[r#"
        #2 takes 1 from #1 @ 100
        #4 takes 1 from #3 @ 105
        volatility auction until 69
        ask 106 #5x1
        bid 106 #6x1
    "#]],
    );
    check(
        &story(60),
        expect![[r#"
        #2 takes 1 from #1 @ 100
        #4 takes 1 from #3 @ 105
        #6 takes 1 from #5 @ 106
    "#]],
    );
}
