//! Reports and proofs as JSON. Prices and instants are strings of whole numbers: no reader rounds them. Bytes are hexadecimal.

use anyhow::{Context, Result};
use instruments::{MicroUsd, Ppm};
use oracle::io::reporter::InputSet;
use oracle::io::sign::{Domain, EquivocationProof, SignedObservation, SignedReport, report_digest};
use serde::Deserialize;
use serde_json::{Value, json};

/// A report as a line of a file and as an answer. `signed` is the whole in borsh, which `tenor oracle report` reads.
pub(super) fn report(signed: &SignedReport, domain: &Domain) -> Value {
    let report = &signed.report;
    let micros = |value: Option<MicroUsd>| value.map(|it| it.micros().to_string());
    let ppm = |value: Ppm| value.ppm();
    json!({
        "grade": report.grade.as_str(),
        "height": report.height,
        "value_at_ns": report.value_at.nanos().to_string(),
        "written_at_ns": signed.written_at.nanos().to_string(),
        "value_micros": micros(report.value),
        "conf_ppm": ppm(report.conf),
        "state": report.state.name(),
        "rung": report.rung,
        "reason": report.reason,
        "providers": report.providers,
        "voices_ppm": ppm(report.voices),
        "concentration_ppm": ppm(report.concentration()),
        "top_share_ppm": ppm(report.top_share),
        "price_leg_micros": micros(report.price_leg),
        "utilisation_leg_micros": micros(report.utilisation_leg),
        "utilisation_ppm": report.utilisation.map(ppm),
        "trigger": report.trigger.name(),
        "heartbeat_ms": report.heartbeat.nanos().div_euclid(1_000_000),
        "methodology": hex::encode(report.methodology),
        "inputs_root": hex::encode(report.inputs_root),
        "inputs": report.inputs,
        "previous": hex::encode(report.previous),
        "digest": hex::encode(report_digest(report, domain)),
        "signatures": signed.signatures.iter().map(hex::encode).collect::<Vec<_>>(),
        "signed": hex::encode(borsh::to_vec(signed).unwrap_or_default()),
    })
}

/// A decided tick as a line of the output stream.
pub(super) fn tick(inputs: &InputSet) -> Value {
    let struck: Vec<String> = inputs.proofs.iter().map(|it| it.accused().to_string()).collect();
    json!({
        "tick": inputs.height,
        "tick_at_ns": inputs.tick_at.nanos().to_string(),
        "inputs": inputs.statements.len(),
        "inputs_hash": hex::encode(inputs.hash()),
        "struck": struck,
    })
}

/// A proof with its domain: nothing else is needed to check it.
pub(super) fn proof(proof: &EquivocationProof, domain: &Domain) -> Value {
    let (first, second) = proof.statements();
    let statement = |it: &SignedObservation| hex::encode(borsh::to_vec(it).unwrap_or_default());
    json!({
        "domain": {
            "chain_id": domain.chain_id,
            "oracle_id": hex::encode(domain.oracle_id),
            "methodology": hex::encode(domain.methodology),
        },
        "first": statement(first),
        "second": statement(second),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofFile {
    domain: DomainFile,
    first: String,
    second: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainFile {
    chain_id: u64,
    oracle_id: String,
    methodology: String,
}

/// Reads what [`proof`] writes.
pub(super) fn read_proof(text: &str) -> Result<(EquivocationProof, Domain)> {
    let file: ProofFile = serde_json::from_str(text)?;
    let domain = Domain {
        chain_id: file.domain.chain_id,
        oracle_id: bytes32(&file.domain.oracle_id).context("domain.oracle_id")?,
        methodology: bytes32(&file.domain.methodology).context("domain.methodology")?,
    };
    let first = statement(&file.first).context("first")?;
    let second = statement(&file.second).context("second")?;
    Ok((EquivocationProof::new(first, second), domain))
}

/// A signed statement from its hexadecimal digits.
pub(super) fn statement(digits: &str) -> Result<SignedObservation> {
    let bytes = hex::decode(digits.trim()).context("not hexadecimal")?;
    let len = bytes.len();
    borsh::from_slice(&bytes)
        .with_context(|| format!("{len} bytes, a signed statement has {}", SignedObservation::LEN))
}

/// Thirty-two bytes from their hexadecimal digits.
pub(super) fn bytes32(digits: &str) -> Result<[u8; 32]> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).context("not 32 bytes in hexadecimal")?;
    Ok(bytes)
}
