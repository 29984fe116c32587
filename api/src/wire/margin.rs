//! Margin: the numbers it is computed from, and what they come to. Names of our own beside Deribit's.
//!
//! Money in an array is an integer, micro-dollars a lot, as the exchange holds it; everywhere else it is dollars.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// What margin is computed from: `public/get_risk_arrays`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireRisk {
    /// The grade; portfolios are margined by grade.
    pub grade: String,
    /// The journal's place at which this held.
    pub change_id: u64,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// What each number of an array stands for, in order.
    pub lanes: Vec<String>,
    /// Of portfolio margin.
    pub parameters: WireRiskParameters,
    /// Of standard margin, and of what size, open interest and delivery add to both.
    pub rates: WireMarginRates,
    /// Lots that can be delivered of any series; zero while nobody has registered GPUs.
    pub deliverable: u64,
    /// One entry a series that is cleared.
    pub arrays: Vec<WireRiskArray>,
}

/// What portfolio margin is computed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireRiskParameters {
    /// How far prices move in the standard scenarios.
    pub price_range: Number,
    /// By how much of itself a volatility rises.
    pub vol_up: Number,
    /// By how much of itself it falls.
    pub vol_down: Number,
    /// A lower volatility rises as if it were this one.
    pub min_vol_for_up: Number,
    /// The power of 30 days over the days left, below 30 days.
    pub short_term_power: Number,
    /// The same from 30 days on.
    pub long_term_power: Number,
    /// How far prices move in the extended scenarios.
    pub extended_moves: Vec<Number>,
    /// Charged on both sides of what offsets between expiries.
    pub roll_rate: Number,
    /// Charged on the net delta beyond a threshold.
    pub delta_contingency: Number,
    /// The threshold, in micro-dollars.
    pub delta_contingency_from: i64,
    /// Maintenance margin, as a share of initial margin.
    pub mm_factor: Number,
    /// The least that a short option costs, as a share of its future's value.
    pub short_option_min_rate: Number,
}

/// What standard margin is computed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMarginRates {
    /// To open a position.
    pub initial: Number,
    /// To keep it.
    pub maintenance: Number,
    /// What both rise by for a position of all that can be delivered.
    pub size_slope: Number,
    /// The share of what can be delivered from which open interest raises the initial rate.
    pub scale_from: Number,
    /// The share at which the initial rate is the whole.
    pub scale_to: Number,
    /// Of a short option at the money.
    pub option_at_money: Number,
    /// Of a short option at least.
    pub option_least: Number,
    /// To keep a short option.
    pub option_maintenance: Number,
    /// What a seller must have at the end of the delivery ladder.
    pub deliver_sell: Number,
    /// What a buyer must have there.
    pub deliver_buy: Number,
    /// How much of that at each step.
    pub ladder: Vec<Number>,
}

/// One series: what a lot of it gains or loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireRiskArray {
    /// Which series.
    pub instrument_name: String,
    /// `future` or `option`.
    pub kind: String,
    /// The future whose delta it has: itself, or its underlying; of a cap itself.
    pub expiry: String,
    /// The mark price.
    pub mark_price: Number,
    /// GPU-hours in one lot.
    pub contract_size: Number,
    /// Micro-dollars that a lot held long gains, lane by lane; `null` of a cap, and while nothing was published of an
    /// option.
    pub array: Option<Vec<i64>>,
    /// Of a cap alone: what a lot would be worth at the index, or at its strike while there is none, in micro-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_value: Option<i64>,
    /// The least that a lot held short costs, in micro-dollars; zero for a future and a cap.
    pub short_option_minimum: i64,
    /// How far open interest has moved the initial rate towards the whole.
    pub scale: Number,
    /// The step of the delivery ladder, 0 before it.
    pub ladder_step: u8,
}

/// What an account requires, in one way of computing it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMargin {
    /// For positions and open orders.
    pub initial_margin: Number,
    /// Below this equity it is liquidated.
    pub maintenance_margin: Number,
}

/// One grade's portfolio, in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WirePortfolio {
    /// The grade.
    pub grade: String,
    /// The largest loss in any scenario.
    pub scan: Number,
    /// For what offsets between expiries.
    pub roll: Number,
    /// For the net delta beyond the threshold.
    pub delta_contingency: Number,
    /// The least that the short options cost.
    pub short_option_minimum: Number,
    /// The three first together, or the minimum where that is more.
    pub initial_margin: Number,
    /// A share of that.
    pub maintenance_margin: Number,
    /// What open orders add, however they may fill.
    pub open_orders: Number,
}

/// What positions that do not exist yet would require: `private/simulate_portfolio`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSimulated {
    /// `USDC`.
    pub currency: String,
    /// How the account's margin is computed now.
    pub margin_model: String,
    /// In that way: for positions and open orders.
    pub initial_margin: Number,
    /// In that way.
    pub maintenance_margin: Number,
    /// The account's equity, which simulated positions do not change.
    pub equity: Number,
    /// Series by series.
    pub segregated_sm: WireMargin,
    /// By scenarios.
    pub segregated_pm: WireMargin,
    /// Of that, the portfolios by grade.
    pub portfolios: Vec<WirePortfolio>,
    /// Of that, what size, open interest, the delivery ladder and the orders' reserves add, and what caps ask for by themselves.
    pub surcharge: WireMargin,
}

/// What an order would hold by itself: `private/get_margins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireOrderMargins {
    /// A buy.
    pub buy: Number,
    /// A sell.
    pub sell: Number,
    /// The lowest limit that a sell may have.
    pub min_price: Number,
    /// The highest limit that a buy may have.
    pub max_price: Number,
}

/// What another way of computing margin changes: a row of `private/change_margin_model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireModelChange {
    /// The account's number.
    #[serde(rename = "user_id")]
    pub account: u64,
    /// `USDC`.
    pub currency: String,
    /// Before.
    pub old_state: WireModelState,
    /// After.
    pub new_state: WireModelState,
}

/// An account's margin, computed in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireModelState {
    /// `segregated_sm` or `segregated_pm`.
    pub margin_model: String,
    /// For positions and open orders.
    pub initial_margin: Number,
    /// Below this equity it is liquidated.
    pub maintenance_margin: Number,
}
