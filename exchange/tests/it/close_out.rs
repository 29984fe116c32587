//! DELIV: acceptance, hours, prefunding, the ladder of a shortfall, invoices. One lot is 24 GPU-hours; at 2.50 an hour of it costs 2.50.

use expect_test::{Expect, expect};

use crate::script::Desk;

/// Bob owes alice `lots` lots of a series with these terms, vera verifies, carol and dave have keys and stand aside; nothing has begun.
fn owed(terms: &str, lots: u32) -> Desk {
    let mut desk = Desk::new();
    desk.run(&format!(
        "
        open test
        list H100D {terms}
        account alice
        account bob
        account carol
        account dave
        account vera verifier
        deposit alice 1000
        deposit bob 1000
        deposit carol 1000
        deposit dave 1000
        bob nominates bb
        carol nominates cc
        dave nominates dd
        index H100 2.5
        alice buy {lots} @ 2.5
        bob sell {lots} @ 2.5
        run 2h
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

/// An interval that is delivered.
fn delivered(interval: u32, who: &str, key: &str) -> String {
    format!(
        "
        challenge D-1/{interval}
        {who} receipt D-1/{interval} key={key}
        draw D-1/{interval}
        vera verdict D-1/{interval} valid
        "
    )
}

/// DELIV-018, DELIV-019, DELIV-020: the buyer's silence is acceptance.
#[test]
fn deliv_018_the_seller_accepts_and_the_buyer_is_silent() {
    let desk = owed("acceptfrom 130m acceptuntil 150m", 1);
    check(
        desk,
        "
        bob accepts D-1
        run 10m
        carol accepts D-1
        bob accepts D-2
        bob accepts D-1
        bob accepts D-1
        run 20m
        alice accepts D-1
        run 30m
        ",
        expect![[r#"
            refused DELIV-020 NothingToAccept
            D-1 may be accepted
            refused DELIV-019 NotAParty
            refused AGENT-001 UnknownObligation
            D-1 bob accepts
            refused DELIV-020 NothingToAccept
            D-1 accepted
            refused DELIV-020 NothingToAccept
            D-1/0 open
        "#]],
    );
}

/// DELIV-020: each accepts once.
#[test]
fn deliv_018_both_accept() {
    let desk = owed("acceptfrom 130m acceptuntil 150m", 1);
    check(
        desk,
        "
        run 10m
        alice accepts D-1
        alice accepts D-1
        bob accepts D-1
        run 50m
        ",
        expect![[r#"
            D-1 may be accepted
            D-1 alice accepts
            refused DELIV-020 NothingToAccept
            D-1 bob accepts
            D-1/0 open
        "#]],
    );
}

#[test]
fn deliv_021_a_seller_who_does_not_accept_is_short_from_the_first_interval_until_it_does() {
    let desk = owed("acceptfrom 130m acceptuntil 150m intervals 4", 1);
    check(
        desk,
        &format!(
            "
            run 10m
            alice accepts D-1
            run 51m
            challenge D-1/0
            bob accepts D-1
            run 6h
            {}
            run 20h
            ",
            delivered(1, "bob", "bb")
        ),
        expect![[r#"
            D-1 may be accepted
            D-1 alice accepts
            D-1 not accepted
            D-1/0 open
            D-1/0 failed: not ready, buyer 15
            D-1 hour 0, missing 21600 s, compensation 2.25, penalty 1.5, alice 3.75
            refused AGENT-003 WrongStep
            D-1 bob accepts
            D-1/1 open
            D-1/1 challenges bob on 1 until 9:02:00
            D-1/1 claimed 21600000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 15
            D-1 hour 1, bond back 3.75
            D-1/2 open
            D-1/2 unverified, buyer 15
            D-1/3 open
            D-1/3 unverified, buyer 15
            D-1 invoice 1: 21600 s delivered, 21600 s missing, seller 15, buyer 45, damages 3.75
            D-1 closed, 1 delivered, 1 failed, 2 unverified, paid 15, shortfall 3.75
        "#]],
    );
}

#[test]
fn deliv_022_a_burn_in_that_fails_is_no_acceptance() {
    let desk = owed("acceptfrom 130m acceptuntil 150m", 1);
    check(
        desk,
        "
        vera judges D-1 valid
        run 10m
        carol judges D-1 invalid
        vera judges D-1 unverifiable
        vera judges D-1 valid 900000
        bob accepts D-1
        vera judges D-1 valid 899999
        vera judges D-1 invalid
        bob accepts D-1
        run 50m
        ",
        expect![[r#"
            refused DELIV-020 NothingToAccept
            D-1 may be accepted
            refused AGENT-007 NotAVerifier
            D-1 burn-in: vera says unverifiable
            D-1 burn-in: vera says valid at 900000 ppm
            D-1 bob accepts
            D-1 burn-in: vera says valid at 899999 ppm
            D-1 not accepted
            refused DELIV-020 NothingToAccept
            D-1 bob accepts
            D-1/0 open
        "#]],
    );
}

/// DELIV-023, DELIV-024, DELIV-025: an hour by hand. 24 hours in 8 intervals of three hours, an hour of imbalance is two of them: 6 GPU-hours for the
/// only lot. The first interval is delivered, the second lies: 3 GPU-hours are missing. 0.5 % of the day may be missing: 0.12 hours, 432 s.
/// So u = 10800 - 432 = 10368 s = 2.88 h. The index is 2.80: R = 3.22, compensation 2.88 * 0.72 = 2.0736, penalty 10 % of 2.88 * 2.5 = 0.72.
/// The next hour has used the tolerance up: u = 3 h, 3 * 0.72 = 2.16 and 0.75.
#[test]
fn deliv_023_what_is_missing_is_settled_by_the_hour_after_what_is_tolerated() {
    let desk = owed("intervals 8 perhour 2 perday 8 tolerance 5000", 1);
    check(
        desk,
        &format!(
            "
            index H100 2.8
            run 1h
            {}
            run 3h
            challenge D-1/1
            bob receipt D-1/1 key=bb
            draw D-1/1
            vera verdict D-1/1 invalid
            run 3h
            {}
            run 3h
            challenge D-1/3
            run 2m
            ",
            delivered(0, "bob", "bb"),
            delivered(2, "bob", "bb")
        ),
        expect![[r#"
            H100 index 2.8
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 10800000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 7.5
            D-1/1 open
            D-1/1 challenges bob on 1 until 6:01:00
            D-1/1 claimed 21600000 ms
            D-1/1 drawn
            D-1/1 vera says invalid
            D-1/1 failed Refuted
            D-1/1 failed: refuted, buyer 7.5
            D-1/1 outage, substitute by 6:00:00
            D-1 hour 0, missing 10368 s, tolerated 432 s, compensation 2.0736, penalty 0.72, alice 2.7936, bond back 0.9564
            D-1/2 open
            D-1/2 challenges bob on 1 until 9:01:00
            D-1/2 claimed 32400000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/2 delivered at 1000000 ppm, seller 7.5
            D-1/3 open
            D-1/3 challenges bob on 1 until 12:01:00
            D-1/3 failed Silent
            D-1/3 failed: silent, buyer 7.5
            D-1/3 outage, substitute by 12:01:00
            D-1 hour 1, missing 10800 s, compensation 2.16, penalty 0.75, alice 2.91, bond back 0.84
        "#]],
    );
}

/// DELIV-027, DELIV-028, DELIV-029: brought in time, other hardware makes good what failed; once a day.
#[test]
fn deliv_027_a_substitution_in_time_is_free() {
    let desk = owed("intervals 24 perday 24 substitute 90m", 1);
    check(
        desk,
        &format!(
            "
            run 1h
            bob substitutes D-1 H100 spare
            challenge D-1/0
            run 2m
            carol substitutes D-1 H100 spare
            bob substitutes D-1 A100 spare
            bob substitutes D-1 H200
            run 58m
            {}
            run 1h
            challenge D-1/2
            run 2m
            bob substitutes D-1 H100 spare
            ",
            delivered(1, "bob", "bb")
        ),
        expect![[r#"
            D-1/0 open
            refused DELIV-028 NoSubstitution
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 2.5
            D-1/0 outage, substitute by 4:31:00
            refused AGENT-002 NotTheSeller
            refused DELIV-029 LowerGrade
            D-1 substituted by H200, 0 until 1 excused
            D-1/1 open
            D-1/1 challenges bob on 1 until 4:01:00
            D-1/1 claimed 3600000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 2.5
            D-1 hour 1, bond back 1.25
            D-1/2 open
            D-1/2 challenges bob on 1 until 5:01:00
            D-1/2 failed Silent
            D-1/2 failed: silent, buyer 2.5
            D-1/2 outage, substitute by 5:01:00
            D-1 hour 2, missing 3600 s, compensation 0.375, penalty 0.25, alice 0.625
            refused DELIV-028 NoSubstitution
        "#]],
    );
}

/// DELIV-023, DELIV-027, DELIV-028: too late is too late, and what failed meanwhile is charged.
#[test]
fn deliv_027_after_its_time_a_substitution_is_refused_and_the_hours_are_charged() {
    let desk = owed("intervals 24 perday 24 substitute 90m", 1);
    check(
        desk,
        "
        run 1h
        challenge D-1/0
        run 59m
        run 2m
        challenge D-1/1
        run 29m
        +1m
        bob substitutes D-1 H100 spare
        run 1m
        ",
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 2.5
            D-1/0 outage, substitute by 4:31:00
            D-1/1 open
            D-1/1 challenges bob on 1 until 4:02:00
            D-1/1 failed Silent
            D-1/1 failed: silent, buyer 2.5
            refused DELIV-028 NoSubstitution
            D-1 hour 0, missing 3600 s, compensation 0.375, penalty 0.25, alice 0.625
            D-1 hour 1, missing 3600 s, compensation 0.375, penalty 0.25, alice 0.625
        "#]],
    );
}

/// DELIV-031, DELIV-032, AGENT-002: who stands by is called, cheapest first, delivers at the settlement price and receives what the seller owes for a
/// replacement; the penalty is the buyer's.
#[test]
fn deliv_031_the_standby_pool_delivers_in_the_sellers_place() {
    let desk = owed("intervals 4 perday 2", 1);
    check(
        desk,
        &format!(
            "
            carol stands by 1 H100 0.02
            dave stands by 4 H200 0.01
            run 1h
            challenge D-1/0
            run 6h
            challenge D-1/1
            bob receipt D-1/1 key=bb
            dave receipt D-1/1 key=dd
            draw D-1/1
            vera verdict D-1/1 valid
            run 6h
            {}
            show alice
            show bob
            show dave
            ",
            delivered(2, "bob", "bb")
        ),
        expect![[r#"
            carol stands by with 1 H100 at 0.02
            dave stands by with 4 H200 at 0.01
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 15
            D-1/0 outage, substitute by 3:01:00
            D-1 dave stands in from 1 until 2
            D-1 hour 0, missing 21600 s, compensation 2.25, penalty 1.5, alice 3.75
            D-1/1 open
            D-1/1 challenges dave on 1 until 9:01:00
            refused AGENT-002 NotTheSeller
            D-1/1 claimed 21600000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, dave 15
            D-1 hour 1, missing 21600 s, stood in 21600 s, compensation 2.25, penalty 1.5, dave 2.25, alice 1.5
            D-1 prefunded until 4 with 30
            D-1/2 open
            D-1 invoice 1: 21600 s delivered, 43200 s missing, stand-ins 15, buyer 15, damages 7.5
            D-1/2 challenges bob on 1 until 15:01:00
            D-1/2 claimed 43200000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/2 delivered at 1000000 ppm, seller 15
            D-1 hour 2, bond back 3.75
            alice: cash 960.25 escrow 15
            bob: cash 1003.72 bond 3.75
            dave: cash 1017.25
        "#]],
    );
}

/// DELIV-035: who stands in and fails is not paid, loses its offer, and the next one is called.
#[test]
fn deliv_035_a_stand_in_that_fails_is_dismissed() {
    let desk = owed("intervals 6", 1);
    check(
        desk,
        &format!(
            "
            dave stands by 1 H100 0.01
            carol stands by 1 H100 0.02
            run 1h
            challenge D-1/0
            run 4h
            challenge D-1/1
            run 4h
            {}
            run 4h
            challenge D-1/3
            run 4h
            ",
            delivered(2, "carol", "cc")
        ),
        expect![[r#"
            dave stands by with 1 H100 at 0.01
            carol stands by with 1 H100 at 0.02
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 10
            D-1/0 outage, substitute by 3:01:00
            D-1 dave stands in from 1 until 6
            D-1 hour 0, missing 14400 s, compensation 1.5, penalty 1, alice 2.5
            D-1/1 open
            D-1/1 challenges dave on 1 until 7:01:00
            D-1/1 failed Silent
            D-1/1 failed: silent, buyer 10
            D-1 dave is dismissed from 2
            D-1 carol stands in from 2 until 6
            D-1 hour 1, missing 14400 s, compensation 1.5, penalty 1, alice 2.5
            D-1/2 open
            D-1/2 challenges carol on 1 until 11:01:00
            D-1/2 claimed 14400000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/2 delivered at 1000000 ppm, carol 10
            D-1 hour 2, missing 14400 s, stood in 14400 s, compensation 1.5, penalty 1, carol 1.5, alice 1
            D-1/3 open
            D-1/3 challenges carol on 1 until 15:01:00
            D-1/3 failed Silent
            D-1/3 failed: silent, buyer 10
            D-1 carol is dismissed from 4
            D-1 hour 3, missing 14400 s, compensation 1.5, penalty 1, alice 2.5
            D-1/4 open
        "#]],
    );
}

#[test]
fn deliv_033_a_standby_fee_is_at_most_a_tenth_of_the_index() {
    let desk = owed("", 1);
    check(
        desk,
        "
        carol stands by 1 H100 0.25
        carol stands by 1 H100 0.250001
        carol stands by 1 H100 -0.000001
        carol stands by 1 RTX4090 0
        dave stands by 1 B200 0
        nobody stands by 1 H100 0
        carol stands by 0 H100 0
        ",
        expect![[r#"
            carol stands by with 1 H100 at 0.25
            refused DELIV-033 StandbyFeeOutOfRange
            refused DELIV-033 StandbyFeeOutOfRange
            refused INDEX-001 UnknownGrade
            dave stands by with 1 B200 at 0
            refused ACCOUNT-001 UnknownAccount
            carol stands by with 0 H100 at 0
        "#]],
    );
}

#[test]
fn deliv_034_the_pool_takes_so_many_offers() {
    let mut desk = owed("", 1);
    desk.world.is_watched = false;
    for place in 0..999 {
        desk.run(&format!("account provider-{place}\nprovider-{place} stands by 1 H100 0"));
    }
    desk.out.clear();
    check(
        desk,
        "
        carol stands by 1 H100 0
        dave stands by 1 H100 0
        carol stands by 2 H100 0
        carol stands by 0 H100 0
        dave stands by 1 H100 0
        ",
        expect![[r#"
            carol stands by with 1 H100 at 0
            refused DELIV-034 TooManyOffers
            carol stands by with 2 H100 at 0
            carol stands by with 0 H100 at 0
            dave stands by with 1 H100 at 0
        "#]],
    );
}

/// DELIV-036: one GPU is under delivery, so one of carol's five is paid, 0.001 for each of the 22 hours until the first cycle. Dave asks more
/// and is not paid beside her; when nothing is under delivery any more, nobody is.
#[test]
fn deliv_036_the_fee_comes_from_the_trading_fees_as_far_as_they_go() {
    let mut desk = owed("", 1);
    desk.run("carol stands by 5 H100 0.001");
    desk.out.clear();
    check(
        desk,
        "
        show fees
        run 22h
        show fees
        dave stands by 1 H100 0.25
        run 24h
        show fees
        ",
        expect![[r#"
            fees 0.03
            D-1/0 open
            D-1/0 unverified, buyer 30
            D-1/1 open
            carol receives 0.022 for standing by
            fees 0.008
            dave stands by with 1 H100 at 0.25
            D-1/1 unverified, buyer 30
            D-1 invoice 1: 0 s delivered, 0 s missing, buyer 60
            D-1 closed, 0 delivered, 0 failed, 2 unverified
            fees 0.008
        "#]],
    );
}

/// DELIV-026: what is missing is bought in the series that is delivered soonest, and the seller owes what that cost.
///
/// Two lots fail for half their time: 24 GPU-hours, one lot of the next day, for which carol asks 3.10. Alice holds the lot and is owed
/// 24 * 0.60 = 14.40 and a penalty of 24 * 0.25 = 6. The index would have given 24 * 0.375 = 9.
#[test]
fn deliv_026_what_is_missing_is_bought_in() {
    let mut desk = owed("", 2);
    desk.run(
        "
        list H100N trade 40h assign 41h from 42h until 66h close 70h
        carol sell 5 @ 3.1 in H100N
        ",
    );
    desk.out.clear();
    check(
        desk,
        "
        run 1h
        challenge D-1/0
        run 2m
        show alice
        show bob
        ",
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 60
            D-1/0 outage, substitute by 3:01:00
            #4 alice buy 1 @ 3.75
            #4 alice buys 1 @ 3.1 with #3 carol, fee 0.0372
            D-1 hour 0: bought 24 GPU-hours in H100N
            D-1 hour 0, missing 86400 s, compensation 14.4, penalty 6, alice 20.4
            alice: cash 948.3628 margin 12 escrow 60 +1 H100N (-14.4)
            bob: cash 969.94 bond 9.6
        "#]],
    );
}

/// DELIV-026: above one and a half times the settlement price nothing is bought.
#[test]
fn deliv_026_too_dear_is_not_bought() {
    let mut desk = owed("", 2);
    desk.run(
        "
        list H100N trade 40h assign 41h from 42h until 66h close 70h
        carol sell 5 @ 3.751 in H100N
        ",
    );
    desk.out.clear();
    check(
        desk,
        "
        run 1h
        challenge D-1/0
        run 2m
        ",
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 2 until 3:01:00
            D-1/0 failed Silent
            D-1/0 failed: silent, buyer 60
            D-1/0 outage, substitute by 3:01:00
            #4 alice buy 1 @ 3.75
            #4 cancelled 1: ioc
            D-1 hour 0: bought 0 GPU-hours in H100N
            D-1 hour 0, missing 86400 s, compensation 9, penalty 6, alice 15
        "#]],
    );
}

/// DELIV-037: days are prefunded one by one; DELIV-039: each has its invoice; DELIV-019, DELIV-040, DELIV-042: which may be disputed, and
/// then the obligation stays open.
#[test]
fn deliv_037_the_buyer_prefunds_day_by_day() {
    let desk = owed("intervals 3 perday 1 prefund 2 invoice 30m dispute 1h close 30h", 1);
    check(
        desk,
        &format!(
            "
            run 1h
            {}
            run 8h
            {}
            run 8h
            {}
            show alice
            show bob
            alice disputes D-1
            run 31m
            alice disputes D-1
            carol disputes D-1
            run 1h
            alice disputes D-1
            ",
            delivered(0, "bob", "bb"),
            delivered(1, "bob", "bb"),
            delivered(2, "bob", "bb"),
        ),
        expect![[r#"
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 28800000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 20
            D-1 hour 0, bond back 5
            D-1 prefunded until 3 with 20
            D-1/1 open
            D-1/1 challenges bob on 1 until 11:01:00
            D-1/1 claimed 57600000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 20
            D-1 hour 1, bond back 5
            D-1 invoice 1: 57600 s delivered, 0 s missing, seller 40
            D-1/2 open
            D-1/2 challenges bob on 1 until 19:01:00
            D-1/2 claimed 86400000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/2 delivered at 1000000 ppm, seller 20
            D-1 hour 2, bond back 2
            alice: cash 940
            bob: cash 1056.97 bond 3
            refused DELIV-040 NothingToDispute
            D-1 invoice 2: 28800 s delivered, 0 s missing, seller 20
            D-1 invoice 3: 0 s delivered, 0 s missing
            D-1 alice disputes invoice 3
            refused DELIV-019 NotAParty
            refused DELIV-040 NothingToDispute
        "#]],
    );
}

/// DELIV-038: alice can prefund two of three days. 20 of 60 dollars are given up; she pays two for them, or what she has.
#[test]
fn deliv_038_a_buyer_who_stops_prefunding_pays_a_tenth_of_the_rest() {
    let mut desk = owed("intervals 6 perday 2 prefund 2", 1);
    // Everything she has is in the market.
    desk.run(
        "
        list H100N trade 60h assign 61h from 62h until 90h close 95h
        carol sell 79 @ 2.5 in H100N
        alice buy 79 @ 2.5 in H100N
        ",
    );
    desk.out.clear();
    check(
        desk,
        &format!(
            "
            show alice
            run 1h
            {}
            run 8h
            {}
            run 8h
            run 8h
            show alice
            ",
            delivered(0, "bob", "bb"),
            delivered(2, "bob", "bb"),
        ),
        expect![[r#"
            alice: cash 9.63 margin 948 escrow 40 +79 H100N
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 14400000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 10
            D-1 hour 0, bond back 2.5
            D-1/1 open
            D-1/1 unverified, buyer 10
            D-1 ends at 4, 20 given up, 2 paid for that
            D-1/2 open
            D-1 invoice 1: 14400 s delivered, 0 s missing, seller 10, buyer 10
            D-1/2 challenges bob on 1 until 11:01:00
            D-1/2 claimed 28800000 ms
            D-1/2 drawn
            D-1/2 vera says valid at 1000000 ppm
            D-1/2 passed 1000000
            D-1/2 delivered at 1000000 ppm, seller 10
            D-1 hour 2, bond back 9.5
            D-1/3 open
            D-1/3 unverified, buyer 10
            D-1 invoice 2: 14400 s delivered, 0 s missing, seller 10, buyer 10
            D-1 closed, 2 delivered, 0 failed, 2 unverified, paid 20
            H100N settles @ 2.5 by the mark
            alice: cash 27.63 margin 948 +79 H100N
        "#]],
    );
}

/// DELIV-040, DELIV-042: a disputed obligation stays open until the series closes.
#[test]
fn deliv_040_a_dispute_keeps_bond_and_escrow_until_the_close() {
    let desk = owed("dispute 30m close 30h", 1);
    check(
        desk,
        &format!(
            "
            alice disputes D-1
            run 1h
            {}
            run 12h
            {}
            bob disputes D-1
            show bob
            run 20h
            show bob
            ",
            delivered(0, "bob", "bb"),
            delivered(1, "bob", "bb"),
        ),
        expect![[r#"
            refused DELIV-040 NothingToDispute
            D-1/0 open
            D-1/0 challenges bob on 1 until 3:01:00
            D-1/0 claimed 43200000 ms
            D-1/0 drawn
            D-1/0 vera says valid at 1000000 ppm
            D-1/0 passed 1000000
            D-1/0 delivered at 1000000 ppm, seller 30
            D-1 hour 0, bond back 7.5
            D-1/1 open
            D-1/1 challenges bob on 1 until 15:01:00
            D-1/1 claimed 86400000 ms
            D-1/1 drawn
            D-1/1 vera says valid at 1000000 ppm
            D-1/1 passed 1000000
            D-1/1 delivered at 1000000 ppm, seller 30
            D-1 hour 1, bond back 4.5
            D-1 invoice 1: 86400 s delivered, 0 s missing, seller 60
            D-1 bob disputes invoice 1
            bob: cash 1056.97 bond 3
            D-1 closed, 2 delivered, 0 failed, 0 unverified, paid 60
            bob: cash 1059.97
        "#]],
    );
}
