//! An account's money and positions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// An account's money, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireAccountSummary {
    /// `USDC`.
    pub currency: String,
    /// The account's number.
    pub id: u64,
    /// The account's name.
    pub username: String,
    /// `main`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Balance and unrealised profit together.
    pub equity: Number,
    /// Everything in the account's buckets.
    pub balance: Number,
    /// What margin is measured against.
    pub margin_balance: Number,
    /// What orders and positions require.
    pub initial_margin: Number,
    /// Below this equity the account is liquidated.
    pub maintenance_margin: Number,
    /// What may be held for a new order.
    pub available_funds: Number,
    /// What could leave.
    pub available_withdrawal_funds: Number,
    /// Profit since the last variation.
    pub session_upl: Number,
    /// Profit paid by variation on open positions, and since.
    pub total_pl: Number,
    /// Whether positions of a grade are margined together.
    pub portfolio_margining_enabled: bool,
    /// `segregated_sm` series by series, `segregated_pm` by scenarios.
    pub margin_model: String,
    /// Initial margin with every open order filled in the worst way, as `initial_margin` has it already.
    pub projected_initial_margin: Number,
    /// Maintenance margin of the positions.
    pub projected_maintenance_margin: Number,
    /// What options are worth at their marks, less what those sold short would cost.
    pub options_value: Number,
    /// GPU-hours of futures that all positions stand for.
    pub delta_total: Number,
    /// Of that, the options' part.
    pub options_delta: Number,
    /// GPU-hours of delta, for a dollar of the underlying.
    pub options_gamma: Number,
    /// Dollars for a hundredth of volatility.
    pub options_vega: Number,
    /// Dollars for a day.
    pub options_theta: Number,
    /// What is free of holds.
    pub cash: Number,
    /// Held for open orders.
    pub order_hold: Number,
    /// Held for positions.
    pub position_margin: Number,
    /// Prefunded for deliveries to come.
    pub delivery_escrow: Number,
    /// Posted for deliveries owed.
    pub bond: Number,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WirePosition {
    /// Which series.
    pub instrument_name: String,
    /// `future`, `option` or `future_combo`.
    pub kind: String,
    /// `buy`, `sell`, or `zero`.
    pub direction: String,
    /// Lots, negative when short.
    pub size: Number,
    /// GPU-hours, negative when short.
    pub size_currency: Number,
    /// Dollars per GPU-hour, on average; zero when flat.
    pub average_price: Number,
    /// The mark price.
    pub mark_price: Number,
    /// The index; absent while it is withheld.
    pub index_price: Option<Number>,
    /// The settlement price, once it is fixed.
    pub settlement_price: Option<Number>,
    /// Profit at the mark since the last variation, in dollars.
    pub floating_profit_loss: Number,
    /// Profit that variation has paid since it was opened, in dollars.
    pub realized_profit_loss: Number,
    /// Both together.
    pub total_profit_loss: Number,
    /// What it requires, in dollars.
    pub initial_margin: Number,
    /// Below this it is liquidated, in dollars.
    pub maintenance_margin: Number,
    /// GPU-hours of futures that it stands for.
    pub delta: Number,
    /// An option's delta in GPU-hours, for a dollar of its future.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gamma: Option<Number>,
    /// Dollars for a hundredth of volatility.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vega: Option<Number>,
    /// Dollars for a day.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub theta: Option<Number>,
}
