//! One process records on a tape, or any number read it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::fault::TapeError;
use super::seal::LOCK;

/// The right to use a tape, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    // The operating system holds the lock for as long as this is open.
    _file: Option<File>,
}

impl Lock {
    /// To write: nobody else may do anything.
    pub(super) fn acquire(dir: &Path) -> Result<Self, TapeError> {
        let path = dir.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(TapeError::io("lock", &path))?;
        held(file.try_lock(), dir)?;
        Ok(Self { _file: Some(file) })
    }

    /// To read: nobody may write. Makes no file, so that what only may be read can be read.
    pub(super) fn share(dir: &Path) -> Result<Self, TapeError> {
        let path = dir.join(LOCK);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { _file: None });
            }
            opened => opened.map_err(TapeError::io("lock", &path))?,
        };
        held(file.try_lock_shared(), dir)?;
        Ok(Self { _file: Some(file) })
    }
}

fn held(tried: Result<(), TryLockError>, dir: &Path) -> Result<(), TapeError> {
    tried.map_err(|error| match error {
        TryLockError::WouldBlock => TapeError::Held { dir: dir.to_path_buf() },
        TryLockError::Error(source) => TapeError::io("lock", dir)(source),
    })
}
