//! Everything that can be checked about a tape without changing it: files, chain, store, roots and prints.
//!
//! The store is opened as a copy, because sled repairs what it opens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use instruments::{Nanos, Seq};

use super::compare::compare;
use super::fault::{Fault, FileProblem, TapeError};
use super::lock::Lock;
use super::log::{Header, Stored, len_u64};
use super::replay::{Mismatch, Replay};
use super::row::{Evidence, Label, Row};
use super::scan::{FAULTS_MAX, Scan, scan};
use super::seal::{self, LOCK, LOG, SEAL, STORE, Seal};
use super::store::{Contents, Store};
use super::{Clock, Entry, holds_tape};

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Rows that are what was chained.
    pub rows: u64,
    /// Of them, observations.
    pub observations: u64,
    /// Prints, revisions apart.
    pub prints: u64,
    /// Revisions.
    pub revisions: u64,
    /// Inputs that were not taken.
    pub refusals: u64,
    /// Rows that say by what signatures are judged.
    pub rules: u64,
    /// Futures marks.
    pub marks: u64,
    /// Reports that reporters signed.
    pub reports: u64,
    /// Observations that their providers signed.
    pub signed: u64,
    /// Ticks with a print.
    pub ticks: u64,
    /// Grades with a print.
    pub grades: u64,
    /// Whether the tape had been closed, and is as it was then.
    pub is_sealed: bool,
    /// Whose the write times are, where the header says so.
    pub clock: Option<Clock>,
    /// Bytes of an append that a crash cut short, never acknowledged.
    pub torn_bytes: u64,
    /// Rows of the last append, never acknowledged, that have not reached the store.
    pub behind: u64,
    /// The hash over all rows.
    pub head: [u8; 32],
    /// What is not as it was written; the first of many.
    pub faults: Vec<Fault>,
    /// Prints that do not follow from their inputs; the first of many.
    pub mismatches: Vec<Mismatch>,
    /// How many there are.
    pub mismatches_count: u64,
}

impl Audit {
    /// Whether everything is as it was written, and follows from its inputs.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.mismatches_count == 0
    }
}

/// Reads all of the tape in `dir` and changes nothing. `scratch` is an empty directory with room for a copy of the store.
///
/// # Errors
/// [`TapeError::NoTape`], [`TapeError::Held`], or when the disk refuses. What is wrong with the tape is no error but a finding.
pub fn audit(dir: &Path, scratch: &Path) -> Result<Audit, TapeError> {
    if !holds_tape(dir) {
        return Err(TapeError::NoTape { dir: dir.to_path_buf() });
    }
    let _lock = Lock::share(dir)?;
    let mut audit = Audit { faults: strangers(dir)?, ..Audit::default() };
    match seal::check(dir)? {
        Seal::Absent => {}
        Seal::Whole => audit.is_sealed = true,
        Seal::Broken(faults) => audit.fault_all(faults),
    }
    let log = dir.join(LOG);
    let mut reading = Reading::default();
    let scanned = scan(&log, &mut |stored| {
        reading.take(&stored, &mut audit);
        Ok(())
    })?;
    audit.ticks = len_u64(reading.ticks.len());
    audit.grades = len_u64(reading.grades.len());
    audit.clock = scanned.header.map(|Header { clock, .. }| clock);
    audit.head = scanned.end.link;
    audit.fault_all(scanned.faults.clone());
    check_store(dir, scratch, (&scanned, reading.contents), &mut audit)?;
    Ok(audit)
}

/// The rows as they pass.
#[derive(Default)]
struct Reading {
    contents: Contents,
    replay: Replay,
    ticks: BTreeSet<Nanos>,
    grades: BTreeSet<Label>,
}

impl Reading {
    fn take(&mut self, stored: &Stored, audit: &mut Audit) {
        self.contents.add_all(stored);
        let Stored { seq, written_at, link, ref bytes } = *stored;
        let Ok(row) = Row::decode(bytes) else {
            audit.fault_all(vec![Fault::Rows { first: seq, last: seq }]);
            return;
        };
        let count = match &row {
            Row::Observed(observed) => {
                let is_signed = matches!(observed.evidence, Evidence::Signed { .. });
                audit.signed = audit.signed.saturating_add(u64::from(is_signed));
                &mut audit.observations
            }
            Row::Printed(printed) => {
                self.ticks.insert(printed.print.at);
                self.grades.insert(printed.grade.clone());
                &mut audit.prints
            }
            Row::Refused(_) => &mut audit.refusals,
            Row::Revised(_) => &mut audit.revisions,
            Row::Judging(_) | Row::Reporting(_) => &mut audit.rules,
            Row::Marked(_) => &mut audit.marks,
            Row::Reported(_) => &mut audit.reports,
        };
        *count = count.saturating_add(1);
        audit.rows = audit.rows.saturating_add(1);
        if let Some(mismatch) = self.replay.take(&Entry { seq, written_at, link, row }) {
            audit.mismatches_count = audit.mismatches_count.saturating_add(1);
            if audit.mismatches.len() < FAULTS_MAX {
                audit.mismatches.push(mismatch);
            }
        }
    }
}

impl Audit {
    fn fault_all(&mut self, faults: Vec<Fault>) {
        let room = FAULTS_MAX.saturating_sub(self.faults.len());
        self.faults.extend(faults.into_iter().take(room));
    }
}

fn check_store(
    dir: &Path,
    scratch: &Path,
    (scanned, contents): (&Scan, Contents),
    audit: &mut Audit,
) -> Result<(), TapeError> {
    let torn_bytes = scanned.tail.as_ref().map_or(0, |tail| tail.bytes);
    if !dir.join(STORE).join("db").exists() {
        let problem = FileProblem::Missing;
        audit.fault_all(vec![Fault::File { path: "store/db".to_owned(), problem }]);
        return Ok(());
    }
    copy(&dir.join(STORE), scratch)?;
    let store = match Store::open(scratch) {
        Ok(store) => store,
        Err(error) => {
            audit.fault_all(vec![Fault::of_store(&error)]);
            // Without the store nobody can say that it was not acknowledged.
            let end = scanned.end.last.next();
            if 0 < torn_bytes {
                audit.fault_all(vec![Fault::Rows { first: end, last: end }]);
            }
            return Ok(());
        }
    };
    let compared = compare(scanned, contents, &store, &dir.join(LOG))?;
    if scanned.end.last >= store.applied.map_or(Seq(0), |applied| applied.seq) {
        audit.torn_bytes = torn_bytes;
    }
    audit.behind = len_u64(compared.behind.len());
    audit.fault_all(compared.faults);
    Ok(())
}

/// What lies in the directory and is no file of a tape.
fn strangers(dir: &Path) -> Result<Vec<Fault>, TapeError> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(dir).map_err(TapeError::io("read", dir))? {
        let entry = entry.map_err(TapeError::io("read", dir))?;
        let (name, metadata) = (entry.file_name(), entry.metadata());
        let len = metadata.map_err(TapeError::io("read", dir))?.len();
        let is_empty_lock = name == LOCK && len == 0;
        if !is_empty_lock && ![LOG, STORE, SEAL].iter().any(|known| name == *known) {
            let path = name.display().to_string();
            faults.push(Fault::File { path, problem: FileProblem::Unexpected });
        }
    }
    Ok(faults)
}

fn copy(from: &Path, to: &Path) -> Result<(), TapeError> {
    fs::create_dir_all(to).map_err(TapeError::io("make", to))?;
    for entry in fs::read_dir(from).map_err(TapeError::io("read", from))? {
        let entry = entry.map_err(TapeError::io("read", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(TapeError::io("copy", &path))?;
        }
    }
    Ok(())
}
