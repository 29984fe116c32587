//! OPTION: premiums at the trade, marks, margin of short lots, and what becomes of an option at its end.

use expect_test::expect;

use crate::script::{Desk, check};

/// A month of 100 hours that trades for three hours, a call and a put on it at 2.50 that trade for one, and three accounts with 1,000 each.
const MORNING: &str = "
    open test
    list H100 hours 100 intervals 4 trade 3h assign 4h from 5h until 30h close 40h
    list CALL option strike 2.5 ref 0.2 on H100 hours 100 intervals 4 assign 1h close 40h
    list PUT option put strike 2.5 ref 0.2 on H100 hours 100 intervals 4 assign 1h close 40h
    account alice
    account bob
    account carol
    deposit alice 1000
    deposit bob 1000
    deposit carol 1000
";

#[track_caller]
fn check_options(script: &str, expected: expect_test::Expect) {
    let mut desk = Desk::new();
    desk.run(MORNING);
    desk.out.clear();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

#[test]
fn option_001_it_is_on_a_listed_future_of_its_kind() {
    check(
        "
        open test
        list H100
        list A option strike 2.5 on NOWHERE
        list A option strike 2.5 on H100 grade A100
        list A option strike 2.5 on H100 tick 0.0001
        list A option strike 2.5 on H100 hours 48
        list A option strike 2.5 on H100 node 8
        list A option strike 2.5 on H100 trade 90m
        list A option strike 0 on H100
        list A option strike 2.5 on H100
        list B option strike 2.5 on A
        ",
        expect![[r#"
            venue open
            H100 listed
            refused OPTION-001 BadUnderlying
            refused OPTION-001 BadUnderlying
            refused OPTION-001 BadUnderlying
            refused OPTION-001 BadUnderlying
            refused OPTION-001 BadUnderlying
            refused OPTION-001 BadUnderlying
            refused VENUE-003 BadTerms, Strike
            A listed
            refused OPTION-001 BadUnderlying
        "#]],
    );
}

#[test]
fn option_002_the_buyer_pays_the_seller_at_the_trade() {
    check_options(
        "
        alice sell 2 @ 0.15 in CALL
        bob buy 2 @ 0.16 in CALL
        show alice
        show bob
        index H100 3
        show alice
        show bob
        tick
        ",
        expect![[r#"
            #1 alice sell 2 @ 0.15
            #2 bob buy 2 @ 0.16
            #2 bob buys 2 @ 0.15 with #1 alice, fee 0.25
            alice: cash 865 margin 165 -2 CALL
            bob: cash 969.75 +2 CALL
            H100 index 3
            H100 mark 3
            CALL mark 0.5
            alice: cash 780 margin 250 -2 CALL
            bob: cash 969.75 +2 CALL
        "#]],
    );
}

#[test]
fn option_003_the_taker_pays_of_the_strike_and_at_most_an_eighth_of_the_premium() {
    check_options(
        "
        alice sell 1 @ 0.001 in CALL
        bob buy 1 @ 0.001 in CALL
        alice sell 1 @ 0.2 in PUT
        bob buy 1 @ 0.2 in PUT
        show fees
        ",
        expect![[r#"
            #1 alice sell 1 @ 0.001
            #2 bob buy 1 @ 0.001
            #2 bob buys 1 @ 0.001 with #1 alice, fee 0.0125
            #3 alice sell 1 @ 0.2
            #4 bob buy 1 @ 0.2
            #4 bob buys 1 @ 0.2 with #3 alice, fee 0.125
            fees 0.1375
        "#]],
    );
}

#[test]
fn option_004_buys_whose_premium_cannot_be_paid_any_more_are_cancelled_at_once() {
    check_options(
        "
        bob sell 4 @ 0.2 in PUT
        alice buy 4 @ 0.2 in PUT
        bob buy 30 @ 0.2 in CALL
        bob sell 1 @ 0.5 in CALL
        show bob
        index H100 2
        show bob
        index H100 1.5 at 1s
        show bob
        ",
        expect![[r#"
            #1 bob sell 4 @ 0.2
            #2 alice buy 4 @ 0.2
            #2 alice buys 4 @ 0.2 with #1 bob, fee 0.5
            #3 bob buy 30 @ 0.2
            #4 bob sell 1 @ 0.5
            bob: cash 83.625 orders 666.375 margin 330 -4 PUT
            H100 index 2
            H100 mark 2
            PUT mark 0.5
            bob: cash 46.125 orders 633.875 margin 400 -4 PUT
            H100 index 1.5
            H100 mark 1.5
            PUT mark 1
            #3 cancelled 30: unfunded
            bob: cash 507.375 orders 22.625 margin 550 -4 PUT
        "#]],
    );
}

#[test]
fn option_005_the_mark_is_between_what_exercise_brings_and_what_it_can_bring() {
    check_options(
        "
        index H100 2.6
        index H100 2.9 at 1s
        index H100 0.1 at 2s
        index H100 2.5 at 3s
        ",
        expect![[r#"
            H100 index 2.6
            H100 mark 2.6
            H100 index 2.9
            H100 mark 2.9
            CALL mark 0.4
            H100 index 0.1
            H100 mark 0.1
            CALL mark 0.1
            PUT mark 2.4
            H100 index 2.5
            H100 mark 2.5
            CALL mark 0.2
            PUT mark 0.2
        "#]],
    );
}

#[test]
fn option_006_it_ends_against_the_mark_of_its_last_instant_however_late_the_timer() {
    check_options(
        "
        alice sell 2 @ 0.2 in CALL
        bob buy 2 @ 0.2 in CALL
        index H100 2.8
        +1h
        index H100 3.5
        tick
        show alice
        show bob
        ",
        expect![[r#"
            #1 alice sell 2 @ 0.2
            #2 bob buy 2 @ 0.2
            #2 bob buys 2 @ 0.2 with #1 alice, fee 0.25
            H100 index 2.8
            H100 mark 2.8
            CALL mark 0.3
            H100 index 3.5
            H100 mark 3.5
            CALL mark 1
            CALL expired @ 0.3
            CALL alice exercises -2, -2 H100
            CALL bob exercises +2, +2 H100
            CALL variation alice -60
            CALL variation bob 60
            CALL alice ends -2, 0 for delivery
            CALL bob ends +2, 0 for delivery
            PUT expired @ 0
            alice: cash 840 margin 140 -2 H100 (-140)
            bob: cash 879.75 margin 140 +2 H100 (140)
        "#]],
    );
}

#[test]
fn option_007_a_tick_in_the_money_is_exercised_and_the_rest_lapses() {
    check_options(
        "
        alice sell 2 @ 0.2 in CALL
        bob buy 2 @ 0.2 in CALL
        alice sell 2 @ 0.2 in PUT
        carol buy 2 @ 0.2 in PUT
        index H100 2.501
        run 1h
        show alice
        show bob
        show carol
        ",
        expect![[r#"
            #1 alice sell 2 @ 0.2
            #2 bob buy 2 @ 0.2
            #2 bob buys 2 @ 0.2 with #1 alice, fee 0.25
            #3 alice sell 2 @ 0.2
            #4 carol buy 2 @ 0.2
            #4 carol buys 2 @ 0.2 with #3 alice, fee 0.25
            H100 index 2.501
            H100 mark 2.501
            CALL expired @ 0.001
            CALL alice exercises -2, -2 H100
            CALL bob exercises +2, +2 H100
            CALL variation alice -0.2
            CALL variation bob 0.2
            CALL alice ends -2, 0 for delivery
            CALL bob ends +2, 0 for delivery
            PUT expired @ 0
            PUT alice ends -2, 0 for delivery
            PUT carol ends +2, 0 for delivery
            alice: cash 979.76 margin 100.04 -2 H100
            bob: cash 859.91 margin 100.04 +2 H100
            carol: cash 959.75
        "#]],
    );
}

/// OPTION-007, OPTION-012: a put at 2.50 on a future that is worth 2.20 brings 0.30 a GPU-hour: 30 dollars a lot of 100 hours.
#[test]
fn option_007_an_exercised_put_is_a_short_future_and_the_difference_in_cash() {
    check_options(
        "
        alice sell 3 @ 0.2 in PUT
        carol buy 3 @ 0.2 in PUT
        index H100 2.2
        show alice
        show carol
        run 1h
        show alice
        show carol
        run 3h
        show alice
        show carol
        ",
        expect![[r#"
            #1 alice sell 3 @ 0.2
            #2 carol buy 3 @ 0.2
            #2 carol buys 3 @ 0.2 with #1 alice, fee 0.375
            H100 index 2.2
            H100 mark 2.2
            PUT mark 0.3
            alice: cash 805 margin 255 -3 PUT
            carol: cash 939.625 +3 PUT
            CALL expired @ 0
            PUT expired @ 0.3
            PUT alice exercises -3, +3 H100
            PUT carol exercises +3, -3 H100
            PUT variation alice -90
            PUT variation carol 90
            PUT alice ends -3, 0 for delivery
            PUT carol ends +3, 0 for delivery
            alice: cash 838 margin 132 +3 H100
            carol: cash 897.625 margin 132 -3 H100
            H100 settles @ 2.2 by the mark
            H100 expired @ 2.2
            H100 assigned: 2 holders, 0 matched, 1 paired
            H100 alice ends +3, 3 for delivery
            H100 carol ends -3, 3 for delivery
            D-1 carol delivers 3 to alice, escrow 660, bond 165
            alice: cash 310 escrow 660
            carol: cash 864.625 bond 165
        "#]],
    );
}

#[test]
fn option_008_a_holder_may_abandon_and_may_exercise_what_it_can_pay() {
    check_options(
        "
        alice sell 5 @ 0.1 in CALL
        bob buy 3 @ 0.1 in CALL
        carol buy 2 @ 0.1 in CALL
        alice sell 5 @ 0.2 in PUT
        bob buy 3 @ 0.2 in PUT
        carol buy 2 @ 0.2 in PUT
        bob abandons 1 in CALL
        carol abandons 2 in CALL
        bob exercises 2 in PUT
        carol exercises 2 in PUT
        carol exercises 0 in PUT
        index H100 2.6
        run 1h
        show alice
        show bob
        show carol
        ",
        expect![[r#"
            #1 alice sell 5 @ 0.1
            #2 bob buy 3 @ 0.1
            #2 bob buys 3 @ 0.1 with #1 alice, fee 0.375
            #3 carol buy 2 @ 0.1
            #3 carol buys 2 @ 0.1 with #1 alice, fee 0.25
            #4 alice sell 5 @ 0.2
            #5 bob buy 3 @ 0.2
            #5 bob buys 3 @ 0.2 with #4 alice, fee 0.375
            #6 carol buy 2 @ 0.2
            #6 carol buys 2 @ 0.2 with #4 alice, fee 0.25
            CALL bob abandons 1, exercises 0
            CALL carol abandons 2, exercises 0
            PUT bob abandons 0, exercises 2
            PUT carol abandons 0, exercises 2
            PUT carol abandons 0, exercises 0
            H100 index 2.6
            H100 mark 2.6
            CALL expired @ 0.1
            CALL alice exercises -2, -2 H100
            CALL bob exercises +2, +2 H100
            CALL variation alice -20
            CALL variation bob 20
            CALL alice ends -5, 0 for delivery
            CALL bob ends +3, 0 for delivery
            CALL carol ends +2, 0 for delivery
            PUT expired @ 0
            PUT alice exercises -2, +2 H100
            PUT bob exercises +2, -2 H100
            PUT variation alice 20
            PUT variation bob -20
            PUT alice ends -5, 0 for delivery
            PUT bob ends +3, 0 for delivery
            PUT carol ends +2, 0 for delivery
            alice: cash 1150
            bob: cash 909.25
            carol: cash 939.5
        "#]],
    );
}

#[test]
fn option_008_nobody_exercises_a_loss_that_it_cannot_pay() {
    check_options(
        "
        account dave
        deposit dave 100
        alice sell 9 @ 0.02 in CALL
        dave buy 9 @ 0.02 in CALL
        dave exercises 9 in CALL
        index H100 2.4
        show dave
        run 1h
        show dave
        ",
        expect![[r#"
            dave opened
            #1 alice sell 9 @ 0.02
            #2 dave buy 9 @ 0.02
            #2 dave buys 9 @ 0.02 with #1 alice, fee 1.125
            CALL dave abandons 0, exercises 9
            H100 index 2.4
            H100 mark 2.4
            dave: cash 80.875 +9 CALL
            CALL expired @ 0
            CALL alice exercises -1, -1 H100
            CALL dave exercises +1, +1 H100
            CALL variation alice 10
            CALL variation dave -10
            CALL alice ends -9, 0 for delivery
            CALL dave ends +9, 0 for delivery
            PUT expired @ 0.1
            dave: cash 22.875 margin 48 +1 H100
        "#]],
    );
}

#[test]
fn option_009_short_lots_are_assigned_in_proportion() {
    check_options(
        "
        alice sell 2 @ 0.1 in CALL
        bob sell 3 @ 0.1 in CALL
        carol buy 5 @ 0.1 in CALL
        carol abandons 1 in CALL
        index H100 2.7
        run 1h
        ",
        expect![[r#"
            #1 alice sell 2 @ 0.1
            #2 bob sell 3 @ 0.1
            #3 carol buy 5 @ 0.1
            #3 carol buys 2 @ 0.1 with #1 alice, fee 0.25
            #3 carol buys 3 @ 0.1 with #2 bob, fee 0.375
            CALL carol abandons 1, exercises 0
            H100 index 2.7
            H100 mark 2.7
            CALL expired @ 0.2
            CALL alice exercises -2, -2 H100
            CALL bob exercises -2, -2 H100
            CALL carol exercises +4, +4 H100
            CALL variation alice -40
            CALL variation bob -40
            CALL variation carol 80
            CALL alice ends -2, 0 for delivery
            CALL bob ends -3, 0 for delivery
            CALL carol ends +5, 0 for delivery
            PUT expired @ 0
        "#]],
    );
}

#[test]
fn option_010_and_011_an_instruction_is_for_lots_of_an_option_held_long() {
    check_options(
        "
        alice sell 2 @ 0.2 in CALL
        bob buy 2 @ 0.2 in CALL
        nobody abandons 1 in CALL
        bob abandons 1 in NOWHERE
        bob abandons 1 in H100
        bob abandons 3 in CALL
        alice exercises 1 in CALL
        bob abandons 2 in CALL
        run 1h
        bob abandons 2 in CALL
        ",
        expect![[r#"
            #1 alice sell 2 @ 0.2
            #2 bob buy 2 @ 0.2
            #2 bob buys 2 @ 0.2 with #1 alice, fee 0.25
            refused ACCOUNT-001 UnknownAccount
            refused ORDER-001 UnknownInstrument
            refused OPTION-010 NotAnOption
            refused OPTION-011 InstructionAboveHolding
            refused OPTION-011 InstructionAboveHolding
            CALL bob abandons 2, exercises 0
            CALL expired @ 0
            CALL alice ends -2, 0 for delivery
            CALL bob ends +2, 0 for delivery
            PUT expired @ 0
            refused ORDER-003 SeriesExpired
        "#]],
    );
}

#[test]
fn option_012_what_is_booked_is_counted_by_reduce_only_orders() {
    check_options(
        "
        carol sell 2 @ 2.5
        alice buy 2 @ 2.5
        alice sell 2 @ 2.9 reduce
        alice sell 1 @ 0.1 in CALL
        bob buy 1 @ 0.1 in CALL
        index H100 2.7
        run 1h
        show book
        ",
        expect![[r#"
            #1 carol sell 2 @ 2.5
            #2 alice buy 2 @ 2.5
            #2 alice buys 2 @ 2.5 with #1 carol, fee 0.25
            #3 alice sell 2 @ 2.9
            #4 alice sell 1 @ 0.1
            #5 bob buy 1 @ 0.1
            #5 bob buys 1 @ 0.1 with #4 alice, fee 0.125
            H100 index 2.7
            H100 mark 2.7
            CALL expired @ 0.2
            #3 now 1 @ 2.9
            CALL alice exercises -1, -1 H100
            CALL bob exercises +1, +1 H100
            CALL variation alice -20
            CALL variation bob 20
            CALL alice ends -1, 0 for delivery
            CALL bob ends +1, 0 for delivery
            PUT expired @ 0
            H100 bids [] asks [2.9x1]
        "#]],
    );
}
