//! Runs what was typed. One function per subcommand; each says in one screen what the subcommand is made of.

mod account;
mod book_replay_help;
mod job;
mod roles;
mod serve;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdin, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result};
use api::venue::VenueClock;

use crate::cli::{
    AccountCommand, AssignmentCommand, BookCommand, Command, CrashArgs, DeliveryCommand,
    ExportArgs, FiguresArgs, HaircutCommand, JournalArgs, JournalCommand, LedgerCommand,
    OracleCommand, ReplayArgs, SimArgs, SimCommand, StatementArgs, VerifyCommand,
};
pub(crate) use account::micro_usd;
pub(crate) use book_replay_help::BOOK_REPLAY_HELP;
pub(crate) use roles::{device_kind, path_of, runtime, secret};
pub(crate) use serve::Interrupt;

use crate::oracle_index::IndexArgs;
use crate::oracle_tape::{RecordArgs, TapeCommand};
use crate::oracle_verify::VerifyPrintsArgs;
use crate::progress::Progress;
use crate::{
    admin, assignment, audit, book_replay, delivery_attack, demo, grade, haircut, ledger, margin,
    option, oracle_attack, oracle_curve, oracle_explain, oracle_feed, oracle_index,
    oracle_reporter, oracle_tape, oracle_verify, provider, transcript,
};

/// Runs one command.
///
/// # Errors
/// Whatever went wrong, with the file, field or limit in its message.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Admin(args) => admin::run(&args),
        Command::Agent(args) => match &args.tool {
            Some(tool) => provider::run(tool),
            None => roles::agent(&args),
        },
        Command::Verify(args) => match &args.what {
            Some(VerifyCommand::Transcript(args)) => transcript::run(args, &mut stdout().lock()),
            Some(VerifyCommand::Audit(args)) => audit::run(args, &mut stdout().lock()),
            None => roles::verify(&args),
        },
        Command::Grade(command) => grade::run(&command),
        Command::Job(command) => job::run(&command),
        Command::Account(AccountCommand::Create(args)) => account::create(&args),
        Command::Account(AccountCommand::LinkWallet(args)) => account::link_wallet(&args),
        Command::Journal(JournalCommand::Verify(args)) => verify_journal(&args),
        Command::Ledger(LedgerCommand::Statement(args)) => ledger_statement(&args),
        Command::Ledger(LedgerCommand::Export(args)) => ledger_export(&args),
        Command::Assignment(AssignmentCommand::Show(args)) => assignment::show(&args),
        Command::Assignment(AssignmentCommand::Verify(args)) => assignment::verify(&args),
        Command::Haircut(HaircutCommand::Verify(args)) => haircut::verify(&args),
        Command::Delivery(DeliveryCommand::Attack(args)) => delivery_attack::run(&args),
        Command::Oracle(OracleCommand::Index(args)) => index(&args),
        Command::Oracle(OracleCommand::Curve(args)) => {
            oracle_curve::run(&args.file, args.json, &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Oracle(OracleCommand::Record(args)) => record(&args),
        Command::Oracle(OracleCommand::Verify(args)) => verify_prints(&args),
        Command::Oracle(OracleCommand::Explain(args)) => {
            oracle_explain::run(&args, VenueClock::System.now(), &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Oracle(OracleCommand::Tape(TapeCommand::Show(args))) => {
            oracle_tape::show(&args, &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Oracle(OracleCommand::Tape(TapeCommand::Export(args))) => {
            oracle_tape::export(&args, stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Oracle(OracleCommand::Attack(args)) => {
            oracle_attack::run(&args, &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Oracle(OracleCommand::Reporter(args)) => oracle_reporter::run(&args),
        Command::Oracle(OracleCommand::Observe(args)) => oracle_reporter::observe(&args),
        Command::Oracle(OracleCommand::Equivocation(args)) => {
            oracle_reporter::check_equivocation(&args)
        }
        Command::Oracle(OracleCommand::Report(args)) => oracle_reporter::check_reports(&args),
        Command::Oracle(OracleCommand::Feed(args)) => {
            oracle_feed::run(&args, &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Book(BookCommand::Replay(args)) => replay_book(&args),
        Command::Margin(args) => {
            margin::run(&args.file, args.json, &mut stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Option(args) => price_option(&args),
        Command::Sim(SimCommand::Run(args)) => simulate(&args),
        Command::Sim(SimCommand::Crash(args)) => crash(&args),
        Command::AgentWorker(args) => roles::worker(&args),
        Command::AgentJob(args) => Ok(delivery_agent::job::sandbox::serve_job(args.rest)),
    }
}

fn price_option(args: &FiguresArgs) -> Result<ExitCode> {
    option::run(&args.file, args.json, &mut stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn index(args: &IndexArgs) -> Result<ExitCode> {
    let _progress = Progress::start("running the index");
    oracle_index::run(args, VenueClock::System.now(), &mut stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn record(args: &RecordArgs) -> Result<ExitCode> {
    let _progress = Progress::start("recording");
    oracle_tape::record(args, &VenueClock::System, &mut stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn verify_prints(args: &VerifyPrintsArgs) -> Result<ExitCode> {
    let _progress = Progress::start("recomputing");
    let is_sound = oracle_verify::run(args, VenueClock::System.now(), &mut stdout().lock())?;
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn replay_book(args: &ReplayArgs) -> Result<ExitCode> {
    let input: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(stdin().lock())
    } else {
        let file = File::open(&args.file)
            .with_context(|| format!("cannot open {}", args.file.display()))?;
        Box::new(BufReader::new(file))
    };
    let out = stdout().lock();
    if args.stream {
        let replayed = book_replay::stream::run(input, out, args.json);
        replayed.with_context(|| format!("cannot replay {}", args.file.display()))?;
    } else {
        book_replay::run(input, out, args.all_events)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify_journal(args: &JournalArgs) -> Result<ExitCode> {
    let progress = Progress::start("replaying the journal");
    let report = api::venue::verify(&args.data);
    drop(progress);
    let mut out = stdout().lock();
    match report {
        Ok(report) if args.json => {
            let summary = serde_json::json!({
                "commands": report.commands,
                "state_hash": hex::encode(report.state_hash),
                "torn_tail_bytes": report.torn_tail_bytes,
                "ended_cleanly": report.ended_cleanly,
                "ok": true,
            });
            writeln!(out, "{summary}")?;
        }
        Ok(report) => {
            writeln!(out, "commands        {}", report.commands)?;
            writeln!(out, "state hash      {}", hex::encode(report.state_hash))?;
            writeln!(out, "torn tail       {} bytes", report.torn_tail_bytes)?;
            writeln!(out, "ended cleanly   {}", report.ended_cleanly)?;
            writeln!(out, "ok")?;
        }
        Err(error) => {
            if args.json {
                let summary = serde_json::json!({ "ok": false, "error": error.to_string() });
                writeln!(out, "{summary}")?;
            }
            return Err(error.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ledger_statement(args: &StatementArgs) -> Result<ExitCode> {
    let _progress = Progress::start("replaying the journal");
    ledger::statement(
        &args.data,
        args.account.as_deref(),
        args.day,
        args.json,
        &mut stdout().lock(),
    )?;
    Ok(ExitCode::SUCCESS)
}

fn ledger_export(args: &ExportArgs) -> Result<ExitCode> {
    let _progress = Progress::start("replaying the journal");
    let out = BufWriter::new(stdout().lock());
    ledger::export(&args.data, args.from, args.format, out)?;
    Ok(ExitCode::SUCCESS)
}

/// A figure as the JSON type it has: whole numbers and yes or no are no strings.
fn typed(figure: String) -> serde_json::Value {
    let parsed = serde_json::from_str(&figure);
    match parsed {
        Ok(value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_))) => value,
        Ok(_) | Err(_) => serde_json::Value::String(figure),
    }
}

fn crash(args: &CrashArgs) -> Result<ExitCode> {
    let progress = Progress::start("running the crash");
    let report = sim::crash(args.seed);
    drop(progress);
    let mut out = stdout().lock();
    if args.json {
        let figures = report.figures().into_iter().map(|(name, figure)| (name, typed(figure)));
        let figures: std::collections::BTreeMap<_, _> = figures.collect();
        let tables: Vec<_> = report.tables().iter().map(table_json).collect();
        let (timeline, ok) = (report.timeline(), report.is_sound());
        let whole = serde_json::json!({
            "ok": ok, "figures": figures, "timeline": timeline, "tables": tables,
        });
        writeln!(out, "{whole}")?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Micro-dollars, as strings: no reader rounds them.
fn table_json(table: &sim::Table) -> serde_json::Value {
    let row = |(place, (name, cells)): (usize, &(String, Vec<i128>))| {
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        serde_json::json!({ "name": name, "lots": table.lots.get(place), "micro_usd": cells })
    };
    let rows: Vec<_> = table.rows.iter().enumerate().map(row).collect();
    let (title, columns) = (&table.title, &table.columns);
    serde_json::json!({
        "title": title, "columns": columns, "rows": rows, "adds_up": table.adds_up,
    })
}

fn simulate(args: &SimArgs) -> Result<ExitCode> {
    let progress = Progress::start("running the world");
    let report = sim::run(&sim::Scenario::standard(args.seed, args.days));
    drop(progress);
    let mut out = stdout().lock();
    if args.json {
        let figures = report.figures().into_iter().map(|(name, figure)| (name, typed(figure)));
        let figures: std::collections::BTreeMap<_, _> = figures.collect();
        writeln!(out, "{}", serde_json::json!(figures))?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
