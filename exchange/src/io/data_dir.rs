//! The data directory: which file lies where.
//!
//! Invariant: `journal/` holds segments and nothing else; whatever is half made lies beside it under a temporary name.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::journal_error::JournalError;

/// A data directory on a disk.
#[derive(Debug, Clone)]
pub struct DataDir<D> {
    pub(super) disk: D,
    root: PathBuf,
}

impl<D: Disk> DataDir<D> {
    /// The directory `root` of `disk`. Touches nothing.
    pub fn new(disk: D, root: impl Into<PathBuf>) -> Self {
        Self { disk, root: root.into() }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a journal was begun here.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn has_journal(&self) -> Result<bool, JournalError> {
        Ok(!self
            .names(&self.journal_dir())
            .map_err(JournalError::io("list", self.journal_dir()))?
            .is_empty())
    }

    /// Where the directory's own name stands.
    pub(super) fn parent(&self) -> &Path {
        let parent = self.root.parent().unwrap_or(&self.root);
        if parent.as_os_str().is_empty() { Path::new(".") } else { parent }
    }

    pub(super) fn journal_dir(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(super) fn snapshot_dir(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// A segment or snapshot that is not yet whole.
    pub(super) fn unfinished(&self, what: &str) -> PathBuf {
        self.root.join(what).with_extension("tmp")
    }

    /// The names in `dir`; none when there is no such directory.
    pub(super) fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        match self.disk.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names,
        }
    }
}
