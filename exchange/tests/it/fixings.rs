//! FIX: from a provisional settlement price to one that is final.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// A series whose index was 2.00 for a day, but for two half-hours at 8.00, held by alice and bob. It expires at 25 hours, and sellers are
/// assigned at 30.
fn expired() -> Desk {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D trade 25h assign 30h from 31h until 55h close 56h
        account alice
        account bob
        account carol
        deposit alice 5000
        deposit bob 5000
        deposit carol 2500
        index H100 2
        alice buy 10 @ 2
        bob sell 10 @ 2
        +30m
        index H100 2
        ",
    );
    for half_hour in 2..50 {
        let value = if [3, 27].contains(&half_hour) { "8" } else { "2" };
        desk.run(&format!("+30m\nindex H100 {value} at {}m", half_hour * 30));
    }
    desk.run("run 30m");
    desk.out.clear();
    desk
}

fn check(script: &str, expected: &Expect) {
    let mut desk = expired();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// FIX-001: four hours without a claim.
#[test]
fn fix_001_a_settlement_price_is_provisional_for_eight_half_hours() {
    check(
        "run 3h\nalice claims 2 2\nrun 1h\nalice claims 2 3",
        &expect![[r#"
        refused FIX-002 NoChange
        H100D final at 2
        refused FIX-002 NotOpen
    "#]],
    );
}

/// FIX-003, FIX-004: three more partitions at 8.00 make five: one of them counts, 2 + 6 / 40 = 2.15. Variation follows.
#[test]
fn fix_004_an_upheld_claim_moves_the_price_and_the_money() {
    check(
        "
        alice claims 10 8
        carol claims 11 8
        alice claims 12 8
        rule 10 upheld
        alice claims 12 8
        rule 11 upheld
        show alice
        rule 12 upheld
        show alice
        show bob
        show house
        run 4h
        ",
        &expect![[r#"
            H100D partition 10 disputed by alice: 8, bond 1000
            H100D partition 11 disputed by carol: 8, bond 1000
            refused FIX-007 OneClaim
            H100D partition 10: claim of alice upheld
            H100D partition 12 disputed by alice: 8, bond 1000
            H100D partition 11: claim of carol upheld
            alice: cash 3904 margin 96 bond 1000 +10 H100D
            H100D partition 12: claim of alice upheld
            H100D mark 2.15
            H100D revised to 2.15
            H100D variation alice 36
            H100D variation bob -36
            alice: cash 4932.8 margin 103.2 +10 H100D
            bob: cash 4860.56 margin 103.2 -10 H100D
            house: custody -12500 fees 0.24
            H100D final at 2.15
        "#]],
    );
}

/// FIX-007: a claim that is wrong costs its bond.
#[test]
fn fix_007_a_rejected_claim_pays_insurance() {
    check(
        "
        carol claims 10 8
        show carol
        rule 10 rejected
        show carol
        show house
        carol claims 11 8
        rule 11 rejected
        carol claims 12 8
        ",
        &expect![[r#"
            H100D partition 10 disputed by carol: 8, bond 1000
            carol: cash 1500 bond 1000
            H100D partition 10: claim of carol rejected
            carol: cash 1500
            house: custody -12500 fees 0.24 insurance 1000
            H100D partition 11 disputed by carol: 8, bond 1000
            H100D partition 11: claim of carol rejected
            refused FIX-007 NoBond
        "#]],
    );
}

/// FIX-008: nobody rules before sellers are assigned.
#[test]
fn fix_008_a_claim_lapses_when_sellers_are_assigned() {
    check(
        "carol claims 10 8\nrun 4h\nrun 2h\nshow carol\nrule 10 upheld",
        &expect![[r#"
        H100D partition 10 disputed by carol: 8, bond 1000
        H100D claim of carol lapsed
        H100D final at 2
        H100D assigned: 2 holders, 0 matched, 1 paired
        H100D alice ends +10, 10 for delivery
        H100D bob ends -10, 10 for delivery
        D-1 bob delivers 10 to alice, escrow 480, bond 120
        D-1/0 open
        carol: cash 2500
        refused FIX-004 NotDisputed
    "#]],
    );
}

/// FIX-002: in the order of the checks.
#[test]
fn fix_002_claims_that_are_not_taken() {
    check(
        "
        nobody claims 10 8
        carol claims 48 8
        carol claims 10 2
        carol claims 10 8
        alice claims 10 8
        carol claims 11 8
        alice claims 11 0
        rule 9 upheld
        ",
        &expect![[r#"
            refused ACCOUNT-001 UnknownAccount
            refused FIX-002 NoPartition
            refused FIX-002 NoChange
            H100D partition 10 disputed by carol: 8, bond 1000
            refused FIX-002 Disputed
            refused FIX-007 OneClaim
            refused INDEX-003 IndexOutOfRange
            refused FIX-004 NotDisputed
        "#]],
    );
}
