//! What is not taken.

use instruments::{Nanos, NanosSpan, Seq};
use oracle::io::tape::{
    BATCH_ROWS_MAX, Body, Clock, Label, Refused, Revised, Row, RowError, Tape, TapeError,
};

use crate::market::{FIRST_TICK, at, grade, record};

fn refusal(reason: &str) -> Row {
    let body = Body { source: grade("feed"), fetched_at: at(0), body_hash: [0; 32] };
    Row::Refused(Refused { grade: None, body, reason: reason.to_owned() })
}

/// TAPE-015: what is over a limit is refused with the limit, and nothing of its batch is written.
#[test]
fn tape_015_what_is_over_a_limit_is_refused_and_nothing_of_it_is_written() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let mut tape = Tape::create(&dir, FIRST_TICK, Clock::Wall).unwrap();
    tape.append(at(1), &[refusal("first")]).unwrap();
    let before = std::fs::read(dir.join("rows.log")).unwrap();

    let mut refused = |rows: &[Row], at: Nanos| tape.append(at, rows).unwrap_err().to_string();
    assert_eq!(refused(&[], at(1)), "rows of the batch: 0, not between 1 and 8192");
    let many = vec![refusal("x"); BATCH_ROWS_MAX + 1];
    assert_eq!(refused(&many, at(1)), "rows of the batch: 8193, not between 1 and 8192");
    let long = [refusal("fine"), refusal(&"x".repeat(257))];
    assert_eq!(
        refused(&long, at(1)),
        "row 1 of the batch: reason of 257 bytes is not 1 to 256 printable characters"
    );
    let early = at(1) - NanosSpan::new(1);
    assert!(refused(&[refusal("x")], early).starts_with("written at "), "time runs backwards");

    let printed = {
        let other = root.path().join("other");
        record(&other, 1);
        let mut printed = None;
        let (tape, _) = Tape::open(&other, &mut |entry| {
            if let Row::Printed(it) = entry.row {
                printed = Some(it);
            }
            Ok(())
        })
        .unwrap();
        tape.close().unwrap();
        printed.unwrap()
    };
    let revised = |inputs: usize| {
        let (reason, inputs) = ("x".to_owned(), vec![Seq(1); inputs]);
        Row::Revised(Revised { of: Seq(1), reason, inputs, printed: printed.clone() })
    };
    let error = refused(&[revised(8_192)], at(1));
    assert!(error.ends_with("limit 65536"), "{error}");
    let error = refused(&vec![revised(8_000); 300], at(1));
    assert!(error.starts_with("bytes of the batch: "), "{error}");

    assert_eq!(std::fs::read(dir.join("rows.log")).unwrap(), before);
    assert_eq!(tape.append(at(1), &[refusal("second")]).unwrap(), Seq(2));
}

/// TAPE-015: a name is short and printable.
#[test]
fn tape_015_a_name_is_short_and_printable() {
    for name in ["", "a\nb", "é", "a".repeat(65).as_str()] {
        assert_eq!(Label::new(name), Err(RowError::Label { len: name.len() }));
    }
    assert!(Label::new(&"a".repeat(64)).is_ok());
}

/// TAPE-017: a tape begins in a directory of its own.
#[test]
fn tape_017_a_tape_begins_in_an_empty_directory_only() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let missing = Tape::open(&dir, &mut |_| Ok(())).map(|_| ()).unwrap_err();
    assert!(matches!(missing, TapeError::NoTape { .. }), "{missing}");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("notes.txt"), b"mine").unwrap();
    let refused = Tape::create(&dir, FIRST_TICK, Clock::Wall).map(|_| ()).unwrap_err();
    assert!(matches!(refused, TapeError::NotEmpty { .. }), "{refused}");
    std::fs::remove_file(dir.join("notes.txt")).unwrap();
    Tape::create(&dir, FIRST_TICK, Clock::Wall).unwrap().close().unwrap();
    let twice = Tape::create(&dir, FIRST_TICK, Clock::Wall).map(|_| ()).unwrap_err();
    assert!(matches!(twice, TapeError::NotEmpty { .. }), "{twice}");
}
