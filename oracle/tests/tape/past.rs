//! What was known when, and going on after an end.

use instruments::{MicroUsd, Nanos, NanosSpan, Seq};
use oracle::io::tape::{
    Clock, Evidence, Label, Recorder, Refused, Row, Shown, TapeError, Window, audit, explain,
};
use oracle::{Index, Observation, Params, ProviderId};

use crate::market::{FIRST_TICK, at, grade, public, record, shown};

const WHOLE: (Nanos, Nanos) = (Nanos::new(0), Nanos::new(u64::MAX));

fn window(grade: &Label) -> Window<'_> {
    Window { grade, from: WHOLE.0, to: WHOLE.1 }
}

/// TAPE-010: the index that a tape is recorded with is the index, and a tape that is opened again goes on with it.
#[test]
fn tape_010_a_recorder_that_opens_a_tape_goes_on_as_if_it_had_never_stopped() {
    let root = tempfile::tempdir().unwrap();
    let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
    record(&whole, 30);
    let mut index = Index::new(Params::default());
    for tick in 0..30 {
        // Every third one is not closed but dropped.
        let (mut recorder, opening) = Recorder::open(&parts, FIRST_TICK, Clock::Ticks).unwrap();
        assert_eq!(opening.was_sealed, tick != 0 && (tick - 1) % 3 != 0, "{tick}");
        let shown = shown(tick);
        let prints = recorder.tick(at(tick), at(tick), &shown).unwrap();
        let quotes: Vec<_> = shown[&grade("H100")].iter().map(|(it, _)| it.clone()).collect();
        assert_eq!(prints[0].print, index.tick(at(tick), &quotes));
        let again = recorder.tick(at(tick), at(tick), &shown).unwrap_err();
        assert!(matches!(again, TapeError::TickNotLater { .. }), "{again}");
        if tick % 3 == 0 {
            drop(recorder);
        } else {
            recorder.close().unwrap();
        }
    }
    let read = |dir: &std::path::Path| std::fs::read(dir.join("rows.log")).unwrap();
    assert_eq!(read(&whole), read(&parts));
    let scratch = tempfile::tempdir().unwrap();
    let found = audit(&parts, scratch.path()).unwrap();
    assert!(found.is_sound() && found.is_sealed, "{found:?}");
    assert_eq!((found.ticks, found.prints, found.grades), (30, 30, 1));
}

/// TAPE-011: a revision stands beside what it replaces, and each is what was known at its time.
#[test]
fn tape_011_what_was_known_is_not_changed_by_what_came_to_be_known() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let h100 = grade("H100");
    let (mut recorder, _) = Recorder::open(&dir, FIRST_TICK, Clock::Wall).unwrap();
    for tick in 0..10 {
        recorder.tick(at(tick), at(tick), &shown(tick)).unwrap();
    }
    let before = recorder.tape().known(&window(&h100), at(9)).unwrap();
    let sixth = &before[6];
    // All inputs of the seventh tick but two were wrong: the print is made again from those.
    let inputs = Window { from: at(6), to: at(6), grade: &h100 };
    let rows = recorder.tape().inputs(&inputs, WHOLE.1).unwrap();
    let kept: Vec<Seq> = rows.iter().take(2).map(|entry| entry.seq).collect();
    let late = at(9) + NanosSpan::from_seconds(60);
    let told = ("the other quotes were for another grade", kept.clone());
    let revised = recorder.revise(late, sixth.seq, told).unwrap();
    assert_ne!(revised.print, sixth.printed.print);
    assert_eq!(usize::try_from(revised.inputs), Ok(kept.len()));

    let known = |as_of| recorder.tape().known(&window(&h100), as_of).unwrap();
    assert_eq!(known(at(9)), before);
    assert_eq!(known(at(4)).len(), 5);
    let now = known(late);
    assert_eq!(now.len(), 10);
    assert_eq!((now[6].printed.print.clone(), now[6].written_at), (revised.print, late));
    assert_eq!(now[6].replaces.as_ref().map(|(seq, _)| *seq), Some(sixth.seq));
    let every = recorder.tape().every_print(&window(&h100), WHOLE.1).unwrap();
    assert_eq!(every.len(), 11);
    assert_eq!((every[6].seq, every[6].superseded_at), (sixth.seq, Some(late)));

    // A print can be revised once; what replaced it can be revised again.
    let twice = recorder.revise(late, sixth.seq, ("again", kept.clone())).unwrap_err();
    assert!(matches!(twice, TapeError::Revision { .. }), "{twice}");
    recorder.revise(late, now[6].seq, ("again", kept)).unwrap();
    let stranger = recorder.revise(late, Seq(1), ("no print", Vec::new())).unwrap_err();
    assert_eq!(stranger.to_string(), "row 1 cannot be revised: it is no print");
    recorder.tick(at(10), late, &shown(10)).unwrap();
    recorder.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let found = audit(&dir, scratch.path()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.prints, found.revisions), (11, 2));
}

/// TAPE-012: refusals and withheld prints are rows like others.
#[test]
fn tape_012_what_was_refused_and_what_was_withheld_stands_on_the_tape() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let (mut recorder, _) = Recorder::open(&dir, FIRST_TICK, Clock::Wall).unwrap();
    let Evidence::Public(body) = public(at(0)) else { panic!("public") };
    let reason = "price \"NaN\" is not a number".to_owned();
    let refused = Refused { grade: None, body, reason };
    recorder.refuse(at(0), refused.clone()).unwrap();
    let lonely = shown(0).into_iter().map(|(grade, rows)| (grade, rows[..1].to_vec())).collect();
    let prints = recorder.tick(at(0), at(0), &lonely).unwrap();
    assert_eq!(prints[0].print.value, None);
    // Nobody quoted: the grade says so in every tick.
    assert_eq!(recorder.tick(at(1), at(1), &Shown::new()).unwrap().len(), 1);
    assert_eq!(recorder.tape().row(Seq(1)).unwrap().row, Row::Refused(refused));
    recorder.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let found = audit(&dir, scratch.path()).unwrap();
    assert_eq!((found.refusals, found.observations, found.prints, found.rows), (1, 1, 2, 4));
    assert!(found.is_sound());
}

/// TAPE-013: a print that its inputs do not give is found, by its row.
#[test]
fn tape_013_a_print_that_does_not_follow_from_its_inputs_is_a_mismatch() {
    let root = tempfile::tempdir().unwrap();
    let good = root.path().join("good");
    record(&good, 3);
    let mut rows = Vec::new();
    let (tape, _) = oracle::io::tape::Tape::open(&good, &mut |entry| {
        rows.push(entry);
        Ok(())
    })
    .unwrap();
    tape.close().unwrap();
    // A liar writes a sound tape: other values, another number of inputs, another method, a dearer quote.
    let lies: [fn(&mut Row) -> bool; 4] = [
        |row| {
            let Row::Printed(printed) = row else { return false };
            printed.print.value = Some(MicroUsd::new(2_500_000));
            true
        },
        |row| {
            let Row::Printed(printed) = row else { return false };
            printed.inputs += 1;
            true
        },
        |row| {
            let Row::Printed(printed) = row else { return false };
            printed.print.methodology += 1;
            true
        },
        |row| {
            let Row::Observed(observed) = row else { return false };
            let (old, provider) = (observed.observation.at(), ProviderId::new("elm").unwrap());
            observed.observation =
                Observation::new(old, provider, MicroUsd::new(9_000_000), 3).unwrap();
            true
        },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let dir = root.path().join(format!("lie-{number}"));
        let mut tape = oracle::io::tape::Tape::create(&dir, FIRST_TICK, Clock::Ticks).unwrap();
        let mut told = rows.iter().map(|entry| entry.row.clone()).collect::<Vec<_>>();
        let position = told.iter_mut().rposition(lie).unwrap();
        tape.append(at(3), &told).unwrap();
        tape.close().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let found = audit(&dir, scratch.path()).unwrap();
        assert!(found.faults.is_empty() && !found.is_sound(), "{found:?}");
        assert_eq!(found.mismatches_count, 1, "lie {number}: {:?}", found.mismatches);
        let last_print = u64::try_from(position.max(rows.len() - 1) + 1).unwrap();
        assert_eq!(found.mismatches[0].seq, Seq(last_print), "lie {number}");
        assert!(Recorder::open(&dir, FIRST_TICK, Clock::Ticks).is_err());
    }
}

/// TAPE-014: what is explained is the print on the tape, of the tick at or before the time that is asked for.
#[test]
fn tape_014_an_explanation_is_of_the_print_that_stands_on_the_tape() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    record(&dir, 12);
    let h100 = grade("H100");
    let between = at(7) + NanosSpan::from_seconds(60);
    let asked = explain(&dir, &h100, between).unwrap();
    assert_eq!(asked.range, Some((at(0), at(11))));
    let explained = asked.explained.unwrap();
    let mut index = Index::new(Params::default());
    let mut print = None;
    for tick in 0..=7 {
        let quotes: Vec<_> = shown(tick)[&h100].iter().map(|(it, _)| it.clone()).collect();
        print = Some(index.tick(at(tick), &quotes));
    }
    assert_eq!(Some(explained.print), print);
    let early = explain(&dir, &h100, FIRST_TICK - NanosSpan::new(1)).unwrap();
    assert_eq!((early.range, early.explained), (asked.range, None));
    let unknown = explain(&dir, &grade("B200"), between).unwrap();
    assert_eq!((unknown.range, unknown.explained), (None, None));
}
