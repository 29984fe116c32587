//! The rows in one file, in order: what a tape promises is what stands here.
//!
//! A header, then frames. A frame is what was appended at once: its head, then each row with its length before it and its link of the chain
//! behind it. Frames follow without a gap, and the file ends with the last.
//!
//! Invariants:
//! - every byte is covered: the header by its hash, a frame's head by a keyed check, a row by its link, which covers the link before;
//! - a frame of another tape does not pass: the key is the header's hash;
//! - reading changes nothing.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Seq};

use super::fault::TapeError;

/// A link of the chain.
pub(super) type Link = [u8; 32];

/// A day of five-minute ticks of a hundred grades with fifty providers each is a fiftieth of it.
pub(super) const LOG_BYTES_MAX: u64 = 1 << 38;
/// Bounds what one append holds in memory, and what reading does.
pub const BATCH_BYTES_MAX: usize = 1 << 24;
/// Bounds the rows of one tick, its prints included.
pub const BATCH_ROWS_MAX: usize = 8_192;

pub(super) const MAGIC: [u8; 8] = *b"TNRTAPE1";
pub(super) const FRAME_MAGIC: [u8; 4] = *b"TNRr";
pub(super) const HEADER_FIELD_BYTES: usize = 17;
pub(super) const HEADER_BYTES: usize = HEADER_FIELD_BYTES + LINK_BYTES;
pub(super) const FRAME_HEAD_BYTES: usize = 36;
pub(super) const LINK_BYTES: usize = 32;

/// Whose time the rows' write times are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Clock {
    /// A clock's: when the row was really written.
    Wall,
    /// The ticks': a past that is recorded as if it had been watched.
    Ticks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    begun_at: Nanos,
    pub(super) clock: Clock,
}

#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) struct FrameHead {
    magic: [u8; 4],
    pub(super) body_len: u32,
    pub(super) first: Seq,
    rows: u32,
    pub(super) written_at: Nanos,
}

/// A row as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Stored {
    pub(super) seq: Seq,
    pub(super) written_at: Nanos,
    pub(super) link: Link,
    pub(super) bytes: Vec<u8>,
}

/// The log, open for appending.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    key: Link,
    pub(super) end: LogEnd,
}

/// Where the next row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogEnd {
    pub(super) offset: u64,
    pub(super) last: Seq,
    pub(super) link: Link,
    pub(super) written_at: Nanos,
}

impl Log {
    /// Begins a log. It appears whole or not at all.
    pub(super) fn create(path: &Path, begun_at: Nanos, clock: Clock) -> Result<Self, TapeError> {
        let header = Header { magic: MAGIC, begun_at, clock };
        let key = header.hash();
        let mut bytes = encode(&header);
        bytes.extend_from_slice(&key);
        let fresh = path.with_extension("new");
        let made = File::create(&fresh).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)
        });
        made.map_err(TapeError::io("begin", path))?;
        let end = LogEnd {
            offset: len_u64(bytes.len()),
            last: Seq(0),
            link: key,
            written_at: Nanos::new(0),
        };
        Self::open(path, key, end)
    }

    /// Opens a log that has been read to `end`. What is behind it is cut off.
    pub(super) fn open(path: &Path, key: Link, end: LogEnd) -> Result<Self, TapeError> {
        let opened = OpenOptions::new().write(true).open(path).and_then(|mut file| {
            file.set_len(end.offset)?;
            file.seek(SeekFrom::Start(end.offset))?;
            // What was read may so far be in the system's memory only.
            file.sync_all()?;
            Ok(file)
        });
        let file = opened.map_err(TapeError::io("open", path))?;
        Ok(Self { file, path: path.to_path_buf(), key, end })
    }

    /// Appends rows as one frame. They are durable when it returns.
    pub(super) fn append(
        &mut self,
        written_at: Nanos,
        rows: Vec<Vec<u8>>,
    ) -> Result<Vec<Stored>, TapeError> {
        let mut body = Vec::new();
        let mut stored = Vec::with_capacity(rows.len());
        let (mut seq, mut link) = (self.end.last, self.end.link);
        for bytes in rows {
            seq = seq.next();
            link = next_link(&link, seq, written_at, &bytes);
            body.extend_from_slice(&len_u32(bytes.len()).to_le_bytes());
            body.extend_from_slice(&bytes);
            body.extend_from_slice(&link);
            stored.push(Stored { seq, written_at, link, bytes });
        }
        let head = FrameHead {
            magic: FRAME_MAGIC,
            body_len: len_u32(body.len()),
            first: self.end.last.next(),
            rows: len_u32(stored.len()),
            written_at,
        };
        let mut frame = head.encode(&self.key);
        frame.extend_from_slice(&body);
        let offset = self.end.offset.saturating_add(len_u64(frame.len()));
        if LOG_BYTES_MAX < offset {
            return Err(TapeError::Full { limit: LOG_BYTES_MAX });
        }
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        written.map_err(TapeError::io("append to", &self.path))?;
        self.end = LogEnd { offset, last: seq, link, written_at };
        Ok(stored)
    }
}

impl Header {
    pub(super) fn hash(&self) -> Link {
        let mut hasher = blake3::Hasher::new_derive_key("tenor oracle 2026 tape header");
        hasher.update(&encode(self));
        *hasher.finalize().as_bytes()
    }
}

impl FrameHead {
    fn encode(&self, key: &Link) -> Vec<u8> {
        let mut bytes = encode(self);
        let check = blake3::keyed_hash(key, &bytes);
        bytes.extend(check.as_bytes().iter().take(8));
        bytes
    }

    pub(super) fn decode(bytes: &[u8], key: &Link) -> Option<Self> {
        let head = Self::deserialize(&mut &*bytes).ok()?;
        let is_whole = head.magic == FRAME_MAGIC && head.encode(key) == bytes;
        let limit = BATCH_BYTES_MAX;
        (is_whole && usize::try_from(head.body_len).is_ok_and(|len| len <= limit)).then_some(head)
    }

    pub(super) fn last(&self) -> Seq {
        Seq(self.first.0.saturating_add(u64::from(self.rows)).saturating_sub(1))
    }
}

/// The link of a row.
pub(super) fn next_link(before: &Link, seq: Seq, written_at: Nanos, bytes: &[u8]) -> Link {
    let mut hasher = blake3::Hasher::new_derive_key("tenor oracle 2026 tape row");
    hasher.update(before);
    hasher.update(&seq.0.to_le_bytes());
    hasher.update(&written_at.nanos().to_le_bytes());
    hasher.update(bytes);
    *hasher.finalize().as_bytes()
}

#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
pub(super) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("a head encodes")
}

pub(super) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Batches are bounded far below it.
fn len_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
