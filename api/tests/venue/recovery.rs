//! What is there again after a clean end, a crash, and every way in which store, snapshot and journal can disagree.

use std::fs;

use api::venue::{Venue, VenueError, verify};
use exchange::Command;
use instruments::{MicroUsd, Side};

use crate::world::{World, answers, copy_of, options};

#[test]
fn a_clean_end_and_a_new_start_give_the_same_exchange_and_history() {
    let world = World::new();
    world.trade(10);
    let (before, asked) = (world.venue.exchange().clone(), answers(&world.venue, &world));
    let closed = world.venue.clone().close().unwrap();
    assert_eq!(closed.seq, before.last_seq());
    assert_eq!(closed.state_hash, before.state_hash());

    let report = verify(world.path()).unwrap();
    assert_eq!(report.commands, closed.seq.0);
    assert_eq!(report.state_hash, closed.state_hash);
    assert!(report.ended_cleanly);
    assert_eq!(report.torn_tail_bytes, 0);

    let venue = world.reopen();
    assert_eq!(*venue.exchange(), before);
    assert_eq!(answers(&venue, &world), asked);
}

#[test]
fn journal_segments_lie_in_their_directory_and_nothing_else_does() {
    let world = World::new();
    world.trade(3);
    world.venue.clone().close().unwrap();
    for entry in fs::read_dir(world.path().join("journal")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.ends_with(".seg"), "{name}");
    }
}

#[test]
fn whatever_was_acknowledged_is_there_after_a_crash_at_any_moment() {
    let world = World::new();
    for _ in 0..5 {
        world.trade(4);
        let resting = world.place(world.maker, Side::Sell, 3, 2_600);
        let (before, asked) = (world.venue.exchange().clone(), answers(&world.venue, &world));
        let crashed = copy_of(world.path());
        let venue = Venue::open(options(crashed.path(), &world.clock)).unwrap();
        assert_eq!(*venue.exchange(), before);
        assert_eq!(answers(&venue, &world), asked);
        assert!(venue.exchange().open_order(resting).is_some());
    }
}

#[test]
fn a_venue_that_is_dropped_leaves_a_journal_without_an_end_and_goes_on() {
    let world = World::new();
    world.trade(4);
    let before = world.venue.exchange().clone();
    let World { directory, clock, venue, .. } = world;
    drop(venue);
    assert!(!verify(directory.path()).unwrap().ended_cleanly);
    let venue = Venue::open(options(directory.path(), &clock)).unwrap();
    assert_eq!(*venue.exchange(), before);
    assert_eq!(venue.close().unwrap().state_hash, before.state_hash());
    assert!(verify(directory.path()).unwrap().ended_cleanly);
}

#[test]
fn snapshots_shorten_the_replay_and_change_nothing() {
    let world = World::with(|options| options.snapshot_every = 10);
    world.trade(30);
    let (before, asked) = (world.venue.exchange().clone(), answers(&world.venue, &world));
    world.venue.clone().close().unwrap();
    let snapshots = fs::read_dir(world.path().join("snapshots")).unwrap().count();
    assert_eq!(snapshots, 3);
    let venue = world.reopen();
    assert_eq!(*venue.exchange(), before);
    assert_eq!(answers(&venue, &world), asked);
    venue.close().unwrap();
    verify(world.path()).unwrap();
}

#[test]
fn a_history_that_is_rebuilt_equals_the_one_that_was_lived() {
    let world = World::with(|options| options.snapshot_every = 10);
    world.trade(30);
    let asked = answers(&world.venue, &world);
    world.venue.clone().close().unwrap();
    fs::remove_dir_all(world.path().join("store")).unwrap();
    assert_eq!(answers(&world.reopen(), &world), asked);
}

#[test]
fn a_store_behind_the_journal_is_brought_up() {
    let world = World::with(|options| options.snapshot_every = 10);
    world.trade(5);
    world.venue.clone().close().unwrap();
    let old = copy_of(&world.path().join("store"));

    let venue = world.reopen();
    let world = World { venue, ..world };
    world.trade(20);
    let asked = answers(&world.venue, &world);
    world.venue.clone().close().unwrap();
    fs::remove_dir_all(world.path().join("store")).unwrap();
    fs::rename(old.path(), world.path().join("store")).unwrap();
    assert_eq!(answers(&world.reopen(), &world), asked);
}

#[test]
fn a_store_of_another_history_is_rebuilt() {
    let world = World::new();
    world.trade(5);
    let asked = answers(&world.venue, &world);
    world.venue.clone().close().unwrap();
    // The same number of commands, another story.
    let other = World::new();
    let deposit = Command::Deposit { account: other.maker, amount: MicroUsd::new(1) };
    while other.venue.exchange().last_seq() < world.venue.exchange().last_seq() {
        other.venue.submit_blocking(deposit.clone()).unwrap();
    }
    other.venue.clone().close().unwrap();
    fs::remove_dir_all(world.path().join("store")).unwrap();
    fs::rename(other.path().join("store"), world.path().join("store")).unwrap();
    assert_eq!(answers(&world.reopen(), &world), asked);
}

#[test]
fn a_store_that_is_damaged_is_rebuilt() {
    let world = World::new();
    world.trade(5);
    let asked = answers(&world.venue, &world);
    world.venue.clone().close().unwrap();
    let db = world.path().join("store/db");
    let mut bytes = fs::read(&db).unwrap();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(&db, bytes).unwrap();
    assert_eq!(answers(&world.reopen(), &world), asked);
}

#[test]
fn a_journal_that_has_lost_commands_is_refused() {
    let world = World::new();
    world.trade(2);
    let old = copy_of(&world.path().join("journal"));
    world.trade(2);
    world.venue.clone().close().unwrap();
    let journal = world.path().join("journal");
    for snapshots_too in [false, true] {
        fs::remove_dir_all(&journal).unwrap();
        crate::world::copy_into(old.path(), &journal);
        if snapshots_too {
            fs::remove_dir_all(world.path().join("snapshots")).unwrap();
        }
        let refused = Venue::open(options(world.path(), &world.clock)).err().unwrap();
        assert!(matches!(refused, VenueError::Recover(_)), "{refused}");
        assert!(refused.to_string().contains("has lost commands"), "{refused}");
    }
}

#[test]
fn a_journal_that_is_gone_is_not_begun_anew() {
    let world = World::new();
    world.venue.clone().close().unwrap();
    fs::remove_dir_all(world.path().join("journal")).unwrap();
    let refused = Venue::open(options(world.path(), &world.clock)).err().unwrap();
    assert!(refused.to_string().contains("it has lost commands"), "{refused}");
    assert!(!world.path().join("journal").exists());
}

#[test]
fn a_tail_that_was_acknowledged_is_not_cut_off_as_torn() {
    let world = World::new();
    world.trade(2);
    let World { directory, clock, venue, .. } = world;
    // Without an end marker, but the store has all of it.
    drop(venue);
    let segment = directory.path().join("journal/0000000000000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    assert!(0 < verify(directory.path()).unwrap().torn_tail_bytes);
    let refused = Venue::open(options(directory.path(), &clock)).err().unwrap();
    assert!(refused.to_string().contains("has lost commands"), "{refused}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[test]
fn a_flipped_byte_after_a_clean_end_is_found_by_file_and_offset() {
    let world = World::new();
    world.trade(2);
    world.venue.clone().close().unwrap();
    let segment = world.path().join("journal/0000000000000001.seg");
    let bytes = fs::read(&segment).unwrap();
    for at in [100, 4_096 + 100, bytes.len() - 4_096, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&segment, flipped).unwrap();
        let found = verify(world.path()).err().unwrap().to_string();
        assert!(found.contains("0000000000000001.seg"), "{at}: {found}");
        assert!(Venue::open(options(world.path(), &world.clock)).is_err());
    }
    fs::write(&segment, bytes).unwrap();
    verify(world.path()).unwrap();
}

#[test]
fn verification_leaves_no_trace_and_needs_no_lock() {
    let world = World::new();
    world.trade(2);
    let copy = copy_of(&world.path().join("journal"));
    let bare = tempfile::TempDir::new().unwrap();
    fs::rename(copy.path(), bare.path().join("journal")).unwrap();
    let before = verify(world.path()).unwrap();
    assert_eq!(verify(bare.path()).unwrap().state_hash, before.state_hash);
    assert_eq!(fs::read_dir(bare.path()).unwrap().count(), 1);
}
