//! Levels that have gone from a book: a client that never clears its book may still have them.
//!
//! Invariants:
//! - at most [`GONE_MAX`] levels of the last [`GONE_FOR`] are remembered, the oldest forgotten first;
//! - `forgotten` is the newest message of which a level may have been forgotten.

use std::collections::{BTreeMap, VecDeque};

use instruments::{Nanos, NanosSpan};

use super::book::Level;

/// Levels of a book that are remembered as gone.
pub(crate) const GONE_MAX: usize = 4_096;
/// How long.
pub(crate) const GONE_FOR: NanosSpan = NanosSpan::from_seconds(600);

/// The levels that went last.
#[derive(Default)]
pub(super) struct Gone {
    /// By which message each has gone.
    levels: BTreeMap<Level, u64>,
    /// The same in the order in which they went; what has come back since is still here.
    order: VecDeque<(u64, Nanos, Level)>,
    forgotten: u64,
}

impl Gone {
    pub(super) fn insert(&mut self, level: Level, seq: u64, at: Nanos) {
        self.levels.insert(level, seq);
        self.order.push_back((seq, at, level));
        self.prune(at);
    }

    pub(super) fn remove(&mut self, level: &Level) {
        self.levels.remove(level);
    }

    pub(super) fn levels(&self) -> impl DoubleEndedIterator<Item = &Level> {
        self.levels.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    /// The newest message of which a level may have been forgotten.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn prune(&mut self, now: Nanos) {
        if GONE_MAX.saturating_mul(2) < self.order.len() {
            self.order.retain(|(seq, _, level)| self.levels.get(level) == Some(seq));
        }
        while let Some((seq, at, level)) = self.order.front().copied() {
            let is_stale = self.levels.get(&level) != Some(&seq);
            let is_kept = now <= at + GONE_FOR && self.levels.len() <= GONE_MAX;
            if !is_stale && is_kept {
                return;
            }
            self.order.pop_front();
            if !is_stale {
                self.levels.remove(&level);
                self.forgotten = self.forgotten.max(seq);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use instruments::{Price, Side};

    use super::*;

    fn level(ticks: i64) -> Level {
        (Side::Buy, Price::from_ticks(ticks))
    }

    /// API-084
    #[test]
    fn api_084_the_levels_that_went_first_are_forgotten_first() {
        let mut gone = Gone::default();
        let at = Nanos::from_seconds(1);
        for ticks in 1..=4_100_i64 {
            gone.insert(level(ticks), u64::try_from(ticks).unwrap(), at);
        }
        assert_eq!((gone.len(), gone.forgotten()), (GONE_MAX, 4));
        assert_eq!(gone.levels().next(), Some(&level(5)));
        // One that comes back is not gone, and its older departure is nobody's.
        gone.remove(&level(5));
        gone.insert(level(5), 5_000, at + NanosSpan::from_seconds(500));
        assert_eq!(gone.len(), GONE_MAX);
        gone.prune(at + NanosSpan::from_seconds(601));
        assert_eq!((gone.len(), gone.forgotten()), (1, 4_100));
        // A level that comes and goes does not push others out.
        for seq in 5_001..20_000 {
            gone.remove(&level(6));
            gone.insert(level(6), seq, at + NanosSpan::from_seconds(601));
        }
        assert_eq!((gone.len(), gone.forgotten()), (2, 4_100));
        assert!(gone.order.len() <= 2 * GONE_MAX + 1);
        gone.prune(at + NanosSpan::from_seconds(1_101));
        assert_eq!((gone.len(), gone.forgotten()), (1, 5_000));
    }
}
