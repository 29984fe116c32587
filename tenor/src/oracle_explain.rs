//! `tenor oracle explain`: why a print is what it is. Every voice with its price, its weight and its effect, what was ignored, both legs,
//! every gate, and one sentence.

mod page;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use instruments::{MicroUsd, Nanos, Seq};
use oracle::io::tape::{Label, RowError, TapeError, explain};
use oracle::{Explanation, Gate, GateName, Index, NanoLog, Observation, Params, Print, State};
use rust_decimal::Decimal;

use crate::oracle_index::{IndexError, TickObservations, Timestamp, load};
use crate::oracle_tape::{decimal, time};

/// Which print.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// Of which grade.
    #[arg(value_name = "GRADE")]
    pub(crate) grade: String,
    /// The tick at or before this time, like 2025-10-19T21:01:58Z.
    #[arg(value_name = "TIME", value_parser = time)]
    pub(crate) at: Timestamp,
    /// The tape's directory.
    #[arg(long, value_name = "DIR", required_unless_present = "observations")]
    pub(crate) tape: Option<PathBuf>,
    /// Without a tape: what providers asked.
    #[arg(long, value_name = "FILE", conflicts_with = "tape")]
    pub(crate) observations: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// The tape.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The observations.
    #[error(transparent)]
    Observations(#[from] IndexError),
    /// The grade's name.
    #[error("grade: {0}")]
    Grade(#[from] RowError),
    /// Nobody ever quoted it.
    #[error("no print of grade {grade}; there are {}", known.join(", "))]
    UnknownGrade {
        /// What was asked for.
        grade: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No print of it on the tape.
    #[error("no print of grade {grade} on the tape")]
    NoPrint {
        /// What was asked for.
        grade: String,
    },
    /// Before the first tick or after the last.
    #[error("{at} is not between {first} and {last}, the first and the last tick of grade {grade}")]
    OutOfRange {
        /// What was asked for.
        at: String,
        /// Of which grade.
        grade: String,
        /// Where it begins.
        first: String,
        /// Where it ends.
        last: String,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer")]
    Write(#[from] io::Error),
}

/// A print and why, and where it stands if it stands on a tape.
struct Explained {
    row: Option<(Seq, Nanos)>,
    print: Print,
    shown: Vec<Observation>,
    explanation: Explanation,
}

/// Explains one print.
///
/// # Errors
/// [`ExplainError`].
pub(crate) fn run(
    args: &ExplainArgs,
    now: Nanos,
    stdout: &mut impl Write,
) -> Result<(), ExplainError> {
    let Timestamp(at) = args.at;
    let (range, explained) = match (&args.tape, &args.observations) {
        (Some(tape), _) => {
            let asked = explain(tape, &Label::new(&args.grade)?, at)?;
            let explained = asked.explained.map(|it| Explained {
                row: Some((it.seq, it.written_at)),
                print: it.print,
                shown: it.shown,
                explanation: it.explanation,
            });
            let grade = args.grade.clone();
            (asked.range.ok_or(ExplainError::NoPrint { grade })?, explained)
        }
        (None, Some(file)) => of_file(&load(file, now)?, &args.grade, at)?,
        (None, None) => return Err(ExplainError::NoPrint { grade: args.grade.clone() }),
    };
    let (first, last) = range;
    let explained = explained.filter(|_| at <= last);
    let Some(explained) = explained else {
        let [at, first, last] = [at, first, last].map(|at| Timestamp(at).to_string());
        return Err(ExplainError::OutOfRange { at, grade: args.grade.clone(), first, last });
    };
    if args.json {
        let whole = wire::json(&explained, &args.grade).map_err(io::Error::from)?;
        writeln!(stdout, "{whole}")?;
    } else {
        write!(stdout, "{}", page::text(&explained, &args.grade))?;
    }
    Ok(())
}

type Found = ((Nanos, Nanos), Option<Explained>);

/// The print of the last tick at or before `at`, from the observations alone.
fn of_file(ticks: &[TickObservations], grade: &str, at: Nanos) -> Result<Found, ExplainError> {
    let first = ticks.iter().find(|tick| tick.by_grade.contains_key(grade)).map(|tick| tick.at);
    let (Some(first), Some(last)) = (first, ticks.last()) else {
        let known: BTreeMap<&String, ()> =
            ticks.iter().flat_map(|tick| tick.by_grade.keys()).map(|grade| (grade, ())).collect();
        let known = known.into_keys().cloned().collect();
        return Err(ExplainError::UnknownGrade { grade: grade.to_owned(), known });
    };
    let of_grade = |tick: &TickObservations| tick.by_grade.get(grade).cloned().unwrap_or_default();
    let mut shown = ticks.iter().filter(|tick| first <= tick.at && tick.at <= at).peekable();
    let mut index = Index::new(Params::default());
    let mut explained = None;
    while let Some(tick) = shown.next() {
        if shown.peek().is_some() {
            index.tick(tick.at, &of_grade(tick));
        } else {
            let shown = of_grade(tick);
            let (print, explanation) = index.tick_explained(tick.at, &shown);
            explained = Some(Explained { row: None, print, shown, explanation });
        }
    }
    Ok(((first, last.at), explained))
}

/// Why the state is what it is.
fn sentence(print: &Print, gates: &[Gate]) -> String {
    let closed: Vec<String> = gates.iter().filter(|gate| !gate.is_open).map(in_words).collect();
    let because =
        if closed.is_empty() { String::new() } else { format!("; {}", closed.join("; ")) };
    match print.state {
        State::Ok => "OK, because every gate is open".to_owned(),
        State::LowConf if closed.is_empty() => {
            "LOW_CONF, because of what the state remembers of the ticks before".to_owned()
        }
        State::LowConf => format!("LOW_CONF, because not every gate is open{because}"),
        State::Unconfirmed => {
            format!("UNCONFIRMED, because it moved further than the others confirm{because}")
        }
        State::Fallback(rung) => {
            let instead = match rung {
                2 => "too few quote now, but enough have quoted lately",
                3 => "too few quote: the last value, moved by a futures mark",
                4 => "too few quote: the last full value, moved by utilisation",
                _ => "too few quote",
            };
            format!("FALLBACK({rung}), because {instead}{because}")
        }
        State::Withheld(reason) => format!("WITHHELD: {reason}{because}"),
    }
}

fn in_words(gate: &Gate) -> String {
    let (is, limit) = (measured(gate.name, gate.is), measured(gate.name, gate.limit));
    let bound = if is_floor(gate.name) { "at least" } else { "at most" };
    format!("{} {is}, {bound} {limit}", gate.name.as_str())
}

/// A count, or millionths, as the gate counts.
fn measured(name: GateName, value: i64) -> String {
    match name {
        GateName::Providers | GateName::Clusters | GateName::Transacted | GateName::Units => {
            value.to_string()
        }
        GateName::Voices
        | GateName::TopShare
        | GateName::Route
        | GateName::Dispersion
        | GateName::Confidence
        | GateName::Jump => decimal(MicroUsd::new(value)),
    }
}

const fn is_floor(name: GateName) -> bool {
    match name {
        GateName::Providers
        | GateName::Clusters
        | GateName::Voices
        | GateName::Transacted
        | GateName::Units => true,
        GateName::TopShare
        | GateName::Route
        | GateName::Dispersion
        | GateName::Confidence
        | GateName::Jump => false,
    }
}

/// What a difference of logarithms is in percent.
fn percent_of_log(difference: NanoLog) -> String {
    let dollar = MicroUsd::new(1_000_000);
    // A dollar, and what it is after the difference: the change in millionths.
    let after = NanoLog::of(dollar).and_then(|log| log.plus(difference).price());
    let change = after.map(|after| Decimal::new(after.micros() - dollar.micros(), 4));
    change.map_or_else(|| "beyond all".to_owned(), |change| format!("{change:.3}"))
}

/// The price whose logarithm it is. Before there is an index all logarithms are zero, and no price is a millionth of a dollar.
fn price_of_log(nanos: NanoLog) -> String {
    let price = nanos.price().filter(|_| nanos.nanos() != 0);
    price.map_or_else(|| "none".to_owned(), decimal)
}
