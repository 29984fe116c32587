//! A provider's side, and everybody's: sign a statement and send it, check a proof, check reports.

use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::venue::VenueClock;
use instruments::Nanos;
use oracle::io::sign::{SignedObservation, SignedReport, SigningKey, cluster_id};
use oracle::{STATEMENT_SCHEMA, Statement};
use rust_decimal::Decimal;

use super::settings::OracleFile;
use super::{EquivocationArgs, ObserveArgs, ReportArgs, json, read_bounded};
use crate::commands::micro_usd;

/// A proof as JSON has 1,400 bytes.
const PROOF_LEN_MAX: u64 = 4_096;
/// A file of reports is put aside at 64 MiB, and may grow by one line then.
const REPORTS_LEN_MAX: u64 = 65 * 1024 * 1024;
/// A reporter's answer is a few hundred bytes.
const ANSWER_LEN_MAX: u64 = 8_192;
/// How long a reporter may take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Signs a statement, prints it, and sends it to every reporter named.
pub(crate) fn observe(args: &ObserveArgs) -> Result<ExitCode> {
    let oracle = OracleFile::read(&args.oracle)?;
    let key = SigningKey::load(&args.key)?;
    let statement = statement(args, &oracle, &key)?;
    let domain = &oracle.settings.intake.domain;
    let signed = SignedObservation::sign(statement, domain, &key)?;
    let digits = hex::encode(borsh::to_vec(&signed)?);
    let mut out = stdout().lock();
    writeln!(out, "{digits}")?;
    let mut is_refused = false;
    for to in &args.to {
        let (is_taken, answer) = post(to, "/observations", &digits).with_context(|| to.clone())?;
        writeln!(out, "{to} {answer}")?;
        is_refused |= !is_taken;
    }
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn statement(args: &ObserveArgs, oracle: &OracleFile, key: &SigningKey) -> Result<Statement> {
    let intake = &oracle.settings.intake;
    let provider = key.address();
    let registered = intake.registry.provider(&provider);
    let registered = registered
        .with_context(|| format!("--key is of {provider}, who is not in the registry"))?;
    let class = intake.registry.grades().find(|(_, grade)| grade.as_str() == args.grade);
    let (class, _) = class.with_context(|| format!("--grade {} is not listed", args.grade))?;
    let observed_at = args.observed_at.map_or_else(|| VenueClock::System.now(), Nanos::new);
    let lease_gpu_seconds = args.lease_seconds.unwrap_or(0);
    let lease_price = args.lease_price.map(|usd| micros("--lease-price", usd)).transpose()?;
    let root = args.receipts_root.as_deref().map(json::bytes32).transpose();
    // What the leases cost, rounded down: price and seconds are below 2^64, their product below 2^128.
    let product = u128::from(lease_price.unwrap_or(0)) * u128::from(lease_gpu_seconds);
    Ok(Statement {
        schema: STATEMENT_SCHEMA,
        provider,
        cluster_id: cluster_id(registered.cluster.as_str()),
        class,
        region: args.region,
        total_units: args.total,
        leased_units: args.leased,
        ask_micros: micros("--ask", args.ask)?,
        lease_price_micros: lease_price.unwrap_or(0),
        lease_gpu_seconds,
        window_gpu_seconds: lease_gpu_seconds,
        window_notional_micros: product.div_euclid(3_600),
        receipts_root: root.context("--receipts-root")?.unwrap_or_default(),
        observed_at,
        epoch: intake.terms.epoch_of(observed_at),
        nonce: args.nonce.unwrap_or_else(|| observed_at.millis()),
    })
}

fn micros(field: &'static str, usd: Decimal) -> Result<u64> {
    let micros = micro_usd(usd).context(field)?.micros();
    u64::try_from(micros).ok().with_context(|| format!("{field} is negative"))
}

/// One request, one answer: whether it was taken, and what was said.
fn post(to: &str, path: &str, body: &str) -> Result<(bool, String)> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    stream.set_write_timeout(Some(ANSWER_WAIT))?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_LEN_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an answer in HTTP")?;
    let status = head.split_whitespace().nth(1).context("no status in the answer")?;
    Ok((status.starts_with('2'), body.to_owned()))
}

/// Checks a proof with nothing but the file.
pub(crate) fn check_equivocation(args: &EquivocationArgs) -> Result<ExitCode> {
    let text = read_bounded(&args.file, PROOF_LEN_MAX)?;
    let name = || args.file.display().to_string();
    let (proof, domain) = json::read_proof(&text).with_context(name)?;
    let verified = proof.verify(&domain);
    let mut out = stdout().lock();
    if args.json {
        let provider = verified.ok().map(|it| it.to_string());
        let error = verified.err().map(|it| it.to_string());
        let ok = provider.is_some();
        let found = serde_json::json!({ "ok": ok, "provider": provider, "error": error });
        writeln!(out, "{found}")?;
    }
    let provider = verified.with_context(name)?;
    if !args.json {
        let (first, second) = proof.statements();
        let key = first.statement.key();
        let (epoch, nonce) = (key.epoch, key.nonce);
        let (class, region) = (key.series.class, key.series.region);
        writeln!(out, "provider   {provider}")?;
        writeln!(out, "class      {class}, region {region}, epoch {epoch}, nonce {nonce}")?;
        for (which, it) in [("first", first), ("second", second)] {
            let Statement { ask_micros, total_units, leased_units, .. } = it.statement;
            writeln!(
                out,
                "{which:<10} asks {ask_micros} micro-dollars, {leased_units} of {total_units} leased"
            )?;
        }
        writeln!(out, "it said both")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks every report of a file against the reporters of the oracle's file.
pub(crate) fn check_reports(args: &ReportArgs) -> Result<ExitCode> {
    let oracle = OracleFile::read(&args.oracle)?;
    let (domain, set) = (&oracle.settings.intake.domain, &oracle.settings.reporters);
    let name = || args.file.display().to_string();
    let file = std::fs::File::open(&args.file).with_context(name)?;
    ensure!(
        file.metadata().with_context(name)?.len() <= REPORTS_LEN_MAX,
        "{} is longer than {REPORTS_LEN_MAX} bytes, the limit",
        name()
    );
    let mut out = stdout().lock();
    let mut count = 0_usize;
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}, line {}", args.file.display(), at + 1);
        let value: serde_json::Value =
            serde_json::from_str(&line.with_context(place)?).with_context(place)?;
        let Some(digits) = value["signed"].as_str() else { bail!("{}: no `signed`", place()) };
        let bytes = hex::decode(digits).with_context(place)?;
        let signed: SignedReport = borsh::from_slice(&bytes).with_context(place)?;
        let signers = signed.verify(domain, set).with_context(place)?.len();
        // The line is for reading; what was signed is what holds.
        ensure!(json::report(&signed, domain) == value, "{}: not what was signed", place());
        let report = &signed.report;
        let micros = report.value.map_or_else(|| "none".to_owned(), |it| it.micros().to_string());
        writeln!(
            out,
            "{} {} {} {micros} {} {signers} signatures",
            report.height,
            report.value_at.nanos(),
            report.grade,
            report.state.name()
        )?;
        count += 1;
    }
    writeln!(
        out,
        "{count} reports, all signed by {} of {} reporters or more",
        set.quorum(),
        set.addresses().len()
    )?;
    Ok(ExitCode::SUCCESS)
}
