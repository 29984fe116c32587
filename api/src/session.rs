//! One WebSocket session: who is logged in, what it is subscribed to, which requests are under way.
//!
//! ```text
//! socket -> frames -> [session: read, check, submit] -> replies  -> [writer] -> socket
//!                          ^                         -> messages /
//!                          +---- events of the venue
//! ```
//!
//! Invariants:
//! - requests are sequenced in the order in which they were read: each is polled once, which submits it, before the next is read;
//! - nothing waits without bound: replies wait for the writer, messages are conflated or end the session, and a writer that is stuck ends
//!   it too;
//! - what a client sends wrong is answered; only a broken protocol ends the session.

mod disconnect;
mod heartbeat;
mod requests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::MissedTickBehavior;

pub(crate) use disconnect::CancelOnDisconnect;
pub(crate) use heartbeat::{INTERVAL_MAX, INTERVAL_MIN};

use crate::channels::{Pace, Subscriptions, TooSlow};
use crate::gateway::Gateway;
use crate::venue::{Outcome, VerifierTask};
use crate::wire::{ErrorCode, WireError};

use disconnect::OnDisconnect;
use heartbeat::Heartbeat;
use requests::{Login, Requests};
use writer::Writer;

/// Bytes of one frame: the largest request, 60 KiB of opened rows, fits.
pub(crate) const FRAME_LEN_MAX: usize = 65_536;
/// Bytes that are read of a frame that is too large before the connection is cut, so that its sender can still be told.
pub(crate) const FRAME_LEN_READ_MAX: usize = 1_310_720;
/// Requests of one session that may wait for their outcome. More are read when one has been answered.
pub(crate) const IN_FLIGHT_MAX: usize = 64;
/// Replies and messages that may wait for one client's socket.
pub(crate) const OUTBOUND_MAX: usize = 256;
/// How often batched channels speak.
const BEAT: Duration = Duration::from_millis(100);
/// How often a silent client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Pings in a row that a client may leave unanswered; the first frame must come before the second ping.
const SILENT_PINGS_MAX: u32 = 3;
/// How long a closed session waits for its client to agree.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Why a session ends, as a close code and a word for the client.
struct Ending {
    code: u16,
    reason: String,
}

impl Ending {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<TooSlow> for Ending {
    fn from(slow: TooSlow) -> Self {
        let reason = format!("slow consumer: channel {} is too far behind", slow.channel);
        Self::new(close_code::POLICY, reason)
    }
}

/// A session and its ends of everything.
struct Session {
    gateway: Arc<Gateway>,
    login: Option<Login>,
    subscriptions: Subscriptions,
    requests: Requests,
    outbound: mpsc::Sender<String>,
    events: Option<broadcast::Receiver<Outcome>>,
    tasks: Option<broadcast::Receiver<Arc<VerifierTask>>>,
    silent_pings: u32,
    has_spoken: bool,
    is_beat_due: bool,
    heartbeat: Option<Heartbeat>,
    on_disconnect: OnDisconnect,
}

/// Serves one socket until either side ends it or the server shuts down.
pub(crate) async fn run(gateway: Arc<Gateway>, socket: WebSocket, shutdown: watch::Receiver<bool>) {
    let (sink, mut frames) = socket.split();
    let (outbound, queue) = mpsc::channel(OUTBOUND_MAX);
    let mut writer = Writer::start(sink, queue);
    let mut session = Session {
        gateway,
        login: None,
        subscriptions: Subscriptions::default(),
        requests: Requests::default(),
        outbound,
        events: None,
        tasks: None,
        silent_pings: 0,
        has_spoken: false,
        is_beat_due: false,
        heartbeat: None,
        on_disconnect: OnDisconnect::default(),
    };
    let ending = session.serve(&mut frames, &mut writer, shutdown).await;
    session.cancel_on_disconnect().await;
    drop(session);
    if let Some(Ending { code, reason }) = ending {
        tracing::debug!(code, reason, "session ended by the venue");
        writer.close(CloseFrame { code, reason: reason.into() });
        // The client's own close, or whatever it still had to say.
        let agreed = async { while let Some(Ok(_)) = frames.next().await {} };
        drop(tokio::time::timeout(CLOSE_WAIT, agreed).await);
    }
    writer.finish().await;
}

impl Session {
    /// `None` when the client has ended it or is gone.
    async fn serve(
        &mut self,
        frames: &mut SplitStream<WebSocket>,
        writer: &mut Writer,
        mut shutdown: watch::Receiver<bool>,
    ) -> Option<Ending> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.reset();
        loop {
            self.flush();
            let waits_for_room = self.is_pending();
            let waits_for_beat = self.subscriptions.is_pending(Pace::Batched) && !self.is_beat_due;
            let ended = tokio::select! {
                frame = frames.next(), if self.requests.len() < IN_FLIGHT_MAX => match frame {
                    Some(Ok(message)) => self.frame(message).await,
                    Some(Err(error)) => Err(Some(broken(&error))),
                    None => Err(None),
                },
                Some(reply) = self.requests.next() => self.send(reply).await,
                outcome = next(&mut self.events) => self.outcome(outcome),
                task = next(&mut self.tasks) => self.task(task),
                room = has_room(&self.outbound), if waits_for_room => room,
                _ = beat.tick(), if waits_for_beat => { self.is_beat_due = true; Ok(()) }
                _ = ping.tick() => self.ping(writer),
                () = heartbeat::due(&mut self.heartbeat) => self.beat().await,
                () = writer.gone() => Err(None),
                () = is_down(&mut shutdown) => {
                    Err(Some(Ending::new(close_code::AWAY, "the venue is shutting down")))
                }
            };
            if let Err(ending) = ended {
                return ending;
            }
        }
    }

    async fn frame(&mut self, message: Message) -> Result<(), Option<Ending>> {
        self.silent_pings = 0;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.hear();
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(None),
            Message::Binary(_) => {
                self.has_spoken = true;
                let error = WireError::new(ErrorCode::ParseError, "a frame must be text");
                return self
                    .send(self.gateway.reply(None, &Err(error), self.gateway.venue.now()))
                    .await;
            }
        };
        self.has_spoken = true;
        if FRAME_LEN_MAX < text.len() {
            let reason =
                format!("a frame has at most {FRAME_LEN_MAX} bytes, this one has {}", text.len());
            let error = WireError::new(ErrorCode::InvalidRequest, reason.clone());
            let error = Err(error.with_limit(rust_decimal::Decimal::from(FRAME_LEN_MAX)));
            self.send(self.gateway.reply(None, &error, self.gateway.venue.now())).await?;
            return Err(Some(Ending::new(close_code::SIZE, reason)));
        }
        match self.request(&text).await {
            Some(reply) => self.send(reply).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, text: String) -> Result<(), Option<Ending>> {
        self.outbound.send(text).await.map_err(|_gone| None)
    }

    /// Takes in what has happened: one command when the client keeps up, all there is when its socket is behind, so that it is conflated.
    fn outcome(&mut self, outcome: Result<Outcome, RecvError>) -> Result<(), Option<Ending>> {
        self.note(outcome)?;
        while self.outbound.capacity() < OUTBOUND_MAX.div_euclid(2) {
            let next = match self.events.as_mut().map(broadcast::Receiver::try_recv) {
                Some(Ok(outcome)) => Ok(outcome),
                Some(Err(TryRecvError::Lagged(missed))) => Err(RecvError::Lagged(missed)),
                Some(Err(TryRecvError::Closed)) => Err(RecvError::Closed),
                Some(Err(TryRecvError::Empty)) | None => return Ok(()),
            };
            self.note(next)?;
        }
        Ok(())
    }

    fn note(&mut self, outcome: Result<Outcome, RecvError>) -> Result<(), Option<Ending>> {
        let noted = match outcome {
            Ok(outcome) => self.subscriptions.note(&self.gateway, &outcome),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "session fell behind the venue, resynchronised");
                self.subscriptions.resynchronise(&self.gateway)
            }
            Err(RecvError::Closed) => return Err(Some(stopped())),
        };
        noted.map_err(|slow| Some(slow.into()))
    }

    fn task(&mut self, task: Result<Arc<VerifierTask>, RecvError>) -> Result<(), Option<Ending>> {
        let noted = match task {
            Ok(task) => self.subscriptions.note_task(&task),
            Err(RecvError::Lagged(_)) => Err(TooSlow { channel: "verifier.tasks".to_owned() }),
            Err(RecvError::Closed) => return Err(Some(stopped())),
        };
        noted.map_err(|slow| Some(slow.into()))
    }

    fn ping(&mut self, writer: &Writer) -> Result<(), Option<Ending>> {
        if !self.has_spoken && 0 < self.silent_pings {
            return Err(Some(Ending::new(close_code::POLICY, "no request within a minute")));
        }
        if SILENT_PINGS_MAX <= self.silent_pings {
            return Err(Some(Ending::new(close_code::POLICY, "pings were not answered")));
        }
        self.silent_pings = self.silent_pings.saturating_add(1);
        writer.ping();
        Ok(())
    }

    fn is_pending(&self) -> bool {
        self.subscriptions.is_pending(Pace::Raw)
            || (self.is_beat_due && self.subscriptions.is_pending(Pace::Batched))
    }

    /// Sends what waits as far as the client's socket keeps up.
    fn flush(&mut self) {
        self.subscriptions.flush(&self.gateway, Pace::Raw, &self.outbound);
        if self.is_beat_due {
            self.subscriptions.flush(&self.gateway, Pace::Batched, &self.outbound);
            self.is_beat_due = self.subscriptions.is_pending(Pace::Batched);
        }
    }
}

/// Returns when the server shuts down, or is gone.
async fn is_down(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|is_down| *is_down).await);
}

/// Waits until one more message may wait for the client's socket.
async fn has_room(outbound: &mpsc::Sender<String>) -> Result<(), Option<Ending>> {
    outbound.reserve().await.map(drop).map_err(|_gone| None)
}

/// The next of a feed; never, when there is none.
async fn next<T: Clone>(feed: &mut Option<broadcast::Receiver<T>>) -> Result<T, RecvError> {
    match feed {
        Some(feed) => feed.recv().await,
        None => std::future::pending().await,
    }
}

fn stopped() -> Ending {
    Ending::new(close_code::AWAY, "the venue has stopped")
}

/// A frame that cannot be read at all.
fn broken(error: &axum::Error) -> Ending {
    let reason = error.to_string();
    // The protocol layer names what it would not read; only its size limit is ours.
    if reason.contains("too long") || reason.contains("too large") {
        return Ending::new(close_code::SIZE, format!("a frame has at most {FRAME_LEN_MAX} bytes"));
    }
    let reason: String = reason.chars().take(100).collect();
    Ending::new(close_code::PROTOCOL, reason)
}
