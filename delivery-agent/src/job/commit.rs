//! What a run commits to: a Merkle root over a tensor's rows, and a chain of step roots.
//!
//! ```text
//! T_0 = H(job, states before)      T_s = H(T_(s-1), s, output after s, states after s)
//! ```
//!
//! Invariants:
//! - a row's leaf says of which shape and where it is, so no row can pose as another;
//! - a step root says everything that the next step begins with, and where it stands in the chain.

use super::check::{Program, Shape};
use super::spec::Digest;
use crate::expand::Bytes32;
use crate::merkle;

const ROW_KEY: &Bytes32 = b"tenor job: row of a tensor    v1";
const STEP_KEY: &Bytes32 = b"tenor job: root of a step     v1";
const BEGIN_KEY: &Bytes32 = b"tenor job: root before it all v1";

/// The leaf of one row.
#[must_use]
pub fn row_leaf(shape: Shape, row: u32, values: &[i32]) -> Digest {
    let mut bytes = Vec::with_capacity(12 + values.len() * 4);
    bytes.extend([shape.rows, shape.columns, row].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    Digest(*blake3::keyed_hash(ROW_KEY, &bytes).as_bytes())
}

/// The leaves of all rows; `values` are the rows one after the other.
#[must_use]
pub fn leaves(shape: Shape, values: &[i32]) -> Vec<Digest> {
    let rows = values.chunks_exact(shape.columns as usize);
    (0..shape.rows).zip(rows).map(|(row, values)| row_leaf(shape, row, values)).collect()
}

/// The root over the rows of a tensor.
#[must_use]
pub fn tensor_root(shape: Shape, values: &[i32]) -> Digest {
    root(&leaves(shape, values))
}

/// The root over hashes of one level of a tree.
///
/// # Panics
/// On no hashes, as [`merkle::root`] does.
#[must_use]
pub fn root(level: &[Digest]) -> Digest {
    let level: Vec<Bytes32> = level.iter().map(|digest| digest.0).collect();
    Digest(merkle::root(&level))
}

/// Where the chain of a job begins.
#[must_use]
pub fn begin(program: &Program, states: &[Digest]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(BEGIN_KEY);
    hasher.update(&program.id().0);
    for state in states {
        hasher.update(&state.0);
    }
    Digest(*hasher.finalize().as_bytes())
}

/// The chain after one more step.
#[must_use]
pub fn after(before: &Digest, step: u32, output: &Digest, states: &[Digest]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(STEP_KEY);
    hasher.update(&before.0).update(&step.to_le_bytes()).update(&output.0);
    for state in states {
        hasher.update(&state.0);
    }
    Digest(*hasher.finalize().as_bytes())
}
