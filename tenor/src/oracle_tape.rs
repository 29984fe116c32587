//! `tenor oracle record`, `tenor oracle tape show` and `tenor oracle tape export`: observations and prints onto a tape, and off it again.
//!
//! Recording goes on where the tape ends: ticks that are on it already are passed over, so that a run that was killed is repeated as it was
//! typed.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use api::venue::VenueClock;
use clap::{Args, Subcommand};
use instruments::{MicroUsd, Nanos, Seq};
use oracle::io::tape::{
    Body, Clock, Evidence, KnownPrint, Label, Opening, Recorder, RowError, Shown, Tape, TapeError,
    Window,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::oracle_index::{IndexError, TickObservations, Timestamp, load};

/// Observations of a file, onto a tape.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecordArgs {
    /// What providers asked, in order of time: the file of `oracle index`.
    #[arg(long, value_name = "FILE")]
    pub(crate) observations: PathBuf,
    /// The tape's directory; begun if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) tape: PathBuf,
    /// Give rows the times of their ticks, as if each had been watched. A tape keeps what it was begun with: this, or the clock's times.
    #[arg(long)]
    pub(crate) as_if_live: bool,
    /// Print one line as soon as a tick is durable.
    #[arg(long)]
    pub(crate) each: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A tape's rows.
#[derive(Debug, Subcommand)]
pub(crate) enum TapeCommand {
    /// Print what was known of a grade, as of some time.
    Show(ShowArgs),
    /// Print every print of a grade as CSV, those that were replaced included.
    Export(ExportTapeArgs),
}

/// What was known when.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    /// Which grade.
    #[arg(value_name = "GRADE")]
    pub(crate) grade: String,
    /// The tape's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) tape: PathBuf,
    /// Nothing that was written later; everything when absent.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) as_of: Option<Timestamp>,
    /// Of ticks from here.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) from: Option<Timestamp>,
    /// Of ticks to here, inclusive.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) to: Option<Timestamp>,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Every print.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportTapeArgs {
    /// Which grade.
    #[arg(value_name = "GRADE")]
    pub(crate) grade: String,
    /// The tape's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) tape: PathBuf,
}

/// Why a tape cannot be written or asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OracleTapeError {
    /// The observations.
    #[error(transparent)]
    Observations(#[from] IndexError),
    /// The tape.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A grade's name.
    #[error("grade: {0}")]
    Grade(#[from] RowError),
    /// Write times of two kinds on one tape.
    #[error("{} was begun {}", tape.display(), match begun {
        Clock::Wall => "without --as-if-live: its rows have the clock's times",
        Clock::Ticks => "with --as-if-live: its rows have the times of their ticks",
    })]
    OtherClock {
        /// The tape's directory.
        tape: PathBuf,
        /// How it was begun.
        begun: Clock,
    },
    /// The file cannot be hashed.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer")]
    Write(#[from] io::Error),
    /// The answer cannot be written as CSV.
    #[error("cannot write the answer")]
    Csv(#[from] csv::Error),
}

/// What a recording did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) opening: Opening,
    pub(crate) ticks: u64,
    pub(crate) passed_over: u64,
    pub(crate) last: Seq,
    pub(crate) head: [u8; 32],
}

/// Records the observations of a file, tick by tick, and says what came of it.
///
/// # Errors
/// [`OracleTapeError`]. What was recorded before it stays.
pub(crate) fn record(
    args: &RecordArgs,
    clock: &VenueClock,
    stdout: &mut impl Write,
) -> Result<Recorded, OracleTapeError> {
    let ticks = load(&args.observations, clock.now())?;
    let body = |fetched_at| body(&args.observations, fetched_at);
    let whose = if args.as_if_live { Clock::Ticks } else { Clock::Wall };
    let first = ticks.first().map_or_else(|| clock.now(), |tick| tick.at);
    let written = |tick: Nanos| if args.as_if_live { tick } else { clock.now() };
    let fetched = body(written(first))?;
    let (mut recorder, opening) = Recorder::open(&args.tape, written(first), whose)?;
    let begun = recorder.tape().clock();
    if begun != whose {
        recorder.close()?;
        return Err(OracleTapeError::OtherClock { tape: args.tape.clone(), begun });
    }
    let (mut done, mut passed_over) = (0, 0);
    for tick in &ticks {
        if Some(tick.at) <= recorder.last_tick() {
            passed_over += 1;
            continue;
        }
        let fetched_at = if args.as_if_live { tick.at } else { fetched.fetched_at };
        let shown = shown(tick, &Body { fetched_at, ..fetched.clone() })?;
        // A clock that was set back must not stop the tape.
        let written_at = written(tick.at).max(recorder.tape().last_written_at());
        let prints = recorder.tick(tick.at, written_at, &shown)?;
        done += 1;
        if args.each {
            let (at, last) = (Timestamp(tick.at), recorder.tape().last().0);
            let line = json!({ "ts": at.to_string(), "last_row": last, "prints": prints.len() });
            writeln!(stdout, "{line}")?;
            stdout.flush()?;
        }
    }
    let (last, head) = (recorder.tape().last(), recorder.tape().head());
    recorder.close()?;
    let recorded = Recorded { opening, ticks: done, passed_over, last, head };
    tell(&recorded, args.json, stdout)?;
    Ok(recorded)
}

/// The file, as the body that its rows came in.
fn body(path: &Path, fetched_at: Nanos) -> Result<Body, OracleTapeError> {
    let unread = |source| OracleTapeError::Read { path: path.to_owned(), source };
    let mut file = BufReader::new(std::fs::File::open(path).map_err(unread)?);
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; 65_536];
    loop {
        match file.read(&mut chunk).map_err(unread)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        };
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let source = Label::new(name).or_else(|_long| Label::new("file"))?;
    Ok(Body { source, fetched_at, body_hash: *hasher.finalize().as_bytes() })
}

fn shown(tick: &TickObservations, body: &Body) -> Result<Shown, RowError> {
    let of_grade = |(grade, observations): (&String, &Vec<oracle::Observation>)| {
        let evidence = || Evidence::Public(body.clone());
        let rows = observations.iter().map(|it| (it.clone(), evidence())).collect();
        Ok((Label::new(grade)?, rows))
    };
    tick.by_grade.iter().map(of_grade).collect::<Result<BTreeMap<_, _>, _>>()
}

fn tell(recorded: &Recorded, is_json: bool, stdout: &mut impl Write) -> io::Result<()> {
    let Recorded { opening, ticks, passed_over, last, head } = recorded;
    let head = hex::encode(head);
    if is_json {
        let summary = json!({
            "ticks": ticks, "passed_over": passed_over, "rows": last.0, "head": head,
            "torn_bytes": opening.torn_bytes, "caught_up": opening.caught_up,
        });
        return writeln!(stdout, "{summary}");
    }
    if 0 < opening.torn_bytes {
        writeln!(
            stdout,
            "dropped {} bytes of an append that a crash cut short",
            opening.torn_bytes
        )?;
    }
    if 0 < opening.caught_up {
        writeln!(
            stdout,
            "{} rows of the last append had not reached the store",
            opening.caught_up
        )?;
    }
    writeln!(stdout, "{ticks} ticks recorded; {} rows", last.0)?;
    if 0 < *passed_over {
        let why = "no later than the tape's last and not read again";
        writeln!(stdout, "{passed_over} ticks of the file are {why}")?;
    }
    writeln!(stdout, "head {head}")
}

/// Prints what was known of a grade.
///
/// # Errors
/// [`OracleTapeError`].
pub(crate) fn show(args: &ShowArgs, stdout: &mut impl Write) -> Result<(), OracleTapeError> {
    let grade = Label::new(&args.grade)?;
    let window = Window {
        grade: &grade,
        from: args.from.map_or(Nanos::new(0), |Timestamp(at)| at),
        to: args.to.map_or(Nanos::new(u64::MAX), |Timestamp(at)| at),
    };
    let as_of = args.as_of.map_or(Nanos::new(u64::MAX), |Timestamp(at)| at);
    let known = asked(&args.tape, |tape| tape.known(&window, as_of))?;
    if args.json {
        let prints =
            known.iter().map(wire).collect::<Result<Vec<_>, _>>().map_err(io::Error::from)?;
        writeln!(stdout, "{}", serde_json::to_string(&prints).map_err(io::Error::from)?)?;
        return Ok(());
    }
    writeln!(
        stdout,
        "{:<20} {:<20} {:>8} {:>12} {:>10} state",
        "tick", "written", "row", "index", "conf"
    )?;
    for print in &known {
        let said = &print.printed.print;
        let value = said.value.map_or_else(|| "-".to_owned(), decimal);
        let replaces =
            print.replaces.as_ref().map(|(seq, why)| format!(", instead of row {}: {why}", seq.0));
        writeln!(
            stdout,
            "{:<20} {:<20} {:>8} {:>12} {:>10} {}{}",
            Timestamp(said.at).to_string(),
            Timestamp(print.written_at).to_string(),
            print.seq.0,
            value,
            decimal(MicroUsd::new(said.conf.ppm())),
            said.state,
            replaces.unwrap_or_default(),
        )?;
    }
    writeln!(stdout, "{} prints", known.len())?;
    Ok(())
}

/// Prints every print of a grade as CSV.
///
/// # Errors
/// [`OracleTapeError`].
pub(crate) fn export(args: &ExportTapeArgs, out: impl Write) -> Result<(), OracleTapeError> {
    let grade = Label::new(&args.grade)?;
    let window = Window { grade: &grade, from: Nanos::new(0), to: Nanos::new(u64::MAX) };
    let every = asked(&args.tape, |tape| tape.every_print(&window, Nanos::new(u64::MAX)))?;
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "row",
        "ts",
        "written_at",
        "superseded_at",
        "replaces",
        "grade",
        "index",
        "conf",
        "state",
        "providers",
        "methodology",
        "inputs",
        "root",
    ])?;
    for print in every {
        let said = &print.printed.print;
        let time = |at: Option<Nanos>| at.map_or_else(String::new, |at| Timestamp(at).to_string());
        writer.write_record([
            print.seq.0.to_string(),
            time(Some(said.at)),
            time(Some(print.written_at)),
            time(print.superseded_at),
            print.replaces.map_or_else(String::new, |(seq, _)| seq.0.to_string()),
            print.printed.grade.to_string(),
            said.value.map_or_else(String::new, decimal),
            decimal(MicroUsd::new(said.conf.ppm())),
            said.state.to_string(),
            said.providers.to_string(),
            said.methodology.to_string(),
            print.printed.inputs.to_string(),
            hex::encode(print.printed.root),
        ])?;
    }
    writer.flush()?;
    Ok(())
}

/// Opens a tape, asks it, and closes it again.
fn asked<T>(
    dir: &Path,
    ask: impl FnOnce(&Tape) -> Result<T, TapeError>,
) -> Result<T, OracleTapeError> {
    let (tape, _) = Tape::open(dir, &mut |_| Ok(()))?;
    let answer = ask(&tape);
    tape.close()?;
    Ok(answer?)
}

/// A print as JSON. Decimals are written from their text, so that no float touches them.
#[derive(Serialize)]
struct WirePrint<'a> {
    row: u64,
    ts: String,
    written_at: String,
    index: Option<Box<RawValue>>,
    conf: Box<RawValue>,
    state: String,
    providers: u32,
    methodology: u16,
    inputs: u32,
    root: String,
    replaces: Option<u64>,
    reason: Option<&'a str>,
}

fn wire(print: &KnownPrint) -> serde_json::Result<WirePrint<'_>> {
    let said = &print.printed.print;
    let number = |value| RawValue::from_string(decimal(value));
    Ok(WirePrint {
        row: print.seq.0,
        ts: Timestamp(said.at).to_string(),
        written_at: Timestamp(print.written_at).to_string(),
        index: said.value.map(number).transpose()?,
        conf: number(MicroUsd::new(said.conf.ppm()))?,
        state: said.state.to_string(),
        providers: said.providers,
        methodology: said.methodology,
        inputs: print.printed.inputs,
        root: hex::encode(print.printed.root),
        replaces: print.replaces.as_ref().map(|(seq, _)| seq.0),
        reason: print.replaces.as_ref().map(|(_, why)| why.as_str()),
    })
}

/// Reads a time as it is typed.
pub(crate) fn time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().or(Err("not a time like 2025-10-19T21:01:58Z"))
}

/// Millionths as a decimal number without trailing zeros.
pub(crate) fn decimal(millionths: MicroUsd) -> String {
    Decimal::new(millionths.micros(), 6).normalize().to_string()
}
