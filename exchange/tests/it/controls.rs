//! OPS: what operators stop, and what goes on all the same.

use exchange::{Command, Event, StateScope, TradingState};
use expect_test::expect;
use instruments::NanosSpan;

use crate::script::{Desk, check, check_morning};

/// OPS-001, OPS-002, OPS-003: every kind of request in every state.
#[test]
fn ops_001_the_strictest_state_counts_and_says_what_is_let_in() {
    check_morning(
        "
        alice sell 5 @ 2.5
        bob buy 5 @ 2.4
        state venue post_only
        carol buy 1 @ 2.45
        carol buy 1 @ 2.5
        carol buy 1 @ 2.5 post
        carol buy 1 @ 2.5 slide
        carol buy 1 @ 2.45 ioc
        carol buy 1 market
        carol buy 1 @ 2.45 when last rises 2.6
        bob amend #2 @ 2.41
        bob amend #2 @ 2.5
        state restart cancel_only
        carol buy 1 @ 2.4
        bob amend #2 @ 2.4
        bob amend #2 x 4
        carol cancel #3
        state restart open
        carol buy 1 @ 2.4
        state H100D halted
        carol buy 1 @ 2.4
        bob amend #2 x 5
        bob amend #2 x 3
        bob cancel #2
        state venue open
        carol buy 1 @ 2.4
        state H100D open
        carol buy 1 @ 2.5
        state NONE halted
        ",
        expect![[r#"
            #1 alice sell 5 @ 2.5
            #2 bob buy 5 @ 2.4
            venue is PostOnly
            #3 carol buy 1 @ 2.45
            refused OPS-002 MustRest
            refused ORDER-015 PostOnlyWouldCross
            #4 carol buy 1 @ 2.499
            refused OPS-002 MustRest
            refused OPS-002 MustRest
            refused OPS-002 MustRest
            #2 now 5 @ 2.41
            refused OPS-002 MustRest
            restart is CancelOnly
            refused OPS-003 NotOpen
            refused OPS-003 NotOpen
            #2 now 4 @ 2.41
            #3 cancelled 1: user
            restart is Open
            #5 carol buy 1 @ 2.4
            H100D is Halted
            refused OPS-003 NotOpen
            refused OPS-003 NotOpen
            #2 now 3 @ 2.41
            #2 cancelled 3: user
            venue is Open
            refused OPS-003 NotOpen
            H100D is Open
            #6 carol buy 1 @ 2.5
            #6 carol buys 1 @ 2.5 with #1 alice, fee 0.03
            refused ORDER-001 UnknownInstrument
        "#]],
    );
}

/// OPS-002, OPS-006: nor does an auction that is under way take what would trade in it.
#[test]
fn ops_002_post_only_holds_in_an_auction_too() {
    check_morning(
        "
        auction H100D until 10m
        alice sell 1 @ 2.5
        state venue post_only
        bob buy 1 @ 2.5
        bob buy 1 @ 2.49
        ",
        expect![[r#"
            H100D auction opens: Opening until 0:10:00
            #1 alice sell 1 @ 2.5
            venue is PostOnly
            refused OPS-002 MustRest
            #2 bob buy 1 @ 2.49
        "#]],
    );
}

/// OPS-004: trades that were agreed elsewhere and auctions need a series that is open.
#[test]
fn ops_004_what_is_agreed_elsewhere_needs_an_open_series() {
    check(
        "
        open test
        list H100D blocks 5
        account alice
        account bob
        deposit alice 1000
        deposit bob 1000
        alice signs aa
        bob signs bb
        state venue post_only
        block alice bob buy 5 @ 2.5
        auction H100D until 10m
        state venue open
        block alice bob buy 5 @ 2.5
        auction H100D until 10m
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            alice signs with aa
            bob signs with bb
            venue is PostOnly
            refused OPS-003 NotOpen
            refused OPS-003 NotOpen
            venue is Open
            agreed by alice and bob
            H100D block: alice buys 5 @ 2.5 from bob, fee 0.075, and 0.075
            H100D auction opens: Opening until 0:10:00
        "#]],
    );
}

/// OPS-005: money comes in, but does not leave, while the venue is halted; a series that is halted by itself holds no money back.
#[test]
fn ops_005_no_money_leaves_a_halted_venue() {
    check_morning(
        "
        alice contributes 10
        state H100D halted
        withdraw alice 1
        state venue cancel_only
        withdraw alice 1
        state venue halted
        withdraw alice 1
        deposit alice 5
        alice contributes 10
        alice leaves 10
        state venue open
        withdraw alice 1
        ",
        expect![[r#"
            alice has 10 in the default fund
            H100D is Halted
            venue is CancelOnly
            venue is Halted
            refused OPS-003 NotOpen
            alice has 20 in the default fund
            refused OPS-003 NotOpen
            venue is Open
        "#]],
    );
}

/// OPS-006: a stop does not wake, and an auction does not end, while the series is not open.
#[test]
fn ops_006_what_waits_wakes_when_the_series_is_open_again() {
    check_morning(
        "
        alice sell 1 @ 2.4 when mark falls 2.45
        carol buy 1 @ 2.4
        state venue halted
        +1s
        index H100 2.4
        show book
        state venue open
        ",
        expect![[r#"
            #1 alice sell 1 @ 2.4
            #2 carol buy 1 @ 2.4
            venue is Halted
            H100 index 2.4
            H100D mark 2.4
            H100D bids [2.4x1] asks []
            venue is Open
            #1 triggered
            #1 alice sells 1 @ 2.4 with #2 carol, fee 0.0288
        "#]],
    );
    check_morning(
        "
        alice sell 1 @ 2.5
        auction H100D until 10m
        bob buy 1 @ 2.5
        +1m
        state H100D cancel_only
        run 20m
        show book
        state H100D open
        run 9m
        show book
        run 1m
        ",
        expect![[r#"
            #1 alice sell 1 @ 2.5
            H100D auction opens: Opening until 0:10:00
            #2 bob buy 1 @ 2.5
            H100D is CancelOnly
            H100D would trade 1 @ 2.5
            H100D bids [2.5x1] asks [2.5x1]
            H100D is Open
            H100D auction goes on until 0:31:00
            H100D bids [2.5x1] asks [2.5x1]
            #2 bob buys 1 @ 2.5 with #1 alice, fee 0.03
            H100D auction ends, 1 traded @ 2.5
        "#]],
    );
}

/// OPS-007: nobody is liquidated into a market that does not trade.
#[test]
fn ops_007_liquidations_wait_until_the_series_is_open() {
    check_morning(
        "
        account dave
        deposit dave 130
        index H100 2.5
        bob sell 10 @ 2.5
        dave buy 10 @ 2.5
        carol buy 20 @ 2.19
        state H100D cancel_only
        +1s
        index H100 2.2
        run 30s
        state H100D open
        run 10s
        state H100D halted
        run 30s
        state H100D open
        run 10s
        ",
        expect![[r#"
            dave opened
            H100 index 2.5
            #1 bob sell 10 @ 2.5
            #2 dave buy 10 @ 2.5
            #2 dave buys 10 @ 2.5 with #1 bob, fee 0.3
            #3 carol buy 20 @ 2.19
            H100D is CancelOnly
            H100 index 2.2
            H100D mark 2.2
            H100D is Open
            dave is liquidated: has 57.7 of 66
            #4 dave sell 5 @ 2.09
            #4 dave sells 5 @ 2.19 with #3 carol, fee 0.1314
            H100D dave closes 5 of 5, fee 2.628
            dave liquidation ends
            H100D is Halted
            H100D is Open
        "#]],
    );
}

/// OPS-008: what falls due falls due.
#[test]
fn ops_008_a_halt_stops_trade_and_not_time() {
    let mut desk = Desk::morning();
    desk.run(
        "
        alice sell 2 @ 2.5
        bob buy 2 @ 2.5
        alice buy 1 @ 2.4 gtd 10m
        bob buy 1 @ 2.3
        state venue halted
        ",
    );
    desk.out.clear();
    desk.world.run(NanosSpan::from_seconds(9 * 60));
    let ends = desk.world.run(NanosSpan::from_seconds(60));
    assert!(ends.iter().any(|event| matches!(event, Event::OrderCancelled { .. })), "{ends:?}");
    let expires = desk.world.run(NanosSpan::from_seconds(3_600));
    assert!(expires.iter().any(|event| matches!(event, Event::SeriesExpired { .. })));
    let assigned = desk.world.run(NanosSpan::from_seconds(3_600));
    assert!(assigned.iter().any(|event| matches!(event, Event::ObligationAssigned { .. })));
    let delivered = desk.world.run(NanosSpan::from_seconds(30 * 3_600));
    assert!(delivered.iter().any(|event| matches!(event, Event::ObligationClosed { .. })));
}

/// OPS-009: a killed account has nothing open and does nothing new; what it holds stays, and it may still put money in.
#[test]
fn ops_009_a_killed_account_cancels_everything_and_does_nothing_new() {
    check_morning(
        "
        alice buy 1 @ 2.4
        alice sell 1 @ 2.6
        alice buy 1 @ 2.45 when last rises 2.6
        bob buy 1 @ 2.3
        kill alice
        kill alice
        alice buy 1 @ 2.4
        alice batch buy 1 @ 2.4 ; cancel #1
        withdraw alice 1
        deposit alice 1
        alice contributes 1
        alice leaves 1
        alice signs aa
        restart
        alice buy 1 @ 2.4
        bob buy 1 @ 2.3
        revive alice
        alice buy 1 @ 2.4
        kill nobody
        revive nobody
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.4
            #2 alice sell 1 @ 2.6
            #3 alice buy 1 @ 2.45
            #4 bob buy 1 @ 2.3
            alice is stopped
            #1 cancelled 1: killed
            #2 cancelled 1: killed
            #3 cancelled 1: killed
            refused OPS-009 Killed
            [0] refused OPS-009 Killed
            [1] refused ORDER-016 UnknownOrder
            refused OPS-009 Killed
            alice has 1 in the default fund
            refused OPS-009 Killed
            refused OPS-009 Killed
            refused OPS-009 Killed
            #5 bob buy 1 @ 2.3
            alice goes on
            #6 alice buy 1 @ 2.4
            refused ACCOUNT-001 UnknownAccount
            refused ACCOUNT-001 UnknownAccount
        "#]],
    );
}

/// OPS-010: what is stopped is stopped after a restart, from the snapshot and from the journal.
#[test]
fn ops_010_what_is_stopped_stays_so_after_a_restart() {
    let mut desk = Desk::morning();
    desk.run(
        "
        kill carol
        state venue post_only
        state restart cancel_only
        state H100D halted
        restart
        alice buy 1 @ 2.4
        carol buy 1 @ 2.4
        ",
    );
    expect![[r#"
        carol is stopped
        venue is PostOnly
        restart is CancelOnly
        H100D is Halted
        refused OPS-003 NotOpen
        refused OPS-009 Killed
    "#]]
    .assert_eq(&desk.out);
    let mut again = exchange::Exchange::new();
    for input in &desk.world.journal {
        again.apply(input, &mut Vec::new());
    }
    assert_eq!(again.state_hash(), desk.world.exchange.state_hash());
    let controls = again.controls();
    assert_eq!(controls.everywhere(), TradingState::CancelOnly);
    assert_eq!((controls.series.len(), controls.killed.len()), (1, 1));
    for scope in [StateScope::Venue, StateScope::Restart] {
        desk.world.apply(Command::SetTradingState { scope, state: TradingState::Open });
    }
    assert_eq!(desk.world.exchange.controls().everywhere(), TradingState::Open);
}
