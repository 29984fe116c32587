//! `cargo xtask counts`: what the matching engine costs on the canonical streams, in counts that no neighbour on the machine can change.
//!
//! Each stream is replayed twice: by itself, for allocations, and under valgrind's callgrind, for instructions, mispredicted branches and
//! misses of the first cache. `benches/counts.toml` holds what was recorded. More instructions than the margin allows fail, and so does any
//! allocation above the record; the other figures are shown and fail nothing, for they are those of a simulated processor.

mod callgrind;
mod compare;
mod record;

use crate::layout::Layout;
use crate::tools;
use anyhow::{Context, Result, ensure};
use clap::Args;
use compare::{Basis, compare};
use record::{Figures, Hundredths, Record, Toolchain};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every canonical stream, in the order of the tables.
const STREAMS: [&str; 8] =
    ["tight", "mix", "swing", "sweep", "modify", "multi", "auction", "quotes"];

/// How many commands are counted, besides those that fill the books.
const COMMANDS: u32 = 100_000;

/// Where the record lies, from the root.
const PATH: &str = "benches/counts.toml";

/// Whether to compare or to record.
#[derive(Args)]
pub(crate) struct Choice {
    /// Write what is found to benches/counts.toml instead of comparing with it
    #[arg(long)]
    record: bool,
}

/// What `counts STREAM COMMANDS` prints.
#[derive(Debug, Deserialize)]
struct Printed {
    commands: u64,
    allocations: u64,
    hash: String,
}

/// Counts, then compares or records.
pub(crate) fn run(layout: &Layout, choice: &Choice) -> Result<()> {
    if choice.record { record(layout) } else { check(layout) }
}

/// Compares with the record.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let path = layout.root.join(PATH);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let recorded = Record::read(&text).with_context(|| format!("read {PATH}"))?;
    let toolchain = toolchain(layout)?;
    let basis = Basis::of(&recorded.toolchain, &toolchain)?;
    if basis == Basis::AllocationsOnly {
        println!(
            "instructions were recorded on {}; this is {}, so only allocations are compared",
            recorded.toolchain.target, toolchain.target
        );
    }
    let found = count(layout, toolchain, basis)?;
    print_table(&found, Some(&recorded));
    let outcome = compare(&recorded, &found);
    outcome.hints.iter().for_each(|hint| println!("hint: {hint}"));
    outcome.failures.iter().for_each(|failure| println!("failed: {failure}"));
    ensure!(
        outcome.failures.is_empty(),
        "{} counts above the record. Is it worth it? Then `cargo xtask counts --record`, and say in the commit what was bought",
        outcome.failures.len()
    );
    Ok(())
}

fn record(layout: &Layout) -> Result<()> {
    let found = count(layout, toolchain(layout)?, Basis::All)?;
    let path = layout.root.join(PATH);
    let before = std::fs::read_to_string(&path).ok().and_then(|text| Record::read(&text).ok());
    print_table(&found, before.as_ref());
    std::fs::write(&path, found.write(&STREAMS)).with_context(|| path.display().to_string())?;
    println!("written to {PATH}");
    Ok(())
}

fn toolchain(layout: &Layout) -> Result<Toolchain> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(program);
    Toolchain::read(&tools::output(layout, rustc.arg("-vV"))?)
}

/// Builds and runs all streams.
fn count(layout: &Layout, toolchain: Toolchain, basis: Basis) -> Result<Record> {
    if basis == Basis::All {
        tools::valgrind(layout)?;
    }
    let program = build(layout)?;
    let folder = layout.target.join("counts");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let one = |stream| {
        figures(layout, (&program, &folder), stream, basis)
            .with_context(|| format!("stream {stream}"))
    };
    // Counts do not depend on what runs beside them, so all run at once.
    let found: Vec<Result<Figures>> = std::thread::scope(|scope| {
        let runs: Vec<_> = STREAMS.map(|stream| scope.spawn(move || one(stream))).into();
        runs.into_iter().map(|run| run.join().expect("a count does not panic")).collect()
    });
    let mut streams = BTreeMap::new();
    for (stream, figures) in STREAMS.iter().zip(found) {
        streams.insert((*stream).to_owned(), figures?);
    }
    Ok(Record { toolchain, commands: COMMANDS, streams })
}

/// As it is shipped, whatever the environment says about flags: other flags are other instructions.
fn build(layout: &Layout) -> Result<PathBuf> {
    let mut build = Command::new(tools::cargo());
    build
        .args(["build", "--release", "--package", "benches", "--bin", "counts"])
        .args(["--no-default-features", "--features", "counts"])
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_INCREMENTAL", "0");
    tools::run(layout, &mut build)?;
    Ok(layout.target.join("release").join("counts"))
}

fn figures(
    layout: &Layout,
    (program, folder): (&Path, &Path),
    stream: &str,
    basis: Basis,
) -> Result<Figures> {
    let commands = COMMANDS.to_string();
    let text = tools::output(layout, Command::new(program).args([stream, &commands]))?;
    let Printed { commands: counted, allocations, hash } = serde_json::from_str(&text)?;
    let mut simulated = None;
    if basis == Basis::All {
        let out = folder.join(format!("{stream}.callgrind"));
        let mut valgrind = callgrind::command(program, &out);
        let again: Printed =
            serde_json::from_str(&tools::output(layout, valgrind.args([stream, &commands]))?)?;
        ensure!(again.hash == hash, "two runs answer differently: {hash}, then {}", again.hash);
        let text = std::fs::read_to_string(&out).with_context(|| out.display().to_string())?;
        simulated = Some(callgrind::parse(&text)?.per(counted));
    }
    let allocations = Hundredths::of(allocations.saturating_mul(1_000), counted);
    Ok(Figures { simulated, allocations, hash })
}

fn print_table(found: &Record, recorded: Option<&Record>) {
    println!(
        "\n{COMMANDS} commands a stream; each figure is for one command, allocations for 1,000"
    );
    println!("stream   instructions  recorded  change  mispredicted  D1 misses  allocations");
    for stream in STREAMS {
        let Some(figures) = found.streams.get(stream) else { continue };
        let before = recorded.and_then(|record| record.streams.get(stream)?.simulated.as_ref());
        let allocations = figures.allocations.to_string();
        let Some(now) = &figures.simulated else {
            println!("{stream:<8} {allocations:>66}");
            continue;
        };
        let [instructions, mispredictions, d1_misses] =
            [now.instructions, now.mispredictions, now.d1_misses].map(|it| it.to_string());
        let before = before.map(|before| before.instructions);
        let change = before.map_or_else(String::new, |before| now.instructions.change(before));
        let before = before.map_or_else(String::new, |before| before.to_string());
        println!(
            "{stream:<8} {instructions:>12} {before:>9} {change:>7} {mispredictions:>13} {d1_misses:>10} {allocations:>12}"
        );
    }
}
