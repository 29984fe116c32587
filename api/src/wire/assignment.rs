//! A published assignment: everything that it follows from, so that anyone can make it again. `tenor assignment verify` reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An assignment as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireAssignment {
    /// What every file begins with, `tenor-assignment-1`.
    pub format: String,
    /// The series.
    pub instrument: String,
    /// Its number.
    pub instrument_id: u64,
    /// In ticks.
    pub settlement_price_ticks: i64,
    /// The last command before it.
    pub last_seq: u64,
    /// Lots of one node.
    pub node_size: u32,
    /// Who held how much, by account.
    pub holders: Vec<WireHolder>,
    /// What sellers and buyers have agreed on themselves.
    pub matches: Vec<WirePair>,
    /// What equal parties are put in order by, in hexadecimal.
    pub seed: String,
    /// The fingerprint of the inputs, in hexadecimal.
    pub inputs_hash: String,
    /// What goes away by agreement.
    pub matched: Vec<WirePair>,
    /// Who delivers to whom.
    pub pairs: Vec<WirePair>,
}

/// One holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireHolder {
    /// The account's number.
    pub account: u64,
    /// Lots, negative when short.
    pub net: i64,
    /// Two letters; anywhere when absent.
    pub region: Option<String>,
}

/// One seller and one buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WirePair {
    /// Who delivers.
    pub seller: u64,
    /// Who receives.
    pub buyer: u64,
    /// How much.
    pub lots: u64,
}
