//! The meter of an obligation whose challenges come at any time: what was asked, what came of it, and what of each interval counts.
//!
//! A session is one deliverer's run of intervals without a gap. Its marks count for it alone: it begins anew after a declared outage, and
//! with everybody who stands in. The rule itself is in `credit.rs`.
//!
//! Invariants:
//! - at most [`IN_FLIGHT_MAX`] challenges wait for an answer or a verdict;
//! - challenges are weighed in the order of their issue, whatever the order in which they are judged;
//! - marks are kept as long as an interval that is not measured needs them, and at most [`MARKS_MAX`] of a session.

use std::collections::{BTreeMap, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Between, Nanos, NanosSpan, Ppm, Schedule};

use crate::challenge::{ChallengeOutcome, ChallengeState, ChallengeStep};
use crate::credit::{Ended, Following, Mark, MarkKind, Weighed, credit};
use crate::obligation::{FailCause, Obligation};

/// Challenges of one obligation that wait at a time.
pub const IN_FLIGHT_MAX: usize = 4;
/// Marks of one session that no measured interval has used up: of twelve challenges an hour, a day's.
pub const MARKS_MAX: usize = 288;
/// A timer that is later than this did not run when it should have: nobody could have answered then.
const SLEPT: NanosSpan = NanosSpan::from_seconds(5);

/// What is known of an obligation's hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Meter {
    /// How many challenges were issued: the number of the next.
    pub challenges: u32,
    /// Failures after which the seller was there at once.
    pub soft_fails: u32,
    /// All others.
    pub hard_fails: u32,
    /// GPU-milliseconds that counted.
    pub credited_millis: u64,
    /// When the newest challenge was issued.
    pub(crate) asked_at: Nanos,
    asked: BTreeMap<u32, Asked>,
    sessions: VecDeque<Session>,
    today: Today,
}

/// A challenge that does not count yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Asked {
    /// When it was issued.
    pub at: Nanos,
    /// Who must work.
    pub deliverer: AccountId,
    /// Where it is.
    pub state: ChallengeState,
    /// The first interval of its session.
    pub session: u32,
    known_at: Nanos,
}

/// One deliverer's run of intervals.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Session {
    deliverer: AccountId,
    from: u32,
    /// Before which it ends, so far.
    until: u32,
    /// The first interval that is not measured.
    measured: u32,
    marks: Vec<Mark>,
    /// When the first challenge was issued that it has failed since the last that it passed.
    failing_since: Option<Nanos>,
    /// Whether that has gone on for too long.
    is_given_up: bool,
}

/// Failures of one day of delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Today {
    day: u32,
    soft: u32,
    hard: BTreeMap<AccountId, u32>,
}

/// What has become clear of an obligation's hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A challenge counts as passed.
    Passed {
        /// Whose.
        deliverer: AccountId,
    },
    /// A challenge counts as failed.
    Failed {
        /// Its number.
        challenge: u32,
        /// Whose.
        deliverer: AccountId,
        /// Whether only the time until the next one is lost.
        is_soft: bool,
        /// The first interval of which something is missing.
        interval: u32,
        /// Whether there were too many of them today.
        is_last_straw: bool,
    },
    /// A deliverer has failed for too long.
    Silent {
        /// Whose.
        deliverer: AccountId,
        /// The first interval of which something is missing.
        interval: u32,
    },
    /// All is known of an interval.
    Measured {
        /// Which.
        interval: u32,
        /// What.
        measured: Measured,
    },
}

/// How much of an interval counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Measured {
    /// What counts.
    pub quality: Ppm,
    /// What is missing.
    pub missing: Ppm,
    /// Why, where something is.
    pub cause: Option<FailCause>,
}

impl Session {
    fn covers(&self, at: Nanos, schedule: &Schedule) -> bool {
        let (from, until) = (starts(schedule, self.from), starts(schedule, self.until));
        (from..until).contains(&at)
    }
}

/// Where an interval starts; the end of the last one where there are no more.
fn starts(schedule: &Schedule, interval: u32) -> Nanos {
    schedule.interval_starts_at(interval.min(schedule.intervals))
}

/// The terms by which an obligation is metered.
#[derive(Debug, Clone, Copy)]
pub struct MeterTerms<'a> {
    /// When its intervals are.
    pub schedule: &'a Schedule,
    /// How time between challenges counts.
    pub between: &'a Between,
    /// What time it is.
    pub now: Nanos,
    /// The first interval that has not begun.
    pub next_interval: u32,
    /// How many intervals there are.
    pub count: u32,
}

impl Meter {
    /// A challenge that does not count yet.
    #[must_use]
    pub fn asked(&self, challenge: u32) -> Option<&Asked> {
        self.asked.get(&challenge)
    }

    /// The challenges that have not ended, in the order of their issue.
    pub fn in_flight(&self) -> impl Iterator<Item = (u32, &Asked)> {
        let open = |(number, asked): (&u32, _)| (*number, asked);
        self.asked.iter().map(open).filter(|(_, asked): &(u32, &Asked)| asked.is_open())
    }

    /// An interval begins: it belongs to the session before it, or is the first of a new one.
    pub fn begin(&mut self, interval: u32, deliverer: AccountId) {
        if let Some(last) = self.sessions.back_mut()
            && last.deliverer == deliverer
            && last.until == interval
        {
            last.until = interval.saturating_add(1);
            return;
        }
        self.sessions.push_back(Session {
            deliverer,
            from: interval,
            until: interval.saturating_add(1),
            measured: interval,
            marks: Vec::new(),
            failing_since: None,
            is_given_up: false,
        });
    }

    /// Who would have to answer a challenge that is issued now; nobody where none may be. Whoever has just ended is asked once more.
    #[must_use]
    pub fn whom(&self, terms: &MeterTerms<'_>, is_declared: impl Fn(u32) -> bool) -> Option<u32> {
        let asked = self.sessions.iter().find(|session| {
            session.covers(terms.now, terms.schedule)
                || self.may_close(session, terms) && !is_declared(session.until)
        });
        asked.map(|session| session.from)
    }

    /// Whether a session that has ended may be asked for its last time.
    fn may_close(&self, session: &Session, terms: &MeterTerms<'_>) -> bool {
        let ended_at = starts(terms.schedule, session.until);
        let within = terms.between.recheck_within;
        let is_failed = matches!(session.marks.last(), Some(mark) if mark.quality().is_none());
        if terms.now < ended_at || session.until == session.measured || is_failed {
            return false;
        }
        let closing = session.marks.iter().any(|mark| ended_at <= mark.at);
        let mut after = self.asked.values().filter(|asked| {
            asked.session == session.from
                && ended_at <= asked.at
                && asked.outcome() != Some(ChallengeOutcome::Unknown)
        });
        match (closing, after.next(), after.next()) {
            (false, None, _) => terms.now.since(ended_at) < within,
            // A silence may still be a soft one.
            (false, Some(only), None) => {
                only.is_silent() && terms.now.since(only.known_at) < within
            }
            (false, Some(_), Some(_)) | (true, _, _) => false,
        }
    }

    /// Whether there is room for one more challenge of a session.
    #[must_use]
    pub fn has_room(&self, session: u32) -> bool {
        let marks =
            self.sessions.iter().find(|it| it.from == session).map_or(0, |it| it.marks.len());
        self.in_flight().count() < IN_FLIGHT_MAX
            && marks.saturating_add(self.asked.len()) < MARKS_MAX
    }

    /// Issues a challenge to the deliverer of the session that [`Meter::whom`] has named, and numbers it.
    pub fn ask(&mut self, session: u32, at: Nanos, answer_by: Nanos) -> Option<(u32, AccountId)> {
        let deliverer = self.sessions.iter().find(|it| it.from == session)?.deliverer;
        let number = self.challenges;
        self.challenges = number.saturating_add(1);
        self.asked_at = at;
        let state = ChallengeState::Challenged { answer_by };
        self.asked.insert(number, Asked { at, deliverer, state, session, known_at: at });
        Some((number, deliverer))
    }

    /// Takes one step of one challenge. `None` when the table of challenges has no such entry; nothing has changed then.
    pub fn step(
        &mut self,
        challenge: u32,
        step: ChallengeStep,
        now: Nanos,
    ) -> Option<ChallengeState> {
        let asked = self.asked.get_mut(&challenge)?;
        let overslept = asked.state.deadline().is_some_and(|by| SLEPT < now.since(by));
        let next = match (asked.state.after(step)?, step) {
            // The venue was not there to take the answer in.
            (ChallengeState::Ended(_), ChallengeStep::Deadline) if overslept => {
                ChallengeState::Ended(ChallengeOutcome::Unknown)
            }
            (next, _) => next,
        };

        // From here on nothing can fail.
        asked.state = next;
        asked.known_at = now;
        Some(next)
    }

    /// The seller has brought other hardware: what it failed before is no longer held against its patience.
    pub fn forgive(&mut self) {
        if let Some(last) = self.sessions.back_mut() {
            last.failing_since = None;
            last.is_given_up = false;
        }
    }

    /// The next instant at which time alone makes something clear.
    #[must_use]
    pub fn next_due(&self, terms: &MeterTerms<'_>) -> Option<Nanos> {
        let within = terms.between.recheck_within;
        let waits = |(number, asked): &(&u32, &Asked)| {
            let following = self.following(**number, asked, terms.now);
            asked.is_silent() && matches!(following, Following::None { .. })
        };
        let first = self.asked.first_key_value().filter(waits);
        let weighed = first.map(|(_, asked)| asked.known_at + within);
        let over = self.sessions.front().filter(|it| self.is_over(it, terms));
        let over = over.filter(|it| self.asked.values().all(|asked| asked.session != it.from));
        let closed = over.map(|it| starts(terms.schedule, it.until) + within);
        let last = self.sessions.back();
        let given_up = last.filter(|it| !it.is_given_up).and_then(|it| it.failing_since);
        let given_up = given_up.map(|since| since + terms.between.silence_max);
        weighed.into_iter().chain(closed).chain(given_up).min()
    }

    /// Whether no interval can join a session any more.
    fn is_over(&self, session: &Session, terms: &MeterTerms<'_>) -> bool {
        let is_newest = self.sessions.back().is_some_and(|last| last.from == session.from);
        !is_newest || session.until < terms.next_interval || terms.count <= session.until
    }

    /// The next thing that has become clear; the caller acts on it and asks again.
    pub fn find(&mut self, terms: &MeterTerms<'_>) -> Option<Finding> {
        self.weigh(terms).or_else(|| self.give_up(terms)).or_else(|| self.measure(terms))
    }

    /// Counts the oldest challenge, if what it counts is clear.
    fn weigh(&mut self, terms: &MeterTerms<'_>) -> Option<Finding> {
        loop {
            let (number, asked) = self.asked.first_key_value().map(|(n, it)| (*n, *it))?;
            let outcome = asked.outcome()?;
            let day = self.day_of(asked.at, terms);
            if self.today.day < day {
                self.today = Today { day, ..Today::default() };
            }
            let following = self.following(number, &asked, terms.now);
            let has_soft_left = self.today.soft < terms.between.soft_fails_per_day;
            let ended = Ended { at: asked.at, known_at: asked.known_at, outcome };
            let mark = match ended.weigh(&following, terms.between.recheck_within, has_soft_left) {
                Weighed::NotYet => return None,
                Weighed::Nothing => None,
                Weighed::Mark(mark) => Some(mark),
            };
            self.asked.remove(&number);
            let found = mark.and_then(|mark| self.count(number, &asked, mark, terms));
            if found.is_some() {
                return found;
            }
        }
    }

    /// The challenge after one, of the same session, without those that nobody could judge.
    fn following(&self, number: u32, asked: &Asked, now: Nanos) -> Following {
        let later = self.asked.range(number.saturating_add(1)..).map(|(_, it)| it);
        let mut later = later.filter(|it| {
            it.session == asked.session && it.outcome() != Some(ChallengeOutcome::Unknown)
        });
        match later.next() {
            None => Following::None { by: now },
            Some(next) => match next.outcome() {
                None => Following::InFlight { at: next.at },
                Some(outcome) => {
                    Following::Ended(Ended { at: next.at, known_at: next.known_at, outcome })
                }
            },
        }
    }

    fn day_of(&self, at: Nanos, terms: &MeterTerms<'_>) -> u32 {
        terms.schedule.close_out.day_of(terms.schedule.interval_at(at))
    }

    /// Enters a mark. `None` when its session is over and nobody needs it.
    fn count(
        &mut self,
        challenge: u32,
        asked: &Asked,
        mark: Mark,
        terms: &MeterTerms<'_>,
    ) -> Option<Finding> {
        let session = self.sessions.iter_mut().find(|it| it.from == asked.session)?;
        let before = session.marks.last().map(|mark| terms.schedule.interval_at(mark.at));
        session.marks.push(mark);
        let deliverer = asked.deliverer;
        let is_soft = match mark.kind {
            MarkKind::Passed { .. } => {
                session.failing_since = None;
                session.is_given_up = false;
                return Some(Finding::Passed { deliverer });
            }
            MarkKind::Soft { .. } => true,
            MarkKind::Hard { .. } => false,
        };
        let here = terms.schedule.interval_at(mark.at).max(session.from);
        let interval = if is_soft { here } else { before.unwrap_or(session.from) };
        let interval = interval.max(session.measured);
        let mut is_last_straw = false;
        if is_soft {
            self.soft_fails = self.soft_fails.saturating_add(1);
            self.today.soft = self.today.soft.saturating_add(1);
        } else {
            session.failing_since.get_or_insert(mark.at);
            self.hard_fails = self.hard_fails.saturating_add(1);
            let hard = self.today.hard.entry(deliverer).or_default();
            *hard = hard.saturating_add(1);
            is_last_straw = terms.between.hard_fails_max <= *hard;
        }
        Some(Finding::Failed { challenge, deliverer, is_soft, interval, is_last_straw })
    }

    fn give_up(&mut self, terms: &MeterTerms<'_>) -> Option<Finding> {
        let last = self.sessions.back_mut().filter(|it| !it.is_given_up)?;
        let since = last.failing_since?;
        if terms.now.since(since) < terms.between.silence_max {
            return None;
        }
        last.is_given_up = true;
        let interval = terms.schedule.interval_at(since).max(last.from);
        Some(Finding::Silent { deliverer: last.deliverer, interval })
    }

    /// Measures the oldest interval of which all is known.
    fn measure(&mut self, terms: &MeterTerms<'_>) -> Option<Finding> {
        loop {
            let session = self.sessions.front()?;
            let is_over = self.is_over(session, terms);
            if session.measured < session.until {
                break;
            }
            if !is_over {
                return None;
            }
            self.sessions.pop_front();
        }
        let session = self.sessions.front()?;
        let interval = session.measured;
        let bounds = (starts(terms.schedule, session.from), starts(terms.schedule, session.until));
        let range =
            (starts(terms.schedule, interval), starts(terms.schedule, interval.saturating_add(1)));
        let is_covered = session.marks.iter().any(|mark| range.1 <= mark.at);
        let is_done = self.is_over(session, terms)
            && terms.between.recheck_within <= terms.now.since(bounds.1)
            && self.asked.values().all(|asked| asked.session != session.from);
        if !is_covered && !is_done {
            return None;
        }
        let parts = credit(bounds, &session.marks, terms.between.recheck_within, range);
        let (quality, missing) = parts.shares();
        let session = self.sessions.front_mut()?;
        session.measured = interval.saturating_add(1);
        // The last mark before what is left is the neighbour of the next.
        let past = session.marks.iter().filter(|mark| mark.at <= range.1).count();
        session.marks.drain(..past.saturating_sub(1));
        let measured = Measured { quality, missing, cause: parts.cause };
        Some(Finding::Measured { interval, measured })
    }
}

impl Asked {
    /// Whether it waits for an answer or a verdict.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.outcome().is_none()
    }

    const fn outcome(&self) -> Option<ChallengeOutcome> {
        match self.state {
            ChallengeState::Ended(outcome) => Some(outcome),
            ChallengeState::Challenged { .. } | ChallengeState::Claimed { .. } => None,
        }
    }

    fn is_silent(&self) -> bool {
        let silent = ChallengeOutcome::Failed { cause: FailCause::Silent };
        self.outcome() == Some(silent)
    }
}

impl Measured {
    /// What nobody can say anything about, and what is lost in rounding: unpaid, and nobody's fault.
    #[must_use]
    pub const fn unjudged(&self) -> Ppm {
        let known = self.quality.ppm().saturating_add(self.missing.ppm());
        Ppm::new(Ppm::ONE.ppm().saturating_sub(known))
    }
}

/// Stretches of intervals of which a seller may say that they will be missing.
pub const OUTAGES_MAX: usize = 16;

impl Obligation {
    /// Whether the seller has said in time that an interval will be missing.
    #[must_use]
    pub fn is_declared(&self, interval: u32) -> bool {
        self.declared.iter().any(|(from, until)| (*from..*until).contains(&interval))
    }
}
