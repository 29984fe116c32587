//! VENUE: opening, listing, and what the timer does.

use exchange::{Command, OpenVenue, RULES_VERSION, limits};
use expect_test::expect;

use instruments::{Nanos, NanosSpan};

use crate::script::{Desk, check, check_morning};
use crate::world::{START, World, day_future, refusal};

#[test]
fn venue_001_nothing_happens_before_the_venue_opens() {
    check(
        "
        account alice
        list H100D
        tick
        deposit alice 1
        alice buy 1 @ 2.5
        index H100 2.5
        open test
        account alice
        ",
        expect![[r#"
            refused VENUE-001 VenueNotOpen
            refused VENUE-001 VenueNotOpen
            refused VENUE-001 VenueNotOpen
            refused VENUE-001 VenueNotOpen
            refused VENUE-001 VenueNotOpen
            refused VENUE-001 VenueNotOpen
            venue open
            alice opened
        "#]],
    );
}

/// VENUE-002, ACCOUNT-005: nor does a second opening make it a test venue.
#[test]
fn venue_002_a_venue_opens_once() {
    check(
        "
        open real
        open test
        account alice
        deposit alice 1
        ",
        expect![[r#"
            venue open
            refused VENUE-002 VenueAlreadyOpen
            alice opened
            refused ACCOUNT-005 TestMoneyClosed
        "#]],
    );
}

#[test]
fn venue_003_terms_that_cannot_be_kept_are_not_listed() {
    check(
        "
        open test
        list h100
        list H100 tick 0
        list H100 tick 1.000001
        list H100 hours 0
        list H100 hours 87841
        list H100 node 0
        list H100 trade 2h assign 1h
        list H100 assign 4h
        list H100 from 27h
        list H100 close 27h
        list H100 intervals 0
        list H100 intervals 7
        list H100
        ",
        expect![[r#"
            venue open
            refused VENUE-003 BadTerms, Name
            refused VENUE-003 BadTerms, TickSize
            refused VENUE-003 BadTerms, TickSize
            refused VENUE-003 BadTerms, HoursPerLot
            refused VENUE-003 BadTerms, HoursPerLot
            refused VENUE-003 BadTerms, NodeSize
            refused VENUE-003 BadTerms, ScheduleOrder
            refused VENUE-003 BadTerms, ScheduleOrder
            refused VENUE-003 BadTerms, ScheduleOrder
            refused VENUE-003 BadTerms, ScheduleOrder
            refused VENUE-003 BadTerms, Intervals
            refused VENUE-003 BadTerms, Intervals
            H100 listed
        "#]],
    );
}

#[test]
fn venue_004_a_name_is_listed_once() {
    check(
        "
        open test
        list H100D
        list H100D grade A100
        list A100D grade A100
        ",
        expect![[r#"
            venue open
            H100D listed
            refused VENUE-004 SeriesListed
            A100D listed
        "#]],
    );
}

#[test]
fn venue_005_ten_thousand_series_and_not_one_more() {
    let mut world = World::open();
    world.is_watched = false;
    for number in 0..limits::SERIES_MAX {
        let terms = day_future(&format!("H100-{number}"), "H100");
        let events = world.apply(Command::ListInstrument(Box::new(terms)));
        assert_eq!(refusal(&events), None);
    }
    let one_more = Command::ListInstrument(Box::new(day_future("A100", "A100")));
    assert_eq!(refusal(&world.apply(one_more)), Some("VENUE-005"));
}

#[test]
fn venue_006_trading_stops_by_itself_with_orders_cancelled_and_variation_paid() {
    check_morning(
        "
        alice buy 2 @ 2.5
        bob sell 3 @ 2.5
        index H100 2.6
        run 59m
        carol buy 1 @ 2.4
        run 1m
        show alice
        show bob
        show book
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 3 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            H100 index 2.6
            H100D mark 2.6
            #3 carol buy 1 @ 2.4
            H100D mark 2.595
            H100D mark 2.59
            H100D mark 2.585
            H100D mark 2.581
            H100D mark 2.577
            H100D mark 2.572
            H100D mark 2.568
            H100D mark 2.564
            H100D mark 2.561
            H100D mark 2.557
            H100D mark 2.553
            #3 cancelled 1: expired
            #2 cancelled 1: expired
            H100D mark 2.55
            H100D settles @ 2.55 by the mark
            H100D expired @ 2.55
            H100D variation alice 2.4
            H100D variation bob -2.4
            alice: cash 977.92 margin 24.48 +2 H100D
            bob: cash 973.06 margin 24.48 -2 H100D
            H100D bids [] asks []
        "#]],
    );
}

#[test]
fn venue_006_the_instant_of_the_last_trade_is_too_late_even_before_the_timer() {
    check_morning(
        "
        alice buy 2 @ 2.5
        +3599s
        bob sell 1 @ 2.5
        +1s
        bob sell 1 @ 2.5
        alice amend #1 @ 2.4
        alice cancel #1
        tick
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            #1 cancelled 1: expired
            refused ORDER-003 SeriesExpired
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
        "#]],
    );
}

#[test]
fn venue_007_cycles_missed_are_run_once_and_the_lattice_stays() {
    check(
        "
        open test
        list H100D trade 30d assign 31d from 32d until 33d close 34d
        account alice
        account bob
        deposit alice 1000
        deposit bob 1000
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        index H100 2.6
        +84h
        tick
        index H100 2.7
        run 11h
        show alice
        run 1h
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 alice buy 1 @ 2.5
            #2 bob sell 1 @ 2.5
            #2 bob sells 1 @ 2.5 with #1 alice, fee 0.03
            H100 index 2.6
            H100D mark 2.6
            H100D settles @ 2.6 by the mark
            H100D variation alice 2.4
            H100D variation bob -2.4
            H100 index 2.7
            H100D mark 2.7
            alice: cash 989.44 margin 12.96 +1 H100D (2.4)
            H100D settles @ 2.7 by the mark
            H100D variation alice 2.4
            H100D variation bob -2.4
            alice: cash 991.84 margin 12.96 +1 H100D
        "#]],
    );
}

#[test]
fn venue_008_after_a_long_stop_everything_happens_in_order() {
    let script = "
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        carol buy 1 @ 2.4
        index H100 2.55
        +40h
        tick
        show alice
        show bob
        show carol
        show H100D
        ";
    check_morning(
        script,
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            #3 carol buy 1 @ 2.4
            H100 index 2.55
            H100D mark 2.55
            #3 cancelled 1: expired
            H100D settles @ 2.55 by the mark
            H100D expired @ 2.55
            H100D variation alice 2.4
            H100D variation bob -2.4
            H100D assigned: 2 holders, 0 matched, 1 paired
            H100D alice ends +2, 2 for delivery
            H100D bob ends -2, 2 for delivery
            D-1 bob delivers 2 to alice, escrow 122.4, bond 30.6
            D-1/0 open
            D-1/0 unverified, buyer 61.2
            D-1/1 open
            D-1/1 unverified, buyer 61.2
            D-1 invoice 1: 0 s delivered, 0 s missing, buyer 122.4
            D-1 closed, 0 delivered, 0 failed, 2 unverified
            alice: cash 1002.4
            bob: cash 997.54
            carol: cash 1000
            H100D Closed, open interest 0
        "#]],
    );
}

/// VENUE-009, AGENT-003.
#[test]
fn venue_009_whatever_is_open_at_the_close_is_closed_without_penalty() {
    // Receipts and verdicts may take two hours, and the series closes five minutes after the last interval.
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D close 1625m answer 2h verdict 2h intervals 1
        account alice
        account bob
        account carol
        account vera verifier
        deposit alice 1000
        deposit bob 1000
        deposit carol 1000
        alice buy 1 @ 2.5
        bob sell 1 @ 2.5
        alice buy 2 @ 2.5
        carol sell 2 @ 2.5
        bob nominates aa
        carol nominates cc
        run 26h
        challenge D-1/0
        challenge D-2/0
        bob receipt D-1/0
        draw D-1/0
        run 1h
        ",
    );
    desk.out.clear();
    desk.run(
        "
        +5m
        vera verdict D-1/0 invalid
        carol receipt D-2/0 key=cc
        tick
        show alice
        show bob
        show carol
        show H100D
        vera verdict D-1/0 invalid
        draw D-1/0
        challenge D-1/0
        carol receipt D-2/0 key=cc
        ",
    );
    expect![[r#"
        refused AGENT-003 WrongStep
        refused AGENT-003 WrongStep
        D-1 invoice 1: 0 s delivered, 0 s missing, buyer 60
        D-1 closed, 0 delivered, 0 failed, 1 unverified
        D-2 invoice 1: 0 s delivered, 0 s missing, buyer 120
        D-2 closed, 0 delivered, 0 failed, 1 unverified
        alice: cash 1000
        bob: cash 999.97
        carol: cash 999.94
        H100D Closed, open interest 0
        refused AGENT-003 WrongStep
        refused AGENT-003 WrongStep
        refused AGENT-003 WrongStep
        refused AGENT-003 WrongStep
    "#]]
    .assert_eq(&desk.out);
}

/// VENUE-010: a cycle at every instant runs once a second; one beyond the end of time waits there.
#[test]
fn venue_010_terms_without_sense_keep_the_timer_idle() {
    let next_cycle = |every: NanosSpan| {
        let mut world = World::unopened();
        world.apply(Command::OpenVenue(OpenVenue {
            testnet: true,
            rules: RULES_VERSION,
            variation_from: START,
            variation_every: every,
        }));
        world.apply(Command::Tick);
        world.exchange.next_due().unwrap()
    };
    assert_eq!(next_cycle(NanosSpan::ZERO), START + NanosSpan::from_seconds(1));
    assert_eq!(next_cycle(NanosSpan::from_seconds(30)), START + NanosSpan::from_seconds(30));
    assert_eq!(next_cycle(NanosSpan::new(u64::MAX)), Nanos::new(u64::MAX));
}
