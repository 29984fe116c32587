//! Who did what: `DIR/audit/`, a chain of hashes whose head the venue's key signs.
//!
//! ```text
//! 00000000000000000001.jsonl   entries from the first on, and signed heads between them, a line each
//! head.json                    the newest signed head
//! ```
//!
//! Invariants:
//! - an entry's hash covers the hash before it, so nothing is changed, left out or moved without all that follows being changed;
//! - an entry is with the system before what it tells of is answered, and synced before a head is signed over it;
//! - a file has a bound and so have the files: the oldest goes, the chain goes on.

mod entry;
mod verify;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instruments::{Nanos, NanosSpan};
use parking_lot::Mutex;

use super::directory::{DirectoryError, OWNER_ONLY, OWNER_ONLY_DIRECTORY, read_file, replace_file};
use super::key::VenueKey;
use entry::{Entry, Line};

pub use entry::{AuditEvent, AuditHead};
pub use verify::{AuditError, AuditReport, verify_audit};

/// Entries after which a head is signed, whatever the time.
const HEAD_EVERY: u64 = 1_000;
/// How long an entry waits for a head at most.
const HEAD_AFTER: NanosSpan = NanosSpan::from_seconds(10);
/// Bytes after which another file is begun.
const FILE_LEN_MAX: u64 = 8 << 20;
/// Files that are kept.
const FILES_MAX: usize = 16;
/// Refusals that are written one by one within [`HEAD_AFTER`]; the rest are counted.
const REFUSALS_MAX: u64 = 100;

/// The log.
pub(super) struct AuditLog {
    inner: Mutex<Inner>,
}

struct Inner {
    directory: PathBuf,
    key: Arc<VenueKey>,
    file: File,
    len: u64,
    seq: u64,
    hash: [u8; 32],
    /// Since when entries have waited for a head.
    unsigned_since: Option<Nanos>,
    head: Option<AuditHead>,
    refusals: u64,
    refusals_since: Nanos,
    has_failed: bool,
}

impl AuditLog {
    /// Opens the log where it ended. What was cut short is cut off; what is missing is said in an entry of its own.
    pub(super) fn open(
        directory: &Path,
        key: &Arc<VenueKey>,
        now: Nanos,
    ) -> Result<Self, DirectoryError> {
        DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIRECTORY).create(directory).map_err(
            |source| DirectoryError::Io { action: "create", path: directory.to_owned(), source },
        )?;
        let head = read_file(&directory.join("head.json"))?
            .and_then(|text| serde_json::from_str::<AuditHead>(&text).ok());
        let last = files(directory)?.pop();
        let end = match &last {
            None => End::default(),
            Some(path) => end_of(path)?,
        };
        let path = last.unwrap_or_else(|| directory.join(file_name(1)));
        let file = append_to(&path)?;
        file.set_len(end.len).map_err(io("cut", &path))?;
        let is_short = head.as_ref().is_some_and(|head| end.seq < head.seq);
        let inner = Inner {
            directory: directory.to_owned(),
            key: Arc::clone(key),
            file,
            len: end.len,
            seq: end.seq,
            hash: end.hash,
            unsigned_since: None,
            head,
            refusals: 0,
            refusals_since: now,
            has_failed: false,
        };
        let log = Self { inner: Mutex::new(inner) };
        if is_short {
            tracing::error!(last = end.seq, "the audit log ends before its newest signed head");
            log.note(event("audit.short", "the log ended before its newest signed head"), now);
        }
        log.note(event("venue.start", ""), now);
        Ok(log)
    }

    /// Appends an entry.
    pub(super) fn note(&self, event: AuditEvent<'_>, now: Nanos) {
        self.inner.lock().append(event, now);
    }

    /// Appends a refusal, unless there were too many of late: those are counted, so that nobody can push the rest out of the log.
    pub(super) fn note_refusal(&self, event: AuditEvent<'_>, now: Nanos) {
        let is_one_by_one = {
            let mut inner = self.inner.lock();
            inner.end_of_refusals(now);
            inner.refusals = inner.refusals.saturating_add(1);
            inner.refusals <= REFUSALS_MAX
        };
        if is_one_by_one {
            self.note(event, now);
        }
    }

    /// Signs a head when entries have waited long enough for one.
    pub(super) fn sign_when_due(&self, now: Nanos) {
        let mut inner = self.inner.lock();
        inner.end_of_refusals(now);
        let signed = inner.head.as_ref().map_or(0, |head| head.seq);
        let are_many = HEAD_EVERY <= inner.seq.saturating_sub(signed);
        if are_many || inner.unsigned_since.is_some_and(|since| since + HEAD_AFTER <= now) {
            inner.sign(now);
        }
    }

    /// Signs what waits, at the end.
    pub(super) fn close(&self, now: Nanos) {
        let mut inner = self.inner.lock();
        inner.append(event("venue.end", ""), now);
        inner.sign(now);
    }

    /// The newest signed head.
    pub(super) fn head(&self) -> Option<AuditHead> {
        self.inner.lock().head.clone()
    }
}

fn event<'a>(action: &'a str, result: &'a str) -> AuditEvent<'a> {
    AuditEvent { actor: "venue", action, object: "", result }
}

impl Inner {
    fn append(&mut self, event: AuditEvent<'_>, now: Nanos) {
        let entry = Entry::after((self.seq, self.hash), event, now);
        self.write(&Line::Entry(entry.clone()));
        self.seq = entry.seq;
        self.hash = entry.hash.0;
        self.unsigned_since.get_or_insert(now);
        if FILE_LEN_MAX <= self.len {
            self.begin_file(now);
        }
    }

    fn end_of_refusals(&mut self, now: Nanos) {
        if now < self.refusals_since + HEAD_AFTER {
            return;
        }
        let more = self.refusals.saturating_sub(REFUSALS_MAX);
        (self.refusals, self.refusals_since) = (0, now);
        if 0 < more {
            let more = more.to_string();
            self.append(
                AuditEvent {
                    actor: "anybody",
                    action: "refused",
                    object: &more,
                    result: "counted",
                },
                now,
            );
        }
    }

    /// A log that cannot be written stops nobody from trading; the operator is told, once.
    fn write(&mut self, line: &Line) {
        let Ok(mut text) = serde_json::to_vec(line) else { return };
        text.push(b'\n');
        let written = self.file.write_all(&text);
        self.len = self.len.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        if let Err(error) = written
            && !self.has_failed
        {
            tracing::error!(%error, "the audit log cannot be written");
            self.has_failed = true;
        }
    }

    fn sign(&mut self, now: Nanos) {
        self.unsigned_since = None;
        if let Err(error) = self.file.sync_data() {
            tracing::error!(%error, "the audit log cannot be synced; no head is signed");
            return;
        }
        let head = AuditHead::sign(&self.key, (self.seq, self.hash), now);
        self.write(&Line::Head(head.clone()));
        let path = self.directory.join("head.json");
        let kept = serde_json::to_vec(&head).map(|text| replace_file(&path, &text));
        if !matches!(kept, Ok(Ok(()))) {
            tracing::error!("the head of the audit log cannot be written");
        }
        self.head = Some(head);
    }

    fn begin_file(&mut self, now: Nanos) {
        self.sign(now);
        let path = self.directory.join(file_name(self.seq.saturating_add(1)));
        match append_to(&path) {
            Ok(file) => (self.file, self.len) = (file, 0),
            Err(error) => tracing::error!(%error, "the audit log goes on in the file it has"),
        }
        let Ok(mut files) = files(&self.directory) else { return };
        let more = files.len().saturating_sub(FILES_MAX);
        for old in files.drain(..more) {
            if let Err(error) = std::fs::remove_file(&old) {
                tracing::warn!(%error, "an old file of the audit log cannot be removed");
            }
        }
    }
}

fn file_name(first: u64) -> String {
    format!("{first:020}.jsonl")
}

fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> DirectoryError + 'a {
    move |source| DirectoryError::Io { action, path: path.to_owned(), source }
}

fn append_to(path: &Path) -> Result<File, DirectoryError> {
    let opened = OpenOptions::new().create(true).append(true).mode(OWNER_ONLY).open(path);
    opened.map_err(io("open", path))
}

/// The files of the log, oldest first.
fn files(directory: &Path) -> Result<Vec<PathBuf>, DirectoryError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io("read", directory))? {
        let path = entry.map_err(io("read", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Where a file ends.
#[derive(Default)]
struct End {
    len: u64,
    seq: u64,
    hash: [u8; 32],
}

/// Behind the last line that is whole. An empty file goes on from the place in its name, with the head that was signed before it was begun.
fn end_of(path: &Path) -> Result<End, DirectoryError> {
    let text = std::fs::read(path).map_err(io("read", path))?;
    let mut end = End::default();
    let mut is_empty = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let whole = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice(line).ok());
        match whole {
            None => break,
            Some(Line::Entry(entry)) => (end.seq, end.hash) = (entry.seq, entry.hash.0),
            Some(Line::Head(head)) => (end.seq, end.hash) = (head.seq, head.hash.0),
        }
        is_empty = false;
        end.len = end.len.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
    }
    if is_empty
        && let Some(directory) = path.parent()
        && let Some(text) = read_file(&directory.join("head.json"))?
        && let Ok(head) = serde_json::from_str::<AuditHead>(&text)
    {
        (end.seq, end.hash) = (head.seq, head.hash.0);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_035_the_chain_goes_on_over_restarts_cut_lines_and_files() {
        let directory = tempfile::tempdir().unwrap();
        let key = VenueKey::load_or_create(&directory.path().join("venue.key")).unwrap();
        let (key, path) = (Arc::new(key), directory.path().join("audit"));
        let at = Nanos::from_seconds;
        for round in 1..=3 {
            let log = AuditLog::open(&path, &key, at(round)).unwrap();
            for _ in 0..600 {
                log.note(event("test", "ok"), at(round));
            }
            if round == 2 {
                log.inner.lock().begin_file(at(round));
            }
            log.close(at(round));
            // The last line, a head, was being written.
            let last = files(&path).unwrap().pop().unwrap();
            let len = std::fs::metadata(&last).unwrap().len();
            File::options().write(true).open(&last).unwrap().set_len(len - 1).unwrap();
        }
        let log = AuditLog::open(&path, &key, at(9)).unwrap();
        log.close(at(9));
        let report = verify_audit(&path, Some(key.address()), log.head().as_ref()).unwrap();
        assert_eq!((report.first, report.last), (1, 3 * 602 + 2));
        assert_eq!(report.signed, report.last);
    }

    #[test]
    fn auth_036_refusals_beyond_a_hundred_in_ten_seconds_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let key = VenueKey::load_or_create(&directory.path().join("venue.key")).unwrap();
        let path = directory.path().join("audit");
        let at = Nanos::from_seconds;
        let log = AuditLog::open(&path, &Arc::new(key), at(1)).unwrap();
        for _ in 0..1_000 {
            log.note_refusal(event("login", "refused"), at(2));
        }
        assert_eq!(log.inner.lock().seq, 101, "with the entry of the start");
        assert!(log.head().is_none());
        log.sign_when_due(at(12));
        assert_eq!(log.head().map(|head| head.seq), Some(102));
        let text = std::fs::read_to_string(path.join(file_name(1))).unwrap();
        assert!(text.contains(r#""action":"refused","object":"900""#), "{text}");
    }
}
