//! The store in sled 0.34.7, and what has to be done for it to be honest.
//!
//! Invariants:
//! - sled's own `flush` leaves data in the system's memory; ours syncs its files too, and only then is a batch durable;
//! - a batch and its [`Applied`] are one write of sled's one tree;
//! - a sled that fails to open, or panics, is renamed to `store.bad-1`, `store.bad-2`, ... and a new one begins: the journal has everything.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use sled::Db;

use super::frame::encode;
use super::store::{
    APPLIED_KEY, Applied, Batch, Direction, Entry, KeyRange, Scan, Store, StoreError, Verdict,
    full_key,
};

/// Bounds what sled keeps in memory.
const CACHE_BYTES: u64 = 67_108_864;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is sled's and is caught: a panic hook that stops the process on any other must let this one pass.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Read models on disk.
pub struct SledStore {
    db: Db,
    dir: PathBuf,
}

/// A store that has been opened and not yet been compared with the journal.
pub struct UncheckedSled {
    store: SledStore,
    applied: Option<Applied>,
    set_aside: Option<PathBuf>,
}

impl SledStore {
    /// Opens the store in `dir`, or begins one. One that cannot be opened is set aside. The caller holds the lock of the data directory.
    ///
    /// # Errors
    /// When the disk refuses, or even a new store cannot be opened.
    pub fn open(dir: &Path) -> Result<UncheckedSled, StoreError> {
        Self::open_with(dir, &open_db)
    }

    fn open_with(
        dir: &Path,
        open: &dyn Fn(&Path) -> sled::Result<Db>,
    ) -> Result<UncheckedSled, StoreError> {
        let mut set_aside = None;
        if doubted(dir).exists() {
            set_aside = put_aside(dir)?;
        }
        // Where a panic ends the process, this file is what the next start finds.
        File::create(doubted(dir)).map_err(failed("mark its directory"))?;
        let db = match guarded("open", || open(dir)) {
            Err(error) if is_damage(&error) => {
                set_aside = put_aside(dir)?.or(set_aside);
                guarded("open anew", || open(dir))?
            }
            opened => opened?,
        };
        let store = Self { db, dir: dir.to_path_buf() };
        let applied = store.applied()?;
        fs::remove_file(doubted(dir)).map_err(failed("unmark its directory"))?;
        Ok(UncheckedSled { store, applied, set_aside })
    }

    /// Runs one of sled's operations. After a panic or damage the next start begins anew.
    fn run<T>(
        &self,
        doing: &'static str,
        operation: impl FnOnce(&Db) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        let outcome = guarded(doing, || operation(&self.db));
        if outcome.as_ref().is_err_and(is_damage) {
            File::create(doubted(&self.dir)).map_err(failed("mark its directory"))?;
        }
        outcome
    }
}

impl UncheckedSled {
    /// How far the store says it has come; `None` when it is new.
    #[must_use]
    pub const fn applied(&self) -> Option<Applied> {
        self.applied
    }

    /// Where a store went that could not be opened.
    #[must_use]
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// The store, if the journal knows it: as it is, or begun anew when the verdict is [`Verdict::Unknown`]. A new store has nothing to be
    /// judged by.
    ///
    /// # Errors
    /// [`StoreError::Ahead`] when the journal has lost commands; or when the disk refuses.
    pub fn accept(self, verdict: Verdict) -> Result<SledStore, StoreError> {
        let Some(applied) = self.applied else { return Ok(self.store) };
        match verdict {
            Verdict::Matches => Ok(self.store),
            Verdict::Ahead => Err(StoreError::Ahead { dir: self.store.dir, store: applied.seq.0 }),
            Verdict::Unknown => {
                let SledStore { db, dir } = self.store;
                drop(db);
                put_aside(&dir)?;
                Ok(SledStore::open(&dir)?.store)
            }
        }
    }
}

impl Store for SledStore {
    fn applied(&self) -> Result<Option<Applied>, StoreError> {
        let bytes = self.run("read how far it has come", |db| db.get(APPLIED_KEY))?;
        Ok(bytes.and_then(|bytes| borsh::from_slice(&bytes).ok()))
    }

    fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = full_key(tree, key)?;
        Ok(self.run("read a key", |db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn scan(&self, scan: &Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        let Some(range) = KeyRange::of(scan)? else { return Ok(Vec::new()) };
        let entry = |(key, value): (sled::IVec, sled::IVec)| {
            (key.get(range.tree_bytes..).unwrap_or_default().to_vec(), value.to_vec())
        };
        self.run("read a range", |db| {
            let found = db.range::<Vec<u8>, _>((range.from, range.to));
            match scan.direction {
                Direction::Ascending => found.take(scan.limit).map(|kv| kv.map(entry)).collect(),
                Direction::Descending => {
                    found.rev().take(scan.limit).map(|kv| kv.map(entry)).collect()
                }
            }
        })
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = sled::Batch::default();
        for (key, value) in batch.changes {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        writes.insert(APPLIED_KEY, encode(&batch.applied));
        self.run("apply a batch", |db| db.apply_batch(writes))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.run("flush", |db| db.flush())?;
        sync_files(&self.dir, &mut |path| File::open(path)?.sync_all())
            .map_err(failed("sync its files"))
    }
}

fn open_db(dir: &Path) -> sled::Result<Db> {
    // No flusher of sled's own: durability is asked for by `flush`, and the order path shall not meet it by chance.
    sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None).open()
}

/// Syncs the files that sled leaves to the system: its log, the values too large for it, and the names of both.
fn sync_files(dir: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    sync(&dir.join("db"))?;
    let blobs = dir.join("blobs");
    if blobs.exists() {
        for blob in fs::read_dir(&blobs)? {
            match sync(&blob?.path()) {
                // A blob that sled has removed meanwhile needs no sync.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                synced => synced?,
            }
        }
        sync(&blobs)?;
    }
    sync(dir)
}

fn guarded<T>(
    doing: &'static str,
    operation: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let was_guarded = GUARDED.replace(true);
    // A store that has panicked is not used to decide anything before it is rebuilt.
    let outcome = catch_unwind(AssertUnwindSafe(operation));
    GUARDED.set(was_guarded);
    match outcome {
        Ok(done) => done.map_err(|source| StoreError::Failed { doing, source: Box::new(source) }),
        Err(_) => Err(StoreError::Panicked { doing }),
    }
}

/// Whether an error tells of the store's bytes rather than of the machine.
fn is_damage(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else {
        return matches!(error, StoreError::Panicked { .. });
    };
    let Some(sled::Error::Io(source)) = source.downcast_ref::<sled::Error>() else { return true };
    !matches!(
        source.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
    )
}

/// The file that tells the next start to begin anew.
fn doubted(dir: &Path) -> PathBuf {
    dir.with_extension("doubted")
}

/// Renames the store's directory; `None` when there is none.
fn put_aside(dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !dir.exists() {
        return Ok(None);
    }
    let mut names = (1_u32..).map(|number| dir.with_extension(format!("bad-{number}")));
    let Some(aside) = names.find(|name| !name.exists()) else { return Ok(None) };
    fs::rename(dir, &aside).map_err(failed("set its directory aside"))?;
    Ok(Some(aside))
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Failed { doing, source: Box::new(source) }
}
