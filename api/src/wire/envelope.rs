//! JSON-RPC 2.0: what wraps a request, a reply and a notification.
//!
//! A request is read in two steps, so that a frame that is not JSON at all and one that is not a request are told apart, and so that a
//! refused request is still answered under its own id.

use instruments::Nanos;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{ErrorCode, WireError};
use super::params::Params;
use super::shape::{self, DEPTH_MAX, NUMBER_LEN_MAX, ShapeError};

/// Bytes of a request's id: a number or a short word, echoed in the reply.
pub const ID_LEN_MAX: usize = 64;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// Echoed in the reply.
    pub id: Box<RawValue>,
    /// What is asked.
    pub method: String,
    /// With which fields.
    pub params: Params,
}

/// A request that cannot be read, with its id where that much was readable.
#[derive(Debug)]
pub struct Unreadable {
    /// `null` where it was not readable.
    pub id: Option<Box<RawValue>>,
    /// Why.
    pub error: WireError,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Only the id, whatever else there is.
#[derive(Deserialize)]
struct OnlyId {
    id: Option<Box<RawValue>>,
}

impl Request {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not JSON (-32700), not a request (-32600), or its fields are not an object (-32602).
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| Unreadable {
            id: None,
            error: WireError::new(ErrorCode::ParseError, error.to_string()),
        })?;
        if whole.get().starts_with('[') {
            let reason = "batch requests are not supported; send one request a frame";
            return Err(Unreadable { id: None, error: invalid(reason) });
        }
        let id_of = || {
            let only: Option<OnlyId> = serde_json::from_str(text).ok();
            only.and_then(|only| only.id).filter(|id| check_id(id).is_ok())
        };
        shape::check(whole.get()).map_err(|error| {
            let reason = error.to_string();
            let error = match error {
                ShapeError::Twice(name) => WireError::param(&name, reason),
                ShapeError::TooDeep => invalid(reason).with_limit(Decimal::from(DEPTH_MAX)),
                ShapeError::LongNumber => invalid(reason).with_limit(Decimal::from(NUMBER_LEN_MAX)),
            };
            Unreadable { id: id_of(), error }
        })?;
        let envelope: Envelope<'_> = serde_json::from_str(whole.get())
            .map_err(|error| Unreadable { id: id_of(), error: invalid(error.to_string()) })?;
        Self::from_envelope(&envelope).map_err(|error| Unreadable { id: id_of(), error })
    }

    fn from_envelope(envelope: &Envelope<'_>) -> Result<Self, WireError> {
        if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
            return Err(invalid("`jsonrpc` must be \"2.0\"").of("jsonrpc"));
        }
        let Some(id) = envelope.id else {
            // An order whose reply cannot be told from another's is not worth taking.
            return Err(invalid("`id` is missing").of("id"));
        };
        check_id(id)?;
        let Some(method) = envelope.method.clone() else {
            return Err(invalid("`method` is missing").of("method"));
        };
        let params = Params::from_json(envelope.params)?;
        Ok(Self { id: id.to_owned(), method, params })
    }
}

fn invalid(reason: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::InvalidRequest, reason)
}

fn check_id(id: &RawValue) -> Result<(), WireError> {
    let first = id.get().chars().next().unwrap_or_default();
    let is_word_or_number = first == '"' || first == '-' || first.is_ascii_digit();
    if !is_word_or_number || ID_LEN_MAX < id.get().len() {
        let reason = format!("`id` must be a number or a string of at most {ID_LEN_MAX} bytes");
        return Err(invalid(reason).of("id"));
    }
    Ok(())
}

#[derive(Serialize)]
struct Reply<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a WireError>,
    #[serde(rename = "usIn")]
    us_in: u64,
    #[serde(rename = "usOut")]
    us_out: u64,
    #[serde(rename = "usDiff")]
    us_diff: u64,
    testnet: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    credits: Option<Credits>,
}

/// What is left of the credits that a request was paid with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Credits {
    /// Which requests share them.
    pub class: &'static str,
    /// How many there are.
    pub remaining: u32,
    /// How many there can be.
    pub limit: u32,
}

/// When a request came and its reply went, and on which kind of venue.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// When the request was read.
    pub received_at: Nanos,
    /// When its reply is written.
    pub sent_at: Nanos,
    /// Whether the money is test money.
    pub testnet: bool,
    /// What is left, where it cost something.
    pub credits: Option<Credits>,
}

/// A reply's text.
#[must_use]
pub fn reply_text(
    id: Option<&RawValue>,
    outcome: &Result<Box<RawValue>, WireError>,
    stamp: Stamp,
) -> String {
    let micros = |at: Nanos| at.nanos().div_euclid(1000);
    let (us_in, us_out) = (micros(stamp.received_at), micros(stamp.sent_at));
    to_text(&Reply {
        jsonrpc: "2.0",
        id,
        result: outcome.as_ref().ok().map(AsRef::as_ref),
        error: outcome.as_ref().err(),
        us_in,
        us_out,
        us_diff: us_out.saturating_sub(us_in),
        testnet: stamp.testnet,
        credits: stamp.credits,
    })
}

/// Which message of a channel this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place<'a> {
    /// Which channel.
    pub channel: &'a str,
    /// Its number in the channel, from 1, gapless; of a snapshot that was made for one client the newest that is in it.
    pub seq: u64,
    /// The number of the newest execution report in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_seq: Option<u64>,
    /// The first message that was left out for a slow client and is in this snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed_from: Option<u64>,
    /// When the channel's numbering began, milliseconds since 1970; in what is made for one client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

#[derive(Serialize)]
struct Notification<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: NotificationParams<'a>,
}

#[derive(Serialize)]
struct NotificationParams<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    data: &'a RawValue,
}

/// What stands behind a message's data.
const BEHIND_DATA: usize = "}}".len();

/// A channel's message.
#[must_use]
pub fn notification_text(place: Place<'_>, data: &RawValue) -> String {
    let params = NotificationParams { place, data };
    to_text(&Notification { jsonrpc: "2.0", method: "subscription", params })
}

/// The data of a channel's message, of which it has so many bytes.
pub(crate) fn notification_data(text: &str, len: usize) -> &str {
    let behind = text.len().saturating_sub(BEHIND_DATA);
    text.get(behind.saturating_sub(len)..behind).unwrap_or_default()
}

#[derive(Serialize)]
struct Heartbeat {
    jsonrpc: &'static str,
    method: &'static str,
    params: HeartbeatParams,
}

#[derive(Serialize)]
struct HeartbeatParams {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// A sign of life, or with `test_request` the question for one.
#[must_use]
pub fn heartbeat_text(kind: &'static str) -> String {
    let params = HeartbeatParams { kind };
    to_text(&Heartbeat { jsonrpc: "2.0", method: "heartbeat", params })
}

#[expect(clippy::expect_used, reason = "our own types have string keys and no failing writers")]
fn to_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a wire type serializes")
}

/// A result, ready to stand in a reply.
#[must_use]
#[expect(clippy::expect_used, reason = "our own types have string keys and no failing writers")]
pub fn to_result<T: Serialize>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a wire type serializes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (String, i64) {
        let unreadable = Request::parse(text).unwrap_err();
        let id = unreadable.id.map_or_else(|| "null".to_owned(), |id| id.get().to_owned());
        (id, unreadable.error.code().code())
    }

    #[test]
    fn api_001_what_is_not_json_and_what_is_not_a_request_are_told_apart() {
        for text in ["", "{", "nope", "{\"id\":1,}", "\u{0}", "{\"a\":1} x"] {
            assert_eq!(refused(text), ("null".to_owned(), -32700), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(refused(&deep).1, -32700);
        for text in ["1", "\"a\"", "null", "{}", "[]", "[{\"jsonrpc\":\"2.0\"}]"] {
            assert_eq!(refused(text), ("null".to_owned(), -32600), "{text}");
        }
    }

    #[test]
    fn api_001_a_refused_request_is_answered_under_its_own_id() {
        let id = "\"a\"".to_owned();
        for text in [
            r#"{"id":"a","method":"public/test"}"#,
            r#"{"jsonrpc":"1.0","id":"a","method":"public/test"}"#,
            r#"{"jsonrpc":"2.0","id":"a"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":7}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"public/test","extra":1}"#,
        ] {
            assert_eq!(refused(text), (id.clone(), -32600), "{text}");
        }
        let text = r#"{"jsonrpc":"2.0","id":"a","method":"public/test","params":[1]}"#;
        assert_eq!(refused(text), (id, -32602));
        for bad_id in ["null", "{}", "[1]", "true"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{bad_id},"method":"public/test"}}"#);
            assert_eq!(refused(&text), ("null".to_owned(), -32600), "{text}");
        }
    }

    #[test]
    fn api_080_a_message_says_which_it_is() {
        let data = to_result(&[1.5]);
        let place =
            Place { channel: "a\"b", seq: 7, user_seq: None, missed_from: None, epoch: None };
        let text = notification_text(place, &data);
        let params = r#"{"channel":"a\"b","seq":7,"data":[1.5]}"#;
        let whole = format!(r#"{{"jsonrpc":"2.0","method":"subscription","params":{params}}}"#);
        assert_eq!(text, whole);
        assert_eq!(notification_data(&text, data.get().len()), "[1.5]");
        let place = Place { user_seq: Some(3), missed_from: Some(4), epoch: Some(5), ..place };
        let text = notification_text(place, &data);
        assert!(text.contains(r#""seq":7,"user_seq":3,"missed_from":4,"epoch":5,"data":[1.5]}}"#));
    }

    #[test]
    // LIMIT-015
    fn api_001_a_reply_has_the_id_the_times_and_the_kind_of_venue() {
        let request = Request::parse(r#"{"jsonrpc":"2.0","id":7,"method":"public/test"}"#).unwrap();
        let stamp = Stamp {
            received_at: Nanos::new(1_000_500),
            sent_at: Nanos::new(1_003_000),
            testnet: true,
            credits: None,
        };
        assert_eq!(
            reply_text(Some(&request.id), &Ok(to_result(&"ok")), stamp),
            r#"{"jsonrpc":"2.0","id":7,"result":"ok","usIn":1000,"usOut":1003,"usDiff":3,"testnet":true}"#
        );
        let credits = Some(Credits { class: "order", remaining: 7, limit: 10 });
        let text = reply_text(Some(&request.id), &Ok(to_result(&1)), Stamp { credits, ..stamp });
        let ending = r#""testnet":true,"credits":{"class":"order","remaining":7,"limit":10}}"#;
        assert!(text.ends_with(ending), "{text}");
    }
}
