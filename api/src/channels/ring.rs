//! The newest messages of one channel, each serialised once for everybody who reads it.
//!
//! Invariants:
//! - numbers are gapless, from 1; what is dropped is always the oldest;
//! - a ring holds at most [`MESSAGES_MAX`] messages and [`RING_BYTES_MAX`] bytes, and all rings together [`RINGS_BYTES_MAX`], but for the
//!   newest message of each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Text;

/// Messages of one channel that are kept.
pub(crate) const MESSAGES_MAX: usize = 10_000;
/// Bytes of one channel's messages.
pub(crate) const RING_BYTES_MAX: usize = 4 << 20;
/// Bytes of all channels' messages.
pub(crate) const RINGS_BYTES_MAX: usize = 256 << 20;

/// A message that was told.
pub(super) struct Message {
    pub(super) seq: u64,
    pub(super) user_seq: Option<u64>,
    /// What it is about came about here: whoever knew of that when it subscribed is not told.
    pub(super) mark: u64,
    /// The whole notification.
    pub(super) text: Text,
    /// Bytes of its data.
    pub(super) data_len: usize,
    /// Bytes of all messages up to this one, since the channel began.
    end: usize,
}

/// The newest messages of a channel.
pub(super) struct Ring {
    messages: VecDeque<Message>,
    last_seq: u64,
    bytes: usize,
    end: usize,
    /// Bytes of all rings.
    all: Arc<AtomicUsize>,
}

impl Ring {
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        Self { messages: VecDeque::new(), last_seq: 0, bytes: 0, end: 0, all }
    }

    /// The number of the oldest message that is kept; of the next one when there is none.
    pub(super) fn first_seq(&self) -> u64 {
        self.messages.front().map_or(self.last_seq.saturating_add(1), |message| message.seq)
    }

    /// The number of the newest; 0 before the first.
    pub(super) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub(super) const fn next_seq(&self) -> u64 {
        self.last_seq.saturating_add(1)
    }

    /// Keeps a message, which must have the next number.
    pub(super) fn push(
        &mut self,
        text: Text,
        data_len: usize,
        (mark, user_seq): (u64, Option<u64>),
    ) {
        let (seq, len) = (self.next_seq(), text.len());
        self.last_seq = seq;
        self.bytes = self.bytes.saturating_add(len);
        self.end = self.end.saturating_add(len);
        self.all.fetch_add(len, Ordering::Relaxed);
        self.messages.push_back(Message { seq, user_seq, mark, text, data_len, end: self.end });
        while self.is_over() && 1 < self.messages.len() {
            self.forget_oldest();
        }
    }

    fn is_over(&self) -> bool {
        MESSAGES_MAX < self.messages.len()
            || RING_BYTES_MAX < self.bytes
            || RINGS_BYTES_MAX < self.all.load(Ordering::Relaxed)
    }

    fn forget_oldest(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes = self.bytes.saturating_sub(message.text.len());
            self.all.fetch_sub(message.text.len(), Ordering::Relaxed);
        }
    }

    /// The messages from a number on.
    pub(super) fn from(&self, seq: u64) -> impl Iterator<Item = &Message> {
        let passed = seq.saturating_sub(self.first_seq());
        self.messages
            .range(usize::try_from(passed).unwrap_or(usize::MAX).min(self.messages.len())..)
    }

    /// How many messages there are from a number on, and of how many bytes.
    pub(super) fn waiting(&self, seq: u64) -> (u64, usize) {
        let Some(first) = self.from(seq).next() else { return (0, 0) };
        let before = first.end.saturating_sub(first.text.len());
        (self.next_seq().saturating_sub(first.seq), self.end.saturating_sub(before))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(ring: &Ring, from: u64) -> Vec<u64> {
        ring.from(from).map(|message| message.seq).collect()
    }

    /// API-081
    #[test]
    fn api_081_a_ring_forgets_the_oldest_first() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut ring = Ring::new(Arc::clone(&all));
        assert_eq!((ring.first_seq(), ring.last_seq(), ring.waiting(1)), (1, 0, (0, 0)));
        for _ in 0..MESSAGES_MAX + 5 {
            ring.push("x".into(), 1, (0, None));
        }
        let last = ring.last_seq();
        assert_eq!((ring.first_seq(), ring.messages.len()), (6, MESSAGES_MAX));
        assert_eq!(seqs(&ring, last - 1), [last - 1, last]);
        assert_eq!(ring.waiting(last - 1), (2, 2));
        assert_eq!(ring.waiting(last + 1), (0, 0));
        // A message as large as all that may be kept leaves room for itself alone.
        ring.push("y".repeat(RING_BYTES_MAX).into(), 1, (0, None));
        assert_eq!(seqs(&ring, 1), [last + 1]);
        assert_eq!(all.load(Ordering::Relaxed), RING_BYTES_MAX);
        drop(ring);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    /// API-081
    #[test]
    fn api_081_all_rings_together_have_a_bound() {
        let all = Arc::new(AtomicUsize::new(RINGS_BYTES_MAX - 10));
        let mut ring = Ring::new(Arc::clone(&all));
        for _ in 0..50 {
            ring.push("12345".into(), 1, (0, None));
        }
        assert_eq!(ring.messages.len(), 2);
        assert_eq!(all.load(Ordering::Relaxed), RINGS_BYTES_MAX);
    }
}
