//! A stream whose frames are watched as they are read.
//!
//! The read in which a limit is broken fails, and every read after it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::Error;

use super::Violation;
use super::frames::Frames;

/// A stream of frames.
pub(crate) struct Guarded<S> {
    stream: S,
    frames: Frames,
    message_within: Duration,
    /// Runs while a message has begun and not ended.
    deadline: Option<Pin<Box<Sleep>>>,
    violation: Option<Violation>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, message_within: Duration) -> Self {
        let frames = Frames::new(crate::limits::now());
        Self { stream, frames, message_within, deadline: None, violation: None }
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.frames.pass(bytes, crate::limits::now())?;
        if !self.frames.is_within() {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(Box::pin(tokio::time::sleep(self.message_within)));
        }
        Ok(())
    }
}

/// The limit that was broken, where that is what a read failed with.
pub(crate) fn violation(error: &Error) -> Option<Violation> {
    let Error::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref().copied()
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(violation) = self.violation {
            return Poll::Ready(Err(io::Error::other(violation)));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            let is_late = |late: &mut Pin<Box<Sleep>>| late.as_mut().poll(context).is_ready();
            if !self.deadline.as_mut().is_some_and(is_late) {
                return Poll::Pending;
            }
            let seconds = self.message_within.as_secs();
            self.violation = Some(Violation::TooSlow { seconds });
        } else if let Some(bytes) = buffer.filled().get(before..)
            && let Err(violation) = self.pass(bytes)
        {
            buffer.set_filled(before);
            self.violation = Some(violation);
        }
        match self.violation {
            Some(violation) => Poll::Ready(Err(io::Error::other(violation))),
            None => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
