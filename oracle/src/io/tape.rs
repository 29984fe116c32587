//! The tape: everything the index was shown and everything it said, in the order in which it was written, for good.
//!
//! A directory with a log (`rows.log`, the truth), the same rows in sled (`store`, to be asked about), a lock, and while nobody has it open
//! a seal. Read `log.rs` for the bytes, `store.rs` for what can be asked, `audit.rs` for what is checked, `recorder.rs` for how an index
//! writes it.
//!
//! Invariants:
//! - rows are numbered from 1 without a gap, and each carries a hash over itself and the one before;
//! - what [`Tape::append`] has returned is durable, in the log and in the store;
//! - nothing is changed or taken away; opening repairs nothing but what a crash explains, and says so in [`Opening`];
//! - no clock is read: write times come from the caller, and never run backwards.

mod audit;
mod compare;
mod explain;
mod fault;
mod lock;
mod log;
mod recorder;
mod replay;
mod row;
mod scan;
mod seal;
mod store;

use std::fs;
use std::path::{Path, PathBuf};

use instruments::{Nanos, Seq};

pub use audit::{Audit, audit};
pub use explain::{Asked, Explained, explain};
pub use fault::{Fault, FileProblem, TapeError};
pub use log::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, Clock};
pub use recorder::{Recorder, Shown};
pub use replay::{Mismatch, Replay, Why};
pub use row::{
    Body, Evidence, Label, Marked, Observed, Printed, ROW_BYTES_MAX, Refused, Revised, Row,
    RowError,
};
pub use store::{Window, is_guarded};

use compare::compare;
use lock::Lock;
use log::{Log, Stored};
use scan::scan;
use seal::{LOCK, LOG, STORE, Seal};
use store::{Contents, Kind, Store};

/// A row, its place and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: Seq,
    /// When it was written.
    pub written_at: Nanos,
    /// Its link of the chain.
    pub link: [u8; 32],
    /// What it says.
    pub row: Row,
}

/// A print as it was known at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrint {
    /// Where it stands.
    pub seq: Seq,
    /// When it was written.
    pub written_at: Nanos,
    /// What it says.
    pub printed: Printed,
    /// The print that it replaced, and why.
    pub replaces: Option<(Seq, String)>,
    /// When it was replaced itself, as far as was known.
    pub superseded_at: Option<Nanos>,
}

/// What opening found, and what it did about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opening {
    /// Rows on the tape.
    pub rows: u64,
    /// Bytes of an append that a crash cut short, and that nobody was told of: dropped.
    pub torn_bytes: u64,
    /// Rows of the last append that had reached the log but not the store: added to the store.
    pub caught_up: u64,
    /// Whether it had been closed.
    pub was_sealed: bool,
}

/// A tape, open for appending. One process has it at a time.
pub struct Tape {
    dir: PathBuf,
    log: Log,
    store: Store,
    clock: Clock,
    has_failed: bool,
    _lock: Lock,
}

impl Tape {
    /// Begins a tape in `dir`, which is empty or absent.
    ///
    /// # Errors
    /// [`TapeError::NotEmpty`] when there is anything; or when the disk refuses.
    pub fn create(dir: &Path, begun_at: Nanos, clock: Clock) -> Result<Self, TapeError> {
        fs::create_dir_all(dir).map_err(TapeError::io("make", dir))?;
        // What a crash may have left of an earlier beginning, before there was a log.
        let may_be_there = [LOCK, "rows.new", STORE];
        for entry in fs::read_dir(dir).map_err(TapeError::io("read", dir))? {
            let name = entry.map_err(TapeError::io("read", dir))?.file_name();
            if !may_be_there.iter().any(|known| name == *known) {
                let name = name.display().to_string();
                return Err(TapeError::NotEmpty { dir: dir.to_path_buf(), name });
            }
        }
        let lock = Lock::acquire(dir)?;
        // The store first: a log without one has lost it.
        let store = Store::open(&dir.join(STORE))?;
        if store.applied.is_some() {
            let name = STORE.to_owned();
            return Err(TapeError::NotEmpty { dir: dir.to_path_buf(), name });
        }
        store.flush()?;
        let log = Log::create(&dir.join(LOG), begun_at, clock)?;
        sync_dir(dir)?;
        // The directory's own name, too, must outlive a power cut.
        if let Some(parent) = dir.canonicalize().ok().as_deref().and_then(Path::parent) {
            sync_dir(parent)?;
        }
        Ok(Self { dir: dir.to_path_buf(), log, store, clock, has_failed: false, _lock: lock })
    }

    /// Opens a tape, reads all of it, and gives every row to `on_row`.
    ///
    /// # Errors
    /// [`TapeError::Damaged`] when anything is not as it was written; then nothing was touched.
    pub fn open(
        dir: &Path,
        on_row: &mut dyn FnMut(Entry) -> Result<(), TapeError>,
    ) -> Result<(Self, Opening), TapeError> {
        if !holds_tape(dir) {
            return Err(TapeError::NoTape { dir: dir.to_path_buf() });
        }
        let lock = Lock::acquire(dir)?;
        let damaged = |fault| TapeError::Damaged { dir: dir.to_path_buf(), fault };
        let sealed = seal::check(dir)?;
        if let Seal::Broken(faults) = &sealed {
            return Err(damaged(faults.first().cloned().unwrap_or(Fault::StoreEntries)));
        }
        if !dir.join(STORE).join("db").exists() {
            let problem = FileProblem::Missing;
            return Err(damaged(Fault::File { path: "store/db".to_owned(), problem }));
        }
        let log_path = dir.join(LOG);
        let mut contents = Contents::default();
        let scanned = scan(&log_path, &mut |stored| {
            contents.add_all(&stored);
            on_row(Entry::of(&stored, dir)?)
        })?;
        let header = scanned.header.ok_or_else(|| damaged(Fault::Header))?;
        if let Some(fault) = scanned.faults.first() {
            return Err(damaged(fault.clone()));
        }
        seal::lift(dir)?;
        let unreadable = |error| damaged(Fault::of_store(&error));
        let mut store = Store::open(&dir.join(STORE)).map_err(unreadable)?;
        let compared = compare(&scanned, contents, &store, &log_path)?;
        if let Some(fault) = compared.faults.first() {
            return Err(damaged(fault.clone()));
        }
        store.append(&compared.behind)?;
        let opening = Opening {
            rows: scanned.end.last.0,
            torn_bytes: scanned.tail.as_ref().map_or(0, |tail| tail.bytes),
            caught_up: log::len_u64(compared.behind.len()),
            was_sealed: sealed == Seal::Whole,
        };
        let log = Log::open(&log_path, scanned.key, scanned.end)?;
        let (dir, clock) = (dir.to_path_buf(), header.clock);
        Ok((Self { dir, log, store, clock, has_failed: false, _lock: lock }, opening))
    }

    /// Appends rows that belong together: all of them, durably, or none. Returns the first one's number.
    ///
    /// # Errors
    /// [`TapeError::Row`], [`TapeError::Batch`] or [`TapeError::TimeRunsBackwards`] for what is not taken, and nothing was written. When
    /// the disk or the store refuses, the tape takes nothing more until it is opened again.
    pub fn append(&mut self, written_at: Nanos, rows: &[Row]) -> Result<Seq, TapeError> {
        if self.has_failed {
            return Err(TapeError::Failed);
        }
        let bounded = |what, found, limit| match (1..=limit).contains(&found) {
            true => Ok(()),
            false => Err(TapeError::Batch { what, found, limit }),
        };
        bounded("rows", rows.len(), BATCH_ROWS_MAX)?;
        let encoded = rows
            .iter()
            .enumerate()
            .map(|(at, row)| row.encode().map_err(|source| TapeError::Row { at, source }));
        let encoded: Vec<Vec<u8>> = encoded.collect::<Result<_, _>>()?;
        // A row's length and link, beside its bytes.
        let bytes = encoded.iter().map(|row| row.len().saturating_add(36)).sum();
        bounded("bytes", bytes, BATCH_BYTES_MAX)?;
        let last = self.log.end.written_at;
        if written_at < last {
            return Err(TapeError::TimeRunsBackwards { at: written_at, last });
        }
        let first = self.log.end.last.next();
        let written = self.log.append(written_at, encoded);
        let stored = written.and_then(|stored| self.store.append(&stored));
        // A full tape was not written to; everything else leaves it in doubt.
        self.has_failed =
            stored.as_ref().is_err_and(|error| !matches!(error, TapeError::Full { .. }));
        stored.map(|()| first)
    }

    /// Closes the tape and seals its files.
    ///
    /// # Errors
    /// When the disk refuses. The rows are as durable as before; the next opening finds no seal.
    pub fn close(self) -> Result<(), TapeError> {
        let Self { dir, store, has_failed, _lock: lock, .. } = self;
        if has_failed {
            return Ok(());
        }
        store.close()?;
        seal::write(&dir)?;
        drop(lock);
        Ok(())
    }

    /// The last row's number; zero when there is none.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.log.end.last
    }

    /// Whose time the write times are.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// When the last row was written.
    #[must_use]
    pub const fn last_written_at(&self) -> Nanos {
        self.log.end.written_at
    }

    /// The hash over everything so far.
    #[must_use]
    pub const fn head(&self) -> [u8; 32] {
        self.log.end.link
    }

    /// A row.
    ///
    /// # Errors
    /// [`TapeError::NoRow`], or when the store refuses.
    pub fn row(&self, seq: Seq) -> Result<Entry, TapeError> {
        let stored = self.store.row(seq)?.ok_or(TapeError::NoRow { seq })?;
        Entry::of(&stored, &self.dir)
    }

    /// The prints of a window as they were known at `as_of`, one of each tick: the last that had been written.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn known(&self, window: &Window<'_>, as_of: Nanos) -> Result<Vec<KnownPrint>, TapeError> {
        let mut known = self.every_print(window, as_of)?;
        known.retain(|print| print.superseded_at.is_none());
        Ok(known)
    }

    /// Every print of a window that had been written by `as_of`, those that were replaced included, in order of tick and writing.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn every_print(
        &self,
        window: &Window<'_>,
        as_of: Nanos,
    ) -> Result<Vec<KnownPrint>, TapeError> {
        let mut prints = Vec::new();
        for seq in self.store.seqs(Kind::Prints, window)? {
            let Entry { written_at, row, .. } = self.row(seq)?;
            if as_of < written_at {
                continue;
            }
            let (printed, replaces) = match row {
                Row::Printed(printed) => (printed, None),
                Row::Revised(Revised { of, reason, printed, .. }) => (printed, Some((of, reason))),
                Row::Observed(_)
                | Row::Refused(_)
                | Row::Judging(_)
                | Row::Marked(_)
                | Row::Reporting(_)
                | Row::Reported(_) => continue,
            };
            let mut replaced = self.store.superseded(seq)?;
            replaced.retain(|(at, _)| *at <= as_of);
            let superseded_at = replaced.first().map(|(at, _)| *at);
            prints.push(KnownPrint { seq, written_at, printed, replaces, superseded_at });
        }
        Ok(prints)
    }

    /// The observations of a window that had been written by `as_of`, in order of their time and then of writing.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn inputs(&self, window: &Window<'_>, as_of: Nanos) -> Result<Vec<Entry>, TapeError> {
        let seqs = self.store.seqs(Kind::Inputs, window)?;
        let rows = seqs.into_iter().map(|seq| self.row(seq));
        rows.filter(|row| row.as_ref().map_or(true, |row| row.written_at <= as_of)).collect()
    }
}

impl Entry {
    /// The row behind bytes whose hash was right: they are a row, or were written by another version.
    fn of(stored: &Stored, dir: &Path) -> Result<Self, TapeError> {
        let Stored { seq, written_at, link, ref bytes } = *stored;
        let fault = Fault::Rows { first: seq, last: seq };
        let row =
            Row::decode(bytes).or(Err(TapeError::Damaged { dir: dir.to_path_buf(), fault }))?;
        Ok(Self { seq, written_at, link, row })
    }
}

fn sync_dir(dir: &Path) -> Result<(), TapeError> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(TapeError::io("sync", dir))
}

/// Whether there is a tape in `dir`.
#[must_use]
pub fn holds_tape(dir: &Path) -> bool {
    dir.join(LOG).exists()
}
