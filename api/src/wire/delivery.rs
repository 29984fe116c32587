//! Physical delivery: what an agent and a verifier are told, and what is kept of it. Names of our own, beside Deribit's.
//!
//! Seeds, roots, hashes and signatures are lower-case hexadecimal with `0x`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::number::Number;

/// A demand for work: all an agent needs to know to answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireChallenge {
    /// Of which obligation.
    pub obligation_id: u64,
    /// Its number.
    pub number: u32,
    /// Lots of the obligation.
    pub lots: u64,
    /// Devices that must work at once.
    pub slots: u64,
    /// The size of the work.
    pub profile: String,
    /// Segments of the work on each device.
    pub segments: u16,
    /// What the work is derived from.
    pub seed: String,
    /// The seed of the session's first challenge: the resident pool is derived from it.
    pub session_seed: String,
    /// The salts of the first segments, a text for each slot, one salt after the other. The others are given for roots, see
    /// `private/submit_segment_roots`.
    pub salts: Vec<String>,
    /// When the receipt must have arrived, milliseconds since 1970.
    pub answer_by: u64,
    /// The hash that the receipt must name as the one before.
    pub prev: String,
    /// The GPU-milliseconds that the receipt must claim, all challenges so far.
    pub gpu_millis: u64,
    /// The number of challenges that the receipt must claim.
    pub challenges: u32,
    /// The hash of the grade's terms that the receipt must name.
    pub terms: String,
}

/// A demand to open rows of work that was claimed, with all it takes to do the work again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireDraw {
    /// Of which obligation.
    pub obligation_id: u64,
    /// Of which challenge.
    pub challenge: u32,
    /// What the rows are derived from.
    pub draw_seed: String,
    /// The root that was claimed.
    pub work_root: String,
    /// The size of the work.
    pub profile: String,
    /// Devices that worked at once.
    pub slots: u64,
    /// Segments of the work on each device.
    pub segments: u16,
    /// What the work is derived from.
    pub seed: String,
    /// What the resident pool is derived from.
    pub session_seed: String,
    /// What the salts are derived from, which is no secret any more.
    pub salt_key: String,
}

/// One seller's duty to one buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireObligation {
    /// Its number.
    pub obligation_id: u64,
    /// Of which series.
    pub instrument_name: String,
    /// `seller`, which is also who stands in for it, or `buyer`: what the asking account is in it.
    pub role: String,
    /// Lots.
    pub lots: u64,
    /// Dollars per GPU-hour.
    pub settlement_price: Number,
    /// `open` or `closed`.
    pub state: String,
    /// `waiting` or `open` before the delivery, then `accepted`, or `lapsed` where the seller has not.
    pub acceptance: String,
    /// Intervals in all; fewer once the buyer has stopped prefunding.
    pub intervals: u32,
    /// Intervals that counted.
    pub intervals_delivered: u32,
    /// Intervals that failed.
    pub intervals_failed: u32,
    /// Intervals that nobody could judge.
    pub intervals_unverified: u32,
    /// The buyer's money that is still set aside, in dollars.
    pub escrow: Number,
    /// The seller's money that is still set aside, in dollars.
    pub bond: Number,
    /// What the seller has received, in dollars.
    pub paid_to_seller: Number,
    /// What the seller has paid for what was missing, in dollars.
    pub shortfall_paid: Number,
    /// What its challenges have said so far, where they come at any time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub meter: Option<WireMeter>,
    /// A challenge without a receipt, for the seller.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub challenge: Option<WireChallenge>,
    /// A draw without opened rows, for the seller.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub draw: Option<WireDraw>,
}

/// What the challenges of an obligation have said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireMeter {
    /// Challenges issued.
    pub challenges: u32,
    /// Failures after which the seller was there at once.
    pub soft_fails: u32,
    /// All others.
    pub hard_fails: u32,
    /// GPU-milliseconds that counted.
    pub credited_gpu_millis: u64,
}

/// A receipt and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireReceipt {
    /// Under which obligation.
    pub obligation_id: u64,
    /// Of which challenge.
    pub challenge: u32,
    /// GPU-milliseconds claimed so far.
    pub gpu_millis: u64,
    /// Challenges answered so far.
    pub challenges: u32,
    /// The root of the work.
    pub work_root: String,
    /// The hash of the receipt before.
    pub prev: String,
    /// The hash of the grade's terms.
    pub terms: String,
    /// What was signed.
    pub digest: String,
    /// Whose key signed it.
    pub signer: String,
    /// The agent's signature.
    pub signature: String,
    /// The venue's signature, once the work was found valid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue_signature: Option<String>,
    /// `valid`, `invalid` or `unverifiable`, once judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<String>,
    /// `passed`, `failed` or `unknown`, once the challenge has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<String>,
    /// When it was accepted, milliseconds since 1970.
    pub timestamp: u64,
}

/// Opened rows, for a verifier to recompute.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WireTask {
    /// `openings`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of which obligation.
    pub obligation_id: u64,
    /// Of which challenge.
    pub challenge: u32,
    /// Devices that had to work at once.
    pub slots: u64,
    /// The size of the work.
    pub profile: String,
    /// Segments of the work on each device.
    pub segments: u16,
    /// What the work was derived from.
    pub challenge_seed: String,
    /// What the rows were derived from.
    pub draw_seed: String,
    /// The root that the agent had signed before the rows were drawn.
    pub work_root: String,
    /// What the resident pool was derived from.
    pub session_seed: String,
    /// What the salts were derived from.
    pub salt_key: String,
    /// The segment roots that came before the receipt, a text for each slot, one root after the other.
    pub roots: Vec<String>,
    /// When each of them came, slot by slot, in microseconds after the challenge was sent.
    pub root_times: Vec<Vec<u64>>,
    /// When the receipt came, likewise.
    pub claimed_after: u64,
    /// GFLOP/s of one GPU that count as the whole grade; absent where the grade is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference_gflops: Option<u64>,
    /// What the agent sent.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub openings: Box<RawValue>,
}

/// What an agent gets for the roots of finished segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireSalts {
    /// The segment of the first salt.
    pub first_segment: u16,
    /// Salts of consecutive segments of the same slot.
    pub salts: Vec<String>,
    /// The venue's time of the roots, milliseconds since 1970.
    pub received_at: u64,
}

/// A part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireTranscriptPage {
    /// Lines as they were hashed; each is a JSON object in a text.
    pub lines: Vec<String>,
    /// How many the transcript has.
    pub total: u32,
}
