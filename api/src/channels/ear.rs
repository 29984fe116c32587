//! One session's place in one channel.
//!
//! A session keeps no messages: it knows which comes next, and takes it from the channel. Whoever is too far behind is given the state as
//! one snapshot, or is ended where nothing may be left out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::feed::{Feed, Inner, Listener};
use super::ring::MESSAGES_MAX;
use super::{Text, TooSlow};

/// Messages that may wait for a session whose socket was full before it gets one snapshot instead.
pub(super) const LAG_MAX: u64 = 256;
/// Messages that may wait where none may be left out: all that are kept.
pub(crate) const WAITING_MAX: usize = MESSAGES_MAX;

/// A subscription.
pub(super) struct Ear {
    pub(super) feed: Arc<Feed>,
    id: u64,
    listener: Arc<Listener>,
    /// The number of the message that comes next.
    next: u64,
    /// What came about up to here was known when it subscribed.
    since: u64,
    /// The number of the newest report that it was told of.
    user_seq: Option<u64>,
    /// What it is told first.
    opening: VecDeque<Text>,
    /// Whether something was left for want of room.
    has_more: bool,
    /// Snapshots that it was given in place of messages, since this was last asked.
    pub(super) resyncs: u64,
}

impl Ear {
    pub(super) fn new(
        feed: Arc<Feed>,
        (id, listener): (u64, Arc<Listener>),
        (next, since): (u64, u64),
        opening: VecDeque<Text>,
    ) -> Self {
        Self {
            feed,
            id,
            listener,
            next,
            since,
            user_seq: None,
            opening,
            has_more: true,
            resyncs: 0,
        }
    }

    /// Whether there may be something to take.
    pub(super) fn is_due(&self) -> bool {
        self.has_more || self.listener.is_due.load(Ordering::Acquire)
    }

    /// Takes at most `room` messages. `was_full` says that the client's socket could not take what there was before.
    pub(super) fn take(&mut self, room: usize, was_full: bool) -> Result<Vec<Text>, TooSlow> {
        let first = self.opening.len().min(room);
        let mut taken: Vec<Text> = self.opening.drain(..first).collect();
        self.has_more = true;
        if taken.len() == room {
            return Ok(taken);
        }
        // Before looking: what is told from here on says so again.
        self.listener.is_due.swap(false, Ordering::AcqRel);
        let feed = Arc::clone(&self.feed);
        let mut inner = feed.lock();
        self.check(&inner)?;
        let (count, bytes) = inner.ring.waiting(self.next);
        let is_out = self.next < inner.ring.first_seq();
        let is_behind = was_full && LAG_MAX < count;
        let before = self.next.saturating_sub(1);
        let bytes = if is_out { usize::MAX } else { bytes };
        if (is_out || is_behind) && inner.is_healed_by_whole(before, bytes) {
            taken.extend(feed.whole(&mut inner, Some(self.next)));
            self.resyncs = self.resyncs.saturating_add(1);
            self.next = inner.ring.next_seq();
        } else if is_out {
            return Err(self.too_slow());
        }
        for message in inner.ring.from(self.next) {
            if taken.len() == room {
                return Ok(taken);
            }
            self.next = message.seq.saturating_add(1);
            self.user_seq = message.user_seq.or(self.user_seq);
            if self.since < message.mark {
                taken.push(message.text.clone());
            }
        }
        self.has_more = false;
        Ok(taken)
    }

    /// Where nothing may be left out, what is next must be there.
    fn check(&self, inner: &Inner) -> Result<(), TooSlow> {
        if inner.is_lost {
            return Err(self.too_slow());
        }
        Ok(())
    }

    fn too_slow(&self) -> TooSlow {
        let (channel, seq) = (self.feed.name.clone(), self.next.saturating_sub(1));
        TooSlow { channel, seq, user_seq: self.user_seq }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.feed.lock().leave(self.id);
    }
}
