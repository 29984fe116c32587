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

use candle_core::{Device, Tensor};

use crate::challenge::{Challenge, Draw};
use crate::device::Path;
use crate::expand::{Bytes32, first_rows, layer_order, pool_matrix, segment_seed};
use crate::fault::Fault;
use crate::merkle;
use crate::profile::{ClassProfile, Renorm, Shape};

/// The device failed. A provider may try again; nothing has been claimed yet.
#[derive(Debug, thiserror::Error)]
#[error("device failed: {0}")]
pub struct ProgramError(#[from] candle_core::Error);

/// A challenge's pool, resident on a device, and the program over it.
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

/// What a provider shows after the draw.
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Openings {
    /// The root of every segment of every slot: each seed depends on the root before it.
    pub roots: Vec<Vec<Bytes32>>,
    /// The drawn rows, in the order of the draw.
    pub rows: Vec<OpenedRow>,
}

/// The way of one row to its segment's root. The row itself is not sent: see [`Work`].
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct OpenedRow {
    /// Which GPU of the obligation.
    pub slot: u16,
    /// Which segment of its chain.
    pub segment: u16,
    /// Which row of it.
    pub row: u32,
    /// Siblings from the row's leaf up to the segment's root.
    pub path: Vec<Bytes32>,
}

/// Runs a challenge.
///
/// # Errors
/// [`ProgramError`] when the device fails.
pub fn run(challenge: &Challenge, device: &Device) -> Result<Work, ProgramError> {
    run_with_fault(challenge, device, Fault::None)
}

/// Runs a challenge the way a provider with `fault` would.
///
/// # Errors
/// [`ProgramError`] when the device fails.
pub fn run_with_fault(
    challenge: &Challenge,
    device: &Device,
    fault: Fault,
) -> Result<Work, ProgramError> {
    run_by(Path::default(), challenge, device, fault)
}

/// As [`run_with_fault`], by a path.
///
/// # Errors
/// [`ProgramError`] when the device fails.
pub fn run_by(
    path: Path,
    challenge: &Challenge,
    device: &Device,
    fault: Fault,
) -> Result<Work, ProgramError> {
    let asked = fault.challenge(challenge);
    let program = SegmentProgram::load(asked.seed(), asked.profile(), device)?.by(path);
    let mut chains = Vec::with_capacity(asked.slots().into());
    for slot in 0..asked.slots() {
        let (mut chain, mut previous_root) = (Vec::new(), Bytes32::default());
        for segment in 0..asked.segments() {
            let seed = segment_seed(asked.seed(), slot, segment, &previous_root);
            let rows = program.all_rows(&seed, fault)?;
            let done = Segment::commit(segment, &rows, asked.profile());
            previous_root = done.root;
            chain.push(done);
        }
        chains.push(chain);
    }
    Ok(Work { chains })
}

impl SegmentProgram {
    /// Expands the pool and moves it to the device, as bytes.
    ///
    /// # Errors
    /// [`ProgramError`] when the device fails.
    pub fn load(
        seed: &Bytes32,
        profile: &ClassProfile,
        device: &Device,
    ) -> Result<Self, ProgramError> {
        let inner = profile.shape().inner as usize;
        let mut pool = Vec::new();
        for matrix in 0..profile.shape().pool {
            let mut bytes = vec![0; inner * inner];
            pool_matrix(seed, matrix).fill(&mut bytes);
            pool.push(Tensor::from_vec(bytes, (inner, inner), device)?);
        }
        Ok(Self { profile: *profile, pool, device: device.clone(), path: Path::default() })
    }

    /// The same program by another path: the same bits at another rate.
    #[must_use]
    pub fn by(self, path: Path) -> Self {
        Self { path, ..self }
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
        let first: Vec<f32> = first.into_iter().map(f32::from).collect();
        let mut x = Tensor::from_vec(first, (rows.len(), inner as usize), &self.device)?;
        for matrix in layer_order(segment_seed, self.profile.shape()) {
            let weights = scaled_weights(&self.pool[matrix as usize], renorm, self.path)?;
            x = renormalise(&self.path.product(&x, &weights)?, renorm)?;
        }
        let finished = x.flatten_all()?.to_vec1::<f32>()?;
        Ok(finished.into_iter().map(|value| value as i16).collect())
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
}

/// The centred matrix, scaled so that the product comes out already shifted.
///
/// A power of two moves only the exponent: sums stay exact, and a pass over them is saved.
fn scaled_weights(bytes: &Tensor, renorm: Renorm, path: Path) -> candle_core::Result<Tensor> {
    let scale = 1.0 / f64::from(1_u32 << renorm.shift);
    bytes.to_dtype(path.operand())?.affine(scale, -128.0 * scale)
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
        let leaves: Vec<Bytes32> = (0..)
            .zip(rows.chunks_exact(profile.shape().inner as usize))
            .map(|(row, values)| merkle::row_leaf(segment, row, values))
            .collect();
        Self { root: merkle::root(&leaves), leaves }
    }
}

impl Work {
    /// What the provider commits to: the root over all segments of all slots.
    #[must_use]
    pub fn root(&self) -> Bytes32 {
        work_root(&self.roots())
    }

    /// The root of every segment, slot by slot.
    #[must_use]
    pub fn roots(&self) -> Vec<Vec<Bytes32>> {
        let chain_roots = |chain: &Vec<Segment>| chain.iter().map(|done| done.root).collect();
        self.chains.iter().map(chain_roots).collect()
    }

    /// Shows the drawn rows. A draw of something that is not in this work is left out, which the
    /// verifier sees as a missing row.
    #[must_use]
    pub fn open(&self, draws: &[Draw]) -> Openings {
        let rows = draws.iter().flat_map(|draw| self.open_segment(draw)).collect();
        Openings { roots: self.roots(), rows }
    }

    fn open_segment(&self, draw: &Draw) -> Vec<OpenedRow> {
        let (slot, segment) = (draw.slot, draw.segment);
        let chain = self.chains.get(usize::from(slot));
        let Some(done) = chain.and_then(|chain| chain.get(usize::from(segment))) else {
            return Vec::new();
        };
        let opened = |row: &u32| {
            let path = merkle::path(&done.leaves, *row as usize)?;
            Some(OpenedRow { slot, segment, row: *row, path })
        };
        draw.rows.iter().filter_map(opened).collect()
    }
}

/// The root over all segment roots.
///
/// # Panics
/// When there is no root at all; a [`Challenge`] always asks for one.
#[must_use]
pub fn work_root(roots: &[Vec<Bytes32>]) -> Bytes32 {
    let mut leaves = Vec::new();
    for (slot, chain) in (0..).zip(roots) {
        leaves.extend((0..).zip(chain).map(|(n, root)| merkle::segment_leaf(slot, n, root)));
    }
    merkle::root(&leaves)
}

/// The root that the seed of `segment` depends on: zero before the first.
pub(crate) fn previous_root(chain: impl Iterator<Item = Bytes32>, segment: usize) -> Bytes32 {
    let before = segment.checked_sub(1).and_then(|before| chain.into_iter().nth(before));
    before.unwrap_or_default()
}
