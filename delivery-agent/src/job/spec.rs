//! What a buyer declares: the graph, the tensors by hash, the limits. JSON in, canonical bytes out.
//!
//! ```text
//! {"version":1,"mode":"exact","nonce":7,"expires_at_ms":1800000000000,
//!  "weights":"<hash>","inputs":"<hash>",
//!  "tensors":[{"name":"w","blob":"weights","kind":"i8","shape":[64,10]}, ..],
//!  "nodes":[{"name":"y","op":{"matmul":{"a":"x","b":"w","shift":4}}}, ..],
//!  "output":"y","steps":8,"stride":2,
//!  "limits":{"parameters":640,"flop":100000,"bytes":100000,"seconds":10}}
//! ```
//!
//! Invariants:
//! - unknown fields and unknown operations are refused, and there is no float anywhere in a spec;
//! - a job's id is the hash of its canonical bytes, whatever the spacing and order it came in.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::op::{NAMES, Op};
use crate::expand::Bytes32;

/// The only version there is.
pub const VERSION: u16 = 1;
/// Longest text of a spec.
pub const SPEC_LEN_MAX: usize = 256 * 1024;
/// Most operations of a step: a dispute shows a hash of each in one message.
pub const NODES_MAX: usize = 512;
/// Most tensors that steps replace, for the same reason.
pub const STATES_MAX: usize = 256;
/// Most tensors that a job names.
pub const TENSORS_MAX: usize = 4_096;
/// Longest name of a tensor or node.
pub const NAME_LEN_MAX: usize = 64;
/// Most rows of a tensor: two levels of 256 leaves each in a dispute.
pub const ROWS_MAX: u32 = 65_536;
/// Most columns of a tensor.
pub const COLUMNS_MAX: u32 = 1 << 20;
/// Most elements of a tensor.
pub const ELEMENTS_MAX: u64 = 1 << 30;
/// Longest blob: what a job reads, what it leaves, what is shown in a dispute.
pub const BLOB_LEN_MAX: u64 = 64 << 20;
/// Most elements of the output: half a blob.
pub const OUTPUT_ELEMENTS_MAX: u64 = 1 << 23;
/// Most elements of a value that a dispute may have to show whole: half a blob, too.
pub const SHOWN_ELEMENTS_MAX: u64 = 1 << 23;
/// Most chunks of activations that a tolerant job keeps: less than the other half.
pub const CHUNKS_MAX: u64 = 1 << 15;
/// Most steps.
pub const STEPS_MAX: u32 = 65_536;
/// Most steps between two checkpoints: a dispute shows all their roots in one message.
pub const STRIDE_MAX: u32 = 256;
/// Most checkpoints: a result shows all their roots.
pub const CHECKPOINTS_MAX: u32 = 256;
/// Most parameters.
pub const PARAMETERS_MAX: u64 = 1 << 36;
/// Most arithmetic.
pub const FLOP_MAX: u64 = 1_000_000_000_000_000_000;
/// Most memory.
pub const BYTES_MAX: u64 = 1 << 37;
/// Longest time.
pub const SECONDS_MAX: u32 = 86_400;

const ID_KEY: &Bytes32 = b"tenor job: canonical bytes    v1";

/// A BLAKE3 hash, 64 digits in JSON.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
pub struct Digest(pub Bytes32);

impl Digest {
    /// Of the bytes of a blob.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_canonical = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut digest = Bytes32::default();
        match hex::decode_to_slice(&text, &mut digest) {
            Ok(()) if is_canonical => Ok(Self(digest)),
            Ok(()) | Err(_) => Err(D::Error::custom("a hash is 64 digits in lower case")),
        }
    }
}

/// How a result is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Integers: the same bits everywhere, and a dispute ends with one row of one operation.
    Exact,
    /// Floats: activations are compared within thresholds, and the outcome is advice.
    Tolerant,
    /// Either: a second provider's result must have the same hash.
    Redundant,
}

/// Which blob a tensor lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobName {
    /// The parameters.
    Weights,
    /// The data.
    Inputs,
}

impl BlobName {
    /// Its name in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Inputs => "inputs",
        }
    }
}

/// What a tensor's numbers are stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberKind {
    /// -128 to 127.
    I8,
    /// 0 to 255.
    U8,
    /// -32,768 to 32,767.
    I16,
    /// Declared `low` and `high`.
    I32,
    /// Single precision.
    F32,
    /// Its upper half.
    Bf16,
}

/// A tensor that the job begins with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorDecl {
    /// Its name in the blob and in the graph.
    pub name: String,
    /// Where it lies.
    pub blob: BlobName,
    /// What it is stored as.
    pub kind: NumberKind,
    /// Rows and columns.
    pub shape: [u32; 2],
    /// Least value, if the kind allows less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<i32>,
    /// Greatest value, if the kind allows more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<i32>,
    /// The node that replaces it after every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// A step sees only so many rows: the next ones each time, and the first again after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_step: Option<u32>,
}

/// One operation of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What later nodes call its result.
    pub name: String,
    /// What it does.
    pub op: Op<String>,
}

/// What the job may use at most. More than it needs is paid for, less is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Elements in the blob of weights.
    pub parameters: u64,
    /// Arithmetic of all steps together.
    pub flop: u64,
    /// Memory.
    pub bytes: u64,
    /// Wall clock, from the start of the process to its result.
    pub seconds: u32,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// [`VERSION`].
    pub version: u16,
    /// How its result is checked.
    pub mode: Mode,
    /// Tells two runs of the same graph apart.
    pub nonce: u64,
    /// From then on nobody begins it.
    pub expires_at_ms: u64,
    /// The parameters, a safetensors blob.
    pub weights: Digest,
    /// The data, a safetensors blob.
    pub inputs: Digest,
    /// What the graph begins with.
    pub tensors: Vec<TensorDecl>,
    /// One step, in the order in which it is computed.
    pub nodes: Vec<Node>,
    /// The node whose value after the last step is the result.
    pub output: String,
    /// The node whose activations are kept in tolerant mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// How often the step is done.
    pub steps: u32,
    /// Steps between two checkpoints.
    pub stride: u32,
    /// What it may use.
    pub limits: Limits,
}

/// What a provider says came out. Signed by the agent, never by the process that computed it.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct JobResult {
    /// The job's id.
    pub job: Digest,
    /// The chain of step roots at every checkpoint; the last step is one.
    pub roots: Vec<Digest>,
    /// Root over the rows of the output after the last step.
    pub output_root: Digest,
    /// Hash of the safetensors blob that holds the output.
    pub output_blob: Digest,
}

/// Where two results of one job part, for redundant jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// They are of two jobs, or have not the same form.
    NotComparable,
    /// From that checkpoint on, counted from 0.
    From {
        /// The first whose roots differ.
        checkpoint: usize,
    },
    /// Only in what they name as output.
    Output,
}

impl JobResult {
    /// What a second provider's result differs in; `None` when it has the same hash.
    ///
    /// Who of the two is wrong is not said: integers are disputed, floats are looked at again.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        if self.job != other.job || self.roots.len() != other.roots.len() {
            return Some(Difference::NotComparable);
        }
        let mut pairs = self.roots.iter().zip(&other.roots);
        match pairs.position(|(ours, theirs)| ours != theirs) {
            Some(checkpoint) => Some(Difference::From { checkpoint }),
            None => (self != other).then_some(Difference::Output),
        }
    }
}

/// Why a spec is no job.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Longer than any spec may be.
    #[error("spec of {len} bytes, limit {SPEC_LEN_MAX}")]
    TooLong {
        /// How long.
        len: usize,
    },
    /// Not this JSON.
    #[error("spec is not the expected json: {0}")]
    Json(#[from] serde_json::Error),
    /// Not one of [`NAMES`].
    #[error("nodes[{node}]: operation `{op}` is not known")]
    UnknownOp {
        /// Which node.
        node: usize,
        /// What it asks for.
        op: String,
    },
    /// A number is outside its bounds.
    #[error("{field} is {value}, outside {low}..={limit}")]
    OutOfRange {
        /// Which number.
        field: String,
        /// What it was.
        value: u64,
        /// Its least allowed value.
        low: u64,
        /// Its largest allowed value.
        limit: u64,
    },
    /// A name is empty, too long, or has other characters.
    #[error("{field}: `{name}` is not 1 to {NAME_LEN_MAX} of a-z 0-9 _ . -")]
    Name {
        /// Whose.
        field: String,
        /// What it was.
        name: String,
    },
    /// Two things have one name.
    #[error("{field}: the name `{name}` is taken")]
    Taken {
        /// The second.
        field: String,
        /// The name.
        name: String,
    },
    /// An operand is not there yet: unknown, later in the list, or the node itself.
    #[error("{field}: `{name}` is no tensor and no earlier node")]
    NotBefore {
        /// Where.
        field: String,
        /// What it names.
        name: String,
    },
    /// More elements than a tensor may have.
    #[error("{field}: {rows} x {columns} are {elements} elements, limit {ELEMENTS_MAX}")]
    Elements {
        /// Which tensor.
        field: String,
        /// Its rows.
        rows: u32,
        /// Its columns.
        columns: u32,
        /// Their product.
        elements: u64,
    },
    /// The shapes do not fit the operation.
    #[error("{field}: {op} of {a} and {b} is not defined")]
    ShapeMismatch {
        /// Which node.
        field: String,
        /// What it does.
        op: &'static str,
        /// Its first operand's shape.
        a: String,
        /// Its second's, or what was asked for.
        b: String,
    },
    /// A float operation in integer arithmetic, or the other way about.
    #[error("{field}: {what} is not for {arithmetic}")]
    Arithmetic {
        /// Where.
        field: String,
        /// The operation, mode or kind.
        what: String,
        /// What the job computes in.
        arithmetic: &'static str,
    },
    /// A value could leave the range in which f32 is exact.
    #[error("{field}: a value could reach {bound}, limit {limit}")]
    NotExact {
        /// Which node.
        field: String,
        /// How far.
        bound: i64,
        /// How far it may.
        limit: i64,
    },
    /// A value could leave the range that is declared for what takes it up.
    #[error("{field}: values are {low}..={high}, {taker} takes {taker_low}..={taker_high}")]
    Range {
        /// Which node or tensor.
        field: String,
        /// Least value.
        low: i64,
        /// Greatest value.
        high: i64,
        /// What takes it.
        taker: String,
        /// From.
        taker_low: i64,
        /// To.
        taker_high: i64,
    },
    /// Less is declared than the graph needs.
    #[error("limits.{field} declares {declared}, the graph needs {needed}")]
    Declared {
        /// Which limit.
        field: &'static str,
        /// What it says.
        declared: u64,
        /// What was counted.
        needed: u64,
    },
    /// A field that this mode needs is missing, or one is there that it does not know.
    #[error("{field} {why}")]
    Field {
        /// Which.
        field: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The names of the operations alone, to tell an unknown one from any other mistake.
#[derive(Deserialize)]
struct Names {
    nodes: Vec<NodeName>,
}

#[derive(Deserialize)]
struct NodeName {
    op: BTreeMap<String, IgnoredAny>,
}

impl JobSpec {
    /// Reads a spec. What it declares is checked by [`super::check`].
    ///
    /// # Errors
    /// [`SpecError::TooLong`], [`SpecError::Json`], [`SpecError::UnknownOp`].
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        if SPEC_LEN_MAX < text.len() {
            return Err(SpecError::TooLong { len: text.len() });
        }
        let error = match serde_json::from_str(text) {
            Ok(spec) => return Ok(spec),
            Err(error) => error,
        };
        let names = serde_json::from_str::<Names>(text).map_or_else(|_| Vec::new(), |n| n.nodes);
        for (node, name) in names.into_iter().enumerate() {
            if let Some(op) = name.op.into_keys().find(|op| !NAMES.contains(&op.as_str())) {
                return Err(SpecError::UnknownOp { node, op });
            }
        }
        Err(error.into())
    }

    /// The spec as text; [`JobSpec::id`] is its hash.
    ///
    /// # Panics
    /// Never: every field has a form in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("no form: {error}"))
    }

    /// The hash of its canonical bytes.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest(*blake3::keyed_hash(ID_KEY, self.to_json().as_bytes()).as_bytes())
    }
}
