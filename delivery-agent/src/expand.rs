//! From seeds to numbers: everything random in a challenge, expanded with keyed BLAKE3.
//!
//! Invariants:
//! - a row, a pool matrix and a layer order can each be made alone, without the others;
//! - no other source of randomness is used: a device's own generator differs between devices.

use blake3::{Hasher, OutputReader};

use crate::challenge::SegmentId;
use crate::profile::{ClassProfile, Renorm, Shape, Weights};

/// 32 bytes: seeds, roots and hashes alike.
pub type Bytes32 = [u8; 32];

/// The seed of a session's pool; the session's is that of its first challenge.
#[must_use]
pub fn pool_seed(session_seed: &Bytes32) -> Bytes32 {
    *Hasher::new_keyed(session_seed).update(b"pool of the session").finalize().as_bytes()
}

/// The seed of a segment: what it computes depends on the root of the segment before, and on a salt
/// that the venue keeps to itself until shortly before.
#[must_use]
pub fn segment_seed(
    seed: &Bytes32,
    id: SegmentId,
    previous_root: &Bytes32,
    salt: &Bytes32,
) -> Bytes32 {
    let mut hasher = Hasher::new_keyed(seed);
    hasher.update(b"seg").update(&id.slot.to_le_bytes()).update(&id.segment.to_le_bytes());
    *hasher.update(previous_root).update(salt).finalize().as_bytes()
}

/// Writes row `row` of X_0: uniform over the renormalisation's range.
pub fn first_row(segment_seed: &Bytes32, row: u32, renorm: Renorm, out: &mut [i16]) {
    let mut stream =
        Hasher::new_keyed(segment_seed).update(b"row").update(&row.to_le_bytes()).finalize_xof();
    let (mask, half) = ((1_u16 << renorm.bits) - 1, 1_i16 << (renorm.bits - 1));
    let mut bytes = vec![0; out.len() * 2];
    stream.fill(&mut bytes);
    for (value, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = (u16::from_le_bytes(*pair) & mask).cast_signed() - half;
    }
}

/// Which pool matrices a step multiplies by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// One matrix, less 128.
    Byte(u32),
    /// The first less the second; never twice the same.
    Difference(u32, u32),
}

/// What each step of a segment multiplies by.
#[must_use]
pub fn layer_order(segment_seed: &Bytes32, shape: &Shape) -> Vec<Layer> {
    let mut stream = Hasher::new_keyed(segment_seed).update(b"order").finalize_xof();
    let mut below = |count: u32| {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        // The bias of a 64-bit remainder by at most 4096 is below one in 2^52.
        (u64::from_le_bytes(bytes) % u64::from(count)) as u32
    };
    let layer = |_step| match shape.weights {
        Weights::Byte => Layer::Byte(below(shape.pool)),
        Weights::Difference => {
            let (first, further) = (below(shape.pool), below(shape.pool - 1));
            Layer::Difference(first, (first + 1 + further) % shape.pool)
        }
    };
    (0..shape.steps).map(layer).collect()
}

/// The bytes of a pool matrix, row after row.
#[must_use]
pub fn pool_matrix(pool_seed: &Bytes32, matrix: u32) -> OutputReader {
    Hasher::new_keyed(pool_seed).update(b"pool").update(&matrix.to_le_bytes()).finalize_xof()
}

/// The rows of X_0 named in `rows`, one after the other.
#[must_use]
pub fn first_rows(segment_seed: &Bytes32, rows: &[u32], profile: &ClassProfile) -> Vec<i16> {
    let Shape { inner, renorm, .. } = *profile.shape();
    let mut values = vec![0; rows.len() * inner as usize];
    for (row, out) in rows.iter().zip(values.chunks_exact_mut(inner as usize)) {
        first_row(segment_seed, *row, renorm, out);
    }
    values
}
