//! Observations that their providers signed: they stand on the tape as they came, and are judged again by whoever reads it.

use std::collections::BTreeMap;

use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use oracle::io::sign::{
    Domain, Intake, SignedObservation, SignedReport, SigningKey, cluster_id, merkle_root,
    report_digest,
};
use oracle::io::tape::{
    Clock, Entry, Evidence, Marked, Recorder, Row, Shown, Tape, TapeError, Why, audit,
};
use oracle::{
    ClusterId, Provenance, ProviderId, Registered, Registry, Report, ReporterSet, Statement,
    StatementTerms, Trigger,
};

use crate::market::{CADENCE, FIRST_TICK, at, grade};

const DOMAIN: Domain = Domain { chain_id: 31_337, oracle_id: [0x0a; 32], methodology: [0x0b; 32] };
const KEYS: [u8; 5] = [0x11, 0x22, 0x33, 0x44, 0x55];

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("sound")
}

fn intake() -> Intake {
    let registered = |byte: &u8| {
        let name = format!("p{byte}");
        let provider = ProviderId::new(&name).expect("sound");
        let cluster = ClusterId::new(&name).expect("sound");
        (key(*byte).address(), Registered { provider, cluster, stake: Ppm::ONE })
    };
    let classes = BTreeMap::from([(3, GradeId::new("H100").expect("sound"))]);
    let registry = Registry::new(KEYS.iter().map(registered).collect(), classes).expect("sound");
    let terms = StatementTerms { age_max: CADENCE, epoch: NanosSpan::from_seconds(300) };
    Intake { domain: DOMAIN, terms, registry }
}

fn signed(byte: u8, observed_at: Nanos) -> SignedObservation {
    let statement = Statement {
        schema: 1,
        provider: key(byte).address(),
        cluster_id: cluster_id(&format!("p{byte}")),
        class: 3,
        region: 1,
        total_units: 100,
        leased_units: 60,
        ask_micros: 2_000_000 + u64::from(byte) * 1_000,
        lease_price_micros: 0,
        lease_gpu_seconds: 0,
        window_gpu_seconds: 0,
        window_notional_micros: 0,
        receipts_root: [0; 32],
        observed_at,
        epoch: observed_at.nanos() / NanosSpan::from_seconds(300).nanos(),
        nonce: 1,
    };
    SignedObservation::sign(statement, &DOMAIN, &key(byte)).expect("sound")
}

fn shown(intake: &Intake, now: Nanos) -> Shown {
    let taken = |byte: &u8| {
        let signed = signed(*byte, now);
        let (_, observation) = intake.take(&signed, now).expect("sound");
        (observation, Evidence::Signed { signed: Box::new(signed), taken_at: now })
    };
    Shown::from([(grade("H100"), KEYS.iter().map(taken).collect())])
}

/// TAPE-016: a signature is checked again by whoever reads the tape, under what the tape says it was judged by.
#[test]
fn tape_016_signed_rows_are_judged_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let (mut recorder, _) = Recorder::open(&dir, FIRST_TICK, Clock::Wall).unwrap();
    let shown_first = shown(&intake(), at(0));
    let early = recorder.tick(at(0), at(0), &shown_first).unwrap_err();
    assert!(matches!(early, TapeError::Mismatch { .. }), "{early}");
    recorder.judge_by(at(0), intake()).unwrap();
    let prints = recorder.tick(at(0), at(0), &shown_first).unwrap();
    assert!(prints[0].print.value.is_some());
    recorder.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let found = audit(&dir, scratch.path()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.signed, found.rules, found.rows), (5, 1, 7));

    // The same rows as a liar would write them: one byte of one signature, or one word of one statement, is another.
    let mut rows = Vec::new();
    let (tape, _) = Tape::open(&dir, &mut |entry| {
        rows.push(entry);
        Ok(())
    })
    .unwrap();
    tape.close().unwrap();
    let lies: [fn(&mut SignedObservation); 3] = [
        |signed| signed.signature[40] ^= 1,
        |signed| signed.statement.ask_micros += 1,
        |signed| signed.domain[0] ^= 1,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let why = told(&rows, &root.path().join(format!("lie-{number}")), lie);
        assert!(matches!(why, Why::NotTaken(_)), "lie {number}: {why}");
    }
    // A sound statement, under an observation that says something else.
    let why = told(&rows, &root.path().join("other"), |it| *it = signed(0x55, at(0)));
    assert_eq!(why, Why::OtherStatement);
}

/// TAPE-019: a report is kept when those who make reports have signed just what the tape's print and inputs give.
#[test]
fn tape_019_a_report_says_what_the_tape_says() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tape");
    let (mut recorder, _) = Recorder::open(&dir, FIRST_TICK, Clock::Wall).unwrap();
    recorder.judge_by(at(0), intake()).unwrap();
    let shown = shown(&intake(), at(0));
    let print = recorder.tick(at(0), at(0), &shown).unwrap().remove(0).print;
    let mut statements: Vec<SignedObservation> =
        KEYS.iter().map(|byte| signed(*byte, at(0))).collect();
    statements.sort_by_key(|signed| signed.statement.key().series);
    let from = Provenance {
        grade: GradeId::new("H100").unwrap(),
        height: 1,
        trigger: Trigger::First,
        heartbeat: NanosSpan::from_seconds(300),
        methodology: DOMAIN.methodology,
        inputs_root: merkle_root(&statements),
        inputs: 5,
        previous: [0; 32],
    };
    let report = Report::new(&print, from);
    let keys = [0x61, 0x62, 0x63, 0x64];
    let reported = |report: &Report, by: &[u8]| {
        let digest = report_digest(report, &DOMAIN);
        let mut keys: Vec<SigningKey> = by.iter().map(|byte| key(*byte)).collect();
        keys.sort_by_key(SigningKey::address);
        let signatures = keys.iter().map(|key| key.sign(&digest).unwrap()).collect();
        SignedReport { report: report.clone(), signatures, written_at: at(0) }
    };
    let nobody = recorder.report(at(0), reported(&report, &keys)).unwrap_err();
    assert!(matches!(nobody, TapeError::Mismatch { .. }), "{nobody}");
    let set = ReporterSet::new(keys.iter().map(|byte| key(*byte).address()).collect()).unwrap();
    recorder.report_by(at(0), set).unwrap();
    let few = recorder.report(at(0), reported(&report, &keys[..2])).unwrap_err();
    assert!(few.to_string().contains("2 signatures, 3 are needed"), "{few}");
    let others: [fn(&mut Report); 3] = [
        |report| report.value = Some(MicroUsd::new(1)),
        |report| report.inputs_root[0] ^= 1,
        |report| report.value_at = at(1),
    ];
    for other in others {
        let mut lie = report.clone();
        other(&mut lie);
        let refused = recorder.report(at(0), reported(&lie, &keys)).unwrap_err();
        assert!(refused.to_string().ends_with(&Why::OtherReport.to_string()), "{refused}");
    }
    recorder.report(at(0), reported(&report, &keys[..3])).unwrap();
    let marked = Marked { grade: grade("H100"), at: at(0), price: MicroUsd::new(2_050_000) };
    recorder.mark(at(0), marked).unwrap();
    recorder.tick(at(1), at(1), &Shown::new()).unwrap();
    recorder.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let found = audit(&dir, scratch.path()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.reports, found.rules, found.marks, found.prints), (1, 2, 1, 2));
}

/// What an audit says of the tape with the first signed row changed.
fn told(rows: &[Entry], dir: &std::path::Path, lie: impl FnOnce(&mut SignedObservation)) -> Why {
    let mut rows: Vec<Row> = rows.iter().map(|entry| entry.row.clone()).collect();
    let signed = rows.iter_mut().find_map(|row| match row {
        Row::Observed(observed) => match &mut observed.evidence {
            Evidence::Signed { signed, .. } => Some(signed),
            Evidence::Public(_) => None,
        },
        Row::Printed(_)
        | Row::Refused(_)
        | Row::Revised(_)
        | Row::Judging(_)
        | Row::Marked(_)
        | Row::Reporting(_)
        | Row::Reported(_) => None,
    });
    lie(signed.expect("sound"));
    let mut tape = Tape::create(dir, FIRST_TICK, Clock::Ticks).expect("sound");
    tape.append(at(0), &rows).expect("sound");
    tape.close().expect("sound");
    let scratch = tempfile::tempdir().expect("sound");
    let found = audit(dir, scratch.path()).expect("sound");
    assert!(found.faults.is_empty() && found.mismatches_count == 1, "{:?}", found.mismatches);
    found.mismatches[0].why.clone()
}
