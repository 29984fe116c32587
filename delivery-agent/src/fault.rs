//! Providers that do not deliver, for tests, the simulator and the demo.
//!
//! Each commits to what it has, consistently: its Merkle trees hold, its receipts are signed. Only
//! the verifier's own computation can tell.

use std::num::NonZeroU32;
use std::str::FromStr;

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

/// When a provider's agent has which fault, by its challenges as they come, counted from one.
///
/// As text `lie:3`: from the third challenge on; or `lie-once:3`: in the third only. Likewise with
/// `silent` and `replay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultPlan {
    fault: Fault,
    first: u32,
    last: u32,
}

/// Not a fault and the number of a challenge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault `{text}` is not lie, silent or replay, then -once or nothing, then a colon and a number from 1"
)]
pub struct UnknownFault {
    text: String,
}

impl FaultPlan {
    /// The honest provider.
    pub const HONEST: Self = Self { fault: Fault::None, first: 0, last: 0 };

    /// Whether every challenge is answered as it should be.
    #[must_use]
    pub fn is_honest(self) -> bool {
        self.fault == Fault::None
    }

    /// What happens in the challenge of that number.
    #[must_use]
    pub fn of_challenge(self, number: u32) -> Fault {
        if (self.first..=self.last).contains(&number) { self.fault } else { Fault::None }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once(':')?;
        let first = number.parse::<NonZeroU32>().ok()?.get();
        let (kind, last) = match kind.strip_suffix("-once") {
            Some(kind) => (kind, first),
            None => (kind, u32::MAX),
        };
        let fault = match kind {
            "lie" => Fault::Lie,
            "silent" => Fault::Silent,
            "replay" => Fault::Replay,
            _ => return None,
        };
        Some(Self { fault, first, last })
    }
}

impl FromStr for FaultPlan {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::parse(text).ok_or_else(|| UnknownFault { text: text.to_owned() })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_fault_and_the_challenges_that_have_it() {
        let faults = |text: &str| {
            let plan: FaultPlan = text.parse().unwrap();
            [1, 2, 3, u32::MAX].map(|number| plan.of_challenge(number))
        };
        let (none, lie, silent) = (Fault::None, Fault::Lie, Fault::Silent);
        assert_eq!(faults("lie:2"), [none, lie, lie, lie]);
        assert_eq!(faults("lie-once:2"), [none, lie, none, none]);
        assert_eq!(faults("silent:1"), [silent; 4]);
        assert_eq!(faults("replay-once:3"), [none, none, Fault::Replay, none]);
        assert_eq!([0, 1, 2].map(|number| FaultPlan::HONEST.of_challenge(number)), [none; 3]);
    }

    #[test]
    fn what_is_not_a_plan_is_named() {
        for text in ["", "lie", "lie:0", "lie:-1", "lie:2x", "steal:1", "lie-twice:1", "none:1"] {
            let unknown = text.parse::<FaultPlan>().unwrap_err();
            assert!(unknown.to_string().starts_with(&format!("fault `{text}`")), "{unknown}");
        }
    }
}
