//! The housekeeping thread: what has to reach the disk sometime, but may not hold an order back.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::io::{DataDir, Disk, KeptSnapshot};

use super::history::History;
use super::operations::Operations;

/// How long the store may lie unflushed while little happens.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// Jobs that may wait: one snapshot while another is written, and a flush.
pub(crate) const JOBS_MAX: usize = 4;

/// What there is to do.
pub(crate) enum Job {
    /// Make the store durable.
    Flush,
    /// Write a snapshot.
    Snapshot(Box<KeptSnapshot>),
}

impl Job {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Snapshot(_) => "snapshot",
        }
    }
}

/// The thread's ends of everything.
pub(crate) struct Housekeeping<D> {
    pub(crate) jobs: Receiver<Job>,
    pub(crate) history: Arc<History>,
    pub(crate) operations: Arc<Operations>,
    pub(crate) place: DataDir<D>,
}

impl<D: Disk> Housekeeping<D> {
    /// Works until the publisher ends, then makes the store durable once more.
    pub(crate) fn run(self) {
        loop {
            match self.jobs.recv_timeout(FLUSH_AFTER) {
                Ok(Job::Flush) | Err(RecvTimeoutError::Timeout) => self.history.flush(),
                Ok(Job::Snapshot(snapshot)) => {
                    // The store first: a start reads the newest snapshot that is not ahead of the store.
                    self.history.flush();
                    self.keep(&snapshot);
                }
                Err(RecvTimeoutError::Disconnected) => return self.history.flush(),
            }
        }
    }

    /// A snapshot that cannot be written makes the next start slower, nothing else.
    fn keep(&self, snapshot: &KeptSnapshot) {
        let seq = snapshot.position.seq.0;
        let kept = self.place.keep_snapshot(snapshot);
        self.operations.metrics.note_snapshot(kept.is_ok());
        match kept {
            Ok(()) => tracing::info!(seq, bytes = snapshot.payload.len(), "snapshot written"),
            Err(error) => tracing::warn!(seq, %error, "snapshot not written"),
        }
    }
}
