//! `cargo xtask fuzz`: the fuzz tests for as long as one likes, guided by coverage, on the stable compiler.
//!
//! A fuzz test is a unit test below a module `fuzz` that calls `bolero::check!()`. `cargo xtask test` runs it over random inputs and those
//! kept beside it; here libFuzzer looks for new ones. What it finds lies below `__fuzz__/TEST/corpus`, what breaks below `crashes`.

use crate::layout::Layout;
use crate::tools::{cargo, output};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that read what strangers send.
const CRATES: [&str; 2] = ["api", "delivery-agent"];
/// What libFuzzer needs from the compiler; `cargo-bolero` passes the same.
const FLAGS: [&str; 8] = [
    "--cfg fuzzing",
    "--cfg fuzzing_libfuzzer",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
];
/// The only platform that is built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Seconds that one input may take.
const INPUT_SECONDS: u32 = 10;
/// Memory of one test, in MiB.
const MEMORY_MIB: u32 = 2_048;

/// How long, and what.
#[derive(Args)]
pub(crate) struct Choice {
    /// Seconds in all, shared by the tests
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    seconds: u64,
    /// Only tests whose name has this in it
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Afterwards, keep of each test's inputs only those that reach something others do not
    #[arg(long)]
    keep: bool,
}

/// One fuzz test.
struct Target {
    program: PathBuf,
    name: String,
    /// Its folder below `__fuzz__`.
    folder: PathBuf,
}

/// Runs the chosen tests one after the other; fails on the first finding.
pub(crate) fn run(layout: &Layout, choice: &Choice) -> Result<()> {
    let mut targets = Vec::new();
    for name in CRATES {
        let program = build(layout, name)?;
        targets.extend(list(layout, name, &program)?);
    }
    if let Some(text) = &choice.only {
        targets.retain(|target| target.name.contains(text.as_str()));
    }
    ensure!(!targets.is_empty(), "no fuzz test has that name");
    let count = u64::try_from(targets.len())?;
    // Rounded down: the whole takes no longer than was said.
    let seconds = choice.seconds.div_euclid(count).max(1);
    println!("{count} tests, {seconds} seconds each");
    for target in &targets {
        look(target, seconds)?;
        if choice.keep {
            reduce(target)?;
        }
    }
    println!("{count} tests, no finding");
    Ok(())
}

/// The test program of a crate's library, built so that libFuzzer sees which code an input reaches.
fn build(layout: &Layout, name: &str) -> Result<PathBuf> {
    let mut command = Command::new(cargo());
    command
        .args(["test", "--no-run", "--lib", "--profile", "fuzz", "--target", TARGET])
        .args(["--package", name, "--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(layout.target.join("fuzz"))
        .env("BOLERO_FUZZER", "libfuzzer")
        .env("RUSTFLAGS", FLAGS.join(" "));
    let messages = output(layout, &mut command)?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_test = message.pointer("/profile/test")?.as_bool()?;
        let program = message.get("executable")?.as_str()?;
        is_test.then(|| PathBuf::from(program))
    });
    programs.next_back().with_context(|| format!("no test program of {name} was built"))
}

/// The fuzz tests of a test program.
fn list(layout: &Layout, package: &str, program: &Path) -> Result<Vec<Target>> {
    let listed = output(layout, Command::new(program).args(["--list", "--format", "terse"]))?;
    let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let home = layout.crates.iter().find(|each| each.name == package);
    let home = layout.root.join(&home.context("the crate is a member")?.dir);
    Ok(names
        .filter(|name| name.starts_with("fuzz::"))
        .map(|name| Target {
            program: program.to_owned(),
            name: name.to_owned(),
            folder: home.join("src").join("fuzz").join("__fuzz__").join(name.replace("::", "__")),
        })
        .collect())
}

/// Looks for inputs that break a test.
fn look(target: &Target, seconds: u64) -> Result<()> {
    let (corpus, crashes) = (target.folder.join("corpus"), target.folder.join("crashes"));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&crashes)?;
    println!("{}", target.name);
    let arguments = format!(
        "{} {} -artifact_prefix={}/ -timeout={INPUT_SECONDS} -rss_limit_mb={MEMORY_MIB} \
         -max_total_time={seconds} -verbosity=0 -print_final_stats=1",
        corpus.display(),
        crashes.display(),
        crashes.display()
    );
    let status = fuzzer(target, &arguments).status()?;
    if !status.success() {
        bail!("{}: {status}; the input lies in {}", target.name, crashes.display());
    }
    // Empty folders are of no use to anybody.
    drop(fs::remove_dir(&crashes));
    Ok(())
}

/// Keeps of a test's inputs those that reach something others do not.
fn reduce(target: &Target) -> Result<()> {
    let (corpus, kept) = (target.folder.join("corpus"), target.folder.join("kept"));
    fs::create_dir_all(&kept)?;
    let arguments = format!("-merge=1 -verbosity=0 {} {}", kept.display(), corpus.display());
    let status = fuzzer(target, &arguments).status()?;
    ensure!(status.success(), "{}: the inputs were not reduced: {status}", target.name);
    fs::remove_dir_all(&corpus)?;
    fs::rename(&kept, &corpus)?;
    Ok(())
}

fn fuzzer(target: &Target, arguments: &str) -> Command {
    let mut command = Command::new(&target.program);
    command
        .args([target.name.as_str(), "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
        .env("BOLERO_TEST_NAME", &target.name)
        .env("BOLERO_LIBTEST_HARNESS", "1")
        .env("BOLERO_LIBFUZZER_ARGS", arguments);
    command
}
