//! Who stands behind others. Ours: Deribit has nothing of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// What an account stands for beside its own positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDefaultStanding {
    /// `USDC`.
    pub currency: String,
    /// The account's share of the default fund, in dollars.
    pub default_fund_share: Number,
    /// Until when the last contribution stays at least, milliseconds since 1970.
    pub notice_until: Option<u64>,
    /// The largest notional that the account takes over, in dollars; zero when it takes none.
    pub backstop_capacity: Number,
}

/// A portfolio on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBackstopAuction {
    /// The auction's number.
    pub auction_id: u64,
    /// When the bids are opened at the earliest, milliseconds since 1970.
    pub until: u64,
    /// What all of it is worth at its marks, counted as positive, in dollars.
    pub notional: Number,
    /// What its premiums are worth at their marks, negative where the portfolio is short of them.
    pub premiums: Number,
    /// What is in it.
    pub positions: Vec<WireOfferedPosition>,
    /// What the account itself has asked for so far.
    pub own_bid: Option<Number>,
}

/// One position of a portfolio on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireOfferedPosition {
    /// Which series.
    pub instrument_name: String,
    /// Lots, negative when short: what the bidder would have.
    pub size: Number,
    /// At which price it would get them.
    pub mark_price: Number,
}
