//! Mass quotes and market-maker protection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::number::Number;

/// What became of a mass quote.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct WireMassQuote {
    /// The quotes that stand, in the order in which they were set: what names them, or with `detailed` all of each.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub orders: Vec<Box<RawValue>>,
    /// What they traded: nothing, because a quote never takes.
    pub trades: [u8; 0],
    /// Sides that were refused. Nothing of their old quotes is left.
    pub errors: Vec<WireQuoteError>,
    /// How many.
    pub errors_count: u64,
}

/// What names a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireQuoteShort {
    /// Its id, `T-17`.
    pub order_id: String,
    /// As in an order.
    pub order_state: String,
    /// Which series.
    pub instrument_name: String,
    /// `buy` or `sell`.
    pub direction: String,
}

/// A side of an entry that was refused.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WireQuoteError {
    /// Which series.
    pub instrument_name: String,
    /// As it was sent.
    pub quote_set_id: String,
    /// Which entry, from 0.
    pub entry: u32,
    /// `bid` or `ask`.
    pub side: String,
    /// Why, as a reply would say it.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub error: Box<RawValue>,
}

/// A group's protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMmpConfig {
    /// What it quotes.
    pub index_name: String,
    /// Its name; the group of an index has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mmp_group: Option<String>,
    /// Seconds in which fills count together; 0 when there is no protection any more.
    pub interval: u64,
    /// Seconds for which it is away; 0 until it is reset.
    pub frozen_time: u64,
    /// Lots, on both sides; 0 for no limit.
    pub quantity_limit: Number,
    /// Net, in lots of a future; 0 for no limit.
    pub delta_limit: Number,
    /// Net, in dollars for a hundredth of volatility; 0 for no limit.
    pub vega_limit: Number,
    /// Trades; 0 for no limit.
    pub trade_limit: u32,
    /// Lots of one quote.
    pub max_quote_quantity: Number,
}

/// A group that was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMmpStatus {
    /// What it quotes.
    pub index_name: String,
    /// Its name; the group of an index has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mmp_group: Option<String>,
    /// Until when it may not quote, milliseconds since 1970; 0 until it is reset.
    pub frozen_until: u64,
}
