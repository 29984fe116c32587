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
mod outbound;
mod requests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite;

pub(crate) use heartbeat::{INTERVAL_MAX, INTERVAL_MIN};

use crate::auth::Origin;
use crate::channels::{Subscriptions, Text, TooSlow};
use crate::gateway::Gateway;
use crate::limits::{Meter, Network};
use crate::socket::{
    CloseFrame, FRAME_LEN_MAX, Message, Violation, WebSocket, close_code, violation,
};
use crate::venue::SessionPlace;
use crate::wire::{ErrorCode, WireError};

use disconnect::OnDisconnect;
use heartbeat::Heartbeat;
pub(crate) use outbound::Outbound;
#[cfg(test)]
pub(crate) use outbound::{Waiting, queue as outbound_queue};
use requests::{Login, Requests};
use writer::Writer;

/// Requests of one session that may wait for their outcome. More are read when one has been answered.
pub(crate) const IN_FLIGHT_MAX: usize = 64;
/// Replies and messages that may wait for one client's socket.
pub(crate) const OUTBOUND_MAX: usize = 256;
/// How often a silent client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Pings in a row that a client may leave unanswered; the first frame must come before the second ping.
const SILENT_PINGS_MAX: u32 = 3;
/// How often a login's key is looked up while nothing is asked: a revoked key's session ends as late.
const CHECK_LOGIN_EVERY: Duration = Duration::from_millis(500);
/// How long what is under way may take when the server shuts down.
const DRAIN_MAX: Duration = Duration::from_secs(3);
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
        let TooSlow { mut channel, seq, user_seq } = slow;
        // A close frame has room for 123 bytes.
        channel.truncate(64);
        let user_seq = user_seq.map(|user_seq| format!(", user_seq {user_seq}"));
        let at = format!("at seq {seq}{}", user_seq.unwrap_or_default());
        Self::new(close_code::AGAIN, format!("slow consumer: {channel} {at}"))
    }
}

/// A session and its ends of everything.
struct Session {
    gateway: Arc<Gateway>,
    origin: Origin,
    login: Option<Login>,
    network: Network,
    /// That of the account that is logged in, or of the network.
    meter: Arc<Mutex<Meter>>,
    /// Why it must end after the reply that is being sent.
    abuse: Option<Ending>,
    subscriptions: Subscriptions,
    requests: Requests,
    outbound: Outbound<Text>,
    silent_pings: u32,
    has_spoken: bool,
    heartbeat: Option<Heartbeat>,
    on_disconnect: OnDisconnect,
    /// Where operators see it.
    place: SessionPlace,
}

/// Serves one socket until either side ends it or the server shuts down.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    socket: WebSocket,
    (shutdown, origin): (watch::Receiver<bool>, Origin),
) {
    let (sink, mut frames) = socket.split();
    let bytes_max = gateway.venue.limits().outbound_bytes;
    let (outbound, queue) = outbound::queue(OUTBOUND_MAX, bytes_max);
    let sent = gateway.venue.operations().metrics.messages_sent.clone();
    let mut writer = Writer::start(sink, queue, sent);
    let network = Network::of(origin.address);
    let meter = gateway.meters.of_network(network);
    let on_disconnect = OnDisconnect::new(gateway.number_session());
    let place = gateway.venue.open_session();
    let mut session = Session {
        gateway,
        origin,
        login: None,
        network,
        meter,
        abuse: None,
        subscriptions: Subscriptions::default(),
        requests: Requests::default(),
        outbound,
        silent_pings: 0,
        has_spoken: false,
        heartbeat: None,
        on_disconnect,
        place,
    };
    let ending = session.serve(&mut frames, &mut writer, shutdown).await;
    session.cancel_on_disconnect().await;
    session.forget_login();
    drop(session);
    if let Some(Ending { code, reason }) = ending {
        tracing::debug!(code, reason, "session ended by the venue");
        writer.close(CloseFrame { code: code.into(), reason: reason.into() });
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
        let signal = self.subscriptions.signal();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.reset();
        let mut login = tokio::time::interval(CHECK_LOGIN_EVERY);
        login.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.subscriptions.flush(&self.outbound) {
                Ok(resyncs) => self.gateway.venue.operations().metrics.resyncs.inc_by(resyncs),
                Err(slow) => return Some(self.too_slow(slow)),
            }
            let waits_for_room = self.subscriptions.is_full();
            let ended = tokio::select! {
                frame = frames.next(), if self.requests.len() < IN_FLIGHT_MAX => match frame {
                    Some(Ok(message)) => self.frame(message).await,
                    Some(Err(error)) => self.broken(&error).await,
                    None => Err(None),
                },
                Some(reply) = self.requests.next() => match reply {
                    Some(reply) => self.send(reply).await,
                    // Taken, and nobody knows more: an error would say that it was not.
                    None => Err(Some(Ending::new(close_code::AWAY, "the venue has stopped"))),
                },
                () = signal.heard() => Ok(()),
                room = self.outbound.room(), if waits_for_room => room.map_err(|_gone| None),
                _ = ping.tick() => self.ping(writer),
                _ = login.tick(), if self.login.is_some() => self.check_login(),
                () = heartbeat::due(&mut self.heartbeat) => self.beat().await,
                () = writer.gone() => Err(None),
                () = is_down(&mut shutdown) => self.drain().await,
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
            // A frame as such is never read, only written.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
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
        if let Some(reply) = self.request(&text).await {
            self.send(reply).await?;
        }
        self.abuse.take().map_or(Ok(()), |ending| Err(Some(ending)))
    }

    /// A frame that cannot be read. Whoever sends too much is told in words too.
    async fn broken(&mut self, error: &tungstenite::Error) -> Result<(), Option<Ending>> {
        let Some(violation) = violation(error) else {
            let reason: String = error.to_string().chars().take(100).collect();
            return Err(Some(Ending::new(close_code::PROTOCOL, reason)));
        };
        let reason = violation.to_string();
        let code = match violation {
            Violation::TooLarge { .. } => {
                let error = WireError::new(ErrorCode::InvalidRequest, reason.clone());
                let error = Err(error.with_limit(rust_decimal::Decimal::from(FRAME_LEN_MAX)));
                self.send(self.gateway.reply(None, &error, self.gateway.venue.now())).await?;
                close_code::SIZE
            }
            Violation::Unmasked => close_code::PROTOCOL,
            Violation::TooManyFragments | Violation::TooManyPings | Violation::TooSlow { .. } => {
                close_code::POLICY
            }
        };
        Err(Some(Ending::new(code, reason)))
    }

    /// Answers what is under way, takes nothing new, and ends.
    async fn drain(&mut self) -> Result<(), Option<Ending>> {
        let answered = async {
            while let Some(reply) = self.requests.next().await {
                // Of which nobody knows what became gets no reply.
                if let Some(reply) = reply {
                    self.send(reply).await?;
                }
            }
            Ok(())
        };
        // Whoever is not answered by then reads in the close that the venue has gone.
        drop(
            tokio::time::timeout(DRAIN_MAX, answered).await.unwrap_or(Ok::<(), Option<Ending>>(())),
        );
        Err(Some(Ending::new(close_code::AWAY, "the venue is shutting down")))
    }

    async fn send(&mut self, text: String) -> Result<(), Option<Ending>> {
        self.outbound.send(text.into()).await.map_err(|_gone| None)
    }

    fn too_slow(&self, slow: TooSlow) -> Ending {
        self.gateway.venue.operations().metrics.slow_consumers.inc();
        slow.into()
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
        self.tell_operators();
        Ok(())
    }

    /// What operators see of this session.
    fn tell_operators(&self) {
        let account = self.login.as_ref().map(Login::account);
        let waiting = OUTBOUND_MAX.saturating_sub(self.outbound.capacity());
        let figures = (self.subscriptions.len(), waiting);
        self.place.note(account, figures);
    }
}

/// Returns when the server shuts down, or is gone.
async fn is_down(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|is_down| *is_down).await);
}
