//! The one binary of Tenor. `tenor --help` teaches the rest.

mod assignment;
mod book_replay;
mod cli;
mod commands;
mod demo;
mod figures;
mod haircut;
mod ledger;
mod margin;
mod option;
mod oracle_attack;
mod oracle_curve;
mod oracle_explain;
mod oracle_index;
mod oracle_reporter;
mod oracle_tape;
mod oracle_verify;
mod progress;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    abort_on_panic();
    let cli = cli::Cli::parse();
    telemetry(cli.verbose);
    match commands::run(cli.command.unwrap_or_default()) {
        Ok(code) => code,
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

/// Logs are for operators: to the error stream, warnings and worse unless asked for more.
fn telemetry(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TENOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

fn report(error: &anyhow::Error) {
    use std::io::Write;
    // Nobody is left to tell when the error stream itself is gone.
    drop(writeln!(std::io::stderr(), "error: {error:#}"));
}
