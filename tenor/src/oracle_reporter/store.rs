//! A reporter's directory.
//!
//! ```text
//! lock                   held while the reporter runs
//! state                  what it must not forget, replaced whole
//! decisions/HEIGHT       the last 10,000 decisions, for reporters that missed them
//! equivocations/ADDRESS  proofs against providers, as `tenor oracle equivocation` reads them
//! reports.jsonl          every report it published, and reports.old.jsonl before it
//! ```
//!
//! Invariant: a file that is replaced is whole, before or after, also when the power fails in between.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oracle::io::reporter::{Decision, MESSAGE_LEN_MAX, Message};
use oracle::io::sign::{Domain, SignedReport};

use super::json;

/// Decisions that are kept: five weeks of ticks of five minutes.
const DECISIONS_KEPT: u64 = 10_000;
/// The reports' file is put aside when it is longer.
const REPORTS_LEN_MAX: u64 = 64 * 1024 * 1024;
/// The longest state: everything of a full registry.
const STATE_LEN_MAX: u64 = 256 * 1024 * 1024;

/// An open directory.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    /// Held for as long as the store lives.
    _lock: File,
}

impl Store {
    /// Opens the directory, or makes it.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let name = || dir.display().to_string();
        for folder in ["decisions", "equivocations"] {
            std::fs::create_dir_all(dir.join(folder)).with_context(name)?;
        }
        let lock = File::create(dir.join("lock")).with_context(name)?;
        if let Err(error) = lock.try_lock() {
            bail!("{} is in use by another reporter: {error}", name());
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// What was saved last.
    pub(super) fn saved(&self) -> Result<Option<Vec<u8>>> {
        self.read(Path::new("state"), STATE_LEN_MAX)
    }

    /// Replaces what was saved.
    pub(super) fn save(&self, state: &[u8]) -> Result<()> {
        self.replace(Path::new("state"), state)
    }

    /// Keeps a decision and the proofs in it, and lets the oldest go.
    pub(super) fn keep(&self, decision: &Decision, domain: &Domain) -> Result<()> {
        let height = decision.inputs.height;
        let bytes = Message::Decision(decision.clone()).write();
        self.replace(&Self::decision_path(height), &bytes)?;
        for proof in &decision.inputs.proofs {
            let path = Path::new("equivocations").join(format!("{}.json", proof.accused()));
            self.replace(&path, json::proof(proof, domain).to_string().as_bytes())?;
        }
        let Some(oldest) = height.checked_sub(DECISIONS_KEPT) else { return Ok(()) };
        let path = self.dir.join(Self::decision_path(oldest));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| path.display().to_string())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The message with a decision, if it is kept.
    pub(super) fn decision(&self, height: u64) -> Result<Option<Vec<u8>>> {
        let len_max = u64::try_from(MESSAGE_LEN_MAX).unwrap_or(u64::MAX);
        self.read(&Self::decision_path(height), len_max)
    }

    /// Appends a report.
    pub(super) fn publish(&self, report: &SignedReport, domain: &Domain) -> Result<()> {
        let path = self.dir.join("reports.jsonl");
        let name = || path.display().to_string();
        let len = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if REPORTS_LEN_MAX < len {
            std::fs::rename(&path, self.dir.join("reports.old.jsonl")).with_context(name)?;
        }
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).with_context(name)?;
        let line = format!("{}\n", json::report(report, domain));
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).with_context(name)
    }

    fn decision_path(height: u64) -> PathBuf {
        Path::new("decisions").join(format!("{height:020}"))
    }

    fn read(&self, path: &Path, len_max: u64) -> Result<Option<Vec<u8>>> {
        let path = self.dir.join(path);
        let name = || path.display().to_string();
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.with_context(name)?,
        };
        let mut bytes = Vec::new();
        let len = file.take(len_max + 1).read_to_end(&mut bytes).with_context(name)?;
        if u64::try_from(len).is_ok_and(|len| len_max < len) {
            bail!("{} is longer than {len_max} bytes, the limit", name());
        }
        Ok(Some(bytes))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(path);
        let new = path.with_extension("new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            std::fs::rename(&new, &path)?;
            // The name is as dear as the bytes.
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        write().with_context(|| path.display().to_string())
    }
}
