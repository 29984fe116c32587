//! The one binary of Tenor. `tenor --help` teaches the rest.

mod admin;
mod assignment;
mod audit;
mod book_replay;
mod cli;
mod commands;
mod delivery_attack;
mod demo;
mod figures;
mod grade;
mod haircut;
mod ledger;
mod margin;
mod option;
mod oracle_attack;
mod oracle_curve;
mod oracle_explain;
mod oracle_feed;
mod oracle_index;
mod oracle_reporter;
mod oracle_tape;
mod oracle_verify;
mod progress;
mod provider;
mod telemetry;
mod transcript;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    abort_on_panic();
    let cli = cli::Cli::parse();
    telemetry::begin(&cli.log);
    let command = cli.command.unwrap_or_default();
    let is_report = command.is_report();
    match commands::run(command) {
        Ok(code) => code,
        // Whoever reads the report has read enough.
        Err(error) if is_report && is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// A bug of ours ends the process, which starts again by replay. Only a panic inside the store's guard is caught where it happens.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if !exchange::io::is_guarded() && !oracle::io::tape::is_guarded() {
            std::process::abort();
        }
    }));
}

/// Whether what failed is writing to a reader that has gone away, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(|it| it.io_error_kind());
        let csv = cause.downcast_ref::<csv::Error>().and_then(|it| {
            if let csv::ErrorKind::Io(error) = it.kind() { Some(error.kind()) } else { None }
        });
        io.or(json).or(csv) == Some(io::ErrorKind::BrokenPipe)
    })
}

fn report(error: &anyhow::Error) {
    let text = format!("{error:#}");
    // What a file says may be in the message, and a terminal obeys what it is sent.
    let lines: Vec<String> = text.lines().map(figures::shown).collect();
    // Nobody is left to tell when the error stream itself is gone.
    drop(writeln!(io::stderr(), "error: {}", lines.join("\n")));
}
