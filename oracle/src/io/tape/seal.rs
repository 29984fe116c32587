//! The seal of a tape that was closed: every file's length and hash.
//!
//! sled's files have regions that hold no row: unused space, and pages that newer ones have replaced. sled does not look at them, and no
//! comparison of rows can. A closed tape does not change, so its files can be hashed whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};

use super::fault::{Fault, FileProblem, TapeError};
use super::log::encode;

/// What a tape's directory may hold.
pub(super) const LOG: &str = "rows.log";
pub(super) const STORE: &str = "store";
pub(super) const SEAL: &str = "seal";
pub(super) const LOCK: &str = "lock";

/// A log, and the few files of a store.
const FILES_MAX: usize = 1_024;
const SEAL_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Sealed {
    path: String,
    len: u64,
    hash: [u8; 32],
}

/// Whether a tape is sealed, and what the seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seal {
    /// It is open, or was not closed.
    Absent,
    /// Nothing has changed since it was closed.
    Whole,
    /// Something has.
    Broken(Vec<Fault>),
}

/// Writes the seal of a tape whose files are closed.
pub(super) fn write(dir: &Path) -> Result<(), TapeError> {
    let path = dir.join(SEAL);
    let sealed = files(dir)?;
    let mut bytes = encode(&sealed);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    let fresh = dir.join("seal.new");
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(dir)?.sync_all()
    });
    written.map_err(TapeError::io("write", &path))
}

/// Takes the seal away, before anything changes.
pub(super) fn lift(dir: &Path) -> Result<(), TapeError> {
    let path = dir.join(SEAL);
    if !path.exists() {
        return Ok(());
    }
    let lifted = fs::remove_file(&path).and_then(|()| File::open(dir)?.sync_all());
    lifted.map_err(TapeError::io("remove", &path))
}

/// Compares a tape with its seal.
pub(super) fn check(dir: &Path) -> Result<Seal, TapeError> {
    let path = dir.join(SEAL);
    let unread = || TapeError::io("read", &path);
    let len = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seal::Absent),
        Err(error) => return Err(unread()(error)),
    };
    let damaged = |problem| Fault::File { path: SEAL.to_owned(), problem };
    if SEAL_BYTES_MAX < len {
        let problem = FileProblem::Length { sealed: SEAL_BYTES_MAX, found: len };
        return Ok(Seal::Broken(vec![damaged(problem)]));
    }
    let bytes = fs::read(&path).map_err(unread())?;
    let sealed = bytes
        .split_last_chunk::<32>()
        .filter(|(body, hash)| blake3::hash(body).as_bytes() == *hash);
    let sealed = sealed.and_then(|(body, _)| borsh::from_slice::<Vec<Sealed>>(body).ok());
    let Some(sealed) = sealed else {
        return Ok(Seal::Broken(vec![damaged(FileProblem::Contents)]));
    };
    let faults = differences(&sealed, &files(dir)?);
    Ok(if faults.is_empty() { Seal::Whole } else { Seal::Broken(faults) })
}

fn differences(sealed: &[Sealed], found: &[Sealed]) -> Vec<Fault> {
    let problem = |was: &Sealed| match found.iter().find(|file| file.path == was.path) {
        None => Some(FileProblem::Missing),
        Some(file) if file.len != was.len => {
            Some(FileProblem::Length { sealed: was.len, found: file.len })
        }
        Some(file) if file.hash != was.hash => Some(FileProblem::Contents),
        Some(_) => None,
    };
    let changed = sealed.iter().filter_map(|was| Some((was, problem(was)?)));
    let is_new = |file: &&Sealed| !sealed.iter().any(|was| was.path == file.path);
    let new = found.iter().filter(is_new).map(|file| (file, FileProblem::Unexpected));
    changed
        .chain(new)
        .map(|(file, problem)| Fault::File { path: file.path.clone(), problem })
        .collect()
}

/// Every file of the tape but the seal itself, in order of its name.
fn files(dir: &Path) -> Result<Vec<Sealed>, TapeError> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let path = dir.join(&inside);
        let unread = || TapeError::io("read", &path);
        for entry in fs::read_dir(&path).map_err(unread())? {
            let entry = entry.map_err(unread())?;
            let path = inside.join(entry.file_name());
            if entry.file_type().map_err(unread())?.is_dir() {
                open.push(path);
            } else if path != Path::new(SEAL) {
                files.push(hashed(dir, &path)?);
            }
            if FILES_MAX < files.len() {
                let source = io::Error::other(format!("more than {FILES_MAX} files"));
                return Err(unread()(source));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn hashed(dir: &Path, path: &Path) -> Result<Sealed, TapeError> {
    let whole = dir.join(path);
    let unread = || TapeError::io("read", &whole);
    let mut file = File::open(&whole).map_err(unread())?;
    let mut hasher = blake3::Hasher::new();
    let len = io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(unread())?;
    let hash = *hasher.finalize().as_bytes();
    Ok(Sealed { path: path.display().to_string(), len, hash })
}

struct HashWriter<'a>(&'a mut blake3::Hasher);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
