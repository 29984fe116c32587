//! One process per data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a data directory cannot be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{dir} is open in another process")]
    Held {
        /// The data directory.
        dir: PathBuf,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock {dir}: {source}")]
    Io {
        /// The data directory.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// The right to write in a data directory, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    // The operating system holds the lock for as long as this is open.
    _file: File,
}

impl DirLock {
    /// Takes `dir`, making it if it is absent.
    ///
    /// # Errors
    /// [`LockError::Held`] while another process, or another holder in this one, has it.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { dir: dir.to_path_buf(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { dir: dir.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
