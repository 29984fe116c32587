//! AGENT: what the exchange accepts on the way of a delivery, and from whom.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// Bob owes alice two lots, vera verifies, and the first interval has begun.
#[track_caller]
fn check_delivery(script: &str, expected: Expect) {
    let mut desk = Desk::morning();
    desk.run(
        "
        account vera verifier
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        bob nominates aa
        run 3h
        ",
    );
    desk.out.clear();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

#[test]
fn agent_001_an_obligation_that_is_not_assigned_is_unknown() {
    check_delivery(
        "
        challenge D-2/0
        bob receipt D-2/0
        draw D-2/0
        vera verdict D-2/0 valid
        ",
        expect![[r#"
            refused AGENT-001 UnknownObligation
            refused AGENT-001 UnknownObligation
            refused AGENT-001 UnknownObligation
            refused AGENT-001 UnknownObligation
        "#]],
    );
}

#[test]
fn agent_002_only_the_seller_delivers() {
    check_delivery(
        "
        challenge D-1/0
        alice receipt D-1/0
        carol receipt D-1/0
        nobody receipt D-1/0
        bob receipt D-1/0
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            refused AGENT-002 NotTheSeller
            refused AGENT-002 NotTheSeller
            refused AGENT-002 NotTheSeller
            D-1/0 claimed 86400000 ms
        "#]],
    );
}

#[test]
fn agent_003_each_step_has_its_place() {
    check_delivery(
        "
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 valid
        challenge D-1/1
        challenge D-1/9
        challenge D-1/0
        challenge D-1/0
        draw D-1/0
        vera verdict D-1/0 valid
        bob receipt D-1/0
        bob receipt D-1/0
        challenge D-1/0
        vera verdict D-1/0 valid
        vera verdict D-1/0 invalid
        draw D-1/0
        vera verdict D-1/0 valid
        vera verdict D-1/0 valid
        draw D-1/0
        ",
        expect![[r#"
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            D-1/0 challenges bob on 2 until 3:01:00
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            D-1/0 claimed 86400000 ms
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 60
            D-1 hour 0, bond back 15
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
        "#]],
    );
}

#[test]
fn agent_004_the_key_must_be_the_nominated_one() {
    check_delivery(
        "
        challenge D-1/0
        bob receipt D-1/0 key=bb
        bob nominates bb
        bob receipt D-1/0 key=aa
        bob receipt D-1/0 key=bb
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            refused AGENT-004 WrongSigner
            bob nominates bb
            refused AGENT-004 WrongSigner
            D-1/0 claimed 86400000 ms
        "#]],
    );
}

/// AGENT-004: who has nominated nobody has no key.
#[test]
fn agent_004_without_a_nomination_no_key_is_right() {
    let mut desk = Desk::morning();
    desk.run(
        "
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        run 3h
        challenge D-1/0
        ",
    );
    desk.out.clear();
    desk.run("bob receipt D-1/0 key=00");
    expect![[r#"
        refused AGENT-004 WrongSigner
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn agent_005_a_receipt_continues_the_chain() {
    // Two lots for twelve hours are 86,400,000 GPU-milliseconds.
    check_delivery(
        "
        challenge D-1/0
        bob receipt D-1/0 challenges=0 millis=0 prev=01 terms=01
        bob receipt D-1/0 millis=0 prev=01 terms=01
        bob receipt D-1/0 millis=86400001
        bob receipt D-1/0 prev=01 terms=01
        bob receipt D-1/0 terms=01
        bob receipt D-1/0
        run 12h
        challenge D-1/1
        bob receipt D-1/1 millis=86400000
        bob receipt D-1/1 prev=00
        bob receipt D-1/1
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            refused AGENT-005 ReceiptOutOfChain, Challenges { expected: 1 }
            refused AGENT-005 ReceiptOutOfChain, GpuMillis { limit: 86400000 }
            refused AGENT-005 ReceiptOutOfChain, GpuMillis { limit: 86400000 }
            refused AGENT-005 ReceiptOutOfChain, Prev
            refused AGENT-005 ReceiptOutOfChain, Terms
            D-1/0 claimed 86400000 ms
            D-1/0 unknown
            D-1/0 unverified, buyer 60
            D-1/1 open
            D-1/1 challenges bob on 2 until 15:01:00
            refused AGENT-005 ReceiptOutOfChain, GpuMillis { limit: 172800000 }
            refused AGENT-005 ReceiptOutOfChain, Prev
            D-1/1 claimed 172800000 ms
        "#]],
    );
}

#[test]
fn agent_006_rows_are_drawn_once() {
    check_delivery(
        "
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        draw D-1/0
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 claimed 86400000 ms
            D-1/0 drawn
            refused AGENT-006 RowsDrawn
        "#]],
    );
}

#[test]
fn agent_007_only_verifiers_judge_and_never_their_own() {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D
        account alice verifier
        account bob verifier
        account carol
        account vera verifier
        deposit alice 1000
        deposit bob 1000
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        bob nominates aa
        run 3h
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        ",
    );
    desk.out.clear();
    desk.run(
        "
        carol verdict D-1/0 valid
        alice verdict D-1/0 invalid
        bob verdict D-1/0 valid
        vera verdict D-1/0 valid
        ",
    );
    expect![[r#"
        refused AGENT-007 NotAVerifier
        refused AGENT-007 NotAVerifier
        refused AGENT-007 NotAVerifier
        D-1/0 vera says valid at 1000000 ppm
        D-1/0 passed 1000000
        D-1/0 delivered at 1000000 ppm, seller 60
        D-1 hour 0, bond back 15
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn agent_008_a_quality_is_a_share() {
    check_delivery(
        "
        challenge D-1/0
        bob receipt D-1/0
        draw D-1/0
        vera verdict D-1/0 valid -1
        vera verdict D-1/0 valid 1000001
        vera verdict D-1/0 valid 0
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 claimed 86400000 ms
            D-1/0 drawn
            refused AGENT-008 QualityOutOfRange
            refused AGENT-008 QualityOutOfRange
            D-1/0 vera says valid at 0 ppm
            D-1/0 failed BelowGrade
            D-1/0 failed: below grade, buyer 60
            D-1/0 outage, substitute by 3:00:00
            D-1 hour 0, missing 86400 s, compensation 9, penalty 6, alice 15
        "#]],
    );
}

#[test]
fn agent_009_at_the_deadline_it_is_too_late_even_before_the_timer() {
    check_delivery(
        "
        challenge D-1/0
        +60s
        bob receipt D-1/0
        tick
        +43140s
        tick
        challenge D-1/1
        +59s
        bob receipt D-1/1
        +300s
        draw D-1/1
        vera verdict D-1/1 invalid
        tick
        ",
        expect![[r#"
            D-1/0 challenges bob on 2 until 3:01:00
            refused AGENT-003 WrongStep
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 60
            D-1/0 outage, substitute by 3:01:00
            D-1 hour 0, missing 86400 s, compensation 9, penalty 6, alice 15
            D-1/1 open
            D-1/1 challenges bob on 2 until 15:01:00
            D-1/1 claimed 86400000 ms
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            D-1/1 unknown
            D-1/1 unverified, buyer 60
            D-1 invoice 1: 0 s delivered, 86400 s missing, buyer 120, damages 15
            D-1 closed, 0 delivered, 1 failed, 1 unverified, shortfall 15
        "#]],
    );
}

/// AGENT-009: an interval that has ended is not challenged any more.
#[test]
fn agent_009_no_challenge_after_the_interval() {
    check_delivery(
        "
        +12h
        challenge D-1/0
        tick
        challenge D-1/1
        ",
        expect![[r#"
            refused AGENT-003 WrongStep
            D-1/0 unverified, buyer 60
            D-1/1 open
            D-1/1 challenges bob on 2 until 15:01:00
        "#]],
    );
}

#[test]
fn agent_010_the_timer_runs_missed_intervals_in_the_order_they_were_due() {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D intervals 3
        list A100D grade A100 intervals 2 until 25h
        account alice
        account bob
        deposit alice 1000
        deposit bob 1000
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        bob buy 1 @ 2.5 in A100D
        alice sell 1 @ 2.5 in A100D
        run 2h
        ",
    );
    desk.out.clear();
    desk.run("+30h\ntick");
    expect![[r#"
        D-1/0 open
        D-2/0 open
        D-1/0 unverified, buyer 20
        D-1/1 open
        D-2/0 unverified, buyer 30
        D-2/1 open
        D-1/1 unverified, buyer 20
        D-1/2 open
        D-2/1 unverified, buyer 30
        D-2 invoice 1: 0 s delivered, 0 s missing, buyer 60
        D-2 closed, 0 delivered, 0 failed, 2 unverified
        D-1/2 unverified, buyer 20
        D-1 invoice 1: 0 s delivered, 0 s missing, buyer 60
        D-1 closed, 0 delivered, 0 failed, 3 unverified
    "#]]
    .assert_eq(&desk.out);
}
