//! What is listed: currencies and series.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// A currency: there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCurrency {
    /// `USDC`.
    pub currency: String,
    /// `USD Coin`.
    pub currency_long: String,
    /// `USDC`.
    pub coin_type: String,
    /// Digits after the point.
    pub fee_precision: u8,
    /// Digits after the point.
    pub decimals: u8,
}

/// A step of the tick size; there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTickStep {
    /// From here on.
    pub above_price: Number,
    /// This tick size.
    pub tick_size: Number,
}

/// A series: Deribit's fields, then our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireInstrument {
    /// Its name, `H100_USDC-27NOV26`.
    pub instrument_name: String,
    /// Its number.
    pub instrument_id: u64,
    /// `future`, `option` or `future_combo`.
    pub kind: String,
    /// `linear`: quoted and settled in dollars.
    pub instrument_type: String,
    /// The grade, `H100`.
    pub base_currency: String,
    /// `USDC`.
    pub quote_currency: String,
    /// `USDC`.
    pub counter_currency: String,
    /// `USDC`.
    pub settlement_currency: String,
    /// `day`, `week`, `month`, `quarter` or `year`.
    pub settlement_period: String,
    /// The index it is priced against, `h100_usd`.
    pub price_index: String,
    /// GPU-hours in one lot.
    pub contract_size: Number,
    /// One lot.
    pub min_trade_amount: Number,
    /// The most lots of one order.
    pub max_trade_amount: Number,
    /// Dollars per GPU-hour.
    pub tick_size: Number,
    /// None.
    pub tick_size_steps: Vec<WireTickStep>,
    /// The strike of an option.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub strike: Option<Number>,
    /// `call` or `put`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub option_type: Option<String>,
    /// When trading stops, milliseconds since 1970.
    pub expiration_timestamp: u64,
    /// When it was listed, milliseconds since 1970.
    pub creation_timestamp: u64,
    /// Whether orders are taken.
    pub is_active: bool,
    /// `open` or `closed`.
    pub state: String,
    /// A share of what was traded.
    pub maker_commission: Number,
    /// A share of what was traded.
    pub taker_commission: Number,
    /// The grade, `H100`.
    pub grade: String,
    /// The hash of the grade's terms.
    pub grade_terms: String,
    /// `physical` or `cash`.
    pub settlement_style: String,
    /// Deliveries are in multiples of this many lots.
    pub node_size: u32,
    /// GPU-hours in one lot.
    pub hours_per_lot: u32,
    /// When sellers are assigned to buyers, milliseconds since 1970.
    pub assignment_timestamp: u64,
    /// When the first interval begins, milliseconds since 1970.
    pub delivery_start_timestamp: u64,
    /// When the last interval has ended, milliseconds since 1970.
    pub delivery_end_timestamp: u64,
    /// Metered intervals between the two.
    pub intervals: u32,
}
