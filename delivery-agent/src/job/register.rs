//! Which jobs an agent has begun. A job id is begun once, and never after the job has expired.
//!
//! Invariants:
//! - a job is in the file, and the file on the disk, before its process is started;
//! - a file that cannot be read in full, or cannot be written, begins nothing.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::spec::{Digest, JobSpec};
use crate::expand::Bytes32;

/// Most jobs of one register: 32 MiB.
pub const JOBS_MAX: usize = 1 << 20;

/// The jobs that were begun.
#[derive(Debug)]
pub struct Register {
    file: File,
    begun: BTreeSet<Digest>,
}

/// Why a job is not begun.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Its time is over.
    #[error("expired at {expires_at_ms}, it is {now_ms}")]
    Expired {
        /// In the spec.
        expires_at_ms: u64,
        /// Now.
        now_ms: u64,
    },
    /// It was begun before, whatever came of it.
    #[error("job {job} was begun before")]
    Replayed {
        /// Its id.
        job: Digest,
    },
    /// The register is full: a new key and a new register are due.
    #[error("register holds {JOBS_MAX} jobs")]
    Full,
    /// The disk failed.
    #[error("register: {0}")]
    Disk(#[from] io::Error),
}

impl Register {
    /// Opens a register, or makes one.
    ///
    /// # Errors
    /// [`Refused::Disk`] when it cannot be read, or ends in the middle of an entry.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut bytes = Vec::new();
        let most = (JOBS_MAX * size_of::<Bytes32>()) as u64;
        Read::take(&mut file, most + 1).read_to_end(&mut bytes)?;
        let (entries, rest) = bytes.as_chunks();
        // A torn last entry was never acted upon: its process was not started.
        file.set_len((bytes.len() - rest.len()) as u64)?;
        let begun = entries.iter().map(|entry| Digest(*entry)).collect();
        Ok(Self { file, begun })
    }

    /// Enters a job; from then on it is begun.
    ///
    /// # Errors
    /// [`Refused`], the first that applies.
    pub fn begin(&mut self, spec: &JobSpec, now_ms: u64) -> Result<(), Refused> {
        let (job, expires_at_ms) = (spec.id(), spec.expires_at_ms);
        if expires_at_ms <= now_ms {
            return Err(Refused::Expired { expires_at_ms, now_ms });
        }
        if self.begun.contains(&job) {
            return Err(Refused::Replayed { job });
        }
        if JOBS_MAX <= self.begun.len() {
            return Err(Refused::Full);
        }
        if let Err(error) = self.enter(&job) {
            // Half an entry would put every later one out of place.
            self.file.set_len((self.begun.len() * size_of::<Bytes32>()) as u64)?;
            return Err(error.into());
        }
        self.begun.insert(job);
        Ok(())
    }

    fn enter(&mut self, job: &Digest) -> io::Result<()> {
        self.file.write_all(&job.0)?;
        self.file.sync_data()
    }
}
