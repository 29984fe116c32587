//! A method's fields, read one by one, so that every refusal can name its field.
//!
//! Invariants:
//! - a field that the method does not have is refused, and so is one that is sent twice;
//! - `null` is the same as not sending the field;
//! - a number is read from its text, see [`Number`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::{ErrorCode, WireError};
use super::number::Number;

/// The fields of one request.
#[derive(Debug, Default)]
pub struct Params {
    fields: BTreeMap<String, Field>,
}

#[derive(Debug)]
enum Field {
    /// A JSON value, from a JSON-RPC request.
    Json(Box<RawValue>),
    /// Text, from a query.
    Text(String),
}

impl Params {
    /// The fields of a JSON-RPC request's `params`.
    ///
    /// # Errors
    /// When they are not an object, or one is sent twice.
    pub fn from_json(params: Option<&RawValue>) -> Result<Self, WireError> {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Ok(Self::default());
        };
        if !params.get().starts_with('{') {
            return Err(WireError::param("params", "must be an object of named fields"));
        }
        let object: Object = serde_json::from_str(params.get())
            .map_err(|error| WireError::new(ErrorCode::InvalidParams, error.to_string()))?;
        if let Some(twice) = object.twice {
            return Err(WireError::param(&twice, "is sent twice"));
        }
        let fields = object.fields.into_iter().filter(|(_, value)| value.get() != "null");
        Ok(Self { fields: fields.map(|(name, value)| (name, Field::Json(value))).collect() })
    }

    /// The fields of a query.
    ///
    /// # Errors
    /// When one is sent twice.
    pub fn from_query(pairs: Vec<(String, String)>) -> Result<Self, WireError> {
        let mut fields = BTreeMap::new();
        for (name, text) in pairs {
            if fields.contains_key(&name) {
                return Err(WireError::param(&name, "is sent twice"));
            }
            fields.insert(name, Field::Text(text));
        }
        Ok(Self { fields })
    }

    /// Refuses every field that is not in `known`.
    ///
    /// # Errors
    /// The first unknown field, by name.
    pub fn check_known(&self, known: &[&str]) -> Result<(), WireError> {
        match self.fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) if known.is_empty() => {
                Err(WireError::param(unknown, "unknown field; the method takes none"))
            }
            Some(unknown) => {
                let reason = format!("unknown field; known are {}", known.join(", "));
                Err(WireError::param(unknown, reason))
            }
        }
    }

    /// Whether a field is sent.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, name: &str) -> Result<Option<String>, WireError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Field::Text(text)) => Ok(Some(text.clone())),
            Some(Field::Json(_)) => self.read(name, "must be a string"),
        }
    }

    /// A text that must be sent.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn required_text(&self, name: &str) -> Result<String, WireError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// True or false.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, WireError> {
        let wrong = "must be true or false";
        match self.fields.get(name) {
            None => Ok(None),
            Some(Field::Text(text)) => match text.as_str() {
                "true" => Ok(Some(true)),
                "false" => Ok(Some(false)),
                _ => Err(WireError::param(name, wrong)),
            },
            Some(Field::Json(_)) => self.read(name, wrong),
        }
    }

    /// A decimal, exactly.
    ///
    /// # Errors
    /// When it is something else, or would have to be rounded.
    pub fn number(&self, name: &str) -> Result<Option<Decimal>, WireError> {
        let text = match self.fields.get(name) {
            None => return Ok(None),
            Some(Field::Text(text)) => text,
            Some(Field::Json(value)) => value.get(),
        };
        let number = Number::parse(text);
        number
            .map(|number| Some(number.0))
            .map_err(|error| WireError::param(name, error.to_string()))
    }

    /// A whole number from zero to `limit`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn integer(&self, name: &str, limit: u64) -> Result<Option<u64>, WireError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let whole = number.fract().is_zero().then(|| number.to_u64()).flatten();
        match whole {
            Some(whole) if whole <= limit => Ok(Some(whole)),
            Some(_) | None => {
                let reason = format!("must be a whole number from 0 to {limit}");
                Err(WireError::param(name, reason).with_limit(Decimal::from(limit)))
            }
        }
    }

    /// A whole number that must be sent.
    ///
    /// # Errors
    /// As [`Params::integer`], or when it is missing.
    pub fn required_integer(&self, name: &str, limit: u64) -> Result<u64, WireError> {
        self.integer(name, limit)?.ok_or_else(|| missing(name))
    }

    /// A list of texts that must be sent. In a query: one text, or a JSON array.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn required_texts(&self, name: &str) -> Result<Vec<String>, WireError> {
        let wrong = "must be an array of strings";
        match self.fields.get(name) {
            None => Err(missing(name)),
            Some(Field::Text(text)) if text.starts_with('[') => {
                serde_json::from_str(text).map_err(|_kind| WireError::param(name, wrong))
            }
            Some(Field::Text(text)) => Ok(vec![text.clone()]),
            Some(Field::Json(_)) => self.read(name, wrong)?.ok_or_else(|| missing(name)),
        }
    }

    /// A JSON object's own text, that must be sent and has at most `limit` bytes.
    ///
    /// # Errors
    /// When it is missing, something else, or longer.
    pub fn required_object(&self, name: &str, limit: usize) -> Result<Box<RawValue>, WireError> {
        let value = match self.fields.get(name) {
            None => return Err(missing(name)),
            Some(Field::Json(value)) => value.clone(),
            Some(Field::Text(text)) => RawValue::from_string(text.clone())
                .map_err(|_kind| WireError::param(name, "must be an object"))?,
        };
        if !value.get().starts_with('{') {
            return Err(WireError::param(name, "must be an object"));
        }
        if limit < value.get().len() {
            let reason = format!("has {} bytes, at most {limit} are taken", value.get().len());
            return Err(WireError::param(name, reason).with_limit(Decimal::from(limit)));
        }
        Ok(value)
    }

    /// Bytes in hexadecimal, with or without `0x`, that must be sent.
    ///
    /// # Errors
    /// When they are missing, something else, or of another length.
    pub fn required_hex<const LEN: usize>(&self, name: &str) -> Result<[u8; LEN], WireError> {
        let text = self.required_text(name)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let mut bytes = [0; LEN];
        let wrong = |_error| WireError::param(name, format!("must be {LEN} bytes in hexadecimal"));
        hex::decode_to_slice(digits, &mut bytes).map_err(wrong)?;
        Ok(bytes)
    }

    /// The fields of a JSON object, each in its own text; none when it is not sent.
    ///
    /// # Errors
    /// `wrong`, when it is something else, and when one of its fields is sent twice.
    pub(crate) fn entries(
        &self,
        name: &str,
        wrong: &str,
    ) -> Result<BTreeMap<String, Box<RawValue>>, WireError> {
        let Some(object) = self.read::<Object>(name, wrong)? else { return Ok(BTreeMap::new()) };
        match object.twice {
            None => Ok(object.fields),
            Some(twice) => Err(WireError::param(name, format!("{twice} is sent twice"))),
        }
    }

    /// Any JSON value, in a shape of its own.
    ///
    /// # Errors
    /// `wrong`, when it is something else.
    pub(crate) fn value<T: DeserializeOwned>(
        &self,
        name: &str,
        wrong: &str,
    ) -> Result<Option<T>, WireError> {
        self.read(name, wrong)
    }

    fn read<T: DeserializeOwned>(&self, name: &str, wrong: &str) -> Result<Option<T>, WireError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Field::Text(text)) => serde_json::from_str(text).map(Some),
            Some(Field::Json(value)) => serde_json::from_str(value.get()).map(Some),
        }
        .map_err(|_kind| WireError::param(name, wrong))
    }
}

/// A field that the method cannot do without.
pub(crate) fn missing(name: &str) -> WireError {
    WireError::param(name, "is missing")
}

/// An object's fields in the text they were sent in, and the first that came twice.
struct Object {
    fields: BTreeMap<String, Box<RawValue>>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object { fields: BTreeMap::new(), twice: None };
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    match object.fields.entry(name) {
                        Entry::Vacant(place) => {
                            place.insert(value);
                        }
                        Entry::Occupied(place) => {
                            object.twice.get_or_insert_with(|| place.key().clone());
                        }
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Params, WireError> {
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        Params::from_json(Some(&raw))
    }

    fn refusal<T: fmt::Debug>(result: Result<T, WireError>) -> String {
        let error = serde_json::to_value(result.unwrap_err()).unwrap();
        format!("{}: {}", error["data"]["param"], error["data"]["reason"])
    }

    #[test]
    fn api_004_an_unknown_field_is_refused_by_name() {
        let params = json(r#"{"amount":1,"trigger":"index_price"}"#).unwrap();
        let refused = refusal(params.check_known(&["amount", "price"]));
        assert_eq!(refused, r#""trigger": "unknown field; known are amount, price""#);
        assert_eq!(params.check_known(&["amount", "trigger"]), Ok(()));
    }

    #[test]
    fn api_004_a_field_sent_twice_is_refused() {
        assert_eq!(refusal(json(r#"{"price":1,"price":2}"#)), r#""price": "is sent twice""#);
        let pairs = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(refusal(Params::from_query(pairs)), r#""a": "is sent twice""#);
        assert_eq!(refusal(json("[1]")), r#""params": "must be an object of named fields""#);
    }

    #[test]
    fn api_002_a_number_must_not_be_a_string() {
        let params = json(r#"{"price":"2.345","amount":2.5,"x":null}"#).unwrap();
        assert_eq!(refusal(params.number("price")), r#""price": "must be a JSON number""#);
        assert_eq!(params.number("amount"), Ok(Some(Decimal::new(25, 1))));
        assert_eq!(params.number("x"), Ok(None));
        let refused = refusal(params.integer("amount", 10));
        assert_eq!(refused, r#""amount": "must be a whole number from 0 to 10""#);
    }

    #[test]
    fn a_query_gives_the_same_fields_as_a_request() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let query = Params::from_query(vec![
            pair("price", "2.345"),
            pair("post_only", "true"),
            pair("label", "7"),
            pair("channels", "[\"a\",\"b\"]"),
        ])
        .unwrap();
        assert_eq!(query.number("price"), Ok(Some(Decimal::new(2345, 3))));
        assert_eq!(query.flag("post_only"), Ok(Some(true)));
        assert_eq!(query.text("label"), Ok(Some("7".to_owned())));
        assert_eq!(query.required_texts("channels").unwrap(), ["a", "b"]);
        assert_eq!(refusal(query.required_text("nonce")), r#""nonce": "is missing""#);
    }
}
