//! The transcript of one obligation's delivery: everything that a stranger needs to check what was credited.
//!
//! ```text
//! {"header":{..}}            the obligation's terms, first
//! {"challenge":{..}}         one judged challenge, in the order of the judgements
//! {"outage":{..}}            intervals that the seller has declared missing, when it declares them
//! {"countersignature":{..}}  the buyer's word on one receipt, whenever it comes
//! {"statement":{..}}         what the venue has credited, signed, last
//! ```
//!
//! One JSON object a line. Every line but the first names the hash of the line before it, so lines are only ever added, and the venue's signature
//! on the statement covers all of them.
//!
//! Instants are nanoseconds since 1970 in decimal text, because no JSON number of most readers holds them. Hashes, roots, addresses and
//! signatures are lower-case hexadecimal with `0x`; the segment roots of a slot stand in one such text, one after the other.
//!
//! Invariants:
//! - a line has one form: written again it is the same bytes;
//! - nothing has a default, and an unknown field is refused, but for what a header or an entry may leave out by its documentation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of this format.
pub const TRANSCRIPT_VERSION: u16 = 1;
/// Bytes of one line: roots of 64 slots of 16 segments, their times, and openings of 60 KiB fit with room to spare.
pub const TRANSCRIPT_LINE_MAX: usize = 262_144;
/// Lines of one transcript: a month of five-minute intervals has less than nine thousand, and rechecks and countersignatures double that.
pub const TRANSCRIPT_LINES_MAX: usize = 65_536;
/// Intervals of one obligation that a statement lists.
pub const TRANSCRIPT_INTERVALS_MAX: usize = 16_384;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "lines are read one at a time")]
pub enum WireTranscriptLine {
    /// The first line.
    Header(WireTranscriptHeader),
    /// A judged challenge.
    Challenge(WireTranscriptEntry),
    /// Intervals that will be missing.
    Outage(WireDeclaredOutage),
    /// The buyer's word on a receipt.
    Countersignature(WireCountersignature),
    /// The last line.
    Statement(WireDeliveryStatement),
}

/// What was owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireTranscriptHeader {
    /// [`TRANSCRIPT_VERSION`].
    pub version: u16,
    /// The chain in the domain of every signature.
    pub chain_id: u64,
    /// The address of the venue's key.
    pub venue: String,
    /// Which obligation.
    pub obligation_id: u64,
    /// Of which series.
    pub instrument_name: String,
    /// GPUs.
    pub lots: u64,
    /// The grade that was sold.
    pub grade: String,
    /// The hash of the grade's terms.
    pub terms: String,
    /// GFLOP/s of one GPU that count as the whole grade; absent where the grade is not calibrated, and then every valid answer is whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference_gflops: Option<u64>,
    /// Micro-dollars per GPU-hour.
    pub settlement_price: i64,
    /// When the first interval began.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub deliver_from: u64,
    /// The length of an interval, in nanoseconds.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub interval: u64,
    /// How many there are.
    pub intervals: u32,
    /// GPU-milliseconds that a whole interval counts, all GPUs together; a compressed calendar's are longer than its intervals.
    pub interval_millis: u64,
    /// How challenges became hours.
    pub metering: WireMetering,
}

/// How challenges become hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum WireMetering {
    /// Challenge n judges interval n.
    Each,
    /// What lies between two passed challenges counts.
    Between {
        /// How soon after a silent challenge a passed one makes it a soft failure, in nanoseconds.
        #[serde(with = "instant")]
        #[schemars(with = "String")]
        recheck_within: u64,
        /// How many of those a day has.
        soft_fails_per_day: u32,
        /// Intervals of a day: each has its own number of soft failures.
        intervals_per_day: u32,
        /// How many hard failures a day end the time for a substitution.
        hard_fails_max: u32,
        /// How long without a passed challenge does the same, in nanoseconds.
        #[serde(with = "instant")]
        #[schemars(with = "String")]
        silence_max: u64,
    },
}

/// One judged challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireTranscriptEntry {
    /// The hash of the line before.
    pub after: String,
    /// Its number, from 0.
    pub number: u32,
    /// The first interval of the run of intervals that its deliverer has: every deliverer has marks of its own. 0 where nobody stands in.
    pub session: u32,
    /// The size of the work.
    pub profile: String,
    /// Matrices of the pool, where it is not as large as the profile says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool: Option<u32>,
    /// Devices that had to work at once.
    pub slots: u16,
    /// Segments of the work on each device.
    pub segments: u16,
    /// The seed of the session's first challenge: the resident pool was expanded from it. Absent where every challenge has a pool of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_seed: Option<String>,
    /// What the work is derived from.
    pub seed: String,
    /// What the salts are derived from. Absent where the work has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub salt_key: Option<String>,
    /// When the challenge was issued: its place on the meter.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub issued_at: u64,
    /// When it was sent: from here the rate is measured.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub sent_at: u64,
    /// When the receipt had to be there.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub answer_by: u64,
    /// When it was judged, or its deadline had passed.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub judged_at: u64,
    /// The segment roots that came before the claim, slot by slot. Empty where roots are not sent one by one.
    pub roots: Vec<String>,
    /// When each of them came, in microseconds after `sent_at`, slot by slot.
    pub root_times: Vec<Vec<u64>>,
    /// The receipt; absent when there was none in time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub claim: Option<WireTranscriptClaim>,
    /// What the opened rows are derived from, once drawn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub draw_seed: Option<String>,
    /// What the agent opened, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub openings: Option<String>,
    /// `valid`, `invalid`, `unverifiable`, or `silent`: no receipt came.
    pub verdict: String,
    /// Millionths of the grade, of a valid answer.
    pub quality: u32,
    /// Why, in the verifier's words.
    pub reason: String,
}

/// A receipt as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireTranscriptClaim {
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
    /// When it came.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub received_at: u64,
    /// Whose key signed it: the one that the seller had nominated.
    pub signer: String,
    /// The agent's signature.
    pub signature: String,
    /// The venue's signature on the same digest, of a receipt that was found valid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue_signature: Option<String>,
}

/// Whole intervals that the seller has said will be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireDeclaredOutage {
    /// The hash of the line before.
    pub after: String,
    /// The first of them.
    pub from_interval: u32,
    /// The first that is not missing again.
    pub until_interval: u32,
    /// When it was declared.
    #[serde(with = "instant")]
    #[schemars(with = "String")]
    pub declared_at: u64,
}

/// The buyer's word on a receipt. Without one, three later receipts are its acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireCountersignature {
    /// The hash of the line before.
    pub after: String,
    /// On the receipt of which challenge.
    pub number: u32,
    /// Whose key signed it: the one that the buyer has nominated.
    pub signer: String,
    /// The buyer's signature.
    pub signature: String,
}

/// What the venue has credited, and signs for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireDeliveryStatement {
    /// The hash of the line before, and so of all of them.
    pub after: String,
    /// Challenges in the transcript.
    pub challenges: u32,
    /// GPU-milliseconds credited, interval by interval, each rounded down.
    pub credited: Vec<u64>,
    /// Their sum.
    pub gpu_millis: u64,
    /// Failures that cost only the time until the answer that followed at once.
    pub soft_fails: u32,
    /// All other failures.
    pub hard_fails: u32,
    /// The hash of the newest receipt, zero when there is none.
    pub last_receipt: String,
    /// The venue's signature.
    pub venue_signature: String,
}

/// Nanoseconds as decimal text, in their one form.
mod instant {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field")]
    pub(super) fn serialize<S: Serializer>(nanos: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(nanos)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let nanos = text.parse().ok().filter(|nanos: &u64| nanos.to_string() == text);
        nanos.ok_or_else(|| de::Error::custom(format!("`{text}` is not nanoseconds as text")))
    }
}

/// The hash by which the next line names this one.
#[must_use]
pub fn transcript_line_hash(line: &str) -> String {
    let key = b"tenor transcript: a line      v1";
    format!("0x{}", blake3::keyed_hash(key, line.as_bytes()).to_hex())
}
