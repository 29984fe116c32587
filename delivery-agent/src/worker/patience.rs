//! What a worker process says, heard for as long as an answer is worth anything.
//!
//! A read of a pipe cannot be given up, and a process that hangs in its driver may not even be ended
//! by a kill. So a thread of its own reads, and whoever waits for it waits until an instant.
//!
//! Invariants:
//! - no read takes longer than the patience that was set last;
//! - at most [`CHUNKS`] times [`CHUNK`] bytes are read ahead.

use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const CHUNK: usize = 1 << 16;
const CHUNKS: usize = 4;

/// The reading end of a pipe, with patience.
pub(super) struct Replies {
    /// Never locked: it has one user, and the lock lets that one move between threads.
    chunks: Mutex<Receiver<Result<Vec<u8>>>>,
    chunk: Cursor<Vec<u8>>,
    until: Instant,
}

impl Replies {
    /// Begins to read.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn of(pipe: impl Read + Send + 'static, patience: Duration) -> Result<Self> {
        let (heard, chunks) = sync_channel(CHUNKS);
        // It ends with the pipe, or with this value, whichever it hears of first.
        thread::Builder::new()
            .name("worker replies".to_owned())
            .spawn(move || read_ahead(pipe, &heard))?;
        let mut replies =
            Self { chunks: Mutex::new(chunks), chunk: Cursor::default(), until: now() };
        replies.give_up_after(patience);
        Ok(replies)
    }

    /// From now on a read waits for so long in all, not each for itself.
    pub(super) fn give_up_after(&mut self, patience: Duration) {
        self.until = now() + patience;
    }
}

impl Read for Replies {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 {
            let left = self.until.saturating_duration_since(now());
            let chunks = self.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.chunk = match chunks.recv_timeout(left) {
                Ok(chunk) => Cursor::new(chunk?),
                Err(RecvTimeoutError::Timeout) => return Err(Error::from(ErrorKind::TimedOut)),
                // The thread has said before that the pipe ended.
                Err(RecvTimeoutError::Disconnected) => Cursor::default(),
            };
        }
        self.chunk.read(into)
    }
}

fn read_ahead(mut pipe: impl Read, heard: &SyncSender<Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = pipe.read(&mut chunk);
        let is_over = !matches!(read, Ok(1..));
        let chunk = read.map(|len| {
            chunk.truncate(len);
            chunk
        });
        if heard.send(chunk).is_err() || is_over {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "that a process hangs is known by the clock only")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn what_was_written_is_read_to_the_end() {
        let (reading, mut writing) = pipe().unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let written = bytes.clone();
        let writer = thread::spawn(move || writing.write_all(&written));
        let mut heard = Vec::new();
        let mut replies = Replies::of(reading, Duration::from_secs(60)).unwrap();
        replies.read_to_end(&mut heard).unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(heard, bytes);
        assert_eq!(replies.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_pipe_that_says_nothing_is_given_up() {
        let (reading, mut writing) = pipe().unwrap();
        let mut replies = Replies::of(reading, Duration::from_millis(10)).unwrap();
        assert_eq!(replies.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        replies.give_up_after(Duration::from_secs(60));
        writing.write_all(b"late").unwrap();
        let mut four = [0; 4];
        replies.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"late");
    }
}
