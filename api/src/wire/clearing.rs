//! Money on record: movements, days, withdrawals. Deribit's names where it has one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// A movement of an account's money: a row of `private/get_transaction_log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTransfer {
    /// Its place among all transfers of the venue.
    pub id: u64,
    /// The first transfer of its chain: all of a chain were made or none.
    pub chain: u64,
    /// What it was for.
    #[serde(rename = "type")]
    pub kind: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// `USDC`.
    pub currency: String,
    /// The account's number.
    #[serde(rename = "user_id")]
    pub account: u64,
    /// The account's name.
    pub username: String,
    /// Where it was.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// How much moved, in dollars.
    pub amount: Number,
    /// By how much the account's money has changed; zero when it only moved within it.
    pub change: Number,
    /// All the account's money after it.
    pub balance: Number,
}

/// A page of movements, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTransfers {
    /// The movements.
    pub logs: Vec<WireTransfer>,
    /// What to send for the next page; `null` when there is none.
    pub continuation: Option<u64>,
}

/// One account's day: `private/get_statement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireStatement {
    /// The account's name.
    pub username: String,
    /// The day, UTC, `2026-12-01`.
    pub day: String,
    /// `USDC`.
    pub currency: String,
    /// Whether more may come: the day is not over.
    pub is_open: bool,
    /// What was there when it began.
    pub opening: BTreeMap<String, Number>,
    /// What came and went, by what it was for.
    pub movements: Vec<WireMovement>,
    /// What was traded, by series.
    pub trades: Vec<WireTradedInDay>,
    /// What variation paid, by series.
    pub variation: Vec<WireVariationInDay>,
    /// What became of deliveries, by obligation.
    pub deliveries: Vec<WireDeliveredInDay>,
    /// What was there when it ended, or is there now.
    pub closing: BTreeMap<String, Number>,
}

/// What came and went for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMovement {
    /// `margin_balance`, `delivery_escrow`, `bond` or `default_fund_share`.
    pub bucket: String,
    /// What it was for.
    #[serde(rename = "type")]
    pub kind: String,
    /// In how many transfers.
    pub transfers: u64,
    /// What came in.
    pub received: Number,
    /// What went out.
    pub paid: Number,
}

/// One series' trades of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTradedInDay {
    /// Which series.
    pub instrument_name: String,
    /// How many trades.
    pub trades: u64,
    /// Lots.
    pub bought: Number,
    /// Lots.
    pub sold: Number,
    /// What they cost.
    pub fees: Number,
}

/// One series' variation of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireVariationInDay {
    /// Which series.
    pub instrument_name: String,
    /// Received, or paid when below zero.
    pub amount: Number,
}

/// One obligation's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDeliveredInDay {
    /// Which obligation.
    pub obligation_id: u64,
    /// Intervals that have ended.
    pub intervals: u32,
    /// Paid for compute.
    pub pay: Number,
    /// Paid for what was missing.
    pub damages: Number,
}

/// Money that left: `private/withdraw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireWithdrawal {
    /// The transfer by which it left.
    pub id: u64,
    /// `USDC`.
    pub currency: String,
    /// How much.
    pub amount: Number,
    /// None.
    pub fee: Number,
    /// `completed`: it has left the account.
    pub state: String,
    /// When, milliseconds since 1970.
    pub created_timestamp: u64,
    /// When it left, milliseconds since 1970.
    pub confirmed_timestamp: u64,
    /// What is left, all in all.
    pub balance: Number,
}
