//! What an account asks about its past, in Deribit's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// Money that came from outside or went there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCashMovement {
    /// The movement's number in the account's log.
    pub id: u64,
    /// `USDC`.
    pub currency: String,
    /// In dollars.
    pub amount: Number,
    /// `completed`: the venue knows no other.
    pub state: String,
    /// The movement's number as text.
    pub transaction_id: String,
    /// When it came in, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received_timestamp: Option<u64>,
    /// When it went out, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_timestamp: Option<u64>,
    /// When it was last changed, which is when it was made.
    pub updated_timestamp: u64,
    /// What it cost, of a withdrawal: nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fee: Option<Number>,
}

/// A page of them, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCashMovements {
    /// How many are on the page.
    pub count: usize,
    /// The movements.
    pub data: Vec<WireCashMovement>,
}

/// An account in the list of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSubaccount {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub username: String,
    /// Its name.
    pub system_name: String,
    /// `main`: there are no others.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether its keys log in.
    pub login_enabled: bool,
}

/// What a settlement of a series did to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireUserSettlement {
    /// `settlement` for a day's variation, `delivery` for the end of the position.
    #[serde(rename = "type")]
    pub kind: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Which series.
    pub instrument_name: String,
    /// The price, in dollars per GPU-hour, where the same command fixed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark_price: Option<Number>,
    /// Profit or loss that became due, in dollars.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_profit_loss: Option<Number>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub profit_loss: Option<Number>,
    /// Lots that ended, negative when short.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub position: Option<Number>,
}

/// A page of them, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireUserSettlements {
    /// The settlements.
    pub settlements: Vec<WireUserSettlement>,
    /// What to send for the next page; absent after the last.
    pub continuation: Option<String>,
}
