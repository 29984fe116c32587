//! The segment program on a candle device, and the work a provider commits to.
//!
//! ```text
//! seed_g -> X_0 -> R(X_0 (P_a - 128)) -> ... -> X_s -> leaf per row -> root_g -> seed_(g+1)
//! ```
//!
//! Invariants:
//! - every value on the device is an integer times a power of two that f32 holds exactly, so CPU,
//!   FP32 and TF32 give the same bits in any order of summation;
//! - candle's random generator is never used;
//! - rows do not depend on each other inside a segment, so a few of them can be redone alone.

use std::collections::BTreeSet;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::challenge::{Challenge, Draw, SegmentId};
use crate::device::Path;
use crate::expand::{Bytes32, Layer, first_rows, layer_order, pool_matrix, segment_seed};
use crate::fault::Fault;
use crate::merkle;
use crate::profile::{ClassProfile, Renorm, Shape};
use crate::salt::{Asker, Interrupted, KnownSalts, NO_SECRET};

/// Why there is no work. A provider may try again; nothing has been claimed yet.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The device failed.
    #[error("device failed: {0}")]
    Device(#[from] candle_core::Error),
    /// Nobody waits for the work any more.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A session's pool, or the first part of it, resident on a device.
///
/// Of the same seed and dimension the smaller pool is the beginning of the larger, whatever profile
/// it is for.
#[derive(Debug)]
pub struct Pool {
    seed: Bytes32,
    inner: u32,
    matrices: Vec<Tensor>,
}

/// The program of a profile over a resident pool.
#[derive(Debug)]
pub struct SegmentProgram {
    profile: ClassProfile,
    pool: Vec<Tensor>,
    device: Device,
    path: Path,
}

/// A finished challenge: its roots, and the leaves that paths are made from.
///
/// Rows themselves are not kept: a verifier computes them anyway and needs only their paths.
#[derive(Debug, Clone)]
pub struct Work {
    /// Slot by slot, segment by segment.
    chains: Vec<Vec<Segment>>,
}

#[derive(Debug, Clone)]
struct Segment {
    root: Bytes32,
    leaves: Vec<Bytes32>,
}

/// What a provider shows after the draw. Which segments and rows it is about follows from the draw;
/// the rows themselves are not sent: see [`Work`].
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Openings {
    /// The roots of [`shown`]: of every drawn segment and of the one before it.
    pub roots: Vec<Bytes32>,
    /// What leads from them together to the work root.
    pub path: Vec<Bytes32>,
    /// For each drawn segment, what leads from its drawn rows together to its root.
    pub rows: Vec<Vec<Bytes32>>,
}

/// Runs a challenge by itself, without secret salts.
///
/// # Errors
/// [`ProgramError::Device`].
pub fn run(challenge: &Challenge, device: &Device) -> Result<Work, ProgramError> {
    let program = SegmentProgram::load(challenge.pool_seed(), challenge.profile(), device)?;
    program.run(challenge, &mut KnownSalts(NO_SECRET), Fault::None)
}

/// Runs a challenge whose rows come from `rows`, which is given each segment and its seed.
///
/// # Errors
/// Those of `rows`, and [`ProgramError::Interrupted`].
pub fn run_by(
    challenge: &Challenge,
    asker: &mut dyn Asker,
    mut rows: impl FnMut(SegmentId, &Bytes32) -> Result<Vec<i16>, ProgramError>,
) -> Result<Work, ProgramError> {
    let mut chains: Vec<Vec<Segment>> = vec![Vec::new(); challenge.slots().into()];
    for segment in 0..challenge.segments() {
        for (slot, chain) in (0..).zip(&mut chains) {
            let id = SegmentId { slot, segment };
            let previous_root = chain.last().map_or_else(Bytes32::default, |before| before.root);
            let salt = asker.salt(id)?;
            let seed = segment_seed(challenge.seed(), id, &previous_root, &salt);
            let done = Segment::commit(segment, &rows(id, &seed)?, challenge.profile());
            asker.finished(id, &done.root)?;
            chain.push(done);
        }
    }
    Ok(Work { chains })
}

impl Pool {
    /// Nothing of a profile's pool.
    #[must_use]
    pub const fn empty(pool_seed: &Bytes32, profile: &ClassProfile) -> Self {
        Self { seed: *pool_seed, inner: profile.shape().inner, matrices: Vec::new() }
    }

    /// Whether it is a part of a profile's pool, or has one.
    #[must_use]
    pub fn is(&self, pool_seed: &Bytes32, profile: &ClassProfile) -> bool {
        self.seed == *pool_seed && self.inner == profile.shape().inner
    }

    /// Expands what is missing of a profile's pool and moves it to the device, as bytes.
    ///
    /// # Errors
    /// [`ProgramError::Device`].
    pub fn extend_for(
        &mut self,
        profile: &ClassProfile,
        device: &Device,
    ) -> Result<(), ProgramError> {
        let inner = self.inner as usize;
        for matrix in self.matrices.len()..profile.shape().pool as usize {
            let mut bytes = vec![0; inner * inner];
            fill_on_all_cores(&self.seed, matrix as u32, &mut bytes);
            self.matrices.push(Tensor::from_vec(bytes, (inner, inner), device)?);
        }
        Ok(())
    }

    /// Keeps the first matrices only.
    pub fn truncate(&mut self, matrices: usize) {
        self.matrices.truncate(matrices);
    }

    /// Bytes that are resident.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let inner = u64::from(self.inner);
        self.matrices.len() as u64 * inner * inner
    }
}

impl SegmentProgram {
    /// Loads a pool and the program over it.
    ///
    /// # Errors
    /// [`ProgramError::Device`].
    pub fn load(
        pool_seed: &Bytes32,
        profile: &ClassProfile,
        device: &Device,
    ) -> Result<Self, ProgramError> {
        let mut pool = Pool::empty(pool_seed, profile);
        pool.extend_for(profile, device)?;
        Ok(Self::over(&pool, profile))
    }

    /// The program over a pool that is resident already.
    ///
    /// # Panics
    /// When it is another pool, or less of it than the profile needs.
    #[must_use]
    pub fn over(pool: &Pool, profile: &ClassProfile) -> Self {
        let matrices = pool.matrices.get(..profile.shape().pool as usize);
        let pool = matrices.filter(|_| pool.inner == profile.shape().inner);
        let pool = pool.expect("the pool must be extended for the profile first").to_vec();
        let device = pool[0].device().clone();
        Self { profile: *profile, pool, device, path: Path::default() }
    }

    /// The same program by another path: the same bits at another rate.
    #[must_use]
    pub fn by(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// Runs a challenge over this pool, as honestly as `fault` allows.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn run(
        &self,
        challenge: &Challenge,
        asker: &mut dyn Asker,
        fault: Fault,
    ) -> Result<Work, ProgramError> {
        let asked = fault.challenge(challenge);
        run_by(&asked, asker, |_id, seed| self.all_rows(seed, fault))
    }

    /// The finished rows named in `rows`, one after the other; all of them is just one choice.
    ///
    /// # Errors
    /// [`ProgramError`] when the device fails.
    pub fn finished_rows(
        &self,
        segment_seed: &Bytes32,
        rows: &[u32],
    ) -> Result<Vec<i16>, ProgramError> {
        let Shape { inner, renorm, .. } = *self.profile.shape();
        let first = first_rows(segment_seed, rows, &self.profile);
        let first: Vec<f32> = first.into_par_iter().map(f32::from).collect();
        let mut x = Tensor::from_vec(first, (rows.len(), inner as usize), &self.device)?;
        for layer in layer_order(segment_seed, self.profile.shape()) {
            let weights = self.scaled_weights(layer, renorm)?;
            x = renormalise(&self.path.product(&x, &weights)?, renorm)?;
        }
        let finished = x.flatten_all()?.to_vec1::<f32>()?;
        Ok(finished.into_par_iter().map(|value| value as i16).collect())
    }

    /// Every row of a segment, computed as honestly as `fault` allows.
    fn all_rows(&self, segment_seed: &Bytes32, fault: Fault) -> Result<Vec<i16>, ProgramError> {
        let rows: Vec<u32> = (0..self.profile.shape().rows).collect();
        let mut values = match fault {
            Fault::Lie => first_rows(segment_seed, &rows, &self.profile),
            Fault::None | Fault::Silent | Fault::SkipRows(_) | Fault::Replay => {
                self.finished_rows(segment_seed, &rows)?
            }
        };
        fault.leave_undone(segment_seed, &rows, &self.profile, &mut values);
        Ok(values)
    }

    /// The centred weights, scaled so that the product comes out already shifted.
    ///
    /// A power of two moves only the exponent: sums stay exact, and a pass over them is saved.
    fn scaled_weights(&self, layer: Layer, renorm: Renorm) -> candle_core::Result<Tensor> {
        let scale = 1.0 / f64::from(1_u32 << renorm.shift);
        let matrix = |matrix: u32| self.pool[matrix as usize].to_dtype(self.path.operand());
        match layer {
            Layer::Byte(of) => matrix(of)?.affine(scale, -128.0 * scale),
            Layer::Difference(plus, minus) => {
                matrix(plus)?.sub(&matrix(minus)?)?.affine(scale, 0.0)
            }
        }
    }
}

/// A pool matrix from its stream, which can be read at any place.
fn fill_on_all_cores(pool_seed: &Bytes32, matrix: u32, bytes: &mut [u8]) {
    const PART: usize = 1 << 20;
    bytes.par_chunks_mut(PART).enumerate().for_each(|(part, bytes)| {
        let mut stream = pool_matrix(pool_seed, matrix);
        stream.set_position((part * PART) as u64);
        stream.fill(bytes);
    });
}

/// [`Renorm::apply`] on a whole matrix of sums that are already scaled by the shift.
fn renormalise(scaled: &Tensor, renorm: Renorm) -> candle_core::Result<Tensor> {
    let span = f64::from(1_u32 << renorm.bits);
    let shifted = scaled.floor()?;
    let wrapped = shifted.affine(1.0 / span, 0.0)?.floor()?.affine(span, span / 2.0)?;
    shifted.sub(&wrapped)
}

impl Segment {
    fn commit(segment: u16, rows: &[i16], profile: &ClassProfile) -> Self {
        let leaves: Vec<Bytes32> = rows
            .par_chunks_exact(profile.shape().inner as usize)
            .enumerate()
            .map(|(row, values)| merkle::row_leaf(segment, row as u32, values))
            .collect();
        Self { root: merkle::root(&leaves), leaves }
    }
}

impl Work {
    /// What the provider commits to: the root over all segments of all slots.
    #[must_use]
    pub fn root(&self) -> Bytes32 {
        merkle::root(&self.segment_leaves())
    }

    /// The root of every segment, slot by slot.
    #[must_use]
    pub fn roots(&self) -> Vec<Vec<Bytes32>> {
        let chain_roots = |chain: &Vec<Segment>| chain.iter().map(|done| done.root).collect();
        self.chains.iter().map(chain_roots).collect()
    }

    /// Leaf hashes that are kept.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.chains.iter().flatten().map(|done| done.leaves.len() as u64).sum()
    }

    /// Shows the drawn rows. A draw of something that is not in this work shows nothing, which the
    /// verifier sees.
    #[must_use]
    pub fn open(&self, draws: &[Draw]) -> Openings {
        let shown = shown(draws);
        let roots = shown.iter().filter_map(|id| self.segment(*id)).map(|done| done.root);
        let places: Vec<usize> = shown.iter().map(|id| self.place(*id)).collect();
        let rows = draws.iter().map(|draw| {
            let indices: Vec<usize> = draw.rows.iter().map(|row| *row as usize).collect();
            let done = self.segment(draw.id);
            done.and_then(|done| merkle::proof(&done.leaves, &indices)).unwrap_or_default()
        });
        Openings {
            roots: roots.collect(),
            path: merkle::proof(&self.segment_leaves(), &places).unwrap_or_default(),
            rows: rows.collect(),
        }
    }

    fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.chains.get(usize::from(id.slot))?.get(usize::from(id.segment))
    }

    fn place(&self, id: SegmentId) -> usize {
        let segments = self.chains.first().map_or(0, Vec::len);
        place_of(id, segments)
    }

    fn segment_leaves(&self) -> Vec<Bytes32> {
        let leaves = (0..).zip(&self.chains).flat_map(|(slot, chain)| {
            (0..).zip(chain).map(move |(segment, done)| {
                merkle::segment_leaf(SegmentId { slot, segment }, &done.root)
            })
        });
        leaves.collect()
    }
}

/// The segments whose roots are shown: the drawn ones, and those that their seeds depend on.
#[must_use]
pub fn shown(draws: &[Draw]) -> Vec<SegmentId> {
    let with_before = |draw: &Draw| {
        let before = draw.id.segment.checked_sub(1);
        let before = before.map(|segment| SegmentId { segment, ..draw.id });
        before.into_iter().chain([draw.id])
    };
    let shown: BTreeSet<SegmentId> = draws.iter().flat_map(with_before).collect();
    shown.into_iter().collect()
}

/// Where a segment's root stands among those of a challenge with `segments` in each chain.
pub(crate) fn place_of(id: SegmentId, segments: usize) -> usize {
    usize::from(id.slot) * segments + usize::from(id.segment)
}
