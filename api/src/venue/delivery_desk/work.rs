//! The work that is under way: salts that are given out, and roots that come in, each with the venue's time.
//!
//! ```text
//! challenge with the first d salts -->            roots 0 .. k-1 come
//!                                      <-- salts d .. d+k-1 go out at once
//! ```
//!
//! Invariants:
//! - the salt of a segment is given out when the root `salt_delay` segments before it has come, never sooner;
//! - a root that has come is never another one later, and its time is that of its first coming;
//! - nothing of it outlives the process: what was open then is void.

use instruments::{Nanos, ObligationId};
use thiserror::Error;

/// Works under way at most, each of some kilobytes. No more is demanded while there are as many.
pub(super) const WORKS_MAX: usize = 4_096;
/// Roots of one request.
pub const ROOTS_MAX: usize = 64;
/// Requests of one challenge beyond one for each of its roots: connections end, and what was sent is sent again.
const REPEATS_MAX: u32 = 1_024;

type Bytes32 = [u8; 32];

/// Why roots are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootsError {
    /// No such obligation, or somebody else's.
    #[error("obligation {obligation} is not this account's to deliver")]
    NotTheSeller {
        /// Which.
        obligation: ObligationId,
    },
    /// It is not open, is claimed, or its time has passed.
    #[error("challenge {challenge} of obligation {obligation} does not wait for roots")]
    NotOpen {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        challenge: u32,
    },
    /// There is no such slot.
    #[error("slot {slot}, the challenge has {limit}")]
    NoSuchSlot {
        /// Which.
        slot: u32,
        /// How many there are.
        limit: u16,
    },
    /// No roots, or more than a request may bring.
    #[error("{count} roots, a request brings 1 to {limit}")]
    WrongCount {
        /// How many came.
        count: usize,
        /// How many may.
        limit: usize,
    },
    /// There are not as many segments.
    #[error("roots up to segment {end}, each slot has {limit}")]
    TooMany {
        /// One behind the last segment.
        end: u64,
        /// How many there are.
        limit: u16,
    },
    /// A root before them is missing.
    #[error("roots from segment {first} on, the next of slot {slot} is {limit}")]
    OutOfOrder {
        /// Of which slot.
        slot: u16,
        /// The first of them.
        first: u32,
        /// The next that is awaited.
        limit: usize,
    },
    /// The agent asks over and over.
    #[error("more than {limit} requests for the roots of one challenge")]
    TooOften {
        /// How many there may be.
        limit: u32,
    },
    /// One of them has come before, and was another one.
    #[error("the root of segment {segment} of slot {slot} has come before, and was another")]
    Changed {
        /// Of which slot.
        slot: u16,
        /// Of which segment.
        segment: usize,
    },
}

/// How much work a challenge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Devices that must work at once.
    pub slots: u16,
    /// Segments on each.
    pub segments: u16,
    /// How many segments a salt may be known ahead.
    pub salt_delay: u16,
}

/// Roots to take in.
#[derive(Debug, Clone, Copy)]
pub struct SegmentRoots<'a> {
    /// Of which slot.
    pub slot: u32,
    /// The segment of the first.
    pub first_segment: u32,
    /// Of consecutive segments.
    pub roots: &'a [Bytes32],
}

/// What an agent gets for its roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRoots {
    /// The segment of the first salt.
    pub first_salt: u16,
    /// Salts of consecutive segments.
    pub salts: Vec<Bytes32>,
    /// The venue's time of them.
    pub received_at: Nanos,
}

/// A root and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Root {
    root: Bytes32,
    micros: u64,
}

/// One challenge's work.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) obligation: ObligationId,
    pub(super) shape: Shape,
    salt_key: Bytes32,
    /// When it was demanded of the exchange.
    pub(super) asked_at: Nanos,
    pub(super) issued: Option<Issued>,
    /// When it was sent: from here on its time runs.
    sent_at: Option<Nanos>,
    /// When its receipt was accepted.
    pub(super) claimed_at: Option<Nanos>,
    /// Slot by slot.
    roots: Vec<Vec<Root>>,
    requests: u32,
    /// The verifier's words.
    pub(super) reason: String,
}

/// What the exchange has said of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) challenge: u32,
    /// The first interval of the run of intervals that it speaks for.
    pub(super) session: u32,
    /// Its place on the meter.
    pub(super) issued_at: Nanos,
    pub(super) answer_by: Nanos,
}

/// The salt of one segment, as `delivery-agent/src/salt.rs` has it.
#[must_use]
pub fn salt(salt_key: &Bytes32, slot: u16, segment: u16) -> Bytes32 {
    let mut hasher = blake3::Hasher::new_keyed(salt_key);
    hasher.update(b"salt").update(&slot.to_le_bytes()).update(&segment.to_le_bytes());
    *hasher.finalize().as_bytes()
}

impl Work {
    pub(super) fn new(
        obligation: ObligationId,
        shape: Shape,
        salt_key: Bytes32,
        asked_at: Nanos,
    ) -> Self {
        Self {
            obligation,
            shape,
            salt_key,
            asked_at,
            issued: None,
            sent_at: None,
            claimed_at: None,
            roots: vec![Vec::new(); shape.slots.into()],
            requests: 0,
            reason: String::new(),
        }
    }

    pub(super) fn salt_key(&self) -> Bytes32 {
        self.salt_key
    }

    /// It goes out now, unless it has before.
    pub(super) fn send(&mut self, now: Nanos) {
        self.sent_at.get_or_insert(now);
    }

    /// When it was sent.
    pub(super) fn sent_at(&self) -> Nanos {
        self.sent_at.unwrap_or(self.asked_at)
    }

    /// The salts that go out with the challenge, slot by slot.
    pub(super) fn first_salts(&self) -> Vec<Vec<Bytes32>> {
        let Shape { slots, segments, salt_delay } = self.shape;
        let of_slot =
            |slot| (0..segments.min(salt_delay)).map(|g| salt(&self.salt_key, slot, g)).collect();
        (0..slots).map(of_slot).collect()
    }

    /// Whether the provider's devices are at it: something is still to be computed.
    pub(super) fn is_at_work(&self, now: Nanos) -> bool {
        let segments = usize::from(self.shape.segments);
        let is_open = self.issued.is_none_or(|issued| now < issued.answer_by);
        let is_done = self.roots.iter().all(|slot| slot.len() == segments);
        is_open && self.claimed_at.is_none() && !is_done
    }

    /// Takes in roots of one slot. What has come before is taken again without harm.
    pub(super) fn take(
        &mut self,
        given: SegmentRoots<'_>,
        now: Nanos,
    ) -> Result<TakenRoots, RootsError> {
        let SegmentRoots { slot: number, first_segment, roots } = given;
        let Shape { slots, segments, salt_delay } = self.shape;
        let limit =
            u32::from(slots).saturating_mul(u32::from(segments)).saturating_add(REPEATS_MAX);
        self.requests = self.requests.saturating_add(1);
        if limit < self.requests {
            return Err(RootsError::TooOften { limit });
        }
        let sent_at = self.sent_at();
        let no_such = RootsError::NoSuchSlot { slot: number, limit: slots };
        let slot = u16::try_from(number).map_err(|_wide| no_such.clone())?;
        let taken = self.roots.get_mut(usize::from(slot)).ok_or(no_such)?;
        let count = roots.len();
        if !(1..=ROOTS_MAX).contains(&count) {
            return Err(RootsError::WrongCount { count, limit: ROOTS_MAX });
        }
        let end = u64::from(first_segment).saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if u64::from(segments) < end {
            return Err(RootsError::TooMany { end, limit: segments });
        }
        let first = usize::try_from(first_segment).unwrap_or(usize::MAX);
        let limit = taken.len();
        if limit < first {
            return Err(RootsError::OutOfOrder { slot, first: first_segment, limit });
        }
        let known = taken.iter().skip(first).zip(roots).zip(first..);
        for ((known, root), segment) in known {
            if known.root != *root {
                return Err(RootsError::Changed { slot, segment });
            }
        }

        // From here on nothing can fail.
        let micros = now.since(sent_at).nanos().div_euclid(1_000);
        let fresh = roots.iter().skip(limit.saturating_sub(first));
        taken.extend(fresh.map(|root| Root { root: *root, micros }));
        let came = u16::try_from(taken.len()).unwrap_or(segments);
        let first_salt =
            u16::try_from(first).unwrap_or(segments).saturating_add(salt_delay).min(segments);
        let until = came.saturating_add(salt_delay).min(segments);
        let salts = (first_salt..until).map(|g| salt(&self.salt_key, slot, g)).collect();
        Ok(TakenRoots { first_salt, salts, received_at: now })
    }

    /// The roots that have come, slot by slot, each slot's in one piece.
    pub(super) fn roots(&self) -> Vec<Vec<Bytes32>> {
        self.roots.iter().map(|slot| slot.iter().map(|root| root.root).collect()).collect()
    }

    /// When they came, in microseconds after the challenge was sent.
    pub(super) fn root_times(&self) -> Vec<Vec<u64>> {
        self.roots.iter().map(|slot| slot.iter().map(|root| root.micros).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Bytes32 = [7; 32];

    fn work(slots: u16, segments: u16, salt_delay: u16) -> Work {
        let sent_at = Nanos::from_seconds(100);
        let mut work =
            Work::new(ObligationId(1), Shape { slots, segments, salt_delay }, KEY, sent_at);
        let answer_by = Nanos::from_seconds(160);
        work.issued = Some(Issued { challenge: 0, session: 0, issued_at: sent_at, answer_by });
        work.send(sent_at);
        // Sent once only: a second look does not give more time.
        work.send(answer_by);
        work
    }

    fn roots(from: u8, count: u8) -> Vec<Bytes32> {
        (from..from + count).map(|byte| [byte; 32]).collect()
    }

    fn give(
        work: &mut Work,
        slot: u32,
        first_segment: u32,
        roots: &[Bytes32],
    ) -> Result<TakenRoots, RootsError> {
        work.take(SegmentRoots { slot, first_segment, roots }, Nanos::from_seconds(101))
    }

    #[test]
    fn session_007_a_salt_is_released_by_the_root_so_many_segments_before_it() {
        let mut work = work(2, 6, 2);
        let first = work.first_salts();
        assert_eq!(first[1], [salt(&KEY, 1, 0), salt(&KEY, 1, 1)]);
        let taken = give(&mut work, 1, 0, &roots(0, 1)).unwrap();
        assert_eq!((taken.first_salt, taken.salts), (2, vec![salt(&KEY, 1, 2)]));
        let taken = give(&mut work, 1, 1, &roots(1, 2)).unwrap();
        assert_eq!((taken.first_salt, taken.salts), (3, vec![salt(&KEY, 1, 3), salt(&KEY, 1, 4)]));
        // At the end there are no more.
        let taken = give(&mut work, 1, 3, &roots(3, 3)).unwrap();
        assert_eq!((taken.first_salt, taken.salts), (5, vec![salt(&KEY, 1, 5)]));
        // Each slot has salts of its own; with a delay as long as the chain all go out at once.
        assert_eq!(work.roots()[0], Vec::<Bytes32>::new());
        assert_ne!(salt(&KEY, 0, 2), salt(&KEY, 1, 2));
        assert_eq!(super::tests::work(1, 3, 8).first_salts()[0].len(), 3);
    }

    #[test]
    fn session_008_roots_that_come_twice_are_taken_once_and_answered_alike() {
        let mut work = work(1, 4, 1);
        let taken = give(&mut work, 0, 0, &roots(0, 2)).unwrap();
        let later = Nanos::from_seconds(105);
        let again = SegmentRoots { slot: 0, first_segment: 0, roots: &roots(0, 2) };
        let again = work.take(again, later).unwrap();
        assert_eq!((taken.first_salt, &taken.salts), (again.first_salt, &again.salts));
        assert_eq!(work.root_times(), [[1_000_000, 1_000_000]]);
        // Behind those that are known come new ones, with their own time.
        let more = SegmentRoots { slot: 0, first_segment: 1, roots: &roots(1, 3) };
        work.take(more, later).unwrap();
        assert_eq!(work.root_times(), [[1_000_000, 1_000_000, 5_000_000, 5_000_000]]);
        assert_eq!(work.roots(), [roots(0, 4)]);
    }

    #[test]
    fn session_009_roots_that_do_not_fit_are_refused_and_change_nothing() {
        let mut work = work(2, 3, 1);
        give(&mut work, 0, 0, &roots(0, 1)).unwrap();
        let before = work.roots();
        let refused = |work: &mut Work, slot, first, given: &[Bytes32]| {
            give(work, slot, first, given).unwrap_err()
        };
        assert_eq!(
            refused(&mut work, 2, 0, &roots(0, 1)),
            RootsError::NoSuchSlot { slot: 2, limit: 2 }
        );
        assert_eq!(
            refused(&mut work, 65_536, 0, &roots(0, 1)),
            RootsError::NoSuchSlot { slot: 65_536, limit: 2 }
        );
        assert_eq!(refused(&mut work, 0, 0, &[]), RootsError::WrongCount { count: 0, limit: 64 });
        assert_eq!(
            refused(&mut work, 0, 0, &roots(0, 65)),
            RootsError::WrongCount { count: 65, limit: 64 }
        );
        assert_eq!(
            refused(&mut work, 0, 1, &roots(0, 3)),
            RootsError::TooMany { end: 4, limit: 3 }
        );
        assert_eq!(
            refused(&mut work, 0, u32::MAX, &roots(0, 1)),
            RootsError::TooMany { end: 4_294_967_296, limit: 3 }
        );
        assert_eq!(
            refused(&mut work, 0, 2, &roots(0, 1)),
            RootsError::OutOfOrder { slot: 0, first: 2, limit: 1 }
        );
        assert_eq!(
            refused(&mut work, 0, 0, &roots(5, 2)),
            RootsError::Changed { slot: 0, segment: 0 }
        );
        assert_eq!(work.roots(), before);
        let again = std::iter::repeat_with(|| give(&mut work, 0, 0, &roots(0, 1)));
        let limit = 6 + REPEATS_MAX;
        let refused = again.take(2_000).find_map(Result::err);
        assert_eq!(refused, Some(RootsError::TooOften { limit }));
    }

    #[test]
    fn session_006_who_is_at_work_has_roots_to_bring_and_time_for_them() {
        let mut work = work(2, 2, 8);
        let now = Nanos::from_seconds(101);
        assert!(work.is_at_work(now));
        give(&mut work, 0, 0, &roots(0, 2)).unwrap();
        assert!(work.is_at_work(now));
        assert!(!work.is_at_work(Nanos::from_seconds(160)));
        give(&mut work, 1, 0, &roots(0, 2)).unwrap();
        assert!(!work.is_at_work(now));
    }
}
