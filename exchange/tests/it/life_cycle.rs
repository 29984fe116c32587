//! Whole lives of a series: trade, variation, expiry, assignment, delivery, close; the money to the micro-dollar.
//!
//! One lot is 24 GPU-hours in two intervals. At 2.50 a lot is worth 60.

use expect_test::expect;

use crate::script::{Desk, check, check_morning};

#[test]
#[expect(clippy::too_many_lines, reason = "one day's script")]
fn everything_is_delivered_and_paid() {
    // Alice buys 2 lots at 2.50 from bob and pays a fee of 120 * 0.0005 = 0.06. The index goes to 2.60: settlement, and 2 * 24 * 0.10 =
    // 4.80 move from bob to alice. She prefunds 2 * 62.40 = 124.80, he bonds a quarter: 31.20. Two intervals of 62.40 each. After the
    // first the bond drains to a quarter of 62.40, after the second to a twentieth of 124.80, and the rest comes back at the close.
    check_morning(
        "
        account vera verifier
        bob sell 2 @ 2.5
        alice buy 2 @ 2.5
        index H100 2.6
        run 2h
        show alice
        show bob
        bob nominates aa
        run 1h
        challenge D-1/0
        +10s
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 valid
        show bob
        run 12h
        challenge D-1/1
        bob receipt D-1/1
        draw D-1/1
        vera verdict D-1/1 valid 950000
        show alice
        show bob
        show fees
        run 13h
        show H100D
        ",
        expect![[r#"
            vera opened
            #1 bob sell 2 @ 2.5
            #2 alice buy 2 @ 2.5
            #2 alice buys 2 @ 2.5 with #1 bob, fee 0.06
            H100 index 2.6
            H100D mark 2.6
            H100D settles @ 2.6 by the mark
            H100D expired @ 2.6
            H100D variation alice 4.8
            H100D variation bob -4.8
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +2, 2 for delivery
            H100D bob ends -2, 2 for delivery
            D-1 bob delivers 2 to alice, escrow 124.8, bond 31.2
            alice: cash 879.94 escrow 124.8
            bob: cash 964 bond 31.2
            bob nominates aa
            D-1/0 open
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 claimed 86400000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 62.4
            D-1 hour 0, bond back 15.6
            bob: cash 1042 bond 15.6
            D-1/1 open
            D-1/1 challenges bob on 2 until 15:01:10
            D-1/1 claimed 172800000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 950000 ppm
            D-1/1 passed 950000
            D-1/1 delivered at 950000 ppm, seller 59.28, buyer 3.12
            D-1 hour 1, missing 4320 s, compensation 0.468, penalty 0.312, alice 0.78, bond back 8.58
            D-1 invoice 1: 168480 s delivered, 4320 s missing, seller 121.68, buyer 3.12, damages 0.78
            D-1 closed, 2 delivered, 0 failed, 0 unverified, paid 121.68, shortfall 0.78
            alice: cash 883.84
            bob: cash 1116.1
            fees 0.06
            H100D Closed, open interest 0
        "#]],
    );
}

#[test]
fn a_lying_seller_pays() {
    // Nothing of the first interval counts: 30 go back to the buyer. The replacement costs 1.15 * 2.50 = 2.875, that is 0.375 * 12 = 4.50
    // more, and the penalty is a tenth of 30. Both come from the bond of 15.
    check_morning(
        "
        account vera verifier
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        bob nominates aa
        index H100 2.5
        run 3h
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 invalid
        run 12h
        challenge D-1/1
        bob receipt D-1/1
        draw D-1/1
        vera verdict D-1/1 valid
        show alice
        show bob
        ",
        expect![[r#"
            vera opened
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            bob nominates aa
            H100 index 2.5
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +1, 1 for delivery
            H100D bob ends -1, 1 for delivery
            D-1 bob delivers 1 to alice, escrow 60, bond 15
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 43200000 ms
            D-1/0 drawn
            D-1/0 vera says invalid
            D-1/0 failed Refuted
            D-1/0 failed: refuted, buyer 30
            D-1/0 outage, substitute by 3:00:00
            D-1 hour 0, missing 43200 s, compensation 4.5, penalty 3, alice 7.5
            D-1/1 open
            D-1/1 challenges bob on 1 until 15:01:00
            D-1/1 claimed 86400000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 30
            D-1 hour 1, bond back 4.5
            D-1 invoice 1: 43200 s delivered, 43200 s missing, seller 30, buyer 30, damages 7.5
            D-1 closed, 1 delivered, 1 failed, 0 unverified, paid 30, shortfall 7.5
            alice: cash 977.5
            bob: cash 1022.47
        "#]],
    );
}

#[test]
fn a_silent_seller_pays_and_a_dear_replacement_costs_more() {
    // At an index of 4.00 the replacement costs 4.60: 2.10 * 12 = 25.20 more for the interval, 3 penalty. The bond has 15, cash the rest.
    check_morning(
        "
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        run 3h
        index H100 4
        challenge D-1/0
        run 12h
        challenge D-1/1
        run 1h
        show alice
        show bob
        show H100D
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +1, 1 for delivery
            H100D bob ends -1, 1 for delivery
            D-1 bob delivers 1 to alice, escrow 60, bond 15
            D-1/0 open
            H100 index 4
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 30
            D-1/0 outage, substitute by 3:01:00
            D-1 hour 0, missing 43200 s, compensation 25.2, penalty 3, alice 28.2
            D-1/1 open
            D-1/1 challenges bob on 1 until 15:01:00
            D-1/1 failed Silent
            D-1/1 failed: silent, buyer 30
            D-1 hour 1, missing 43200 s, compensation 25.2, penalty 3, alice 28.2
            D-1 invoice 1: 0 s delivered, 86400 s missing, buyer 60, damages 56.4
            D-1 closed, 0 delivered, 2 failed, 0 unverified, shortfall 56.4
            alice: cash 1056.4
            bob: cash 943.57
            H100D Delivering, open interest 0
        "#]],
    );
}

#[test]
fn what_nobody_can_judge_is_unpaid_and_unpunished() {
    check_morning(
        "
        account vera verifier
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        bob nominates aa
        run 3h
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 unverifiable
        run 12h
        challenge D-1/1
        bob receipt D-1/1
        run 1h
        show alice
        show bob
        ",
        expect![[r#"
            vera opened
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            bob nominates aa
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +1, 1 for delivery
            H100D bob ends -1, 1 for delivery
            D-1 bob delivers 1 to alice, escrow 60, bond 15
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 43200000 ms
            D-1/0 drawn
            D-1/0 vera says unverifiable
            D-1/0 unknown
            D-1/0 unverified, buyer 30
            D-1/1 open
            D-1/1 challenges bob on 1 until 15:01:00
            D-1/1 claimed 86400000 ms
            D-1/1 unknown
            D-1/1 unverified, buyer 30
            D-1 invoice 1: 0 s delivered, 0 s missing, buyer 60
            D-1 closed, 0 delivered, 0 failed, 2 unverified
            alice: cash 1000
            bob: cash 999.97
        "#]],
    );
}

#[test]
fn a_verdict_may_come_after_its_interval_has_ended() {
    check_morning(
        "
        account vera verifier
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        bob nominates aa
        run 14h
        run 59m
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        run 2m
        challenge D-1/1
        bob receipt D-1/1
        draw D-1/1
        vera verdict D-1/1 valid
        vera verdict D-1/0 valid
        show alice
        show bob
        ",
        expect![[r#"
            vera opened
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            bob nominates aa
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +1, 1 for delivery
            H100D bob ends -1, 1 for delivery
            D-1 bob delivers 1 to alice, escrow 60, bond 15
            D-1/0 open
            D-1/0 challenges bob on 1 until 15:00:00
            D-1/0 claimed 43200000 ms
            D-1/0 drawn
            D-1/1 open
            D-1/1 challenges bob on 1 until 15:02:00
            D-1/1 claimed 86400000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 30
            D-1 hour 1, bond back 7.5
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 30
            D-1 hour 0, bond back 4.5
            D-1 invoice 1: 86400 s delivered, 0 s missing, seller 60
            D-1 closed, 2 delivered, 0 failed, 0 unverified, paid 60
            alice: cash 940
            bob: cash 1059.97
        "#]],
    );
}

#[test]
fn a_buyer_who_cannot_prefund_pays_a_tenth() {
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 30
        deposit bob 100
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        run 2h
        show alice
        show bob
        run 26h
        show H100D
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +2, 2 for delivery
            H100D bob ends -2, 2 for delivery
            D-1 bob delivers 2 to alice, escrow 0, bond 0
            D-1 buyer defaults, pays 12
            alice: cash 18
            bob: cash 111.94
            H100D Closed, open interest 0
        "#]],
    );
}

#[test]
fn whole_nodes_are_delivered_and_the_odd_rest_is_money() {
    // Nodes of 8. Alice is long 12, carol 7; bob is short 19. Eight are delivered, the rest has had its variation.
    check(
        "
        open test
        list H100D node 8
        account alice
        account bob
        account carol
        deposit alice 10000
        deposit bob 10000
        deposit carol 10000
        bob sell 19 @ 2.5
        alice buy 12 @ 2.5
        carol buy 7 @ 2.5
        index H100 2.7
        run 2h
        show alice
        show bob
        show carol
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            #1 bob sell 19 @ 2.5
            #2 alice buy 12 @ 2.5
            #2 alice buys 12 @ 2.5 with #1 bob, fee 0.36
            #3 carol buy 7 @ 2.5
            #3 carol buys 7 @ 2.5 with #1 bob, fee 0.21
            H100 index 2.7
            H100D mark 2.7
            H100D settles @ 2.7 by the mark
            H100D expired @ 2.7
            H100D variation alice 57.6
            H100D variation bob -91.2
            H100D variation carol 33.6
            H100D assigned: 3 holders, 0 matched, 1 paired
            H100D alice ends +12, 8 for delivery
            H100D bob ends -19, 8 for delivery
            H100D carol ends +7, 0 for delivery
            D-1 bob delivers 8 to alice, escrow 518.4, bond 129.6
            alice: cash 9538.84 escrow 518.4
            bob: cash 9779.2 bond 129.6
            carol: cash 10033.39
        "#]],
    );
}

/// LIQ-012.
#[test]
fn a_loser_who_cannot_pay_cuts_the_winner() {
    // Alice has 12.03, all of it in margin and fee. The mark falls by a dollar: she owes 24 and pays 12. Bob does without the rest.
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 12.03
        deposit bob 1000
        bob sell 1 @ 2.5
        alice buy 1 @ 2.5
        index H100 1.5
        show alice
        show bob
        run 1h
        show alice
        show bob
        run 1h
        show alice
        show bob
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 bob sell 1 @ 2.5
            #2 alice buy 1 @ 2.5
            #2 alice buys 1 @ 2.5 with #1 bob, fee 0.03
            H100 index 1.5
            H100D mark 1.5
            alice is liquidated: has -12 of 4.5
            alice: cash 4.8 margin 7.2 +1 H100D (-24)
            bob: cash 992.8 margin 7.2 -1 H100D (24)
            H100D variation alice -24
            H100D variation bob 24
            alice lost 24, own margin 12, haircut 12
            haircut 1/1: bob 12000000 of 24000000
            alice is closed out with 0
            H100D alice closed out 1/1: bob 1 of 1
            H100D alice pays bob 0
            H100D +1 @ 1.5 from alice to bob
            alice liquidation ends
            H100D settles @ 1.5 by the mark
            H100D expired @ 1.5
            alice:
            bob: cash 1012
            alice:
            bob: cash 1012
        "#]],
    );
}

/// REPLAY-002: also in the middle of a delivery.
#[test]
fn a_restart_between_any_two_steps_changes_nothing() {
    let script = "
        account vera verifier
        alice buy 3 @ 2.5
        bob sell 2 @ 2.5
        index H100 2.6
        run 3h
        bob nominates aa
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 valid
        run 12h
        challenge D-1/1
        run 13h
        show alice
        show bob
        show H100D
        ";
    let mut straight = Desk::morning();
    straight.run(script);
    let mut restarted = Desk::morning();
    for line in script.lines() {
        restarted.run(line);
        restarted.run("restart");
    }
    assert_eq!(straight.out, restarted.out);
    assert_eq!(straight.world.exchange.state_hash(), restarted.world.exchange.state_hash());
}
