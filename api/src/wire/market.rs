//! Market data: books, tickers, trades, the index.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// A price level: price and everything that is open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireLevel(pub Number, pub Number);

/// What a series' book has done in the last 24 hours, to five minutes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct WireStats {
    /// Lots traded.
    pub volume: Number,
    /// What they were worth, in dollars.
    pub volume_usd: Number,
    /// The highest trade.
    pub high: Option<Number>,
    /// The lowest trade.
    pub low: Option<Number>,
    /// How far the newest trade is from the first, in percent, to a ten-thousandth.
    pub price_change: Option<Number>,
}

/// A series at a glance: the `ticker` channel and `public/ticker`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTicker {
    /// Which series.
    pub instrument_name: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// `open`, `closed`, or `auction` while orders are collected.
    pub state: String,
    /// The highest bid.
    pub best_bid_price: Option<Number>,
    /// All that is bid there.
    pub best_bid_amount: Number,
    /// The lowest ask.
    pub best_ask_price: Option<Number>,
    /// All that is asked there.
    pub best_ask_amount: Number,
    /// The price used for margin and variation.
    pub mark_price: Number,
    /// The newest trade.
    pub last_price: Option<Number>,
    /// The index of the grade; absent while it is withheld.
    pub index_price: Option<Number>,
    /// Lots held long.
    pub open_interest: Number,
    /// The lowest limit that a sell may have.
    pub min_price: Number,
    /// The highest limit that a buy may have.
    pub max_price: Number,
    /// What the auction would trade at if it ended now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub indicative_price: Option<Number>,
    /// How many lots it would trade.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub indicative_amount: Option<Number>,
    /// When the auction ends at the earliest, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auction_until: Option<u64>,
    /// The mark the next variation is paid against.
    pub settlement_price: Option<Number>,
    /// The index as long as the series trades.
    pub estimated_delivery_price: Option<Number>,
    /// The settlement price, once it is fixed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery_price: Option<Number>,
    /// An option's volatility at its mark, in percent a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark_iv: Option<Number>,
    /// Its volatility at the best bid, in percent a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bid_iv: Option<Number>,
    /// Its volatility at the best ask, in percent a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ask_iv: Option<Number>,
    /// How an option's price moves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub greeks: Option<WireGreeks>,
    /// The mark of an option's future.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub underlying_price: Option<Number>,
    /// An option's future.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub underlying_index: Option<String>,
    /// Zero: an option is not discounted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interest_rate: Option<Number>,
    /// Of the last 24 hours.
    pub stats: WireStats,
}

/// A series' book: `public/get_order_book`. Written only: serde cannot read exact numbers through `flatten`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WireBook {
    /// The journal's place at which the book looked like this.
    pub change_id: u64,
    /// Bids, best first.
    pub bids: Vec<WireLevel>,
    /// Asks, best first.
    pub asks: Vec<WireLevel>,
    /// Everything else that is known of the series.
    #[serde(flatten)]
    pub ticker: WireTicker,
}

/// One level of a book message: `new`, `change` or `delete`, the price, all that is open there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireLevelChange(pub String, pub Number, pub Number);

/// A message of a `book` channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBookChange {
    /// `snapshot` or `change`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Which series.
    pub instrument_name: String,
    /// The journal's place up to which this message goes.
    pub change_id: u64,
    /// The place up to which the message before went; absent in a snapshot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prev_change_id: Option<u64>,
    /// CRC-32 of the best 25 levels of both sides after this message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checksum: Option<u32>,
    /// Bids that differ.
    pub bids: Vec<WireLevelChange>,
    /// Asks that differ.
    pub asks: Vec<WireLevelChange>,
}

/// A trade as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTrade {
    /// Its id, `X-5`.
    pub trade_id: String,
    /// Its place among the series' trades, gapless.
    pub trade_seq: u64,
    /// Which series.
    pub instrument_name: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Which way the taker went.
    pub direction: String,
    /// Dollars per GPU-hour.
    pub price: Number,
    /// Lots.
    pub amount: Number,
    /// Lots.
    pub contracts: Number,
    /// 0 above the trade before, 2 below it, 1 neither.
    pub tick_direction: u8,
    /// The mark price at that moment.
    pub mark_price: Number,
    /// The index at that moment.
    pub index_price: Option<Number>,
    /// Whether it was agreed elsewhere; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
}

/// An index: `public/get_index_price`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireIndexPrice {
    /// Dollars per GPU-hour.
    pub index_price: Number,
    /// What a fixing would be made of now.
    pub estimated_delivery_price: Number,
    /// When the observations were made, milliseconds since 1970.
    pub timestamp: u64,
    /// How far it may be relied on.
    pub state: String,
    /// Half-width of the confidence band, as a share of the value.
    pub confidence: Number,
}

/// How an option's price moves, a GPU-hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireGreeks {
    /// By its underlying.
    pub delta: Number,
    /// Delta by its underlying, for a dollar.
    pub gamma: Number,
    /// Dollars for a hundredth of volatility.
    pub vega: Number,
    /// Dollars for a day.
    pub theta: Number,
    /// By the interest rate: nothing is discounted.
    pub rho: Number,
}
