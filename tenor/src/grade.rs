//! `tenor grade`: what a grade promises, and what it really measures.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use delivery_agent::calibration::{Calibration, CalibrationFile};
use instruments::{Grade, launch_grades};
use serde_json::{Value, json};

use crate::figures::shown;

mod calibrate;

use calibrate::CalibrateArgs;

/// Grades.
#[derive(Debug, Subcommand)]
pub(crate) enum GradeCommand {
    /// Print the terms of every grade, or of one: floors, hash, and its reference where it is calibrated.
    ///
    /// The nominal figures are the makers'. A floor is a share of the measured reference; a grade that is not calibrated has none.
    Show(ShowGradeArgs),
    /// Measure a grade on this machine, with the real program, and write its calibration.
    ///
    /// Exact products by the fastest path, reading of the pool, memory that can really be filled and verified, copies to the device. What
    /// is measured is verified. Run it on a machine that is known to be what the grade says, and with nobody else on it. FILE keeps the
    /// calibrations of other grades; `tenor serve --grades FILE` measures answers against it.
    Calibrate(CalibrateArgs),
}

/// Which grade.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowGradeArgs {
    /// One grade, for example H100. All of them when absent.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A file that `tenor grade calibrate` has written.
    #[arg(long, value_name = "FILE")]
    pub(crate) grades: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs one command.
///
/// # Errors
/// Whatever went wrong, with the file, field or limit in its message.
pub(crate) fn run(command: &GradeCommand) -> Result<ExitCode> {
    match command {
        GradeCommand::Show(args) => show(args, &mut stdout().lock())?,
        GradeCommand::Calibrate(args) => calibrate::run(args, &mut stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowGradeArgs, out: &mut impl Write) -> Result<()> {
    let mut grades = launch_grades();
    let mut file = CalibrationFile::empty();
    if let Some(path) = &args.grades {
        file = CalibrationFile::read(path).context("--grades")?;
        file.apply(&mut grades).context("--grades")?;
    }
    if let Some(name) = &args.name {
        grades.retain(|grade| grade.id.as_str() == name);
        if grades.is_empty() {
            let known =
                launch_grades().iter().map(|grade| grade.id.to_string()).collect::<Vec<_>>();
            bail!("no grade is called {}; there are {}", shown(name), known.join(", "));
        }
    }
    let of = |grade: &Grade| {
        file.calibrations.iter().find(|calibration| calibration.grade == grade.id.as_str())
    };
    if args.json {
        let grades: Vec<Value> = grades.iter().map(|grade| grade_json(grade, of(grade))).collect();
        writeln!(out, "{}", json!({ "grades": grades }))?;
        return Ok(());
    }
    for (place, grade) in grades.iter().enumerate() {
        if 0 < place {
            writeln!(out)?;
        }
        tell(grade, of(grade), out)?;
    }
    Ok(())
}

fn tell(grade: &Grade, calibration: Option<&Calibration>, out: &mut impl Write) -> Result<()> {
    let substitutes: Vec<&str> = grade.substitutes.iter().map(|grade| grade.as_str()).collect();
    let devices: Vec<String> = grade
        .device_ids
        .iter()
        .map(|(vendor, device)| format!("{vendor:04x}:{device:04x}"))
        .collect();
    writeln!(out, "{}, version {}", grade.id, grade.version)?;
    writeln!(out, "  terms            0x{}", hex::encode(grade.terms_hash()))?;
    writeln!(out, "  device ids       {}", devices.join(", "))?;
    writeln!(out, "  nominal          {} GFLOP/s dense bf16", grade.nominal_gflops)?;
    writeln!(out, "                   {} MB/s memory", grade.nominal_bandwidth_mbps)?;
    writeln!(out, "  memory           {} MiB that a workload can use", grade.vram_usable_mib)?;
    writeln!(out, "  node             {} GPUs", grade.node_size)?;
    let host_gib = grade.host_memory_min_mib / 1024;
    writeln!(out, "  per GPU          {} cores, {host_gib} GiB host memory", grade.cpu_cores_min)?;
    writeln!(out, "  exclusive        {}", if grade.is_exclusive { "yes" } else { "no" })?;
    let none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    writeln!(out, "  at par           {}", none(substitutes.join(", ")))?;
    let Some(reference) = grade.reference_gflops else {
        writeln!(out, "  reference        not calibrated: every valid answer is whole, no floor")?;
        return Ok(());
    };
    let floor = u128::from(reference) * u128::from(grade.floor.ppm().unsigned_abs()) / 1_000_000;
    writeln!(out, "  reference        {reference} GFLOP/s")?;
    writeln!(out, "  floor            {floor} GFLOP/s, below which nothing counts")?;
    if let Some(it) = calibration {
        let spread = it.compute_gflops;
        writeln!(
            out,
            "  measured         {} .. {} .. {} GFLOP/s in {} runs of {} on {}, {}",
            spread.min, spread.median, spread.max, it.runs, it.profile, it.path, it.device
        )?;
        writeln!(out, "  method           {}", it.method)?;
        writeln!(out, "  calibration      {}", it.hash)?;
    }
    Ok(())
}

fn grade_json(grade: &Grade, calibration: Option<&Calibration>) -> Value {
    json!({
        "grade": grade.id.as_str(),
        "version": grade.version,
        "terms": format!("0x{}", hex::encode(grade.terms_hash())),
        "nominal_gflops": grade.nominal_gflops,
        "nominal_bandwidth_mbps": grade.nominal_bandwidth_mbps,
        "vram_usable_mib": grade.vram_usable_mib,
        "node_size": grade.node_size,
        "floor_ppm": grade.floor.ppm(),
        "reference_gflops": grade.reference_gflops,
        "calibration": calibration,
    })
}
