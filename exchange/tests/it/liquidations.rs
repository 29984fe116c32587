//! LIQ: what happens to accounts that have too little, in the order in which it happens.
//!
//! One lot of `H100D` is 24 GPU-hours. At 2.50 it is worth 60: initial margin 12, maintenance 7.50.

use expect_test::expect;

use crate::script::{Desk, check_morning};

/// Dave is long 10 lots at 2.50 with 130 dollars, less a fee of 0.30.
const DAVE: &str = "
    account dave
    deposit dave 130
    index H100 2.5
    bob sell 10 @ 2.5
    dave buy 10 @ 2.5
";

/// A desk at which dave holds his 10 lots, with the events so far forgotten.
fn with_dave() -> Desk {
    let mut desk = Desk::morning();
    desk.run(DAVE);
    desk.out.clear();
    desk
}

/// LIQ-001, LIQ-004, LIQ-005, LIQ-009.
#[test]
fn liq_001_below_maintenance_an_account_is_liquidated() {
    // At 2.24 he has 129.70 - 62.40 = 67.30 of 67.20. At 2.23 he has 64.90 of 66.90: N = 535.20, t N = 86.97, and
    // (86.97 - 64.90) / (0.1625 - 0.03) = 166.57 is 4 lots. They go at 2.20 for 211.20: fees 0.1056 and 2.112, and 2.88 against the mark.
    let mut desk = with_dave();
    desk.run(
        "
        +1s
        index H100 2.24
        +1s
        index H100 2.23
        carol buy 4 @ 2.2
        carol buy 9 @ 2.18
        show dave
        run 9s
        run 1s
        show dave
        show house
        run 30s
        ",
    );
    expect![[r#"
        H100 index 2.24
        H100D mark 2.24
        H100 index 2.23
        H100D mark 2.23
        dave is liquidated: has 64.9 of 66.9
        #3 carol buy 4 @ 2.2
        #4 carol buy 9 @ 2.18
        dave: cash 22.66 margin 107.04 +10 H100D (-64.8)
        #5 dave sell 4 @ 2.119
        #5 dave sells 4 @ 2.2 with #3 carol, fee 0.1056
        H100D dave closes 4 of 4, fee 2.112
        dave: cash 63.2584 margin 64.224 +6 H100D (-67.68)
        house: custody -3130 fees 0.4056 insurance 2.112
        #6 dave sell 2 @ 2.119
        #6 dave sells 2 @ 2.18 with #4 carol, fee 0.05232
        H100D dave closes 2 of 2, fee 1.0464
        dave liquidation ends
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_002_and_003_only_what_makes_positions_smaller_is_left_and_taken() {
    let mut desk = with_dave();
    desk.run(
        "
        list A100D grade A100 ref 0.2
        index A100 0.2
        dave buy 1 @ 0.2 in A100D
        dave buy 1 @ 0.1 in A100D
        bob sell 1 @ 0.2 in A100D
        dave sell 4 @ 2.6
        dave sell 5 @ 2.7
        +1s
        index H100 2.2
        dave buy 1 @ 0.1 in A100D
        dave sell 1 @ 0.3 in A100D
        dave sell 1 @ 2.6
        dave sell 1 @ 2.6
        dave buy 1 @ 0.1
        dave amend #8 x 2
        dave amend #6 @ 2.4
        dave cancel #6
        deposit dave 100
        run 10s
        dave buy 1 @ 0.1
        ",
    );
    expect![[r#"
        A100D listed
        A100 index 0.2
        #3 dave buy 1 @ 0.2
        #4 dave buy 1 @ 0.1
        #5 bob sell 1 @ 0.2
        #5 bob sells 1 @ 0.2 with #3 dave, fee 0.0024
        #6 dave sell 4 @ 2.6
        #7 dave sell 5 @ 2.7
        H100 index 2.2
        H100D mark 2.2
        dave is liquidated: has 57.7 of 66.6
        #4 cancelled 1: liquidation
        refused LIQ-003 InLiquidation, limit 0
        #8 dave sell 1 @ 0.3
        #9 dave sell 1 @ 2.6
        refused LIQ-003 InLiquidation, limit 10
        refused LIQ-003 InLiquidation, limit 0
        refused LIQ-003 InLiquidation, limit 1
        #6 now 4 @ 2.4
        #6 cancelled 4: user
        dave liquidation ends
        #10 dave buy 1 @ 0.1
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_006_it_ends_when_the_initial_margin_is_there_again_or_nothing_is_left() {
    let mut desk = with_dave();
    desk.run(
        "
        +1s
        index H100 2.2
        carol buy 30 @ 2.19
        run 30s
        show dave
        bob buy 10 @ 2.3
        ",
    );
    expect![[r#"
        H100 index 2.2
        H100D mark 2.2
        dave is liquidated: has 57.7 of 66
        #3 carol buy 30 @ 2.19
        #4 dave sell 5 @ 2.09
        #4 dave sells 5 @ 2.19 with #3 carol, fee 0.1314
        H100D dave closes 5 of 5, fee 2.628
        dave liquidation ends
        dave: cash 74.1406 margin 52.8 +5 H100D (-73.2)
        #5 bob buy 10 @ 2.3
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_004_a_slice_stays_within_the_band_and_out_of_auctions() {
    check_morning(
        "
        list H100W guarded trade 10h assign 11h from 12h until 36h close 40h
        account dave
        deposit dave 130
        index H100 2.5
        bob sell 10 @ 2.5 in H100W
        dave buy 10 @ 2.5 in H100W
        +1s
        index H100 2.2
        carol buy 1 @ 2.1 in H100W
        carol buy 1 @ 2.09 in H100W
        run 11s
        carol cancel all
        auction H100W until 60s
        carol buy 9 @ 2.3 in H100W
        run 30s
        run 30s
        ",
        expect![[r#"
            H100W listed
            dave opened
            H100 index 2.5
            #1 bob sell 10 @ 2.5
            #2 dave buy 10 @ 2.5
            #2 dave buys 10 @ 2.5 with #1 bob, fee 0.3
            H100 index 2.2
            H100D mark 2.2
            H100W mark 2.2
            dave is liquidated: has 57.7 of 66
            #3 carol buy 1 @ 2.1
            #4 carol buy 1 @ 2.09
            #5 dave sell 5 @ 2.09
            H100W auction opens: Volatility until 0:05:11
            #5 cancelled 5: halted
            H100W dave closes 0 of 5, fee 0
            #3 cancelled 1: user
            #4 cancelled 1: user
            refused AUCTION-003 AuctionUnderWay
            #6 carol buy 9 @ 2.3
        "#]],
    );
}

/// LIQ-003, LIQ-007, LIQ-008, LIQ-026, LIQ-027, LIQ-028.
#[test]
fn liq_007_and_008_below_two_thirds_the_least_ask_takes_everything_over() {
    // At 2.13 he has 129.70 - 88.80 = 40.90 of 63.90: below 42.60. Carol asks for 10, bob for 8, but bob takes only 100 dollars' worth.
    let mut desk = with_dave();
    desk.run(
        "
        account erin
        account fred
        deposit erin 1000
        deposit fred 20
        carol backstops 1000
        bob backstops 100
        erin backstops 1000
        fred backstops 1000
        dave sell 3 @ 2.9
        +1s
        index H100 2.13
        run 10s
        dave sell 1 @ 2.9
        carol asks 10 in 1
        bob asks 8 in 1
        dave asks 1 in 1
        erin asks 10 in 1
        fred asks 1 in 1
        erin asks 9.5 in 1
        carol asks 9.5 in 1
        alice asks 1 in 1
        carol asks 1 in 2
        restart
        run 59s
        run 1s
        show dave
        show erin
        ",
    );
    expect![[r#"
        erin opened
        fred opened
        carol takes portfolios of 1000
        bob takes portfolios of 100
        erin takes portfolios of 1000
        fred takes portfolios of 1000
        #3 dave sell 3 @ 2.9
        H100 index 2.13
        H100D mark 2.13
        dave is liquidated: has 40.9 of 63.9
        #3 cancelled 3: liquidation
        dave is offered in 1 until 0:01:11
        refused LIQ-003 InLiquidation, limit 0
        carol bids in 1
        refused LIQ-028 BeyondCapacity
        refused LIQ-027 NotABackstop
        erin bids in 1
        fred bids in 1
        erin bids in 1
        carol bids in 1
        refused LIQ-027 NotABackstop
        refused LIQ-026 UnknownBackstop
        H100D variation bob 88.8
        H100D variation dave -88.8
        erin takes dave over for 9.5, is paid 9.5
        H100D +10 @ 2.13 from dave to erin
        dave liquidation ends
        dave: cash 31.4
        erin: cash 907.26 margin 102.24 +10 H100D
    "#]]
    .assert_eq(&desk.out);
}

/// LIQ-006, LIQ-007.
#[test]
fn liq_007_whoever_recovers_keeps_his_portfolio() {
    let mut desk = with_dave();
    desk.run(
        "
        carol backstops 1000
        +1s
        index H100 2.13
        run 10s
        carol asks 10 in 1
        index H100 2.2
        run 60s
        run 10s
        index H100 2.13
        run 20s
        carol asks 30 in 2
        index H100 2.6
        run 60s
        show dave
        ",
    );
    expect![[r#"
        carol takes portfolios of 1000
        H100 index 2.13
        H100D mark 2.13
        dave is liquidated: has 40.9 of 63.9
        dave is offered in 1 until 0:01:11
        carol bids in 1
        H100 index 2.2
        H100D mark 2.2
        H100D variation bob 72
        H100D variation dave -72
        #3 dave sell 5 @ 2.09
        #3 cancelled 5: ioc
        H100D dave closes 0 of 5, fee 0
        H100 index 2.13
        H100D mark 2.13
        dave is offered in 2 until 0:02:31
        carol bids in 2
        H100 index 2.6
        H100D mark 2.6
        H100D variation bob -96
        H100D variation dave 96
        dave liquidation ends
        dave: cash 28.9 margin 124.8 +10 H100D
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_011_what_nobody_takes_over_is_closed_out_at_the_bankruptcy_price() {
    // Bob is short 7 and alice 3, so bob closes 7 and alice 3. At 2.13 dave has 40.90 left: 4.09 a lot on top of the mark.
    let mut desk = Desk::morning();
    desk.run(
        "
        account dave
        deposit dave 130
        index H100 2.5
        bob sell 7 @ 2.5
        alice sell 3 @ 2.5
        dave buy 10 @ 2.5
        bob buy 9 @ 0.2 reduce
        bob buy 7 @ 0.2 reduce
        +1s
        index H100 2.13
        ",
    );
    desk.out.clear();
    desk.run(
        "
        run 9s
        run 1s
        show dave
        show bob
        show alice
        show house
        ",
    );
    expect![[r#"
        H100D variation alice 26.64
        H100D variation bob 62.16
        H100D variation dave -88.8
        dave is closed out with 40.9
        H100D dave closed out 1/1: alice 3 of 3, bob 7 of 7
        H100D dave pays alice 12.27
        H100D +3 @ 2.13 from dave to alice
        H100D dave pays bob 28.63
        H100D +7 @ 2.13 from dave to bob
        #4 cancelled 7: reduce_only
        dave liquidation ends
        dave:
        bob: cash 1090.79
        alice: cash 1038.91
        house: custody -3130 fees 0.3
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_011_what_does_not_divide_is_kept_as_rounding() {
    let mut desk = Desk::morning();
    desk.run(
        "
        account dave
        deposit dave 105.000005
        index H100 2.5
        bob sell 4 @ 2.5
        carol sell 3 @ 2.5
        dave buy 7 @ 2.5
        +1s
        index H100 2
        ",
    );
    desk.out.clear();
    desk.run(
        "
        run 10s
        show dave
        show house
        ",
    );
    expect![[r#"
        H100D variation bob 48
        H100D variation carol 36
        H100D variation dave -84
        dave is closed out with 20.790005
        H100D dave closed out 1/1: bob 4 of 4, carol 3 of 3
        H100D dave pays bob 11.88
        H100D +4 @ 2 from dave to bob
        H100D dave pays carol 8.91
        H100D +3 @ 2 from dave to carol
        dave leaves 0.000005 to rounding
        dave liquidation ends
        dave:
        house: custody -3105.000005 fees 0.21 rounding 0.000005
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_012_a_loss_beyond_everything_runs_down_the_waterfall_before_the_close_out() {
    let mut desk = Desk::morning();
    desk.run(
        "
        fund first-loss 20
        fund insurance 30
        fund default-fund 10
        account dave
        account erin
        deposit dave 130
        deposit erin 50
        bob contributes 12
        erin contributes 40
        dave contributes 5
        index H100 2.5
        bob sell 7 @ 2.5
        carol sell 3 @ 2.5
        dave buy 10 @ 2.5
        +1s
        index H100 1
        ",
    );
    desk.out.clear();
    desk.run(
        "
        run 10s
        show dave
        show bob
        show carol
        show erin
        show house
        ",
    );
    expect![[r#"
        H100D variation bob 252
        H100D variation carol 108
        H100D variation dave -360
        dave lost 360, own margin 124.7, own share 5, first loss 20, insurance 30, mutual 22, haircut 158.3
        fund shares 1/1: bob 12000000 of 12000000
        haircut 1/1: bob 141190000 of 252000000, carol 60510000 of 108000000
        dave is closed out with 0
        H100D dave closed out 1/1: bob 7 of 7, carol 3 of 3
        H100D dave pays bob 0
        H100D +7 @ 1 from dave to bob
        H100D dave pays carol 0
        H100D +3 @ 1 from dave to carol
        dave liquidation ends
        dave:
        bob: cash 1129.19
        carol: cash 1060.51
        erin: cash 10 share 40
        house: custody -3240 fees 0.3
    "#]].assert_eq(&desk.out);
}

#[test]
fn liq_010_nothing_is_done_while_the_oracle_is_not_sure() {
    let mut desk = with_dave();
    desk.run(
        "
        carol backstops 1000
        +1s
        index H100 2.23
        +1s
        index H100 withheld
        run 30s
        +1s
        index H100 2.13
        run 10s
        index H100 withheld
        run 80s
        carol asks 3 in 1
        index H100 2.13
        run 1s
        ",
    );
    expect![[r#"
        carol takes portfolios of 1000
        H100 index 2.23
        H100D mark 2.23
        dave is liquidated: has 64.9 of 66.9
        H100 index withheld
        H100 index 2.13
        H100D mark 2.13
        dave is offered in 1 until 0:01:33
        H100 index withheld
        carol bids in 1
        H100 index 2.13
        H100D variation bob 88.8
        H100D variation dave -88.8
        carol takes dave over for 3, is paid 3
        H100D +10 @ 2.13 from dave to carol
        dave liquidation ends
    "#]]
    .assert_eq(&desk.out);

    // Not even begun: it is when the oracle is sure again.
    let mut desk = with_dave();
    desk.run(
        "
        +1s
        index H100 2.2 low
        run 30s
        deposit dave 1
        index H100 2.2
        ",
    );
    expect![[r#"
        H100 index 2.2
        H100D mark 2.2
        H100 index 2.2
        dave is liquidated: has 58.7 of 66
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn liq_021_to_023_a_share_stays_while_there_is_a_position_and_for_the_time_of_notice() {
    check_morning(
        "
        default notice 1h
        alice contributes 0
        alice contributes 1001
        alice contributes 300
        nobody contributes 1
        alice leaves 301
        alice leaves 100
        run 3599s
        alice leaves 100
        run 1s
        alice leaves 100
        show alice
        list H100W trade 10h assign 11h from 12h until 36h close 40h
        bob sell 1 @ 2.5 in H100W
        alice buy 1 @ 2.5 in H100W
        alice leaves 100
        bob buy 1 @ 2.5 in H100W
        alice sell 1 @ 2.5 in H100W
        alice leaves 100
        alice leaves 100
        nobody leaves 1
        show alice
        ",
        expect![[r#"
            terms of defaults set
            refused LIQ-021 ShareOutOfRange
            refused LIQ-021 ShareOutOfRange
            alice has 300 in the default fund
            refused ACCOUNT-001 UnknownAccount
            refused LIQ-021 ShareOutOfRange
            refused LIQ-023 NoticeRunning
            refused LIQ-023 NoticeRunning
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            alice has 200 in the default fund
            alice: cash 800 share 200
            H100W listed
            #1 bob sell 1 @ 2.5
            #2 alice buy 1 @ 2.5
            #2 alice buys 1 @ 2.5 with #1 bob, fee 0.03
            refused LIQ-022 ShareAtRisk
            #3 bob buy 1 @ 2.5
            #4 alice sell 1 @ 2.5
            #4 alice sells 1 @ 2.5 with #3 bob, fee 0.03
            alice has 100 in the default fund
            alice has 0 in the default fund
            refused ACCOUNT-001 UnknownAccount
            alice: cash 999.94
        "#]],
    );
}

#[test]
fn liq_025_there_are_at_most_64_backstops() {
    let mut desk = Desk::morning();
    for place in 0..65 {
        desk.run(&format!("account b{place}"));
        desk.out.clear();
        desk.run(&format!("b{place} backstops 1"));
    }
    assert_eq!(desk.out, "refused LIQ-025 TooManyBackstops\n");
    desk.run("b3 backstops 0");
    desk.run("b64 backstops 1");
}

#[test]
fn liq_020_and_024_to_028_terms_and_bids_have_their_limits() {
    check_morning(
        "
        default every 0s
        default fee 500001
        default least 0
        default auction 400d
        default every 5s auction 30s least 100000 fee 0 slippage 0
        nobody backstops 5
        alice backstops -1
        alice backstops 10000000001
        alice backstops 5
        alice backstops 0
        nobody asks 1 in 1
        alice asks 1 in 1
        ",
        expect![[r#"
            refused LIQ-020 BadDefaultTerms
            refused LIQ-020 BadDefaultTerms
            refused LIQ-020 BadDefaultTerms
            refused LIQ-020 BadDefaultTerms
            terms of defaults set
            refused ACCOUNT-001 UnknownAccount
            refused LIQ-024 CapacityOutOfRange
            refused LIQ-024 CapacityOutOfRange
            alice takes portfolios of 5
            alice takes portfolios of 0
            refused ACCOUNT-001 UnknownAccount
            refused LIQ-026 UnknownBackstop
        "#]],
    );
}

/// Dave has 450 dollars and is short 5 calls, 3 of them to alice and 2 to bob, for 100 together.
const SHORT_CALLS: &str = "
    open test
    list H100 hours 100 intervals 4 trade 3h assign 4h from 5h until 30h close 40h
    list CALL option strike 2.5 ref 0.2 on H100 hours 100 intervals 4 assign 1h close 40h
    account alice
    account bob
    account dave
    deposit alice 1000
    deposit bob 1000
    deposit dave 450
    index H100 2.5
    alice buy 3 @ 0.2 in CALL
    bob buy 2 @ 0.2 in CALL
    dave sell 5 @ 0.2 in CALL
";

#[test]
fn liq_013_short_premiums_beyond_what_there_is_are_cut_after_the_waterfall() {
    // At 4.00 a call is worth 150 a lot: 750, and dave has 549.375. Insurance has 100 of the 200.625 that are missing: a fifth of the rest
    // is 20.125, and each lot is paid 129.875.
    let mut desk = Desk::new();
    desk.run(SHORT_CALLS);
    desk.run("fund insurance 100");
    desk.out.clear();
    desk.run(
        "
        +1s
        index H100 4
        run 10s
        show dave
        show alice
        show bob
        show house
        ",
    );
    expect![[r#"
        H100 index 4
        H100 mark 4
        CALL mark 1.5
        dave is liquidated: has -200.625 of 200
        dave lost 200.625, insurance 100, haircut 100.625
        dave is covered with 100
        dave is closed out with -100.625
        CALL dave closed out 1/1: alice 3 of 3, bob 2 of 2
        CALL dave pays alice 389.625
        CALL -3 @ 1.5 from dave to alice
        CALL dave pays bob 259.75
        CALL -2 @ 1.5 from dave to bob
        dave liquidation ends
        dave:
        alice: cash 1329.625
        bob: cash 1219.75
        house: custody -2550 fees 0.625
    "#]]
    .assert_eq(&desk.out);
}

/// LIQ-004, LIQ-013.
#[test]
fn liq_013_slices_buy_short_premiums_back_as_far_as_money_goes() {
    let mut desk = Desk::new();
    desk.run(SHORT_CALLS);
    desk.out.clear();
    desk.run(
        "
        +1s
        index H100 3.3
        alice sell 3 @ 0.82 in CALL
        run 10s
        run 10s
        show dave
        ",
    );
    expect![[r#"
        H100 index 3.3
        H100 mark 3.3
        CALL mark 0.8
        dave is liquidated: has 149.375 of 165
        #4 alice sell 3 @ 0.82
        #5 dave buy 3 @ 0.84
        #5 dave buys 3 @ 0.82 with #4 alice, fee 0.375
        CALL dave closes 3 of 3, fee 2.46
        #6 dave buy 1 @ 0.84
        #6 cancelled 1: ioc
        CALL dave closes 0 of 1, fee 0
        dave: margin 300.54 -2 CALL
    "#]]
    .assert_eq(&desk.out);
}

/// REPLAY-002: in the middle of a liquidation, an auction and a notice.
#[test]
fn a_restart_between_any_two_steps_of_a_liquidation_changes_nothing() {
    let script = "
        carol backstops 1000
        alice contributes 10
        +1s
        index H100 2.23
        run 10s
        index H100 withheld
        run 10s
        index H100 2.05
        run 10s
        carol asks 1 in 1
        run 60s
        show dave
        show carol
        ";
    let mut straight = with_dave();
    straight.run(script);
    let mut restarted = with_dave();
    for line in script.lines() {
        restarted.run(line);
        restarted.run("restart");
    }
    assert_eq!(straight.out, restarted.out);
    assert_eq!(straight.world.exchange.state_hash(), restarted.world.exchange.state_hash());
}
