//! Figures in JSON files that people write by hand: a number, or a string with the digits of one. Wrong ones are named by their field.
//!
//! A figure is read from the digits that stand in the file and becomes the nearest number there is: `2.5` and `"2.5"` are the same, to the
//! last bit. What was typed by others is shown with its control characters escaped.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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

/// What stands in a field, in the characters that stand there.
pub(crate) type Given = Option<Box<RawValue>>;

/// A JSON object as a `T`. By itself serde takes an array of the fields' values too, in an order that nobody was told.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// The text as `expected`.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    expected: &'static str,
) -> Result<T, InputError> {
    let object = serde_json::from_str::<Object<T>>(text);
    object.map(|object| object.0).map_err(|source| InputError::Json { expected, source })
}

/// The number in a field that must be there.
pub(crate) fn needed(field: &str, given: &Given) -> Result<f64, InputError> {
    let Some(given) = given else {
        return Err(InputError::Missing { field: field.to_owned() });
    };
    number(field, given)
}

/// The number in a field.
pub(crate) fn number(field: &str, given: &RawValue) -> Result<f64, InputError> {
    let digits = match string(given) {
        Some(text) => text,
        None => given.get().to_owned(),
    };
    // The nearest number to the digits; `true`, `[1]` and the like are none.
    let finite = digits.parse().ok().filter(|number: &f64| number.is_finite());
    finite.ok_or_else(|| wrong(field, given.get(), "a finite number, plain or as a string"))
}

/// The text in a field that must be there.
pub(crate) fn text(field: &str, given: &Given) -> Result<String, InputError> {
    let Some(given) = given else {
        return Err(InputError::Missing { field: field.to_owned() });
    };
    string(given).ok_or_else(|| wrong(field, given.get(), "a string"))
}

fn string(given: &RawValue) -> Option<String> {
    serde_json::from_str(given.get()).ok()
}

/// An error about what stands in a field.
pub(crate) fn wrong(field: &str, given: &str, expected: &'static str) -> InputError {
    let mut value = shown(&given.chars().take(SHOWN_MAX).collect::<String>());
    if SHOWN_MAX < given.chars().count() {
        value.push('…');
    }
    InputError::Value { field: field.to_owned(), value, expected }
}

/// The text with what would move a terminal's cursor escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '"' || letter == '\'' || letter == '\\' {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    shown
}
