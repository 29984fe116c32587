//! What is said about a job, as blobs: its specification, its result, and every move of an argument.
//!
//! A result is the JSON of [`JobResult`]; a move is the borsh of [`Said`].

use std::sync::Arc;

use api::client::{Blobs, ClientError};
use api::wire::{WireDispute, WireJob};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::expand::Bytes32;
use crate::job::bisect::Move;
use crate::job::spec::{SPEC_LEN_MAX, SpecError};
use crate::job::{BlobError, JobResult, JobSpec, Leaves, Program};

/// Bytes of weights, inputs, an output, or evidence: what the exchange keeps of one blob.
pub const BLOB_LEN_MAX: usize = 64 << 20;
/// Bytes of a result: some hundred roots and what stands around them.
const RESULT_LEN_MAX: usize = 256 * 1_024;

/// One thing that is said when it is one's turn at the exchange.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Said {
    /// In the game it is the other's turn again: whoever has shown a single choice shows on.
    Pass,
    /// A move.
    Move(Move),
}

/// A job with all that it is computed from.
#[derive(Clone)]
pub struct Case {
    /// What is declared.
    pub spec: JobSpec,
    /// The same, checked.
    pub program: Arc<Program>,
    /// The numbers it begins with.
    pub leaves: Arc<Leaves>,
    /// The blob they come from.
    pub weights: Arc<Vec<u8>>,
    /// The other.
    pub inputs: Arc<Vec<u8>>,
}

/// Why a job, or what was said of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A blob is not to be had now.
    #[error(transparent)]
    Fetch(#[from] ClientError),
    /// The specification is not the one that was named, or none that is run here.
    #[error("specification: {0}")]
    Spec(String),
    /// Weights or inputs are not those that are declared.
    #[error(transparent)]
    Leaves(#[from] BlobError),
    /// The result is none of this job.
    #[error("result: {0}")]
    Result(String),
    /// The device failed.
    #[error("device: {0}")]
    Device(String),
    /// What was at work has stopped.
    #[error("the work was stopped")]
    Stopped,
}

impl From<SpecError> for Trouble {
    fn from(error: SpecError) -> Self {
        Self::Spec(error.to_string())
    }
}

/// A hash by its digits.
pub(crate) fn hash_of(digits: &str) -> Option<Bytes32> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok().map(|()| hash)
}

fn named(digits: &str) -> Result<Bytes32, Trouble> {
    hash_of(digits).ok_or_else(|| Trouble::Spec(format!("`{digits}` is not a hash")))
}

impl Case {
    /// Fetches and checks a job.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn fetch(blobs: &Blobs, job: &WireJob) -> Result<Self, Trouble> {
        let text = blobs.get(&named(&job.spec)?, SPEC_LEN_MAX).await?;
        let text = String::from_utf8(text).map_err(|_bytes| Trouble::Spec("no text".to_owned()))?;
        let spec = JobSpec::from_json(&text)?;
        if spec.to_json() != text {
            return Err(Trouble::Spec("is not in its canonical form".to_owned()));
        }
        let says = (spec.steps, spec.stride);
        if says != (job.steps, job.stride) {
            return Err(Trouble::Spec("has other steps than the exchange was told".to_owned()));
        }
        let program = spec.clone().check()?;
        let weights = blobs.get(&spec.weights.0, BLOB_LEN_MAX).await?;
        let inputs = blobs.get(&spec.inputs.0, BLOB_LEN_MAX).await?;
        let leaves = Leaves::read(&program, weights.clone(), inputs.clone())?;
        Ok(Self {
            spec,
            program: Arc::new(program),
            leaves: Arc::new(leaves),
            weights: Arc::new(weights),
            inputs: Arc::new(inputs),
        })
    }
}

/// The result that a prover has claimed.
///
/// # Errors
/// [`Trouble::Result`] where it is none, [`Trouble::Fetch`] where it is not to be had.
pub async fn fetch_result(blobs: &Blobs, job: &WireJob) -> Result<JobResult, Trouble> {
    let wrong = |what: &str| Trouble::Result(what.to_owned());
    let claim = job.claim.as_ref().ok_or_else(|| wrong("nothing is claimed"))?;
    let hash = hash_of(&claim.result).ok_or_else(|| wrong("is named by no hash"))?;
    let text = match blobs.get(&hash, RESULT_LEN_MAX).await {
        Err(ClientError::Unexpected { .. }) => return Err(wrong("is too long")),
        fetched => fetched?,
    };
    serde_json::from_slice(&text).map_err(|error| Trouble::Result(error.to_string()))
}

/// A result as its blob.
#[must_use]
pub fn result_to_bytes(result: &JobResult) -> Vec<u8> {
    serde_json::to_vec(result).unwrap_or_default()
}

/// Everything that was said in a dispute, the challenger's first word first.
///
/// # Errors
/// [`Trouble::Fetch`].
pub async fn fetch_moves(blobs: &Blobs, dispute: &WireDispute) -> Result<Vec<Vec<u8>>, Trouble> {
    let mut moves = Vec::new();
    for name in std::iter::once(&dispute.claim).chain(&dispute.moves) {
        moves.push(blobs.get(&named(name)?, BLOB_LEN_MAX).await?);
    }
    Ok(moves)
}

/// Something said as its blob.
#[must_use]
pub fn said_to_bytes(said: &Said) -> Vec<u8> {
    borsh::to_vec(said).unwrap_or_default()
}
