//! The transcripts of all deliveries, line by line, on disk.
//!
//! They are no read model: salts, times and opened rows are in no journal, and what is lost here is lost. They decide nothing, so the venue
//! goes on without a line that could not be written, and says so in its log.
//!
//! Invariants:
//! - a line that was given out is never changed; lines are only added, each naming the hash of the one before;
//! - what was appended is on disk after [`Transcripts::flush`].

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::io::{Applied, Batch, Direction, Scan, SledStore, Store, StoreError, Verdict};
use instruments::{ObligationId, Seq};
use parking_lot::{Mutex, RwLock};
use thiserror::Error;

use crate::wire::{
    TRANSCRIPT_LINE_MAX, TRANSCRIPT_LINES_MAX, WireTranscriptLine, transcript_line_hash,
};

/// Transcripts that are kept; of more, that of the oldest obligation goes.
pub(super) const TRANSCRIPTS_MAX: u64 = 4_096;
/// Lines of one page.
pub const TRANSCRIPT_PAGE_MAX: usize = 256;
/// Bytes of one page, but for its last line.
const PAGE_BYTES_MAX: usize = 262_144;
/// A value of the store is not larger than 64 KiB.
const PIECE_BYTES: usize = 60_000;
const LINES: &str = "line";
const ENDS: &str = "end";

/// Why a line is not written, or a page not read.
#[derive(Debug, Error)]
pub enum TranscriptError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The venue has been closed.
    #[error("the venue is closed")]
    Closed,
    /// It has as many lines as it may have.
    #[error("transcript of obligation {obligation} has {limit} lines, the limit")]
    Full {
        /// Whose.
        obligation: ObligationId,
        /// How many it may have.
        limit: usize,
    },
    /// A line is longer than it may be.
    #[error(
        "line of {len} bytes in the transcript of obligation {obligation}, the limit is {limit}"
    )]
    LineTooLong {
        /// Of which transcript.
        obligation: ObligationId,
        /// Its bytes.
        len: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A line is not JSON: a bug of ours that must not stop a delivery.
    #[error("line in the transcript of obligation {obligation} cannot be written: {source}")]
    Unwritable {
        /// Of which transcript.
        obligation: ObligationId,
        /// What serde said.
        source: serde_json::Error,
    },
}

/// Where a transcript ends.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct End {
    lines: u32,
    hash: String,
}

/// A part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptPage {
    /// Lines exactly as they were hashed.
    pub lines: Vec<String>,
    /// How many the transcript has.
    pub total: u32,
}

/// All transcripts of a venue.
pub struct Transcripts {
    /// Until the venue closes.
    store: RwLock<Option<SledStore>>,
    /// Changes so far: the store counts them.
    written: Mutex<Applied>,
}

impl Transcripts {
    /// Opens the transcripts in a directory, or begins them. What is damaged is set aside, and new ones begin.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let opened = SledStore::open(dir)?;
        if let Some(aside) = opened.set_aside() {
            tracing::error!(aside = %aside.display(), "transcripts were damaged and are set aside");
        }
        // No journal knows them, so nothing but their own bytes can speak against them.
        let store = opened.accept(Verdict::Matches)?;
        let none = Applied { seq: Seq(0), state_hash: [0; 32] };
        let written = store.applied()?.unwrap_or(none);
        Ok(Self { store: RwLock::new(Some(store)), written: Mutex::new(written) })
    }

    /// Gives the store back to the disk. Nothing is read or written any more.
    pub(super) fn close(&self) {
        if let Some(store) = self.store.write().take()
            && let Err(error) = store.flush()
        {
            tracing::error!(%error, "transcripts are not on disk");
        }
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&SledStore) -> Result<T, StoreError>,
    ) -> Result<T, TranscriptError> {
        let store = self.store.read();
        Ok(work(store.as_ref().ok_or(TranscriptError::Closed)?)?)
    }

    /// How many lines a transcript has.
    ///
    /// # Errors
    /// When the store fails.
    pub fn total(&self, obligation: ObligationId) -> Result<u32, TranscriptError> {
        Ok(self.end(obligation)?.map_or(0, |end| end.lines))
    }

    /// Adds a line; `line` is given the hash of the one before, which is empty for the first.
    ///
    /// # Errors
    /// [`TranscriptError`]; the transcript is unchanged then.
    pub fn append(
        &self,
        obligation: ObligationId,
        line: impl FnOnce(String) -> WireTranscriptLine,
    ) -> Result<(), TranscriptError> {
        // Held until it is written: two lines with one predecessor would be no chain.
        let mut written = self.written.lock();
        let end = self.end(obligation)?;
        let is_new = end.is_none();
        let End { lines, hash } = end.unwrap_or(End { lines: 0, hash: String::new() });
        if TRANSCRIPT_LINES_MAX <= usize::try_from(lines).unwrap_or(usize::MAX) {
            return Err(TranscriptError::Full { obligation, limit: TRANSCRIPT_LINES_MAX });
        }
        let text = serde_json::to_string(&line(hash))
            .map_err(|source| TranscriptError::Unwritable { obligation, source })?;
        let (len, limit) = (text.len(), TRANSCRIPT_LINE_MAX);
        if limit < len {
            return Err(TranscriptError::LineTooLong { obligation, len, limit });
        }
        let applied = Applied { seq: Seq(written.seq.0.saturating_add(1)), ..*written };
        let mut batch = Batch::new(applied);
        for (piece, bytes) in (0_u8..).zip(text.as_bytes().chunks(PIECE_BYTES)) {
            batch.put(LINES, &line_key(obligation, lines, piece), bytes.to_vec())?;
        }
        let end = End { lines: lines.saturating_add(1), hash: transcript_line_hash(&text) };
        // Nothing that borsh writes into memory can fail.
        batch.put(ENDS, &obligation.0.to_be_bytes(), borsh::to_vec(&end).unwrap_or_default())?;
        self.with(|store| store.apply(batch))?;
        *written = applied;
        if is_new {
            self.make_room(&mut written)?;
        }
        Ok(())
    }

    /// Forgets the oldest transcript when there are too many.
    fn make_room(&self, written: &mut Applied) -> Result<(), TranscriptError> {
        let limit = usize::try_from(TRANSCRIPTS_MAX).unwrap_or(usize::MAX).saturating_add(1);
        let all =
            Scan { tree: ENDS, prefix: &[], after: None, direction: Direction::Ascending, limit };
        let ends = self.with(|store| store.scan(&all))?;
        if ends.len() < limit {
            return Ok(());
        }
        let Some((oldest, _)) = ends.first() else { return Ok(()) };
        tracing::warn!(limit = TRANSCRIPTS_MAX, "the oldest transcript is forgotten");
        loop {
            let scan = Scan {
                tree: LINES,
                prefix: oldest,
                after: None,
                direction: Direction::Ascending,
                limit: TRANSCRIPT_PAGE_MAX,
            };
            let lines = self.with(|store| store.scan(&scan))?;
            let applied = Applied { seq: Seq(written.seq.0.saturating_add(1)), ..*written };
            let mut batch = Batch::new(applied);
            for (key, _) in &lines {
                batch.delete(LINES, key)?;
            }
            if lines.is_empty() {
                batch.delete(ENDS, oldest)?;
            }
            self.with(|store| store.apply(batch))?;
            *written = applied;
            if lines.is_empty() {
                return Ok(());
            }
        }
    }

    /// Lines from one on: at most `count` and [`TRANSCRIPT_PAGE_MAX`] of them, and as many as fit a quarter of a megabyte, but one at least.
    ///
    /// # Errors
    /// When the store fails.
    pub fn page(
        &self,
        obligation: ObligationId,
        from: u32,
        count: usize,
    ) -> Result<TranscriptPage, TranscriptError> {
        let total = self.total(obligation)?;
        let (mut lines, mut bytes) = (Vec::new(), 0_usize);
        for line in from..total {
            if count.min(TRANSCRIPT_PAGE_MAX) <= lines.len() || PAGE_BYTES_MAX <= bytes {
                break;
            }
            let text = self.line(obligation, line)?;
            bytes = bytes.saturating_add(text.len());
            lines.push(text);
        }
        Ok(TranscriptPage { lines, total })
    }

    fn line(&self, obligation: ObligationId, line: u32) -> Result<String, TranscriptError> {
        let [prefix @ .., _] = line_key(obligation, line, 0);
        let scan = Scan {
            tree: LINES,
            prefix: &prefix,
            after: None,
            direction: Direction::Ascending,
            limit: TRANSCRIPT_LINE_MAX.div_ceil(PIECE_BYTES),
        };
        let pieces: Vec<u8> =
            self.with(|store| store.scan(&scan))?.into_iter().flat_map(|(_, it)| it).collect();
        // It was text when it was written, and the store checks its bytes.
        Ok(String::from_utf8(pieces).unwrap_or_default())
    }

    fn end(&self, obligation: ObligationId) -> Result<Option<End>, TranscriptError> {
        let end = self.with(|store| store.get(ENDS, &obligation.0.to_be_bytes()))?;
        Ok(end.and_then(|bytes| borsh::from_slice(&bytes).ok()))
    }

    /// Makes everything before durable.
    ///
    /// # Errors
    /// When the store fails.
    pub fn flush(&self) -> Result<(), TranscriptError> {
        self.with(Store::flush)
    }
}

fn line_key(obligation: ObligationId, line: u32, piece: u8) -> [u8; 13] {
    let mut key = [0; 13];
    let (of, rest) = key.split_at_mut(8);
    of.copy_from_slice(&obligation.0.to_be_bytes());
    let (at, last) = rest.split_at_mut(4);
    at.copy_from_slice(&line.to_be_bytes());
    last.fill(piece);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{WireCountersignature, WireDeclaredOutage};

    const ONE: ObligationId = ObligationId(1);

    fn outage(after: String, from_interval: u32) -> WireTranscriptLine {
        let until_interval = from_interval + 1;
        WireTranscriptLine::Outage(WireDeclaredOutage {
            after,
            from_interval,
            until_interval,
            declared_at: 7,
        })
    }

    fn long(after: String, len: usize) -> WireTranscriptLine {
        let (signer, signature) = ("0x".to_owned(), "f".repeat(len));
        WireTranscriptLine::Countersignature(WireCountersignature {
            after,
            number: 3,
            signer,
            signature,
        })
    }

    /// SESSION-014: and each line names the hash of the one before, across a restart.
    #[test]
    fn session_014_a_transcript_is_a_chain_that_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("transcripts");
        let transcripts = Transcripts::open(&place).unwrap();
        transcripts.append(ONE, |after| outage(after, 1)).unwrap();
        transcripts.append(ObligationId(2), |after| outage(after, 9)).unwrap();
        transcripts.append(ONE, |after| long(after, 200_000)).unwrap();
        transcripts.flush().unwrap();
        drop(transcripts);
        let transcripts = Transcripts::open(&place).unwrap();
        transcripts.append(ONE, |after| outage(after, 2)).unwrap();
        let TranscriptPage { lines, total } = transcripts.page(ONE, 0, 10).unwrap();
        assert_eq!((lines.len(), total), (3, 3));
        assert!(lines[1].contains(&transcript_line_hash(&lines[0])));
        assert!(lines[2].contains(&transcript_line_hash(&lines[1])));
        assert_eq!(
            lines[1].len(),
            serde_json::to_string(&long(String::new(), 200_000)).unwrap().len() + 66
        );
        assert_eq!(transcripts.page(ONE, 2, 10).unwrap().lines, lines[2..]);
        assert_eq!(transcripts.page(ONE, 3, 10).unwrap().lines, lines[3..]);
        assert_eq!(transcripts.page(ONE, 0, 1).unwrap().lines, lines[..1]);
        assert_eq!(transcripts.page(ObligationId(2), 0, 10).unwrap().total, 1);
        assert_eq!(transcripts.page(ObligationId(3), 0, 10).unwrap().total, 0);
    }

    #[test]
    fn session_015_what_is_too_long_is_refused_and_pages_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let transcripts = Transcripts::open(&dir.path().join("transcripts")).unwrap();
        let refused =
            transcripts.append(ONE, |after| long(after, TRANSCRIPT_LINE_MAX)).unwrap_err();
        assert!(
            matches!(refused, TranscriptError::LineTooLong { limit: TRANSCRIPT_LINE_MAX, .. }),
            "{refused}"
        );
        assert_eq!(transcripts.total(ONE).unwrap(), 0);
        for _ in 0..4 {
            transcripts.append(ONE, |after| long(after, 250_000)).unwrap();
        }
        // A quarter of a megabyte is passed with the second.
        assert_eq!(transcripts.page(ONE, 0, 100).unwrap().lines.len(), 2);
        for line in 0..300 {
            transcripts.append(ObligationId(2), |after| outage(after, line)).unwrap();
        }
        assert_eq!(transcripts.page(ObligationId(2), 0, usize::MAX).unwrap().lines.len(), 256);
    }
}
