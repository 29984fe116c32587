//! BLOCK: what two parties agreed elsewhere.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// Two accounts with money and keys, and a series that takes blocks of five lots.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D blocks 5
        list A100D blocks 5 grade A100 ref 1.2
        list OLD
        account alice
        account bob
        account carol
        deposit alice 1000
        deposit bob 1000
        alice signs aa
        bob signs bb
        ",
    );
    desk.out.clear();
    desk
}

#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut desk = desk();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// BLOCK-001, BLOCK-002, BLOCK-003, BLOCK-004, BLOCK-005.
#[test]
fn block_001_to_005_who_may_bring_what_and_when() {
    check(
        "
        block alice dora buy 5 @ 2.5
        block alice alice buy 5 @ 2.5
        block alice bob buy 5 @ 2.5 by carol
        block alice bob buy 5 @ 2.5 valid 0s
        block alice bob buy 5 @ 2.5 valid 25h
        block alice bob buy 5 @ 2.5 valid 24h keys aa cc
        block alice bob buy 5 @ 2.5 valid 24h keys bb aa
        block alice carol buy 5 @ 2.5 valid 24h
        block alice bob buy 5 @ 2.5 valid 24h by bob
        alice signs cc
        block alice bob buy 5 @ 2.5 number 2
        block alice bob buy 5 @ 2.5 number 2 keys cc bb
        ",
        expect![[r#"
            refused ACCOUNT-001 UnknownAccount
            refused BLOCK-001 SameParty
            refused BLOCK-002 NotAParty
            refused BLOCK-003 OutOfTime
            refused BLOCK-003 OutOfTime
            refused BLOCK-005 NotSigned
            refused BLOCK-005 NotSigned
            refused BLOCK-005 NotSigned
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            alice signs with cc
            refused BLOCK-005 NotSigned
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
        "#]],
    );
}

#[test]
fn block_004_an_agreement_is_taken_once() {
    check(
        "
        block alice bob buy 5 @ 2.5 valid 10m
        block alice bob buy 5 @ 2.5 valid 10m
        block alice bob sell 6 @ 2.5 valid 10m
        restart
        block alice bob buy 5 @ 2.5 valid 10m by bob
        +10m
        tick
        block alice bob buy 5 @ 2.5 valid 10m
        block alice bob buy 5 @ 2.5 valid 20m
        show alice
        ",
        expect![[r#"
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            refused BLOCK-004 Taken
            refused BLOCK-004 Taken
            refused BLOCK-004 Taken
            refused BLOCK-003 OutOfTime
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            alice: cash 879.85 margin 120 +10 H100D
        "#]],
    );
}

#[test]
fn block_007_legs_are_some_and_each_in_its_own_series() {
    check(
        "
        block alice bob buy 5 @ 2.5 and sell 5 @ 2.5 in H100D
        block alice bob buy 5 @ 2.5 in NONE
        block alice bob buy 5 @ 2.5 and sell 10 @ 1.2 in A100D
        show alice
        show bob
        ",
        expect![[r#"
            refused BLOCK-007 LegsOutOfRange
            refused ORDER-001 UnknownInstrument
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            A100D block: bob buys 10 @ 1.2 from alice, fee 0.072, and 0.072
            alice: cash 882.253 margin 117.6 +5 H100D -10 A100D
            bob: cash 882.253 margin 117.6 -5 H100D +10 A100D
        "#]],
    );
}

/// BLOCK-008, BLOCK-009, BLOCK-010.
#[test]
fn block_008_to_010_only_where_blocks_are_taken_large_enough_and_near_the_mark() {
    // 20 % around 2.50 are 2.00 and 3.00.
    check(
        "
        block alice bob buy 5 @ 2.5 in OLD
        block alice bob buy 4 @ 2.5
        efp alice bob buy 4 @ 2.5
        block alice bob buy 5 @ 3.001 number 2
        block alice bob buy 5 @ 1.999 number 2
        block alice bob buy 5 @ 3 number 2
        block alice bob buy 5 @ 2 number 3
        ",
        expect![[r#"
            refused BLOCK-008 NoBlocks
            refused BLOCK-009 BelowSize, limit 5
            agreed by alice and bob
            H100D block: alice buys 4 @ 2.5 from bob, fee 0.024, and 0.024, for a reservation
            refused BLOCK-010 BeyondBand, limit 3000 ticks
            refused BLOCK-010 BeyondBand, limit 2000 ticks
            agreed by alice and bob
            H100D block: alice buys 5 @ 3 from bob, fee 0.09, and 0.09
            agreed by alice and bob
            H100D block: alice buys 5 @ 2 from bob, fee 0.06, and 0.06
        "#]],
    );
}

#[test]
fn block_012_both_sides_can_carry_it_or_none_trades() {
    // 20 % of 100 lots of 24 hours at 2.50 are 1,200.
    check(
        "
        block alice bob buy 100 @ 2.5
        deposit alice 1000
        block alice bob buy 100 @ 2.5
        deposit bob 1000
        block alice bob buy 100 @ 2.5
        show alice
        show bob
        block alice bob buy 5 @ 2.5 and buy 200 @ 1.2 in A100D number 2
        ",
        expect![[r#"
            refused ORDER-014 InsufficientMargin, needs 1203, has 1000
            refused ORDER-014 InsufficientMargin, needs 1203, has 1000
            agreed by alice and bob
            H100D block: alice buys 100 @ 2.5 from bob, fee 1.5, and 1.5
            alice: cash 798.5 margin 1200 +100 H100D
            bob: cash 798.5 margin 1200 -100 H100D
            refused ORDER-014 InsufficientMargin, needs 1154.88, has 738.35
        "#]],
    );
}

#[test]
fn block_012_orders_beyond_a_position_that_a_block_has_closed_are_trimmed() {
    check(
        "
        block alice bob buy 10 @ 2.5
        alice sell 10 @ 2.6 reduce
        block alice bob sell 6 @ 2.5 number 2
        show book
        ",
        expect![[r#"
            agreed by alice and bob
            H100D block: alice buys 10 @ 2.5 from bob, fee 0.15, and 0.15
            #1 alice sell 10 @ 2.6
            agreed by alice and bob
            H100D block: bob buys 6 @ 2.5 from alice, fee 0.09, and 0.09
            #1 now 4 @ 2.6
            H100D bids [] asks [2.6x4]
        "#]],
    );
}

#[test]
fn block_013_it_prices_nobody_else() {
    // A stop on the last price stays where it is, the mark too, and the series settles at the mark.
    check(
        "
        deposit carol 1000
        carol buy 1 @ 2.9 when last rises 2.7
        block alice bob buy 12 @ 2.9
        block alice bob buy 5 @ 2.9 number 2
        block alice bob buy 5 @ 2.9 number 3
        block alice bob buy 5 @ 2.9 number 4
        block alice bob buy 5 @ 2.9 number 5
        run 2s
        show alice
        show bob
        run 1h
        ",
        expect![[r#"
            #1 carol buy 1 @ 2.9
            agreed by alice and bob
            H100D block: alice buys 12 @ 2.9 from bob, fee 0.2088, and 0.2088
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.9 from bob, fee 0.087, and 0.087
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.9 from bob, fee 0.087, and 0.087
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.9 from bob, fee 0.087, and 0.087
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.9 from bob, fee 0.087, and 0.087
            alice: cash 615.4432 margin 384 +32 H100D (-307.2)
            bob: cash 615.4432 margin 384 -32 H100D (307.2)
            #1 cancelled 1: expired
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100D variation alice -307.2
            H100D variation bob 307.2
            A100D settles @ 1.2 by the mark
            A100D expired @ 1.2
            OLD settles @ 2.5 by the mark
            OLD expired @ 2.5
        "#]],
    );
}

#[test]
fn block_014_either_side_pays_two_and_a_half_basis_points_and_one_for_a_reservation() {
    // 10 lots of 24 hours at 2.50 are 600 dollars: 0.15, and 0.06 for a reservation.
    check(
        "
        block alice bob buy 10 @ 2.5
        efp alice bob sell 10 @ 2.5 number 2
        show alice
        show bob
        show fees
        ",
        expect![[r#"
            agreed by alice and bob
            H100D block: alice buys 10 @ 2.5 from bob, fee 0.15, and 0.15
            agreed by alice and bob
            H100D block: bob buys 10 @ 2.5 from alice, fee 0.06, and 0.06, for a reservation
            alice: cash 999.79
            bob: cash 999.79
            fees 0.42
        "#]],
    );
}

#[test]
fn block_015_a_match_takes_its_lots_out_of_the_assignment() {
    check(
        "
        list H100N match 90m blocks 5
        block alice bob buy 5 @ 2.5 in H100N
        match bob alice 3 in H100N keys bb aa
        run 1h
        match bob alice 6 in H100N keys bb aa
        match bob alice 3 in H100N keys bb aa
        run 1h
        ",
        expect![[r#"
            H100N listed
            agreed by alice and bob
            H100N block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            refused EXPIRY-011 NoMatches
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            A100D settles @ 1.2 by the mark
            A100D expired @ 1.2
            OLD settles @ 2.5 by the mark
            OLD expired @ 2.5
            H100N settles @ 2.5 by the mark
            H100N expired @ 2.5
            refused EXPIRY-012 MatchOutOfRange
            agreed by bob and alice
            H100N bob delivers 3 to alice by agreement
            H100N assigned: 2 holders, 1 matched, 1 paired
            H100N alice ends +5, 2 for delivery
            H100N bob ends -5, 2 for delivery
            D-1 bob delivers 2 to alice, escrow 120, bond 30
        "#]],
    );
}

/// BLOCK-016, BLOCK-017.
#[test]
fn block_016_an_obligation_is_released_by_its_two_parties_before_delivery() {
    let mut desk = desk();
    desk.run("block alice bob buy 5 @ 2.5\nrun 2h");
    desk.out.clear();
    desk.run(
        "
        show alice
        show bob
        release alice bob D-1 number 2
        release bob alice D-9 keys bb aa number 2
        release bob alice D-1 keys bb aa number 2
        show alice
        show bob
        release bob alice D-1 keys bb aa number 3
        run 30h
        ",
    );
    expect![[r#"
        alice: cash 699.925 escrow 300
        bob: cash 924.925 bond 75
        refused BLOCK-016 NotTheParties
        refused AGENT-001 UnknownObligation
        agreed by bob and alice
        D-1 closed, 0 delivered, 0 failed, 2 unverified
        alice: cash 999.925
        bob: cash 999.925
        refused BLOCK-017 DeliveryBegun
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn block_017_once_delivery_has_begun_it_runs() {
    let mut desk = desk();
    desk.run("block alice bob buy 5 @ 2.5\nrun 2h\n+1h");
    desk.out.clear();
    desk.run("release bob alice D-1 keys bb aa number 2");
    expect![[r#"
        refused BLOCK-017 DeliveryBegun
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn block_018_a_block_of_options_moves_its_premium() {
    // 5 lots of 24 hours at 0.10 are 12 dollars. A quarter of 20 % of the strike, 0.125, is the band: 0.225 at most around a mark of 0.10.
    check(
        "
        list CALL option call on H100D strike 2.5 ref 0.1 blocks 5
        block alice bob buy 5 @ 0.226 in CALL
        block alice bob buy 5 @ 0.1 in CALL
        show alice
        show bob
        ",
        expect![[r#"
            CALL listed
            refused BLOCK-010 BeyondBand, limit 225 ticks
            agreed by alice and bob
            CALL block: alice buys 5 @ 0.1 from bob, fee 0.075, and 0.075
            alice: cash 987.925 +5 CALL
            bob: cash 924.925 margin 87 -5 CALL
        "#]],
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// What happens between two blocks, or a block of so many lots so many ticks from 2.50 with this number, twice.
    #[derive(Debug, Clone)]
    enum Act {
        Block { is_efp: bool, buys: bool, lots: u64, off: i64, number: u64 },
        Order { buys: bool, lots: u64, off: i64 },
        Print(i64),
        Wait(u64),
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (any::<bool>(), any::<bool>(), 1_u64..60, -600_i64..600, 0_u64..40).prop_map(
                |(is_efp, buys, lots, off, number)| Act::Block { is_efp, buys, lots, off, number }
            ),
            2 => (any::<bool>(), 1_u64..20, -60_i64..60)
                .prop_map(|(buys, lots, off)| Act::Order { buys, lots, off }),
            1 => (-200_i64..200).prop_map(Act::Print),
            1 => (1_u64..400).prop_map(Act::Wait),
        ]
    }

    fn words(act: &Act) -> Vec<String> {
        let side = |buys| if buys { "buy" } else { "sell" };
        let price = |off: i64| format!("{}.{:03}", (2_500 + off) / 1_000, (2_500 + off) % 1_000);
        match act {
            Act::Block { is_efp, buys, lots, off, number } => {
                let kind = if *is_efp { "efp" } else { "block" };
                let (side, price) = (side(*buys), price(*off));
                vec![
                    format!("{kind} alice bob {side} {lots} @ {price} number {number} valid 50m");
                    2
                ]
            }
            Act::Order { buys, lots, off } => {
                let (side, price) = (side(*buys), price(*off));
                let who = if *buys { "alice" } else { "bob" };
                vec![format!("{who} {side} {lots} @ {price}")]
            }
            Act::Print(off) => vec![format!("index H100 {}", price(*off)), "+1s".to_owned()],
            Act::Wait(seconds) => vec![format!("run {seconds}s")],
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// BLOCK-004, BLOCK-012: whatever is agreed, money and positions sum to zero after every command, holds are what is required, and
        /// what comes a second time is refused. The desk's auditor and inspector look after each.
        #[test]
        fn block_012_blocks_conserve_money_and_positions(
            acts in prop::collection::vec(any_act(), 1..40),
        ) {
            let mut desk = desk();
            for act in acts {
                let [first, rest @ ..] = &words(&act)[..] else { continue };
                desk.out.clear();
                desk.run(first);
                let is_taken = desk.out.starts_with("agreed");
                for word in rest {
                    desk.out.clear();
                    desk.run(word);
                    if is_taken {
                        prop_assert!(desk.out.starts_with("refused BLOCK-004"), "{}", desk.out);
                    }
                }
            }
        }
    }
}
