//! Developer commands: `cargo xtask tidy | rules | test | fuzz | advisories | counts | bench-peers | cuda-build`.
//!
//! Nothing here is part of the exchange. What a check accepts is written in the check's own file, as a short table.

#![expect(clippy::print_stdout, reason = "a developer's command line prints what it found")]

mod bench_peers;
mod clients;
mod counts;
mod cuda;
mod fuzz;
mod layout;
mod rules;
mod source;
mod test_run;
mod tidy;
mod tools;
mod tree;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tenor's developer commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the house rules that no compiler knows: layers, sizes, words, documents in step
    Tidy,
    /// Prints the rule book beside its tests; fails on a rule that no test cites
    Rules,
    /// Prepares what the tests need, then runs every check and every test
    Test(test_run::Choice),
    /// Looks for inputs that break a decoder, for as long as one likes (an hour)
    Fuzz(fuzz::Choice),
    /// Asks the advisory database about our dependencies (needs the network)
    Advisories,
    /// Counts instructions and allocations of the matching engine and compares them with the record (needs valgrind)
    Counts(counts::Choice),
    /// Measures our engine beside other projects' engines on the same streams, and checks that all make the same trades
    BenchPeers(bench_peers::Choice),
    /// Builds the binary that computes on NVIDIA devices and starts without a driver (needs the network once, python3 and cc)
    CudaBuild(cuda::Choice),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let layout = layout::Layout::find()?;
    match command {
        Command::Tidy => tidy::run(&layout),
        Command::Rules => rules::run(&layout),
        Command::Test(choice) => test_run::run(&layout, &choice),
        Command::Fuzz(choice) => fuzz::run(&layout, &choice),
        Command::Advisories => tools::advisories(&layout),
        Command::Counts(choice) => counts::run(&layout, &choice),
        Command::BenchPeers(choice) => bench_peers::run(&layout, &choice),
        Command::CudaBuild(choice) => cuda::run(&layout, &choice),
    }
}
