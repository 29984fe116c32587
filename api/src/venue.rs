//! The venue: one directory, one sequencer, one exchange. Everything that has a clock, a disk or a thread on the order path.
//!
//! ```text
//! submit -> inbox -> [sequencer: stamp, journal, apply] -> [publisher: history, feed, reply] -> [housekeeping: flush, snapshot]
//!             ^                                                   |
//!             +---- [timer: tick]   [option desk: price]   [delivery desk: challenge, draw] <+
//! ```
//!
//! Invariants:
//! - nothing leaves before its frame is durable: not an answer, not a fill, not market data;
//! - whoever has an answer finds it in the history;
//! - a journal that fails stops the venue: what was not answered is unknown to whoever asked, never wrong.

pub mod account;
mod age;
mod assignment;
mod audit;
mod blobs;
mod clock;
pub(crate) mod credentials;
mod curve_desk;
mod delivery_desk;
mod directory;
pub mod history;
mod housekeeping;
mod key;
mod keys;
mod ladder;
mod listing;
mod mock;
mod operations;
mod option_desk;
mod options;
mod publish;
mod recover;
mod replay;
mod sequencer;
mod start;
mod timer;
mod transcript;
mod used;
mod verify;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use exchange::{Command, Exchange, Reject};
use instruments::{AccountId, Grade, MicroUsd, Nanos, ObligationId, Seq};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use thiserror::Error;
use tokio::sync::{broadcast, watch};

use crate::limits::{Limits, LimitsError};
use audit::AuditLog;
use credentials::Credentials;
use delivery_desk::DeliveryDesk;
use directory::Directory;
use history::History;
use key::VenueKey;
use mock::MockDesk;
use operations::Operations;
use sequencer::{Envelope, Inbox};
use wait::wait;

use crate::auth::Nonces;

pub use age::Load;
pub use assignment::{AssignmentOnRecord, assignment};
pub use audit::{AuditError, AuditEvent, AuditHead, AuditReport, verify_audit};
pub(crate) use blobs::NAMED_MAX;
pub use blobs::{
    BLOB_BYTES_MAX, BLOB_LEN_MAX, BLOBS_MAX, BlobError, BlobHash, BlobStore, BlobWriter,
};
pub use clock::VenueClock;
pub(crate) use credentials::{
    ApiKey, Book, KEYS_PER_ACCOUNT_MAX, KeyEdit, NewKey, SESSION_KEYS_PER_ACCOUNT_MAX, SessionKey,
    WALLETS_PER_ACCOUNT_MAX, Wallet,
};
pub use credentials::{Credential, KeyError};
pub use delivery_desk::{
    ChallengeTask, DeliveryOptions, OPENINGS_HELD_MAX, OPENINGS_LEN_MAX, OpeningsError, ROOTS_MAX,
    RootsError, SLOTS_MAX, SegmentRoots, Shape, TakenRoots, VerifierTask, salt,
};
pub use directory::DirectoryError;
pub(crate) use directory::{random_bytes, read_file, replace_file};
pub use ladder::{RUNG_MAX, RestartLadder};
pub use listing::{Listing, ReferencePrice};
pub use mock::{
    MOCK_CHALLENGES_MAX, MOCK_INTERVAL_MILLIS, MOCK_SLOTS_MAX, MockAnswer, MockChallenge,
    MockError, MockJudge, MockTerms, MockVerdict,
};
pub(crate) use operations::SessionPlace;
pub use operations::SessionView;
pub use options::{AuthOptions, JobOptions, VenueCalendar, VenueOptions, WatchOptions};
pub use publish::{Outcome, Published};
pub use recover::RecoverError;
pub use sequencer::{COMMAND_LEN_MAX, INBOX_MAX, INBOX_RESERVED, SubmitError};
pub use transcript::{TRANSCRIPT_PAGE_MAX, TranscriptError, TranscriptPage, Transcripts};
pub(crate) use used::{Used, UsedSignatures};
pub use verify::{VerifyReport, read_journal, verify};

/// Why a venue does not open, or does not close in order.
#[derive(Debug, Error)]
pub enum VenueError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// What lies in it does not add up.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The transcripts cannot be opened.
    #[error("transcripts: {0}")]
    Transcripts(#[from] exchange::io::StoreError),
    /// Test money was asked for where there is none.
    #[error(
        "data directory {path} is not a testnet: --testnet is decided when a directory is created"
    )]
    NotATestnet {
        /// Which directory.
        path: PathBuf,
    },
    /// A limit is beyond its bound.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The blobs cannot be used.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// A credential could not be given out.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No thread could be started.
    #[error("cannot start the {name} thread: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A command of our own was not answered.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A command of our own was refused.
    #[error("refused under {rule}: {0:?}", rule = .0.rule())]
    Refused(Reject),
    /// The journal failed; the log says how.
    #[error("the venue has stopped because its journal failed")]
    Failed,
}

/// Where a venue is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Closed { seq: Seq, state_hash: [u8; 32] },
    Failed,
}

/// The state in which a venue was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Its last command.
    pub seq: Seq,
    /// The state hash that its journal ends with.
    pub state_hash: [u8; 32],
}

/// A handle to a running venue. Cheap to clone; the venue ends with [`Venue::close`], or with its last handle as a crash would end it.
#[derive(Clone)]
pub struct Venue {
    running: Arc<Running>,
}

struct Running {
    inbox: Inbox,
    exchange: Arc<RwLock<Exchange>>,
    history: Arc<History>,
    feed: broadcast::Sender<Outcome>,
    desk: Arc<DeliveryDesk>,
    blobs: BlobStore,
    key: Arc<VenueKey>,
    credentials: Credentials,
    audit: AuditLog,
    nonces: Arc<Mutex<Nonces>>,
    signatures_since: Nanos,
    auth: AuthOptions,
    clock: VenueClock,
    life: watch::Receiver<Life>,
    operations: Arc<Operations>,
    opens_faucet: bool,
    mock: MockDesk,
    judge_mock: Option<MockJudge>,
    grades: Vec<Grade>,
    limits: Limits,
    threads: Mutex<Vec<JoinHandle<()>>>,
    // Given back when the threads have ended.
    directory: Mutex<Option<Directory>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Envelope::Halt);
    }
}

impl Running {
    fn end(&self, envelope: Envelope) {
        let mut threads = self.threads.lock();
        if !threads.is_empty() {
            self.inbox.end(envelope);
        }
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the venue has panicked");
            }
        }
        self.history.close();
        self.desk.transcripts.close();
        if self.directory.lock().take().is_some() {
            self.audit.close(self.clock.now());
        }
    }
}

impl Venue {
    /// Whether test money can be credited through this handle: on a testnet that was opened as one.
    #[must_use]
    pub fn opens_faucet(&self) -> bool {
        self.running.opens_faucet
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.running.operations
    }

    /// Lists what is missing of a grade's standard cycle.
    pub(crate) fn list_grade(&self, grade: &str, per_hour: &str) -> Result<(), String> {
        let running = &self.running;
        let per_hour: rust_decimal::Decimal =
            per_hour.parse().map_err(|_not_a_number| "per_hour must be dollars".to_owned())?;
        let micros = per_hour.checked_mul(rust_decimal::Decimal::from(1_000_000));
        let micros = micros.and_then(|micros| i64::try_from(micros).ok()).filter(|it| 0 < *it);
        let per_hour = micros.map(MicroUsd::new).ok_or("per_hour is out of range")?;
        let known = running.grades.iter().find(|known| known.id.as_str() == grade);
        let grade = known.ok_or("no terms for this grade")?.id.clone();
        let listing = Listing::Standard(vec![ReferencePrice { grade, per_hour }]);
        let grades = running.grades.as_slice();
        listing::list_missing(&running.inbox, &running.exchange, (&listing, grades), self.now());
        Ok(())
    }

    /// Commands that wait to be sequenced.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.running.inbox.waiting()
    }

    /// How much may be asked of the server in front of it.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.running.limits
    }

    /// How busy the sequencer is.
    #[must_use]
    pub fn load(&self) -> Load {
        self.running.inbox.load()
    }

    /// Where dry runs are held.
    pub(crate) fn mock_desk(&self) -> Result<&MockDesk, MockError> {
        let is_offered = self.running.judge_mock.is_some();
        if is_offered { Ok(&self.running.mock) } else { Err(MockError::NotOffered) }
    }

    /// Who judges them.
    pub(crate) fn mock_judge(&self) -> Option<MockJudge> {
        self.running.judge_mock
    }

    /// Whether a grade of that name is listed here.
    pub(crate) fn has_grade(&self, name: &str) -> bool {
        self.running.grades.iter().any(|grade| grade.id.as_str() == name)
    }

    /// What a dry run on so many devices asks for, measured against a grade.
    pub(crate) fn mock_terms(
        &self,
        size: (u16, u32),
        grade: Option<&str>,
    ) -> Result<MockTerms, MockError> {
        let grade = self.running.grades.iter().find(|it| Some(it.id.as_str()) == grade);
        let reference = grade.and_then(|grade| grade.reference_gflops);
        MockTerms::of(self.running.desk.options(), size, reference)
    }

    /// Submits a command and waits until it is durable, applied, and in the history. A refusal is an outcome like any other.
    ///
    /// # Errors
    /// [`SubmitError`]; only [`SubmitError::Unknown`] leaves open whether it happened.
    pub async fn submit(&self, command: Command) -> Result<Outcome, SubmitError> {
        let outcome = self.running.inbox.send(command)?;
        outcome.await.map_err(|_gone| SubmitError::Unknown)
    }

    /// [`Venue::submit`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Venue::submit`].
    pub fn submit_blocking(&self, command: Command) -> Result<Outcome, SubmitError> {
        wait(self.submit(command))
    }

    /// The exchange after every durable command. Orders wait while this is held: ask and let go.
    pub fn exchange(&self) -> RwLockReadGuard<'_, Exchange> {
        self.running.exchange.read()
    }

    /// What clients ask about the past.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.running.history
    }

    /// Every durable command that had events, in order, from behind the last answer that the caller has. The exchange may be ahead of it.
    /// A listener that falls too far behind is told so and starts afresh.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Outcome> {
        self.running.feed.subscribe()
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.running.clock.now()
    }

    /// The address of the key that countersigns receipts.
    #[must_use]
    pub fn exchange_address(&self) -> [u8; 20] {
        self.running.key.address()
    }

    /// How work is demanded.
    #[must_use]
    pub fn delivery_options(&self) -> &DeliveryOptions {
        self.running.desk.options()
    }

    /// One challenge that has not been judged.
    #[must_use]
    pub fn challenge(&self, obligation: ObligationId, number: u32) -> Option<ChallengeTask> {
        let exchange = self.exchange();
        let delivery = exchange.delivery(obligation)?;
        let challenge = delivery.open_challenges().find(|open| open.challenge == number)?;
        self.running.desk.task(&exchange, &challenge, self.now())
    }

    /// Every challenge of one seller that has not been judged.
    #[must_use]
    pub fn challenges_of(&self, seller: AccountId) -> Vec<ChallengeTask> {
        let exchange = self.exchange();
        exchange
            .open_challenges()
            .filter(|challenge| challenge.seller == seller)
            .filter_map(|challenge| self.running.desk.task(&exchange, &challenge, self.now()))
            .collect()
    }

    /// Carries the rows that an agent has opened to the verifiers.
    ///
    /// # Errors
    /// [`OpeningsError`]; nothing is carried then.
    pub fn relay_openings(
        &self,
        account: AccountId,
        obligation: ObligationId,
        challenge: u32,
        openings: String,
    ) -> Result<(), OpeningsError> {
        // Held until the rows are with the desk, so that no verdict can come between.
        let exchange = self.exchange();
        self.running.desk.relay(&exchange, account, (obligation, challenge), openings)
    }

    /// Takes the roots that an agent has finished. Nothing is journaled.
    ///
    /// # Errors
    /// [`RootsError`]; nothing is taken then.
    pub fn take_roots(
        &self,
        account: AccountId,
        place: (ObligationId, u32),
        given: SegmentRoots<'_>,
    ) -> Result<TakenRoots, RootsError> {
        let exchange = self.exchange();
        self.running.desk.take_roots(&exchange, (account, self.now()), place, given)
    }

    /// Notes, for the transcript, why a verifier judges as it does. Of anybody else it is not noted.
    pub(crate) fn note_reason(&self, account: AccountId, place: (ObligationId, u32), why: &str) {
        let exchange = self.exchange();
        if exchange.account(account).is_some_and(|account| account.is_verifier) {
            self.running.desk.note_reason(&exchange, place, why);
        }
    }

    /// The transcripts of all deliveries.
    #[must_use]
    pub fn transcripts(&self) -> &Transcripts {
        &self.running.desk.transcripts
    }

    /// Whether the rows of a challenge have been opened since the venue was started.
    #[must_use]
    pub fn is_opened(&self, obligation: ObligationId, challenge: u32) -> bool {
        self.running.desk.is_opened(obligation, challenge)
    }

    /// Openings for verifiers, from now on.
    #[must_use]
    pub fn subscribe_verifier_tasks(&self) -> broadcast::Receiver<Arc<VerifierTask>> {
        self.running.desk.subscribe()
    }

    /// Openings that wait for a verdict: what a verifier asks for when it connects.
    #[must_use]
    pub fn open_verifier_tasks(&self) -> Vec<Arc<VerifierTask>> {
        self.running.desk.open_tasks()
    }

    /// What jobs are made of.
    #[must_use]
    pub fn blobs(&self) -> &BlobStore {
        &self.running.blobs
    }

    /// Removes the blobs that no job needs any more.
    pub fn sweep_blobs(&self) {
        let exchange = self.exchange();
        // What the exchange has forgotten has ended.
        let open: std::collections::BTreeSet<instruments::JobId> =
            exchange.jobs().iter().filter(|job| !job.state.has_ended()).map(|job| job.id).collect();
        drop(exchange);
        self.blobs().sweep(self.now(), |job| !open.contains(&job));
    }

    /// Whether the venue has stopped because its journal failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let has_ended = self.running.life.has_changed().is_err();
        match *self.running.life.borrow() {
            Life::Failed => true,
            // Nobody is left who could say how it ended: a panic.
            Life::Running => has_ended,
            Life::Closed { .. } => false,
        }
    }

    /// Waits until the venue stops because its journal fails. The process should exit then, with an error; forever when it closes.
    pub async fn failed(&self) {
        let mut life = self.running.life.clone();
        let ended = life.wait_for(|life| *life != Life::Running).await.map(|life| *life);
        if matches!(ended, Ok(Life::Closed { .. })) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the venue in order: what was taken is finished, the state hash and the end marker are journaled, the store is flushed, the
    /// snapshot written, the directory given back. Blocks. Other handles still read the exchange, but submit and find nothing any more.
    ///
    /// # Errors
    /// [`VenueError::Failed`] when the journal has failed, now or before.
    pub fn close(self) -> Result<Closed, VenueError> {
        self.running.end(Envelope::Close);
        match *self.running.life.borrow() {
            Life::Closed { seq, state_hash } => Ok(Closed { seq, state_hash }),
            Life::Running | Life::Failed => Err(VenueError::Failed),
        }
    }

    /// A command of our own, which must not be refused.
    fn accepted(&self, command: Command) -> Result<Outcome, VenueError> {
        let outcome = self.submit_blocking(command)?;
        match outcome.refusal() {
            Some(reason) => Err(VenueError::Refused(reason.clone())),
            None => Ok(outcome),
        }
    }
}
