//! Providers that do not deliver, for tests, the simulator and the demo.
//!
//! Each commits to what it has, consistently: its Merkle trees hold, its receipts are signed. Only
//! the verifier's own computation can tell.

use crate::challenge::Challenge;
use crate::expand::{Bytes32, first_row};
use crate::profile::{ClassProfile, Shape};

/// What a provider does instead of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing: the honest provider.
    #[default]
    None,
    /// Commits to rows no product was ever made for.
    Lie,
    /// Does not answer.
    Silent,
    /// Leaves about this many rows in a hundred undone.
    SkipRows(u8),
    /// Answers every challenge with the work of an earlier one.
    Replay,
}

impl Fault {
    /// Whether the provider answers at all.
    #[must_use]
    pub const fn answers(self) -> bool {
        !matches!(self, Self::Silent)
    }

    /// The challenge it runs when asked for `asked`.
    #[must_use]
    pub fn challenge(self, asked: &Challenge) -> Challenge {
        match self {
            Self::Replay => asked.with_seed(*b"the seed of an earlier challenge"),
            Self::None | Self::Lie | Self::Silent | Self::SkipRows(_) => *asked,
        }
    }

    /// Puts back the first rows of those it does not finish.
    pub fn leave_undone(
        self,
        segment_seed: &Bytes32,
        rows: &[u32],
        profile: &ClassProfile,
        values: &mut [i16],
    ) {
        let Shape { inner, renorm, .. } = *profile.shape();
        for (row, out) in rows.iter().zip(values.chunks_exact_mut(inner as usize)) {
            if self.skips(segment_seed, *row) {
                first_row(segment_seed, *row, renorm, out);
            }
        }
    }

    fn skips(self, segment_seed: &Bytes32, row: u32) -> bool {
        match self {
            Self::Lie => true,
            Self::SkipRows(percent) => {
                let hash = blake3::keyed_hash(segment_seed, &row.to_le_bytes());
                hash.as_bytes()[0] % 100 < percent
            }
            Self::None | Self::Silent | Self::Replay => false,
        }
    }
}
