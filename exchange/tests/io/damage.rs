//! One wrong byte is found wherever it can matter.

use std::path::Path;

use exchange::io::{Damage, Disk, DiskFile, JournalError, SimulatedDisk};
use expect_test::expect;

use crate::world::{BLOCK, append, create, flip, open, read, segments};

/// Two segments; frames of one, three and one block, then single ones.
fn written() -> (SimulatedDisk, exchange::io::Journal<SimulatedDisk>) {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 2, 100).unwrap();
    append(&mut journal, 3, 3_000).unwrap();
    for _ in 0..5 {
        append(&mut journal, 1, 50).unwrap();
    }
    assert_eq!(segments(&disk).len(), 2);
    (disk, journal)
}

/// Where the frame, or header, with this byte begins.
fn frame_of(is_first_segment: bool, offset: u64) -> u64 {
    let block = offset / BLOCK;
    if is_first_segment && (2..5).contains(&block) { 2 * BLOCK } else { block * BLOCK }
}

fn damage_at(disk: &SimulatedDisk) -> Option<(std::path::PathBuf, u64, Damage)> {
    match read(disk) {
        Err(JournalError::Damaged { file, offset, what }) => Some((file, offset, what)),
        Ok(_) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Every byte of every head, and one in thirteen of all others.
fn check_bytes(disk: &SimulatedDisk, is_checked: impl Fn(usize, u64) -> bool) {
    for (index, path) in segments(disk).iter().enumerate() {
        for offset in 0..u64::try_from(disk.read(path).unwrap().len()).unwrap() {
            let is_sampled = offset % BLOCK < 160 || offset % 13 == 0;
            if !is_sampled || !is_checked(index, offset) {
                continue;
            }
            flip(disk, path, offset);
            let (file, found, _) = damage_at(disk)
                .unwrap_or_else(|| panic!("byte {offset} of {path:?} is wrong and nobody minds"));
            assert_eq!((&file, found), (path, frame_of(index == 0, offset)), "byte {offset}");
            flip(disk, path, offset);
        }
    }
    assert_eq!(damage_at(disk), None);
}

#[test]
fn journal_004_after_a_clean_end_every_wrong_byte_is_damage() {
    let (disk, journal) = written();
    journal.close().unwrap();
    check_bytes(&disk, |_, _| true);
}

#[test]
fn journal_003_every_wrong_byte_before_the_last_frame_is_damage() {
    let (disk, journal) = written();
    drop(journal);
    let last_frame = 2 * BLOCK;
    check_bytes(&disk, |segment, offset| segment == 0 || offset < last_frame);
}

#[test]
fn journal_002_a_wrong_byte_in_the_last_frame_after_a_crash_is_a_torn_tail() {
    let (disk, journal) = written();
    drop(journal);
    let path = &segments(&disk)[1];
    for offset in (2 * BLOCK..3 * BLOCK).step_by(7) {
        flip(&disk, path, offset);
        let (report, commands) = read(&disk).unwrap();
        assert_eq!(commands.len(), 9, "byte {offset}");
        assert!(1 <= report.torn_tail_bytes && report.torn_tail_bytes <= BLOCK);
        flip(&disk, path, offset);
    }
    assert_eq!(read(&disk).unwrap().1.len(), 10);
}

#[test]
fn journal_005_a_damaged_journal_is_not_opened_and_not_touched() {
    let (disk, journal) = written();
    drop(journal);
    flip(&disk, &segments(&disk)[0], 3 * BLOCK);
    let before = disk.operations();
    let refused = open(&disk).map(|_| ()).unwrap_err();
    expect!["journal is damaged in /data/journal/0000000000000001.seg at offset 8192: frame fails its checksum"]
        .assert_eq(&refused.to_string());
    assert_eq!(disk.operations(), before);
}

#[test]
fn journal_007_a_missing_segment_is_damage() {
    for (missing, message) in [
        (
            0,
            expect![
                "journal is damaged in /data/journal/0000000000000008.seg at offset 0: sequence 8 where 1 must stand"
            ],
        ),
        (
            1,
            expect![
                "journal is damaged in /data/journal/000000000000000f.seg at offset 0: sequence 15 where 8 must stand"
            ],
        ),
        (
            2,
            expect![
                "journal is damaged in /data/journal/0000000000000008.seg at offset 32768: the next segment is missing"
            ],
        ),
    ] {
        let disk = SimulatedDisk::default();
        let mut journal = create(&disk);
        for _ in 0..16 {
            append(&mut journal, 1, 8).unwrap();
        }
        journal.close().unwrap();
        disk.remove(&segments(&disk)[missing]).unwrap();
        message.assert_eq(&read(&disk).unwrap_err().to_string());
    }
}

#[test]
fn journal_007_a_segment_of_another_journal_is_damage() {
    let (disk, journal) = written();
    journal.close().unwrap();
    let other = SimulatedDisk::default();
    let mut journal = create(&other);
    append(&mut journal, 2, 101).unwrap();
    append(&mut journal, 3, 3_000).unwrap();
    for _ in 0..5 {
        append(&mut journal, 1, 50).unwrap();
    }
    journal.close().unwrap();
    let path = &segments(&disk)[1];
    let foreign = other.read(path).unwrap();
    disk.create(path).unwrap().write_at(&foreign, 0).unwrap();
    expect![
        "journal is damaged in /data/journal/0000000000000009.seg at offset 0: hash chain is broken"
    ]
    .assert_eq(&read(&disk).unwrap_err().to_string());

    let renamed = Path::new("/data/journal/000000000000000a.seg");
    disk.rename(path, renamed).unwrap();
    expect!["journal is damaged in /data/journal/000000000000000a.seg at offset 0: segment begins at sequence 9 and is named otherwise"]
        .assert_eq(&read(&disk).unwrap_err().to_string());
}

#[test]
fn journal_007_a_frame_of_another_history_is_damage() {
    let (disk, journal) = written();
    drop(journal);
    // The same header, and commands of the same sizes: only the chain tells.
    let other = SimulatedDisk::default();
    let mut journal = create(&other);
    append(&mut journal, 1, 200).unwrap();
    append(&mut journal, 1, 0).unwrap();
    append(&mut journal, 3, 3_000).unwrap();
    drop(journal);
    let path = &segments(&disk)[0];
    let foreign = other.read(path).unwrap()[3 * 4_096..6 * 4_096].to_vec();
    disk.open(path).unwrap().write_at(&foreign, 2 * BLOCK).unwrap();
    expect!["journal is damaged in /data/journal/0000000000000001.seg at offset 8192: hash chain is broken"]
        .assert_eq(&read(&disk).map(|_| ()).unwrap_err().to_string());
}

#[test]
fn journal_007_a_frame_that_was_never_written_is_damage_when_others_follow() {
    let (disk, journal) = written();
    drop(journal);
    let path = &segments(&disk)[1];
    disk.open(path).unwrap().write_at(&[0; 4_096], BLOCK).unwrap();
    expect!["journal is damaged in /data/journal/0000000000000009.seg at offset 4096: no frame begins here"]
        .assert_eq(&read(&disk).map(|_| ()).unwrap_err().to_string());
}

#[test]
fn journal_003_a_frame_inside_a_payload_is_not_taken_for_a_frame() {
    let disk = SimulatedDisk::default();
    let mut journal = create(&disk);
    append(&mut journal, 1, 8).unwrap();
    let forged = disk.read(&segments(&disk)[0]).unwrap()[4_096..8_192].to_vec();
    drop(journal);

    // The same bytes in another journal, on a block of a frame that was torn there: a client may well have sent them.
    let disk = SimulatedDisk::default();
    let mut journal = exchange::io::Journal::create(
        crate::world::place(&disk),
        crate::world::settings(),
        crate::world::at(9),
    )
    .unwrap();
    append(&mut journal, 1, 8).unwrap();
    drop(journal);
    let path = &segments(&disk)[0];
    let mut file = disk.open(path).unwrap();
    file.write_at(b"torn", 2 * BLOCK).unwrap();
    file.write_at(&forged, 3 * BLOCK).unwrap();
    let (report, commands) = read(&disk).unwrap();
    assert_eq!(commands.len(), 1);
    assert!(BLOCK < report.torn_tail_bytes);
}
