//! One frame: what is written and synced at once, and the records in it.
//!
//! Invariants:
//! - a frame begins on a block and is a whole number of blocks;
//! - its checksum covers every byte but its magic and itself, padding included, and starts from the segment's own checksum: a frame of
//!   another segment, or one that a client wrote into a payload, does not pass.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Seq};

use super::journal_error::Damage;

/// Frames and headers begin on multiples of this: no block with durable bytes in it is written again by an append.
pub(super) const BLOCK: usize = 4_096;

/// Bounds what one sync may hold back, and what recovery must look at to know a torn tail.
pub const FRAME_BYTES_MAX: usize = 1_048_576;

/// Bounds the replies that one sync may hold back.
pub const FRAME_RECORDS_MAX: usize = 4_096;

const MAGIC: [u8; 4] = *b"TNRF";
/// Magic and checksum: what the checksum does not cover.
const UNCOVERED: usize = 8;
const HEAD_BYTES: usize = 76;
const RECORD_HEAD_BYTES: usize = 13;

/// One entry of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// Something was asked of the exchange.
    Command {
        /// Its place, one after the command before.
        seq: Seq,
        /// When.
        at: Nanos,
        /// The command as bytes.
        payload: &'a [u8],
    },
    /// What the state was after the last command: replay must come to the same.
    StateHash {
        /// The last command before this record.
        seq: Seq,
        /// When, as the last command.
        at: Nanos,
        /// The fingerprint.
        hash: [u8; 32],
    },
}

impl Record<'_> {
    pub(super) const fn at(&self) -> Nanos {
        match self {
            Self::Command { at, .. } | Self::StateHash { at, .. } => *at,
        }
    }
}

/// What a frame can hold: records, and the mark of a clean end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Record(Record<'a>),
    End { at: Nanos },
}

#[derive(Clone, Copy, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
enum Kind {
    Command = 1,
    StateHash = 2,
    End = 3,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Head {
    magic: [u8; 4],
    crc: u32,
    len: u32,
    records: u32,
    used: u32,
    first_seq: Seq,
    epoch: u64,
    at: Nanos,
    previous: [u8; 32],
}

#[derive(BorshSerialize, BorshDeserialize)]
struct RecordHead {
    len: u32,
    kind: Kind,
    at: Nanos,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct StateHashPayload {
    seq: Seq,
    hash: [u8; 32],
}

/// Where a frame stands: what ties it to the bytes before it.
pub(super) struct Link {
    pub(super) first_seq: Seq,
    pub(super) epoch: u64,
    pub(super) at: Nanos,
    pub(super) previous: [u8; 32],
    /// The segment's checksum, from which the frame's starts.
    pub(super) seed: u32,
}

/// The frame being written. One buffer for the life of the journal.
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    records: usize,
    limit: usize,
}

impl FrameBuffer {
    /// A buffer for frames of at most `limit` bytes, a whole number of blocks.
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: vec![0; HEAD_BYTES], records: 0, limit }
    }

    /// The largest payload of one record.
    pub(super) const fn payload_max(&self) -> usize {
        self.limit.saturating_sub(HEAD_BYTES).saturating_sub(RECORD_HEAD_BYTES)
    }

    /// Takes effect with the next frame.
    pub(super) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How long the frame is going to be.
    pub(super) fn padded_len(&self) -> u64 {
        u64::try_from(self.bytes.len().next_multiple_of(BLOCK)).unwrap_or(u64::MAX)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEAD_BYTES, 0);
        self.records = 0;
    }

    /// Adds a record, unless the frame is full.
    pub(super) fn push(&mut self, item: &Item<'_>) -> bool {
        match item {
            Item::Record(Record::Command { at, payload, .. }) => {
                self.push_raw(Kind::Command, *at, payload)
            }
            Item::Record(Record::StateHash { seq, at, hash }) => {
                let payload = encode(&StateHashPayload { seq: *seq, hash: *hash });
                self.push_raw(Kind::StateHash, *at, &payload)
            }
            Item::End { at } => self.push_raw(Kind::End, *at, &[]),
        }
    }

    fn push_raw(&mut self, kind: Kind, at: Nanos, payload: &[u8]) -> bool {
        let room = self.limit.saturating_sub(self.bytes.len());
        let needed = payload.len().saturating_add(RECORD_HEAD_BYTES);
        let Ok(len) = u32::try_from(payload.len()) else { return false };
        if room < needed || FRAME_RECORDS_MAX <= self.records {
            return false;
        }
        self.bytes.extend_from_slice(&encode(&RecordHead { len, kind, at }));
        self.bytes.extend_from_slice(payload);
        self.records = self.records.saturating_add(1);
        true
    }

    /// Completes the frame: head, padding, checksum.
    pub(super) fn seal(&mut self, link: &Link) -> &[u8] {
        let used = self.bytes.len().saturating_sub(HEAD_BYTES);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        let mut head = Head {
            magic: MAGIC,
            crc: 0,
            len: small(self.bytes.len()),
            records: small(self.records),
            used: small(used),
            first_seq: link.first_seq,
            epoch: link.epoch,
            at: link.at,
            previous: link.previous,
        };
        self.write_head(&head);
        head.crc = checksum(link.seed, &self.bytes);
        self.write_head(&head);
        &self.bytes
    }

    fn write_head(&mut self, head: &Head) {
        if let Some(slot) = self.bytes.get_mut(..HEAD_BYTES) {
            slot.copy_from_slice(&encode(head));
        }
    }
}

/// A frame that passed its checksum.
pub(super) struct Frame<'a> {
    head: Head,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `rest`, which is the rest of its segment.
    pub(super) fn decode(rest: &'a [u8], seed: u32) -> Result<Self, Damage> {
        let head = Head::deserialize(&mut &*rest).ok().filter(|head| head.magic == MAGIC);
        let head = head.ok_or(Damage::NoFrame)?;
        let len = usize::try_from(head.len).unwrap_or(0);
        let whole_blocks = len.is_multiple_of(BLOCK) && (BLOCK..=FRAME_BYTES_MAX).contains(&len);
        let bytes = rest.get(..len).filter(|_| whole_blocks).ok_or(Damage::FrameLength)?;
        if checksum(seed, bytes) != head.crc {
            return Err(Damage::Checksum);
        }
        Ok(Self { head, bytes })
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) const fn first_seq(&self) -> Seq {
        self.head.first_seq
    }

    pub(super) const fn previous(&self) -> [u8; 32] {
        self.head.previous
    }

    /// The chain after this frame. The frame begins with the chain before it.
    pub(super) fn chain(&self) -> [u8; 32] {
        *blake3::hash(self.bytes).as_bytes()
    }

    /// What the frame holds.
    pub(super) fn items(&self) -> Items<'a> {
        let used = usize::try_from(self.head.used).unwrap_or(usize::MAX);
        let rest = self.bytes.get(HEAD_BYTES..).unwrap_or_default();
        Items {
            rest: rest.get(..used).unwrap_or_default(),
            left: self.head.records,
            next: self.head.first_seq,
        }
    }
}

/// Iterates over a frame's records.
pub(super) struct Items<'a> {
    rest: &'a [u8],
    left: u32,
    next: Seq,
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        Some(self.take().ok_or(Damage::Record))
    }
}

impl<'a> Items<'a> {
    fn take(&mut self) -> Option<Item<'a>> {
        let mut rest = self.rest;
        let RecordHead { len, kind, at } = RecordHead::deserialize(&mut rest).ok()?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        match kind {
            Kind::Command => {
                let seq = self.next;
                self.next = seq.next();
                Some(Item::Record(Record::Command { seq, at, payload }))
            }
            Kind::StateHash => {
                let StateHashPayload { seq, hash } = borsh::from_slice(payload).ok()?;
                Some(Item::Record(Record::StateHash { seq, at, hash }))
            }
            Kind::End => Some(Item::End { at }),
        }
    }
}

fn checksum(seed: u32, frame: &[u8]) -> u32 {
    crc32c::crc32c_append(seed, frame.get(UNCOVERED..).unwrap_or_default())
}

#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
pub(super) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("a head encodes")
}

#[expect(clippy::expect_used, reason = "frames are at most 1 MiB")]
fn small(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a frame's sizes fit in 32 bits")
}
