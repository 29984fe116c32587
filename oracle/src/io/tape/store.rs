//! The same rows in sled, to be asked about: by sequence, by grade and time, and by what replaced them.
//!
//! sled 0.34.7 alone is no tape: its `flush` leaves data in the system's memory, it does not miss what it no longer finds, and it repairs
//! what it opens. So the log holds the truth, our flush syncs sled's files too, and the two are compared.
//!
//! Invariants:
//! - a batch of rows, their index and [`Applied`] are one write of sled's one tree;
//! - everything in it follows from the rows of the log, byte for byte: [`entries`] is the whole of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Seq};
use sled::Db;

use super::fault::TapeError;
use super::log::{Link, Stored, encode};
use super::row::{Label, Row};

/// Bounds what sled keeps in memory.
const CACHE_BYTES: u64 = 33_554_432;
/// A store that was closed in this process may keep its lock until its last background write is through.
const LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

const APPLIED: &[u8] = b"a";
const ROW: u8 = b'r';
const PRINT: u8 = b'p';
const INPUT: u8 = b'i';
const SUPERSEDED: u8 = b's';

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is sled's and is caught: a panic hook that stops the process on any other must let this one pass.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// How far the store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Applied {
    pub(super) seq: Seq,
    pub(super) link: Link,
    pub(super) contents: Contents,
}

/// A fingerprint of every entry but [`Applied`], whatever the order in which they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Contents {
    entries: u64,
    mixed: Link,
}

impl Contents {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.saturating_add(1);
        self.mix(key, value);
    }

    /// Adds all that the store is to hold of a row.
    pub(super) fn add_all(&mut self, row: &Stored) {
        for (key, value) in entries(row) {
            self.add(&key, &value);
        }
    }

    /// What was there before a row was added.
    pub(super) fn without(mut self, row: &Stored) -> Self {
        for (key, value) in entries(row) {
            self.entries = self.entries.saturating_sub(1);
            self.mix(&key, &value);
        }
        self
    }

    /// One hash over the other: what is mixed in twice leaves no trace.
    fn mix(&mut self, key: &[u8], value: &[u8]) {
        let hash = blake3::hash(&encode(&(key, value)));
        for (mixed, byte) in self.mixed.iter_mut().zip(hash.as_bytes()) {
            *mixed ^= byte;
        }
    }
}

/// Which prints.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Of which grade.
    pub grade: &'a Label,
    /// Of ticks from here.
    pub from: Nanos,
    /// To here, inclusive.
    pub to: Nanos,
}

/// Rows in sled.
pub(super) struct Store {
    db: Db,
    dir: PathBuf,
    pub(super) applied: Option<Applied>,
}

impl Store {
    /// Opens the store, or begins one.
    pub(super) fn open(dir: &Path) -> Result<Self, TapeError> {
        let db = guarded("open", || open_when_free(dir))?;
        let applied = guarded("read how far it has come", || db.get(APPLIED))?;
        let applied = applied.map(|bytes| borsh::from_slice(&bytes)).transpose();
        let applied = applied.map_err(|error| failed("read how far it has come", &error))?;
        Ok(Self { db, dir: dir.to_path_buf(), applied })
    }

    /// Adds rows, durably.
    pub(super) fn append(&mut self, rows: &[Stored]) -> Result<(), TapeError> {
        let Some(last) = rows.last() else { return Ok(()) };
        let mut contents = self.applied.map(|applied| applied.contents).unwrap_or_default();
        let mut batch = sled::Batch::default();
        for (key, value) in rows.iter().flat_map(entries) {
            contents.add(&key, &value);
            batch.insert(key, value);
        }
        let applied = Applied { seq: last.seq, link: last.link, contents };
        batch.insert(APPLIED, encode(&applied));
        guarded("take rows", || self.db.apply_batch(batch))?;
        self.flush()?;
        self.applied = Some(applied);
        Ok(())
    }

    /// Makes everything before durable.
    pub(super) fn flush(&self) -> Result<(), TapeError> {
        guarded("flush", || self.db.flush())?;
        sync_files(&self.dir).map_err(TapeError::io("sync", &self.dir))
    }

    /// Closes the store, and returns when its files change no more.
    pub(super) fn close(self) -> Result<(), TapeError> {
        let Self { db, dir, .. } = self;
        guarded("close", || {
            drop(db);
            Ok(())
        })?;
        let closed = wait_until_closed(&dir).and_then(|()| sync_files(&dir));
        closed.map_err(TapeError::io("close", &dir))
    }

    /// A row.
    pub(super) fn row(&self, seq: Seq) -> Result<Option<Stored>, TapeError> {
        let bytes = guarded("read a row", || self.db.get(seq_key(ROW, seq)))?;
        let stored = bytes.map(|bytes| borsh::from_slice(&bytes)).transpose();
        stored.map_err(|error| failed("read a row", &error))
    }

    /// By which row, and when, a print was replaced.
    pub(super) fn superseded(&self, seq: Seq) -> Result<Vec<(Nanos, Seq)>, TapeError> {
        let prefix = seq_key(SUPERSEDED, seq);
        let found: Vec<Vec<u8>> = guarded("read what replaced a row", || {
            let values = self.db.scan_prefix(&prefix).values();
            values.map(|value| value.map(|value| value.to_vec())).collect()
        })?;
        let read = |bytes: Vec<u8>| {
            borsh::from_slice(&bytes).map_err(|error| failed("read what replaced a row", &error))
        };
        found.into_iter().map(read).collect()
    }

    /// The rows of prints, or of inputs, of a grade whose time is in the window, in order of it and then of writing.
    pub(super) fn seqs(&self, kind: Kind, window: &Window<'_>) -> Result<Vec<Seq>, TapeError> {
        let Window { grade, from, to } = *window;
        if to < from {
            return Ok(Vec::new());
        }
        let tag = match kind {
            Kind::Prints => PRINT,
            Kind::Inputs => INPUT,
        };
        let range = time_key(tag, grade, from, Seq(0))..=time_key(tag, grade, to, Seq(u64::MAX));
        let keys: Vec<Vec<u8>> = guarded("read a range", || {
            let keys = self.db.range::<Vec<u8>, _>(range).keys();
            keys.map(|key| key.map(|key| key.to_vec())).collect()
        })?;
        let seq = |key: Vec<u8>| key.last_chunk().map(|bytes| Seq(u64::from_be_bytes(*bytes)));
        Ok(keys.into_iter().filter_map(seq).collect())
    }

    /// What is really in it, read whole.
    pub(super) fn contents(&self) -> Result<Contents, TapeError> {
        guarded("read everything", || {
            let mut contents = Contents::default();
            for entry in self.db.iter() {
                let (key, value) = entry?;
                if key != APPLIED {
                    contents.add(&key, &value);
                }
            }
            Ok(contents)
        })
    }
}

/// Which index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Prints,
    Inputs,
}

/// All that the store holds of a row.
pub(super) fn entries(stored: &Stored) -> Vec<(Vec<u8>, Vec<u8>)> {
    let seq = stored.seq;
    let mut entries = vec![(seq_key(ROW, seq), encode(stored))];
    let at = |tag, grade: &Label, at| (time_key(tag, grade, at, seq), Vec::new());
    match Row::decode(&stored.bytes) {
        Ok(Row::Observed(row)) => entries.push(at(INPUT, &row.grade, row.observation.at())),
        Ok(Row::Printed(row)) => entries.push(at(PRINT, &row.grade, row.print.at)),
        Ok(Row::Revised(row)) => {
            entries.push(at(PRINT, &row.printed.grade, row.printed.print.at));
            let mut key = seq_key(SUPERSEDED, row.of);
            key.extend_from_slice(&seq.0.to_be_bytes());
            entries.push((key, encode(&(stored.written_at, seq))));
        }
        Ok(
            Row::Refused(_)
            | Row::Judging(_)
            | Row::Marked(_)
            | Row::Reporting(_)
            | Row::Reported(_),
        )
        | Err(_) => {}
    }
    entries
}

fn seq_key(tag: u8, seq: Seq) -> Vec<u8> {
    let mut key = vec![tag];
    key.extend_from_slice(&seq.0.to_be_bytes());
    key
}

fn time_key(tag: u8, grade: &Label, at: Nanos, seq: Seq) -> Vec<u8> {
    let mut key = vec![tag];
    key.extend_from_slice(grade.as_str().as_bytes());
    // No printable name goes on with it, so no grade's keys stand among another's.
    key.push(0);
    key.extend_from_slice(&at.nanos().to_be_bytes());
    key.extend_from_slice(&seq.0.to_be_bytes());
    key
}

fn open_when_free(dir: &Path) -> sled::Result<Db> {
    // No flusher of sled's own: durability is asked for.
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    for _ in 0..LOCK_ATTEMPTS {
        match config.open() {
            Err(sled::Error::Io(error)) if is_locked(&error) => thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
    Err(sled::Error::Io(io::ErrorKind::ResourceBusy.into()))
}

/// sled lets go of its log when its last background write is through.
fn wait_until_closed(dir: &Path) -> io::Result<()> {
    let log = File::open(dir.join("db"))?;
    for _ in 0..LOCK_ATTEMPTS {
        match log.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// sled tells in words only that another holder has its log.
fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Syncs the files that sled leaves to the system: its log, the values too large for it, and the names of both.
fn sync_files(dir: &Path) -> io::Result<()> {
    File::open(dir.join("db"))?.sync_all()?;
    let blobs = dir.join("blobs");
    if blobs.exists() {
        let names: BTreeMap<_, ()> =
            fs::read_dir(&blobs)?.map(|blob| Ok((blob?.path(), ()))).collect::<io::Result<_>>()?;
        for path in names.keys() {
            File::open(path)?.sync_all()?;
        }
        File::open(&blobs)?.sync_all()?;
    }
    File::open(dir)?.sync_all()
}

fn guarded<T>(
    doing: &'static str,
    operation: impl FnOnce() -> sled::Result<T>,
) -> Result<T, TapeError> {
    let was_guarded = GUARDED.replace(true);
    // A store that has panicked is not used any more: the tape takes nothing after an error.
    let outcome = catch_unwind(AssertUnwindSafe(operation));
    GUARDED.set(was_guarded);
    match outcome {
        Ok(done) => done.map_err(|error| failed(doing, &error)),
        Err(_) => Err(TapeError::Store { doing, problem: "it panicked".to_owned() }),
    }
}

fn failed(doing: &'static str, error: &dyn std::error::Error) -> TapeError {
    TapeError::Store { doing, problem: error.to_string() }
}
