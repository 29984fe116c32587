//! Adds rows to a file of observations, in the format that `oracle index` reads; the columns after `avg` are for people and other tools.
//!
//! Invariants:
//! - a file grows by whole ticks in the order of time, or stays as it was;
//! - a judgement (tier E) is shown and never written: what reads the file may not look at its tier.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use instruments::Nanos;
use oracle::{ClassKey, Observation, Tier};
use rust_decimal::Decimal;

use crate::oracle_index::Timestamp;

const HEADER: [&str; 11] = [
    "ts",
    "gpu_class",
    "provider",
    "configs",
    "min",
    "avg",
    "tier",
    "cluster",
    "route",
    "total_units",
    "leased_units",
];
/// What `oracle index` reads at most.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// The file cannot be read or written.
    #[error("cannot add to {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// It would be longer than what is read.
    #[error("{} has {len} bytes, limit {BYTES_MAX}", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// How long it is.
        len: u64,
    },
    /// It is not one of ours.
    #[error("line 1 of {}: not the columns {}", path.display(), HEADER.join(","))]
    Header {
        /// Which.
        path: PathBuf,
    },
    /// A row of it cannot be what we wrote.
    #[error("line {line} of {}: not a row of observations", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// A row is already there, or a later one.
    #[error("line {line} of {}: {provider} of {class} at {at}, and rows come in order of time", path.display())]
    OutOfOrder {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Whose row it is.
        provider: String,
        /// Of which class.
        class: String,
        /// When.
        at: String,
    },
}

/// Adds `observations`, all of the tick `at`, to the file at `path`, which is made if it is not there.
pub(super) fn append(
    path: &Path,
    at: Nanos,
    observations: &[(ClassKey, Observation)],
) -> Result<(), AppendError> {
    let failed = |source: io::Error| AppendError::File { path: path.to_owned(), source };
    let counts = |(_, it): &&(ClassKey, Observation)| it.tier() != Tier::Judgement;
    let observations: Vec<_> = observations.iter().filter(counts).cloned().collect();
    let is_new = match path.metadata() {
        Ok(metadata) if BYTES_MAX < metadata.len() => {
            return Err(AppendError::TooLong { path: path.to_owned(), len: metadata.len() });
        }
        Ok(metadata) => metadata.len() == 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if !is_new {
        check(path, at, &observations)?;
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = (|| {
        if is_new {
            writer.write_record(HEADER)?;
        }
        observations.iter().try_for_each(|(class, it)| writer.write_record(row(class, it)))
    })();
    written.map_err(|error: csv::Error| failed(error.into()))?;
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// That the rows fit behind those that are there.
fn check(
    path: &Path,
    at: Nanos,
    observations: &[(ClassKey, Observation)],
) -> Result<(), AppendError> {
    let failed = |source: io::Error| AppendError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    for (record, line) in reader.records().zip(1_u64..) {
        let record = record.map_err(|error| failed(error.into()))?;
        if line == 1 {
            if record.iter().ne(HEADER) {
                return Err(AppendError::Header { path: path.to_owned() });
            }
            continue;
        }
        let not_ours = || AppendError::Row { path: path.to_owned(), line };
        let [ts, class, provider] = [0, 1, 2].map(|column| record.get(column).unwrap_or_default());
        let Timestamp(then) = ts.parse().or(Err(not_ours()))?;
        let is_of = |key: &ClassKey| key.as_str() == class;
        let is_later = at < then && observations.iter().any(|(key, _)| is_of(key));
        let is_there = at == then
            && observations
                .iter()
                .any(|(key, it)| is_of(key) && it.provider().as_str() == provider);
        if is_later || is_there {
            let (provider, class) = (provider.to_owned(), class.to_owned());
            let (path, at) = (path.to_owned(), ts.to_owned());
            return Err(AppendError::OutOfOrder { path, line, provider, class, at });
        }
    }
    Ok(())
}

fn row(class: &ClassKey, it: &Observation) -> [String; HEADER.len()] {
    let price = Decimal::new(it.price().micros(), 6).normalize().to_string();
    let (units, leased) = it
        .units()
        .map_or_else(Default::default, |it| (it.total.to_string(), it.leased.to_string()));
    [
        Timestamp(it.at()).to_string(),
        class.to_string(),
        it.provider().to_string(),
        it.configs().to_string(),
        price.clone(),
        price,
        it.tier().to_string(),
        it.cluster().to_string(),
        it.route().to_string(),
        units,
        leased,
    ]
}
