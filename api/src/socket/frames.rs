//! Reads the heads of a client's frames as they pass, and says when they break a limit.
//!
//! Invariants:
//! - at most fourteen bytes are kept, whatever comes;
//! - a frame that is too large is known by its head, before any of it is kept.

use std::time::Instant;

use thiserror::Error;

use super::{FRAGMENTS_MAX, FRAME_LEN_MAX, PINGS_PER_SECOND, PINGS_SAVED};
use crate::limits::{Bucket, Rate};

/// Bytes of the longest head.
const HEAD_MAX: usize = 14;
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PINGS: Rate = Rate { per_second: PINGS_PER_SECOND, burst: PINGS_SAVED };

/// A limit of the protocol that a client has broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Violation {
    #[error("a frame has at most {FRAME_LEN_MAX} bytes, this one has {len}")]
    TooLarge { len: u64 },
    #[error("a message has at most {FRAGMENTS_MAX} fragments")]
    TooManyFragments,
    #[error("a client's frames must be masked")]
    Unmasked,
    #[error("at most {PINGS_PER_SECOND} ping or pong a second, and {PINGS_SAVED} at once")]
    TooManyPings,
    #[error("a frame or message that has begun must be finished within {seconds} seconds")]
    TooSlow { seconds: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Head { bytes: [u8; HEAD_MAX], len: usize },
    Payload { left: u64 },
}

const BETWEEN: Place = Place::Head { bytes: [0; HEAD_MAX], len: 0 };

/// Where a stream of frames has come to.
#[derive(Debug)]
pub(super) struct Frames {
    place: Place,
    /// Frames and bytes of the message that has begun; none between two.
    fragments: u32,
    message_len: u64,
    pings: Bucket,
}

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        let pings = Bucket::full(PINGS, now);
        Self { place: BETWEEN, fragments: 0, message_len: 0, pings }
    }

    /// Whether a frame or a message has begun and not ended.
    pub(super) const fn is_within(&self) -> bool {
        0 < self.fragments || !matches!(self.place, Place::Head { len: 0, .. })
    }

    /// Goes over the bytes that have come.
    pub(super) fn pass(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Violation> {
        while let Some((first, rest)) = bytes.split_first() {
            match self.place {
                Place::Payload { left } => {
                    let passed = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    bytes = bytes.get(passed..).unwrap_or_default();
                    let left = left.saturating_sub(u64::try_from(passed).unwrap_or(left));
                    self.place = if left == 0 { BETWEEN } else { Place::Payload { left } };
                }
                Place::Head { bytes: mut head, len } => {
                    bytes = rest;
                    if let Some(place) = head.get_mut(len) {
                        *place = *first;
                    }
                    let len = len.saturating_add(1);
                    self.place = if len < head_len(&head, len) {
                        Place::Head { bytes: head, len }
                    } else {
                        let left = self.begin(&head, now)?;
                        if left == 0 { BETWEEN } else { Place::Payload { left } }
                    };
                }
            }
        }
        Ok(())
    }

    /// Reads a whole head. How many bytes follow it.
    fn begin(&mut self, head: &[u8; HEAD_MAX], now: Instant) -> Result<u64, Violation> {
        let [first, second, ..] = *head;
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let len = payload_len(head);
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        if u64::try_from(FRAME_LEN_MAX).unwrap_or(u64::MAX) < len {
            return Err(Violation::TooLarge { len });
        }
        if CLOSE < opcode {
            return self
                .pings
                .take(PINGS, (1, 0), now)
                .map(|()| len)
                .map_err(|_wait| Violation::TooManyPings);
        }
        if opcode == CLOSE {
            return Ok(len);
        }
        if opcode != CONTINUATION {
            (self.fragments, self.message_len) = (0, 0);
        }
        self.fragments = self.fragments.saturating_add(1);
        self.message_len = self.message_len.saturating_add(len);
        if u64::try_from(FRAME_LEN_MAX).unwrap_or(u64::MAX) < self.message_len {
            return Err(Violation::TooLarge { len: self.message_len });
        }
        if FRAGMENTS_MAX < self.fragments {
            return Err(Violation::TooManyFragments);
        }
        if is_last {
            (self.fragments, self.message_len) = (0, 0);
        }
        Ok(len)
    }
}

/// Bytes of a head of which `known` are there.
fn head_len(head: &[u8; HEAD_MAX], known: usize) -> usize {
    if known < 2 {
        return 2;
    }
    let [_, second, ..] = *head;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    2_usize.saturating_add(extended).saturating_add(mask)
}

fn payload_len(head: &[u8; HEAD_MAX]) -> u64 {
    let [_, second, a, b, c, d, e, f, g, h, ..] = *head;
    match second & 0x7f {
        126 => u16::from_be_bytes([a, b]).into(),
        127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        short => short.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEXT: u8 = 1;
    const PING: u8 = 9;
    const LAST: u8 = 0x80;

    fn frame(first: u8, len: u64) -> Vec<u8> {
        let mut bytes = vec![first];
        match len {
            0..126 => bytes.push(0x80 | u8::try_from(len).unwrap()),
            126..65_536 => {
                bytes.push(0xfe);
                bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(0xff);
                bytes.extend(len.to_be_bytes());
            }
        }
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(std::iter::repeat_n(0, usize::try_from(len.min(70_000)).unwrap()));
        bytes
    }

    /// The same, whether the bytes come at once or one by one.
    fn pass(bytes: &[u8]) -> (Result<(), Violation>, bool) {
        let now = crate::limits::now();
        let mut at_once = Frames::new(now);
        let whole = at_once.pass(bytes, now);
        let mut slow = Frames::new(now);
        let one_by_one = bytes.chunks(1).try_for_each(|byte| slow.pass(byte, now));
        assert_eq!(whole, one_by_one);
        (whole, at_once.is_within())
    }

    #[test]
    fn limit_021_a_frame_that_is_too_large_is_known_by_its_head() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            assert_eq!(pass(&frame(LAST | TEXT, len)), (Ok(()), false), "{len}");
        }
        for len in [65_537, 64 << 20, u64::MAX] {
            let refused = pass(&frame(LAST | TEXT, len)).0;
            assert_eq!(refused, Err(Violation::TooLarge { len }), "{len}");
        }
        let mut halves = frame(TEXT, 40_000);
        halves.extend(frame(LAST, 40_000));
        assert_eq!(pass(&halves).0, Err(Violation::TooLarge { len: 80_000 }));
    }

    #[test]
    fn limit_022_a_message_has_at_most_16_fragments() {
        let fragments = |count: usize| {
            let mut bytes = frame(TEXT, 3);
            for _ in 2..count {
                bytes.extend(frame(0, 0));
            }
            bytes.extend(frame(LAST, 1));
            bytes
        };
        assert_eq!(pass(&fragments(16)), (Ok(()), false));
        assert_eq!(pass(&[fragments(16), fragments(16)].concat()), (Ok(()), false));
        assert_eq!(pass(&fragments(17)).0, Err(Violation::TooManyFragments));
        assert_eq!(pass(&frame(TEXT, 0)), (Ok(()), true), "a message has begun");
        assert_eq!(pass(&[LAST | TEXT, 0x85, 1]), (Ok(()), true), "a frame has begun");
    }

    #[test]
    fn limit_023_frames_are_masked() {
        assert_eq!(pass(&[LAST | TEXT, 1, b'x']).0, Err(Violation::Unmasked));
        assert_eq!(pass(&[LAST | PING, 0]).0, Err(Violation::Unmasked));
    }

    #[test]
    fn limit_024_a_client_pings_once_a_second() {
        let start = crate::limits::now();
        let mut frames = Frames::new(start);
        let ping = frame(LAST | PING, 4);
        for _ in 0..10 {
            assert_eq!(frames.pass(&ping, start), Ok(()));
        }
        // A day of a ping a second.
        for second in 1..86_400 {
            assert_eq!(frames.pass(&ping, start + Duration::from_secs(second)), Ok(()));
        }
        let end = start + Duration::from_secs(86_399);
        assert_eq!(frames.pass(&ping, end), Err(Violation::TooManyPings));
    }
}
