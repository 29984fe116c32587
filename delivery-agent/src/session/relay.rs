//! Between the worker, which computes on a thread of its own, and the connection: roots go out as they are finished, salts come in.
//!
//! Invariants:
//! - the worker never waits for the connection but for a salt that it cannot do without;
//! - when nobody wants the work any more, a worker that waits for a salt is told so;
//! - a salt that has come once is known for good: work that is done again waits for nothing twice.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::challenge::SegmentId;
use crate::expand::Bytes32;
use crate::salt::{Asker, Interrupted};

/// Salts by the segment that they belong to.
pub(super) type Salts = BTreeMap<SegmentId, Bytes32>;

/// The worker's end.
#[derive(Debug)]
pub(super) struct Relay {
    known: Salts,
    salts: Receiver<(SegmentId, Bytes32)>,
    // As many as the challenge has segments, which is bounded.
    roots: UnboundedSender<(SegmentId, Bytes32)>,
}

/// The session's end. Dropped, it interrupts the work.
#[derive(Debug)]
pub(super) struct Line {
    salts: Sender<(SegmentId, Bytes32)>,
    roots: UnboundedReceiver<(SegmentId, Bytes32)>,
}

/// Both ends, for work of which these salts are known.
pub(super) fn relay(known: Salts) -> (Relay, Line) {
    let (to_worker, salts) = channel();
    let (roots, from_worker) = unbounded_channel();
    (Relay { known, salts, roots }, Line { salts: to_worker, roots: from_worker })
}

impl Asker for Relay {
    fn finished(&mut self, id: SegmentId, root: &Bytes32) -> Result<(), Interrupted> {
        let gone = |_closed| Interrupted { why: "nobody waits for the roots".to_owned() };
        self.roots.send((id, *root)).map_err(gone)
    }

    fn salt(&mut self, id: SegmentId) -> Result<Bytes32, Interrupted> {
        loop {
            if let Some(salt) = self.known.get(&id) {
                return Ok(*salt);
            }
            let gone = |_closed| Interrupted { why: "no more salts will come".to_owned() };
            let (of, salt) = self.salts.recv().map_err(gone)?;
            self.known.insert(of, salt);
        }
    }
}

impl Line {
    /// Passes a salt on. A worker that is done needs none.
    pub(super) fn salt(&self, id: SegmentId, salt: Bytes32) {
        if self.salts.send((id, salt)).is_err() {
            tracing::debug!(?id, "a salt that nobody needs any more");
        }
    }

    /// The next root; never, when there are no more.
    pub(super) async fn root(&mut self) -> (SegmentId, Bytes32) {
        match self.roots.recv().await {
            Some(root) => root,
            None => std::future::pending().await,
        }
    }

    /// A root that has come meanwhile.
    pub(super) fn root_now(&mut self) -> Option<(SegmentId, Bytes32)> {
        self.roots.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(segment: u16) -> SegmentId {
        SegmentId { slot: 0, segment }
    }

    /// SESSION-010: and work that is done again needs no salt twice.
    #[test]
    fn session_010_roots_go_out_and_a_salt_is_waited_for_once() {
        let (mut relay, mut line) = relay(BTreeMap::from([(id(0), [1; 32])]));
        let worker = std::thread::spawn(move || {
            let mut salts = Vec::new();
            // The second time it is another worker, asked to do the same.
            for _ in 0..2 {
                for segment in 0..3 {
                    salts.push(relay.salt(id(segment)).unwrap()[0]);
                    relay.finished(id(segment), &[9; 32]).unwrap();
                }
            }
            salts
        });
        line.salt(id(2), [3; 32]);
        line.salt(id(1), [2; 32]);
        assert_eq!(worker.join().unwrap(), [1, 2, 3, 1, 2, 3]);
        assert_eq!(std::iter::from_fn(|| line.root_now()).count(), 6);
    }

    #[test]
    fn session_010_a_worker_that_waits_is_told_when_nobody_wants_the_work() {
        let (mut relay, line) = relay(Salts::new());
        let worker = std::thread::spawn(move || {
            let interrupted = relay.salt(id(0)).unwrap_err();
            (interrupted, relay.finished(id(0), &[0; 32]))
        });
        drop(line);
        let (interrupted, refused) = worker.join().unwrap();
        assert_eq!(interrupted.why, "no more salts will come");
        assert_eq!(refused.unwrap_err().why, "nobody waits for the roots");
    }
}
