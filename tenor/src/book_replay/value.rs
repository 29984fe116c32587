//! From the text of one field to what it means, or why it means nothing.

use std::fmt;

use instruments::{Nanos, Qty};
use serde_json::Value;
use serde_json::value::RawValue;

use super::line::Text;

/// Why a command never reached the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The field exists, this value of it does not.
    Unsupported(&'static str),
    /// Not a value of the field at all.
    Invalid(&'static str),
    /// Needed here.
    Missing(&'static str),
    /// Between two ticks.
    OffTick,
    /// More ticks than 63 bits count.
    PriceOutOfRange,
    /// The clock has passed the instant until which the command was meant.
    ValidUntilPassed,
    /// An order of this id rests or waits.
    DuplicateId,
    /// No order of this id rests or waits.
    UnknownOrder,
    /// It could rest, or is larger than the position that it reduces.
    ReduceOnly,
    /// Time does not run back.
    BeforeClock,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(field) => write!(f, "unsupported_field:{field}"),
            Self::Invalid(field) => write!(f, "invalid_field:{field}"),
            Self::Missing(field) => write!(f, "missing_field:{field}"),
            Self::OffTick => f.write_str("off_tick"),
            Self::PriceOutOfRange => f.write_str("price_out_of_range"),
            Self::ValidUntilPassed => f.write_str("valid_until_passed"),
            Self::DuplicateId => f.write_str("duplicate_id"),
            Self::UnknownOrder => f.write_str("unknown_order"),
            Self::ReduceOnly => f.write_str("reduce_only"),
            Self::BeforeClock => f.write_str("before_clock"),
        }
    }
}

/// The text of an optional field; `null` and `false` are absence.
pub(super) fn given(text: &Text) -> Option<&RawValue> {
    text.as_deref().filter(|text| text.get() != "false")
}

/// Reads what is given and needed.
pub(super) fn needed<'a>(text: &'a Text, field: &'static str) -> Result<&'a RawValue, Refused> {
    text.as_deref().ok_or(Refused::Missing(field))
}

/// Reads a JSON integer that is not negative and fits into 64 bits.
pub(super) fn whole(text: &RawValue, field: &'static str) -> Result<u64, Refused> {
    let is_integer = text.get().bytes().all(|byte| byte.is_ascii_digit());
    text.get().parse().ok().filter(|_| is_integer).ok_or(Refused::Invalid(field))
}

/// Reads a number of lots.
pub(super) fn lots(text: &RawValue, field: &'static str) -> Result<Qty, Refused> {
    whole(text, field).map(Qty::from_lots)
}

/// Reads whole milliseconds and returns nanoseconds.
pub(super) fn millis(text: &RawValue, field: &'static str) -> Result<u64, Refused> {
    whole(text, field)?.checked_mul(1_000_000).ok_or(Refused::Invalid(field))
}

/// Reads an instant, in milliseconds.
pub(super) fn instant(text: &RawValue, field: &'static str) -> Result<Nanos, Refused> {
    millis(text, field).map(Nanos::new)
}

/// The meaning of a word of which the book knows only some.
pub(super) fn choose<T: Copy>(
    field: &'static str,
    value: Option<&Value>,
    default: T,
    words: &[(&str, T)],
) -> Result<T, Refused> {
    let Some(value) = value else { return Ok(default) };
    let known = words.iter().find(|(word, _)| value == word);
    known.map(|(_, meaning)| *meaning).ok_or(Refused::Unsupported(field))
}
