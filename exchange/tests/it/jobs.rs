//! DISPUTE: a buyer's job on the hardware that is delivered to it, and the argument about its result.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// Bob delivers two lots to alice for a day of 24 intervals, at 2.50 an hour: an interval is worth 5, the bond is 30. Vera verifies.
/// The first interval has begun.
fn delivering() -> Desk {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D intervals 24 perhour 1
        account alice
        account bob
        account carol
        deposit alice 1000
        deposit bob 1000
        account vera verifier
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        bob nominates aa
        run 3h
        ",
    );
    desk.out.clear();
    desk
}

#[track_caller]
fn check(script: &str, expected: &Expect) {
    let mut desk = delivering();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// The interval is delivered in full.
fn deliver(desk: &mut Desk, interval: u32) {
    let place = format!("D-1/{interval}");
    desk.run(&format!(
        "challenge {place}\nbob receipt {place}\ndraw {place}\nvera verdict {place} valid"
    ));
    desk.out.clear();
}

#[test]
fn dispute_001_a_buyer_has_jobs_on_what_is_being_delivered_to_it() {
    check(
        "
        alice submits D-9 1000
        bob submits D-1 1000
        carol submits D-1 1000
        alice submits D-1 1000
        jobterms fee 10001
        jobterms move 0s
        alice submits D-1 5000 tolerant
        +24h
        alice submits D-1 1000
        ",
        &expect![[r#"
            refused AGENT-001 UnknownObligation
            refused DISPUTE-001 NotTheBuyer
            refused DISPUTE-001 NotTheBuyer
            J-1 alice asks bob for 1000 GPU-seconds of D-1, worth 0.694444
            refused DISPUTE-001 BadTerms
            refused DISPUTE-001 BadTerms
            J-2 alice asks bob for 5000 GPU-seconds of D-1, worth 3.472222
            refused DISPUTE-001 NotDelivering
        "#]],
    );
}

#[test]
fn dispute_002_a_job_is_bounded() {
    check(
        "
        alice submits D-1 1000 steps 0
        alice submits D-1 1000 stride 0
        alice submits D-1 1000 stride 11
        alice submits D-1 1000 steps 1025 stride 1
        alice submits D-1 0
        alice submits D-1 172801
        alice submits D-1 172800 steps 1024 stride 1
        ",
        &expect![[r#"
            refused DISPUTE-002 CheckpointsOutOfRange
            refused DISPUTE-002 CheckpointsOutOfRange
            refused DISPUTE-002 CheckpointsOutOfRange
            refused DISPUTE-002 CheckpointsOutOfRange
            refused DISPUTE-002 ComputeOutOfRange
            refused DISPUTE-002 ComputeOutOfRange
            J-1 alice asks bob for 172800 GPU-seconds of D-1, worth 120
        "#]],
    );
}

#[test]
fn dispute_001_sixteen_jobs_at_a_time() {
    let mut desk = delivering();
    for _ in 0..17 {
        desk.run("alice submits D-1 1000");
    }
    desk.run("bob declines J-3\nalice submits D-1 1000\nalice submits D-1 1000");
    let tail: Vec<&str> = desk.out.lines().skip(15).collect();
    expect![[r#"
        J-16 alice asks bob for 1000 GPU-seconds of D-1, worth 0.694444
        refused DISPUTE-001 TooManyJobs
        J-3 declined
        J-3 declined
        J-17 alice asks bob for 1000 GPU-seconds of D-1, worth 0.694444
        refused DISPUTE-001 TooManyJobs"#]]
    .assert_eq(&tail.join("\n"));
}

/// DISPUTE-012: only what has ended is forgotten.
#[test]
fn dispute_012_sixty_four_jobs_are_remembered() {
    let mut desk = delivering();
    desk.run("alice submits D-1 1000");
    for job in 2..=70 {
        desk.run(&format!("alice submits D-1 1000\nbob declines J-{job}"));
    }
    let kept: Vec<u64> = desk.world.exchange.jobs().iter().map(|job| job.id.0).collect();
    assert_eq!(kept.len(), 64);
    assert_eq!((kept[0], kept[1], kept[63]), (1, 8, 70));
    desk.out.clear();
    desk.run("alice takes J-2\nrestart\nbob finishes J-1");
    expect![[r#"
        refused DISPUTE-003 UnknownJob
        J-1 done, 5 roots, replay 0
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn dispute_003_the_deliverer_claims_the_result_in_time() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-2
        alice finishes J-1
        carol finishes J-1
        bob finishes J-1 key=bb
        bob finishes J-1 roots 4
        bob finishes J-1 replay 2.500001
        alice takes J-1
        bob finishes J-1 replay 2.5
        bob finishes J-1
        bob declines J-1
        bob takes J-1
        alice takes J-1
        alice takes J-1
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            refused DISPUTE-003 UnknownJob
            refused DISPUTE-003 NotYourTurn
            refused DISPUTE-003 NotYourTurn
            refused AGENT-004 WrongSigner
            refused DISPUTE-003 WrongCheckpoints
            refused DISPUTE-003 ReplayCostOutOfRange
            refused DISPUTE-003 WrongStep
            J-1 done, 5 roots, replay 2.5
            refused DISPUTE-003 WrongStep
            refused DISPUTE-003 WrongStep
            refused DISPUTE-003 NotYourTurn
            J-1 accepted
            refused DISPUTE-003 WrongStep
        "#]],
    );
}

/// DISPUTE-004: a day of silence. The hours of an accepted job are paid as all hours are, by challenges.
#[test]
fn dispute_004_silence_is_acceptance_and_moves_no_money() {
    check(
        "
        jobterms accept 10m
        alice submits D-1 3600
        bob finishes J-1
        run 9m
        show bob
        run 1m
        show bob
        alice doubts J-1
        ",
        &expect![[r#"
            terms of jobs set
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 0
            bob: cash 969.94 bond 30
            J-1 accepted
            bob: cash 969.94 bond 30
            refused DISPUTE-003 WrongStep
        "#]],
    );
}

#[test]
fn dispute_005_a_buyer_stakes_the_fee_and_the_provers_replay() {
    check(
        "
        alice submits D-1 3600
        alice submits D-1 3600 redundant
        alice doubts J-1
        bob finishes J-1 replay 2
        bob finishes J-2 replay 2
        bob doubts J-1
        alice doubts J-2
        alice doubts J-1 replay 2.6
        show alice
        alice doubts J-1 replay 2.5
        show alice
        alice takes J-1
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-2 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            refused DISPUTE-003 WrongStep
            J-1 done, 5 roots, replay 2
            J-2 done, 5 roots, replay 2
            refused DISPUTE-003 NotYourTurn
            refused DISPUTE-005 NotExact
            refused DISPUTE-003 ReplayCostOutOfRange
            alice: cash 880 escrow 120
            J-1 disputed, replay 2.5, stake 27
            alice: cash 853 escrow 120 bond 27
            refused DISPUTE-003 WrongStep
        "#]],
    );
}

#[test]
fn dispute_005_a_stake_is_free_money() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-1 replay 2.5
        withdraw alice 852.500001
        alice doubts J-1
        deposit alice 0.000001
        alice doubts J-1
        show alice
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2.5
            refused DISPUTE-005 NoStake
            J-1 disputed, replay 0, stake 27.5
            alice: escrow 120 bond 27.5
        "#]],
    );
}

#[test]
fn dispute_006_the_two_take_turns_and_the_prover_is_first() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-1 replay 2
        bob says J-1
        alice doubts J-1 replay 1
        alice says J-1
        carol says J-1
        bob says J-1
        bob says J-1
        run 59s
        alice says J-1
        run 59s
        bob says J-1
        +60s
        alice says J-1
        tick
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2
            refused DISPUTE-003 WrongStep
            J-1 disputed, replay 1, stake 27
            refused DISPUTE-003 NotYourTurn
            refused DISPUTE-003 NotYourTurn
            J-1 move 0 by the prover
            refused DISPUTE-003 NotYourTurn
            J-1 move 1 by the challenger
            J-1 move 2 by the prover
            refused DISPUTE-003 WrongStep
            J-1 upheld, replay 2, fee 25
        "#]],
    );
}

/// DISPUTE-006, DISPUTE-008: a prover that says nothing for a minute has lost.
#[test]
fn dispute_006_silence_loses() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-1 replay 2
        alice doubts J-1 replay 1
        run 60s
        show alice
        show bob
        show house
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2
            J-1 disputed, replay 1, stake 27
            J-1 refuted, replay 1, from bond 1
            alice: cash 881 escrow 120
            bob: cash 969.94 bond 29
            house: custody -2000 fees 0.06
        "#]],
    );
}

#[test]
fn dispute_006_the_last_of_64_moves_calls_the_referee() {
    let mut desk = delivering();
    desk.run("alice submits D-1 3600\nbob finishes J-1\nalice doubts J-1");
    for number in 0..64 {
        desk.run(if number % 2 == 0 { "bob says J-1" } else { "alice says J-1" });
    }
    desk.run("bob says J-1\nvera rules J-1 valid");
    let tail: Vec<&str> = desk.out.lines().skip(64).collect();
    expect![[r#"
        J-1 move 61 by the challenger
        J-1 move 62 by the prover
        J-1 move 63 by the challenger
        J-1 referee called
        refused DISPUTE-003 WrongStep
        J-1 vera rules Valid { quality: Ppm(1000000) }
        J-1 upheld, fee 25"#]]
    .assert_eq(&tail.join("\n"));
}

#[test]
fn dispute_007_a_party_calls_the_referee_and_a_third_rules() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-1 replay 2
        vera rules J-1 valid
        alice doubts J-1 replay 1
        vera rules J-1 valid
        alice calls J-1
        bob says J-1 last
        bob says J-1
        alice rules J-1 invalid
        carol rules J-1 invalid
        nobody rules J-1 invalid
        vera rules J-1 valid
        vera rules J-1 invalid
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2
            refused DISPUTE-003 WrongStep
            J-1 disputed, replay 1, stake 27
            refused DISPUTE-003 WrongStep
            refused DISPUTE-003 NotYourTurn
            J-1 move 0 by the prover
            J-1 referee called by the prover
            refused DISPUTE-003 WrongStep
            refused AGENT-007 NotAVerifier
            refused AGENT-007 NotAVerifier
            refused ACCOUNT-001 UnknownAccount
            J-1 vera rules Valid { quality: Ppm(1000000) }
            J-1 upheld, replay 2, fee 25
            refused DISPUTE-003 WrongStep
        "#]],
    );
}

/// DISPUTE-008: the fee goes to insurance, the replay to the winner; nobody is better off for having argued.
#[test]
fn dispute_008_a_challenger_that_is_wrong_pays() {
    check(
        "
        show alice
        show bob
        alice submits D-1 3600
        bob finishes J-1 replay 2
        alice doubts J-1 replay 1
        bob calls J-1
        vera rules J-1 valid
        show alice
        show bob
        show house
        ",
        &expect![[r#"
            alice: cash 880 escrow 120
            bob: cash 969.94 bond 30
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2
            J-1 disputed, replay 1, stake 27
            J-1 referee called by the prover
            J-1 vera rules Valid { quality: Ppm(1000000) }
            J-1 upheld, replay 2, fee 25
            alice: cash 853 escrow 120
            bob: cash 971.94 bond 30
            house: custody -2000 fees 0.06 insurance 25
        "#]],
    );
}

/// DISPUTE-008, DISPUTE-009: two hours of the job's time were paid, 10 dollars; the declared hour is 2.50.
#[test]
fn dispute_009_a_refuted_jobs_hours_come_back_out_of_the_bond() {
    let mut desk = delivering();
    desk.run("alice submits D-1 3600");
    deliver(&mut desk, 0);
    desk.run("run 1h");
    deliver(&mut desk, 1);
    desk.run(
        "
        show alice
        show bob
        bob finishes J-1 replay 2
        alice doubts J-1 replay 1
        bob says J-1
        alice calls J-1
        vera rules J-1 invalid
        show alice
        show bob
        show house
        ",
    );
    expect![[r#"
        alice: cash 880 escrow 110
        bob: cash 982.44 bond 27.5
        J-1 done, 5 roots, replay 2
        J-1 disputed, replay 1, stake 27
        J-1 move 0 by the prover
        J-1 referee called by the challenger
        J-1 vera rules Invalid
        J-1 refuted, replay 1, from bond 1
        J-1 hours worth 2.5, returned 2.5, fee 25, from bond 26.5
        alice: cash 883.5 escrow 110
        bob: cash 981.44
        house: custody -2000 fees 0.06 insurance 25
    "#]]
    .assert_eq(&desk.out);
}

/// DISPUTE-009: what was paid in its time is less than what was declared, and is known only when its intervals have ended.
#[test]
fn dispute_009_no_more_than_was_paid_comes_back() {
    let mut desk = delivering();
    desk.run(
        "alice submits D-1 100000\nbob finishes J-1\nalice doubts J-1\nalice submits D-1 7200",
    );
    desk.run("bob finishes J-2\nalice doubts J-2\nrun 60s\nshow alice");
    let refuted = desk.out.clone();
    deliver(&mut desk, 0);
    expect![[r#"
        J-1 alice asks bob for 100000 GPU-seconds of D-1, worth 69.444444
        J-1 done, 5 roots, replay 0
        J-1 disputed, replay 0, stake 25
        J-2 alice asks bob for 7200 GPU-seconds of D-1, worth 5
        J-2 done, 5 roots, replay 0
        J-2 disputed, replay 0, stake 25
        J-1 refuted
        J-2 refuted
        alice: cash 880 escrow 120
    "#]]
    .assert_eq(&refuted);
    let returned: Vec<i64> =
        desk.world.exchange.jobs().iter().map(|job| job.returned.micros()).collect();
    assert_eq!(returned, [5_000_000, 0], "an hour comes back once");
}

/// DISPUTE-009: nothing was paid, so nothing comes back.
#[test]
fn dispute_009_an_interval_that_failed_is_not_paid_back_twice() {
    check(
        "
        alice submits D-1 3600
        bob finishes J-1
        alice doubts J-1
        challenge D-1/0
        run 1m
        ",
        &expect![[r#"
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 0
            J-1 disputed, replay 0, stake 25
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 5
            D-1/0 outage, substitute by 3:01:00
            D-1 hour 0, missing 7200 s, compensation 0.75, penalty 0.5, alice 1.25
            J-1 refuted
            J-1 hours worth 0, fee 25, from bond 25
        "#]],
    );
}

/// DISPUTE-009: beyond the bond the seller's money pays; what it has not is not the fund's.
#[test]
fn dispute_009_insurance_pays_no_hours() {
    let mut desk = delivering();
    desk.run("fund insurance 100\njobterms fee 100\nwithdraw bob 969\nshow bob");
    desk.run("alice submits D-1 172800");
    for interval in 0..8 {
        deliver(&mut desk, interval);
        desk.run("run 1h");
    }
    desk.run("withdraw bob 40");
    desk.out.clear();
    desk.run("bob finishes J-1\nalice doubts J-1");
    deliver(&mut desk, 8);
    desk.run("show bob\nrun 1m\nshow bob\nshow house");
    expect![[r#"
        bob: cash 17.19 bond 18.75
        J-1 refuted
        J-1 hours worth 45, returned 35.94, from bond 18.75, unpaid 109.06
        bob:
        house: custody -1091 fees 0.06 insurance 100
    "#]]
    .assert_eq(&desk.out);
}

/// DISPUTE-010: twice the declared time and ten minutes: 3,600 GPU-seconds on two GPUs are 70 minutes.
#[test]
fn dispute_010_a_job_that_is_missed_costs_its_hours_and_one_that_is_declined_does_not() {
    let mut desk = delivering();
    desk.run("alice submits D-1 3600\nalice submits D-1 3600\nbob declines J-2\nbob declines J-2");
    deliver(&mut desk, 0);
    desk.run("run 69m\nshow alice");
    deliver(&mut desk, 1);
    desk.run("run 1m\nshow alice\nbob finishes J-1");
    expect![[r#"
        J-1 missed
        J-1 hours worth 2.5, returned 2.5, from bond 2.5
        alice: cash 882.5 escrow 110
        refused DISPUTE-003 WrongStep
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn dispute_011_who_cannot_be_judged_pays_nothing() {
    check(
        "
        show alice
        show bob
        alice submits D-1 3600
        alice submits D-1 3600
        bob finishes J-1 replay 2
        bob finishes J-2 replay 2
        alice doubts J-1 replay 1
        alice doubts J-2 replay 1
        bob calls J-1
        bob calls J-2
        vera rules J-1 unverifiable
        run 5m
        vera rules J-2 invalid
        show alice
        show bob
        ",
        &expect![[r#"
            alice: cash 880 escrow 120
            bob: cash 969.94 bond 30
            J-1 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-2 alice asks bob for 3600 GPU-seconds of D-1, worth 2.5
            J-1 done, 5 roots, replay 2
            J-2 done, 5 roots, replay 2
            J-1 disputed, replay 1, stake 27
            J-2 disputed, replay 1, stake 27
            J-1 referee called by the prover
            J-2 referee called by the prover
            J-1 vera rules Unverifiable
            J-1 unruled
            J-2 unruled
            refused DISPUTE-003 WrongStep
            alice: cash 880 escrow 120
            bob: cash 969.94 bond 30
        "#]],
    );
}

/// DISPUTE-006: an argument goes on after the delivery is closed; what the bond no longer holds, the seller's money pays.
#[test]
fn dispute_008_a_dispute_outlives_its_delivery() {
    let mut desk = delivering();
    desk.run("run 23h\nalice submits D-1 3600\nbob finishes J-1\njobterms move 3h");
    desk.out.clear();
    desk.run("alice doubts J-1 replay 1\nrun 2h\nbob says J-1\nalice calls J-1\nshow bob");
    desk.run("vera rules J-1 invalid\nshow bob");
    let tail: Vec<&str> = desk.out.lines().filter(|line| !line.starts_with("D-1/")).collect();
    expect![[r#"
        J-1 disputed, replay 1, stake 25
        D-1 invoice 1: 0 s delivered, 0 s missing, buyer 120
        D-1 closed, 0 delivered, 0 failed, 24 unverified
        J-1 move 0 by the prover
        J-1 referee called by the challenger
        bob: cash 999.94
        J-1 vera rules Invalid
        J-1 refuted, replay 1
        J-1 hours worth 0, fee 25
        bob: cash 973.94"#]]
    .assert_eq(&tail.join("\n"));
}
