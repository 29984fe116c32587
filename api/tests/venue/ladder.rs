//! How a venue comes back from a restart.

use std::time::Duration;

use api::venue::{RestartLadder, Venue, VenueClock, VenueOptions};
use exchange::{Command, StateScope, TradingState};
use instruments::{Nanos, NanosSpan};
use tempfile::TempDir;

use crate::world::{list, options};

fn open(directory: &TempDir, clock: &VenueClock, ladder: RestartLadder) -> Venue {
    Venue::open(VenueOptions { ladder, ..options(directory.path(), clock) }).unwrap()
}

fn state(venue: &Venue) -> TradingState {
    venue.exchange().controls().everywhere()
}

/// Lets the timer find that a time has come, and waits for the command that it sends.
fn until_it_moves(venue: &Venue, clock: &VenueClock, at: Nanos) {
    let mut feed = venue.subscribe();
    clock.set(at);
    feed.blocking_recv().unwrap();
}

/// OPS-011: rungs are journaled; a fresh venue has none, one that was restarted climbs, and a replay climbs as it did.
#[test]
fn ops_011_a_restarted_venue_climbs_its_ladder() {
    let directory = TempDir::new().unwrap();
    let start = Nanos::from_seconds(1_795_204_800);
    let clock = VenueClock::manual(start);
    let (cancel_only, post_only) = (Duration::from_secs(30), Duration::from_secs(20));
    let ladder = RestartLadder { cancel_only, post_only };
    let venue = open(&directory, &clock, ladder);
    assert_eq!(state(&venue), TradingState::Open, "nobody has been away");
    list(&venue);
    drop(venue);

    let venue = open(&directory, &clock, ladder);
    assert_eq!(state(&venue), TradingState::CancelOnly);
    let halt = Command::SetTradingState { scope: StateScope::Venue, state: TradingState::Halted };
    venue.submit_blocking(halt).unwrap();
    until_it_moves(&venue, &clock, start + NanosSpan::from_seconds(30));
    assert_eq!(venue.exchange().controls().restart, TradingState::PostOnly);
    assert_eq!(state(&venue), TradingState::Halted, "what an operator stopped is another matter");
    drop(venue);

    // In the middle of the ladder it begins again; at its top the operator's word still counts.
    let venue = open(&directory, &clock, ladder);
    assert_eq!(venue.exchange().controls().restart, TradingState::CancelOnly);
    until_it_moves(&venue, &clock, start + NanosSpan::from_seconds(60));
    until_it_moves(&venue, &clock, start + NanosSpan::from_seconds(80));
    assert_eq!(venue.exchange().controls().restart, TradingState::Open);
    assert_eq!(state(&venue), TradingState::Halted);
    let open_again =
        Command::SetTradingState { scope: StateScope::Venue, state: TradingState::Open };
    venue.submit_blocking(open_again).unwrap();
    let closed = venue.close().unwrap();

    let venue = open(&directory, &clock, RestartLadder::default());
    assert_eq!(state(&venue), TradingState::Open, "without a ladder it opens at once");
    let replayed = venue.exchange().last_seq();
    assert_eq!(replayed, closed.seq, "and journals nothing");
}

/// OPS-012: a venue that was drained comes back, and what the drain stopped is open again.
#[test]
fn ops_012_what_a_drain_has_stopped_opens_with_the_next_start() {
    let directory = TempDir::new().unwrap();
    let clock = VenueClock::manual(Nanos::from_seconds(1_795_204_800));
    let venue = open(&directory, &clock, RestartLadder::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(venue.begin_drain());
    assert!(venue.is_draining());
    assert_eq!(state(&venue), TradingState::CancelOnly);
    runtime.block_on(venue.begin_drain());
    drop(venue);
    let venue = open(&directory, &clock, RestartLadder::default());
    assert!(!venue.is_draining());
    assert_eq!(state(&venue), TradingState::Open);
}
