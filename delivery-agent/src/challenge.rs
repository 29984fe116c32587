//! What a provider is asked to compute, and which rows it is asked to show afterwards.
//!
//! Invariants:
//! - the rows are drawn from a seed published after the work root, so nobody knows them while
//!   computing;
//! - every slot may be drawn from, so no GPU of an obligation can be left out.

use std::collections::BTreeSet;

use blake3::{Hasher, OutputReader};

use crate::expand::{Bytes32, pool_seed};
use crate::profile::ClassProfile;
use crate::wire::{OPENINGS_MAX, openings_len_max};

/// Bounds the leaf hashes a worker keeps for one challenge: 1 GiB.
pub const LEAVES_MAX: u64 = 1 << 25;
/// Slots that a draw picks at most: bounds what is opened and what it costs to verify.
pub const SLOTS_DRAWN_MAX: u16 = 8;

/// One challenge: segments of exact work on every slot of an obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    seed: Bytes32,
    pool_seed: Bytes32,
    profile: ClassProfile,
    slots: u16,
    segments: u16,
}

/// One segment of the chain of one slot.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
pub struct SegmentId {
    /// Which GPU of the obligation.
    pub slot: u16,
    /// Which segment of its chain.
    pub segment: u16,
}

/// Why a challenge cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Nothing to compute.
    #[error("challenge of {slots} slots and {segments} segments asks for no work")]
    Empty {
        /// Slots asked for.
        slots: u16,
        /// Segments asked for.
        segments: u16,
    },
    /// More than a worker keeps.
    #[error("challenge has {leaves} leaves, limit {LEAVES_MAX}")]
    TooLarge {
        /// Rows over all segments.
        leaves: u64,
    },
    /// What is drawn of it would not fit the message that opens it.
    #[error(
        "openings of {slots} slots and {segments} segments take {len} bytes, limit {OPENINGS_MAX}"
    )]
    TooWide {
        /// Slots asked for.
        slots: u16,
        /// Segments asked for.
        segments: u16,
        /// Bytes they may take.
        len: usize,
    },
}

/// Rows to open in one segment of one slot, ascending.
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Draw {
    /// Which segment.
    pub id: SegmentId,
    /// Which rows of it.
    pub rows: Vec<u32>,
}

impl Challenge {
    /// The first challenge of a session: `slots` GPUs each run a chain of `segments`.
    ///
    /// # Errors
    /// [`ChallengeError`] when it asks for nothing or for too much.
    pub fn new(
        seed: Bytes32,
        profile: ClassProfile,
        slots: u16,
        segments: u16,
    ) -> Result<Self, ChallengeError> {
        if slots == 0 || segments == 0 {
            return Err(ChallengeError::Empty { slots, segments });
        }
        let leaves = u64::from(slots) * u64::from(segments) * u64::from(profile.shape().rows);
        if LEAVES_MAX < leaves {
            return Err(ChallengeError::TooLarge { leaves });
        }
        let len = openings_len_max(profile.shape(), slots, segments);
        if OPENINGS_MAX < len {
            return Err(ChallengeError::TooWide { slots, segments, len });
        }
        Ok(Self { seed, pool_seed: pool_seed(&seed), profile, slots, segments })
    }

    /// A later challenge of the session that began with `session_seed`: the pool is still resident.
    #[must_use]
    pub fn in_session(self, session_seed: &Bytes32) -> Self {
        Self { pool_seed: pool_seed(session_seed), ..self }
    }

    /// The same over a pool that is known by its own seed.
    #[must_use]
    pub const fn over_pool(self, pool_seed: Bytes32) -> Self {
        Self { pool_seed, ..self }
    }

    /// The seed of everything but the pool.
    #[must_use]
    pub const fn seed(&self) -> &Bytes32 {
        &self.seed
    }

    /// The seed of the pool.
    #[must_use]
    pub const fn pool_seed(&self) -> &Bytes32 {
        &self.pool_seed
    }

    /// What a segment computes.
    #[must_use]
    pub const fn profile(&self) -> &ClassProfile {
        &self.profile
    }

    /// GPUs, each with its own chain of segments.
    #[must_use]
    pub const fn slots(&self) -> u16 {
        self.slots
    }

    /// Length of each chain.
    #[must_use]
    pub const fn segments(&self) -> u16 {
        self.segments
    }

    /// Segments of all slots together.
    #[must_use]
    pub fn segments_in_all(&self) -> u32 {
        u32::from(self.slots) * u32::from(self.segments)
    }

    /// The same work over the same pool, asked for under another seed.
    #[must_use]
    pub const fn with_seed(self, seed: Bytes32) -> Self {
        Self { seed, ..self }
    }

    /// Floating-point operations of the whole challenge.
    #[must_use]
    pub fn flop(&self) -> u64 {
        self.profile
            .flop_per_segment()
            .saturating_mul(u64::from(self.slots) * u64::from(self.segments))
    }
}

/// Draws the rows to open: some slots, in each some segments, in every such segment some rows.
///
/// Order: by slot, segment, row. Uniform and without repetition.
#[must_use]
pub fn draw(draw_seed: &Bytes32, challenge: &Challenge, work_root: &Bytes32) -> Vec<Draw> {
    let shape = challenge.profile.shape();
    let mut stream = Hasher::new_keyed(draw_seed)
        .update(b"draw")
        .update(challenge.seed())
        .update(work_root)
        .finalize_xof();
    let mut draws = Vec::new();
    let slots = u32::from(challenge.slots);
    for slot in distinct(&mut stream, slots, SLOTS_DRAWN_MAX.into()) {
        let segments = u32::from(challenge.segments);
        for segment in distinct(&mut stream, segments, shape.open_segments) {
            let rows = distinct(&mut stream, shape.rows, shape.open_rows).into_iter().collect();
            let [slot, segment] =
                [slot, segment].map(|drawn| u16::try_from(drawn).unwrap_or(u16::MAX));
            draws.push(Draw { id: SegmentId { slot, segment }, rows });
        }
    }
    draws
}

/// `wanted` different numbers below `below`, or all of them when there are fewer.
fn distinct(stream: &mut OutputReader, below: u32, wanted: u32) -> BTreeSet<u32> {
    let mut drawn = BTreeSet::new();
    while (drawn.len() as u64) < u64::from(wanted.min(below)) {
        drawn.insert(uniform(stream, below));
    }
    drawn
}

/// A number below `below`; values that would favour the small ones are thrown away.
fn uniform(stream: &mut OutputReader, below: u32) -> u32 {
    let fair = u32::MAX - u32::MAX % below;
    loop {
        let mut bytes = [0; 4];
        stream.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < fair {
            return number % below;
        }
    }
}
