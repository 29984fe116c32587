//! The delivery desk: demands work for every interval that opens, draws rows for every claim, and carries openings to verifiers.
//!
//! ```text
//! IntervalOpened --(fresh seed)--> IssueChallenge      ReceiptAccepted --(fresh seed)--> DrawRows      openings --> verifiers
//! ```
//!
//! It decides nothing: seeds are random, and everything that counts enters through the door. What it must not forget stands in the
//! exchange's state, from which it starts afresh whenever it has missed something.

mod task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::{Command, Event, Exchange};
use instruments::{AccountId, Nanos, NanosSpan, ObligationId};
use parking_lot::{Mutex, RwLock};
use settlement::{ChallengeState, IntervalState};
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::clock::VenueClock;
use super::directory::random_bytes;
use super::publish::Outcome;
use super::sequencer::Inbox;

pub use task::{ChallengeTask, SLOTS_MAX, VerifierTask};

/// Bytes of one opening: four slots of four rows with their Merkle paths fit twice over.
pub const OPENINGS_LEN_MAX: usize = 61_440;
/// Openings held for verifiers, one for each challenge: 60 MiB of them.
pub const OPENINGS_HELD_MAX: usize = 1_024;
/// Tasks a slow verifier may fall behind before it has to ask for all that is open.
const TASKS_MAX: usize = 1_024;
/// How long the desk waits before it asks an overloaded venue again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How work is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOptions {
    /// Which program the agents run: `ci`, `cpu` or `dc`.
    pub profile: String,
    /// How many segments one challenge has.
    pub segments: u16,
    /// A challenge comes at a random moment within this time after its interval has opened; at once when it is zero.
    pub challenge_within: NanosSpan,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self { profile: "cpu".to_owned(), segments: 4, challenge_within: NanosSpan::ZERO }
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

/// What the desk holds: openings that no verdict has come for. All else stands in the exchange.
pub(crate) struct DeliveryDesk {
    options: DeliveryOptions,
    held: Mutex<BTreeMap<(ObligationId, u32), Arc<VerifierTask>>>,
    tasks: broadcast::Sender<Arc<VerifierTask>>,
}

impl DeliveryDesk {
    pub(crate) fn new(options: DeliveryOptions) -> Self {
        Self { options, held: Mutex::default(), tasks: broadcast::Sender::new(TASKS_MAX) }
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
        let delivery = exchange
            .delivery(obligation)
            .filter(|delivery| {
                let stands_in = |it: &settlement::StandIn| it.provider == account;
                let duty = &delivery.obligation;
                duty.seller == account || duty.stand_ins.iter().any(stands_in)
            })
            .ok_or(OpeningsError::NotTheSeller { obligation })?;
        let open = delivery
            .open_challenges()
            .find(|open| open.challenge == challenge)
            .ok_or(OpeningsError::NotDrawn { obligation, challenge })?;
        if open.seller != account {
            return Err(OpeningsError::NotTheSeller { obligation });
        }
        let task = VerifierTask::of(&open, &self.options, openings)
            .ok_or(OpeningsError::NotDrawn { obligation, challenge })?;
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
        let Some(delivery) = exchange.delivery(obligation) else { return Some(()) };
        let mut open = delivery.open_challenges();
        let Some(open) = open.find(|open| open.challenge == challenge) else { return Some(()) };
        match self.relay(exchange, open.seller, (obligation, challenge), "{}".to_owned()) {
            Err(OpeningsError::Overloaded { .. }) => None,
            // Opened after all, or judged meanwhile.
            Ok(()) | Err(_) => Some(()),
        }
    }

    fn forget(&self, obligation: ObligationId, challenge: u32) {
        self.held.lock().remove(&(obligation, challenge));
    }
}

/// When the rows that have just been drawn must be opened: after half the time that the verdict has.
fn open_by(exchange: &Exchange, obligation: ObligationId) -> Nanos {
    let delivery = exchange.delivery(obligation);
    let series = delivery.and_then(|d| exchange.series_by_id(d.obligation.instrument));
    let within = series.map_or(0, |series| series.instrument.schedule.verdict_within.nanos());
    exchange.now() + NanosSpan::new(within.div_euclid(2))
}

/// The desk's thread.
pub(crate) struct DeskThread {
    pub(crate) desk: Arc<DeliveryDesk>,
    pub(crate) exchange: Arc<RwLock<Exchange>>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: VenueClock,
    pub(crate) feed: broadcast::Receiver<Outcome>,
    /// A token for every time the feed has something new; closed when the publisher ends.
    pub(crate) wake: Receiver<()>,
}

/// What is still to be asked of the exchange, and from when on: of an obligation, for an interval or about a challenge; these have the
/// same numbers.
#[derive(Default)]
struct Owed(BTreeMap<(ObligationId, u32), (Nanos, Step)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Challenge,
    Draw,
    /// Rows that were drawn are not opened: that is for the verifiers to judge.
    Unopened,
}

impl DeskThread {
    /// Works until the publisher ends.
    pub(crate) fn run(mut self) {
        let mut owed = self.all_owed();
        loop {
            self.read_feed(&mut owed);
            self.pay(&mut owed);
            let woken = if owed.0.is_empty() {
                self.wake.recv().map_err(|_ended| RecvTimeoutError::Disconnected)
            } else {
                self.wake.recv_timeout(RETRY_AFTER)
            };
            if woken == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn read_feed(&mut self, owed: &mut Owed) {
        loop {
            match self.feed.try_recv() {
                Ok(outcome) => {
                    let opens = self.moment_after(outcome.at);
                    for event in &outcome.events {
                        self.desk.note(event, (outcome.at, opens), owed);
                        if let Event::RowsDrawn { obligation, challenge, .. } = event {
                            let due = open_by(&self.exchange.read(), *obligation);
                            owed.0.insert((*obligation, *challenge), (due, Step::Unopened));
                        }
                    }
                }
                Err(TryRecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "delivery desk fell behind, starts afresh");
                    *owed = self.all_owed();
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// All that the exchange waits for, read from its state.
    fn all_owed(&self) -> Owed {
        let exchange = self.exchange.read();
        let mut owed = Owed::default();
        for delivery in exchange.deliveries().filter(|delivery| !delivery.obligation.closed) {
            let id = delivery.obligation.id;
            for (interval, state) in (0_u32..).zip(&delivery.obligation.intervals) {
                if *state == IntervalState::Open {
                    owed.0.insert((id, interval), (exchange.now(), Step::Challenge));
                }
            }
            for challenge in delivery.open_challenges() {
                let is_claimed = matches!(challenge.state, ChallengeState::Claimed { .. });
                let place = (id, challenge.challenge);
                if is_claimed && challenge.draw_seed.is_none() {
                    owed.0.insert(place, (exchange.now(), Step::Draw));
                } else if is_claimed {
                    owed.0.insert(place, (open_by(&exchange, id), Step::Unopened));
                }
            }
        }
        // What ended while nobody looked is not held any longer.
        self.desk.held.lock().retain(|(id, number), _| {
            let delivery = exchange.delivery(*id);
            delivery.is_some_and(|delivery| {
                delivery.open_challenges().any(|challenge| challenge.challenge == *number)
            })
        });
        owed
    }

    /// The moment at which everything that opened at `at` is challenged: all at once, because one GPU cannot serve two contracts.
    fn moment_after(&self, at: Nanos) -> Nanos {
        let within = self.desk.options.challenge_within.nanos();
        let Ok(random) = random_bytes() else { return at };
        let [a, b, c, d, e, f, g, h, ..] = random;
        let random = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        at + NanosSpan::new(random.checked_rem(within).unwrap_or(0))
    }

    /// Asks for all that is due. What the inbox does not take stays owed.
    fn pay(&self, owed: &mut Owed) {
        let now = self.clock.now();
        owed.0.retain(|(obligation, number), (due, step)| {
            now < *due || self.ask(*obligation, *number, *step).is_none()
        });
    }

    fn ask(&self, obligation: ObligationId, number: u32, step: Step) -> Option<()> {
        if step == Step::Unopened {
            return self.desk.relay_nothing(&self.exchange.read(), (obligation, number));
        }
        let seed = random_bytes()
            .inspect_err(|error| tracing::error!(%error, "no randomness, no challenge"))
            .ok()?;
        let command = match step {
            Step::Challenge => Command::IssueChallenge { obligation, seed },
            Step::Draw => Command::DrawRows { obligation, challenge: number, seed },
            Step::Unopened => return Some(()),
        };
        // The outcome comes by the feed; a refusal means that the challenge has moved on.
        self.inbox.send(command).map(drop).ok()
    }
}

impl DeliveryDesk {
    fn note(&self, event: &Event, (now, opens): (Nanos, Nanos), owed: &mut Owed) {
        if let Event::IntervalOpened { obligation, interval } = event {
            owed.0.insert((*obligation, *interval), (opens, Step::Challenge));
        }
        if let Event::ReceiptAccepted { receipt, .. } = event {
            owed.0.insert((receipt.obligation, receipt.challenge), (now, Step::Draw));
        }
        if let Event::ChallengeEnded { obligation, challenge, .. } = event {
            owed.0.remove(&(*obligation, *challenge));
            self.forget(*obligation, *challenge);
        }
        if let Event::IntervalSettled(settled) = event {
            owed.0.remove(&(settled.obligation, settled.interval));
        }
    }
}
