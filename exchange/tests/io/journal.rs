//! What is written is read, in segments, and everything that is not ours is refused.

use exchange::io::{DataDir, Disk, DiskFile, Fault, RealDisk, SimulatedDisk};
use exchange::io::{DirLock, LockError, scan};
use exchange::io::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX, Journal, JournalError, Record, Settings};
use expect_test::expect;
use instruments::Seq;

use crate::world::{append, at, command, create, open, payload, place, read, segments, settings};

#[test]
fn journal_010_what_is_appended_is_read_in_order() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 1, 10).unwrap();
    append(&mut journal, 3, 0).unwrap();
    let position = journal.position();
    drop(journal);

    let (report, commands) = read(&disk).unwrap();
    assert_eq!(report.last, position);
    assert_eq!((report.commands, report.frames, report.torn_tail_bytes), (4, 2, 0));
    assert!(!report.ended_cleanly);
    let expected = vec![(1, payload(1, 10)), (2, vec![]), (3, vec![]), (4, vec![])];
    assert_eq!(commands, expected);
}

#[test]
fn journal_010_a_segment_that_is_full_is_followed_by_the_next() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    for _ in 0..20 {
        append(&mut journal, 1, 100).unwrap();
    }
    journal.close().unwrap();

    let names: Vec<String> =
        segments(&disk).iter().map(|path| path.display().to_string()).collect();
    expect![[r#"
        /data/journal/0000000000000001.seg
        /data/journal/0000000000000008.seg
        /data/journal/000000000000000f.seg"#]]
    .assert_eq(&names.join("\n"));
    let (report, commands) = read(&disk).unwrap();
    assert_eq!((report.commands, report.frames, report.segments), (20, 21, 3));
    assert_eq!(commands.len(), 20);
    assert!(report.ended_cleanly);
}

#[test]
fn journal_010_a_batch_over_the_limits_of_a_frame_goes_into_several() {
    let dir = tempfile::tempdir().unwrap();
    let place = DataDir::new(RealDisk, dir.path());
    let mut journal = Journal::create(place.clone(), Settings::new(1), at(0)).unwrap();
    let many: Vec<Record<'_>> = (1..=5_000).map(|seq| command(seq, b"small")).collect();
    let end = journal.append(&many).unwrap();
    assert_eq!(end.seq, Seq(5_000));
    let large = payload(7, 400_000);
    let few: Vec<Record<'_>> = (5_001..=5_006).map(|seq| command(seq, &large)).collect();
    journal.append(&few).unwrap();

    let mut count = 0;
    let report = scan(&place, &Settings::new(1), None, |_| {
        count += 1;
        Ok::<(), JournalError>(())
    });
    let report = report.unwrap();
    assert_eq!((count, report.frames), (5_006, 5));
    const { assert!(FRAME_RECORDS_MAX < 5_000 && FRAME_BYTES_MAX < 3 * 400_000) };
}

#[test]
fn journal_011_a_record_that_fits_in_no_frame_is_refused_before_anything_is_written() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    let before = disk.operations();
    let large = payload(2, 20_000);
    let refused = journal.append(&[command(1, b"fits"), command(2, &large)]).unwrap_err();
    expect!["record of 20000 bytes is over the limit of 16295"].assert_eq(&refused.to_string());
    assert_eq!(disk.operations(), before);
    append(&mut journal, 1, 16_295).unwrap();
    assert_eq!(read(&disk).unwrap().1, vec![(1, payload(1, 16_295))]);
}

#[test]
fn journal_012_a_state_hash_is_kept_once_and_costs_no_sequence() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 2, 8).unwrap();
    let hash = Record::StateHash { seq: Seq(2), at: at(2), hash: [2; 32] };
    journal.append(&[hash, command(3, b"x")]).unwrap();
    journal.append(&[Record::StateHash { seq: Seq(3), at: at(3), hash: [3; 32] }]).unwrap();
    journal.close().unwrap();

    // Opened and closed over and over, a journal does not grow.
    let mut lengths = Vec::new();
    for _ in 0..10 {
        let (mut journal, report, commands) = open(&disk).unwrap();
        assert!(report.ended_cleanly);
        assert_eq!(commands.len(), 3);
        journal.append(&[Record::StateHash { seq: Seq(3), at: at(3), hash: [3; 32] }]).unwrap();
        journal.close().unwrap();
        lengths.push(disk.read(&segments(&disk)[0]).unwrap().len());
    }
    assert_eq!(lengths, vec![lengths[0]; 10]);
    assert_eq!(read(&disk).unwrap().0.frames, 4);
}

#[test]
fn journal_013_a_journal_of_another_shard_or_other_rules_is_refused() {
    let disk = SimulatedDisk::default();
    create(&disk).close().unwrap();
    let try_open = |settings| {
        let opened = Journal::open(place(&disk), settings, None, |_| Ok::<(), JournalError>(()));
        opened.map(|_| ()).unwrap_err().to_string()
    };
    expect!["/data/journal/0000000000000001.seg belongs to shard 0, this is shard 3"]
        .assert_eq(&try_open(Settings { shard: 3, ..settings() }));
    expect!["/data/journal/0000000000000001.seg follows rules version 1, this binary follows 2"]
        .assert_eq(&try_open(Settings { rules: 2, ..settings() }));
}

#[test]
fn journal_013_only_segments_lie_in_the_journals_directory() {
    let disk = SimulatedDisk::default();
    assert!(!place(&disk).has_journal().unwrap());
    let missing = read(&disk).unwrap_err().to_string();
    expect!["no journal in /data/journal"].assert_eq(&missing);

    create(&disk).close().unwrap();
    assert!(place(&disk).has_journal().unwrap());
    let again = Journal::create(place(&disk), settings(), at(0)).map(|_| ()).unwrap_err();
    expect!["a journal exists in /data/journal"].assert_eq(&again.to_string());

    disk.create("/data/journal/notes.txt".as_ref()).unwrap();
    let stray = read(&disk).unwrap_err().to_string();
    expect!["/data/journal/notes.txt is not a journal segment and must not lie there"]
        .assert_eq(&stray);
}

#[test]
fn journal_006_a_failed_sync_is_final() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 1, 8).unwrap();
    disk.fail_at(disk.operations(), Fault::SyncFails);
    let failed = append(&mut journal, 1, 8).unwrap_err();
    expect!["cannot sync /data/journal/0000000000000001.seg: input/output error"]
        .assert_eq(&failed.to_string());
    assert_eq!(journal.position().seq, Seq(1));

    // The disk works again, and the journal does not believe it.
    let before = disk.operations();
    let stopped = journal.append(&[command(2, b"again")]).unwrap_err();
    assert!(matches!(stopped, JournalError::Stopped), "{stopped}");
    assert!(matches!(journal.close(), Err(JournalError::Stopped)));
    assert_eq!(disk.operations(), before);
}

#[test]
fn journal_006_a_full_disk_is_final_and_loses_nothing() {
    for operation in 0..12 {
        let disk = SimulatedDisk::default();
        let mut journal = create(&disk);
        disk.fail_at(disk.operations() + operation, Fault::DiskFull);
        let acknowledged = (0..20).take_while(|_| append(&mut journal, 1, 3_000).is_ok()).count();
        let stopped = append(&mut journal, 1, 8).unwrap_err();
        assert!(matches!(stopped, JournalError::Stopped), "{stopped}");
        drop(journal);

        let (_, _, commands) = open(&disk.after_power_cut(operation)).unwrap();
        assert!(acknowledged <= commands.len());
    }
}

#[test]
fn journal_008_what_recovery_has_shown_is_durable() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 1, 8).unwrap();
    disk.fail_at(disk.operations(), Fault::SyncFails);
    append(&mut journal, 1, 8).unwrap_err();
    drop(journal);

    // The frame whose sync failed is in the system's memory, and nowhere else.
    let (restarted, _, shown) = open(&disk.after_kill()).unwrap();
    assert_eq!(shown.len(), 2);
    drop(restarted);
    let restarted = disk.after_kill();
    drop(open(&restarted).unwrap());
    for seed in 0..32 {
        let (_, commands) = read(&restarted.after_power_cut(seed)).unwrap();
        assert_eq!(commands, shown);
    }
}

#[test]
fn journal_009_a_data_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new/data");
    let lock = DirLock::acquire(&data).unwrap();
    let second = DirLock::acquire(&data).unwrap_err();
    assert!(matches!(second, LockError::Held { .. }));
    assert_eq!(second.to_string(), format!("{} is open in another process", data.display()));
    drop(lock);
    DirLock::acquire(&data).unwrap();
}

#[test]
fn journal_010_a_real_disk_does_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let place = DataDir::new(RealDisk, dir.path().join("data"));
    assert!(!place.has_journal().unwrap());
    let mut journal = Journal::create(place.clone(), settings(), at(0)).unwrap();
    for seq in 1..=20 {
        journal.append(&[command(seq, &payload(seq, 2_000))]).unwrap();
    }
    // Killed: no end marker, and half a frame in the segment.
    drop(journal);
    let last = place.root().join("journal/000000000000000f.seg");
    let mut file = RealDisk.open(&last).unwrap();
    file.write_at(b"TNRF torn", 7 * 4_096).unwrap();

    let nothing = |_: Record<'_>| Ok::<(), JournalError>(());
    let (journal, report) = Journal::open(place.clone(), settings(), None, nothing).unwrap();
    assert_eq!((report.commands, report.torn_tail_bytes), (20, 9));
    journal.close().unwrap();
    let report = scan(&place, &settings(), None, nothing).unwrap();
    assert_eq!((report.commands, report.torn_tail_bytes), (20, 0));
    assert!(report.ended_cleanly);

    let (mut journal, _) = Journal::open(place.clone(), settings(), None, nothing).unwrap();
    journal.append(&[command(21, b"and on")]).unwrap();
    assert_eq!(scan(&place, &settings(), None, nothing).unwrap().commands, 21);
}
