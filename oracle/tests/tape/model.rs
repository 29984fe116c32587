//! Any sequence of appends, closings and crashes is what a list in memory would be.

use instruments::{Nanos, Seq};
use oracle::io::tape::{Body, Clock, Entry, Label, Refused, Row, Tape, TapeError, audit};
use proptest::prelude::*;

use crate::market::FIRST_TICK;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u16>),
    Close,
    Drop,
    /// The process dies while it writes: so many bytes of what would have come next.
    Tear(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(1..200_u16, 1..6).prop_map(Step::Append),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
        1 => (1..80_usize).prop_map(Step::Tear),
    ]
}

fn refusal(length: u16) -> Row {
    let source = Label::new("model").expect("sound");
    let body = Body { source, fetched_at: Nanos::new(u64::from(length)), body_hash: [1; 32] };
    Row::Refused(Refused { grade: None, body, reason: "x".repeat(usize::from(length)) })
}

fn rows_of(entries: &[Entry]) -> Vec<(Seq, Nanos, Row)> {
    entries.iter().map(|it| (it.seq, it.written_at, it.row.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// TAPE-001: rows are there in order, once, from 1, whatever comes between.
    #[test]
    fn tape_001_a_tape_is_a_list_whatever_happens_to_its_process(steps in prop::collection::vec(step(), 1..16)) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("tape");
        let mut model: Vec<(Seq, Nanos, Row)> = Vec::new();
        let mut links = Vec::new();
        let mut tape = Some(Tape::create(&dir, FIRST_TICK, Clock::Wall).unwrap());
        let mut now = 1;
        for step in steps {
            match step {
                Step::Append(lengths) => {
                    let rows: Vec<Row> = lengths.into_iter().map(refusal).collect();
                    now += 1;
                    let open = tape.as_mut().unwrap();
                    let first = open.append(Nanos::new(now), &rows).unwrap();
                    prop_assert_eq!(usize::try_from(first.0).unwrap(), model.len() + 1);
                    for row in rows {
                        let seq = Seq(u64::try_from(model.len() + 1).unwrap());
                        model.push((seq, Nanos::new(now), row));
                    }
                    links.push((open.last(), open.head()));
                    continue;
                }
                Step::Close => tape.take().unwrap().close().unwrap(),
                Step::Drop => drop(tape.take()),
                Step::Tear(bytes) => {
                    drop(tape.take());
                    let path = dir.join("rows.log");
                    let mut log = std::fs::read(&path).unwrap();
                    log.extend(std::iter::repeat_n(b'T', bytes));
                    std::fs::write(&path, log).unwrap();
                }
            }
            let scratch = tempfile::tempdir().unwrap();
            let found = audit(&dir, scratch.path()).unwrap();
            prop_assert!(found.is_sound(), "{:?}", found);
            let mut read = Vec::new();
            let (opened, opening) = Tape::open(&dir, &mut |entry| {
                read.push(entry);
                Ok(())
            }).unwrap();
            prop_assert_eq!(opening.torn_bytes, found.torn_bytes);
            prop_assert_eq!(rows_of(&read), model.clone());
            for (seq, link) in &links {
                prop_assert_eq!(read[usize::try_from(seq.0).unwrap() - 1].link, *link);
                prop_assert_eq!(opened.row(*seq).unwrap().link, *link);
            }
            tape = Some(opened);
        }
    }
}

/// TAPE-018: two processes on one tape would make two histories.
#[test]
fn tape_018_a_tape_has_one_writer() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let tape = Tape::create(&dir, FIRST_TICK, Clock::Wall).unwrap();
    let second = Tape::open(&dir, &mut |_| Ok(())).map(|_| ()).unwrap_err();
    assert!(matches!(second, TapeError::Held { .. }), "{second}");
    let scratch = tempfile::tempdir().unwrap();
    assert!(matches!(audit(&dir, scratch.path()), Err(TapeError::Held { .. })));
    tape.close().unwrap();
    assert!(audit(&dir, scratch.path()).unwrap().is_sound());
}
