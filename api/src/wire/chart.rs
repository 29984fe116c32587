//! Candles, and series beside each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// One candle: a message of a `chart.trades` channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCandle {
    /// When it begins, milliseconds since 1970.
    pub tick: u64,
    /// The first price.
    pub open: Number,
    /// The highest.
    pub high: Number,
    /// The lowest.
    pub low: Number,
    /// The last.
    pub close: Number,
    /// Lots traded.
    pub volume: Number,
    /// What they were worth, in dollars.
    pub cost: Number,
}

/// Candles side by side: `public/get_tradingview_chart_data`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCandles {
    /// `ok`, or `no_data` before the first trade.
    pub status: String,
    /// When each begins, milliseconds since 1970.
    pub ticks: Vec<u64>,
    /// The first prices.
    pub open: Vec<Number>,
    /// The highest.
    pub high: Vec<Number>,
    /// The lowest.
    pub low: Vec<Number>,
    /// The last.
    pub close: Vec<Number>,
    /// Lots traded.
    pub volume: Vec<Number>,
    /// What they were worth, in dollars.
    pub cost: Vec<Number>,
}

impl WireCandles {
    /// Adds a candle.
    pub(crate) fn push(&mut self, candle: &WireCandle) {
        self.ticks.push(candle.tick);
        self.open.push(candle.open);
        self.high.push(candle.high);
        self.low.push(candle.low);
        self.close.push(candle.close);
        self.volume.push(candle.volume);
        self.cost.push(candle.cost);
    }
}

/// A series among others: `public/get_book_summary_by_currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBookSummary {
    /// Which series.
    pub instrument_name: String,
    /// What stands before the currency in its name.
    pub base_currency: String,
    /// `USDC`.
    pub quote_currency: String,
    /// The highest bid.
    pub bid_price: Option<Number>,
    /// The lowest ask.
    pub ask_price: Option<Number>,
    /// Halfway between the two.
    pub mid_price: Option<Number>,
    /// The price used for margin and variation.
    pub mark_price: Number,
    /// The newest trade.
    pub last: Option<Number>,
    /// The highest trade of the last 24 hours.
    pub high: Option<Number>,
    /// The lowest.
    pub low: Option<Number>,
    /// Lots traded in the last 24 hours.
    pub volume: Number,
    /// What they were worth, in dollars.
    pub volume_usd: Number,
    /// Lots held long.
    pub open_interest: Number,
    /// How far the newest trade is from the first of the last 24 hours, in percent.
    pub price_change: Option<Number>,
    /// The index as long as the series trades.
    pub estimated_delivery_price: Option<Number>,
    /// An option's volatility at its mark, in percent a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark_iv: Option<Number>,
    /// The mark of an option's future.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub underlying_price: Option<Number>,
    /// An option's future.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub underlying_index: Option<String>,
    /// Zero: an option is not discounted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interest_rate: Option<Number>,
    /// When this was so, milliseconds since 1970.
    pub creation_timestamp: u64,
}
