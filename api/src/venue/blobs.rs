//! What jobs are made of: files by the hash of their bytes, on disk, for as long as a job needs them.
//!
//! ```text
//! DIR/blobs/ACCOUNT/HASH      a blob, whole and checked, with whose quota it counts against
//! DIR/blobs/ACCOUNT/.N.part   one that is being written
//! DIR/blobs/jobs/JOB          the hashes that a job names, one a line
//! ```
//!
//! A hash is told by one party to another and guessed by nobody: whoever knows it may read.
//!
//! Invariants:
//! - what lies under a hash has that hash: it was checked before it was given its name;
//! - an account's blobs, those under way included, stay within its quota in bytes and in number;
//! - a blob is kept while a job that has not ended names it, and for a while after; then it is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use instruments::{AccountId, JobId, Nanos};
use parking_lot::Mutex;
use thiserror::Error;

/// Bytes of one blob.
pub const BLOB_LEN_MAX: u64 = 64 << 20;
/// Bytes of all blobs of one account.
pub const BLOB_BYTES_MAX: u64 = 512 << 20;
/// Blobs of one account.
pub const BLOBS_MAX: usize = 1_024;
/// Bytes of all blobs.
const ALL_BYTES_MAX: u64 = 16 << 30;
/// Blobs that one call may name.
pub(crate) const NAMED_MAX: usize = 8;

/// A BLAKE3 hash.
pub type BlobHash = [u8; 32];

/// Why a blob is not taken or not given.
#[derive(Debug, Error)]
pub enum BlobError {
    /// It is too large.
    #[error("a blob has at most {limit} bytes, this has {len}")]
    TooLarge {
        /// How many bytes it has.
        len: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The account has no room for it.
    #[error("the account's blobs have at most {limit} bytes in {count} files")]
    OverQuota {
        /// The bytes it may have.
        limit: u64,
        /// The files it may have.
        count: usize,
    },
    /// The venue has no room for it.
    #[error("the venue keeps at most {limit} bytes of blobs")]
    Full {
        /// The bytes it keeps.
        limit: u64,
    },
    /// Its bytes are others than its name says.
    #[error("the bytes have the hash {found}")]
    WrongHash {
        /// Which they have.
        found: String,
    },
    /// It has fewer bytes than were announced, or more.
    #[error("{announced} bytes were announced, {found} came")]
    WrongLength {
        /// What was said.
        announced: u64,
        /// What came.
        found: u64,
    },
    /// No such blob, or not any more.
    #[error("no blob {hash}")]
    Unknown {
        /// Which.
        hash: String,
    },
    /// The disk failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

#[derive(Default)]
struct Index {
    /// Where each blob lies: under every account that has put it.
    held: BTreeMap<BlobHash, BTreeMap<AccountId, Held>>,
    used: BTreeMap<AccountId, Used>,
    jobs: BTreeMap<JobId, Pins>,
    /// Names of files under way.
    parts: u64,
}

#[derive(Clone, Copy)]
struct Held {
    len: u64,
    put_at: Nanos,
}

#[derive(Default, Clone, Copy)]
struct Used {
    bytes: u64,
    blobs: usize,
}

struct Pins {
    hashes: BTreeSet<BlobHash>,
    /// When the job was first seen to have ended.
    ended_at: Option<Nanos>,
}

/// All blobs of a venue.
pub struct BlobStore {
    root: PathBuf,
    keep: Duration,
    index: Mutex<Index>,
}

/// A blob that is being written. Dropped before it is finished, it leaves nothing.
pub struct BlobWriter<'a> {
    store: &'a BlobStore,
    account: AccountId,
    hash: BlobHash,
    announced: u64,
    written: u64,
    hasher: blake3::Hasher,
    path: PathBuf,
    file: File,
    is_done: bool,
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::Io { action, path, source }
}

impl BlobStore {
    /// Takes over what lies in a directory, which is made when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(root: PathBuf, keep: Duration) -> Result<Self, BlobError> {
        fs::create_dir_all(root.join("jobs")).map_err(io_error("create", &root))?;
        let store = Self { root, keep, index: Mutex::default() };
        let mut index = store.index.lock();
        for directory in entries(&store.root)? {
            let name = directory.file_name().to_string_lossy().into_owned();
            if name == "jobs" {
                index.jobs = read_pins(&directory.path())?;
            } else if let Ok(account) = name.parse::<u64>() {
                read_account(&mut index, AccountId(account), &directory.path())?;
            }
        }
        drop(index);
        Ok(store)
    }

    /// Begins a blob of an account, for which there must be room.
    ///
    /// # Errors
    /// [`BlobError`]; nothing is reserved then.
    pub fn begin(
        &self,
        account: AccountId,
        hash: BlobHash,
        len: u64,
    ) -> Result<BlobWriter<'_>, BlobError> {
        if BLOB_LEN_MAX < len {
            return Err(BlobError::TooLarge { len, limit: BLOB_LEN_MAX });
        }
        let mut index = self.index.lock();
        let used = index.used.get(&account).copied().unwrap_or_default();
        let bytes = used.bytes.saturating_add(len);
        if BLOB_BYTES_MAX < bytes || BLOBS_MAX <= used.blobs {
            return Err(BlobError::OverQuota { limit: BLOB_BYTES_MAX, count: BLOBS_MAX });
        }
        let all: u64 = index.used.values().map(|used| used.bytes).sum();
        if ALL_BYTES_MAX < all.saturating_add(len) {
            return Err(BlobError::Full { limit: ALL_BYTES_MAX });
        }
        let directory = self.root.join(account.0.to_string());
        fs::create_dir_all(&directory).map_err(io_error("create", &directory))?;
        index.parts = index.parts.saturating_add(1);
        let path = directory.join(format!(".{}.part", index.parts));
        let file = File::create(&path).map_err(io_error("create", &path))?;
        index.used.insert(account, Used { bytes, blobs: used.blobs.saturating_add(1) });
        let hasher = blake3::Hasher::new();
        let (announced, written) = (len, 0);
        let store = self;
        let is_done = false;
        Ok(BlobWriter { store, account, hash, announced, written, hasher, path, file, is_done })
    }

    /// Opens a blob for whoever knows its hash, and says how long it is.
    ///
    /// # Errors
    /// [`BlobError::Unknown`], [`BlobError::Io`].
    pub fn read(&self, hash: &BlobHash) -> Result<(File, u64), BlobError> {
        let held = {
            let index = self.index.lock();
            let of = index.held.get(hash).and_then(|of| of.first_key_value());
            of.map(|(account, held)| (*account, held.len))
        };
        let (account, len) = held.ok_or_else(|| BlobError::Unknown { hash: hex::encode(hash) })?;
        let path = self.path(account, hash);
        Ok((File::open(&path).map_err(io_error("open", &path))?, len))
    }

    /// How long a blob is; `None` where there is none.
    #[must_use]
    pub fn len_of(&self, hash: &BlobHash) -> Option<u64> {
        let index = self.index.lock();
        index.held.get(hash).and_then(|of| of.values().next()).map(|held| held.len)
    }

    /// Keeps blobs for a job until it has ended.
    ///
    /// # Errors
    /// [`BlobError::Io`]; they are kept in this process even so.
    pub fn pin(&self, job: JobId, hashes: &[BlobHash]) -> Result<(), BlobError> {
        let mut index = self.index.lock();
        let pins = index
            .jobs
            .entry(job)
            .or_insert_with(|| Pins { hashes: BTreeSet::new(), ended_at: None });
        pins.hashes.extend(hashes);
        let text: String =
            pins.hashes.iter().map(|hash| format!("{}\n", hex::encode(hash))).collect();
        drop(index);
        let path = self.root.join("jobs").join(job.0.to_string());
        fs::write(&path, text).map_err(io_error("write", &path))
    }

    /// The blobs that a job names, by their hashes.
    #[must_use]
    pub fn of_job(&self, job: JobId) -> Vec<BlobHash> {
        let index = self.index.lock();
        index.jobs.get(&job).map_or_else(Vec::new, |pins| pins.hashes.iter().copied().collect())
    }

    /// Removes what no job needs any more and nobody has put lately.
    pub fn sweep(&self, now: Nanos, has_ended: impl Fn(JobId) -> bool) {
        let is_old = |since: Nanos| {
            self.keep <= Duration::from_nanos(now.nanos().saturating_sub(since.nanos()))
        };
        let mut index = self.index.lock();
        let mut gone = Vec::new();
        for (job, pins) in &mut index.jobs {
            if pins.ended_at.is_none() && has_ended(*job) {
                pins.ended_at = Some(now);
            }
            if pins.ended_at.is_some_and(is_old) {
                gone.push(*job);
            }
        }
        for job in gone {
            index.jobs.remove(&job);
            remove(&self.root.join("jobs").join(job.0.to_string()));
        }
        let pinned: BTreeSet<BlobHash> =
            index.jobs.values().flat_map(|pins| pins.hashes.iter().copied()).collect();
        let old: Vec<(BlobHash, AccountId, u64)> = index
            .held
            .iter()
            .filter(|(hash, _)| !pinned.contains(*hash))
            .flat_map(|(hash, of)| of.iter().map(|(account, held)| (*hash, *account, *held)))
            .filter(|(_, _, held)| is_old(held.put_at))
            .map(|(hash, account, held)| (hash, account, held.len))
            .collect();
        for (hash, account, len) in old {
            if let Some(of) = index.held.get_mut(&hash) {
                of.remove(&account);
                if of.is_empty() {
                    index.held.remove(&hash);
                }
            }
            index.give_back(account, len);
            remove(&self.path(account, &hash));
        }
    }

    fn path(&self, account: AccountId, hash: &BlobHash) -> PathBuf {
        self.root.join(account.0.to_string()).join(hex::encode(hash))
    }
}

impl Index {
    fn give_back(&mut self, account: AccountId, len: u64) {
        if let Some(used) = self.used.get_mut(&account) {
            used.bytes = used.bytes.saturating_sub(len);
            used.blobs = used.blobs.saturating_sub(1);
        }
    }
}

impl BlobWriter<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BlobError::WrongLength`] beyond what was announced; [`BlobError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(len);
        if self.announced < self.written {
            return Err(self.wrong_length());
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(io_error("write", &self.path))
    }

    /// Gives the blob its name, if it has the hash and the length that were announced.
    ///
    /// # Errors
    /// [`BlobError`]; nothing is left then.
    pub fn finish(mut self, now: Nanos) -> Result<(), BlobError> {
        if self.written != self.announced {
            return Err(self.wrong_length());
        }
        let found = self.hasher.finalize();
        if found.as_bytes() != &self.hash {
            return Err(BlobError::WrongHash { found: hex::encode(found.as_bytes()) });
        }
        self.file.sync_all().map_err(io_error("sync", &self.path))?;
        let path = self.store.path(self.account, &self.hash);
        fs::rename(&self.path, &path).map_err(io_error("name", &path))?;
        self.is_done = true;
        let mut index = self.store.index.lock();
        let held = Held { len: self.announced, put_at: now };
        let before = index.held.entry(self.hash).or_default().insert(self.account, held);
        if before.is_some() {
            // Put again: it counts once.
            index.give_back(self.account, self.announced);
        }
        Ok(())
    }

    fn wrong_length(&self) -> BlobError {
        BlobError::WrongLength { announced: self.announced, found: self.written }
    }
}

impl Drop for BlobWriter<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            remove(&self.path);
            self.store.index.lock().give_back(self.account, self.announced);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a blob's file stays");
    }
}

fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, BlobError> {
    let list = fs::read_dir(directory).map_err(io_error("list", directory))?;
    list.collect::<Result<_, _>>().map_err(io_error("list", directory))
}

fn hash_of(name: &str) -> Option<BlobHash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(name, &mut hash).ok().map(|()| hash)
}

fn read_account(index: &mut Index, account: AccountId, path: &Path) -> Result<(), BlobError> {
    for entry in entries(path)? {
        let Some(hash) = hash_of(&entry.file_name().to_string_lossy()) else {
            // What was being written when the venue went down.
            remove(&entry.path());
            continue;
        };
        let meta = entry.metadata().map_err(io_error("look at", &entry.path()))?;
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let put_at = Nanos::from_seconds(modified.unwrap_or_default().as_secs());
        let held = Held { len: meta.len(), put_at };
        index.held.entry(hash).or_default().insert(account, held);
        let used = index.used.entry(account).or_default();
        used.bytes = used.bytes.saturating_add(meta.len());
        used.blobs = used.blobs.saturating_add(1);
    }
    Ok(())
}

fn read_pins(path: &Path) -> Result<BTreeMap<JobId, Pins>, BlobError> {
    let mut jobs = BTreeMap::new();
    for entry in entries(path)? {
        let Ok(job) = entry.file_name().to_string_lossy().parse::<u64>() else { continue };
        let text = fs::read_to_string(entry.path()).map_err(io_error("read", &entry.path()))?;
        let hashes = text.lines().filter_map(hash_of).collect();
        jobs.insert(JobId(job), Pins { hashes, ended_at: None });
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(60);
    /// Long after any file was written.
    const BEGUN: Nanos = Nanos::from_seconds(1_000_000_000_000 / 100);

    fn after(minutes: u64) -> Nanos {
        BEGUN + instruments::NanosSpan::from_seconds(60 * minutes)
    }

    fn hash(bytes: &[u8]) -> BlobHash {
        *blake3::hash(bytes).as_bytes()
    }

    fn put(store: &BlobStore, account: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let len = u64::try_from(bytes.len()).unwrap();
        let mut writer = store.begin(AccountId(account), hash(bytes), len)?;
        writer.write(bytes)?;
        writer.finish(BEGUN)
    }

    fn used(store: &BlobStore, account: u64) -> (u64, usize) {
        let used = store.index.lock().used.get(&AccountId(account)).copied().unwrap_or_default();
        (used.bytes, used.blobs)
    }

    /// DISPUTE-013
    #[test]
    fn dispute_013_what_lies_under_a_hash_has_it() {
        let place = tempfile::tempdir().unwrap();
        let store = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        put(&store, 1, b"weights").unwrap();
        put(&store, 1, b"weights").unwrap();
        assert_eq!((used(&store, 1), store.len_of(&hash(b"weights"))), ((7, 1), Some(7)));
        let mut wrong = store.begin(AccountId(1), hash(b"inputs"), 6).unwrap();
        wrong.write(b"input!").unwrap();
        assert!(matches!(wrong.finish(BEGUN), Err(BlobError::WrongHash { .. })));
        let mut long = store.begin(AccountId(1), hash(b"inputs"), 6).unwrap();
        assert!(matches!(long.write(b"inputs!"), Err(BlobError::WrongLength { .. })));
        drop(long);
        let short = store.begin(AccountId(1), hash(b"inputs"), 6).unwrap();
        assert!(matches!(short.finish(BEGUN), Err(BlobError::WrongLength { found: 0, .. })));
        assert!(matches!(store.read(&hash(b"inputs")), Err(BlobError::Unknown { .. })));
        assert_eq!(used(&store, 1), (7, 1), "what fails leaves nothing");
        let again = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        assert_eq!((used(&again, 1), again.len_of(&hash(b"weights"))), ((7, 1), Some(7)));
    }

    /// DISPUTE-013
    #[test]
    fn dispute_013_blobs_are_bounded() {
        let place = tempfile::tempdir().unwrap();
        let store = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        let begin = |len| store.begin(AccountId(1), [1; 32], len);
        assert!(matches!(begin(BLOB_LEN_MAX + 1), Err(BlobError::TooLarge { .. })));
        let under_way: Vec<BlobWriter<'_>> =
            (0..BLOB_BYTES_MAX / BLOB_LEN_MAX).map(|_| begin(BLOB_LEN_MAX).unwrap()).collect();
        assert!(matches!(begin(1), Err(BlobError::OverQuota { .. })));
        drop(under_way);
        let all: Vec<BlobWriter<'_>> = (0..BLOBS_MAX).map(|_| begin(0).unwrap()).collect();
        assert!(matches!(begin(0), Err(BlobError::OverQuota { .. })));
        drop(all);
        assert_eq!(used(&store, 1), (0, 0));
    }

    /// DISPUTE-014
    #[test]
    fn dispute_014_a_blob_lives_as_long_as_its_job_and_a_while() {
        let place = tempfile::tempdir().unwrap();
        let store = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        for bytes in [&b"named"[..], b"loose"] {
            put(&store, 1, bytes).unwrap();
        }
        put(&store, 2, b"named").unwrap();
        store.pin(JobId(7), &[hash(b"named")]).unwrap();
        let again = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        assert_eq!(again.of_job(JobId(7)), [hash(b"named")]);
        let there = |store: &BlobStore| {
            [&b"named"[..], b"loose"].map(|bytes| store.len_of(&hash(bytes)).is_some())
        };
        store.sweep(BEGUN, |_| false);
        assert_eq!(there(&store), [true, true]);
        store.sweep(after(10), |_| false);
        assert_eq!(there(&store), [true, false]);
        store.sweep(after(20), |job| job == JobId(7));
        assert_eq!(there(&store), [true, false], "a buyer has time to fetch the result");
        store.sweep(after(21), |_| true);
        assert_eq!(there(&store), [false, false]);
        assert_eq!((used(&store, 1), used(&store, 2)), ((0, 0), (0, 0)));
        let again = BlobStore::open(place.path().to_owned(), KEEP).unwrap();
        let index = again.index.lock();
        assert_eq!((index.jobs.len(), index.held.len()), (0, 0));
    }
}
