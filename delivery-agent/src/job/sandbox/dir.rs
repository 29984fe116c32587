//! The directory of one job: fresh, its owner's only, wiped when the job is over.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::job::spec::JobSpec;

/// The spec's file.
pub(super) const SPEC: &str = "spec.json";
/// The parameters' file.
pub(super) const WEIGHTS: &str = "weights.safetensors";
/// The data's file.
pub(super) const INPUTS: &str = "inputs.safetensors";

/// A job's directory. Dropping it wipes it.
#[derive(Debug)]
pub struct JobDir {
    path: PathBuf,
}

impl JobDir {
    /// Makes the directory below `parent` and writes the job into it.
    ///
    /// What an earlier run of the agent has left there of the same job is wiped first.
    ///
    /// # Errors
    /// The disk's.
    pub fn new(parent: &Path, spec: &JobSpec, weights: &[u8], inputs: &[u8]) -> io::Result<Self> {
        // The job's process begins in another directory: a relative path would lead elsewhere there.
        let parent = &std::path::absolute(parent)?;
        let path = parent.join(format!("job-{}", spec.id()));
        wipe(&path)?;
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        DirBuilder::new().mode(0o700).create(&path)?;
        let dir = Self { path };
        let spec = spec.to_json();
        for (name, bytes) in [(SPEC, spec.as_bytes()), (WEIGHTS, weights), (INPUTS, inputs)] {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create_new(true).mode(0o600).open(dir.path.join(name))?;
            file.write_all(bytes)?;
        }
        Ok(dir)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for JobDir {
    fn drop(&mut self) {
        if let Err(error) = wipe(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "job directory could not be wiped");
        }
    }
}

/// Overwrites and removes. Best effort on a disk that moves what it overwrites.
fn wipe(path: &Path) -> io::Result<()> {
    if !fs::exists(path)? {
        return Ok(());
    }
    for name in [SPEC, WEIGHTS, INPUTS] {
        let path = path.join(name);
        if fs::exists(&path)? {
            overwrite(&path)?;
        }
    }
    fs::remove_dir_all(path)
}

fn overwrite(path: &Path) -> io::Result<()> {
    let len = fs::metadata(path)?.len();
    let mut file: File = OpenOptions::new().write(true).open(path)?;
    io::copy(&mut io::Read::take(io::repeat(0), len), &mut file)?;
    file.sync_all()
}
