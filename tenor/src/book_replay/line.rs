//! The lines of a replay. Prices stay text until the tick reads them, so that no JSON parser makes one a float.

use std::collections::BTreeMap;
use std::fmt;

use instruments::{Qty, Side};
use matching_engine::{StpMode, TimeInForce};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One line in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Input {
    Book(BookLine),
    Place(Box<PlaceLine>),
    Amend(AmendLine),
    Cancel(CancelLine),
    Auction(AuctionLine),
}

/// The book's terms; the first line or none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BookLine {
    pub(super) tick: Option<Box<RawValue>>,
    pub(super) allocation: Option<String>,
}

/// A new order. The fields that are `Value` hold words of which the book knows only some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceLine {
    pub(super) id: u64,
    pub(super) account: String,
    pub(super) side: WireSide,
    #[serde(rename = "type")]
    kind: Option<Value>,
    pub(super) price: Option<Box<RawValue>>,
    pub(super) qty: Box<RawValue>,
    tif: Option<Value>,
    post_only: Option<Value>,
    reduce_only: Option<Value>,
    display: Option<Value>,
    stp: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmendLine {
    pub(super) id: u64,
    pub(super) price: Option<Box<RawValue>>,
    pub(super) qty: Option<Box<RawValue>>,
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
    pub(super) reference: Option<Box<RawValue>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuctionPhase {
    Open,
    Uncross,
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

/// One line out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    Accepted {
        id: u64,
    },
    Rejected {
        id: u64,
        reason: String,
    },
    Trade {
        maker: u64,
        taker: u64,
        price: String,
        qty: u64,
    },
    Cancelled {
        id: u64,
        qty: u64,
        reason: &'static str,
    },
    Amended {
        id: u64,
        /// A decremented market order has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<String>,
        qty: u64,
    },
    Book {
        bids: Vec<(String, u64)>,
        asks: Vec<(String, u64)>,
    },
}

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
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(field) => write!(f, "unsupported_field:{field}"),
            Self::Invalid(field) => write!(f, "invalid_field:{field}"),
            Self::Missing(field) => write!(f, "missing_field:{field}"),
            Self::OffTick => f.write_str("off_tick"),
            Self::PriceOutOfRange => f.write_str("price_out_of_range"),
        }
    }
}

/// Reads one line; on failure the column, from 1, and what is wrong there.
/// The order and the first field of a command on an order that no command has, so that the refusal can name both.
pub(super) fn unknown_field(text: &str) -> Option<(u64, String)> {
    let line: BTreeMap<&str, BTreeMap<String, &RawValue>> = serde_json::from_str(text).ok()?;
    let (command, fields) = line.first_key_value()?;
    let known: &[&str] = match *command {
        "place" => &[
            "id",
            "account",
            "side",
            "type",
            "price",
            "qty",
            "tif",
            "post_only",
            "reduce_only",
            "display",
            "stp",
        ],
        "amend" => &["id", "price", "qty"],
        "cancel" => &["id"],
        _ => return None,
    };
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

pub(super) fn parse(text: &str) -> Result<Input, (usize, String)> {
    let parsed = serde_json::from_str(text);
    if parsed.is_ok() && !has_named_fields(text) {
        return Err((1, "a command is an object of named fields".to_owned()));
    }
    parsed.map_err(|error| {
        let whole = error.to_string();
        // The parser saw one line, so its own line number says nothing.
        let place = format!(" at line {} column {}", error.line(), error.column());
        (error.column().max(1), whole.strip_suffix(&place).unwrap_or(&whole).to_owned())
    })
}

/// Reads a number of lots: a JSON integer that is not negative and fits into 64 bits.
pub(super) fn qty(text: &RawValue) -> Result<Qty, Refused> {
    let is_integer = text.get().bytes().all(|byte| byte.is_ascii_digit());
    let lots = text.get().parse().ok().filter(|_| is_integer);
    lots.map(Qty::from_lots).ok_or(Refused::Invalid("qty"))
}

impl PlaceLine {
    pub(super) fn is_market(&self) -> Result<bool, Refused> {
        choose("type", self.kind.as_ref(), false, &[("limit", false), ("market", true)])
    }

    pub(super) fn time_in_force(&self) -> Result<TimeInForce, Refused> {
        let words =
            [("GTC", TimeInForce::Gtc), ("IOC", TimeInForce::Ioc), ("FOK", TimeInForce::Fok)];
        choose("tif", self.tif.as_ref(), TimeInForce::Gtc, &words)
    }

    pub(super) fn stp(&self) -> Result<StpMode, Refused> {
        let words = [
            ("none", StpMode::None),
            ("cancel_newest", StpMode::CancelNewest),
            ("cancel_oldest", StpMode::CancelOldest),
            ("cancel_both", StpMode::CancelBoth),
            ("decrement", StpMode::Decrement),
        ];
        choose("stp", self.stp.as_ref(), StpMode::None, &words)
    }

    pub(super) fn post_only(&self) -> Result<bool, Refused> {
        let flag = self.post_only.as_ref().map_or(Some(false), Value::as_bool);
        flag.ok_or(Refused::Unsupported("post_only"))
    }

    /// Fields of which only the absence is supported.
    pub(super) fn check_unsupported(&self) -> Result<(), Refused> {
        let is_set = |field: &Option<Value>| field.as_ref().is_some_and(|v| *v != false);
        if is_set(&self.reduce_only) {
            return Err(Refused::Unsupported("reduce_only"));
        }
        if is_set(&self.display) {
            return Err(Refused::Unsupported("display"));
        }
        Ok(())
    }
}

fn choose<T: Copy>(
    field: &'static str,
    value: Option<&Value>,
    default: T,
    words: &[(&str, T)],
) -> Result<T, Refused> {
    let Some(value) = value else { return Ok(default) };
    let known = words.iter().find(|(word, _)| value == word);
    known.map(|(_, meaning)| *meaning).ok_or(Refused::Unsupported(field))
}
