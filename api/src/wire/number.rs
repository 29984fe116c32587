//! Decimals as JSON numbers, exactly: read from the text that was sent, written as the text that is meant.

use std::borrow::Cow;
use std::fmt;

use instruments::{MicroUsd, Ppm, Qty};
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use thiserror::Error;

/// The longest text of a number that is read: 28 digits, sign, point and exponent fit twice.
const TEXT_LEN_MAX: usize = 64;
/// Digits after the point that a decimal can hold.
const SCALE_MAX: u32 = 28;

/// A decimal that stands in JSON as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Number(pub Decimal);

/// Why a text is not a number that we can hold exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NumberError {
    /// Not a number, or not in JSON's grammar.
    #[error("must be a JSON number")]
    NotANumber,
    /// It would have to be rounded.
    #[error("must have at most 28 significant digits")]
    NotExact,
}

impl Number {
    /// Reads a JSON number's text; an exponent is expanded exactly.
    ///
    /// # Errors
    /// [`NumberError`]; nothing is ever rounded.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if TEXT_LEN_MAX < text.len() {
            return Err(NumberError::NotExact);
        }
        check_grammar(text)?;
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => {
                let exponent: i32 = exponent.parse().map_err(|_range| NumberError::NotExact)?;
                (mantissa, exponent)
            }
        };
        let value = Decimal::from_str_exact(mantissa).map_err(|_digits| NumberError::NotExact)?;
        shift(value.normalize(), exponent).map(Self).ok_or(NumberError::NotExact)
    }
}

/// JSON's grammar, which is narrower than that of most parsers: no `+1`, no `01`, no `.5`, no `1.`, no `1_000`.
fn check_grammar(text: &str) -> Result<(), NumberError> {
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if !is_number || serde_json::from_str::<&RawValue>(text).is_err() {
        return Err(NumberError::NotANumber);
    }
    Ok(())
}

/// `value` times ten to the power of `exponent`; `None` when that needs more digits than there are.
fn shift(value: Decimal, exponent: i32) -> Option<Decimal> {
    if value.is_zero() {
        return Some(Decimal::ZERO);
    }
    let steps = exponent.unsigned_abs();
    if exponent < 0 {
        let mut shifted = value;
        let scale = value.scale().checked_add(steps).filter(|scale| *scale <= SCALE_MAX)?;
        shifted.set_scale(scale).ok()?;
        return Some(shifted.normalize());
    }
    if SCALE_MAX < steps {
        return None;
    }
    let in_place = value.scale().min(steps);
    let mut shifted = value;
    shifted.set_scale(value.scale().saturating_sub(in_place)).ok()?;
    for _ in in_place..steps {
        shifted = shifted.checked_mul(Decimal::TEN)?;
    }
    Some(shifted.normalize())
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl From<MicroUsd> for Number {
    fn from(money: MicroUsd) -> Self {
        Self(Decimal::new(money.micros(), 6))
    }
}

impl From<Ppm> for Number {
    fn from(rate: Ppm) -> Self {
        Self(Decimal::new(rate.ppm(), 6))
    }
}

impl From<Qty> for Number {
    fn from(qty: Qty) -> Self {
        Self(Decimal::from(qty.lots()))
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, NumberError> {
        Number::parse(text).map(|number| number.to_string())
    }

    /// API-002: what a float would have blurred stays apart.
    #[test]
    fn api_002_a_number_is_its_text() {
        assert_eq!(read("0.1").as_deref(), Ok("0.1"));
        assert_eq!(read("2.345").as_deref(), Ok("2.345"));
        assert_eq!(read("0.30000000000000004").as_deref(), Ok("0.30000000000000004"));
        assert_eq!(read("9007199254740993").as_deref(), Ok("9007199254740993"));
        assert_eq!(read("2.50").as_deref(), Ok("2.5"));
        assert_eq!(read("-0").as_deref(), Ok("0"));
        assert_eq!(read("25e-1").as_deref(), Ok("2.5"));
        assert_eq!(read("2.5E+1").as_deref(), Ok("25"));
        assert_eq!(read("1e3").as_deref(), Ok("1000"));
        assert_eq!(read("0e999999").as_deref(), Ok("0"));
    }

    #[test]
    fn api_002_a_number_that_would_be_rounded_is_refused() {
        for text in ["1e-29", "1e29", "1e400", "1e99999999999", "0.12345678901234567890123456789"] {
            assert_eq!(read(text), Err(NumberError::NotExact), "{text}");
        }
        let long = format!("1{}", "0".repeat(70));
        assert_eq!(read(&long), Err(NumberError::NotExact));
        for text in
            ["", "+1", "01", ".5", "1.", "1_000", "0x10", "NaN", "\"1\"", "true", "null", " 1"]
        {
            assert_eq!(read(text), Err(NumberError::NotANumber), "{text}");
        }
    }

    proptest! {
        #[test]
        fn api_002_written_and_read_again_it_is_the_same(mantissa: i64, scale in 0u32..=18) {
            let number = Number(Decimal::new(mantissa, scale));
            let text = serde_json::to_string(&number).unwrap();
            prop_assert_eq!(serde_json::from_str::<Number>(&text).unwrap(), number);
        }

        #[test]
        fn api_002_an_exponent_is_only_another_way_to_write_it(mantissa: i32, exponent in -12i32..=12) {
            let expected = (0..exponent.unsigned_abs()).fold(Decimal::from(mantissa), |value, _| {
                if exponent < 0 { value / Decimal::TEN } else { value * Decimal::TEN }
            });
            prop_assert_eq!(Number::parse(&format!("{mantissa}e{exponent}")), Ok(Number(expected)));
        }
    }
}
