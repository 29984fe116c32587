//! Other engines beside ours, on the same streams: same trades first, then time.
//!
//! `peers run` measures one engine on one stream in this process; `peers compare` runs every engine on every stream, each in a process of
//! its own, and prints the tables. `cargo xtask bench-peers` builds this and runs `peers compare`.

mod allocations;
mod compare;
mod engine;
mod engines;
mod flow;
mod measure;
mod risk;
mod run;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Other engines beside ours, on the same streams")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Names the engines and the streams
    List,
    /// Measures one engine on one stream
    Run(run::Run),
    /// Measures checks, fills and rebuilds of portfolio margin beside the bare limit book
    Risk(risk::Risk),
    /// Measures every engine on every stream
    Compare(compare::Compare),
    /// Describes the streams: orders, levels, kinds of commands, trades
    Describe(flow::Choice),
    /// Writes a stream to a file
    Write(flow::Write),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::List => engines::list(),
        Command::Run(run) => run.carry_out(),
        Command::Risk(risk) => risk.carry_out(),
        Command::Compare(compare) => compare.carry_out(),
        Command::Describe(choice) => flow::describe(&choice),
        Command::Write(write) => write.carry_out(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
