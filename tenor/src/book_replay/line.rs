//! The lines of a replay's input. Values stay text until their reader takes them, so that no JSON parser makes a price a float.

use std::collections::BTreeMap;

use instruments::Side;
use matching_engine::{AuctionKind, PriceSource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The text of a JSON value; absent for `null`.
pub(super) type Text = Option<Box<RawValue>>;

/// One line in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Input {
    Book(Box<BookLine>),
    Place(Box<PlaceLine>),
    Amend(AmendLine),
    Cancel(CancelLine),
    Auction(AuctionLine),
    Clock(ClockLine),
    Price(PriceLine),
    Band(BandLine),
}

/// The book's terms; the first line or none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BookLine {
    pub(super) tick: Text,
    pub(super) allocation: Option<String>,
    pub(super) pro_rata_min: Text,
    pub(super) top: Option<bool>,
    pub(super) reference: Text,
    #[serde(default, deserialize_with = "named")]
    pub(super) breaker: Option<BreakerLine>,
    pub(super) batch: Text,
    #[serde(default, deserialize_with = "named")]
    pub(super) band: Option<BandLine>,
    pub(super) verbose: Option<bool>,
}

/// What stops trading when prices run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakerLine {
    pub(super) width: Text,
    pub(super) window: Text,
    pub(super) length: Text,
    pub(super) random: Text,
    pub(super) extensions: Text,
}

/// A new order. The fields that are `Value` hold words of which the book knows only some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceLine {
    pub(super) id: u64,
    pub(super) account: String,
    pub(super) side: WireSide,
    #[serde(rename = "type")]
    pub(super) kind: Option<Value>,
    pub(super) price: Text,
    pub(super) qty: Box<RawValue>,
    pub(super) tif: Option<Value>,
    pub(super) expire_at: Text,
    pub(super) post_only: Option<Value>,
    pub(super) reduce_only: Option<Value>,
    pub(super) display: Text,
    pub(super) stp: Option<Value>,
    pub(super) stp_token: Option<Value>,
    pub(super) trigger: Option<Value>,
    pub(super) trigger_price: Text,
    pub(super) ceiling: Text,
    pub(super) valid_until: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmendLine {
    pub(super) id: u64,
    pub(super) price: Text,
    pub(super) qty: Text,
    pub(super) trigger_price: Text,
    pub(super) valid_until: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelLine {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuctionLine {
    pub(super) phase: AuctionPhase,
    pub(super) reference: Text,
    pub(super) kind: Option<WireAuctionKind>,
    pub(super) until: Text,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuctionPhase {
    Open,
    Indicative,
    Uncross,
}

/// Why an auction is opened by a line: a batch is the book's own terms.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireAuctionKind {
    Opening,
    Volatility,
    Restart,
    Call,
}

impl From<WireAuctionKind> for AuctionKind {
    fn from(kind: WireAuctionKind) -> Self {
        match kind {
            WireAuctionKind::Opening => Self::Opening,
            WireAuctionKind::Volatility => Self::Volatility,
            WireAuctionKind::Restart => Self::Restart,
            WireAuctionKind::Call => Self::Call,
        }
    }
}

/// Time has come this far.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockLine {
    pub(super) at: Text,
}

/// A price that does not come from trades.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceLine {
    pub(super) source: WireSource,
    pub(super) price: Text,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireSource {
    Mark,
    Index,
}

impl From<WireSource> for PriceSource {
    fn from(source: WireSource) -> Self {
        match source {
            WireSource::Mark => Self::Mark,
            WireSource::Index => Self::Index,
        }
    }
}

/// Limits; what is absent is no limit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandLine {
    pub(super) low: Text,
    pub(super) high: Text,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireSide {
    Buy,
    Sell,
}

impl From<WireSide> for Side {
    fn from(side: WireSide) -> Self {
        match side {
            WireSide::Buy => Self::Buy,
            WireSide::Sell => Self::Sell,
        }
    }
}

/// An object within a line: serde would read an array as fields in order, without their names.
fn named<'de, D: Deserializer<'de>, T: DeserializeOwned>(source: D) -> Result<Option<T>, D::Error> {
    use serde::de::Error;
    let Some(text) = Text::deserialize(source)? else { return Ok(None) };
    if !text.get().starts_with('{') {
        return Err(D::Error::custom("an object of named fields is needed here"));
    }
    let parsed: Result<T, _> = serde_json::from_str(text.get());
    parsed.map(Some).map_err(|error| D::Error::custom(message_of(&error)))
}

/// The fields of a command on an order.
pub(super) fn fields_of(command: &str) -> Option<&'static [&'static str]> {
    match command {
        "place" => Some(&[
            "id",
            "account",
            "side",
            "type",
            "price",
            "qty",
            "tif",
            "expire_at",
            "post_only",
            "reduce_only",
            "display",
            "stp",
            "stp_token",
            "trigger",
            "trigger_price",
            "ceiling",
            "valid_until",
        ]),
        "amend" => Some(&["id", "price", "qty", "trigger_price", "valid_until"]),
        "cancel" => Some(&["id"]),
        _ => None,
    }
}

/// The order and the first field of a command on an order that no command has, so that the refusal can name both.
pub(super) fn unknown_field(text: &str) -> Option<(u64, String)> {
    let line: BTreeMap<&str, BTreeMap<String, &RawValue>> = serde_json::from_str(text).ok()?;
    let (command, fields) = line.first_key_value()?;
    let known = fields_of(command)?;
    let id = fields.get("id")?.get().parse().ok()?;
    let unknown = fields.keys().find(|field| !known.contains(&field.as_str()))?;
    Some((id, unknown.clone()))
}

/// Whether a line is an object of objects: serde would read arrays as fields in order, without their names.
fn has_named_fields(text: &str) -> bool {
    let line: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(text);
    // What is not JSON at all is for the parser to say.
    line.is_ok_and(|line| line.values().all(|body| body.get().starts_with('{')))
}

/// Reads one line; on failure the column, from 1, and what is wrong there.
pub(super) fn parse(text: &str) -> Result<Input, (usize, String)> {
    let parsed = serde_json::from_str(text);
    if parsed.is_ok() && !has_named_fields(text) {
        return Err((1, "a command is an object of named fields".to_owned()));
    }
    parsed.map_err(|error| (error.column().max(1), message_of(&error)))
}

/// What is wrong, without the parser's line number, which says nothing: it saw one line.
fn message_of(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    whole.strip_suffix(&place).unwrap_or(&whole).to_owned()
}
