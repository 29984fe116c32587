//! Dry runs of a delivery session: real challenges, receipts, draws and verdicts, with nothing at stake.
//!
//! ```text
//! begin --> challenge --> claim --> open --> challenge .. --> the last is judged
//! ```
//!
//! Nothing is journaled and no money moves: a session lives in memory, for a while, and a restart forgets it. It is offered by a test venue
//! that was given somebody who can judge.
//!
//! Invariants:
//! - an account has one session at a time, and begins one at most every `BEGIN_EVERY`;
//! - at most `SESSIONS_MAX` sessions live, each for `SESSION_FOR` at most;
//! - what is drawn is drawn after the claim, and the clock is the venue's.

use std::collections::BTreeMap;

use instruments::{AccountId, Nanos, NanosSpan};
use parking_lot::Mutex;
use thiserror::Error;

use super::delivery_desk::DeliveryOptions;
use super::directory::random_bytes;

/// Sessions at a time.
const SESSIONS_MAX: usize = 64;
/// Challenges of one session.
pub const MOCK_CHALLENGES_MAX: u32 = 8;
/// Devices that must work at once.
pub const MOCK_SLOTS_MAX: u16 = 8;
/// How long a session lives.
const SESSION_FOR: NanosSpan = NanosSpan::from_seconds(1_800);
/// How long an account waits between two.
const BEGIN_EVERY: NanosSpan = NanosSpan::from_seconds(10);
/// What one challenge stands for: five minutes of each GPU.
pub const MOCK_INTERVAL_MILLIS: u64 = 300_000;

/// What was answered to one challenge, for whoever judges.
#[derive(Debug, Clone)]
pub struct MockAnswer {
    /// The size of the work.
    pub profile: String,
    /// Devices that worked at once.
    pub slots: u16,
    /// Segments of each.
    pub segments: u16,
    /// What the resident pool was expanded from.
    pub session_seed: [u8; 32],
    /// What the work was derived from. Its salts are no secret.
    pub seed: [u8; 32],
    /// What the rows were derived from.
    pub draw_seed: [u8; 32],
    /// What was claimed.
    pub work_root: [u8; 32],
    /// What was opened, as it was sent.
    pub openings: String,
    /// From the challenge to the claim.
    pub took: NanosSpan,
    /// GFLOP/s of the grade, where it is calibrated.
    pub reference_gflops: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockVerdict {
    /// `valid`, `invalid` or `unverifiable`.
    pub verdict: &'static str,
    /// Why.
    pub reason: String,
    /// GFLOP/s of the slowest slot.
    pub rate_gflops: u64,
    /// Millionths of the grade.
    pub quality: u32,
}

/// Judges what was opened. Takes as long as it takes to compute the drawn rows.
pub type MockJudge = fn(&MockAnswer) -> MockVerdict;

/// What a session consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockTerms {
    /// The size of the work.
    pub profile: String,
    /// Devices that must work at once.
    pub slots: u16,
    /// Segments of each.
    pub segments: u16,
    /// Challenges in all.
    pub challenges: u32,
    /// GFLOP/s of the grade, where it is calibrated.
    pub reference_gflops: Option<u64>,
    /// What the resident pool is expanded from, before any time is taken.
    pub session_seed: [u8; 32],
}

/// A challenge of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MockChallenge {
    /// Its number, from 0.
    pub number: u32,
    /// What the work is derived from.
    pub seed: [u8; 32],
}

/// Why a step was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MockError {
    /// Not a test venue, or one without a judge.
    #[error("this venue offers no dry runs")]
    NotOffered,
    /// Too soon after the last.
    #[error("a dry run begins at most every {} seconds", BEGIN_EVERY.nanos() / 1_000_000_000)]
    TooSoon,
    /// Too many at once.
    #[error("{SESSIONS_MAX} dry runs are under way")]
    Full,
    /// None is under way, or it has ended.
    #[error("no dry run of this account is under way")]
    NotBegun,
    /// The session waits for something else.
    #[error("the dry run waits for {0}")]
    OutOfTurn(&'static str),
    /// The system gave no random bytes.
    #[error("no randomness from the system")]
    NoRandomness,
}

/// All dry runs.
#[derive(Default)]
pub(crate) struct MockDesk {
    sessions: Mutex<BTreeMap<AccountId, Session>>,
}

struct Session {
    terms: MockTerms,
    begun_at: Nanos,
    next: u32,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Idle,
    Challenged { seed: [u8; 32], sent_at: Nanos },
    Claimed { seed: [u8; 32], work_root: [u8; 32], draw_seed: [u8; 32], took: NanosSpan },
}

impl MockDesk {
    /// Begins a session in the place of an older one of the account.
    pub(crate) fn begin(
        &self,
        account: AccountId,
        terms: MockTerms,
        now: Nanos,
    ) -> Result<(), MockError> {
        let mut sessions = self.sessions.lock();
        if sessions.get(&account).is_some_and(|last| now.since(last.begun_at) < BEGIN_EVERY) {
            return Err(MockError::TooSoon);
        }
        sessions.retain(|_, session| now.since(session.begun_at) < SESSION_FOR);
        if SESSIONS_MAX <= sessions.len() && !sessions.contains_key(&account) {
            return Err(MockError::Full);
        }
        let session = Session { terms, begun_at: now, next: 0, stage: Stage::Idle };
        sessions.insert(account, session);
        Ok(())
    }

    /// The next challenge; `None` when all have been judged, and then the session is over. One that is open is given up.
    pub(crate) fn challenge(
        &self,
        account: AccountId,
        now: impl FnOnce() -> Nanos,
    ) -> Result<Option<MockChallenge>, MockError> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(&account).ok_or(MockError::NotBegun)?;
        if session.terms.challenges <= session.next {
            return Ok(None);
        }
        let seed = random()?;
        let number = session.next;
        session.next = number.saturating_add(1);
        session.stage = Stage::Challenged { seed, sent_at: now() };
        Ok(Some(MockChallenge { number, seed }))
    }

    /// Takes a claim, and draws.
    pub(crate) fn claim(
        &self,
        account: AccountId,
        work_root: [u8; 32],
        now: Nanos,
    ) -> Result<[u8; 32], MockError> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(&account).ok_or(MockError::NotBegun)?;
        let Stage::Challenged { seed, sent_at } = session.stage else {
            return Err(MockError::OutOfTurn(session.stage.waits_for()));
        };
        let (draw_seed, took) = (random()?, now.since(sent_at));
        session.stage = Stage::Claimed { seed, work_root, draw_seed, took };
        Ok(draw_seed)
    }

    /// Takes the opened rows, to be judged.
    pub(crate) fn open(
        &self,
        account: AccountId,
        openings: String,
    ) -> Result<MockAnswer, MockError> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(&account).ok_or(MockError::NotBegun)?;
        let Stage::Claimed { seed, work_root, draw_seed, took } = session.stage else {
            return Err(MockError::OutOfTurn(session.stage.waits_for()));
        };
        session.stage = Stage::Idle;
        let MockTerms { ref profile, slots, segments, reference_gflops, session_seed, .. } =
            session.terms;
        Ok(MockAnswer {
            profile: profile.clone(),
            slots,
            segments,
            session_seed,
            seed,
            draw_seed,
            work_root,
            openings,
            took,
            reference_gflops,
        })
    }

    /// The session's terms.
    pub(crate) fn terms(&self, account: AccountId) -> Result<MockTerms, MockError> {
        let sessions = self.sessions.lock();
        sessions.get(&account).map(|session| session.terms.clone()).ok_or(MockError::NotBegun)
    }
}

impl Stage {
    const fn waits_for(self) -> &'static str {
        match self {
            Self::Idle => "the next challenge to be asked for",
            Self::Challenged { .. } => "a claim",
            Self::Claimed { .. } => "the drawn rows",
        }
    }
}

impl MockTerms {
    /// What this venue demands of so many devices.
    pub(crate) fn of(
        options: &DeliveryOptions,
        (slots, challenges): (u16, u32),
        reference_gflops: Option<u64>,
    ) -> Result<Self, MockError> {
        let DeliveryOptions { profile, segments, .. } = options;
        Ok(Self {
            profile: profile.clone(),
            slots,
            segments: *segments,
            challenges,
            reference_gflops,
            session_seed: random()?,
        })
    }
}

fn random() -> Result<[u8; 32], MockError> {
    random_bytes().map_err(|_system| MockError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELLER: AccountId = AccountId(7);

    fn terms(challenges: u32) -> MockTerms {
        let profile = "ci".to_owned();
        MockTerms {
            profile,
            slots: 1,
            segments: 2,
            challenges,
            reference_gflops: None,
            session_seed: [5; 32],
        }
    }

    /// GRADE-006.
    #[test]
    fn grade_006_a_dry_run_goes_step_by_step_and_ends() {
        let (desk, now) = (MockDesk::default(), Nanos::from_seconds(100));
        let asked = || desk.challenge(SELLER, || now);
        assert_eq!(asked(), Err(MockError::NotBegun));
        desk.begin(SELLER, terms(2), now).unwrap();
        let error = desk.claim(SELLER, [1; 32], now).unwrap_err();
        assert_eq!(error.to_string(), "the dry run waits for the next challenge to be asked for");
        let first = asked().unwrap().unwrap();
        assert_eq!(first.number, 0);
        assert_eq!(desk.open(SELLER, String::new()).unwrap_err(), MockError::OutOfTurn("a claim"));
        let later = now + NanosSpan::from_seconds(3);
        let draw_seed = desk.claim(SELLER, [1; 32], later).unwrap();
        let answer = desk.open(SELLER, "{}".to_owned()).unwrap();
        assert_eq!((answer.draw_seed, answer.work_root), (draw_seed, [1; 32]));
        assert_eq!((answer.took, answer.session_seed), (NanosSpan::from_seconds(3), [5; 32]));
        // What is not answered is given up when the next is asked for.
        let second = asked().unwrap().unwrap();
        assert_eq!(second.number, 1);
        assert_ne!(second.seed, first.seed);
        assert_eq!(asked(), Ok(None));
    }

    /// GRADE-006.
    #[test]
    fn grade_006_dry_runs_are_few_and_not_too_often() {
        let (desk, now) = (MockDesk::default(), Nanos::from_seconds(100));
        desk.begin(SELLER, terms(1), now).unwrap();
        assert_eq!(desk.begin(SELLER, terms(1), now), Err(MockError::TooSoon));
        desk.begin(SELLER, terms(1), now + BEGIN_EVERY).unwrap();
        for other in 100..100 + SESSIONS_MAX as u64 - 1 {
            desk.begin(AccountId(other), terms(1), now).unwrap();
        }
        assert_eq!(desk.begin(AccountId(8), terms(1), now), Err(MockError::Full));
        desk.begin(AccountId(8), terms(1), now + SESSION_FOR).unwrap();
    }
}
