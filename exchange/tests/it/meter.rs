//! Deliveries whose challenges come at any time: what counts, what is soft and what is hard, and what is done about it.
//!
//! A lot is 24 GPU-hours in 24 intervals of an hour, at 2.50 each.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// Alice is owed a lot by bob, metered between challenges; its first hour begins with the next minute.
fn metered(terms: &str) -> Desk {
    let mut desk = Desk::new();
    desk.run(&format!(
        "
        open test
        list H100D {terms} intervals 24 perday 24 between 1m/2/3/15m substitute 15m
        account alice
        account bob
        account carol
        account vera verifier
        deposit alice 1000
        deposit bob 1000
        deposit carol 1000
        bob nominates bb
        carol nominates cc
        index H100 2.5
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        run 179m
        "
    ));
    desk.out.clear();
    desk
}

#[track_caller]
fn check(mut desk: Desk, script: &str, expected: Expect) {
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// A challenge that is answered and found valid at once.
fn passed(challenge: u32) -> String {
    answered(challenge, "bob", "bb", "valid")
}

fn answered(challenge: u32, who: &str, key: &str, verdict: &str) -> String {
    format!(
        "
        challenge D-1/{challenge}
        {who} receipt D-1/{challenge} key={key}
        draw D-1/{challenge}
        vera verdict D-1/{challenge} {verdict}
        "
    )
}

/// METER-001, METER-002, METER-006, METER-007, METER-018: challenges are numbered as they come; an interval is settled by the first mark
/// after it, and the last one when its recheck time has passed without a closing challenge.
#[test]
fn meter_001_time_between_passed_challenges_counts() {
    check(
        metered("until 5h intervals 2"),
        &format!(
            "
            challenge D-1/0
            run 70s
            {}
            run 3m
            {}
            run 4m
            {}
            run 90m
            {}
            run 30m
            ",
            passed(0),
            answered(1, "bob", "bb", "valid 950000"),
            passed(2),
            passed(3),
        ),
        expect![[r#"
            refused AGENT-003 WrongStep
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 120000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:04:10
            D-1/1 claimed 2280000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 950000 ppm
            D-1/1 passed 950000
            D-1/2 challenges bob on 1 until 3:08:10
            D-1/2 claimed 5160000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/1 open
            D-1/3 challenges bob on 1 until 4:38:10
            D-1/3 claimed 69960000 ms
            D-1/3 drawn
            D-1/3 vera says valid at 1000000 ppm
            D-1/3 passed 1000000
            D-1/0 delivered at 994166 ppm, 1 unjudged, seller 29.82498, buyer 0.17502
            D-1 hour 0, missing 252 s, compensation 0.026248, penalty 0.017499, alice 0.043747, bond back 7.456253
            D-1/1 delivered at 619444 ppm, 380556 unjudged, seller 18.58332, buyer 11.41668
            D-1 hour 1, bond back 4.5
            D-1 invoice 1: 69706 s delivered, 252 s missing, seller 48.4083, buyer 11.5917, damages 0.043747
            D-1 closed, 2 delivered, 0 failed, 0 unverified, paid 48.4083, shortfall 0.043747
        "#]],
    );
}

/// METER-003: a challenge that nobody could judge changes nothing. METER-006, METER-007: without a first and a last mark nobody can say anything.
#[test]
fn meter_003_a_challenge_that_nobody_could_judge_changes_nothing() {
    check(
        metered("until 192m intervals 3"),
        &format!(
            "
            run 3m
            {}
            run 1m
            {}
            run 1m
            {}
            run 3m
            {}
            run 5m
            show bob
            ",
            passed(0),
            answered(1, "bob", "bb", "unverifiable"),
            passed(2),
            passed(3),
        ),
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:03:00
            D-1/0 claimed 14400000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:04:00
            D-1/1 claimed 21600000 ms
            D-1/1 drawn
            D-1/1 vera says unverifiable
            D-1/1 unknown
            D-1/1 open
            D-1/2 challenges bob on 1 until 3:05:00
            D-1/2 claimed 28800000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/0 delivered at 500000 ppm, 500000 unjudged, seller 10, buyer 10
            D-1 hour 0, bond back 5
            D-1/3 challenges bob on 1 until 3:08:00
            D-1/3 claimed 50400000 ms
            D-1/3 drawn
            D-1/3 vera says valid at 1000000 ppm
            D-1/3 passed 1000000
            D-1/2 open
            bob: cash 999.97 bond 10
        "#]],
    );
}

/// METER-004: a silence after which the seller is there at once is soft, twice a day. METER-005: the third is hard.
#[test]
fn meter_004_a_silence_is_soft_twice_a_day() {
    let silent_and_back = |first: u32| {
        format!(
            "
            challenge D-1/{first}
            run 70s
            {}
            run 8m
            ",
            passed(first + 1)
        )
    };
    check(
        metered("until 4h intervals 6"),
        &format!(
            "
            run 70s
            {}
            run 5m
            {}{}{}
            ",
            passed(0),
            silent_and_back(1),
            silent_and_back(3),
            silent_and_back(5),
        ),
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 240000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:06:10
            D-1/1 failed Silent
            D-1/2 challenges bob on 1 until 3:07:20
            D-1/2 claimed 9120000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/1 is soft
            D-1/1 open
            D-1/3 challenges bob on 1 until 3:15:20
            D-1/3 failed Silent
            D-1/4 challenges bob on 1 until 3:16:30
            D-1/4 claimed 22320000 ms
            D-1/4 drawn
            D-1/4 vera says valid at 1000000 ppm
            D-1/4 passed 1000000
            D-1/3 is soft
            D-1/0 delivered at 883333 ppm, 1 unjudged, seller 8.83333, buyer 1.16667
            D-1 hour 0, missing 1680 s, compensation 0.174999, penalty 0.116666, alice 0.291665, bond back 2.208335
            D-1/2 open
            D-1/5 challenges bob on 1 until 3:24:30
            D-1/5 failed Silent
            D-1/5 is hard
            D-1/1 outage, substitute by 3:39:30
            D-1/1 delivered at 433333 ppm, 1 unjudged, seller 4.33333, buyer 5.66667
            D-1/6 challenges bob on 1 until 3:25:40
            D-1/6 claimed 35520000 ms
            D-1/6 drawn
            D-1/6 vera says valid at 1000000 ppm
            D-1/6 passed 1000000
            D-1 hour 1, missing 8160 s, compensation 0.849999, penalty 0.566666, alice 1.416665, bond back 1.083335
            D-1/3 open
        "#]],
    );
}

/// METER-005, METER-009: work that was not done is never soft, and the time on both of its sides is missing.
#[test]
fn meter_005_a_refuted_challenge_costs_the_time_on_both_of_its_sides() {
    check(
        metered("until 4h intervals 6"),
        &format!(
            "
            run 70s
            {}
            run 10m
            {}
            +5s
            {}
            run 20m
            {}
            run 1m
            ",
            passed(0),
            answered(1, "bob", "bb", "invalid"),
            passed(2),
            passed(3),
        ),
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 240000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 open
            D-1/1 challenges bob on 1 until 3:11:10
            D-1/1 claimed 14640000 ms
            D-1/1 drawn
            D-1/1 vera says invalid
            D-1/1 failed Refuted
            D-1/1 is hard
            D-1/0 outage, substitute by 3:25:10
            D-1/0 delivered at 16666 ppm, 1 unjudged, seller 0.16666, buyer 9.83334
            D-1/2 challenges bob on 1 until 3:11:15
            D-1/2 claimed 14760000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1 hour 0, missing 14160 s, compensation 1.474999, penalty 0.983333, alice 2.458332, bond back 0.041668
            D-1/2 open
            D-1/3 open
            D-1/3 challenges bob on 1 until 3:31:15
            D-1/3 claimed 43560000 ms
            D-1/3 drawn
            D-1/3 vera says valid at 1000000 ppm
            D-1/3 passed 1000000
            D-1/1 delivered at 975000 ppm, seller 9.75, buyer 0.25
            D-1 hour 1, missing 360 s, compensation 0.0375, penalty 0.025, alice 0.0625, bond back 2.4375
            D-1/2 delivered at 1000000 ppm, seller 10
            D-1 hour 2, bond back 2.5
        "#]],
    );
}

/// METER-009: with the third hard failure of a day the pool is called at once. METER-017: who stands in begins anew, and the closing
/// challenge of whoever has failed is not asked for.
#[test]
fn meter_009_the_third_hard_failure_calls_the_pool_at_once() {
    check(
        metered("until 4h intervals 6 substitute 2h"),
        &format!(
            "
            carol stands by 8 H100 0.1
            run 70s
            {}
            run 2m
            {}
            {}
            {}
            run 8m
            {}
            run 9m
            {}
            run 2m
            ",
            passed(0),
            answered(1, "bob", "bb", "invalid"),
            answered(2, "bob", "bb", "invalid"),
            answered(3, "bob", "bb", "invalid"),
            answered(4, "carol", "cc", "valid"),
            answered(5, "carol", "cc", "valid"),
        ),
        expect![[r#"
            carol stands by with 8 H100 at 0.1
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 240000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:03:10
            D-1/1 claimed 3120000 ms
            D-1/1 drawn
            D-1/1 vera says invalid
            D-1/1 failed Refuted
            D-1/1 is hard
            D-1/0 outage, substitute by 5:02:10
            D-1/2 challenges bob on 1 until 3:03:10
            D-1/2 claimed 3120000 ms
            D-1/2 drawn
            D-1/2 vera says invalid
            D-1/2 failed Refuted
            D-1/2 is hard
            D-1/3 challenges bob on 1 until 3:03:10
            D-1/3 claimed 3120000 ms
            D-1/3 drawn
            D-1/3 vera says invalid
            D-1/3 failed Refuted
            D-1/3 is hard
            D-1 carol stands in from 1 until 6
            D-1/1 open
            D-1/4 challenges carol on 1 until 3:11:10
            D-1/4 claimed 14640000 ms
            D-1/4 drawn
            D-1/4 vera says valid at 1000000 ppm
            D-1/4 passed 1000000
            D-1/0 delivered at 16666 ppm, 1 unjudged, seller 0.16666, buyer 9.83334
            D-1 hour 0, missing 14160 s, compensation 1.474999, penalty 0.983333, alice 2.458332, bond back 0.041668
            D-1/5 challenges carol on 1 until 3:20:10
            D-1/5 claimed 27600000 ms
            D-1/5 drawn
            D-1/5 vera says valid at 1000000 ppm
            D-1/5 passed 1000000
            D-1/2 open
        "#]],
    );
}

/// METER-009: so has failing for fifteen minutes, counted from the first challenge that failed.
#[test]
fn meter_009_silence_for_long_calls_the_pool_at_once() {
    check(
        metered("until 4h intervals 6 substitute 2h"),
        &format!(
            "
            carol stands by 8 H100 0.1
            run 70s
            {}
            run 2m
            challenge D-1/1
            run 5m
            challenge D-1/2
            run 9m
            run 1m
            ",
            passed(0),
        ),
        expect![[r#"
            carol stands by with 8 H100 at 0.1
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 240000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:03:10
            D-1/1 failed Silent
            D-1/1 is hard
            D-1/0 outage, substitute by 5:04:10
            D-1/2 challenges bob on 1 until 3:08:10
            D-1/2 failed Silent
            D-1/2 is hard
            D-1/1 open
            D-1 carol stands in from 2 until 6
        "#]],
    );
}

/// METER-010: so many challenges are in flight at most, one more is refused.
#[test]
fn meter_010_at_most_four_challenges_are_in_flight() {
    check(
        metered("until 4h intervals 6"),
        "
        run 2m
        challenge D-1/0
        challenge D-1/1
        challenge D-1/2
        challenge D-1/3
        challenge D-1/4
        bob receipt D-1/2 key=bb
        draw D-1/2
        vera verdict D-1/2 valid
        challenge D-1/4
        challenge D-1/5
        ",
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:02:00
            D-1/1 challenges bob on 1 until 3:02:00
            D-1/2 challenges bob on 1 until 3:02:00
            D-1/3 challenges bob on 1 until 3:02:00
            refused METER-010 TooManyChallenges
            D-1/2 claimed 1440000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/4 challenges bob on 1 until 3:02:00
            refused METER-010 TooManyChallenges
        "#]],
    );
}

/// METER-011: the order in which challenges are judged makes no difference.
#[test]
fn meter_011_the_order_of_verdicts_makes_no_difference() {
    let verdicts = |order: [&str; 3]| {
        let mut desk = metered("until 4h intervals 6 answer 5m verdict 10m");
        let mut script = "run 70s\n".to_owned();
        for challenge in 0..3 {
            script += &format!(
                "challenge D-1/{challenge}\n bob receipt D-1/{challenge} key=bb\n \
                 draw D-1/{challenge}\n run 3m\n"
            );
        }
        for verdict in order {
            script += &format!("vera verdict {verdict}\n");
        }
        desk.run(&script);
        desk.run(&passed(3));
        desk.out.clear();
        desk.run("run 61m\n show alice\n show bob");
        desk.out
    };
    let all = ["D-1/0 valid", "D-1/1 invalid", "D-1/2 valid 930000"];
    let [first, second, third] = all;
    let expected = verdicts(all);
    for order in [[third, second, first], [second, third, first], [third, first, second]] {
        assert_eq!(verdicts(order), expected);
    }
}

/// METER-012, METER-014, METER-017: what is said in time to be missing is not asked for, and the penalty is a fifth.
#[test]
#[expect(clippy::too_many_lines, reason = "one day's script")]
fn meter_012_a_declared_outage_costs_two_percent() {
    check(
        metered("until 9h intervals 6 perhour 2"),
        &format!(
            "
            carol misses D-1 2 until 4
            bob misses D-1 0 until 1
            bob misses D-1 4 until 4
            bob misses D-1 4 until 7
            bob misses D-1 2 until 4
            bob misses D-1 3 until 5
            run 70s
            {}
            run 118m
            {}
            run 30s
            challenge D-1/2
            run 2m
            challenge D-1/2
            run 2h
            {}
            run 119m
            {}
            run 30s
            ",
            passed(0),
            passed(1),
            passed(2),
            passed(3),
        ),
        expect![[r#"
            refused AGENT-002 NotTheSeller
            refused METER-012 OutageOutOfRange
            refused METER-012 OutageOutOfRange
            refused METER-012 OutageOutOfRange
            D-1 says 2 until 4 will be missing
            refused METER-012 OutageOutOfRange
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 40000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 open
            D-1/1 challenges bob on 1 until 4:59:10
            D-1/1 claimed 28360000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 10
            D-1/2 challenges bob on 1 until 4:59:40
            D-1/2 failed Silent
            D-1/2 open
            D-1/2 failed: declared, buyer 10
            D-1/2 is hard
            D-1/1 outage, substitute by 5:15:40
            refused AGENT-003 WrongStep
            D-1/1 delivered at 969444 ppm, 1 unjudged, seller 9.69444, buyer 0.30556
            D-1 hour 0, missing 440 s, compensation 0.045832, penalty 0.030555, alice 0.076387, bond back 7.423613
            D-1/3 open
            D-1/3 failed: declared, buyer 10
            D-1 hour 1, missing 28800 s, compensation 3, penalty 0.4, alice 3.4
            D-1/4 open
            D-1/3 challenges bob on 1 until 7:01:40
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            D-1/3 failed Silent
            D-1/3 is hard
            D-1/5 open
            D-1/4 challenges bob on 1 until 9:00:40
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
            refused AGENT-003 WrongStep
        "#]],
    );
}

/// METER-013: sixteen outages can be declared, and no more.
#[test]
fn meter_013_so_many_outages_are_declared_at_most() {
    let mut script = String::new();
    for outage in 0..17 {
        script += &format!("bob misses D-1 {} until {}\n", 2 * outage + 2, 2 * outage + 3);
    }
    let mut desk = metered("intervals 48");
    desk.run(&script);
    let last = desk.out.lines().last().unwrap().to_owned();
    expect!["refused METER-013 TooManyOutages"].assert_eq(&last);
    assert_eq!(desk.out.lines().count(), 17);
}

/// METER-014: on top of the refund and the replacement, away for the same two hours costs more when nobody was told.
#[test]
fn meter_014_saying_nothing_is_never_cheaper() {
    let paid = |script: &str| {
        let mut desk = metered("until 9h intervals 6");
        desk.run(script);
        let exchange = &desk.world.exchange;
        (exchange.delivered().seconds(), exchange.shortfall_paid().micros())
    };
    let there = format!("run 70s\n{}\nrun 117m\n{}\nrun 62m\n", passed(0), passed(1));
    let declared = format!("bob misses D-1 2 until 4\n{there} run 61m {}\n", "");
    let declared = format!("{declared}\n{}\nrun 119m\n{}\nrun 2m", passed(2), passed(3));
    let silent = format!(
        "{there}\nchallenge D-1/2\nrun 61m\n{}\nrun 119m\n{}\nrun 2m",
        passed(3),
        passed(4)
    );
    let (told, silent) = (paid(&declared), paid(&silent));
    assert!(silent.0 <= told.0 && told.1 < silent.1, "{told:?} {silent:?}");
}

/// METER-016: a deadline that the venue has slept through is nobody's failure.
#[test]
fn meter_016_what_the_venue_slept_through_is_nobodys_failure() {
    check(
        metered("until 4h intervals 6"),
        &format!(
            "
            run 70s
            {}
            run 5m
            challenge D-1/1
            +10m
            tick
            restart
            {}
            ",
            passed(0),
            passed(2),
        ),
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:10
            D-1/0 claimed 240000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/1 challenges bob on 1 until 3:06:10
            D-1/1 unknown
            D-1/1 open
            D-1/2 challenges bob on 1 until 3:16:10
            D-1/2 claimed 21840000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 10
            D-1 hour 0, bond back 2.5
        "#]],
    );
}
