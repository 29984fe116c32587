//! Brings a directory back: newest usable snapshot, the rest of the journal through the exchange, and the store up to where that ends.
//!
//! The store decides how far back the replay begins, because it can only be brought up by events: the snapshot used is the newest that is
//! not ahead of it. A store that the journal does not know begins anew, and with it the replay, from the first command.
//!
//! Invariants:
//! - every state hash that is passed is checked; the first that differs stops the start;
//! - a store or a snapshot ahead of the journal stops the start: commands were lost, and no history is made up for them.

use std::path::PathBuf;
use std::sync::Arc;

use exchange::io::{
    Applied, DataDir, Disk, Journal, JournalError, Position, Record, Settings, SledStore,
    SnapshotFileError, StoreError, UncheckedSled, Verdict, scan,
};
use exchange::{Exchange, RULES_VERSION};
use instruments::Seq;
use thiserror::Error;

use super::directory::Layout;
use super::history::History;
use super::key::VenueKey;
use super::options::VenueOptions;
use super::publish::Published;
use super::replay::replay;

/// Commands that are brought into the store in one batch.
const BATCH_MAX: usize = 1_024;

/// Why a directory does not recover.
#[derive(Debug, Error)]
pub enum RecoverError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot be used, not even anew; or it is ahead of the journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The snapshots cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotFileError),
    /// A record of the journal is no command.
    #[error("command {seq} in the journal cannot be read: {source}", seq = .seq.0)]
    Command {
        /// Which.
        seq: Seq,
        /// What the decoder said.
        source: std::io::Error,
    },
    /// Replay came to another state than the one that was journaled.
    #[error("replay differs from what was journaled: the state hash after command {seq} is not the same", seq = .seq.0)]
    StateHash {
        /// After which command.
        seq: Seq,
    },
    /// The state does not add up, though it is the one that was journaled.
    #[error("after command {seq}: {finding}", seq = .seq.0)]
    Audit {
        /// After which command.
        seq: Seq,
        /// What does not.
        finding: exchange::AuditFinding,
    },
    /// There are snapshots or read models, and the journal that they were made from is shorter or gone.
    #[error("journal in {path} ends at command {last}, but command {seen} was seen: it has lost commands", last = .last.0, seen = .seen.0)]
    JournalLost {
        /// Where the journal is.
        path: PathBuf,
        /// Where it ends.
        last: Seq,
        /// What was seen of it before.
        seen: Seq,
    },
}

/// A directory that is ready to go on.
pub(crate) struct Recovered<D: Disk> {
    pub(crate) place: DataDir<D>,
    pub(crate) journal: Journal<D>,
    pub(crate) exchange: Exchange,
    pub(crate) history: History,
}

/// Recovers the directory, or begins it.
pub(crate) fn recover<D: Disk>(
    disk: D,
    layout: &Layout,
    key: &Arc<VenueKey>,
    options: &VenueOptions,
) -> Result<Recovered<D>, RecoverError> {
    let place = DataDir::new(disk, layout.root());
    let unchecked = SledStore::open(&layout.store())?;
    if let Some(path) = unchecked.set_aside() {
        tracing::warn!(path = %path.display(), "store could not be opened, it is rebuilt");
    }
    let newest = place.newest_snapshot(RULES_VERSION, None)?.map(|snapshot| snapshot.position.seq);
    let segment_bytes = options.segment_bytes;
    let settings = Settings { segment_bytes, ..Settings::new(RULES_VERSION) };
    let has_journal = place.has_journal()?;
    if !has_journal {
        // Before anything is made, so that a lost journal is not covered by a new one.
        let seen = newest.max(unchecked.applied().map(|applied| applied.seq));
        check_journal_lost(layout, Seq(0), seen)?;
    }
    let mut comeback = Replay::start(&place, unchecked, key)?;
    let end = if has_journal { Some(comeback.run(&place, &settings)?) } else { None };
    let seen = newest.max(comeback.unchecked.as_ref().map(|(_, applied)| applied.seq));
    check_journal_lost(layout, comeback.exchange.last_seq(), seen)?;
    // Opening cuts a torn tail off. Only here is it known that the tail is torn and not what was lost.
    let journal = match end {
        Some(end) => {
            let nothing_follows = |_: Record<'_>| Ok::<(), JournalError>(());
            Journal::open(place.clone(), settings, Some(&end), nothing_follows)?.0
        }
        None => Journal::create(place.clone(), settings, options.clock.now())?,
    };
    let (exchange, history) = comeback.finish();
    tracing::info!(seq = exchange.last_seq().0, snapshot = ?newest.map(|seq| seq.0), "recovered");
    Ok(Recovered { place, journal, exchange, history })
}

/// A journal that ends before what was `seen` of it has lost commands.
fn check_journal_lost(layout: &Layout, last: Seq, seen: Option<Seq>) -> Result<(), RecoverError> {
    match seen.filter(|seen| last < *seen) {
        Some(seen) => Err(RecoverError::JournalLost { path: layout.journal(), last, seen }),
        None => Ok(()),
    }
}

/// Why a replay stops before the end of the journal.
enum Stop {
    /// The store was made from something else than this journal.
    StoreUnknown,
    Failed(Box<RecoverError>),
}

impl From<RecoverError> for Stop {
    fn from(error: RecoverError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// An exchange on its way to the end of the journal, and the store behind it.
struct Replay<'a> {
    exchange: Exchange,
    /// Where in the journal the exchange was restored; `None` at its beginning.
    restored: Option<Position>,
    key: &'a Arc<VenueKey>,
    /// Until the exchange has come to where the store is.
    unchecked: Option<(UncheckedSled, Applied)>,
    /// From then on.
    history: Option<History>,
    outcomes: Vec<Published>,
}

impl<'a> Replay<'a> {
    fn start<D: Disk>(
        place: &DataDir<D>,
        unchecked: UncheckedSled,
        key: &'a Arc<VenueKey>,
    ) -> Result<Self, RecoverError> {
        let Some(applied) = unchecked.applied() else {
            return Ok(Self::from_the_beginning(unchecked.accept(Verdict::Unknown)?, key));
        };
        let (exchange, restored) = match restore(place, applied.seq)? {
            Some((exchange, position)) => (exchange, Some(position)),
            None => (Exchange::new(), None),
        };
        let unchecked = Some((unchecked, applied));
        let outcomes = Vec::new();
        let mut replay = Self { exchange, restored, key, unchecked, history: None, outcomes };
        // A store that is elsewhere than its snapshot is found out by the journal.
        if replay.meet_store().is_err() {
            replay.anew()?;
        }
        Ok(replay)
    }

    fn from_the_beginning(store: SledStore, key: &'a Arc<VenueKey>) -> Self {
        let history = Some(History::new(Box::new(store), Arc::clone(key)));
        let exchange = Exchange::new();
        Self { exchange, restored: None, key, unchecked: None, history, outcomes: Vec::new() }
    }

    /// Replays to the end of the journal, from the beginning if the store turns out to be another journal's. Writes nothing to it.
    fn run<D: Disk>(
        &mut self,
        place: &DataDir<D>,
        settings: &Settings,
    ) -> Result<Position, RecoverError> {
        loop {
            let after = self.restored;
            match scan(place, settings, after.as_ref(), |record| self.record(record)) {
                Ok(report) => return Ok(report.last),
                Err(Stop::StoreUnknown) => {
                    tracing::warn!("store does not follow from the journal, it is rebuilt");
                    self.anew()?;
                }
                Err(Stop::Failed(error)) => return Err(*error),
            }
        }
    }

    /// Everything again, into a new store.
    fn anew(&mut self) -> Result<(), RecoverError> {
        // Only an unchecked store is ever doubted.
        if let Some((unchecked, _)) = self.unchecked.take() {
            let store = unchecked.accept(Verdict::Unknown)?;
            *self = Self::from_the_beginning(store, self.key);
        }
        Ok(())
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), Stop> {
        let Some(outcome) = replay(&mut self.exchange, record)? else { return Ok(()) };
        if self.history.is_some() {
            self.outcomes.push(outcome);
        }
        if BATCH_MAX <= self.outcomes.len() {
            self.write();
        }
        self.meet_store()
    }

    fn write(&mut self) {
        if let Some(history) = &self.history {
            history.apply(&self.outcomes, self.exchange.history_hash());
        }
        self.outcomes.clear();
    }

    /// Opens the store when the exchange has come to where the store is, and agrees with it.
    fn meet_store(&mut self) -> Result<(), Stop> {
        let last = self.exchange.last_seq();
        let is_met = |(_, applied): &mut (UncheckedSled, Applied)| applied.seq == last;
        let Some((unchecked, applied)) = self.unchecked.take_if(is_met) else { return Ok(()) };
        if applied.state_hash != self.exchange.history_hash() {
            self.unchecked = Some((unchecked, applied));
            return Err(Stop::StoreUnknown);
        }
        let store = unchecked.accept(Verdict::Matches).map_err(RecoverError::from)?;
        self.history = Some(History::new(Box::new(store), Arc::clone(self.key)));
        Ok(())
    }

    /// # Panics
    /// When the replay has not come to where the store is, which the caller has checked.
    fn finish(mut self) -> (Exchange, History) {
        self.write();
        let history = self.history.expect("the replay has come to where the store is");
        history.flush();
        (self.exchange, history)
    }
}

/// The newest snapshot that is not later than `at_most` and gives the state it says.
fn restore<D: Disk>(
    place: &DataDir<D>,
    at_most: Seq,
) -> Result<Option<(Exchange, Position)>, RecoverError> {
    let mut at_most = at_most;
    while let Some(snapshot) = place.newest_snapshot(RULES_VERSION, Some(at_most))? {
        let seq = snapshot.position.seq;
        let restored = Exchange::restore(&snapshot.payload).ok();
        match restored.filter(|exchange| exchange.state_hash() == snapshot.state_hash) {
            Some(exchange) => return Ok(Some((exchange, snapshot.position))),
            None => tracing::warn!(seq = seq.0, "snapshot is not the state it says, not used"),
        }
        let Some(before) = seq.0.checked_sub(1) else { return Ok(None) };
        at_most = Seq(before);
    }
    Ok(None)
}
