//! One product of two matrices, checked without making it: Freivalds' test modulo 2^31 - 1.
//!
//! ```text
//! seed -> A, B -> C = A B -> root over the rows of C, published -> r -> y = B r, z = A y
//!                                                        rows of C: C_i r = z_i ?
//! ```
//!
//! `z` costs the verifier two passes over matrices that it reads from their streams; every opened row
//! then costs one pass over the row, where computing it again would cost one over all of `B`.
//!
//! Invariants:
//! - `r` is drawn after the root is known, from all of `0..p`; nothing is compared with a tolerance;
//! - a row that is not the product's passes with probability at most 1 / p = 4.7e-10: entries are
//!   bounded, so they cannot differ by a multiple of `p` unseen;
//! - no sum overflows: see `dot`.

use blake3::{Hasher, OutputReader};
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::expand::Bytes32;
use crate::merkle;

/// 2^31 - 1, a prime.
pub const P: u32 = (1 << 31) - 1;
/// Largest magnitude of an entry of the product: as far as f32 is exact.
const ENTRY_MAX: i32 = 1 << 24;
/// Entries are two centred bytes multiplied: 24 standard deviations of such a sum are 2^24 at this.
const N_MAX: u32 = 16_384;
/// Rows begin at a block boundary of the stream.
const BLOCK: u32 = 64;
/// Products summed in 32 bits before they are added up in 64: 256 * 2^7 * 2^15 = 2^30.
const PART: usize = 256;

/// Two matrices of centred bytes and their product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    seed: Bytes32,
    n: u32,
}

/// Matrices that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("n is {n}, not a multiple of {BLOCK} in {BLOCK}..={N_MAX}")]
pub struct WrongSize {
    n: u32,
}

/// A product that was made, row after row, with the leaves of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    n: usize,
    values: Vec<i32>,
    leaves: Vec<Bytes32>,
}

/// Rows of a product, opened after the draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedRows {
    /// One after the other, as drawn.
    pub values: Vec<i32>,
    /// What leads from them together to the root.
    pub path: Vec<Bytes32>,
}

/// What is wrong with opened rows. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not the entries of as many rows as were drawn.
    #[error("{shown} entries shown, {drawn} drawn")]
    Count {
        /// In the answer.
        shown: usize,
        /// In the draw.
        drawn: usize,
    },
    /// The rows are not those that were committed.
    #[error("opened rows do not hash to the committed root")]
    NotCommitted,
    /// No product has such an entry.
    #[error("an entry of row {row} is beyond 2^24")]
    OutOfRange {
        /// Which row.
        row: u32,
    },
    /// Not the row of the product.
    #[error("row {row} is not that of the product")]
    NotTheProduct {
        /// Which row.
        row: u32,
    },
}

impl Product {
    /// A product to be made.
    ///
    /// # Errors
    /// [`WrongSize`].
    pub const fn new(seed: Bytes32, n: u32) -> Result<Self, WrongSize> {
        if n == 0 || N_MAX < n || !n.is_multiple_of(BLOCK) {
            return Err(WrongSize { n });
        }
        Ok(Self { seed, n })
    }

    /// Rows and columns.
    #[must_use]
    pub const fn n(&self) -> u32 {
        self.n
    }

    /// A row of one of the two matrices, as bytes that are still to be centred.
    pub fn row(&self, factor: Factor, row: u32, out: &mut [u8]) {
        let mut stream = self.stream(factor);
        stream.set_position(u64::from(row) * u64::from(self.n));
        stream.fill(out);
    }

    fn stream(&self, factor: Factor) -> OutputReader {
        Hasher::new_keyed(&self.seed).update(b"product").update(factor.name()).finalize_xof()
    }

    /// Makes the product, as a provider does.
    ///
    /// # Errors
    /// When the device fails.
    pub fn make(&self, device: &Device) -> candle_core::Result<Made> {
        let n = self.n as usize;
        let matrix = |factor| {
            let mut bytes = vec![0; n * n];
            bytes.par_chunks_exact_mut(n).enumerate().for_each(|(row, out)| {
                self.row(factor, row as u32, out);
            });
            let bytes = Tensor::from_vec(bytes, (n, n), device)?;
            bytes.to_dtype(DType::F32)?.affine(1.0, -128.0)
        };
        let product = matrix(Factor::Left)?.matmul(&matrix(Factor::Right)?)?;
        let values = product.flatten_all()?.to_vec1::<f32>()?;
        Ok(Made::commit(values.into_par_iter().map(|value| value as i32).collect(), n))
    }

    /// The product's image of `r`, modulo `p`: `A (B r)`. Two passes over streams, on all cores.
    #[must_use]
    pub fn image(&self, r: &[u32]) -> Vec<u32> {
        self.times(Factor::Left, &self.times(Factor::Right, r))
    }

    /// One matrix times a vector, modulo `p`.
    fn times(&self, factor: Factor, vector: &[u32]) -> Vec<u32> {
        /// Rows that one piece of work reads from the stream at once.
        const ROWS: usize = 16;
        let (n, limbs) = (self.n as usize, Limbs::of(vector));
        let mut image = vec![0; n];
        image.par_chunks_mut(ROWS).enumerate().for_each(|(part, image)| {
            let mut bytes = vec![0; image.len() * n];
            self.row(factor, (part * ROWS) as u32, &mut bytes);
            for (value, row) in image.iter_mut().zip(bytes.chunks_exact(n)) {
                *value = limbs.dot(row);
            }
        });
        image
    }
}

/// One of the two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// `A`.
    Left,
    /// `B`.
    Right,
}

impl Factor {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Left => b"A",
            Self::Right => b"B",
        }
    }
}

/// A vector modulo `p` in two signed limbs, so that products with bytes are 16-bit ones.
struct Limbs {
    /// Bits 0..16 of the residue nearest zero, and what is left of it.
    low: Vec<i16>,
    high: Vec<i16>,
}

impl Limbs {
    fn of(vector: &[u32]) -> Self {
        // In -2^30..2^30, so that both halves fit 16 bits with their signs.
        let nearest = |value: &u32| {
            if *value <= P / 2 {
                value.cast_signed()
            } else {
                value.cast_signed() - P.cast_signed()
            }
        };
        let low = |value: &u32| nearest(value) as i16;
        let high = |value: &u32| ((nearest(value) - i32::from(low(value))) >> 16) as i16;
        Self { low: vector.iter().map(low).collect(), high: vector.iter().map(high).collect() }
    }

    /// The product with a row of bytes, centred, modulo `p`.
    fn dot(&self, row: &[u8]) -> u32 {
        modulo_p(dot(row, &self.low) + (dot(row, &self.high) << 16))
    }
}

/// The sum of products of centred bytes with 16-bit numbers.
///
/// A part's sum stays below 2^30, all 2^6 parts' below 2^37, and shifted by 16 bits below 2^53.
fn dot(row: &[u8], limb: &[i16]) -> i64 {
    let part = |(row, limb): (&[u8], &[i16])| -> i32 {
        let product = |(byte, limb): (&u8, &i16)| (i32::from(*byte) - 128) * i32::from(*limb);
        row.iter().zip(limb).map(product).fold(0, i32::wrapping_add)
    };
    row.chunks(PART).zip(limb.chunks(PART)).map(part).map(i64::from).sum()
}

fn modulo_p(sum: i64) -> u32 {
    sum.rem_euclid(i64::from(P)) as u32
}

impl Made {
    /// Commits to rows, whatever they are.
    ///
    /// # Panics
    /// When they are not `n` rows of `n`.
    #[must_use]
    pub fn commit(values: Vec<i32>, n: usize) -> Self {
        assert_eq!(values.len(), n * n, "a product has n rows of n");
        let leaf = |(row, values): (usize, &[i32])| row_leaf(row as u32, values);
        let leaves = values.par_chunks_exact(n).enumerate().map(leaf).collect();
        Self { n, values, leaves }
    }

    /// What is published before anyone knows `r`.
    #[must_use]
    pub fn root(&self) -> Bytes32 {
        merkle::root(&self.leaves)
    }

    /// All entries, row after row.
    #[must_use]
    pub fn values(&self) -> &[i32] {
        &self.values
    }

    /// Opens rows; those that do not exist are left out, which the verifier sees.
    #[must_use]
    pub fn open(&self, rows: &[u32]) -> OpenedRows {
        let indices: Vec<usize> = rows.iter().map(|row| *row as usize).collect();
        let row = |row: &usize| self.values.chunks_exact(self.n).nth(*row);
        OpenedRows {
            values: indices.iter().filter_map(row).flatten().copied().collect(),
            path: merkle::proof(&self.leaves, &indices).unwrap_or_default(),
        }
    }
}

/// The vector `r` of a product whose root is published: uniform in `0..p`.
#[must_use]
pub fn vector(draw_seed: &Bytes32, product: &Product, root: &Bytes32) -> Vec<u32> {
    let mut stream = Hasher::new_keyed(draw_seed)
        .update(b"vector")
        .update(&product.seed)
        .update(root)
        .finalize_xof();
    let residue = |_at| loop {
        let mut bytes = [0; 4];
        stream.fill(&mut bytes);
        // 31 bits; the one value that is no residue is drawn again.
        let drawn = u32::from_le_bytes(bytes) & P;
        if drawn != P {
            break drawn;
        }
    };
    (0..product.n).map(residue).collect()
}

/// Checks opened `rows` (ascending) against the image `z` of `r`: see [`Product::image`].
///
/// # Errors
/// [`Wrong`], the first thing that is.
pub fn check_rows(
    root: &Bytes32,
    rows: &[u32],
    (r, z): (&[u32], &[u32]),
    opened: &OpenedRows,
) -> Result<(), Wrong> {
    let n = r.len();
    if opened.values.len() != rows.len() * n {
        return Err(Wrong::Count { shown: opened.values.len(), drawn: rows.len() * n });
    }
    let shown = || rows.iter().zip(opened.values.chunks_exact(n));
    let leaves: Vec<(usize, Bytes32)> =
        shown().map(|(row, values)| (*row as usize, row_leaf(*row, values))).collect();
    if merkle::root_of(&leaves, n, &opened.path) != Some(*root) {
        return Err(Wrong::NotCommitted);
    }
    for (row, values) in shown() {
        if values.iter().any(|value| ENTRY_MAX.unsigned_abs() < value.unsigned_abs()) {
            return Err(Wrong::OutOfRange { row: *row });
        }
        // A product is below 2^55, so a sum of 2^14 needs more than 64 bits: reduced one by one.
        let image = values
            .iter()
            .zip(r)
            .fold(0, |sum: i64, (value, r)| sum + i64::from(*value) * i64::from(*r) % i64::from(P));
        if z.get(*row as usize) != Some(&modulo_p(image)) {
            return Err(Wrong::NotTheProduct { row: *row });
        }
    }
    Ok(())
}

fn row_leaf(row: u32, values: &[i32]) -> Bytes32 {
    let mut hasher = Hasher::new_keyed(b"tenor merkle: row of product  v1");
    hasher.update(&row.to_le_bytes());
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    *hasher.update(&bytes).finalize().as_bytes()
}
