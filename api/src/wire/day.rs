//! What series did in a day, and at which prices they ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// What was traded in 24 hours of what is traded: `public/get_trade_volumes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTradeVolumes {
    /// What is traded, as `H100`.
    pub currency: String,
    /// Lots of futures.
    pub futures_volume: Number,
    /// Lots of calls, and of caps.
    pub calls_volume: Number,
    /// Lots of puts.
    pub puts_volume: Number,
    /// Nothing: there is no spot here.
    pub spot_volume: Number,
    /// What all of it was worth, in dollars.
    pub volume_usd: Number,
}

/// At which price a series ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDeliveryPrice {
    /// The day of its last trade, `2027-01-16`.
    pub date: String,
    /// Dollars per GPU-hour.
    pub delivery_price: Number,
    /// Which series.
    pub instrument_name: String,
}

/// A page of such prices: `public/get_delivery_prices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDeliveryPrices {
    /// Newest first.
    pub data: Vec<WireDeliveryPrice>,
    /// How many there are in all.
    pub records_total: usize,
}

/// What a lot is: `public/get_contract_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireContractSize {
    /// GPU-hours.
    pub contract_size: Number,
}

/// An option's mark: a part of a message of `markprice.options`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireOptionMark {
    /// Which series.
    pub instrument_name: String,
    /// Dollars per GPU-hour.
    pub mark_price: Number,
    /// The volatility that it was computed with, in percent a year; absent when it was not computed so.
    pub iv: Option<Number>,
}
