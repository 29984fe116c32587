//! `tenor agent conformance`: the golden vectors on this device, and how fast it is.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use delivery_agent::conformance::{Extent, Outcome, Run, hold, read};
use delivery_agent::{host, measure};
use serde_json::{Value, json};

use crate::cli::DeviceArg;
use crate::commands::device_kind;
use crate::figures::shown;
use crate::progress::Progress;

/// Nothing new is begun after this: what runs then ends well within ten minutes.
const BEGIN_WITHIN: Duration = Duration::from_secs(300);

/// Which vectors on which device.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConformanceArgs {
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    pub(crate) device: DeviceArg,
    /// A directory of vectors, *.json, instead of those in this binary.
    #[arg(long, value_name = "DIR")]
    pub(crate) vectors: Option<PathBuf>,
    /// Run every vector whole, however long it takes.
    #[arg(long)]
    pub(crate) whole: bool,
    /// Fill up to so many MiB of device memory and verify what is resident; 0 leaves it out.
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    pub(crate) fill: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the vectors and says what came of them.
///
/// # Errors
/// When the device or the vectors cannot be had.
pub(crate) fn run(args: &ConformanceArgs, out: &mut impl Write) -> Result<ExitCode> {
    let vectors = read(args.vectors.as_deref())?;
    let device = device_kind(args.device).open()?;
    let (name, system) = (host::device_name(&device), host::system_name(&device));
    if !args.json {
        writeln!(out, "device   {}\nsystem   {}\n", shown(&name), shown(&system))?;
    }
    let progress = Progress::start("holding the device against the vectors");
    let extent = Extent { whole: args.whole, within: BEGIN_WITHIN };
    let mut told = Ok(());
    let (mut done, all) = (0, vectors.len());
    let outcomes = hold(&vectors, &device, extent, |outcome| {
        done += 1;
        progress.at(done, all);
        if !args.json && told.is_ok() {
            told = tell(outcome, out);
        }
    });
    told?;
    let filled = (0 < args.fill).then(|| {
        let path = delivery_agent::device::Path::default();
        measure::fill_mib(&device, args.fill, path).map_err(|error| error.to_string())
    });
    drop(progress);
    let failed = outcomes.iter().filter(|outcome| !outcome.has_held()).count();
    let has_held = failed == 0 && filled.as_ref().is_none_or(Result::is_ok);
    if args.json {
        let vectors: Vec<Value> = outcomes.iter().map(outcome_json).collect();
        let filled = match &filled {
            None => Value::Null,
            Some(Ok(mib)) => json!(mib),
            Some(Err(why)) => json!({ "failed": why }),
        };
        let whole = json!({
            "ok": has_held, "device": name, "system": system, "vectors": vectors, "filled_mib": filled,
        });
        writeln!(out, "{whole}")?;
    } else {
        match &filled {
            None => {}
            Some(Ok(mib)) => writeln!(out, "memory   {mib} MiB filled and verified")?,
            Some(Err(why)) => writeln!(out, "memory   FAILED  {}", shown(why))?,
        }
        let whole = outcomes.iter().filter(|outcome| outcome.skipped.is_none()).count();
        let held = outcomes.len() - failed;
        writeln!(out, "\n{held} of {} vectors held, {whole} of them run whole", outcomes.len())?;
        writeln!(out, "{}", if has_held { "ok" } else { "FAILED" })?;
    }
    Ok(if has_held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(outcome: &Outcome, out: &mut impl Write) -> std::io::Result<()> {
    let name = shown(&outcome.name);
    match &outcome.rows {
        Ok(took) => writeln!(out, "{name:<14} rows   held     {} ms", took.as_millis())?,
        Err(why) => writeln!(out, "{name:<14} rows   FAILED   {}", shown(why))?,
    }
    for Run { path, result } in &outcome.whole {
        let path = path.name();
        match result {
            Ok(rates) => writeln!(
                out,
                "{name:<14} {path:<6} held     {:.3} s, {}.{:03} TFLOP/s, pool {} MiB in {:.3} s, read at {} GB/s",
                rates.work.as_secs_f64(),
                rates.gflops / 1_000,
                rates.gflops % 1_000,
                rates.pool_mib,
                rates.fill.as_secs_f64(),
                rates.pool_mbps / 1_000,
            )?,
            Err(why) => writeln!(out, "{name:<14} {path:<6} FAILED   {}", shown(why))?,
        }
    }
    if let Some(why) = outcome.skipped {
        writeln!(out, "{name:<14} whole  not run  {why}; --whole runs it")?;
    }
    Ok(())
}

fn outcome_json(outcome: &Outcome) -> Value {
    let run = |run: &Run| match &run.result {
        Ok(rates) => json!({
            "path": run.path.name(),
            "held": true,
            "work_ms": rates.work.as_secs_f64() * 1_000.0,
            "fill_ms": rates.fill.as_secs_f64() * 1_000.0,
            "pool_mib": rates.pool_mib,
            "gflops": rates.gflops,
            "pool_mbps": rates.pool_mbps,
        }),
        Err(why) => json!({ "path": run.path.name(), "held": false, "why": why }),
    };
    json!({
        "vector": outcome.name,
        "held": outcome.has_held(),
        "rows_held": outcome.rows.is_ok(),
        "rows_why": outcome.rows.as_ref().err(),
        "whole": outcome.whole.iter().map(run).collect::<Vec<_>>(),
        "not_whole_because": outcome.skipped,
    })
}
