//! What was told before: messages of channels by number, and execution reports.

use serde::{Deserialize, Serialize};

use super::order::{WireOrder, WireUserTrade};

/// An execution report: what became of one of an account's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireReports {
    /// The reports.
    pub reports: Vec<WireReport>,
    /// The number of the account's newest; 0 when it has none.
    pub last_user_seq: u64,
}
