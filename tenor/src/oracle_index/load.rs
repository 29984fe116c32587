//! Reads provider observations: CSV with the columns `ts,gpu_class,provider,configs,min,avg` and those of `evidence.rs`, in any order,
//! others ignored.
//!
//! The price is `min`, the cheapest listing a buyer could have taken; `avg` is checked and not used, because one listing that nobody is
//! meant to take moves it. Within a class the rows are in order of time; the classes may follow one another or be mixed.
//! Every problem is named with its line and its field, and nothing is skipped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::ByteRecord;
use instruments::{MicroUsd, Nanos};
use oracle::{Observation, ObservationError, ProviderId};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::IndexError;
use super::evidence::{self, attach};
use super::time::{NotATime, Timestamp};

const COLUMNS: [&str; 6] = ["ts", "gpu_class", "provider", "configs", "min", "avg"];
/// Classes that are a grade of ours; every other one keeps its name.
const GRADES: [(&str, &str); 4] = [
    ("H100_80GB_SXM5", "H100"),
    ("A100_80GB_SXM4", "A100"),
    ("H200_141GB", "H200"),
    ("B200_180GB", "B200"),
];
/// Half a year of half-hours of a hundred providers is a tenth of it.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
const ROWS_MAX: u64 = 2_000_000;
/// Every grade has a row in every tick.
const GRADES_MAX: usize = 32;
const FIELD_LEN_MAX: usize = 64;
/// The digits of a price that a decimal holds exactly.
const DIGITS_MAX: usize = 28;

/// What all providers asked at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TickObservations {
    /// The time.
    pub(crate) at: Nanos,
    /// By grade; a grade that nobody quoted is absent.
    pub(crate) by_grade: BTreeMap<String, Vec<Observation>>,
}

/// What is wrong with a field.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FieldProblem {
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Longer than anything it could hold.
    #[error("{len} bytes, limit {FIELD_LEN_MAX}")]
    TooLong {
        /// How long.
        len: usize,
    },
    /// Nothing, or something unprintable, where the name of a class is due.
    #[error("{value:?} is not a name")]
    Name {
        /// What stands there.
        value: String,
    },
    /// Not a UTC time.
    #[error("{value:?} is not a time like 2025-10-19T21:01:58Z")]
    Time {
        /// What stands there.
        value: String,
    },
    /// Not a number.
    #[error("{value:?} is not a decimal number of at most {DIGITS_MAX} digits")]
    Number {
        /// What stands there.
        value: String,
    },
    /// Not a count.
    #[error("{value:?} is not a whole number from 1")]
    Count {
        /// What stands there.
        value: String,
    },
    /// Zero or less.
    #[error("{value} is not positive")]
    NotPositive {
        /// What stands there.
        value: String,
    },
    /// Not one of the five.
    #[error("{value:?} is not a tier: A, B, C, D or E")]
    Tier {
        /// What stands there.
        value: String,
    },
    /// Not a number of GPUs.
    #[error("{value:?} is not a whole number from 0")]
    Units {
        /// What stands there.
        value: String,
    },
    /// Not a share.
    #[error("{value} is not from 0 to 1")]
    Share {
        /// What stands there.
        value: String,
    },
    /// Half of what is said in two fields.
    #[error("nothing, where {other} says something")]
    Without {
        /// The other half.
        other: &'static str,
    },
    /// A name, but no provider's; a number, but no price.
    #[error(transparent)]
    Observation(#[from] ObservationError),
    /// Later than the machine's clock: nobody can have seen it yet.
    #[error("{at} is in the future, it is {now}")]
    Future {
        /// Of this row.
        at: String,
        /// On the machine's clock.
        now: String,
    },
    /// Earlier than the row before it of the same class.
    #[error("{at} is before {before}, the row before it of grade {grade}")]
    OutOfOrder {
        /// Of this row.
        at: String,
        /// Of the row before.
        before: String,
        /// Of both.
        grade: String,
    },
    /// A second row of one provider.
    #[error("second row of {provider} for grade {grade} at {at}")]
    Duplicate {
        /// Whose.
        provider: String,
        /// Of which grade.
        grade: String,
        /// When.
        at: String,
    },
}

/// A field and what is wrong with it.
pub(super) type Problem = (&'static str, FieldProblem);

/// Where each column is.
struct Columns {
    needed: [usize; COLUMNS.len()],
    optional: [Option<usize>; evidence::COLUMNS.len()],
}

/// One row, read.
struct Row {
    grade: String,
    observation: Observation,
}

type Ticks = BTreeMap<Nanos, BTreeMap<String, BTreeMap<ProviderId, Observation>>>;

/// All observations of a file, by time; none of them is later than `now`.
///
/// # Errors
/// [`IndexError`], naming the line and the field.
pub(crate) fn load(path: &Path, now: Nanos) -> Result<Vec<TickObservations>, IndexError> {
    let unread = |source| IndexError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unread)?;
    if BYTES_MAX < file.metadata().map_err(unread)?.len() {
        return Err(IndexError::TooMany { what: "bytes", limit: BYTES_MAX });
    }
    let ticks = read(BufReader::new(file), path, now)?;
    if ticks.is_empty() {
        return Err(IndexError::Empty { path: path.to_owned(), what: "observations" });
    }
    Ok(ticks)
}

/// All observations of a stream, by time.
pub(super) fn read(
    input: impl Read,
    path: &Path,
    now: Nanos,
) -> Result<Vec<TickObservations>, IndexError> {
    // What has no length in advance, like a pipe, is cut off one byte after the limit and then refused.
    let input = input.take(BYTES_MAX + 1);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = ByteRecord::new();
    // With records of any length and fields of any bytes, only the source itself can fail.
    let unread =
        |error: csv::Error| IndexError::Read { path: path.to_owned(), source: error.into() };
    if !reader.read_byte_record(&mut record).map_err(unread)? {
        return Err(IndexError::Empty { path: path.to_owned(), what: "header" });
    }
    let width = record.len();
    let columns = columns(&record)?;

    let mut ticks = Ticks::new();
    let mut latest: BTreeMap<String, Nanos> = BTreeMap::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).map_err(unread)? {
        let line = record.position().map_or(0, csv::Position::line);
        rows += 1;
        if ROWS_MAX < rows {
            return Err(IndexError::TooMany { what: "rows", limit: ROWS_MAX });
        }
        if record.len() != width {
            return Err(IndexError::Fields { line, found: record.len(), expected: width });
        }
        row(&record, &columns)
            .and_then(|row| not_ahead(row, now))
            .and_then(|row| file_row(row, &mut ticks, &mut latest))
            .map_err(|(field, problem)| IndexError::Field { line, field, problem })?;
        if GRADES_MAX < latest.len() {
            let limit = u64::try_from(GRADES_MAX).unwrap_or(u64::MAX);
            return Err(IndexError::TooMany { what: "grades", limit });
        }
    }
    if BYTES_MAX < reader.position().byte() {
        return Err(IndexError::TooMany { what: "bytes", limit: BYTES_MAX });
    }
    let flat = |by_grade: BTreeMap<String, BTreeMap<ProviderId, Observation>>| {
        let of_grade =
            |(grade, rows): (String, BTreeMap<_, _>)| (grade, rows.into_values().collect());
        by_grade.into_iter().map(of_grade).collect()
    };
    Ok(ticks
        .into_iter()
        .map(|(at, by_grade)| TickObservations { at, by_grade: flat(by_grade) })
        .collect())
}

/// Finds every column, once.
fn columns(header: &ByteRecord) -> Result<Columns, IndexError> {
    let place = |column: &'static str| {
        let mut found = header.iter().enumerate().filter(|(_, name)| *name == column.as_bytes());
        let first = found.next().map(|(index, _)| index);
        (first, usize::from(first.is_some()) + found.count())
    };
    let mut needed = [0; COLUMNS.len()];
    for (slot, column) in needed.iter_mut().zip(COLUMNS) {
        match place(column) {
            (Some(index), 1) => *slot = index,
            (_, count) => return Err(IndexError::Column { column, count }),
        }
    }
    let mut optional = [None; evidence::COLUMNS.len()];
    for (slot, column) in optional.iter_mut().zip(evidence::COLUMNS) {
        match place(column) {
            (index, 0 | 1) => *slot = index,
            (_, count) => return Err(IndexError::Column { column, count }),
        }
    }
    Ok(Columns { needed, optional })
}

/// The text of one field.
fn text<'a>(
    record: &'a ByteRecord,
    place: usize,
    column: &'static str,
) -> Result<&'a str, Problem> {
    let bytes = record.get(place).unwrap_or_default();
    if FIELD_LEN_MAX < bytes.len() {
        return Err((column, FieldProblem::TooLong { len: bytes.len() }));
    }
    std::str::from_utf8(bytes).or(Err((column, FieldProblem::NotUtf8)))
}

fn row(record: &ByteRecord, columns: &Columns) -> Result<Row, Problem> {
    let mut texts = [""; COLUMNS.len()];
    for ((slot, &place), column) in texts.iter_mut().zip(&columns.needed).zip(COLUMNS) {
        *slot = text(record, place, column)?;
    }
    let mut more = [""; evidence::COLUMNS.len()];
    for ((slot, place), column) in more.iter_mut().zip(&columns.optional).zip(evidence::COLUMNS) {
        if let Some(place) = *place {
            *slot = text(record, place, column)?;
        }
    }
    let [ts, class, provider, configs, min, avg] = texts;
    let Timestamp(at) =
        ts.parse().map_err(|NotATime| ("ts", FieldProblem::Time { value: ts.to_owned() }))?;
    if class.is_empty() || !class.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(("gpu_class", FieldProblem::Name { value: class.to_owned() }));
    }
    let grade = GRADES.iter().find(|(name, _)| *name == class).map_or(class, |(_, grade)| grade);
    let provider = ProviderId::new(provider)
        .map_err(|error| ("provider", FieldProblem::Observation(error)))?;
    let configs = count(configs).map_err(|problem| ("configs", problem))?;
    let price = positive(min).and_then(micros).map_err(|problem| ("min", problem))?;
    positive(avg).map_err(|problem| ("avg", problem))?;
    let observation = Observation::new(at, provider, price, configs)
        .map_err(|error| ("min", FieldProblem::Observation(error)))?;
    let observation = attach(observation, more)?;
    Ok(Row { grade: grade.to_owned(), observation })
}

fn not_ahead(row: Row, now: Nanos) -> Result<Row, Problem> {
    let at = row.observation.at();
    if now < at {
        let (at, now) = (Timestamp(at).to_string(), Timestamp(now).to_string());
        return Err(("ts", FieldProblem::Future { at, now }));
    }
    Ok(row)
}

/// Puts a row into its tick.
fn file_row(
    row: Row,
    ticks: &mut Ticks,
    latest: &mut BTreeMap<String, Nanos>,
) -> Result<(), Problem> {
    let Row { grade, observation } = row;
    let at = observation.at();
    let before = latest.entry(grade.clone()).or_insert(at);
    if at < *before {
        let (at, before) = (Timestamp(at).to_string(), Timestamp(*before).to_string());
        return Err(("ts", FieldProblem::OutOfOrder { at, before, grade }));
    }
    *before = at;
    let providers = ticks.entry(at).or_default().entry(grade.clone()).or_default();
    if providers.contains_key(observation.provider()) {
        let provider = observation.provider().to_string();
        let at = Timestamp(at).to_string();
        return Err(("provider", FieldProblem::Duplicate { provider, grade, at }));
    }
    providers.insert(observation.provider().clone(), observation);
    Ok(())
}

fn count(text: &str) -> Result<u32, FieldProblem> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|&count| is_digits && 0 < count);
    count.ok_or_else(|| FieldProblem::Count { value: text.to_owned() })
}

/// A decimal number as people write it, perhaps with a minus: digits, perhaps a point and more digits.
pub(super) fn number(text: &str) -> Result<Decimal, FieldProblem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.len() <= DIGITS_MAX + 1;
    let number = is_plain.then(|| Decimal::from_str_exact(text).ok()).flatten();
    number.ok_or_else(|| FieldProblem::Number { value: text.to_owned() })
}

/// The same, above zero.
pub(super) fn positive(text: &str) -> Result<Decimal, FieldProblem> {
    let number = number(text)?;
    if number <= Decimal::ZERO {
        return Err(FieldProblem::NotPositive { value: text.to_owned() });
    }
    Ok(number)
}

/// To the nearest micro-dollar, half to even: an observation is a measurement, not money that somebody owes.
pub(super) fn micros(price: Decimal) -> Result<MicroUsd, FieldProblem> {
    let out_of_range = || FieldProblem::Number { value: price.to_string() };
    let micros = price.checked_mul(Decimal::from(1_000_000)).ok_or_else(out_of_range)?;
    let micros = micros.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    micros.to_i64().map(MicroUsd::new).ok_or_else(out_of_range)
}
