//! A buyer's job, as its parties and the referee see it. Names of our own, beside Deribit's.
//!
//! Blobs are named by 64 hexadecimal digits, as in their paths.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// A job and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireJob {
    /// Its number.
    pub job_id: u64,
    /// On whose hardware.
    pub obligation_id: u64,
    /// `buyer`, `prover`, or `referee`: what the asking account is in it.
    pub role: String,
    /// The blob of its specification.
    pub spec: String,
    /// Every blob that was named with it so far.
    pub blobs: Vec<String>,
    /// `exact`, `tolerant` or `redundant`.
    pub mode: String,
    /// What it is declared to take.
    pub gpu_seconds: u64,
    /// How many steps it has.
    pub steps: u32,
    /// For how many steps there is one checkpoint.
    pub stride: u32,
    /// What the declared time costs, in dollars.
    pub value: Number,
    /// `submitted`, `claimed`, `disputed`, `called`, or how it ended: `accepted`, `declined`, `missed`, `refuted`, `upheld`, `unruled`.
    pub state: String,
    /// Until when what is awaited must come, milliseconds since 1970; absent once it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// What the prover says has come of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub claim: Option<WireJobClaim>,
    /// What is said against that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dispute: Option<WireDispute>,
    /// What came back of it to the buyer, in dollars.
    pub returned: Number,
    /// Whether something is still to come back.
    pub is_owing: bool,
}

/// What has come of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireJobClaim {
    /// The blob of the result.
    pub result: String,
    /// Roots that it names.
    pub checkpoints: u32,
    /// What a replay would cost the prover, in dollars.
    pub replay_cost: Number,
}

/// An argument about a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDispute {
    /// The blob of what the challenger says is wrong.
    pub claim: String,
    /// What its own replay has cost the challenger, in dollars.
    pub replay_cost: Number,
    /// What is held of the challenger, in dollars.
    pub stake: Number,
    /// The blobs of the moves so far, the prover's first.
    pub moves: Vec<String>,
    /// `prover` or `challenger`, while it is somebody's turn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turn: Option<String>,
    /// Who has called the referee.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub called_by: Option<String>,
}
