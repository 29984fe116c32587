//! The publisher thread: takes what is durable and applied, writes the read models, tells everybody, and answers.
//!
//! In that order: whoever has an answer finds it in the history, and a feed that it subscribes to from then on begins behind it. Nothing
//! reaches this thread before its frame is durable.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use exchange::io::KeptSnapshot;
use exchange::{Event, Reject};
use instruments::{Nanos, Seq};
use tokio::sync::{broadcast, oneshot};

use super::history::History;
use super::housekeeping::Job;
use super::operations::Operations;

/// How far a slow listener may fall behind before it is told so and must start afresh: a second at 64 thousand commands a second.
pub(crate) const FEED_MAX: usize = 65_536;
/// Commands after which the store is made durable; a start after a crash replays about as many.
const FLUSH_EVERY: usize = 65_536;

/// A durable command and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its place in the journal.
    pub seq: Seq,
    /// When it was stamped.
    pub at: Nanos,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Published {
    /// Why the command was refused, if it was.
    #[must_use]
    pub fn refusal(&self) -> Option<&Reject> {
        self.events
            .iter()
            .find_map(|event| if let Event::Rejected(reason) = event { Some(reason) } else { None })
    }
}

/// What whoever submitted a command receives: the very value that everybody else sees.
pub type Outcome = Arc<Published>;

/// Where the outcome of one command is awaited.
pub(crate) type Reply = oneshot::Sender<Outcome>;

/// What the sequencer hands over.
pub(crate) enum Publication {
    /// One natural batch, durable and applied.
    Batch(Batch),
    /// The state after the batch before.
    Snapshot(Box<KeptSnapshot>),
}

/// The outcomes of one frame.
pub(crate) struct Batch {
    pub(crate) outcomes: Vec<(Outcome, Reply)>,
    /// The exchange's history hash after the last of them.
    pub(crate) history_hash: [u8; 32],
}

/// The publisher's ends of everything.
pub(crate) struct Publisher {
    pub(crate) inbox: Receiver<Publication>,
    pub(crate) history: Arc<History>,
    pub(crate) operations: Arc<Operations>,
    pub(crate) feed: broadcast::Sender<Outcome>,
    pub(crate) housekeeping: SyncSender<Job>,
    /// Wakes the delivery desk, which reads the feed. Holds one token: the desk reads all there is.
    pub(crate) desk: SyncSender<()>,
}

impl Publisher {
    /// Works until the sequencer ends.
    pub(crate) fn run(self) {
        let mut unflushed: usize = 0;
        while let Ok(publication) = self.inbox.recv() {
            match publication {
                Publication::Batch(batch) => {
                    unflushed = unflushed.saturating_add(batch.outcomes.len());
                    self.publish(batch);
                }
                Publication::Snapshot(snapshot) => self.hand_over(Job::Snapshot(snapshot)),
            }
            if FLUSH_EVERY <= unflushed {
                unflushed = 0;
                self.hand_over(Job::Flush);
            }
        }
    }

    fn publish(&self, batch: Batch) {
        let outcomes = batch.outcomes.iter().map(|(outcome, _)| &**outcome);
        self.history.apply(outcomes, batch.history_hash);
        if let Some((last, _)) = batch.outcomes.last() {
            self.operations.metrics.note_history(last.seq.0);
        }
        for (outcome, reply) in batch.outcomes {
            if !outcome.events.is_empty() {
                // Nobody may be listening.
                drop(self.feed.send(Arc::clone(&outcome)));
            }
            // Whoever asked may have gone away; what it asked has happened all the same.
            drop(reply.send(outcome));
        }
        match self.desk.try_send(()) {
            // Full: it is awake already. Disconnected: there is no desk.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }

    /// Never waits: a disk that is behind with snapshots may not hold answers back.
    fn hand_over(&self, job: Job) {
        if let Err(TrySendError::Full(job)) = self.housekeeping.try_send(job) {
            tracing::warn!(job = job.name(), "housekeeping is behind, job skipped");
        }
    }
}
