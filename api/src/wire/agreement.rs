//! What two parties agreed elsewhere. Deribit's names where it has one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// What both parties sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireToSign {
    /// The hash, 32 bytes in hexadecimal.
    pub digest: String,
    /// Whose signatures it takes, by number, in their order.
    pub parties: [u64; 2],
    /// The same as typed data, for a wallet that shows what it signs.
    pub typed_data: serde_json::Value,
}

/// A block that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBlockTrade {
    /// The hash that both signed.
    pub id: String,
    /// When it was booked, milliseconds since 1970.
    pub timestamp: u64,
    /// The account's side of each of its trades.
    pub trades: Vec<WireBlockFill>,
}

/// Blocks of an account: a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBlockTrades {
    /// Newest first.
    pub block_trades: Vec<WireBlockTrade>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub continuation: Option<String>,
}

/// One account's side of one trade of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBlockFill {
    /// Its id, `X-5`.
    pub trade_id: String,
    /// Its place among the series' trades, gapless.
    pub trade_seq: u64,
    /// The hash that both signed.
    pub block_trade_id: String,
    /// Which series.
    pub instrument_name: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Which way this account went.
    pub direction: String,
    /// Dollars per GPU-hour.
    pub price: Number,
    /// Lots.
    pub amount: Number,
    /// The mark price at that moment.
    pub mark_price: Number,
    /// The index at that moment.
    pub index_price: Option<Number>,
    /// What it cost, in dollars.
    pub fee: Number,
    /// `USDC`.
    pub fee_currency: String,
}
