//! The writing half of a session: one task, one socket, a bounded queue in front of it.

use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use prometheus::IntCounter;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::outbound::Waiting;
use crate::channels::Text;
use crate::socket::{CloseFrame, Message, WebSocket};

/// How long one write may take. A client whose socket is full for longer has stopped reading.
const STALL_MAX: Duration = Duration::from_secs(10);
/// Frames of the protocol itself that may wait: a ping, and the close.
const CONTROL_MAX: usize = 4;

/// A handle to the writing task.
pub(super) struct Writer {
    control: mpsc::Sender<Message>,
    task: JoinHandle<()>,
}

impl Writer {
    pub(super) fn start(
        sink: SplitSink<WebSocket, Message>,
        queue: Waiting<Text>,
        sent: IntCounter,
    ) -> Self {
        let (control, controls) = mpsc::channel(CONTROL_MAX);
        Self { control, task: tokio::spawn(write(sink, queue, controls, sent)) }
    }

    /// Asks the client whether it is there. When the queue is full the writer is stuck, which ends it by itself.
    pub(super) fn ping(&self) {
        drop(self.control.try_send(Message::Ping(Vec::new().into())));
    }

    /// Ends the session after what is queued.
    pub(super) fn close(&self, frame: CloseFrame) {
        drop(self.control.try_send(Message::Close(Some(frame))));
    }

    /// Returns when nothing more can be written.
    pub(super) async fn gone(&self) {
        self.control.closed().await;
    }

    /// Waits for what is queued, then lets go.
    pub(super) async fn finish(self) {
        drop(self.control);
        // A panic has been reported by the runtime; there is nothing to add.
        drop(self.task.await);
    }
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: Waiting<Text>,
    mut controls: mpsc::Receiver<Message>,
    sent: IntCounter,
) {
    let mut queue_open = true;
    loop {
        let message = tokio::select! {
            biased;
            text = queue.next(), if queue_open => match text {
                Some(text) => Message::Text(text),
                None => { queue_open = false; continue }
            },
            control = controls.recv() => match control {
                Some(control) => control,
                None => return,
            },
        };
        let is_close = matches!(message, Message::Close(_));
        let len = if let Message::Text(text) = &message { text.len() } else { 0 };
        let has_more = !queue.is_empty();
        let written = tokio::time::timeout(STALL_MAX, async {
            sink.feed(message).await?;
            // One flush for all that waits.
            if has_more { Ok(()) } else { sink.flush().await }
        });
        let written = written.await;
        queue.done(len);
        match written {
            Ok(Ok(())) if !is_close => sent.inc(),
            Ok(_) => return,
            Err(_elapsed) => {
                tracing::debug!("client has stopped reading");
                return;
            }
        }
    }
}
