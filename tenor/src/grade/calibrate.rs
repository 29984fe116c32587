//! `tenor grade calibrate`: measures this machine's device and writes what a grade is from now on.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use api::venue::VenueClock;
use clap::Args;
use delivery_agent::calibration::{Calibration, CalibrationFile, RUNS_MAX, RUNS_MIN, Spread};
use delivery_agent::device::Path;
use delivery_agent::measure::{Probe, copy_mbps, fill_mib};
use delivery_agent::profile::ClassProfile;
use delivery_agent::{Device, host};
use instruments::{Grade, launch_grades};

use crate::cli::DeviceArg;
use crate::commands::device_kind;
use crate::figures::shown;
use crate::progress::Progress;

/// Segments of one challenge at most.
const SEGMENTS_MAX: u16 = 16;
/// Without a limit of its own a processor fills no more of the machine's memory.
const FILL_ON_CPU_MIB: u64 = 1_024;

/// What is measured, and where it is written.
#[derive(Debug, Clone, Args)]
pub(crate) struct CalibrateArgs {
    /// The grade that this machine is known to be, for example H100.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The size of the work: it must be what the venue demands.
    #[arg(long, value_name = "PROFILE", default_value = "dc")]
    pub(crate) profile: String,
    /// Segments of one run: as many as the venue demands.
    #[arg(long, default_value_t = 4)]
    pub(crate) segments: u16,
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    pub(crate) device: DeviceArg,
    /// Runs of each; the median counts.
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: u32,
    /// Fill at most so much of the device's memory. The grade's own memory when absent, 1024 on a processor.
    #[arg(long, value_name = "MIB")]
    pub(crate) fill: Option<u64>,
    /// Measure the products alone: no bandwidth, no memory, no copies.
    #[arg(long)]
    pub(crate) compute_only: bool,
    /// Where it is written.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Measures and writes.
///
/// # Errors
/// When the device fails or is wrong, and when what it measures cannot be true of the grade.
pub(crate) fn run(args: &CalibrateArgs, out: &mut impl Write) -> Result<()> {
    let grades = launch_grades();
    let Some(grade) = grades.iter().find(|grade| grade.id.as_str() == args.name) else {
        bail!("no grade is called {}", shown(&args.name));
    };
    let profile = ClassProfile::named(&args.profile)
        .with_context(|| format!("--profile: {} is none of this build", shown(&args.profile)))?;
    ensure!(
        (RUNS_MIN..=RUNS_MAX).contains(&args.runs),
        "--runs must be {RUNS_MIN} to {RUNS_MAX}, not {}",
        args.runs
    );
    ensure!(
        (1..=SEGMENTS_MAX).contains(&args.segments),
        "--segments must be 1 to {SEGMENTS_MAX}, not {}",
        args.segments
    );
    let mut file = if args.out.exists() {
        CalibrationFile::read(&args.out).context("--out")?
    } else {
        CalibrationFile::empty()
    };
    let device = device_kind(args.device).open()?;
    let calibration = measure(args, grade, profile, &device)?;
    tell(&calibration, out)?;
    calibration.check(grade).with_context(|| {
        format!("this machine is not what {} says, and nothing is written", grade.id)
    })?;
    file.put(calibration);
    file.write(&args.out).context("--out")?;
    writeln!(out, "written          {}", args.out.display())?;
    Ok(())
}

fn measure(
    args: &CalibrateArgs,
    grade: &Grade,
    profile: ClassProfile,
    device: &Device,
) -> Result<Calibration> {
    let progress = Progress::start("measuring products");
    let (path, compute) = fastest(args, profile, device)?;
    drop(progress);
    let (mut bandwidth, mut copied, mut vram) = (None, None, None);
    if !args.compute_only {
        let progress = Progress::start("measuring the reading of the pool");
        let mut probe = Probe::open(ClassProfile::BW, device, path)?;
        bandwidth = Spread::of(probe.pool_mbps(1, args.runs)?);
        drop(probe);
        drop(progress);
        let progress = Progress::start("measuring copies, filling memory");
        copied = Spread::of(copy_mbps(device, args.runs)?);
        let most = u64::from(grade.vram_usable_mib);
        let most = if device.is_cpu() { FILL_ON_CPU_MIB } else { most };
        vram = Some(fill_mib(device, args.fill.unwrap_or(most), path)?);
        drop(progress);
    }
    Ok(Calibration {
        grade: grade.id.to_string(),
        grade_version: grade.version.saturating_add(1),
        device: host::device_name(device),
        system: host::system_name(device),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        method: format!(
            "{} {} segments, exact, rows verified; bw 1 segment",
            profile.name(),
            args.segments
        ),
        profile: profile.name().to_owned(),
        path: path.name().to_owned(),
        runs: args.runs,
        compute_gflops: compute,
        bandwidth_mbps: bandwidth,
        host_to_device_mbps: copied,
        vram_mib: vram,
        measured_at: VenueClock::System.now().nanos() / 1_000_000_000,
        hash: String::new(),
    }
    .sealed())
}

/// The path with the best median. A processor has one.
fn fastest(args: &CalibrateArgs, profile: ClassProfile, device: &Device) -> Result<(Path, Spread)> {
    let paths = if device.is_cpu() { &Path::ALL[..1] } else { &Path::ALL[..] };
    let mut best = None;
    for path in paths {
        let rates = Probe::open(profile, device, *path)?.gflops(args.segments, args.runs)?;
        let spread = Spread::of(rates).context("no run")?;
        if best.is_none_or(|(_, best): (Path, Spread)| best.median < spread.median) {
            best = Some((*path, spread));
        }
    }
    best.context("no path")
}

fn tell(calibration: &Calibration, out: &mut impl Write) -> Result<()> {
    let shown_spread = |spread: &Option<Spread>, unit: &str| match spread {
        Some(Spread { min, median, max }) => format!("{min} .. {median} .. {max} {unit}"),
        None => "not measured".to_owned(),
    };
    writeln!(out, "grade            {}, version {}", calibration.grade, calibration.grade_version)?;
    writeln!(out, "device           {}", shown(&calibration.device))?;
    writeln!(out, "system           {}", shown(&calibration.system))?;
    let (path, runs) = (&calibration.path, calibration.runs);
    writeln!(out, "method           {}, path {path}, {runs} runs", calibration.method)?;
    let compute = Some(calibration.compute_gflops);
    let percent = calibration.compute_gflops.percent();
    writeln!(out, "products         {}, {percent} % apart", shown_spread(&compute, "GFLOP/s"))?;
    writeln!(out, "reading          {}", shown_spread(&calibration.bandwidth_mbps, "MB/s"))?;
    writeln!(out, "copying          {}", shown_spread(&calibration.host_to_device_mbps, "MB/s"))?;
    let memory = calibration
        .vram_mib
        .map_or_else(|| "not measured".to_owned(), |mib| format!("{mib} MiB filled and verified"));
    writeln!(out, "memory           {memory}")?;
    writeln!(out, "reference        {} GFLOP/s", calibration.compute_gflops.median)?;
    writeln!(out, "calibration      {}", calibration.hash)?;
    Ok(())
}
