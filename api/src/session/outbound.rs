//! What waits for a client's socket: so many messages, and so many bytes of them.
//!
//! A message that is larger than all the room there may be goes when nothing else waits, so nothing is ever stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

/// The writer has gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// The end where messages are put in.
#[derive(Debug)]
pub(crate) struct Outbound<T> {
    sender: mpsc::Sender<T>,
    bytes: Bytes,
    bytes_max: usize,
}

/// The end where they are taken out.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    receiver: mpsc::Receiver<T>,
    bytes: Bytes,
}

/// Bytes that wait, and who wants to know that there are fewer.
#[derive(Debug, Clone, Default)]
struct Bytes {
    count: Arc<AtomicUsize>,
    fewer: Arc<Notify>,
}

/// An empty queue.
pub(crate) fn queue<T: AsRef<str>>(
    messages_max: usize,
    bytes_max: usize,
) -> (Outbound<T>, Waiting<T>) {
    let (sender, receiver) = mpsc::channel(messages_max);
    let bytes = Bytes::default();
    (Outbound { sender, bytes: bytes.clone(), bytes_max }, Waiting { receiver, bytes })
}

impl<T: AsRef<str>> Outbound<T> {
    /// Messages that there is room for: none while too many bytes wait.
    pub(crate) fn capacity(&self) -> usize {
        let is_full = self.bytes_max <= self.bytes.count.load(Ordering::Acquire);
        if is_full { 0 } else { self.sender.capacity() }
    }

    /// Puts a message in if there is room.
    pub(crate) fn try_send(&self, text: T) -> Result<(), T> {
        if self.capacity() == 0 {
            return Err(text);
        }
        self.put(text)
    }

    /// Puts a message in, however many bytes wait: one of a few that were taken together when there was room.
    pub(crate) fn put(&self, text: T) -> Result<(), T> {
        let len = text.as_ref().len();
        // Before it can be taken out: the count never runs below zero.
        self.bytes.count.fetch_add(len, Ordering::AcqRel);
        self.sender.try_send(text).map_err(|refused| {
            self.bytes.count.fetch_sub(len, Ordering::AcqRel);
            refused.into_inner()
        })
    }

    /// Puts a message in when there is room.
    pub(crate) async fn send(&self, text: T) -> Result<(), Gone> {
        let mut text = text;
        loop {
            self.room().await?;
            match self.try_send(text) {
                Ok(()) => return Ok(()),
                Err(again) => text = again,
            }
        }
    }

    /// Waits until there is room.
    pub(crate) async fn room(&self) -> Result<(), Gone> {
        loop {
            let fewer = self.bytes.fewer.notified();
            // Also tells when the writer has gone.
            drop(self.sender.reserve().await.map_err(|_gone| Gone)?);
            if 0 < self.capacity() {
                return Ok(());
            }
            tokio::select! {
                () = fewer => {}
                () = self.sender.closed() => return Err(Gone),
            }
        }
    }
}

impl<T: AsRef<str>> Waiting<T> {
    /// The next; `None` when no more will come.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.receiver.recv().await
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// The next that is there.
    #[cfg(test)]
    pub(crate) fn take(&mut self) -> Option<T> {
        let text = self.receiver.try_recv().ok()?;
        self.done(text.as_ref().len());
        Some(text)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }

    /// A message of so many bytes is the socket's now.
    pub(super) fn done(&self, len: usize) {
        self.bytes.count.fetch_sub(len, Ordering::AcqRel);
        self.bytes.fewer.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn limit_030_so_many_messages_and_bytes_wait_and_no_more() {
        let (outbound, mut waiting) = queue::<String>(3, 100);
        assert_eq!(outbound.try_send("x".repeat(99)), Ok(()));
        assert_eq!(outbound.capacity(), 2);
        // The last one may be larger than what is left: nothing is ever too large to be sent.
        assert_eq!(outbound.try_send("y".repeat(1_000)), Ok(()));
        assert_eq!(outbound.capacity(), 0);
        assert!(outbound.try_send("z".to_owned()).is_err());
        let sending = tokio::spawn(async move { (outbound.send("z".to_owned()).await, outbound) });
        for len in [99, 1_000] {
            assert_eq!(waiting.next().await.unwrap().len(), len);
            waiting.done(len);
        }
        let (sent, outbound) = sending.await.unwrap();
        assert!(sent.is_ok());
        assert_eq!(outbound.try_send(String::new()), Ok(()));
        assert_eq!(outbound.try_send(String::new()), Ok(()));
        assert_eq!(
            (outbound.capacity(), outbound.try_send(String::new())),
            (0, Err(String::new()))
        );
        drop(waiting);
        assert!(outbound.send(String::new()).await.is_err(), "the writer has gone");
    }
}
