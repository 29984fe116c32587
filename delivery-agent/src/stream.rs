//! The segment program on a few rows, in integers, without ever holding a pool matrix.
//!
//! A pool matrix is read once from its hash stream, sixteen rows at a time, while the sums of all
//! wanted rows stay in cache. This is what the verifier runs; it costs the same whatever the length
//! of the challenge.
//!
//! Invariants:
//! - the same numbers as [`crate::program::SegmentProgram`] on any device, bit for bit;
//! - no sum can overflow: 16384 products of 9 by 8 bits stay below 2^29.

use crate::expand::{Bytes32, Layer, first_rows, layer_order, pool_matrix};
use crate::profile::{ClassProfile, Shape};

/// Pool rows read from the stream at a time: their bytes stay in the second-level cache.
const BATCH: usize = 16;
/// Sums kept in registers while a batch is added.
const TILE: usize = 32;

/// The finished rows named in `rows`, one after the other.
#[must_use]
pub fn finished_rows(
    pool_seed: &Bytes32,
    segment_seed: &Bytes32,
    rows: &[u32],
    profile: &ClassProfile,
) -> Vec<i16> {
    let Shape { inner, renorm, .. } = *profile.shape();
    let mut values = first_rows(segment_seed, rows, profile);
    for layer in layer_order(segment_seed, profile.shape()) {
        let sums = match layer {
            Layer::Byte(matrix) => product(pool_seed, matrix, &values, inner as usize),
            Layer::Difference(plus, minus) => {
                let plus = product(pool_seed, plus, &values, inner as usize);
                let minus = product(pool_seed, minus, &values, inner as usize);
                plus.iter().zip(minus).map(|(plus, minus)| plus.wrapping_sub(minus)).collect()
            }
        };
        for (value, sum) in values.iter_mut().zip(sums) {
            *value = renorm.apply(sum);
        }
    }
    values
}

/// `values` (rows of `inner`) times the centred pool matrix.
fn product(pool_seed: &Bytes32, matrix: u32, values: &[i16], inner: usize) -> Vec<i32> {
    let mut stream = pool_matrix(pool_seed, matrix);
    let mut bytes = vec![0; BATCH * inner];
    let mut weights = vec![[0; 2]; BATCH / 2 * inner];
    let mut sums = vec![0; values.len()];
    for first in (0..inner).step_by(BATCH) {
        stream.fill(&mut bytes);
        pair_up(&bytes, &mut weights, inner);
        for (row, sums) in values.chunks_exact(inner).zip(sums.chunks_exact_mut(inner)) {
            add_batch(&row[first..first + BATCH], &weights, sums);
        }
    }
    sums
}

/// Centres two pool rows at a time and lays them side by side, column by column.
///
/// A pair of 16-bit products summed into 32 bits is one instruction on every x86-64.
fn pair_up(bytes: &[u8], weights: &mut [[i16; 2]], inner: usize) {
    for (rows, out) in bytes.chunks_exact(2 * inner).zip(weights.chunks_exact_mut(inner)) {
        let (upper, lower) = rows.split_at(inner);
        for ((pair, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            *pair = [i16::from(*upper) - 128, i16::from(*lower) - 128];
        }
    }
}

/// Adds one batch of products to the sums of one row.
fn add_batch(values: &[i16], weights: &[[i16; 2]], sums: &mut [i32]) {
    let inner = sums.len();
    for (tile, sums) in sums.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
        let mut local = *sums;
        let pairs = values.as_chunks::<2>().0;
        for ([left, right], weights) in pairs.iter().zip(weights.chunks_exact(inner)) {
            let (left, right) = (i32::from(*left), i32::from(*right));
            let weights = &weights.as_chunks::<TILE>().0[tile];
            for (sum, [upper, lower]) in local.iter_mut().zip(weights) {
                let both = left.wrapping_mul(i32::from(*upper));
                let both = both.wrapping_add(right.wrapping_mul(i32::from(*lower)));
                *sum = sum.wrapping_add(both);
            }
        }
        *sums = local;
    }
}
