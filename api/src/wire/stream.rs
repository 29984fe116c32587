//! What was told before: messages of channels by number, and execution reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::order::{WireOrder, WireUserTrade};

/// An execution report: what became of one of an account's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireReport {
    /// Its number among the account's, from 1, gapless.
    pub user_seq: u64,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// `order` or `trade`.
    pub kind: String,
    /// The order as it was right after that.
    pub order: WireOrder,
    /// The trade, of a `trade`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trade: Option<WireUserTrade>,
}

/// A page of them, oldest first: `private/replay` with `from_user_seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireReports {
    /// The reports.
    pub reports: Vec<WireReport>,
    /// The number of the account's newest; 0 when it has none.
    pub last_user_seq: u64,
}

/// A message of a channel that was told before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WireMessage {
    /// Its number in the channel.
    pub seq: u64,
    /// The number of the newest execution report in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_seq: Option<u64>,
    /// What it said.
    #[schemars(with = "serde_json::Value")]
    pub data: Box<RawValue>,
}

/// Messages of a channel, oldest first: `public/replay` and `private/replay` with `channel`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WireReplay {
    /// Which channel.
    pub channel: String,
    /// When its numbering began, milliseconds since 1970.
    pub epoch: u64,
    /// The oldest message that is still kept; one above `last_seq` when there is none.
    pub first_seq: u64,
    /// The newest; 0 before the first.
    pub last_seq: u64,
    /// What was asked for, as far as it fits into one answer.
    pub messages: Vec<WireMessage>,
}
