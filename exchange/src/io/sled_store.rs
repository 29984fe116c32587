//! The store in sled 0.34.7, and what has to be done for it to be honest.
//!
//! Invariants:
//! - sled's own `flush` leaves data in the system's memory; ours syncs its files too, and only then is a batch durable;
//! - a batch and its [`Applied`] are one write of sled's one tree;
//! - what is missing from a store is noticed when it is opened;
//! - a sled that fails to open, or panics, is renamed to `store.bad-1`, `store.bad-2`, ... and a new one begins: the journal has everything.

mod contents;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sled::Db;

use contents::{Contents, Label};

use super::frame::encode;
use super::store::{
    APPLIED_KEY, Applied, Batch, Direction, Entry, KeyRange, Scan, Store, StoreError, Verdict,
    full_key,
};

/// Bounds what sled keeps in memory.
const CACHE_BYTES: u64 = 67_108_864;

/// A store that was closed in this process may keep its lock until its last background write is through.
const LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

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
    contents: Mutex<Contents>,
}

/// A store that has been opened and not yet been compared with the journal.
pub struct UncheckedSled {
    store: SledStore,
    applied: Option<Applied>,
    set_aside: Option<PathBuf>,
}

impl SledStore {
    /// Opens the store in `dir` and reads all of it, or begins one. One that cannot be opened, or lacks something, is set aside. The caller holds the lock of the data directory.
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
        let mut opened = guarded("open", || open_whole(dir, open));
        if opened.as_ref().is_err_and(is_damage) {
            set_aside = put_aside(dir)?.or(set_aside);
            opened = guarded("open anew", || open_whole(dir, open));
        }
        fs::remove_file(doubted(dir)).map_err(failed("unmark its directory"))?;
        let (db, label) = opened?;
        let contents = Mutex::new(label.map_or_else(Contents::default, |label| label.contents));
        let store = Self { db, dir: dir.to_path_buf(), contents };
        Ok(UncheckedSled { store, applied: label.map(|label| label.applied), set_aside })
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
                let SledStore { db, dir, .. } = self.store;
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
        let label = bytes.and_then(|bytes| borsh::from_slice::<Label>(&bytes).ok());
        Ok(label.map(|label| label.applied))
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
        let changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = batch.changes.into_iter().collect();
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut label = Label { applied: batch.applied, contents: *contents };
        self.run("apply a batch", |db| {
            let mut writes = sled::Batch::default();
            for (key, value) in changes {
                if let Some(old) = db.get(&key)? {
                    label.contents.remove(&key, &old);
                }
                match value {
                    None => writes.remove(key),
                    Some(value) => {
                        label.contents.add(&key, &value);
                        writes.insert(key, value);
                    }
                }
            }
            writes.insert(APPLIED_KEY, encode(&label));
            db.apply_batch(writes)
        })?;
        *contents = label.contents;
        Ok(())
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

/// Opens a store when it is free, and checks that all of it is there.
fn open_whole(
    dir: &Path,
    open: &dyn Fn(&Path) -> sled::Result<Db>,
) -> sled::Result<(Db, Option<Label>)> {
    for _ in 0..LOCK_ATTEMPTS {
        match open(dir) {
            Err(sled::Error::Io(error)) if is_locked(&error) => thread::sleep(LOCK_PAUSE),
            opened => {
                let db = opened?;
                let label = contents::check(&db)?;
                return Ok((db, label));
            }
        }
    }
    Err(sled::Error::Io(io::ErrorKind::ResourceBusy.into()))
}

/// sled tells in words only that another holder has its log.
fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
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
        io::ErrorKind::ResourceBusy
            | io::ErrorKind::PermissionDenied
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

#[cfg(test)]
mod tests {
    use super::*;
    use instruments::Seq;

    fn filled(dir: &Path) -> SledStore {
        let store = SledStore::open(dir).unwrap().accept(Verdict::Unknown).unwrap();
        let mut batch = Batch::new(Applied { seq: Seq(1), state_hash: [1; 32] });
        batch.put("t", b"k", b"v".to_vec()).unwrap();
        store.apply(batch).unwrap();
        store
    }

    /// JOURNAL-016: after sled's flush its log, its blobs and both directories are synced by us.
    #[test]
    fn journal_016_a_flush_syncs_the_log_the_blobs_and_the_names() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        filled(&dir).flush().unwrap();
        fs::write(dir.join("blobs/17"), b"large").unwrap();
        let mut synced = Vec::new();
        sync_files(&dir, &mut |path| {
            synced.push(path.strip_prefix(&dir).unwrap().display().to_string());
            Ok(())
        })
        .unwrap();
        assert_eq!(synced, ["db", "blobs/17", "blobs", ""]);

        let fails = |name: &'static str| {
            sync_files(&dir, &mut |path| match path.ends_with(name) {
                true => Err(io::Error::other("input/output error")),
                false => Ok(()),
            })
        };
        assert!(fails("db").is_err() && fails("17").is_err() && fails("blobs").is_err());
        assert!(fails("elsewhere").is_ok());
    }

    /// JOURNAL-018: a panic while the store opens, or while it works, costs the store and not the process.
    #[test]
    fn journal_018_a_store_that_panics_is_rebuilt() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        drop(filled(&dir));
        let attempts = Cell::new(0);
        let opened = SledStore::open_with(&dir, &|dir| {
            attempts.set(attempts.get() + 1);
            assert!(is_guarded());
            if attempts.get() == 1 {
                panic!("tried to serialize Uninitialized");
            }
            open_db(dir)
        });
        let opened = opened.unwrap();
        assert!(!is_guarded());
        assert_eq!(opened.set_aside(), Some(root.path().join("store.bad-1").as_path()));
        assert_eq!(opened.applied(), None);

        let store = opened.accept(Verdict::Unknown).unwrap();
        let panicked = store.run("read a key", |_| -> sled::Result<()> { panic!("again") });
        assert!(matches!(panicked, Err(StoreError::Panicked { doing: "read a key" })));
        drop(store);
        let opened = SledStore::open(&dir).unwrap();
        assert_eq!(opened.set_aside(), Some(root.path().join("store.bad-2").as_path()));
    }

    /// JOURNAL-018: a disk that refuses is no reason to throw the store away.
    #[test]
    fn journal_018_a_store_on_a_full_disk_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        drop(filled(&dir));
        let full = |_: &Path| Err(sled::Error::Io(io::ErrorKind::StorageFull.into()));
        let refused = SledStore::open_with(&dir, &full).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), "store cannot open: IO error: no storage space");
        let opened = SledStore::open(&dir).unwrap();
        assert_eq!((opened.set_aside(), opened.applied().is_some()), (None, true));
    }
}
