//! ORDER: what amends, closing orders and self-trades do to holds, positions and records.

use expect_test::expect;

use crate::script::{check, check_morning};

#[test]
fn order_020_an_amend_needs_only_what_it_adds() {
    // The order at 2.60 holds 14.4312. At 2.61 it loses 0.24 more and 0.0001 more fee: 14.67132.
    check(
        "
        open test
        list H100D
        account alice
        deposit alice 14.671319
        alice buy 1 @ 2.6
        alice amend #1 @ 2.61
        deposit alice 0.000001
        alice amend #1 @ 2.61
        show alice
        alice amend #1 @ 2.5
        show alice
        alice amend #1 x 2
        deposit alice 100
        alice amend #1 x 2
        show alice
        alice amend #1 x 1
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            #1 alice buy 1 @ 2.6
            refused ORDER-014 InsufficientMargin, needs 0.24012, has 0.240119
            #1 now 1 @ 2.61
            alice: orders 14.67132
            #1 now 1 @ 2.5
            alice: cash 2.64132 orders 12.03
            refused ORDER-014 InsufficientMargin, needs 12.03, has 2.64132
            #1 now 2 @ 2.5
            alice: cash 90.61132 orders 24.06
            #1 now 1 @ 2.5
            alice: cash 102.64132 orders 12.03
        "#]],
    );
}

/// ORDER-020: an order that grows at its old price is reserved for at today's mark, as a new one would be.
#[test]
fn order_020_a_grown_order_is_reserved_for_as_if_it_were_new() {
    check_morning(
        "
        alice buy 1 @ 2.5
        index H100 2
        show alice
        alice amend #1 x 2
        show alice
        alice cancel #1
        alice buy 2 @ 2.5
        show alice
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            H100 index 2
            H100D mark 2
            alice: cash 990.37 orders 9.63
            #1 now 2 @ 2.5
            alice: cash 956.74 orders 43.26
            #1 cancelled 2: user
            #2 alice buy 2 @ 2.5
            alice: cash 956.74 orders 43.26
        "#]],
    );
}

#[test]
fn order_021_an_amend_to_what_is_filled_cancels_the_rest() {
    check_morning(
        "
        alice buy 5 @ 2.5
        bob sell 3 @ 2.5
        alice amend #1 x 3
        show alice
        alice buy 5 @ 2.5
        bob sell 3 @ 2.5
        alice amend #3 @ 2.4 x 1
        alice buy 5 @ 2.5
        alice amend #5 x 0
        ",
        expect![[r#"
            #1 alice buy 5 @ 2.5
            #2 bob sell 3 @ 2.5
            #2 bob sells 3 @ 2.5 with #1 alice, fee 0.09
            #1 cancelled 2: amended
            alice: cash 964 margin 36 +3 H100D
            #3 alice buy 5 @ 2.5
            #4 bob sell 3 @ 2.5
            #4 bob sells 3 @ 2.5 with #3 alice, fee 0.09
            #3 cancelled 2: amended
            #5 alice buy 5 @ 2.5
            refused ORDER-004 ZeroQuantity
        "#]],
    );
}

#[test]
fn order_022_an_amend_that_crosses_trades_and_pays_as_taker() {
    check_morning(
        "
        bob sell 2 @ 2.52
        alice buy 5 @ 2.5
        alice amend #2 @ 2.53
        show book
        show alice
        show fees
        ",
        expect![[r#"
            #1 bob sell 2 @ 2.52
            #2 alice buy 5 @ 2.5
            #2 now 5 @ 2.53
            #2 alice buys 2 @ 2.52 with #1 bob, fee 0.06048
            H100D bids [2.53x3] asks []
            alice: cash 937.68844 orders 38.25108 margin 24 +2 H100D (-0.96)
            fees 0.06048
        "#]],
    );
}

#[test]
fn order_023_a_position_can_be_closed_without_more_margin() {
    // Bought with all that was there; the mark falls, and the margin is below what is required.
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 25
        deposit bob 1000
        bob sell 2 @ 2.5
        alice buy 2 @ 2.5
        bob buy 9 @ 2.3
        index H100 2.4
        show alice
        alice buy 1 @ 2.3
        alice sell 1 @ 1.5 ioc
        alice sell 2 market
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 bob sell 2 @ 2.5
            #2 alice buy 2 @ 2.5
            #2 alice buys 2 @ 2.5 with #1 bob, fee 0.06
            #3 bob buy 9 @ 2.3
            H100 index 2.4
            H100D mark 2.4
            alice: cash 1.9 margin 23.04 +2 H100D (-4.8)
            refused ORDER-014 InsufficientMargin, needs 11.5488, has -2.9
            refused ORDER-014 InsufficientMargin, needs 21.6288, has -2.9
            #4 alice sell 2 @ 2.28
            #4 alice sells 2 @ 2.3 with #3 bob, fee 0.0552
            alice: cash 24.8848 +0 H100D (-9.6)
        "#]],
    );
}

/// ORDER-023: the losses that all closing orders may make are looked at together.
#[test]
fn order_023_closing_orders_cannot_give_away_the_same_money_twice() {
    // At a mark of 2.20 alice has 49.88 less 28.80 of losses, and needs 42.24. Either order at 1.90 may lose 14.4528.
    check(
        "
        open test
        list H100D
        list A100D grade A100
        account alice
        account bob
        deposit alice 50
        deposit bob 1000
        bob sell 2 @ 2.5
        bob sell 2 @ 2.5 in A100D
        alice buy 2 @ 2.5
        alice buy 2 @ 2.5 in A100D
        index H100 2.2
        index A100 2.2
        show alice
        alice sell 2 @ 1.9
        alice sell 2 @ 1.9 in A100D
        alice sell 2 @ 2.1 in A100D
        alice sell 1 @ 2.2 in A100D
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            A100D listed
            alice opened
            bob opened
            #1 bob sell 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #3 alice buy 2 @ 2.5
            #3 alice buys 2 @ 2.5 with #1 bob, fee 0.06
            #4 alice buy 2 @ 2.5
            #4 alice buys 2 @ 2.5 with #2 bob, fee 0.06
            H100 index 2.2
            H100D mark 2.2
            A100 index 2.2
            A100D mark 2.2
            alice is liquidated: has 21.08 of 26.4
            alice: cash 7.64 margin 42.24 +2 H100D (-14.4) +2 A100D (-14.4)
            #5 alice sell 2 @ 1.9
            refused ORDER-014 InsufficientMargin, needs 14.4528, has -35.6128
            #6 alice sell 2 @ 2.1
            refused LIQ-003 InLiquidation, limit 2
            alice: orders 7.64 margin 42.24 +2 H100D (-14.4) +2 A100D (-14.4)
        "#]],
    );
}

/// ORDER-023: a loss that is larger than the margin it frees is funded like any other order.
#[test]
fn order_023_money_is_not_given_away_while_other_positions_need_it() {
    check(
        "
        open test
        list H100D
        list A100D grade A100
        account alice
        account bob
        deposit alice 50
        deposit bob 1000
        bob sell 1 @ 2.5
        bob sell 3 @ 2.5 in A100D
        alice buy 1 @ 2.5
        alice buy 3 @ 2.5 in A100D
        alice sell 1 @ 1.9
        alice sell 1 @ 2.1
        ",
        expect![[r#"
            venue open
            H100D listed
            A100D listed
            alice opened
            bob opened
            #1 bob sell 1 @ 2.5
            #2 bob sell 3 @ 2.5
            #3 alice buy 1 @ 2.5
            #3 alice buys 1 @ 2.5 with #1 bob, fee 0.03
            #4 alice buy 3 @ 2.5
            #4 alice buys 3 @ 2.5 with #2 bob, fee 0.09
            refused ORDER-014 InsufficientMargin, needs 14.43, has 1.88
            #5 alice sell 1 @ 2.1
        "#]],
    );
}

#[test]
fn order_024_self_trade_prevention_is_counted_in_holds_and_records() {
    check_morning(
        "
        alice buy 5 @ 2.5
        alice sell 2 @ 2.5 stp=decrement
        show alice
        alice sell 7 @ 2.5 stp=decrement
        show alice
        alice buy 1 @ 2.5 stp=oldest
        alice sell 1 @ 2.5 stp=both
        alice sell 1 @ 2.6
        alice buy 1 @ 2.6 stp=newest
        alice buy 1 @ 2.6 stp=none
        show alice
        show book
        ",
        expect![[r#"
            #1 alice buy 5 @ 2.5
            #2 alice sell 2 @ 2.5
            #1 now 3 @ 2.5
            #2 cancelled 2: self_trade
            alice: cash 963.91 orders 36.09
            #3 alice sell 7 @ 2.5
            #1 cancelled 3: self_trade
            #3 now 4 @ 2.5
            alice: cash 951.88 orders 48.12
            #4 alice buy 1 @ 2.5
            #3 cancelled 4: self_trade
            #5 alice sell 1 @ 2.5
            #4 cancelled 1: self_trade
            #5 cancelled 1: self_trade
            #6 alice sell 1 @ 2.6
            #7 alice buy 1 @ 2.6
            #7 cancelled 1: self_trade
            #8 alice buy 1 @ 2.6
            #8 alice buys 1 @ 2.6 with #6 alice, fee 0.0312
            alice: cash 999.9688
            H100D bids [] asks []
        "#]],
    );
}

#[test]
fn order_025_the_taker_pays_five_basis_points_rounded_up_and_the_maker_nothing() {
    check(
        "
        open test
        list H100D tick 0.000001 hours 1 ref 2.500001
        account alice
        account bob
        deposit alice 100
        deposit bob 100
        alice buy 1 @ 2.500001
        bob sell 1 @ 2.5
        show alice
        show bob
        show fees
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 alice buy 1 @ 2.500001
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.500001 with #1 alice, fee 0.001251
            alice: cash 99.499999 margin 0.500001 +1 H100D
            bob: cash 99.498748 margin 0.500001 -1 H100D
            fees 0.001251
        "#]],
    );
}

#[test]
fn order_026_cancel_all_reaches_one_series_or_all() {
    check(
        "
        open test
        list H100D
        list A100D grade A100
        account alice
        account bob
        deposit alice 1000
        deposit bob 1000
        alice buy 1 @ 2.4
        alice sell 1 @ 2.6
        alice buy 1 @ 2.4 in A100D
        alice buy 1 @ 2.3 in A100D
        bob buy 1 @ 2.4 in A100D
        alice cancel all in A100D
        alice cancel all
        alice cancel all
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            A100D listed
            alice opened
            bob opened
            #1 alice buy 1 @ 2.4
            #2 alice sell 1 @ 2.6
            #3 alice buy 1 @ 2.4
            #4 alice buy 1 @ 2.3
            #5 bob buy 1 @ 2.4
            #3 cancelled 1: user
            #4 cancelled 1: user
            #1 cancelled 1: user
            #2 cancelled 1: user
            alice: cash 1000
        "#]],
    );
}
