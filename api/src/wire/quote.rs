//! What channels tell besides books, tickers and trades.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::WirePosition;
use super::market::WireLevel;
use super::number::Number;
use super::order::{WireOrder, WireUserTrade};

/// The touch of a book: the `quote` channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireQuote {
    /// Which series.
    pub instrument_name: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// The highest bid.
    pub best_bid_price: Option<Number>,
    /// All that is bid there.
    pub best_bid_amount: Number,
    /// The lowest ask.
    pub best_ask_price: Option<Number>,
    /// All that is asked there.
    pub best_ask_amount: Number,
}

/// A window of a book: the `book` channel with a group and a depth. Each message is the whole window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireWindow {
    /// Which series.
    pub instrument_name: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// The journal's place at which the book looked like this.
    pub change_id: u64,
    /// Bids, best first.
    pub bids: Vec<WireLevel>,
    /// Asks, best first.
    pub asks: Vec<WireLevel>,
}

/// An index: the `deribit_price_index` channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireIndexMessage {
    /// Which, `h100_usd`.
    pub index_name: String,
    /// Dollars per GPU-hour.
    pub price: Number,
    /// When the observations were made, milliseconds since 1970.
    pub timestamp: u64,
}

/// What one command changed of an account in one series: the `user.changes` channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireUserChanges {
    /// Which series.
    pub instrument_name: String,
    /// Its orders that changed, as they are now.
    pub orders: Vec<WireOrder>,
    /// Its trades.
    pub trades: Vec<WireUserTrade>,
    /// Its position, when it traded.
    pub positions: Vec<WirePosition>,
}

/// A series began or ended: the `instrument.state` channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSeriesState {
    /// Which series.
    pub instrument_name: String,
    /// `created` when it was listed, `closed` when its trading stopped.
    pub state: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
}
