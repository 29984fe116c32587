//! `tenor oracle index`: a file of provider observations in, the index of every grade out, tick by tick.
//!
//! A tick is one timestamp of the file. From the tick in which a grade is first seen it has one row in every tick, whether or not anybody
//! quoted it: a refusal is a row with a reason, never a gap. All that the index does is in the `oracle` crate; this file reads and writes.
//!
//! Invariant: the output appears complete or not at all. It is written beside its place and renamed.

mod evidence;
mod generate;
mod load;
#[cfg(test)]
mod tests;
mod time;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use instruments::{MicroUsd, Nanos};
use oracle::{Estimator, Params, Print, Series, State};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) use generate::generate;
pub(crate) use load::{FieldProblem, TickObservations, load};
pub(crate) use time::{NotATime, Timestamp};

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// The observations cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// More than anyone should have to read.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are taken.
        limit: u64,
    },
    /// No header, or nothing after it.
    #[error("{} has no {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        what: &'static str,
    },
    /// A column is not there, or there twice.
    #[error("line 1: {count} columns named {column}, expected one")]
    Column {
        /// Its name.
        column: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A record of another length than the header.
    #[error("line {line}: {found} fields, expected {expected}")]
    Fields {
        /// From 1.
        line: u64,
        /// In the record.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// A field that is not what its column holds.
    #[error("line {line}, field {field}: {problem}")]
    Field {
        /// From 1.
        line: u64,
        /// Its column.
        field: &'static str,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The output would replace the observations.
    #[error("{} is the file of observations", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// The output failed.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The summary failed.
    #[error("cannot write the summary")]
    Summary(#[source] io::Error),
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// Observations read.
    pub(crate) observations: u64,
    /// Timestamps in them.
    pub(crate) ticks: u64,
    /// Rows written.
    pub(crate) rows: u64,
    /// Every grade by its name.
    pub(crate) grades: BTreeMap<String, GradeSummary>,
}

/// What a run said about one grade.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GradeSummary {
    /// Rows by state; all reasons of `WITHHELD` together.
    pub(crate) states: BTreeMap<String, u64>,
    /// The last value that was published.
    pub(crate) last: Option<MicroUsd>,
    /// The largest move between one published value and the next, in millionths of the first.
    pub(crate) max_step_ppm: u64,
    /// Moves of more than 5 %.
    pub(crate) moves_over_5_percent: u64,
}

/// From observations to prints.
#[derive(Debug, Clone, Args)]
pub(crate) struct IndexArgs {
    /// What providers asked, in order of time.
    #[arg(long, value_name = "FILE")]
    pub(crate) observations: PathBuf,
    /// Where the prints go.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How a tick's quotes become a value: ours is the index, the others are plain averages to compare it with.
    #[arg(long, value_name = "NAME", default_value = "ours", value_parser = estimator())]
    pub(crate) estimator: Estimator,
    /// Print one JSON summary.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads an estimator's name, and lists them all where it is none.
pub(crate) fn estimator() -> impl TypedValueParser<Value = Estimator> {
    PossibleValuesParser::new(Estimator::ALL.map(Estimator::name))
        .try_map(|name| Estimator::named(&name).ok_or("no estimator of this name"))
}

/// Reads the observations, none later than `now`, runs the estimator for every grade, writes the prints, and says on `stdout` what came of it.
///
/// # Errors
/// [`IndexError`]; then the file of prints is as it was.
pub(crate) fn run(
    args: &IndexArgs,
    now: Nanos,
    stdout: &mut impl Write,
) -> Result<Summary, IndexError> {
    let out = &args.out;
    if let (Ok(from), Ok(to)) = (args.observations.canonicalize(), out.canonicalize())
        && from == to
    {
        return Err(IndexError::SameFile { path: out.to_owned() });
    }
    let ticks = load(&args.observations, now)?;
    let summary = write_whole(out, |writer| prints(&ticks, args.estimator, writer))
        .map_err(|source| IndexError::Write { path: out.to_owned(), source })?;
    report(&summary, args.json, stdout).map_err(IndexError::Summary)?;
    Ok(summary)
}

/// Runs `write` on a file beside `out` and renames it. What is no regular file, like a pipe or a link, is written through: a rename would
/// replace it.
fn write_whole<T>(
    out: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    let into = |path: &Path, file: io::Result<File>| {
        let mut writer = BufWriter::new(file?);
        let written = write(&mut writer)?;
        writer.flush()?;
        Ok::<(T, PathBuf), io::Error>((written, path.to_owned()))
    };
    if fs::symlink_metadata(out).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(into(out, File::create(out))?.0);
    }
    let mut name = out.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".partial");
    let partial = out.with_file_name(name);
    let renamed = into(&partial, File::create(&partial)).and_then(|(written, partial)| {
        fs::rename(partial, out)?;
        Ok(written)
    });
    if renamed.is_err() {
        // The first error is the one to report.
        drop(fs::remove_file(&partial));
    }
    renamed
}

/// Every grade's prints over all ticks, as CSV.
fn prints(
    ticks: &[TickObservations],
    estimator: Estimator,
    out: &mut impl Write,
) -> io::Result<Summary> {
    let mut all: BTreeMap<&str, Series> = BTreeMap::new();
    let mut summary = Summary::default();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["ts", "grade", "index", "conf", "state", "providers"])?;
    for tick in ticks {
        summary.ticks += 1;
        for grade in tick.by_grade.keys() {
            all.entry(grade).or_insert_with(|| Series::new(estimator, Params::default()));
        }
        let at = Timestamp(tick.at).to_string();
        for (&grade, series) in &mut all {
            let observations = tick.by_grade.get(grade).map_or(&[][..], Vec::as_slice);
            let print = series.tick(tick.at, observations);
            writer.write_record([
                at.as_str(),
                grade,
                &print.value.map_or_else(String::new, decimal),
                &decimal(MicroUsd::new(print.conf.ppm())),
                &print.state.to_string(),
                &print.providers.to_string(),
            ])?;
            summary.observations += u64::try_from(observations.len()).unwrap_or(u64::MAX);
            summary.rows += 1;
            summary.grades.entry(grade.to_owned()).or_default().add(&print);
        }
    }
    writer.flush()?;
    Ok(summary)
}

impl GradeSummary {
    fn add(&mut self, print: &Print) {
        let state = match print.state {
            State::Withheld(_) => "WITHHELD".to_owned(),
            State::Ok | State::LowConf | State::Unconfirmed | State::Fallback(_) => {
                print.state.to_string()
            }
        };
        *self.states.entry(state).or_default() += 1;
        let Some(value) = print.value else { return };
        if let Some(before) = self.last {
            let moved = u128::from(value.micros().abs_diff(before.micros())) * 1_000_000;
            let step = moved / u128::from(before.micros().unsigned_abs().max(1));
            let step = u64::try_from(step).unwrap_or(u64::MAX);
            self.max_step_ppm = self.max_step_ppm.max(step);
            self.moves_over_5_percent += u64::from(50_000 < step);
        }
        self.last = Some(value);
    }
}

/// Millionths as a decimal number without trailing zeros.
fn decimal(millionths: MicroUsd) -> String {
    Decimal::new(millionths.micros(), 6).normalize().to_string()
}

/// One line of JSON. Decimals are written from their text, so that no float touches them.
#[derive(Serialize)]
struct WireSummary<'a> {
    observations: u64,
    ticks: u64,
    rows: u64,
    grades: BTreeMap<&'a str, WireGrade<'a>>,
}

#[derive(Serialize)]
struct WireGrade<'a> {
    states: &'a BTreeMap<String, u64>,
    last: Option<Box<RawValue>>,
    max_step: Box<RawValue>,
    moves_over_5_percent: u64,
}

fn report(summary: &Summary, json: bool, stdout: &mut impl Write) -> io::Result<()> {
    if json {
        let wire = WireSummary {
            observations: summary.observations,
            ticks: summary.ticks,
            rows: summary.rows,
            grades: summary
                .grades
                .iter()
                .map(|(name, grade)| Ok((name.as_str(), wire_grade(grade)?)))
                .collect::<io::Result<_>>()?,
        };
        return writeln!(stdout, "{}", serde_json::to_string(&wire)?);
    }
    let Summary { observations, ticks, rows, .. } = summary;
    writeln!(stdout, "{observations} observations in {ticks} ticks, {rows} rows written")?;
    for (name, grade) in &summary.grades {
        let last = grade.last.map_or_else(|| "none".to_owned(), decimal);
        let step = decimal(step_percent(grade));
        let states: Vec<String> =
            grade.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
        writeln!(stdout, "{name}: last {last}, worst step {step} %, {}", states.join(", "))?;
    }
    Ok(())
}

fn wire_grade(grade: &GradeSummary) -> io::Result<WireGrade<'_>> {
    let step = i64::try_from(grade.max_step_ppm).unwrap_or(i64::MAX);
    Ok(WireGrade {
        states: &grade.states,
        last: grade.last.map(|last| RawValue::from_string(decimal(last))).transpose()?,
        max_step: RawValue::from_string(decimal(MicroUsd::new(step)))?,
        moves_over_5_percent: grade.moves_over_5_percent,
    })
}

fn step_percent(grade: &GradeSummary) -> MicroUsd {
    MicroUsd::new(i64::try_from(grade.max_step_ppm.saturating_mul(100)).unwrap_or(i64::MAX))
}
