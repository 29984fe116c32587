//! REPLAY: what must hold whatever happens.

use exchange::{Command, Event, Exchange, RULES_VERSION, SeriesState, SnapshotError, Stamped};
use instruments::{NanosSpan, NetQty, Seq};
use proptest::prelude::*;
use settlement::Bucket;

use crate::any_day::{Act, act, any_acts, any_crash_day, morning};
use crate::world::World;

/// Lives through a day, then lets every series but the endless one end.
fn live(acts: &[Act], is_watched: bool) -> World {
    let mut world = morning();
    world.is_watched = is_watched;
    for one in acts {
        act(&mut world, one);
    }
    world.run(NanosSpan::from_seconds(500));
    world
}

fn replay(exchange: &mut Exchange, journal: &[Stamped]) -> Vec<Event> {
    let mut events = Vec::new();
    for input in journal {
        exchange.apply(input, &mut events);
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// REPLAY-003, REPLAY-007, REPLAY-008: the auditor and the inspector agree with the exchange after every command of any day, refused
    /// commands change nothing, a tick leaves nothing due; and in the end everything that was to end has ended (VENUE-008, VENUE-009).
    ///
    /// What they compare holds ACCOUNT-008, LEDGER-011, LEDGER-012, LEDGER-013, LEDGER-016, MARK-006, ORDER-011, ORDER-020, ORDER-024, ORDER-025, ORDER-039, ORDER-041,
    /// ORDER-042, ORDER-043, ORDER-046, AUCTION-007 and VENUE-011 too, and OPTION-002, OPTION-003, OPTION-004, OPTION-006, OPTION-007,
    /// OPTION-012, CASCADE-003, CASH-001, CASH-002, CASH-003, CASH-004, CASH-005 and CASH-006.
    #[test]
    fn any_day_passes_the_audit(acts in any_acts()) {
        let world = live(&acts, true);
        let exchange = &world.exchange;
        for series in exchange.series().filter(|series| series.state == SeriesState::Closed) {
            prop_assert!(exchange.positions_zero(series.instrument.id));
        }
        prop_assert!(exchange.deliveries().all(|delivery| delivery.obligation.closed));
        for (account, _) in exchange.accounts() {
            prop_assert_eq!(exchange.ledger().balance(Bucket::DeliveryEscrow(account)).micros(), 0);
            prop_assert_eq!(exchange.ledger().balance(Bucket::Bond(account)).micros(), 0);
        }
    }

    /// LIQ-001, LIQ-008, LIQ-009, LIQ-011, LIQ-013, VAR-006, VAR-012: prices run away in the middle of everything; the auditor and the inspector still agree, nobody
    /// without a position bears anything, and a journal gives the same again.
    #[test]
    fn any_crash_passes_the_audit(acts in any_crash_day()) {
        let world = live(&acts, true);
        let mut again = Exchange::new();
        replay(&mut again, &world.journal);
        prop_assert!(again == world.exchange);
        for account in world.exchange.defaults().liquidations.keys() {
            let held = world.exchange.positions_of(*account);
            prop_assert!(held.iter().any(|position| position.net != NetQty::ZERO));
        }
    }

    /// REPLAY-001, AUCTION-005: the same journal gives the same events and the same state.
    #[test]
    fn the_same_journal_gives_the_same_exchange(acts in any_acts()) {
        let world = live(&acts, false);
        let (mut one, mut other) = (Exchange::new(), Exchange::new());
        prop_assert_eq!(replay(&mut one, &world.journal), replay(&mut other, &world.journal));
        prop_assert_eq!(one.state_hash(), world.exchange.state_hash());
        prop_assert_eq!(other.history_hash(), world.exchange.history_hash());
        prop_assert!(one == world.exchange);
    }

    /// REPLAY-002: a snapshot at any place and the journal's tail give what the whole journal gives.
    #[test]
    fn a_snapshot_and_the_tail_give_the_same_exchange(acts in any_acts(), place in any::<prop::sample::Index>()) {
        let world = live(&acts, false);
        let (head, tail) = world.journal.split_at(place.index(world.journal.len()));
        let mut straight = Exchange::new();
        replay(&mut straight, head);
        let snapshot = straight.snapshot();
        let mut restored = Exchange::restore(&snapshot).unwrap();
        prop_assert_eq!(&restored.snapshot(), &snapshot);
        prop_assert_eq!(replay(&mut restored, tail), replay(&mut straight, tail));
        prop_assert_eq!(restored.state_hash(), straight.state_hash());
        prop_assert!(restored == world.exchange);
    }
}

#[test]
fn replay_005_a_snapshot_of_other_rules_or_other_bytes_is_refused() {
    let world = World::open();
    let good = world.exchange.snapshot();
    let mut other_rules = good.clone();
    other_rules[..4].copy_from_slice(&(RULES_VERSION + 1).to_le_bytes());
    let found = Exchange::restore(&other_rules).unwrap_err();
    assert_eq!(
        found.to_string(),
        format!(
            "snapshot follows rules version {}, this binary follows {RULES_VERSION}",
            RULES_VERSION + 1
        )
    );
    for length in 0..good.len() {
        assert!(Exchange::restore(&good[..length]).is_err(), "{length} bytes of {}", good.len());
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(Exchange::restore(&longer), Err(SnapshotError::Malformed(_))));
    assert!(Exchange::restore(&good).unwrap() == world.exchange);
}

#[test]
fn replay_006_the_history_covers_the_place_the_time_and_the_events() {
    let history = |seconds: u64, commands: &[Command]| {
        let mut world = World::open();
        world.wait(NanosSpan::from_seconds(seconds));
        for command in commands {
            world.apply(command.clone());
        }
        world.exchange.history_hash()
    };
    let open = |name: &str| Command::OpenAccount { name: name.to_owned(), is_verifier: false };
    let seen = [
        history(0, &[]),
        history(0, &[Command::Tick]),
        history(1, &[Command::Tick]),
        history(0, &[Command::Tick, Command::Tick]),
        history(0, &[open("alice")]),
        history(0, &[open("bob")]),
    ];
    let different: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(different.len(), seen.len());
    assert_eq!(history(1, &[open("bob")]), history(1, &[open("bob")]));
    assert_eq!(World::open().exchange.last_seq(), Seq(1));
}
