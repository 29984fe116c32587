//! The sequencer thread: stamps, journals, applies, publishes. One total order, one clock read, one fsync per natural batch.
//!
//! Invariants:
//! - a command is applied only after the frame that holds it is durable, so nobody can see what a crash would undo;
//! - time never runs backwards, whatever the system's clock does;
//! - a journal that fails ends the thread: what was asked and not answered stays unknown to whoever asked, and nothing more is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use exchange::io::{
    Disk, FRAME_RECORDS_MAX, Journal, JournalError, KeptSnapshot, Position, Record,
};
use exchange::{Command, Exchange, QuoteCommand, RULES_VERSION, Stamped};
use instruments::{Nanos, NanosSpan, Seq};
use parking_lot::RwLock;
use thiserror::Error;
use tokio::sync::oneshot;

use super::Life;
use super::age::{Age, Load};
use super::clock::VenueClock;
use super::operations::Operations;
use super::options::VenueOptions;
use super::publish::{Batch, Outcome, Publication, Published, Reply};
use crate::limits::Limits;

/// Commands that may wait to be sequenced. At 100 thousand commands a second the last of them waits 160 ms, and an answer that comes
/// later is of no use to a trader.
pub const INBOX_MAX: usize = 16_384;
/// Places of the inbox that new orders may not take: whoever is overwhelmed must still be able to cancel.
pub const INBOX_RESERVED: usize = 4_096;
/// Bounds the time one fsync may hold replies back, and the size of a frame.
const BATCH_MAX: usize = FRAME_RECORDS_MAX;
/// Bytes of a command in the journal. A listing, the largest of ours, has a few hundred.
pub const COMMAND_LEN_MAX: usize = 16_384;
/// Batches that may wait for the publisher before the sequencer does.
pub(crate) const PUBLICATIONS_MAX: usize = 64;

/// Why a command was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// Too many commands wait. It was not taken.
    #[error("the venue is overloaded: {limit} commands are waiting")]
    Overloaded {
        /// How many may wait.
        limit: usize,
    },
    /// What is there already waits too long. It was not taken.
    #[error("the venue is overloaded: the oldest command waits for {} ms, the limit is {} ms", age.as_millis(), limit.as_millis())]
    Late {
        /// How long it waits.
        age: Duration,
        /// How long it may.
        limit: Duration,
    },
    /// It does not fit into the journal. It was not taken.
    #[error("command has {len} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes it has.
        len: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The venue is shutting down or has stopped. It was not taken.
    #[error("the venue takes no more commands")]
    Stopped,
    /// It was taken, and the venue stopped before it could answer: it may have happened or not.
    #[error("the venue stopped before the outcome was known")]
    Unknown,
}

/// What lies in the inbox.
pub(crate) enum Envelope {
    /// A command and where its outcome is awaited.
    Command(Box<Pending>),
    /// The end: state hash, snapshot, end marker.
    Close,
    /// The end, as a crash would have it.
    Halt,
}

/// A command that waits for its place.
pub(crate) struct Pending {
    command: Command,
    /// The command as the journal keeps it: encoded by whoever asks, not by the one thread that everybody waits for.
    payload: Vec<u8>,
    reply: Reply,
    /// When it came.
    came: u64,
}

/// The way in. Cloned into everything that may ask for something.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: SyncSender<Envelope>,
    waiting: Arc<AtomicUsize>,
    age: Arc<Age>,
}

impl Inbox {
    /// An inbox and its other end.
    pub(crate) fn new(limits: &Limits) -> (Self, Envelopes) {
        let (sender, envelopes) = sync_channel(INBOX_MAX);
        let (waiting, age) = (Arc::new(AtomicUsize::new(0)), Arc::new(Age::new(limits)));
        let inbox = Self { sender, waiting: Arc::clone(&waiting), age: Arc::clone(&age) };
        (inbox, Envelopes { envelopes, waiting, age })
    }

    /// How busy the other end is.
    pub(crate) fn load(&self) -> Load {
        self.age.load(self.waiting.load(Ordering::Relaxed))
    }

    /// Takes a command, or refuses at once.
    ///
    /// # Panics
    /// Never: writing borsh into a vector cannot fail.
    pub(crate) fn send(&self, command: Command) -> Result<oneshot::Receiver<Outcome>, SubmitError> {
        self.age.check(&command)?;
        let limit = room(&command);
        let payload = borsh::to_vec(&command).expect("a command encodes");
        let (len, len_max) = (payload.len(), COMMAND_LEN_MAX);
        if len_max < len {
            return Err(SubmitError::TooLarge { len, limit: len_max });
        }
        if limit <= self.waiting.fetch_add(1, Ordering::Relaxed) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(SubmitError::Overloaded { limit });
        }
        let (reply, outcome) = oneshot::channel();
        let came = self.age.stamp();
        let pending = Box::new(Pending { command, payload, reply, came });
        match self.sender.try_send(Envelope::Command(pending)) {
            Ok(()) => Ok(outcome),
            Err(TrySendError::Full(_)) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(SubmitError::Overloaded { limit })
            }
            Err(TrySendError::Disconnected(_)) => Err(SubmitError::Stopped),
        }
    }

    /// How many commands wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Asks the thread to end. It may have ended already.
    pub(crate) fn end(&self, envelope: Envelope) {
        drop(self.sender.send(envelope));
    }
}

/// The other end of the inbox.
pub(crate) struct Envelopes {
    envelopes: Receiver<Envelope>,
    waiting: Arc<AtomicUsize>,
    age: Arc<Age>,
}

impl Envelopes {
    /// The next, once there is one.
    fn next(&self) -> Option<Envelope> {
        self.envelopes.try_recv().ok().or_else(|| {
            self.age.rest();
            self.envelopes.recv().ok()
        })
    }
}

/// Where the journal ends.
struct Tail {
    next_seq: Seq,
    last_at: Nanos,
}

/// What is in the inbox now, up to a limit.
struct Gathered {
    commands: Vec<Pending>,
    ending: Option<Ending>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Close,
    Halt,
}

/// The thread's ends of everything.
pub(crate) struct Sequencer<D: Disk> {
    inbox: Envelopes,
    journal: Journal<D>,
    exchange: Arc<RwLock<Exchange>>,
    publisher: SyncSender<Publication>,
    clock: VenueClock,
    tail: Tail,
    snapshot_every: u64,
    snapshot_at: u64,
    operations: Arc<Operations>,
}

impl<D: Disk> Sequencer<D> {
    pub(crate) fn new(
        inbox: Envelopes,
        journal: Journal<D>,
        exchange: Arc<RwLock<Exchange>>,
        publisher: SyncSender<Publication>,
        (options, operations): (&VenueOptions, Arc<Operations>),
    ) -> Self {
        let (last_seq, last_at) = {
            let exchange = exchange.read();
            (exchange.last_seq(), exchange.now())
        };
        Self {
            inbox,
            journal,
            exchange,
            publisher,
            clock: options.clock.clone(),
            tail: Tail { next_seq: last_seq.next(), last_at },
            snapshot_every: options.snapshot_every,
            snapshot_at: last_seq.0.saturating_add(options.snapshot_every),
            operations,
        }
    }

    /// Works until it is told to end or the journal fails, and says how it ended.
    pub(crate) fn live(self) -> Life {
        match self.run() {
            Ok(life) => life,
            Err(error) => {
                // An operator must act. Nothing is taken, answered or journaled from here on.
                tracing::error!(%error, "journal write failed, venue stops");
                Life::Failed
            }
        }
    }

    fn run(mut self) -> Result<Life, JournalError> {
        while let Some(first) = self.inbox.next() {
            let gathered = self.gather(first);
            self.commit(gathered.commands)?;
            match gathered.ending {
                Some(Ending::Close) => return self.close(),
                Some(Ending::Halt) => return Ok(Life::Running),
                None => {}
            }
            if self.snapshot_at < self.tail.next_seq.0 {
                self.snapshot()?;
            }
        }
        Ok(Life::Running)
    }

    fn gather(&self, first: Envelope) -> Gathered {
        let mut gathered = Gathered { commands: Vec::new(), ending: None };
        for envelope in std::iter::once(first).chain(self.inbox.envelopes.try_iter()) {
            match envelope {
                Envelope::Command(pending) => gathered.commands.push(*pending),
                Envelope::Close => gathered.ending = Some(Ending::Close),
                Envelope::Halt => gathered.ending = Some(Ending::Halt),
            }
            if gathered.ending.is_some() || BATCH_MAX <= gathered.commands.len() {
                break;
            }
        }
        if let Some(oldest) = gathered.commands.first() {
            self.inbox.age.work_on(oldest.came);
        }
        self.inbox.waiting.fetch_sub(gathered.commands.len(), Ordering::Relaxed);
        gathered
    }

    /// Stamp, journal, apply, publish.
    fn commit(&mut self, commands: Vec<Pending>) -> Result<(), JournalError> {
        if commands.is_empty() {
            return Ok(());
        }
        let batch: Vec<(Seq, Nanos, Pending)> =
            commands.into_iter().map(|pending| self.stamp(pending)).collect();
        let begun_at = self.clock.now();
        self.journal(&batch)?;
        self.count(&batch, self.clock.now().since(begun_at));
        let mut outcomes = Vec::with_capacity(batch.len());
        for (seq, at, Pending { command, reply, .. }) in batch {
            let mut events = Vec::new();
            // One command at a time: a reader waits for one of them at most.
            self.exchange.write().apply(&Stamped { seq, at, command }, &mut events);
            outcomes.push((Arc::new(Published { seq, at, events }), reply));
        }
        let history_hash = self.exchange.read().history_hash();
        self.publish(Publication::Batch(Batch { outcomes, history_hash }));
        Ok(())
    }

    fn count(&self, batch: &[(Seq, Nanos, Pending)], took: NanosSpan) {
        let first = batch.first().map_or(0, |(seq, ..)| seq.0);
        let kinds = batch.iter().map(|(.., pending)| (&pending.command, pending.payload.len()));
        self.operations.metrics.note_batch((first, batch.len()), kinds, took);
    }

    fn stamp(&mut self, pending: Pending) -> (Seq, Nanos, Pending) {
        let (seq, at) = (self.tail.next_seq, self.clock.now().max(self.tail.last_at));
        self.tail = Tail { next_seq: seq.next(), last_at: at };
        (seq, at, pending)
    }

    fn journal(&mut self, batch: &[(Seq, Nanos, Pending)]) -> Result<(), JournalError> {
        let records: Vec<Record<'_>> = batch
            .iter()
            .map(|(seq, at, pending)| Record::Command {
                seq: *seq,
                at: *at,
                payload: &pending.payload,
            })
            .collect();
        self.journal.append(&records).map(drop)
    }

    /// Waits for the publisher when it is behind. It ends after this thread, so it is there.
    fn publish(&self, publication: Publication) {
        assert!(
            self.publisher.send(publication).is_ok(),
            "the publisher has ended before its time"
        );
    }

    /// Journals the state's hash and hands the state over to be written. Orders wait for the encoding, not for the disk.
    fn snapshot(&mut self) -> Result<[u8; 32], JournalError> {
        self.snapshot_at = self.tail.next_seq.0.saturating_add(self.snapshot_every);
        let payload = self.exchange.read().snapshot();
        let state_hash = *blake3::hash(&payload).as_bytes();
        let Position { seq, at, .. } = self.journal.position();
        let position = self.journal.append(&[Record::StateHash { seq, at, hash: state_hash }])?;
        let snapshot = KeptSnapshot { rules: RULES_VERSION, position, state_hash, payload };
        self.publish(Publication::Snapshot(Box::new(snapshot)));
        Ok(state_hash)
    }

    fn close(mut self) -> Result<Life, JournalError> {
        let state_hash = self.snapshot()?;
        let last = self.journal.close()?;
        Ok(Life::Closed { seq: last.seq, state_hash })
    }
}

/// How many commands may wait when this one comes: what trades leaves room for what clears and delivers.
const fn room(command: &Command) -> usize {
    match command {
        Command::PlaceOrder(_)
        | Command::AmendOrder(_)
        | Command::Batch { .. }
        | Command::Quoting(QuoteCommand::MassQuote(_) | QuoteCommand::Place { .. }) => {
            INBOX_MAX.saturating_sub(INBOX_RESERVED)
        }
        Command::OpenVenue(_)
        | Command::ListInstrument(_)
        | Command::OpenAccount { .. }
        | Command::Deposit { .. }
        | Command::Withdraw { .. }
        | Command::FundHouse { .. }
        | Command::CancelOrder { .. }
        | Command::CancelAll { .. }
        | Command::OpenAuction { .. }
        | Command::PublishIndex(_)
        | Command::DisputeFixing { .. }
        | Command::RuleOnFixing { .. }
        | Command::NominateAgent { .. }
        | Command::VoidChallenges
        | Command::IssueChallenge { .. }
        | Command::SubmitReceipt { .. }
        | Command::DrawRows { .. }
        | Command::SubmitVerdict { .. }
        | Command::PublishCurve { .. }
        | Command::PublishRisk { .. }
        | Command::RegisterCapacity { .. }
        | Command::SetMarginMode { .. }
        | Command::InstructExercise { .. }
        | Command::SetDefaultTerms(_)
        | Command::ContributeDefaultFund { .. }
        | Command::WithdrawDefaultFund { .. }
        | Command::RegisterBackstop { .. }
        | Command::BidBackstop { .. }
        // Physical close-out.
        | Command::Nominate { .. }
        | Command::AcceptDelivery { .. }
        | Command::DeclareOutage { .. }
        | Command::JudgeBurnIn { .. }
        | Command::Substitute { .. }
        | Command::OfferStandby { .. }
        | Command::DisputeInvoice { .. }
        // Trades agreed elsewhere.
        | Command::RegisterTradingKey { .. }
        | Command::SubmitAgreement { .. }
        // Buyers' jobs.
        | Command::SetJobTerms(_)
        | Command::SubmitJob { .. }
        | Command::ClaimJob { .. }
        | Command::DeclineJob { .. }
        | Command::AcceptJob { .. }
        | Command::OpenDispute { .. }
        | Command::AnswerDispute { .. }
        | Command::RuleDispute { .. }
        // Whoever is gone.
        | Command::CancelAllAfter { .. }
        | Command::SetCancelOnDisconnect { .. }
        | Command::EndSession { .. }
        | Command::EndSessions
        // What operators stop.
        | Command::SetTradingState { .. }
        | Command::KillAccount { .. }
        | Command::ReviveAccount { .. }
        // Quotes.
        | Command::Quoting(
            QuoteCommand::Protect { .. }
            | QuoteCommand::Unprotect { .. }
            | QuoteCommand::Reset { .. }
            | QuoteCommand::Cancel { .. },
        )
        | Command::Tick => INBOX_MAX,
    }
}
