//! ORDER-066..069: what becomes of the orders of whoever is gone.

use exchange::Command;
use expect_test::expect;
use instruments::{AccountId, NanosSpan};
use proptest::prelude::*;

use crate::script::check_morning;

/// ORDER-066, ORDER-067.
#[test]
fn order_066_a_timer_that_is_not_renewed_cancels_everything_at_its_instant() {
    check_morning(
        "
        alice cancel all after 999ms
        alice cancel all after 3601s
        alice cancel all after 0s
        alice buy 1 @ 2.4
        bob buy 1 @ 2.3
        alice cancel all after 10s
        alice buy 1 @ 2.5 when last rises 2.6
        +9s
        alice cancel all after 10s
        restart
        +9s
        alice buy 1 @ 2.45
        +1s
        bob sell 1 @ 2.4
        alice cancel all after 5s
        alice cancel all after 0s
        alice buy 1 @ 2.3
        run 60s
        ",
        expect![[r#"
            refused ORDER-066 TimeoutOutOfRange
            refused ORDER-066 TimeoutOutOfRange
            alice has no timer
            #1 alice buy 1 @ 2.4
            #2 bob buy 1 @ 2.3
            alice cancels all at +10s
            #3 alice buy 1 @ 2.5
            alice cancels all at +19s
            #4 alice buy 1 @ 2.45
            alice has no timer
            #4 cancelled 1: absent
            #1 cancelled 1: absent
            #3 cancelled 1: absent
            #5 bob sell 1 @ 2.4
            alice cancels all at +24s
            alice has no timer
            #6 alice buy 1 @ 2.3
        "#]],
    );
}

#[test]
fn order_067_a_timer_runs_out_before_a_renewal_of_the_same_instant() {
    check_morning(
        "
        alice buy 1 @ 2.4
        alice cancel all after 1s
        +1s
        alice cancel all after 1s
        alice buy 1 @ 2.4
        run 10s
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.4
            alice cancels all at +1s
            alice has no timer
            #1 cancelled 1: absent
            alice cancels all at +2s
            #2 alice buy 1 @ 2.4
            alice has no timer
            #2 cancelled 1: absent
        "#]],
    );
}

#[test]
fn order_068_a_session_takes_its_own_orders_with_it_or_lets_them_go() {
    check_morning(
        "
        alice buy 1 @ 2.4 session=1
        alice buy 1 @ 2.3 session=2
        alice buy 1 @ 2.2
        bob buy 1 @ 2.1 session=1
        bob session 2 ends
        alice session 1 ends
        alice session 2 keeps
        alice session 2 ends
        alice sessions cancel
        alice sessions keep
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.4
            #2 alice buy 1 @ 2.3
            #3 alice buy 1 @ 2.2
            #4 bob buy 1 @ 2.1
            #1 cancelled 1: disconnect
            alice's sessions cancel orders: true
            alice's sessions cancel orders: false
        "#]],
    );
}

#[test]
fn order_069_a_venue_that_starts_again_ends_every_session_before_its_timers_run() {
    check_morning(
        "
        alice buy 1 @ 2.4 session=1 gtd 10s
        alice buy 1 @ 2.3 session=2
        bob buy 1 @ 2.2
        +60s
        sessions end
        sessions end
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.4
            #2 alice buy 1 @ 2.3
            #3 bob buy 1 @ 2.2
            #1 cancelled 1: disconnect
            #2 cancelled 1: disconnect
        "#]],
    );
}

/// What becomes of the orders of whoever is gone.
pub(crate) fn any_absence<W: Strategy<Value = u64>>(
    any_who: impl Fn() -> W,
) -> impl Strategy<Value = Command> {
    let account = || any_who().prop_map(AccountId);
    let timeout = prop::sample::select(vec![0, 1, 2, 5, 3_600, 3_601]);
    prop_oneof![
        3 => (account(), timeout.prop_map(NanosSpan::from_seconds))
            .prop_map(|(account, timeout)| Command::CancelAllAfter { account, timeout }),
        2 => (account(), 0..3_u64, any::<bool>()).prop_map(|(account, session, keeps_orders)| {
            Command::EndSession { account, session, keeps_orders }
        }),
        1 => (account(), any::<bool>()).prop_map(|(account, is_enabled)| {
            Command::SetCancelOnDisconnect { account, is_enabled }
        }),
        1 => Just(Command::EndSessions),
    ]
}
