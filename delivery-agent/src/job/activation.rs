//! What is kept of a tolerant job's activations, and how two runs of it are compared. Advice only.
//!
//! Of every 32 rows of the hidden value the 128 greatest magnitudes are kept, each with its place, as
//! the upper half of its bits. Another device gives nearly the same; another model or a coarser kind of
//! number does not.
//!
//! Invariants:
//! - what is kept does not depend on the order in which equal magnitudes are found;
//! - no comparison moves money: see [`Advice`].

use candle_core::{DType, Tensor};

/// Rows that are judged together.
pub const CHUNK_ROWS: usize = 32;
/// Magnitudes kept of a chunk; the places of a smaller chunk are filled with [`NOWHERE`].
pub const KEPT: usize = 128;
/// The place of no activation.
pub const NOWHERE: u32 = u32::MAX;
/// Most kept activations whose exponents differ or that the other run has not kept, of a chunk.
pub const EXPONENT_MISMATCHES_MAX: usize = 38;
/// Largest mean difference of mantissas of equal exponent, in 128ths.
pub const MANTISSA_MEAN_MAX: f64 = 10.0;
/// Largest median difference of mantissas of equal exponent, in 128ths.
pub const MANTISSA_MEDIAN_MAX: f64 = 8.0;
/// Chunks that must be off before a run is.
pub const CHUNKS_OFF_MIN: usize = 2;

/// One kept activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Row and column in the chunk as one number.
    pub index: u32,
    /// As bf16.
    pub value: u16,
}

/// What is kept of a run, chunk after chunk, [`KEPT`] of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activations {
    kept: Vec<Kept>,
}

/// How far apart two runs are in one chunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Activations that only one run has kept, or with another exponent or sign.
    pub exponent_mismatches: usize,
    /// Of the others, the mean difference of mantissas, in 128ths.
    pub mantissa_mean: f64,
    /// Their median.
    pub mantissa_median: f64,
}

/// What a comparison says. It may lead to a second look; nothing is paid or taken by it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Within the thresholds.
    Alike,
    /// In so many chunks at least two of three thresholds are passed.
    Unlike {
        /// How many.
        chunks: usize,
    },
    /// Not as many chunks in one as in the other.
    NotComparable,
}

impl Distance {
    /// Whether at least two of the three thresholds are passed.
    #[must_use]
    pub fn is_off(&self) -> bool {
        let passed = [
            EXPONENT_MISMATCHES_MAX < self.exponent_mismatches,
            MANTISSA_MEAN_MAX < self.mantissa_mean,
            MANTISSA_MEDIAN_MAX < self.mantissa_median,
        ];
        2 <= passed.into_iter().filter(|is_passed| *is_passed).count()
    }
}

impl Activations {
    /// Adds what a later step kept.
    pub fn extend(&mut self, later: &Self) {
        self.kept.extend_from_slice(&later.kept);
    }

    /// Chunk after chunk.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &[Kept]> {
        self.kept.chunks(KEPT)
    }

    /// Chunks and kept of each.
    pub(super) fn shape(&self) -> Vec<usize> {
        vec![self.kept.len() / KEPT, KEPT]
    }

    pub(super) fn to_bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let index = self.kept.iter().flat_map(|kept| kept.index.to_le_bytes()).collect();
        (index, self.kept.iter().flat_map(|kept| kept.value.to_le_bytes()).collect())
    }

    pub(super) fn from_bytes(index: &[u8], value: &[u8]) -> Option<Self> {
        let (index, value) = (index.as_chunks().0, value.as_chunks().0);
        let kept = |(index, value): (&[u8; 4], &[u8; 2])| Kept {
            index: u32::from_le_bytes(*index),
            value: u16::from_le_bytes(*value),
        };
        let is_whole = index.len() == value.len() && index.len().is_multiple_of(KEPT);
        is_whole.then(|| Self { kept: index.iter().zip(value).map(kept).collect() })
    }
}

/// What is kept of one hidden value.
///
/// # Errors
/// The device's.
pub fn of(hidden: &Tensor) -> candle_core::Result<Activations> {
    let rows = hidden.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let mut kept = Vec::with_capacity(rows.len().div_ceil(CHUNK_ROWS) * KEPT);
    for chunk in rows.chunks(CHUNK_ROWS) {
        kept.extend(greatest(chunk.iter().flatten().copied()));
    }
    Ok(Activations { kept })
}

/// Compares a run with the one that is trusted.
#[must_use]
pub fn compare(trusted: &Activations, claimed: &Activations) -> Advice {
    if trusted.kept.len() != claimed.kept.len() {
        return Advice::NotComparable;
    }
    let pairs = trusted.chunks().zip(claimed.chunks());
    let chunks = pairs.filter(|(trusted, claimed)| distance(trusted, claimed).is_off()).count();
    if chunks < CHUNKS_OFF_MIN { Advice::Alike } else { Advice::Unlike { chunks } }
}

/// How far apart two runs are in one chunk.
#[must_use]
pub fn distance(trusted: &[Kept], claimed: &[Kept]) -> Distance {
    let is_there = |kept: &&Kept| kept.index != NOWHERE;
    let (mut exponent_mismatches, mut differences) = (0, Vec::new());
    for kept in trusted.iter().filter(is_there) {
        match claimed.iter().find(|other| other.index == kept.index) {
            Some(other) if other.value >> 7 == kept.value >> 7 => {
                differences.push((kept.value & 0x7f).abs_diff(other.value & 0x7f));
            }
            Some(_) | None => exponent_mismatches += 1,
        }
    }
    differences.sort_unstable();
    let sum: f64 = differences.iter().map(|difference| f64::from(*difference)).sum();
    let median = differences.get(differences.len() / 2).map_or(0.0, |middle| f64::from(*middle));
    let mean = if differences.is_empty() { 0.0 } else { sum / differences.len() as f64 };
    Distance { exponent_mismatches, mantissa_mean: mean, mantissa_median: median }
}

/// The greatest magnitudes, by place. Of equal ones those that stand first.
fn greatest(values: impl Iterator<Item = f32>) -> Vec<Kept> {
    let halved = |value: f32| (value.to_bits() >> 16) as u16;
    let all = (0..NOWHERE).zip(values).map(|(index, value)| Kept { index, value: halved(value) });
    let mut all: Vec<Kept> = all.collect();
    let least_first = |kept: &Kept| (std::cmp::Reverse(kept.value & 0x7fff), kept.index);
    if KEPT < all.len() {
        all.select_nth_unstable_by_key(KEPT, least_first);
        all.truncate(KEPT);
    }
    all.sort_unstable_by_key(|kept| kept.index);
    all.resize(KEPT, Kept { index: NOWHERE, value: 0 });
    all
}
