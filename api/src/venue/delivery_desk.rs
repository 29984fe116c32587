//! The delivery desk: demands work at moments that nobody can foresee, gives salts for roots, draws rows for every claim, and carries
//! openings to verifiers.
//!
//! ```text
//! schedule --(fresh seed)--> IssueChallenge      roots --> salts      ReceiptAccepted --(fresh seed)--> DrawRows
//! openings --> verifiers                         every judged challenge --> a line of its transcript
//! ```
//!
//! It decides nothing: seeds are random, and everything that counts enters through the door. What it must not forget stands in the
//! exchange's state, from which it starts afresh whenever it has missed something. Salts and times live in this process only: what was
//! open when it ended is void.

mod record;
mod schedule;
mod statement;
mod task;
mod thread;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use exchange::{Exchange, OpenChallenge};
use instruments::{AccountId, Grade, Instrument, Nanos, NanosSpan, ObligationId, Qty};
use parking_lot::Mutex;
use settlement::ChallengeState;
use thiserror::Error;
use tokio::sync::broadcast;

use super::transcript::Transcripts;
use work::{WORKS_MAX, Work};

pub use task::{ChallengeTask, VerifierTask};
pub(crate) use thread::DeskThread;
pub use work::{ROOTS_MAX, RootsError, SegmentRoots, Shape, TakenRoots, salt};

/// Bytes of one opening: four slots of four rows with their Merkle paths fit twice over.
pub const OPENINGS_LEN_MAX: usize = 61_440;
/// Openings held for verifiers, one for each challenge: 60 MiB of them.
pub const OPENINGS_HELD_MAX: usize = 1_024;
/// Tasks a slow verifier may fall behind before it has to ask for all that is open.
const TASKS_MAX: usize = 1_024;

/// How work is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOptions {
    /// Which program the agents run: `ci`, `cpu` or `dc`.
    pub profile: String,
    /// How many segments one challenge has.
    pub segments: u16,
    /// GPUs that must work at once under one obligation at most: a sample of a large delivery, all of a small one.
    pub slots_max: u16,
    /// From one challenge of a grade to the next, on average, where time between challenges is metered.
    pub mean_gap: NanosSpan,
    /// Where every interval is judged by itself: a challenge comes at a random moment within this time after its interval has opened; at
    /// once when it is zero.
    pub challenge_within: NanosSpan,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            profile: "cpu".to_owned(),
            segments: 4,
            slots_max: 4,
            mean_gap: NanosSpan::from_seconds(300),
            challenge_within: NanosSpan::ZERO,
        }
    }
}

/// GPUs that may be challenged at once under one obligation: more would not fit the openings.
pub const SLOTS_MAX: u16 = 64;
/// How many segments ahead a provider knows the salts: in the profile that proves residency only the next one.
const SALT_DELAY: u16 = 8;
const SALT_DELAY_BW: u16 = 1;

impl DeliveryOptions {
    /// How much work an obligation of so many GPUs is.
    fn shape(&self, lots: Qty) -> Shape {
        let slots = u16::try_from(lots.lots()).unwrap_or(u16::MAX);
        Shape {
            slots: slots.min(self.slots_max).min(SLOTS_MAX),
            segments: self.segments,
            salt_delay: if self.profile == "bw" { SALT_DELAY_BW } else { SALT_DELAY },
        }
    }
}

/// Why an opening is not carried to the verifiers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpeningsError {
    /// It is too large.
    #[error("openings have {len} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes it has.
        len: usize,
        /// How many it may have.
        limit: usize,
    },
    /// No such obligation, or somebody else's.
    #[error("obligation {obligation} is not this account's to deliver")]
    NotTheSeller {
        /// Which.
        obligation: ObligationId,
    },
    /// No rows are drawn for that challenge, or it has been judged.
    #[error("challenge {challenge} of obligation {obligation} does not wait for openings")]
    NotDrawn {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        challenge: u32,
    },
    /// It was opened before.
    #[error("challenge {challenge} of obligation {obligation} has been opened")]
    Opened {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        challenge: u32,
    },
    /// The verifiers are behind.
    #[error("{limit} openings wait for a verifier")]
    Overloaded {
        /// How many may wait.
        limit: usize,
    },
}

/// What the desk holds: works under way, by their seeds, and openings that no verdict has come for. All else stands in the exchange.
pub(crate) struct DeliveryDesk {
    options: DeliveryOptions,
    works: Mutex<BTreeMap<[u8; 32], Work>>,
    held: Mutex<BTreeMap<(ObligationId, u32), Arc<VerifierTask>>>,
    tasks: broadcast::Sender<Arc<VerifierTask>>,
    /// GFLOP/s of one GPU that count as the whole grade, by the hash of the grade's terms.
    references: BTreeMap<[u8; 32], u64>,
    /// What was open when the process before this one ended.
    lost: Mutex<BTreeMap<(ObligationId, u32), OpenChallenge>>,
    pub(crate) transcripts: Transcripts,
}

impl DeliveryDesk {
    pub(crate) fn new(
        options: DeliveryOptions,
        grades: &[Grade],
        transcripts: Transcripts,
        lost: impl Iterator<Item = OpenChallenge>,
    ) -> Self {
        let reference = |grade: &Grade| Some((grade.terms_hash(), grade.reference_gflops?));
        let lost = lost.map(|open| ((open.obligation, open.challenge), open)).collect();
        Self {
            options,
            works: Mutex::default(),
            held: Mutex::default(),
            tasks: broadcast::Sender::new(TASKS_MAX),
            references: grades.iter().filter_map(reference).collect(),
            lost: Mutex::new(lost),
            transcripts,
        }
    }

    pub(crate) fn options(&self) -> &DeliveryOptions {
        &self.options
    }

    /// Verifiers listen here.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<VerifierTask>> {
        self.tasks.subscribe()
    }

    /// Every opening that waits for a verdict, by obligation and challenge.
    pub(crate) fn open_tasks(&self) -> Vec<Arc<VerifierTask>> {
        self.held.lock().values().cloned().collect()
    }

    /// Whether the rows of a challenge have been opened.
    pub(crate) fn is_opened(&self, obligation: ObligationId, challenge: u32) -> bool {
        self.held.lock().contains_key(&(obligation, challenge))
    }

    /// Takes the rows that an agent opens, and carries them to the verifiers. Nothing is journaled: only the verdict counts.
    pub(crate) fn relay(
        &self,
        exchange: &Exchange,
        account: AccountId,
        (obligation, challenge): (ObligationId, u32),
        openings: String,
    ) -> Result<(), OpeningsError> {
        let (len, limit) = (openings.len(), OPENINGS_LEN_MAX);
        if limit < len {
            return Err(OpeningsError::TooLarge { len, limit });
        }
        if !delivers(exchange, account, obligation) {
            return Err(OpeningsError::NotTheSeller { obligation });
        }
        let open = open_challenge(exchange, obligation, challenge)
            .ok_or(OpeningsError::NotDrawn { obligation, challenge })?;
        if open.seller != account {
            return Err(OpeningsError::NotTheSeller { obligation });
        }
        let works = self.works.lock();
        let task = works
            .get(&open.seed)
            .and_then(|work| VerifierTask::of(self, exchange, &open, work, openings));
        drop(works);
        let task = task.ok_or(OpeningsError::NotDrawn { obligation, challenge })?;
        let task = Arc::new(task);
        let mut held = self.held.lock();
        if held.contains_key(&(obligation, challenge)) {
            return Err(OpeningsError::Opened { obligation, challenge });
        }
        if OPENINGS_HELD_MAX <= held.len() {
            return Err(OpeningsError::Overloaded { limit: OPENINGS_HELD_MAX });
        }
        held.insert((obligation, challenge), Arc::clone(&task));
        drop(held);
        // No verifier may be connected; it asks for all that is open when it comes.
        drop(self.tasks.send(task));
        Ok(())
    }

    /// Hands a claim whose rows nobody has opened to the verifiers as it is: without rows. Whoever has claimed and then falls silent
    /// must not fare better than whoever never claimed.
    /// `None` when the desk has no room now and must be asked again.
    fn relay_nothing(
        &self,
        exchange: &Exchange,
        (obligation, challenge): (ObligationId, u32),
    ) -> Option<()> {
        let Some(open) = open_challenge(exchange, obligation, challenge) else { return Some(()) };
        match self.relay(exchange, open.seller, (obligation, challenge), "{}".to_owned()) {
            Err(OpeningsError::Overloaded { .. }) => None,
            // Opened after all, or judged meanwhile.
            Ok(()) | Err(_) => Some(()),
        }
    }

    /// Takes the roots that an agent has finished, and gives it the salts that it may have for them.
    pub(crate) fn take_roots(
        &self,
        exchange: &Exchange,
        (account, now): (AccountId, Nanos),
        (obligation, challenge): (ObligationId, u32),
        given: SegmentRoots<'_>,
    ) -> Result<TakenRoots, RootsError> {
        if !delivers(exchange, account, obligation) {
            return Err(RootsError::NotTheSeller { obligation });
        }
        let not_open = RootsError::NotOpen { obligation, challenge };
        let open = open_challenge(exchange, obligation, challenge).ok_or(not_open.clone())?;
        if open.seller != account {
            return Err(RootsError::NotTheSeller { obligation });
        }
        match open.state {
            ChallengeState::Challenged { answer_by } if now < answer_by => {}
            ChallengeState::Challenged { .. }
            | ChallengeState::Claimed { .. }
            | ChallengeState::Ended(_) => return Err(not_open),
        }
        let mut works = self.works.lock();
        works.get_mut(&open.seed).ok_or(not_open)?.take(given, now)
    }

    /// The task of a challenge that has not been judged, which goes out now, unless it has before.
    pub(crate) fn task(
        &self,
        exchange: &Exchange,
        open: &OpenChallenge,
        now: Nanos,
    ) -> Option<ChallengeTask> {
        let mut works = self.works.lock();
        let work = works.get_mut(&open.seed)?;
        work.send(now);
        ChallengeTask::of(exchange, open, work, &self.options)
    }

    /// Notes why a verifier has judged as it did.
    pub(crate) fn note_reason(&self, exchange: &Exchange, place: (ObligationId, u32), why: &str) {
        let Some(open) = open_challenge(exchange, place.0, place.1) else { return };
        if let Some(work) = self.works.lock().get_mut(&open.seed) {
            why.clone_into(&mut work.reason);
        }
    }

    /// GFLOP/s of one GPU that count as the whole of a series' grade; `None` where it has no floor, and valid answers are whole.
    fn reference(&self, terms: &Instrument) -> Option<u64> {
        self.references.get(&terms.grade_terms).copied()
    }

    /// Remembers the salts of work that is about to be demanded; whether there is room for them.
    fn begin(&self, seed: [u8; 32], work: Work) -> bool {
        let mut works = self.works.lock();
        let has_room = works.len() < WORKS_MAX;
        if has_room {
            works.insert(seed, work);
        }
        has_room
    }
}

/// Whether an account delivers under an obligation, or did, or stands in.
fn delivers(exchange: &Exchange, account: AccountId, obligation: ObligationId) -> bool {
    exchange.delivery(obligation).is_some_and(|delivery| {
        let duty = &delivery.obligation;
        duty.seller == account || duty.stand_ins.iter().any(|it| it.provider == account)
    })
}

/// A challenge that has not been judged.
fn open_challenge(
    exchange: &Exchange,
    obligation: ObligationId,
    challenge: u32,
) -> Option<OpenChallenge> {
    exchange.delivery(obligation)?.open_challenges().find(|open| open.challenge == challenge)
}
