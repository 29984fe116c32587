//! What operators see and steer of a running venue beside its exchange: its end, its sessions, its figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use instruments::{AccountId, Nanos, Seq};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Venue;
use super::options::WatchOptions;
use crate::metrics::Metrics;

/// Shared by the venue's threads, its servers and its sessions.
pub(crate) struct Operations {
    pub(crate) metrics: Metrics,
    pub(crate) watch: WatchOptions,
    sessions: Mutex<Sessions>,
    draining: watch::Sender<bool>,
    asked: watch::Sender<bool>,
}

/// As many as there are connections, which are bounded.
#[derive(Default)]
struct Sessions {
    last: u64,
    open: BTreeMap<u64, SessionView>,
}

/// A session as operators see it: nothing of what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionView {
    /// Its number, from 1, since the start of the process.
    pub session: u64,
    /// Since when.
    pub since: Nanos,
    /// Who is logged in.
    pub account: Option<AccountId>,
    /// How many channels it listens to.
    pub subscriptions: usize,
    /// Messages that wait for its socket.
    pub waiting: usize,
}

/// A session's place among those that operators see, until it is dropped.
pub(crate) struct SessionPlace {
    operations: Arc<Operations>,
    session: u64,
}

impl SessionPlace {
    /// Notes what has become of it.
    pub(crate) fn note(
        &self,
        account: Option<AccountId>,
        (subscriptions, waiting): (usize, usize),
    ) {
        if let Some(view) = self.operations.sessions.lock().open.get_mut(&self.session) {
            *view = SessionView { account, subscriptions, waiting, ..*view };
        }
    }
}

impl Drop for SessionPlace {
    fn drop(&mut self) {
        self.operations.sessions.lock().open.remove(&self.session);
    }
}

impl Operations {
    pub(crate) fn new(watch: WatchOptions, begins_at: Seq) -> Self {
        let metrics = Metrics::new();
        metrics.begin(begins_at.0);
        Self {
            metrics,
            watch,
            sessions: Mutex::default(),
            draining: watch::Sender::new(false),
            asked: watch::Sender::new(false),
        }
    }

    /// Says whether it was draining before.
    pub(super) fn drain(&self) -> bool {
        self.draining.send_replace(true)
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Asks the process to end.
    pub(crate) fn ask_to_end(&self) {
        self.asked.send_replace(true);
    }

    pub(super) async fn asked(&self) {
        // The sender lives as long as the venue.
        drop(self.asked.subscribe().wait_for(|is_asked| *is_asked).await.map(drop));
    }

    /// Every session, the oldest first.
    pub(crate) fn sessions(&self) -> Vec<SessionView> {
        self.sessions.lock().open.values().copied().collect()
    }
}

impl Venue {
    /// A place for a session that begins now.
    pub(crate) fn open_session(&self) -> SessionPlace {
        let operations = Arc::clone(&self.running.operations);
        let mut sessions = operations.sessions.lock();
        sessions.last = sessions.last.saturating_add(1);
        let session = sessions.last;
        let (since, account) = (self.now(), None);
        let view = SessionView { session, since, account, subscriptions: 0, waiting: 0 };
        sessions.open.insert(session, view);
        drop(sessions);
        SessionPlace { operations, session }
    }
}
