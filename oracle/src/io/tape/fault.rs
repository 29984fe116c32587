//! What can be wrong with a tape, and what can stand in the way of using one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use instruments::{Nanos, Seq};

use super::row::RowError;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The head of the log.
    Header,
    /// Rows of the log that are not what was chained, or not readable.
    Rows {
        /// The first of them.
        first: Seq,
        /// The last of them.
        last: Seq,
    },
    /// Rows that were acknowledged are missing at the end of the log: it was cut off.
    Cut {
        /// The first that is missing.
        first: Seq,
        /// The last that the store knows of.
        last: Seq,
    },
    /// A frame stands where another is due.
    Order {
        /// The row that is due.
        expected: Seq,
        /// The row that is there.
        found: Seq,
    },
    /// A row of the store is missing, or is another than that of the log.
    StoreRow {
        /// Which.
        seq: Seq,
    },
    /// The store lacks more rows at its end than a crash explains.
    StoreCut {
        /// The first that is missing.
        first: Seq,
        /// The last of the log.
        last: Seq,
    },
    /// The store has entries that follow from no row, or lacks some that do.
    StoreEntries,
    /// The store cannot be opened or read.
    StoreUnreadable {
        /// In its own words.
        problem: String,
    },
    /// A file is not as it was sealed.
    File {
        /// Which, from the tape's directory.
        path: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileProblem {
    /// It is gone.
    Missing,
    /// It does not belong to a tape.
    Unexpected,
    /// It is shorter or longer than it was.
    Length {
        /// What it was.
        sealed: u64,
        /// What it is.
        found: u64,
    },
    /// Its bytes are others.
    Contents,
}

impl Fault {
    pub(super) fn of_store(error: &TapeError) -> Self {
        Self::StoreUnreadable { problem: error.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("rows.log: its header is damaged"),
            Self::Rows { first, last } if first == last => {
                write!(f, "rows.log: row {} is damaged", first.0)
            }
            Self::Rows { first, last } => {
                write!(f, "rows.log: rows {} to {} are damaged", first.0, last.0)
            }
            Self::Cut { first, last } => {
                write!(f, "rows.log: cut off, rows {} to {} are missing", first.0, last.0)
            }
            Self::Order { expected, found } => {
                write!(f, "rows.log: row {} stands where row {} is due", found.0, expected.0)
            }
            Self::StoreRow { seq } => {
                write!(f, "store: row {} is missing or not that of the log", seq.0)
            }
            Self::StoreCut { first, last } => {
                write!(f, "store: cut off, rows {} to {} are missing", first.0, last.0)
            }
            Self::StoreEntries => f.write_str("store: its index is not that of its rows"),
            Self::StoreUnreadable { problem } => f.write_str(problem),
            Self::File { path, problem } => write!(f, "{path}: {problem}"),
        }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Unexpected => f.write_str("no file of a tape"),
            Self::Length { sealed, found } => {
                write!(f, "{found} bytes, sealed with {sealed}")
            }
            Self::Contents => f.write_str("its bytes are not those that were sealed"),
        }
    }
}

/// Why a tape cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// Another process records on it.
    #[error("{} is open in another process", dir.display())]
    Held {
        /// The tape's directory.
        dir: PathBuf,
    },
    /// There is none.
    #[error("{} holds no tape", dir.display())]
    NoTape {
        /// Where one was looked for.
        dir: PathBuf,
    },
    /// A new tape would be mixed with something else.
    #[error("{} holds {name}, which is no file of a tape", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
        /// What lies in it.
        name: String,
    },
    /// The disk refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The store refused or panicked.
    #[error("store: cannot {doing}: {problem}")]
    Store {
        /// The verb.
        doing: &'static str,
        /// In its own words.
        problem: String,
    },
    /// It is not as it was written. Nothing is repaired.
    #[error("the tape in {} is damaged and was not touched: {fault}", dir.display())]
    Damaged {
        /// The tape's directory.
        dir: PathBuf,
        /// The first thing that is wrong.
        fault: Fault,
    },
    /// Something that is no row.
    #[error("row {at} of the batch: {source}")]
    Row {
        /// Its place in the batch, from 0.
        at: usize,
        /// What is wrong with it.
        source: RowError,
    },
    /// Too much, or nothing, at once.
    #[error("{what} of the batch: {found}, not between 1 and {limit}")]
    Batch {
        /// Of what.
        what: &'static str,
        /// How much it is.
        found: usize,
        /// How much is taken.
        limit: usize,
    },
    /// Written before the row before.
    #[error("written at {}, before the last row at {}", at.nanos(), last.nanos())]
    TimeRunsBackwards {
        /// The time given.
        at: Nanos,
        /// That of the last row.
        last: Nanos,
    },
    /// A tape of this length is long enough.
    #[error("the tape is full: {limit} bytes; begin another")]
    Full {
        /// The limit.
        limit: u64,
    },
    /// After a failed write nothing more is taken.
    #[error("an earlier write failed; open the tape again")]
    Failed,
    /// A row that is not there.
    #[error("the tape has no row {}", seq.0)]
    NoRow {
        /// Which.
        seq: Seq,
    },
    /// A revision of something that cannot be revised.
    #[error("row {} cannot be revised: {why}", seq.0)]
    Revision {
        /// The row.
        seq: Seq,
        /// Why not.
        why: &'static str,
    },
    /// A tick that is not after the last one.
    #[error("tick at {} is not after the last one at {}", at.nanos(), last.nanos())]
    TickNotLater {
        /// The tick given.
        at: Nanos,
        /// The last one on the tape.
        last: Nanos,
    },
    /// What is on the tape is not what its inputs give, so nothing can follow it.
    #[error("row {} of the tape does not follow from its inputs: {why}", seq.0)]
    Mismatch {
        /// The row.
        seq: Seq,
        /// In words.
        why: String,
    },
}

impl TapeError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}
