//! `tenor verify transcript`: checks what a venue has published about one delivery, on this machine alone.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use api::client::Client;
use clap::Args;
use delivery_agent::transcript::{CheckedChallenge, Summary, TranscriptError, Unreadable, check};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::runtime;
use crate::figures::shown;

/// What is neither right nor wrong: it cannot be read.
const UNREADABLE: u8 = 2;

/// Which transcript.
#[derive(Debug, Clone, Args)]
pub(crate) struct TranscriptArgs {
    /// The lines of `public/get_transcript`, one a line. With --url it is written first.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Fetch the transcript from this venue, ws://HOST:PORT/ws/api/v2, into FILE, which must not be there yet.
    #[arg(long, value_name = "WS", requires = "obligation")]
    pub(crate) url: Option<String>,
    /// Of which obligation.
    #[arg(long, value_name = "ID", requires = "url")]
    pub(crate) obligation: Option<u64>,
    /// Take a transcript whose delivery has not ended: it has no statement yet.
    #[arg(long)]
    pub(crate) open: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks a transcript and says what was found.
///
/// # Errors
/// When the answer cannot be written.
pub(crate) fn run(args: &TranscriptArgs, out: &mut impl Write) -> Result<ExitCode> {
    if let (Some(url), Some(obligation)) = (&args.url, args.obligation) {
        let fetched = runtime()?.block_on(fetch(url, obligation, &args.file));
        fetched
            .with_context(|| format!("cannot fetch the transcript of obligation {obligation}"))?;
    }
    let mut challenges = Vec::new();
    let mut failed = Ok(());
    let found = File::open(&args.file).map_err(|error| Unreadable::from(error).into());
    let found = found.and_then(|file| {
        check(BufReader::new(file), args.open, |challenge| {
            if args.json {
                challenges.push(challenge_json(challenge));
            } else if failed.is_ok() {
                failed = writeln!(out, "{}", line_of(challenge));
            }
        })
    });
    failed?;
    if args.json {
        writeln!(out, "{}", whole_json(&found, &challenges))?;
    } else {
        match &found {
            Ok(summary) => tell(summary, out)?,
            Err(TranscriptError::Wrong(wrong)) => {
                writeln!(out, "WRONG  {}", shown(&wrong.to_string()))?;
            }
            Err(TranscriptError::Unreadable(why)) => {
                writeln!(out, "UNREADABLE  {}: {}", args.file.display(), shown(&why.to_string()))?;
            }
        }
    }
    Ok(match found {
        Ok(_) => ExitCode::SUCCESS,
        Err(TranscriptError::Wrong(_)) => ExitCode::FAILURE,
        Err(TranscriptError::Unreadable(_)) => ExitCode::from(UNREADABLE),
    })
}

/// A page of a transcript.
#[derive(Deserialize)]
struct Page {
    lines: Vec<String>,
    total: u32,
}

async fn fetch(url: &str, obligation: u64, file: &Path) -> Result<()> {
    let (client, _) = Client::connect(url).await?;
    let name = file;
    let mut file = None;
    let mut from = 0;
    loop {
        let params = json!({ "obligation_id": obligation, "from": from }).to_string();
        let page: Page = client.call_as("public/get_transcript", &params).await?;
        ensure!(0 < page.total, "obligation {obligation} has no transcript there");
        let file = match &mut file {
            Some(file) => file,
            empty => {
                empty.insert(File::create_new(name).with_context(|| name.display().to_string())?)
            }
        };
        for line in &page.lines {
            writeln!(file, "{line}")?;
            from += 1;
        }
        if page.total <= from || page.lines.is_empty() {
            return Ok(());
        }
    }
}

/// `challenge 3  valid  quality 1.000000  12,345 GFLOP/s  receipt 4`
fn line_of(challenge: &CheckedChallenge) -> String {
    let CheckedChallenge { number, verdict, .. } = challenge;
    let mut line = format!("challenge {number:>5}  {verdict:<12}");
    if verdict == "valid" {
        line += &format!("  quality {}", millionths(challenge.quality));
    }
    if let Some(rate) = challenge.rate_gflops {
        line += &format!("  {rate} GFLOP/s");
    }
    if let Some(receipt) = challenge.receipt {
        line += &format!("  receipt {receipt}");
    }
    if let Some(recomputed) = &challenge.recomputed
        && recomputed != verdict
    {
        line += &format!("  (this cpu finds it {recomputed})");
    }
    if !challenge.reason.is_empty() {
        line += &format!("  {}", shown(&challenge.reason));
    }
    line
}

fn tell(summary: &Summary, out: &mut impl Write) -> std::io::Result<()> {
    let Summary { header, credited, .. } = summary;
    let owed = owed_millis(summary);
    writeln!(
        out,
        "obligation      {} of {}, {} x {}",
        header.obligation_id,
        shown(&header.instrument_name),
        header.lots,
        shown(&header.grade)
    )?;
    // Whoever reads it compares this with the key that the venue publishes.
    writeln!(out, "venue           {}", shown(&header.venue))?;
    let reference = header.reference_gflops.map(|reference| format!("{reference} GFLOP/s"));
    writeln!(out, "reference       {}", reference.as_deref().unwrap_or("not calibrated"))?;
    writeln!(out, "challenges      {}, of these valid {}", summary.challenges, summary.valid)?;
    writeln!(
        out,
        "receipts        {}, of these countersigned {}, accepted by silence {}",
        summary.receipts, summary.countersigned, summary.accepted_by_silence
    )?;
    writeln!(out, "failures        soft {}, hard {}", credited.soft_fails, credited.hard_fails)?;
    writeln!(out, "credited        {} of {owed} GPU-milliseconds", credited.total())?;
    let stated =
        if summary.is_stated { "signed, and what the transcript gives" } else { "not yet" };
    writeln!(out, "statement       {stated}")?;
    writeln!(out, "ok")
}

fn owed_millis(summary: &Summary) -> u128 {
    let header = &summary.header;
    u128::from(header.interval_millis) * u128::from(header.intervals)
}

fn millionths(quality: u32) -> String {
    format!("{}.{:06}", quality / 1_000_000, quality % 1_000_000)
}

fn challenge_json(challenge: &CheckedChallenge) -> Value {
    json!({
        "line": challenge.line,
        "number": challenge.number,
        "verdict": challenge.verdict,
        "quality_ppm": challenge.quality,
        "rate_gflops": challenge.rate_gflops,
        "recomputed": challenge.recomputed,
        "receipt": challenge.receipt,
        "reason": challenge.reason,
    })
}

fn whole_json(found: &Result<Summary, TranscriptError>, challenges: &[Value]) -> Value {
    match found {
        Ok(summary) => json!({
            "ok": true,
            "obligation_id": summary.header.obligation_id,
            "challenges": challenges,
            "valid": summary.valid,
            "receipts": summary.receipts,
            "countersigned": summary.countersigned,
            "accepted_by_silence": summary.accepted_by_silence,
            "soft_fails": summary.credited.soft_fails,
            "hard_fails": summary.credited.hard_fails,
            "credited_gpu_millis": summary.credited.gpu_millis,
            "stated": summary.is_stated,
        }),
        Err(TranscriptError::Wrong(wrong)) => json!({
            "ok": false,
            "line": wrong.line,
            "field": wrong.field,
            "why": wrong.why,
            "challenges": challenges,
        }),
        Err(TranscriptError::Unreadable(why)) => json!({
            "ok": false, "unreadable": why.to_string(), "challenges": challenges,
        }),
    }
}
