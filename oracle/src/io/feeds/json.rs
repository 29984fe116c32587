//! A cursor over a JSON body that knows where it is, so that every refusal names its field; numbers stay text until they are decimals.
//!
//! Invariants:
//! - no float: a number is read from its digits;
//! - a name that an object has twice is refused, whichever of the two a lenient reader would take.

use std::fmt;

use instruments::{MicroUsd, Nanos};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{FeedError, FieldProblem};
use super::time;

/// A whole book of the largest venue is a tenth of it.
pub const BODY_LEN_MAX: usize = 32 * 1024 * 1024;
/// Rows of one list.
pub(super) const ROWS_MAX: usize = 100_000;
/// Fields of one object.
const FIELDS_MAX: usize = 512;
/// The longest number as it is written; a float has 24.
const NUMBER_LEN_MAX: usize = 40;
/// Dollars for an hour of one GPU: what the index takes at most.
const PRICE_MAX: i64 = 10_000;
const MICROS: i64 = 1_000_000;
/// Of one GPU.
const MEMORY_GB_MAX: u32 = 4_096;

/// A place in a body.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    text: &'a str,
    field: String,
}

/// The fields of one object.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    pairs: Vec<(String, &'a RawValue)>,
    field: String,
}

impl<'a> Node<'a> {
    /// The whole body.
    pub(super) fn root(body: &'a [u8]) -> Result<Self, FeedError> {
        if BODY_LEN_MAX < body.len() {
            return Err(FeedError::TooLong { len: body.len(), limit: BODY_LEN_MAX });
        }
        let text = std::str::from_utf8(body).map_err(|error| syntax(body, error.valid_up_to()))?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            let at = offset(text, error.line(), error.column());
            not_a_number(text, at)
                .unwrap_or(FeedError::Syntax { line: error.line(), column: error.column() })
        })?;
        Ok(Self { text: raw.get(), field: String::new() })
    }

    /// Its path, as an error names it.
    pub(super) fn path(&self) -> &str {
        if self.field.is_empty() { "body" } else { &self.field }
    }

    /// The refusal of this field.
    pub(super) fn refuse(&self, problem: FieldProblem) -> FeedError {
        FeedError::Field { field: self.path().to_owned(), problem }
    }

    pub(super) fn is_null(&self) -> bool {
        self.text == "null"
    }

    pub(super) fn is_empty_text(&self) -> bool {
        self.text == "\"\""
    }

    pub(super) fn is_list(&self) -> bool {
        self.text.starts_with('[')
    }

    /// Its fields.
    pub(super) fn object(&self) -> Result<Fields<'a>, FeedError> {
        self.expect("an object", self.text.starts_with('{'))?;
        // Syntax was checked with the whole body.
        let Pairs(pairs) =
            serde_json::from_str(self.text).or(Err(self.refuse(FieldProblem::Kind {
                expected: "an object",
                found: "something that cannot be read",
            })))?;
        if FIELDS_MAX < pairs.len() {
            let problem = FieldProblem::TooMany { len: pairs.len(), limit: FIELDS_MAX };
            return Err(self.refuse(problem));
        }
        let fields = Fields { pairs, field: self.field.clone() };
        let mut names: Vec<&str> = fields.pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.array_windows().find(|[one, two]| one == two);
        if let Some([name, _]) = twice {
            return Err(fields.refuse(name, FieldProblem::WrittenTwice));
        }
        Ok(fields)
    }

    /// Its rows.
    pub(super) fn list(&self) -> Result<Vec<Self>, FeedError> {
        self.expect("a list", self.is_list())?;
        let raw: Vec<&'a RawValue> =
            serde_json::from_str(self.text).or(Err(self.refuse(FieldProblem::Kind {
                expected: "a list",
                found: "something that cannot be read",
            })))?;
        if ROWS_MAX < raw.len() {
            return Err(self.refuse(FieldProblem::TooMany { len: raw.len(), limit: ROWS_MAX }));
        }
        let node = |(row, raw): (usize, &'a RawValue)| Self {
            text: raw.get(),
            field: format!("{}[{row}]", self.field),
        };
        Ok(raw.into_iter().enumerate().map(node).collect())
    }

    /// Printable text of at most `limit` bytes, without spaces at either end.
    pub(super) fn text(&self, limit: usize) -> Result<String, FeedError> {
        self.expect("text", self.text.starts_with('"'))?;
        let unreadable =
            || self.refuse(FieldProblem::Text { len: self.text.len().saturating_sub(2), limit });
        let text: String = serde_json::from_str(self.text).or(Err(unreadable()))?;
        let is_printable = text.chars().all(|c| !c.is_control());
        if text.is_empty() || limit < text.len() || !is_printable {
            return Err(self.refuse(FieldProblem::Text { len: text.len(), limit }));
        }
        Ok(text.trim().to_owned())
    }

    /// An identity that is written as a whole number or as text.
    pub(super) fn id(&self) -> Result<String, FeedError> {
        let id = if self.text.starts_with('"') {
            self.text(64)?
        } else {
            self.whole(u64::MAX)?.to_string()
        };
        if id.bytes().all(|byte| byte.is_ascii_graphic()) && !id.is_empty() {
            Ok(id)
        } else {
            Err(self.refuse(FieldProblem::Text { len: id.len(), limit: 64 }))
        }
    }

    pub(super) fn flag(&self) -> Result<bool, FeedError> {
        self.expect("true or false", matches!(self.text, "true" | "false"))?;
        Ok(self.text == "true")
    }

    /// A number that is not negative.
    pub(super) fn number(&self) -> Result<Decimal, FeedError> {
        let is_number = self.text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        self.expect("a number", is_number)?;
        let number = Some(self.text).filter(|text| text.len() <= NUMBER_LEN_MAX).and_then(|text| {
            if text.contains(['e', 'E']) {
                Decimal::from_scientific(text).ok()
            } else {
                Decimal::from_str_exact(text).ok()
            }
        });
        let number = number.ok_or_else(|| {
            let value = self.text.chars().take(NUMBER_LEN_MAX).collect();
            self.refuse(FieldProblem::Digits { value })
        })?;
        if self.text.starts_with('-') && !number.is_zero() {
            return Err(self.refuse(FieldProblem::Negative { value: number.to_string() }));
        }
        Ok(number)
    }

    /// A whole number from 0 to `limit`; `8.0` is 8.
    pub(super) fn whole(&self, limit: u64) -> Result<u64, FeedError> {
        let number = self.number()?;
        if !number.fract().is_zero() {
            return Err(self.refuse(FieldProblem::NotWhole { value: number.to_string() }));
        }
        number.to_u64().filter(|&whole| whole <= limit).ok_or_else(|| {
            let (value, limit) = (number.to_string(), limit.to_string());
            self.refuse(FieldProblem::Above { value, limit })
        })
    }

    /// Memory that is stated in GB, in MiB, of which a GB has 1,024 here; a fraction of one is dropped.
    pub(super) fn mib_of_gb(&self) -> Result<u64, FeedError> {
        let gb = self.number()?;
        let limit = Decimal::from(MEMORY_GB_MAX);
        if limit < gb {
            let (value, limit) = (gb.to_string(), limit.to_string());
            return Err(self.refuse(FieldProblem::Above { value, limit }));
        }
        Ok(gb.saturating_mul(Decimal::from(1_024)).trunc().to_u64().unwrap_or(0))
    }

    /// A count from `least`, which is 0 or 1, to `limit`.
    pub(super) fn count(&self, least: u32, limit: u32) -> Result<u32, FeedError> {
        let count = u32::try_from(self.whole(u64::from(limit))?).unwrap_or(limit);
        if count < least { Err(self.refuse(FieldProblem::Zero)) } else { Ok(count) }
    }

    /// Dollars for `shared_by` GPU-hours, as dollars for one: to the nearest micro-dollar, half to even. Zero is `None`.
    pub(super) fn dollars(&self, shared_by: u32) -> Result<Option<MicroUsd>, FeedError> {
        let number = self.number()?;
        let limit = Decimal::from(PRICE_MAX).saturating_mul(Decimal::from(shared_by));
        if limit < number {
            let (value, limit) = (number.to_string(), limit.to_string());
            return Err(self.refuse(FieldProblem::Above { value, limit }));
        }
        // From here on nothing overflows: a number below the limit, times a million, divided by a count.
        let micros = number
            .saturating_mul(Decimal::from(MICROS))
            .checked_div(Decimal::from(shared_by.max(1)))
            .unwrap_or_default();
        let micros = micros.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        let micros = micros.to_i64().unwrap_or(0);
        Ok((0 < micros).then(|| MicroUsd::new(micros)))
    }

    /// Dollars for `shared_by` GPU-hours, as dollars for one. Zero is refused.
    pub(super) fn price(&self, shared_by: u32) -> Result<MicroUsd, FeedError> {
        self.dollars(shared_by)?.ok_or_else(|| self.refuse(FieldProblem::Zero))
    }

    /// An instant like `2026-09-10T07:37:02.247559Z`, no later than `fetched_at`.
    pub(super) fn time(&self, fetched_at: Nanos) -> Result<Nanos, FeedError> {
        let found = self.text(64)?;
        let at = time::instant(&found).ok_or_else(|| self.refuse(FieldProblem::Time { found }))?;
        self.past(at, fetched_at)
    }

    /// Seconds since 1970, with a fraction that is dropped; no later than `fetched_at`.
    pub(super) fn unix_time(&self, fetched_at: Nanos) -> Result<Nanos, FeedError> {
        let at = self.unix()?;
        self.past(at, fetched_at)
    }

    /// Seconds since 1970, with a fraction that is dropped.
    pub(super) fn unix(&self) -> Result<Nanos, FeedError> {
        let number = self.number()?;
        let limit = u64::MAX / 1_000_000_000;
        let seconds = number.trunc().to_u64().filter(|&seconds| seconds <= limit);
        let value = number.to_string();
        let above = || self.refuse(FieldProblem::Above { value, limit: limit.to_string() });
        seconds.map(Nanos::from_seconds).ok_or_else(above)
    }

    pub(super) fn past(&self, at: Nanos, fetched_at: Nanos) -> Result<Nanos, FeedError> {
        if fetched_at < at {
            return Err(self.refuse(FieldProblem::Future { at, fetched_at }));
        }
        Ok(at)
    }

    fn expect(&self, expected: &'static str, is_that: bool) -> Result<(), FeedError> {
        if is_that {
            return Ok(());
        }
        let found = match self.text.bytes().next() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "text",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(_) => "a number",
            None => "nothing",
        };
        Err(self.refuse(FieldProblem::Kind { expected, found }))
    }
}

impl<'a> Fields<'a> {
    /// A field that has to be there, null or not.
    pub(super) fn need(&self, name: &str) -> Result<Node<'a>, FeedError> {
        self.find(name).ok_or_else(|| self.refuse(name, FieldProblem::Missing))
    }

    /// A field that may be absent or null.
    pub(super) fn maybe(&self, name: &str) -> Option<Node<'a>> {
        self.find(name).filter(|node| !node.is_null())
    }

    /// Text that nothing depends on: absent, null and empty are the same.
    pub(super) fn note(&self, name: &str, limit: usize) -> Result<Option<String>, FeedError> {
        let node = self.maybe(name).filter(|node| !node.is_empty_text());
        node.map(|node| node.text(limit)).transpose()
    }

    /// Every field with its name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Node<'a>)> {
        self.pairs.iter().map(|(name, raw)| (name.as_str(), self.node(name, raw)))
    }

    /// The refusal of one of its fields.
    pub(super) fn refuse(&self, name: &str, problem: FieldProblem) -> FeedError {
        FeedError::Field { field: join(&self.field, name), problem }
    }

    fn find(&self, name: &str) -> Option<Node<'a>> {
        let (_, raw) = self.pairs.iter().find(|(found, _)| found == name)?;
        Some(self.node(name, raw))
    }

    fn node(&self, name: &str, raw: &'a RawValue) -> Node<'a> {
        Node { text: raw.get(), field: join(&self.field, name) }
    }
}

fn join(field: &str, name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    if field.is_empty() { name } else { format!("{field}.{name}") }
}

/// An object's fields in order, with those that are there twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Self)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry::<String, &'de RawValue>()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

fn syntax(body: &[u8], at: usize) -> FeedError {
    let before = body.get(..at).unwrap_or_default();
    let line = before.split(|&byte| byte == b'\n').count();
    let column = before.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len);
    FeedError::Syntax { line, column: column.saturating_add(1) }
}

/// Where the reader stood, in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before.saturating_add(column.saturating_sub(1))
}

/// Many writers of JSON print `NaN` and `Infinity`, which JSON has not: the refusal names the field.
fn not_a_number(text: &str, at: usize) -> Option<FeedError> {
    let is_word = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    let bytes = text.as_bytes();
    let start = bytes
        .get(..at)?
        .iter()
        .rposition(|byte| !is_word(byte))
        .map_or(0, |place| place.saturating_add(1));
    let word: String = text.get(start..)?.bytes().take_while(is_word).map(char::from).collect();
    let plain = word.trim_start_matches('-').to_ascii_lowercase();
    if !["nan", "infinity", "inf"].contains(&plain.as_str()) {
        return None;
    }
    // The name before it: everything between the last two quotation marks.
    let mut before = text.get(..start)?.rsplit('"').skip(1);
    let field = before.next().unwrap_or("body").chars().take(64).collect();
    Some(FeedError::Field { field, problem: FieldProblem::NotANumber { found: word } })
}
