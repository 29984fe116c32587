//! Wrong bytes, missing ends, and what an audit says of them.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use instruments::Seq;
use oracle::io::tape::{Audit, Clock, Fault, FileProblem, Recorder, Tape, TapeError, audit};

use crate::market::{FIRST_TICK, at, copy, record, shown};

fn audited(dir: &Path) -> Audit {
    let scratch = tempfile::tempdir().expect("sound");
    audit(dir, scratch.path()).expect("sound")
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).expect("sound");
    bytes[offset] ^= 1 << (offset % 8);
    fs::write(path, bytes).expect("sound");
}

/// Every file of a tape with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("sound") {
        let path = entry.expect("sound").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).expect("sound");
            found.insert(path, bytes);
        }
    }
    found
}

/// TAPE-002: a wrong byte of the log is named by the row that it is in, sealed or not.
#[test]
fn tape_002_every_wrong_byte_of_the_log_is_found_and_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let (mut recorder, _) = Recorder::open(&dir, FIRST_TICK, Clock::Ticks).unwrap();
    for tick in 0..2 {
        let two = shown(tick).into_iter().map(|(grade, rows)| (grade, rows[..2].to_vec()));
        recorder.tick(at(tick), at(tick), &two.collect()).unwrap();
    }
    recorder.close().unwrap();
    let log = dir.join("rows.log");
    let whole = fs::read(&log).unwrap();
    let rows = audited(&dir);
    assert!(rows.is_sound() && rows.is_sealed, "{rows:?}");
    fs::remove_file(dir.join("seal")).unwrap();

    let mut named = BTreeMap::new();
    for offset in 0..whole.len() {
        flip(&log, offset);
        let found = audited(&dir);
        assert!(!found.is_sound(), "byte {offset} of {}", whole.len());
        for fault in &found.faults {
            if let Fault::Rows { first, last } = fault {
                assert!(first <= last && *last <= Seq(rows.rows), "byte {offset}: {fault}");
                *named.entry("rows").or_insert(0) += 1;
            } else {
                assert_eq!(*fault, Fault::Header, "byte {offset}");
                *named.entry("header").or_insert(0) += 1;
            }
        }
        fs::write(&log, &whole).unwrap();
    }
    assert!(audited(&dir).is_sound());
    assert_eq!(named["header"], 49);
    assert!(whole.len() - 49 <= named["rows"], "{named:?}");
}

/// TAPE-003: one wrong byte inside a row costs that row its name and no other.
#[test]
fn tape_003_a_wrong_byte_in_a_row_names_that_row_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 4);
    fs::remove_file(dir.join("seal")).unwrap();
    let log = dir.join("rows.log");
    let whole = fs::read(&log).unwrap();
    // The third row: a header, a frame's head, two rows of the same length as it, its own length, then its bytes and its link.
    let row_bytes = |at: usize| {
        usize::try_from(u32::from_le_bytes(whole[at..at + 4].try_into().unwrap())).unwrap()
    };
    let first = 49 + 36;
    let second = first + 4 + row_bytes(first) + 32;
    let third = second + 4 + row_bytes(second) + 32;
    for offset in [
        third + 4,
        third + 3 + row_bytes(third),
        third + 4 + row_bytes(third),
        third + 35 + row_bytes(third),
    ] {
        flip(&log, offset);
        let found = audited(&dir);
        let expected = [Fault::Rows { first: Seq(3), last: Seq(3) }];
        let of_log: Vec<_> =
            found.faults.iter().filter(|it| matches!(it, Fault::Rows { .. })).collect();
        assert_eq!(of_log, expected.iter().collect::<Vec<_>>(), "byte {offset}");
        fs::write(&log, &whole).unwrap();
    }
}

/// TAPE-004: of a closed tape no byte of any file can be another: its seal has the hash of each.
#[test]
fn tape_004_a_wrong_byte_in_any_file_of_a_closed_tape_is_found() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 3);
    let names = files(&dir);
    assert!(names.keys().any(|path| path.ends_with("store/db")), "{:?}", names.keys());
    for (path, whole) in &names {
        // Small files byte by byte; of sled's log every 61st.
        let step = if whole.len() < 512 { 1 } else { 61 };
        for offset in (0..whole.len()).step_by(step) {
            flip(path, offset);
            let found = audited(&dir);
            let short = path.strip_prefix(&dir).unwrap().display().to_string();
            let is_named = found.faults.iter().any(|fault| {
                *fault == Fault::File { path: short.clone(), problem: FileProblem::Contents }
            });
            assert!(is_named, "byte {offset} of {short}: {:?}", found.faults);
            fs::write(path, whole).unwrap();
        }
        fs::remove_file(path).unwrap();
        if !path.ends_with("rows.log") {
            let is_sealless = path.ends_with("seal");
            assert_eq!(audited(&dir).is_sound(), is_sealless, "without {}", path.display());
        }
        fs::write(path, whole).unwrap();
    }
    assert!(audited(&dir).is_sound());
}

/// TAPE-005: without a seal a wrong byte of sled's log is either found, or in a place from which nothing is read.
#[test]
fn tape_005_a_wrong_byte_that_changes_what_the_store_says_is_found_without_a_seal() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 3);
    fs::remove_file(dir.join("seal")).unwrap();
    let db = dir.join("store/db");
    let whole = fs::read(&db).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
    let flips = std::env::var("TENOR_TAPE_FLIPS").ok().and_then(|flips| flips.parse().ok());
    let (mut found, mut silent) = (0, 0);
    for &offset in used.iter().step_by((used.len() / flips.unwrap_or(120)).max(1)) {
        flip(&db, offset);
        // The audit reads every entry and compares it with the log: what it passes is what was written.
        if audited(&dir).is_sound() {
            silent += 1
        } else {
            found += 1
        }
        fs::write(&db, &whole).unwrap();
    }
    println!(
        "of {} bytes {} are not zero; {found} flips found, {silent} not",
        whole.len(),
        used.len()
    );
    assert!(30 < found, "{found} found, {silent} silent");
}

/// TAPE-007: an end that is missing is told apart from bytes that are wrong, and from an append that nobody was told of.
#[test]
fn tape_007_a_cut_tail_is_called_cut() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 4);
    let rows = audited(&dir).rows;
    fs::remove_file(dir.join("seal")).unwrap();
    let log = dir.join("rows.log");
    let whole = fs::read(&log).unwrap();
    for len in (50..whole.len()).step_by(7) {
        fs::write(&log, &whole[..len]).unwrap();
        let found = audited(&dir);
        let cut = found.faults.iter().find_map(|fault| {
            let Fault::Cut { first, last } = fault else { return None };
            Some((first.0, last.0))
        });
        let (first, last) = cut.unwrap_or_else(|| panic!("cut to {len}: {:?}", found.faults));
        assert_eq!((first, last), (found.rows + 1, rows), "cut to {len}");
        let refused = Tape::open(&dir, &mut |_| Ok(())).map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, TapeError::Damaged { fault: Fault::Cut { .. }, .. }),
            "{refused}"
        );
        assert_eq!(fs::metadata(&log).unwrap().len(), u64::try_from(len).unwrap());
    }
}

/// TAPE-008: an append that a crash cut short was never acknowledged: it is dropped whole, and the opening says so.
#[test]
fn tape_008_a_torn_append_is_dropped_and_told() {
    let root = tempfile::tempdir().unwrap();
    let (dir, longer) = (root.path().join("tape"), root.path().join("longer"));
    record(&dir, 3);
    let before = fs::read(dir.join("rows.log")).unwrap();
    record(&longer, 4);
    let after = fs::read(longer.join("rows.log")).unwrap();
    assert!(after.starts_with(&before), "the same ticks give the same bytes");
    fs::remove_file(dir.join("seal")).unwrap();
    for len in (before.len() + 1..after.len()).step_by(11) {
        let copied = root.path().join(format!("cut-{len}"));
        copy(&dir, &copied);
        fs::write(copied.join("rows.log"), &after[..len]).unwrap();
        let torn = u64::try_from(len - before.len()).unwrap();
        let found = audited(&copied);
        assert!(found.is_sound() && found.torn_bytes == torn, "{len}: {found:?}");
        let (mut recorder, opening) = Recorder::open(&copied, FIRST_TICK, Clock::Ticks).unwrap();
        assert_eq!((opening.torn_bytes, opening.caught_up), (torn, 0));
        recorder.tick(at(3), at(3), &shown(3)).unwrap();
        recorder.close().unwrap();
        assert_eq!(fs::read(copied.join("rows.log")).unwrap(), after);
        fs::remove_dir_all(copied).unwrap();
    }
    // All of the append in the log and nothing of it in the store: kept, and told.
    fs::write(dir.join("rows.log"), &after).unwrap();
    let found = audited(&dir);
    assert!(found.is_sound() && 0 < found.behind, "{found:?}");
    let (recorder, opening) = Recorder::open(&dir, FIRST_TICK, Clock::Ticks).unwrap();
    assert_eq!(opening.caught_up, found.behind);
    assert_eq!(recorder.last_tick(), Some(at(3)));
    recorder.close().unwrap();
    assert!(audited(&dir).is_sound());
}

/// TAPE-009: what is damaged is not opened, and nothing in it changes in the attempt.
#[test]
fn tape_009_a_damaged_tape_is_not_opened_and_its_log_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 3);
    let log = dir.join("rows.log");
    let len = fs::read(&log).unwrap().len();
    for offset in [3, 60, 200, len / 2, len - 1] {
        flip(&log, offset);
        let before = files(&dir);
        let refused = Tape::open(&dir, &mut |_| Ok(())).map(|_| ()).unwrap_err();
        assert!(matches!(refused, TapeError::Damaged { .. }), "{refused}");
        assert_eq!(files(&dir), before, "byte {offset}");
        flip(&log, offset);
    }
    // A store from another day, beside the whole log.
    let other = root.path().join("other");
    record(&other, 1);
    fs::remove_dir_all(dir.join("store")).unwrap();
    copy(&other.join("store"), &dir.join("store"));
    fs::remove_file(dir.join("seal")).unwrap();
    let refused = Tape::open(&dir, &mut |_| Ok(())).map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, TapeError::Damaged { fault: Fault::StoreCut { .. }, .. }),
        "{refused}"
    );
    let file = OpenOptions::new().write(true).open(dir.join("store/db")).unwrap();
    file.set_len(100).unwrap();
    assert!(!audited(&dir).is_sound());
}
