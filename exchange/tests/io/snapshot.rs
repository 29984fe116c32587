//! Snapshots are tried newest first, and tell where in the journal to go on.

use std::path::Path;

use exchange::io::{DataDir, SimulatedDisk};
use exchange::io::{Disk, DiskFile, Fault, Journal, JournalError, KeptSnapshot, Position, Record};
use expect_test::expect;
use instruments::Seq;

use crate::world::{append, at, create, flip, place, settings};

fn snapshot(position: Position) -> KeptSnapshot {
    let seq = position.seq.0;
    KeptSnapshot {
        rules: 1,
        position,
        state_hash: [7; 32],
        payload: vec![9; 1_000 + usize::try_from(seq).unwrap()],
    }
}

/// A journal with a snapshot after each of five commands.
fn written() -> (SimulatedDisk, DataDir<SimulatedDisk>, Vec<Position>) {
    let disk = SimulatedDisk::default();
    let (mut journal, place) = (create(&disk), place(&disk));
    let mut positions = Vec::new();
    for _ in 0..5 {
        append(&mut journal, 1, 10).unwrap();
        place.keep_snapshot(&snapshot(journal.position())).unwrap();
        positions.push(journal.position());
    }
    append(&mut journal, 2, 10).unwrap();
    (disk, place, positions)
}

#[test]
fn journal_014_the_newest_snapshot_serves_and_three_are_kept() {
    let (disk, place, positions) = written();
    let names = disk.list(Path::new("/data/snapshots")).unwrap().join("\n");
    expect![[r#"
        0000000000000003.snap
        0000000000000004.snap
        0000000000000005.snap"#]]
    .assert_eq(&names);
    assert_eq!(place.newest_snapshot(1, None).unwrap(), Some(snapshot(positions[4])));
    assert_eq!(place.newest_snapshot(1, Some(Seq(4))).unwrap(), Some(snapshot(positions[3])));
    assert_eq!(place.newest_snapshot(1, Some(Seq(2))).unwrap(), None);
    assert_eq!(place.newest_snapshot(2, None).unwrap(), None);
}

#[test]
fn journal_014_a_damaged_snapshot_is_put_aside_and_the_one_before_serves() {
    let (whole, _, positions) = written();
    let newest = Path::new("/data/snapshots/0000000000000005.snap");
    for offset in 0..u64::try_from(whole.read(newest).unwrap().len()).unwrap() {
        let disk = whole.after_kill();
        let place = crate::world::place(&disk);
        flip(&disk, newest, offset);
        assert_eq!(place.newest_snapshot(1, None).unwrap(), Some(snapshot(positions[3])));
        let names = disk.list(Path::new("/data/snapshots")).unwrap();
        assert_eq!(names[2], "0000000000000005.snap.bad");
    }
}

#[test]
fn journal_014_a_snapshot_cut_short_leaves_the_one_before() {
    let (whole, _, positions) = written();
    for operation in 0..20 {
        for seed in 0..8 {
            let disk = whole.after_kill();
            let place = crate::world::place(&disk);
            disk.fail_at(disk.operations() + operation, Fault::PowerCut);
            let next = KeptSnapshot {
                payload: vec![1; 3_000],
                ..snapshot(Position { seq: Seq(7), ..positions[4] })
            };
            let is_kept = place.keep_snapshot(&next).is_ok();
            let disk = disk.after_power_cut(seed);
            let found = crate::world::place(&disk).newest_snapshot(1, None).unwrap().unwrap();
            assert!(found == next || !is_kept && found == snapshot(positions[4]));
        }
    }
}

#[test]
fn journal_015_replay_goes_on_behind_the_snapshot() {
    let (disk, place, positions) = written();
    for (position, expected) in [(positions[4], vec![6, 7]), (positions[2], vec![4, 5, 6, 7])] {
        let mut visited = Vec::new();
        let opened = Journal::open(place.clone(), settings(), Some(&position), |record| {
            match record {
                Record::Command { seq, .. } | Record::StateHash { seq, .. } => visited.push(seq.0),
            }
            Ok::<(), JournalError>(())
        });
        assert_eq!(opened.unwrap().1.commands, 7);
        assert_eq!(visited, expected);
    }
    drop(disk);
}

#[test]
fn journal_015_a_journal_that_has_lost_what_a_snapshot_has_seen_is_refused() {
    let (disk, place, positions) = written();
    let refused = |position: Position| {
        let opened = Journal::open(place.clone(), settings(), Some(&position), |_| {
            Ok::<(), JournalError>(())
        });
        opened.map(|_| ()).unwrap_err().to_string()
    };
    expect!["journal ends at 7, a snapshot was taken at 9: the journal has lost commands"]
        .assert_eq(&refused(Position { seq: Seq(9), ..positions[4] }));
    expect!["journal and snapshot differ at sequence 5: they do not belong together"]
        .assert_eq(&refused(Position { chain: [1; 32], ..positions[4] }));
    expect!["journal and snapshot differ at sequence 7: they do not belong together"]
        .assert_eq(&refused(Position { seq: Seq(7), at: at(7), chain: [1; 32] }));
    disk.open(Path::new("/data/journal/0000000000000001.seg"))
        .unwrap()
        .write_at(&[0; 4], 0)
        .unwrap();
}
