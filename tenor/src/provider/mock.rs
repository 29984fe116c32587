//! `tenor agent mock`: a whole delivery session against a test venue, with nothing at stake.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use delivery_agent::mock::{MockPlan, MockResult, MockSession, run_mock};
use delivery_agent::{FaultPlan, Role};
use serde_json::{Value, json};

use crate::cli::{DeviceArg, PathArg};
use crate::commands::{device_kind, path_of, runtime, secret};
use crate::figures::shown;

/// Devices and challenges of one dry run, as the venue allows.
const MOST: u16 = 8;

/// Which session.
#[derive(Debug, Clone, Args)]
pub(crate) struct MockArgs {
    /// The test venue's WebSocket, for example ws://127.0.0.1:8080/ws/api/v2.
    #[arg(long, value_name = "WS")]
    pub(crate) url: String,
    /// From `tenor account create`.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// A file that holds the client secret and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: PathBuf,
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    pub(crate) device: DeviceArg,
    /// How an NVIDIA device reads the operands of products.
    #[arg(long, value_enum, default_value_t = PathArg::Tf32)]
    pub(crate) path: PathArg,
    /// The grade that is claimed: the rate is measured against its reference, where the venue has one.
    #[arg(long, value_name = "NAME")]
    pub(crate) grade: Option<String>,
    /// GPUs that must work at once, 1 to 8.
    #[arg(long, default_value_t = 1)]
    pub(crate) gpus: u16,
    /// Challenges, 1 to 8.
    #[arg(long, default_value_t = 3)]
    pub(crate) challenges: u16,
    /// Misbehave, for tests: `lie:N` from the N-th challenge on.
    #[arg(long, hide = true, value_name = "FAULT")]
    pub(crate) fault: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the session and says what would have been credited.
///
/// # Errors
/// When the venue does not let it in, or the device fails.
pub(crate) fn run(args: &MockArgs, out: &mut impl Write) -> Result<ExitCode> {
    ensure!((1..=MOST).contains(&args.gpus), "--gpus must be 1 to {MOST}, not {}", args.gpus);
    let count = args.challenges;
    ensure!((1..=MOST).contains(&count), "--challenges must be 1 to {MOST}, not {count}");
    let role = Role {
        url: args.url.clone(),
        client_id: args.client_id.clone(),
        client_secret: secret(&args.client_secret_file)?,
        key: PathBuf::new(),
        device: device_kind(args.device),
        path: path_of(args.path),
    };
    let faults = match &args.fault {
        Some(text) => text.parse::<FaultPlan>().context("--fault")?,
        None => FaultPlan::HONEST,
    };
    let is_silent = (1..=count.into()).any(|number| !faults.of_challenge(number).answers());
    ensure!(!is_silent, "--fault: a dry run waits for every answer; lie and replay are for it");
    let (slots, challenges, grade) = (args.gpus, count.into(), args.grade.clone());
    let plan = MockPlan { slots, challenges, grade, faults };
    let (mut told, mut results, mut terms) = (Ok(()), Vec::new(), None);
    let ran = runtime()?.block_on(run_mock(&role, &plan, |session, result| match result {
        None => {
            if !args.json {
                told = begin(session, out);
            }
            terms = Some(session.clone());
        }
        Some((number, result)) => {
            if !args.json && told.is_ok() {
                told = writeln!(out, "{}", line_of(number, result));
            }
            results.push((number, result.clone()));
        }
    }));
    told?;
    ran?;
    let credited: u64 = results.iter().map(|(_, result)| result.credited_gpu_millis).sum();
    let asked = results.len() as u64 * u64::from(args.gpus) * 300_000;
    let has_passed = credited == asked && 0 < asked;
    if args.json {
        let challenges: Vec<Value> = results.iter().map(|it| result_json(it.0, &it.1)).collect();
        let session = terms.map(|it| session_json(&it));
        let whole = json!({
            "ok": has_passed, "session": session, "challenges": challenges,
            "credited_gpu_millis": credited, "asked_gpu_millis": asked,
        });
        writeln!(out, "{whole}")?;
    } else {
        writeln!(out, "would have been credited  {credited} of {asked} GPU-milliseconds")?;
        writeln!(out, "{}", if has_passed { "ok" } else { "NOT ALL OF IT" })?;
    }
    Ok(if has_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn begin(session: &MockSession, out: &mut impl Write) -> std::io::Result<()> {
    let MockSession { profile, slots, segments, challenges, reference_gflops, .. } = session;
    let reference = reference_gflops
        .map_or_else(|| "not calibrated".to_owned(), |reference| format!("{reference} GFLOP/s"));
    writeln!(
        out,
        "dry run: {challenges} challenges of {segments} segments of {} on {slots} GPUs, reference {reference}",
        shown(profile)
    )
}

fn line_of(number: u32, result: &MockResult) -> String {
    let MockResult { verdict, rate_gflops, quality_ppm, took_ms, credited_gpu_millis, .. } = result;
    let quality = format!("{}.{:06}", quality_ppm / 1_000_000, quality_ppm % 1_000_000);
    let mut line = format!(
        "challenge {number}  {}  {took_ms} ms  {rate_gflops} GFLOP/s  quality {quality}  credited {credited_gpu_millis}",
        shown(verdict)
    );
    if !result.reason.is_empty() {
        line += &format!("\n             because {}", shown(&result.reason));
    }
    line
}

fn result_json(number: u32, result: &MockResult) -> Value {
    json!({
        "challenge": number,
        "verdict": result.verdict,
        "reason": result.reason,
        "rate_gflops": result.rate_gflops,
        "quality_ppm": result.quality_ppm,
        "took_ms": result.took_ms,
        "credited_gpu_millis": result.credited_gpu_millis,
    })
}

fn session_json(session: &MockSession) -> Value {
    json!({
        "profile": session.profile,
        "gpus": session.slots,
        "segments": session.segments,
        "reference_gflops": session.reference_gflops,
    })
}
