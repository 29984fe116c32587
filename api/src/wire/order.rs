//! Orders and the trades of one account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// An order, in Deribit's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireOrder {
    /// Its id, `T-17`.
    pub order_id: String,
    /// `open`, `untriggered`, `filled` or `cancelled`.
    pub order_state: String,
    /// `limit`, `market`, `stop_limit`, `stop_market`, `take_limit` or `take_market`, as it was placed.
    pub order_type: String,
    /// `good_til_cancelled`, `good_til_day`, `good_til_date`, `immediate_or_cancel`, `fill_or_kill`, `good_for_auction` or
    /// `good_for_normal`.
    pub time_in_force: String,
    /// When it ends by itself, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub good_til: Option<u64>,
    /// Which series.
    pub instrument_name: String,
    /// `buy` or `sell`.
    pub direction: String,
    /// Dollars per GPU-hour; a market order's protection.
    pub price: Number,
    /// Lots, fills included.
    pub amount: Number,
    /// Lots, fills included.
    pub contracts: Number,
    /// Lots that have traded.
    pub filled_amount: Number,
    /// The average price of its trades; zero before the first.
    pub average_price: Number,
    /// What its trades have cost, in dollars.
    pub commission: Number,
    /// The account's own word for it.
    pub label: String,
    /// The account's own id of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_order_id: Option<String>,
    /// Whether it was refused or moved rather than taker.
    pub post_only: bool,
    /// Whether it was refused rather than moved.
    pub reject_post_only: bool,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// How many lots it shows at most.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub display_amount: Option<Number>,
    /// `last_price`, `mark_price` or `index_price`: what it waits for, or has waited for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trigger: Option<String>,
    /// How far that has to go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trigger_price: Option<Number>,
    /// Whether it has got there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub triggered: Option<bool>,
    /// The worst limit that it may be given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ceiling_price: Option<Number>,
    /// What happens when it would trade with its own account.
    pub stp: String,
    /// Which orders of the account count as its own for that.
    pub stp_token: u64,
    /// Whether it was amended.
    pub replaced: bool,
    /// Whether the venue placed it to close a position.
    pub is_liquidation: bool,
    /// Whether it came through this interface.
    pub api: bool,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancel_reason: Option<String>,
    /// When it was accepted, milliseconds since 1970.
    pub creation_timestamp: u64,
    /// When it was last changed, milliseconds since 1970.
    pub last_update_timestamp: u64,
    /// Whether a market maker's protection pulls it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub mmp: bool,
    /// The group that is pulled with it; the group of an index has no name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mmp_group: Option<String>,
    /// Whether a mass quote placed it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub quote: bool,
    /// The account's own word for the mass quote that set it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quote_id: Option<String>,
    /// The account's own word for quotes that belong together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quote_set_id: Option<String>,
}

/// One account's side of a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireUserTrade {
    /// Its id, `X-5`.
    pub trade_id: String,
    /// Its place among the series' trades, gapless.
    pub trade_seq: u64,
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
    /// Lots.
    pub contracts: Number,
    /// 0 above the trade before, 2 below it, 1 neither.
    pub tick_direction: u8,
    /// The mark price at that moment.
    pub mark_price: Number,
    /// The index at that moment.
    pub index_price: Option<Number>,
    /// By which order.
    pub order_id: String,
    /// The order's type, as it was placed.
    pub order_type: String,
    /// The order's state after the trade.
    pub state: String,
    /// The order's label.
    pub label: String,
    /// The account's own id of the order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_order_id: Option<String>,
    /// `M` for the maker, `T` for the taker.
    pub liquidity: String,
    /// What it cost, in dollars.
    pub fee: Number,
    /// `USDC`.
    pub fee_currency: String,
    /// Whether the order was post-only.
    pub post_only: bool,
    /// Whether the order was reduce-only.
    pub reduce_only: bool,
    /// Whether a market maker's protection pulls it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub mmp: bool,
    /// The group that is pulled with it; the group of an index has no name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mmp_group: Option<String>,
    /// The account's own word for the mass quote that set it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quote_id: Option<String>,
    /// The account's own word for quotes that belong together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quote_set_id: Option<String>,
}

/// The reply to an order: what became of it on arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WirePlaced {
    /// The order.
    pub order: WireOrder,
    /// Its trades on arrival; all of them where it was placed before.
    pub trades: Vec<WireUserTrade>,
    /// Whether it was placed before under the same id: nothing was done now.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub duplicate: bool,
}
