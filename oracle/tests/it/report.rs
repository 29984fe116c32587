//! Reports: what is signed, who must have signed it, and what is believed of it; and proofs against providers.

use expect_test::expect;
use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use oracle::io::sign::{
    EquivocationProof, SignedCommitment, SignedObservation, SignedReport, SigningKey,
    commitment_hash, digest, merkle_root, report_digest,
};
use oracle::{Report, ReporterSet, StateKind, Statement, Trigger};

use crate::sign::{DOMAIN, golden, key};

fn report() -> Report {
    Report {
        grade: GradeId::new("H100").expect("a name"),
        height: 12,
        value_at: Nanos::from_seconds(1_795_200_000),
        value: Some(MicroUsd::new(2_390_429)),
        conf: Ppm::new(11_000),
        state: StateKind::Ok,
        rung: 0,
        reason: String::new(),
        providers: 6,
        voices: Ppm::new(5_400_000),
        top_share: Ppm::new(200_000),
        price_leg: Some(MicroUsd::new(2_380_000)),
        utilisation_leg: None,
        utilisation: None,
        trigger: Trigger::Deviation,
        heartbeat: NanosSpan::from_seconds(300),
        methodology: DOMAIN.methodology,
        inputs_root: [0x44; 32],
        inputs: 6,
        previous: [0x55; 32],
    }
}

fn keys() -> Vec<SigningKey> {
    (1..=4).map(key).collect()
}

fn set() -> ReporterSet {
    ReporterSet::new(keys().iter().map(SigningKey::address).collect()).expect("four")
}

fn signed_by(keys: &[SigningKey], report: Report) -> SignedReport {
    let digest = report_digest(&report, &DOMAIN);
    let mut keys = keys.to_vec();
    keys.sort_by_key(SigningKey::address);
    let signatures = keys.iter().map(|key| key.sign(&digest).expect("signs")).collect();
    SignedReport { report, signatures, written_at: Nanos::new(1) }
}

#[test]
fn report_008_three_of_four_reporters_make_a_report() {
    let keys = keys();
    for count in 3..=4 {
        let signed = signed_by(&keys[..count], report());
        assert_eq!(signed.verify(&DOMAIN, &set()).unwrap().len(), count);
    }
    let written_later = SignedReport { written_at: Nanos::new(9), ..signed_by(&keys, report()) };
    assert!(written_later.verify(&DOMAIN, &set()).is_ok());
}

/// REPORT-008: one line for each refusal.
#[test]
fn report_008_what_is_not_a_report_is_named() {
    let keys = keys();
    let refused = |change: &dyn Fn(&mut SignedReport)| {
        let mut changed = signed_by(&keys[..3], report());
        change(&mut changed);
        changed.verify(&DOMAIN, &set()).unwrap_err().to_string()
    };
    let lines = [
        refused(&|s| s.report.methodology = [0; 32]),
        refused(&|s| s.signatures[1][64] = 0),
        refused(&|s| *s = signed_by(&[key(9)], report())),
        refused(&|s| s.signatures.swap(0, 1)),
        refused(&|s| s.signatures[1] = s.signatures[0]),
        refused(&|s| s.signatures.truncate(2)),
        refused(&|s| s.signatures.clear()),
    ];
    expect![[r#"
        made by another methodology than the domain's
        signature 1: signature is not canonical: v is 0, neither 27 nor 28
        signature 0 is of 0x58da990a8f4a3a6ca7cb6315d68a140105917352, who is no reporter
        signature 1 is not in ascending order of the signers
        signature 1 is not in ascending order of the signers
        2 signatures, 3 are needed
        0 signatures, 3 are needed"#]]
    .assert_eq(&lines.join("\n"));
    for change in [
        |report: &mut Report| report.value = Some(MicroUsd::new(2_390_430)),
        |report: &mut Report| report.height += 1,
        |report: &mut Report| report.state = StateKind::LowConf,
        |report: &mut Report| report.utilisation = Some(Ppm::ZERO),
        |report: &mut Report| report.inputs_root[0] ^= 1,
        |report: &mut Report| report.reason.push('x'),
    ] {
        let mut changed = signed_by(&keys, report());
        change(&mut changed.report);
        assert!(changed.verify(&DOMAIN, &set()).is_err(), "{changed:?}");
    }
}

#[test]
fn report_008_a_set_is_three_f_and_one() {
    let set = |count: u8| ReporterSet::new((1..=count).map(|byte| key(byte).address()).collect());
    for (count, faults, quorum) in [(1, 0, 1), (4, 1, 3), (7, 2, 5), (13, 4, 9)] {
        let set = set(count).unwrap();
        assert_eq!((set.faults(), set.quorum()), (faults, quorum));
    }
    for count in [0, 2, 3, 5, 6, 14, 16] {
        assert!(set(count).is_err(), "{count}");
    }
    assert!(ReporterSet::new(vec![key(1).address(); 4]).is_err());
}

/// REPORT-011. Computed by eth-account 0.14.0 (Python) as the vector of REPORT-001, from the fields of `report`.
#[test]
fn report_011_the_hash_of_a_report_is_that_of_another_implementation() {
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let withheld = Report { value: None, utilisation: Some(Ppm::new(850_000)), ..report() };
    let vector = [report(), withheld].map(|report| hex(report_digest(&report, &DOMAIN)));
    expect![[r#"
        aa7edb123a9851d1fb43b971d7dcf8d69ecc59e44a4aaa5bac87dbd36bfda206
        66b7ec13f0460ddbe8be3ec6ae9cdbf2dc5f4077b518e3a6c356eb8d5ff1265a"#]]
    .assert_eq(&vector.join("\n"));
}

#[test]
fn report_012_a_report_says_when_the_next_is_due() {
    let at = |seconds: u64| Nanos::from_seconds(1_795_200_000 + seconds);
    assert!(!report().is_overdue(at(310), NanosSpan::from_seconds(10)));
    assert!(report().is_overdue(at(311), NanosSpan::from_seconds(10)));
    assert_eq!(report().concentration(), Ppm::new(185_185));
}

fn signed(statement: Statement) -> SignedObservation {
    SignedObservation::sign(statement, &DOMAIN, &key(0x42)).expect("signs")
}

/// REPORT-004: two statements in one place are a proof, whoever holds them, in whichever order.
#[test]
fn report_004_two_statements_in_one_place_are_a_proof() {
    let (one, other) = (signed(golden()), signed(Statement { ask_micros: 1, ..golden() }));
    let proof = EquivocationProof::new(one, other);
    assert_eq!(proof, EquivocationProof::new(other, one));
    assert_eq!(proof.verify(&DOMAIN), Ok(golden().provider));
    assert_eq!(borsh::to_vec(&proof).unwrap().len(), EquivocationProof::LEN);
}

/// REPORT-004: what proves nothing, by name.
#[test]
fn report_004_what_proves_nothing_is_named() {
    let one = signed(golden());
    let refused =
        |other| EquivocationProof::new(one, other).verify(&DOMAIN).unwrap_err().to_string();
    let changed = Statement { ask_micros: 1, ..golden() };
    let forged = SignedObservation::sign(changed, &DOMAIN, &key(7)).unwrap();
    let unsigned = SignedObservation { statement: changed, ..one };
    let lines = [
        refused(one),
        refused(SignedObservation { signature: [0; 65], ..one }),
        refused(signed(Statement { nonce: 18, ..changed })),
        refused(signed(Statement { region: 3, ..changed })),
        refused(forged),
    ];
    expect![[r#"
        both statements are the same
        both statements are the same
        the statements differ in provider, class, region, epoch or nonce
        the statements differ in provider, class, region, epoch or nonce
        signed by 0x4a62316623ad457f02cdc5d997ded67a383ec569, not by the provider 0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025"#]].assert_eq(&lines.join("\n"));
    assert!(EquivocationProof::new(one, unsigned).verify(&DOMAIN).is_err());
}

#[test]
fn report_006_a_commitment_is_signed_and_hides_its_statement() {
    let statement = golden();
    let hash = commitment_hash(&[9; 32], &digest(&statement, &DOMAIN));
    assert_ne!(hash, commitment_hash(&[8; 32], &digest(&statement, &DOMAIN)));
    let series = statement.key().series;
    let key = key(0x42);
    let signed = SignedCommitment::sign(series, 7, hash, (&DOMAIN, &key)).unwrap();
    assert_eq!(signed.recover(&DOMAIN), Ok(key.address()));
    assert!(SignedCommitment { epoch: 8, ..signed }.recover(&DOMAIN).is_err());
}

#[test]
fn report_011_the_root_is_of_these_statements_in_this_order() {
    let statements: Vec<_> = (0..5).map(|nonce| signed(Statement { nonce, ..golden() })).collect();
    assert_eq!(merkle_root(&[]), [0; 32]);
    assert_eq!(merkle_root(&statements[..1]), statements[0].leaf());
    let mut roots: Vec<_> = (0..=5).map(|count| merkle_root(&statements[..count])).collect();
    roots.push(merkle_root(&[statements[1], statements[0]]));
    let count = roots.len();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), count);
}
