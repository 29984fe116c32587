//! Waits for a future on a thread that has nothing else to do, inside an async runtime or outside of one.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use exchange::Command;

use super::sequencer::Inbox;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks the thread until the future is ready.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // A wake between the poll and here makes this return at once.
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Submits what a desk has computed, and says whether it was taken. A desk that was refused says everything again at its next look.
pub(super) fn is_taken(inbox: &Inbox, command: Command) -> bool {
    let outcome = match inbox.send(command) {
        Ok(outcome) => wait(outcome),
        Err(error) => {
            tracing::debug!(%error, "a desk's numbers were not sent");
            return false;
        }
    };
    let refusal = outcome.iter().find_map(|outcome| outcome.refusal());
    if let Some(reason) = refusal {
        tracing::debug!(rule = reason.rule(), "a desk's numbers were refused");
    }
    outcome.is_ok() && refusal.is_none()
}
