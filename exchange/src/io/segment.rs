//! One segment: a file of frames behind a header.
//!
//! Invariants:
//! - a segment has its name only once its header is durable;
//! - while it is written, the file is as long as its header says; once it is complete, the file ends with its last frame. The last block
//!   of the full length is never used, so the length alone tells which of the two it is, and a length changes at once or not at all.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Seq};

use super::frame::{BLOCK, FRAME_BYTES_MAX, encode};
use super::journal_error::Damage;

/// How long a segment is.
pub const SEGMENT_BYTES: u64 = 67_108_864;

/// Room for a header, the unused last block, an end marker, a state hash, another end marker and a frame: no more marks than these ever
/// stand in a segment without a command, because each is left out where it would stand behind itself.
const SEGMENT_BYTES_MIN: u64 = 36_864;
/// Everything of [`SEGMENT_BYTES_MIN`] but the frame.
const SEGMENT_BYTES_RESERVED: usize = 20_480;

const MAGIC: [u8; 8] = *b"TENORSEG";
pub(super) const FORMAT: u32 = 1;
/// Magic and checksum: what the checksum does not cover.
const UNCOVERED: usize = 12;

/// What a journal is for, and how it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Which part of the market. A journal of another shard is refused.
    pub shard: u32,
    /// The version of the exchange's rules. A journal of another version is refused.
    pub rules: u32,
    /// How often the right to write has changed hands. Stamped on what is written, not checked here.
    pub epoch: u64,
    /// How long new segments are: whole blocks of 4 KiB, at least nine.
    pub segment_bytes: u64,
}

impl Settings {
    /// The one shard of a single machine, under `rules`.
    #[must_use]
    pub const fn new(rules: u32) -> Self {
        Self { shard: 0, rules, epoch: 1, segment_bytes: SEGMENT_BYTES }
    }
}

/// The first block of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Header {
    magic: [u8; 8],
    /// Covers the whole block. The frames' checksums start from it.
    pub(super) crc: u32,
    pub(super) format: u32,
    pub(super) shard: u32,
    pub(super) rules: u32,
    pub(super) epoch: u64,
    pub(super) first_seq: Seq,
    pub(super) segment_bytes: u64,
    pub(super) created_at: Nanos,
    /// The chain at the end of the segment before; zeros in the first.
    pub(super) previous: [u8; 32],
}

impl Header {
    /// The header of a new segment, its checksum included.
    ///
    /// # Panics
    /// When the settings ask for a segment that cannot hold a frame.
    pub(super) fn new(
        settings: &Settings,
        first_seq: Seq,
        created_at: Nanos,
        previous: [u8; 32],
    ) -> Self {
        assert!(is_segment_length(settings.segment_bytes), "segment length holds no frame");
        let mut header = Self {
            magic: MAGIC,
            crc: 0,
            format: FORMAT,
            shard: settings.shard,
            rules: settings.rules,
            epoch: settings.epoch,
            first_seq,
            segment_bytes: settings.segment_bytes,
            created_at,
            previous,
        };
        header.crc = checksum(&header.block());
        header
    }

    /// The header as it stands in the file.
    pub(super) fn block(&self) -> Vec<u8> {
        let mut block = encode(self);
        block.resize(BLOCK, 0);
        block
    }

    /// Reads and checks the header of a file's bytes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let file_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let block = bytes.get(..BLOCK).ok_or(Damage::Length { bytes: file_bytes })?;
        let header = Self::deserialize(&mut &*block).ok();
        let header = header.filter(|header| header.magic == MAGIC && header.crc == checksum(block));
        let header = header.ok_or(Damage::Header)?;
        // Nothing but the checks above is promised by a format that we do not know.
        let known = header.format == FORMAT;
        if known && header.segment_bytes < file_bytes {
            return Err(Damage::Length { bytes: file_bytes });
        }
        if known && !is_segment_length(header.segment_bytes) {
            return Err(Damage::Header);
        }
        Ok(header)
    }

    /// The chain after the header.
    pub(super) fn chain(&self) -> [u8; 32] {
        *blake3::hash(&self.block()).as_bytes()
    }

    /// Where the last frame must end.
    pub(super) fn frames_end(&self) -> u64 {
        self.segment_bytes.saturating_sub(block_bytes())
    }

    /// The largest frame that a segment holds even after every mark that can stand before its first command.
    pub(super) fn frame_max(&self) -> usize {
        let segment_bytes = usize::try_from(self.segment_bytes).unwrap_or(usize::MAX);
        segment_bytes.saturating_sub(SEGMENT_BYTES_RESERVED).min(FRAME_BYTES_MAX)
    }
}

/// The name of the segment that begins with `first_seq`.
pub(super) fn name(first_seq: Seq) -> String {
    format!("{:016x}.seg", first_seq.0)
}

/// The first sequence that a segment's name tells.
pub(super) fn first_seq(file_name: &str) -> Option<Seq> {
    let digits = file_name.strip_suffix(".seg").filter(|digits| digits.len() == 16)?;
    let seq = Seq(u64::from_str_radix(digits, 16).ok()?);
    (name(seq) == file_name).then_some(seq)
}

pub(super) fn block_bytes() -> u64 {
    u64::try_from(BLOCK).unwrap_or(u64::MAX)
}

fn is_segment_length(bytes: u64) -> bool {
    SEGMENT_BYTES_MIN <= bytes && bytes.is_multiple_of(block_bytes())
}

fn checksum(block: &[u8]) -> u32 {
    crc32c::crc32c(block.get(UNCOVERED..).unwrap_or_default())
}
