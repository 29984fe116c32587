//! Checks an audit log: every hash, every signature, and that nothing is missing up to a head that somebody has kept.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::entry::{AuditHead, Entry, Line};
use crate::venue::directory::DirectoryError;

/// What a log holds, when all of it checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditReport {
    /// Its first entry; above 1 where old files are gone.
    pub first: u64,
    /// Its last.
    pub last: u64,
    /// The last that a signed head vouches for.
    pub signed: u64,
    /// Signed heads.
    pub heads: u64,
}

/// What is wrong with a log.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A file cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A line that is not one of the log's.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// In which file.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What does not hold.
        what: String,
    },
    /// Entries that were signed are not there.
    #[error("the log ends at entry {last}, a head is signed at entry {head}")]
    Short {
        /// Its last entry.
        last: u64,
        /// The head's.
        head: u64,
    },
    /// Old files go only where there are many.
    #[error("the log begins with entry {first} and has {files} files: older ones are missing")]
    Missing {
        /// Its first entry.
        first: u64,
        /// How many there are.
        files: usize,
    },
    /// A head that is not this log's.
    #[error("the head: {0}")]
    Head(&'static str),
    /// Nothing to check.
    #[error("the log has no entry")]
    Empty,
}

/// Where a reader is.
struct Chain<'a> {
    signer: Option<[u8; 20]>,
    kept: Option<&'a AuditHead>,
    last: Option<(u64, [u8; 32], u64)>,
    report: AuditReport,
    has_met_kept: bool,
}

/// Checks the log at `path`: a file or a directory of them. With a head that was kept elsewhere it finds a log that was cut short, too.
///
/// # Errors
/// The first line that does not hold.
pub fn verify_audit(
    path: &Path,
    signer: Option<[u8; 20]>,
    kept: Option<&AuditHead>,
) -> Result<AuditReport, AuditError> {
    let files = if path.is_dir() { super::files(path)? } else { vec![path.to_owned()] };
    let report = AuditReport { first: 0, last: 0, signed: 0, heads: 0 };
    let mut chain = Chain { signer, kept, last: None, report, has_met_kept: false };
    let count = files.len();
    if let Some(kept) = kept {
        chain.check_signer(kept).map_err(AuditError::Head)?;
    }
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(super::io("read", &path))?;
        let mut rest = text.as_str();
        let mut number = 0_usize;
        // A file begins where its name says.
        let first = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        let mut is_begun = false;
        while !rest.is_empty() {
            number = number.saturating_add(1);
            let wrong = |what: &str| AuditError::Line {
                path: path.clone(),
                line: number,
                what: what.to_owned(),
            };
            let (line, after) = rest.split_once('\n').ok_or_else(|| wrong("is cut short"))?;
            let last = chain.take(line).map_err(|what| wrong(&what))?;
            if !is_begun && first.is_some_and(|first| last != first) {
                return Err(wrong("the file does not begin with the entry that its name says"));
            }
            is_begun = true;
            rest = after;
        }
    }
    if path.is_dir() && 1 < chain.report.first && count < super::FILES_MAX {
        return Err(AuditError::Missing { first: chain.report.first, files: count });
    }
    chain.end()
}

impl Chain<'_> {
    /// The place after the line.
    fn take(&mut self, text: &str) -> Result<u64, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // Whatever is not as it was written was changed, if only by a blank.
        if serde_json::to_string(&line).ok().as_deref() != Some(text) {
            return Err("is not written as the venue writes it".to_owned());
        }
        match line {
            Line::Entry(entry) => self.entry(&entry),
            Line::Head(head) => self.head(&head),
        }
        .map_err(str::to_owned)?;
        Ok(self.report.last)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if entry.digest() != entry.hash.0 {
            return Err("the entry's hash is not that of its fields");
        }
        match self.last {
            None if entry.seq == 1 && entry.prev.0 != [0; 32] => {
                return Err("the first entry follows another");
            }
            None => self.report.first = entry.seq,
            Some((seq, ..)) if seq.checked_add(1) != Some(entry.seq) => {
                return Err("the entry's number does not follow the one before");
            }
            Some((_, hash, _)) if hash != entry.prev.0 => {
                return Err("the entry does not follow the one before");
            }
            Some(_) => {}
        }
        self.last = Some((entry.seq, entry.hash.0, entry.time));
        self.report.last = entry.seq;
        if let Some(kept) = self.kept
            && kept.seq == entry.seq
        {
            if kept.hash != entry.hash {
                return Err("a head that was kept is signed over another entry");
            }
            self.has_met_kept = true;
            self.report.signed = self.report.signed.max(kept.seq);
        }
        Ok(())
    }

    fn head(&mut self, head: &AuditHead) -> Result<(), &'static str> {
        self.check_signer(head)?;
        if self.last.is_none_or(|(seq, hash, _)| seq != head.seq || hash != head.hash.0) {
            return Err("the head is signed over another entry");
        }
        self.report.signed = self.report.signed.max(head.seq);
        self.report.heads = self.report.heads.saturating_add(1);
        Ok(())
    }

    /// One key signs all heads.
    fn check_signer(&mut self, head: &AuditHead) -> Result<(), &'static str> {
        let signer = head.signer().ok_or("the head's signature recovers to no key")?;
        if *self.signer.get_or_insert(signer) != signer {
            return Err("the head is signed by another key");
        }
        Ok(())
    }

    fn end(self) -> Result<AuditReport, AuditError> {
        let last = self.last.map(|(seq, ..)| seq).ok_or(AuditError::Empty)?;
        match self.kept {
            Some(kept) if last < kept.seq => Err(AuditError::Short { last, head: kept.seq }),
            Some(kept) if !self.has_met_kept && self.report.first <= kept.seq => {
                Err(AuditError::Head("its entry is not in the log"))
            }
            Some(_) | None => Ok(self.report),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use instruments::Nanos;

    use super::super::{AuditEvent, AuditLog, VenueKey};
    use super::*;

    /// A log of thirteen lines with heads in the middle, its key and its newest head.
    fn written(directory: &Path) -> (Vec<String>, [u8; 20], AuditHead) {
        let key = Arc::new(VenueKey::load_or_create(&directory.join("venue.key")).unwrap());
        let path = directory.join("audit");
        let log = AuditLog::open(&path, &key, Nanos::from_seconds(1)).unwrap();
        for number in 0..10 {
            let at = Nanos::from_seconds(10 + number * 5);
            let object = format!("object {number}");
            log.note(
                AuditEvent { actor: "account 7", action: "test", object: &object, result: "ok" },
                at,
            );
            log.sign_when_due(at);
        }
        log.close(Nanos::from_seconds(90));
        let text = std::fs::read_to_string(super::super::files(&path).unwrap().pop().unwrap());
        let lines = text.unwrap().lines().map(str::to_owned).collect();
        (lines, key.address(), log.head().unwrap())
    }

    fn check(
        directory: &Path,
        lines: &[String],
        (signer, head): (&[u8; 20], &AuditHead),
    ) -> Result<AuditReport, AuditError> {
        let changed = directory.join("changed");
        std::fs::create_dir_all(&changed).unwrap();
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        std::fs::write(changed.join(super::super::file_name(1)), text).unwrap();
        verify_audit(&changed, Some(*signer), Some(head))
    }

    /// AUTH-037: S26 of the requirements. Every byte of every line, every line left out, sent twice or moved, every end.
    #[test]
    fn auth_037_every_edit_deletion_reordering_and_truncation_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (lines, signer, head) = written(directory.path());
        let check = |lines: &[String]| check(directory.path(), lines, (&signer, &head));
        let sound = check(&lines).unwrap();
        assert_eq!((sound.first, sound.last, sound.signed), (1, 12, 12));
        assert!(2 < sound.heads, "{sound:?}");
        let mut tried = 0;
        let mut must_fail = |changed: &[String], what: &str| {
            tried += 1;
            assert!(check(changed).is_err(), "not found: {what}");
        };
        for (at, line) in lines.iter().enumerate() {
            for byte in 0..line.len() {
                let mut changed = lines.clone();
                let mut bytes = line.clone().into_bytes();
                bytes[byte] = if bytes[byte] == b'1' { b'2' } else { b'1' };
                changed[at] = String::from_utf8(bytes).unwrap();
                must_fail(&changed, &format!("line {at}, byte {byte}"));
            }
        }
        for at in 0..lines.len() {
            let is_head = lines[at].starts_with(r#"{"head""#);
            let mut without = lines.clone();
            without.remove(at);
            // A head repeats what the chain says, and the kept one stands for it; an entry is missed.
            if !is_head {
                must_fail(&without, &format!("without line {at}"));
            }
            let mut twice = lines.clone();
            twice.insert(at, lines[at].clone());
            if !is_head {
                must_fail(&twice, &format!("line {at} twice"));
            }
            for to in 0..lines.len() {
                let mut moved = lines.clone();
                moved.swap(at, to);
                if moved != lines {
                    must_fail(&moved, &format!("lines {at} and {to} changed places"));
                }
            }
            let entries =
                |lines: &[String]| lines.iter().any(|line| line.starts_with(r#"{"entry""#));
            if entries(&lines[at..]) {
                must_fail(&lines[..at], &format!("cut before line {at}"));
            }
        }
        assert!(3_000 < tried, "{tried}");
    }

    #[test]
    fn auth_037_another_key_signs_no_head_and_no_chain_of_its_own() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (_, signer, head) = written(ours.path());
        let (forged, other, their_head) = written(theirs.path());
        assert!(check(theirs.path(), &forged, (&signer, &head)).is_err());
        assert!(check(theirs.path(), &forged, (&signer, &their_head)).is_err());
        assert!(check(theirs.path(), &forged, (&other, &their_head)).is_ok());
    }
}
