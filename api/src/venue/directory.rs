//! What lies where in a venue's data directory, and the lock that makes it one process's.
//!
//! ```text
//! DIR/journal/           journal segments and nothing else: the venue itself
//! DIR/snapshots/         states of the exchange, so that a start need not replay everything
//! DIR/store/             read models, rebuilt from the journal whenever they are in doubt
//! DIR/blobs/             what jobs are made of, by hash
//! DIR/transcripts/       what was demanded and answered in deliveries: salts, times and rows that are in no journal
//! DIR/credentials.json   who may log in as which account; never journaled
//! DIR/used-signatures    signatures that were accepted, while they could be sent again
//! DIR/audit/             who did what: logins, keys, the operator; a chain of hashes
//! DIR/venue.key          the key that countersigns delivery receipts and the heads of the audit log
//! DIR/lock               locked while a process has the directory open
//! ```
//!
//! Invariants:
//! - a file that is replaced is whole in its old or in its new form, whatever happens in between;
//! - files with secrets are readable by their owner only, and a start refuses one that others can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use exchange::io::{DirLock, LockError};
use thiserror::Error;
use zeroize::Zeroizing;

pub(super) const OWNER_ONLY: u32 = 0o600;
/// Of a file's mode, what lets others than its owner in.
const OTHERS: u32 = 0o077;
pub(super) const OWNER_ONLY_DIRECTORY: u32 = 0o700;

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// A file holds something else than it should.
    #[error("{path} is not {expected}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// A file with secrets is open to others than its owner.
    #[error(
        "{path} holds secrets and has mode {mode:04o}: chmod 600, and draw new ones if others could read them"
    )]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The system gave no random bytes.
    #[error("no randomness from the system: {0}")]
    NoRandomness(#[from] getrandom::Error),
}

/// The paths of a data directory. Touches nothing.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the directory at `root`.
    pub(crate) fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Journal segments.
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Read models.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// What jobs are made of.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Transcripts of deliveries.
    pub(crate) fn transcripts(&self) -> PathBuf {
        self.root.join("transcripts")
    }

    /// Who may log in.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.root.join("credentials.json")
    }

    /// Signatures that were accepted.
    pub(crate) fn used_signatures(&self) -> PathBuf {
        self.root.join("used-signatures")
    }

    /// Who did what.
    pub(crate) fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// The countersigning key.
    pub(crate) fn venue_key(&self) -> PathBuf {
        self.root.join("venue.key")
    }
}

/// A data directory that this process has to itself until the value is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    layout: Layout,
    _lock: DirLock,
}

impl Directory {
    /// Creates what is missing and takes the lock.
    ///
    /// # Errors
    /// [`DirectoryError::Locked`] when another process has it; [`DirectoryError::Io`].
    pub(crate) fn open(root: &Path) -> Result<Self, DirectoryError> {
        let layout = Layout::of(root);
        DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIRECTORY).create(root).map_err(
            |source| DirectoryError::Io { action: "create", path: root.to_owned(), source },
        )?;
        Ok(Self { layout, _lock: DirLock::acquire(root)? })
    }

    /// What lies where.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// Replaces the file at `path`, or makes it: a reader finds the old bytes or the new, and a power cut leaves one of the two.
///
/// # Errors
/// [`DirectoryError::Io`].
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), DirectoryError> {
    let fresh = path.with_extension("tmp");
    let io = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| DirectoryError::Io { action, path, source }
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(&fresh)
        .map_err(io("create", &fresh))?;
    file.write_all(bytes).map_err(io("write", &fresh))?;
    file.sync_all().map_err(io("sync", &fresh))?;
    std::fs::rename(&fresh, path).map_err(io("replace", path))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(io("sync", parent))
}

/// The bytes of the file at `path`; `None` when there is none.
///
/// # Errors
/// [`DirectoryError::Io`].
pub(crate) fn read_file(path: &Path) -> Result<Option<String>, DirectoryError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DirectoryError::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// [`read_file`] of a file with secrets. The text is wiped when it is dropped.
///
/// # Errors
/// [`DirectoryError::Exposed`] when others than its owner can use it; [`DirectoryError::Io`].
pub(crate) fn read_secret_file(path: &Path) -> Result<Option<Zeroizing<String>>, DirectoryError> {
    if let Ok(metadata) = std::fs::metadata(path) {
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            return Err(DirectoryError::Exposed { path: path.to_owned(), mode });
        }
    }
    Ok(read_file(path)?.map(Zeroizing::new))
}

/// 32 bytes nobody can predict.
///
/// # Errors
/// [`DirectoryError::NoRandomness`].
pub(crate) fn random_bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
