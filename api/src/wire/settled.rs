//! At which prices series were settled, and who bore what a loser could not pay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// A page of settlements, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSettlements {
    /// The settlements.
    pub settlements: Vec<WireSettlement>,
    /// What to send for the next page; absent after the last.
    pub continuation: Option<String>,
}

/// A price at which a series was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSettlement {
    /// `settlement` for a day, `delivery` for the last one.
    #[serde(rename = "type")]
    pub kind: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Which series.
    pub instrument_name: String,
    /// The price, in dollars per GPU-hour.
    pub mark_price: Number,
    /// What it was made of; absent where it follows from other series.
    pub source: Option<WireSettlementSource>,
}

/// What a settlement price was made of: everything that it takes to make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WireSettlementSource {
    /// The average price of what traded in the last half-hour.
    Trades {
        /// How many trades.
        trades: u64,
        /// How many lots.
        amount: u64,
        /// Ticks times lots, as text.
        value: String,
    },
    /// The middle of what the impact amount reaches.
    Book {
        /// What it sells to: lots, and ticks times lots as text.
        bids: (u64, String),
        /// What it buys from.
        asks: (u64, String),
    },
    /// The mark.
    Mark,
    /// The index over its last day.
    Index {
        /// When the last part ends, milliseconds since 1970.
        until: u64,
        /// How long each part is, in milliseconds.
        part: u64,
        /// The last value in each part, oldest first, in dollars per GPU-hour.
        values: Vec<Option<Number>>,
    },
}

/// A page of the splits in which an account has a line, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSplits {
    /// The splits.
    pub splits: Vec<WireSplitShare>,
    /// What to send for the next page; absent after the last.
    pub continuation: Option<String>,
}

/// An account's line of one split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSplitShare {
    /// Which split.
    pub split_id: String,
    /// When, milliseconds since 1970.
    pub timestamp: u64,
    /// `haircut`, `fund_shares` or `close_out`.
    pub purpose: String,
    /// Which series' positions were closed out.
    pub instrument_name: Option<String>,
    /// The account's line.
    pub line: WireSplitLine,
    /// On which page it stands, from 1.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
}

/// One page of a split as it is written down. `tenor haircut verify` reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireSplitPage {
    /// What every file begins with, `tenor-split-1`.
    pub format: String,
    /// Which split.
    pub split_id: String,
    /// When, milliseconds since 1970.
    pub timestamp: u64,
    /// `haircut`, `fund_shares` or `close_out`.
    pub purpose: String,
    /// Which series' positions were closed out.
    pub instrument_name: Option<String>,
    /// What was split: micro-dollars, or lots of a close-out.
    pub amount: u64,
    /// The sum of all weights, each shifted right by `shift`; as text.
    pub weights: String,
    /// How many low bits of every weight were left out.
    pub shift: u32,
    /// How many have a line.
    pub line_count: u32,
    /// How many of them got one unit more than the floor.
    pub served: u32,
    /// The remainder of the last one that was served, as text, and its account.
    pub last_served: Option<(String, u64)>,
    /// The hash of the amount and of every account with its weight, in hexadecimal.
    pub commitment: String,
    /// Its number, from 1.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
    /// Its lines, by account.
    pub lines: Vec<WireSplitLine>,
}

/// One account's part of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireSplitLine {
    /// The account's number.
    pub account: u64,
    /// What its part is in proportion to, as text.
    pub weight: String,
    /// Its share, rounded down.
    pub floor: u64,
    /// What that division left over, as text.
    pub remainder: String,
    /// Its place by remainder, from 1.
    pub rank: u32,
    /// What it bore or got.
    pub part: u64,
}
