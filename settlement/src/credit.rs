//! What of a stretch of delivery counts, from the challenges around it: the rule by which hours are metered between challenges.
//!
//! A mark is a challenge that was judged, at the instant at which it was issued. Time counts between two neighbouring marks that were both
//! passed, by the lower of their qualities. A failed mark takes the time on both of its sides with it; a soft one only the time after it.
//!
//! ```text
//! begins           passed         passed        silent, passed again      refuted        passed         ends
//!   |--- counts ---|---- counts ---|-- counts ---|xx missing xx|-- missing --|-- missing --|-- counts --|
//!    within recheck                                   soft           hard                   within recheck
//! ```
//!
//! Whoever is away for a time saves at most its price, and when asked in it loses that and the honest time on both sides up to the next
//! marks: where challenges come at random times, being away does not pay, however seldom they are. `docs/delivery.md` has the proof.
//!
//! Invariants:
//! - what counts, what is missing and what is unjudged of a stretch are together the whole of it;
//! - nothing counts that does not lie between two passed marks, or within the recheck time of a beginning or an end;
//! - a challenge that nobody could judge changes nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan, Ppm};

use crate::challenge::ChallengeOutcome;
use crate::obligation::FailCause;

/// A challenge that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it was issued.
    pub at: Nanos,
    /// When its end was known.
    pub known_at: Nanos,
    /// How it ended.
    pub outcome: ChallengeOutcome,
}

/// A judged challenge, as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// When it was issued.
    pub at: Nanos,
    /// How it counts.
    pub kind: MarkKind,
}

/// How a judged challenge counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MarkKind {
    /// The work was done.
    Passed {
        /// How well.
        quality: Ppm,
    },
    /// There was no answer, but one to the challenge that followed at once.
    Soft {
        /// How well that was passed.
        quality: Ppm,
    },
    /// The work was not done.
    Hard {
        /// Why.
        cause: FailCause,
    },
}

/// The challenge after one that has ended, of the same seller, without those that nobody could judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// There is none by this instant.
    None {
        /// Which.
        by: Nanos,
    },
    /// It has not been judged.
    InFlight {
        /// When it was issued.
        at: Nanos,
    },
    /// It has.
    Ended(Ended),
}

/// What becomes of a challenge that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighed {
    /// That depends on the next one.
    NotYet,
    /// As if it had never been.
    Nothing,
    /// It counts.
    Mark(Mark),
}

/// What is known of a stretch of time, in nanoseconds by millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// What counts.
    pub credited: u128,
    /// What is missing.
    pub missing: u128,
    /// What nobody can say anything about.
    pub unjudged: u128,
    /// Why the first of what is missing is missing.
    pub cause: Option<FailCause>,
}

enum Weight {
    Counts(Ppm),
    Missing(FailCause),
    Unjudged,
}

const WHOLE: u128 = 1_000_000;

impl Mark {
    /// How well it, or what speaks for it, was passed; `None` when it has failed.
    #[must_use]
    pub const fn quality(&self) -> Option<Ppm> {
        match self.kind {
            MarkKind::Passed { quality } | MarkKind::Soft { quality } => Some(quality),
            MarkKind::Hard { .. } => None,
        }
    }
}

impl Ended {
    /// How it counts, by what followed. It may be soft only where `has_soft_left`.
    #[must_use]
    pub fn weigh(
        &self,
        following: &Following,
        recheck_within: NanosSpan,
        has_soft_left: bool,
    ) -> Weighed {
        let mark = |kind| Weighed::Mark(Mark { at: self.at, kind });
        let cause = match self.outcome {
            ChallengeOutcome::Unknown => return Weighed::Nothing,
            ChallengeOutcome::Passed { quality } => return mark(MarkKind::Passed { quality }),
            ChallengeOutcome::Failed { cause } => cause,
        };
        let hard = mark(MarkKind::Hard { cause });
        if cause != FailCause::Silent || !has_soft_left {
            return hard;
        }
        let in_time = |at: Nanos| at.since(self.known_at) < recheck_within;
        match following {
            Following::None { by: at } | Following::InFlight { at } => {
                if in_time(*at) {
                    Weighed::NotYet
                } else {
                    hard
                }
            }
            Following::Ended(next) => match next.outcome {
                ChallengeOutcome::Passed { quality } if in_time(next.at) => {
                    mark(MarkKind::Soft { quality })
                }
                ChallengeOutcome::Passed { .. }
                | ChallengeOutcome::Failed { .. }
                | ChallengeOutcome::Unknown => hard,
            },
        }
    }
}

/// The marks of one seller's challenges, all of which have ended, in the order of their issue; `softs_left` says for an instant how many
/// more may be soft, and is told of each.
#[must_use]
pub fn marks(
    ended: &[Ended],
    recheck_within: NanosSpan,
    mut softs_left: impl FnMut(Nanos, bool) -> u32,
) -> Vec<Mark> {
    let known: Vec<&Ended> =
        ended.iter().filter(|it| it.outcome != ChallengeOutcome::Unknown).collect();
    let mut marks = Vec::new();
    for (place, one) in known.iter().enumerate() {
        let following = match known.get(place.saturating_add(1)) {
            Some(next) => Following::Ended(**next),
            None => Following::None { by: Nanos::new(u64::MAX) },
        };
        let has_soft_left = 0 < softs_left(one.at, false);
        if let Weighed::Mark(mark) = one.weigh(&following, recheck_within, has_soft_left) {
            if matches!(mark.kind, MarkKind::Soft { .. }) {
                softs_left(one.at, true);
            }
            marks.push(mark);
        }
    }
    marks
}

/// What is known of the time from `range.0` until `range.1`, which lies in the time of one seller from `session.0` until `session.1`.
/// The marks are that seller's, in order; all before the end of the range, and the first at or after it, must be among them.
#[must_use]
pub fn credit(
    session: (Nanos, Nanos),
    marks: &[Mark],
    recheck_within: NanosSpan,
    range: (Nanos, Nanos),
) -> Parts {
    let (begins, ends) = (session.0.max(range.0), session.1.min(range.1));
    let mut parts = Parts::default();
    let mut left: Option<&Mark> = None;
    for right in marks.iter().map(Some).chain([None]) {
        let from = left.map_or(session.0, |mark| mark.at).max(begins);
        let until = right.map_or(session.1, |mark| mark.at).min(ends);
        let nanos = u128::from(until.since(from).nanos());
        if 0 < nanos {
            parts.add(nanos, &weight(left, right, session, recheck_within));
        }
        left = right;
    }
    parts
}

/// How the time between two neighbouring marks counts, or before the first, or after the last.
fn weight(
    left: Option<&Mark>,
    right: Option<&Mark>,
    session: (Nanos, Nanos),
    recheck_within: NanosSpan,
) -> Weight {
    for mark in left.into_iter().chain(right) {
        if let MarkKind::Hard { cause } = mark.kind {
            return Weight::Missing(cause);
        }
    }
    let near = |one: Nanos, other: Nanos| other.since(one) < recheck_within;
    match (left, right) {
        (None, None) => Weight::Unjudged,
        (Some(Mark { kind: MarkKind::Soft { .. }, .. }), _) => Weight::Missing(FailCause::Silent),
        (Some(left), Some(right)) => match (left.quality(), right.quality()) {
            (Some(one), Some(other)) => Weight::Counts(one.min(other)),
            (None, _) | (_, None) => Weight::Unjudged,
        },
        (None, Some(first)) => match first.quality() {
            Some(quality) if near(session.0, first.at) => Weight::Counts(quality),
            Some(_) | None => Weight::Unjudged,
        },
        (Some(last), None) => match last.quality() {
            Some(quality) if near(last.at, session.1) => Weight::Counts(quality),
            Some(_) | None => Weight::Unjudged,
        },
    }
}

impl Parts {
    fn add(&mut self, nanos: u128, weight: &Weight) {
        let whole = nanos.saturating_mul(WHOLE);
        match weight {
            Weight::Counts(quality) => {
                let ppm = u128::try_from(quality.ppm()).unwrap_or(0).min(WHOLE);
                let counts = nanos.saturating_mul(ppm);
                self.credited = self.credited.saturating_add(counts);
                self.miss(whole.saturating_sub(counts), FailCause::BelowGrade);
            }
            Weight::Missing(cause) => self.miss(whole, *cause),
            Weight::Unjudged => self.unjudged = self.unjudged.saturating_add(whole),
        }
    }

    fn miss(&mut self, lacks: u128, cause: FailCause) {
        self.missing = self.missing.saturating_add(lacks);
        if 0 < lacks && self.cause.is_none() {
            self.cause = Some(cause);
        }
    }

    /// Shares of the whole: what counts and what is missing, each rounded down to a millionth. The rest is nobody's fault.
    #[must_use]
    pub fn shares(&self) -> (Ppm, Ppm) {
        let whole = self.credited.saturating_add(self.missing).saturating_add(self.unjudged);
        let share = |part: u128| {
            let ppm = part.saturating_mul(WHOLE).checked_div(whole).unwrap_or(0);
            Ppm::new(i64::try_from(ppm).unwrap_or(0))
        };
        (share(self.credited), share(self.missing))
    }
}
