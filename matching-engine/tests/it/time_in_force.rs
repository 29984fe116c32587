//! Orders that end by themselves: at an instant, with an auction, with normal trading.

use expect_test::expect;

use crate::script::check;

#[test]
fn match_047_an_order_ends_at_its_instant() {
    check(
        "
        buy  1 @ 100 gtd=20
        buy  1 @ 99 gtd=10
        buy  1 @ 98 gtd=10
        buy  1 @ 97
        sell 1 @ 100 stop=mark:50 gtd=10
        clock 9
        clock 10
        clock 30
        ",
        expect![[r#"
            #2 cancelled 1: expired
            #3 cancelled 1: expired
            #5 cancelled 1: expired
            #1 cancelled 1: expired
            bid 97 #4x1
        "#]],
    );
}

#[test]
fn match_047_an_order_keeps_its_instant_through_amends_and_fills() {
    check(
        "
        buy  5 @ 100 gtd=10
        sell 1 @ 100
        amend #1 7 @ 101
        sell 1 @ 100
        clock 10
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #1 amended to 7 @ 101
            #3 takes 1 from #1 @ 101
            #1 cancelled 5: expired
        "#]],
    );
}

#[test]
fn match_035_an_instant_that_has_passed_is_refused() {
    check(
        "
        clock 10
        buy 1 @ 100 gtd=9
        buy 1 @ 100 gtd=10
        buy 1 market gtd=11
        buy 1 @ 100 gtd=11
        ",
        expect![[r#"
            #1 refused: expiry_passed
            #2 refused: expiry_passed
            #3 cancelled 1: market
            bid 100 #4x1
        "#]],
    );
}

#[test]
fn match_103_time_does_not_go_back() {
    check(
        "
        clock 10
        clock 5
        buy 1 @ 100 gtd=10
        ",
        expect![[r#"
            #1 refused: expiry_passed
        "#]],
    );
}

#[test]
fn match_048_an_order_for_the_auction_ends_with_it() {
    check(
        "
        buy  1 @ 99
        auction
        buy  3 @ 101 gfa
        sell 2 @ 99 gfa
        sell 1 @ 105 gfa
        buy  1 @ 90 gfa
        uncross 100
        ",
        expect![[r#"
            call auction
            #3 takes 2 from #2 @ 101
            auction over: 2 @ 101
            #2 cancelled 1: auction_over
            #5 cancelled 1: auction_over
            #4 cancelled 1: auction_over
            bid 99 #1x1
        "#]],
    );
}

#[test]
fn match_036_good_for_auction_needs_an_auction() {
    check(
        "
        buy 1 @ 99 gfa
        buy 1 market gfa
        auction
        buy 1 @ 99 gfa
        buy 1 market gfa
        ",
        expect![[r#"
            #1 refused: not_in_continuous
            #2 refused: not_in_continuous
            call auction
            #4 refused: not_in_auction
            bid 99 #3x1
        "#]],
    );
}

#[test]
fn match_049_an_order_for_normal_trading_ends_when_an_auction_opens() {
    check(
        "
        buy  1 @ 99 gfn
        sell 1 @ 105 gfn
        buy  1 @ 100 gfn
        buy  1 @ 98
        sell 1 @ 104 gfn
        auction
        buy  1 @ 98 gfn
        ",
        expect![[r#"
            call auction
            #3 cancelled 1: auction
            #1 cancelled 1: auction
            #5 cancelled 1: auction
            #2 cancelled 1: auction
            #6 refused: not_in_auction
            bid 98 #4x1
        "#]],
    );
}

#[test]
fn match_049_what_a_market_order_for_normal_trading_leaves_is_cancelled_as_of_any() {
    check(
        "
        sell 1 @ 100
        buy  2 market gfn
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #2 cancelled 1: market
        "#]],
    );
}

#[test]
fn match_103_what_expires_does_not_trade_in_an_auction_that_ends_with_it() {
    check(
        "
        2| auction until=9
        auction until=10
        buy  1 @ 101 gtd=12
        sell 1 @ 100
        2| buy  1 @ 101
        2| sell 1 @ 100 gtd=13
        2| sell 1 @ 101
        clock 13
        ",
        expect![[r#"
            2| call auction until 9
            call auction until 10
            #1 cancelled 1: expired
            2| #4 cancelled 1: expired
            2| #5 takes 1 from #3 @ 101
            2| auction over: 1 @ 101
            auction over: nothing
            ask 100 #2x1
        "#]],
    );
}
