//! Figures in JSON files that people write by hand: a number, or a string with the digits of one. Wrong ones are named by their field.

use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most that is read.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How much of a wrong value an error repeats, in characters.
const SHOWN_MAX: usize = 60;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// It cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// More than anyone should have to read.
    #[error("{}: more than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not JSON, or with a field that does not belong there.
    #[error("not {expected}")]
    Json {
        /// What the file should be.
        expected: &'static str,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// A field that is needed.
    #[error("{field}: missing")]
    Missing {
        /// Its name, with the way to it.
        field: String,
    },
    /// A value of the wrong kind.
    #[error("{field} {value}: expected {expected}")]
    Value {
        /// Its name, with the way to it.
        field: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A field that says nothing here.
    #[error("{field}: {reason}")]
    Unwanted {
        /// Its name, with the way to it.
        field: String,
        /// Why not.
        reason: &'static str,
    },
}

/// The text of `path`; `-` is the input stream.
pub(crate) fn read(path: &Path) -> Result<String, InputError> {
    let fail = |source| InputError::Read { path: path.to_owned(), source };
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(stdin().lock())
    } else {
        Box::new(File::open(path).map_err(fail)?)
    };
    let mut text = String::new();
    // One byte more than may be there tells too much from just enough.
    let read = input.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(fail)?;
    if u64::try_from(read).is_ok_and(|read| read <= FILE_BYTES_MAX) {
        return Ok(text);
    }
    Err(InputError::TooLarge { path: path.to_owned() })
}

/// The text as `expected`.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    expected: &'static str,
) -> Result<T, InputError> {
    serde_json::from_str(text).map_err(|source| InputError::Json { expected, source })
}

/// The number in a field that must be there.
pub(crate) fn needed(field: &str, value: Option<&Value>) -> Result<f64, InputError> {
    let Some(value) = value else {
        return Err(InputError::Missing { field: field.to_owned() });
    };
    number(field, value)
}

/// The number in a field.
pub(crate) fn number(field: &str, value: &Value) -> Result<f64, InputError> {
    let parsed = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let finite = parsed.filter(|number| number.is_finite());
    finite.ok_or_else(|| wrong(field, value, "a finite number, plain or as a string"))
}

/// The text in a field that must be there.
pub(crate) fn text<'a>(field: &str, value: Option<&'a Value>) -> Result<&'a str, InputError> {
    let Some(value) = value else {
        return Err(InputError::Missing { field: field.to_owned() });
    };
    value.as_str().ok_or_else(|| wrong(field, value, "a string"))
}

/// An error about what stands in a field.
pub(crate) fn wrong(field: &str, value: &Value, expected: &'static str) -> InputError {
    let text = value.to_string();
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    InputError::Value { field: field.to_owned(), value: shown, expected }
}
