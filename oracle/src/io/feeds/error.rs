//! Why a body is refused: which field of which row, what is wrong with it, and the limit.
//!
//! A field is named by its path, `offers[12].dph_base`; rows count from 0. One bad field refuses the whole body: a venue whose shape changed
//! says so by its silence, and no half-read book becomes a price.

use instruments::Nanos;

/// Why a body is no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Longer than any book.
    #[error("body of {len} bytes, limit {limit}")]
    TooLong {
        /// How long.
        len: usize,
        /// The most that is read.
        limit: usize,
    },
    /// Not JSON.
    #[error("line {line}, column {column}: not JSON")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A field that is not what the venue documents.
    #[error("field {field}: {problem}")]
    Field {
        /// Its path.
        field: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The catalogue or the factors that are compiled in.
    #[error("built-in data: {0}")]
    BuiltIn(String),
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// There twice in one object.
    #[error("written twice")]
    WrittenTwice,
    /// Of another kind than documented.
    #[error("{found}, expected {expected}")]
    Kind {
        /// What is documented.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// `NaN` or `Infinity`.
    #[error("{found} is not a number")]
    NotANumber {
        /// What stands there.
        found: String,
    },
    /// More digits than can be held exactly.
    #[error("{value} is not a decimal number of at most 28 digits")]
    Digits {
        /// What stands there, cut short.
        value: String,
    },
    /// Below zero.
    #[error("{value} is negative")]
    Negative {
        /// What stands there.
        value: String,
    },
    /// Zero where there must be something.
    #[error("zero")]
    Zero,
    /// A count with a fraction.
    #[error("{value} is not a whole number")]
    NotWhole {
        /// What stands there.
        value: String,
    },
    /// Above what it can be.
    #[error("{value} is above {limit}")]
    Above {
        /// What stands there.
        value: String,
        /// The most it can be, or the field that it cannot exceed.
        limit: String,
    },
    /// Text that is empty, too long, or not printable.
    #[error("text of {len} bytes, expected 1 to {limit} printable characters")]
    Text {
        /// How long.
        len: usize,
        /// The most that is read.
        limit: usize,
    },
    /// Not one of the documented words.
    #[error("{found:?}, expected {expected}")]
    Word {
        /// What stands there.
        found: String,
        /// The documented ones.
        expected: &'static str,
    },
    /// Not an instant as the venue writes them.
    #[error("{found:?} is not a UTC time")]
    Time {
        /// What stands there.
        found: String,
    },
    /// After the body was fetched.
    #[error("{} ns is after the fetch at {} ns", at.nanos(), fetched_at.nanos())]
    Future {
        /// What it says.
        at: Nanos,
        /// When the body was fetched.
        fetched_at: Nanos,
    },
    /// Too old to be what the venue offers now.
    #[error("{seconds} s old, limit {limit} s")]
    Stale {
        /// How old.
        seconds: u64,
        /// The oldest that is taken.
        limit: u64,
    },
    /// The same thing in two rows.
    #[error("{value} is also in {first}")]
    Repeated {
        /// What.
        value: String,
        /// The other row.
        first: String,
    },
    /// Rows that say different things of one machine.
    #[error("{value} is not the {before} of {first}")]
    Contradicts {
        /// What it says.
        value: String,
        /// What the other says.
        before: String,
        /// The other row.
        first: String,
    },
    /// More rows than any book has.
    #[error("{len} rows, limit {limit}")]
    TooMany {
        /// How many.
        len: usize,
        /// The most that are read.
        limit: usize,
    },
    /// As many rows as the venue sends at most: there may be more.
    #[error("{len} rows, which is where the venue cuts the book off")]
    CutOff {
        /// How many.
        len: usize,
    },
}
