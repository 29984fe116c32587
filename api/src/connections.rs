//! The listening socket with its limits: how many connections there may be, from where, how fast they may come, and how long one may take
//! for what.
//!
//! Invariants:
//! - a connection holds its place until its socket is closed, whatever protocol it speaks by then;
//! - one that comes when all places are taken, or all of its address, is told so, and closed;
//! - nobody waits for ever: not for the head of a request, not between two, not for a client that reads nothing;
//! - a closing socket lingers until its client has read the end, so that the last words are not lost to a reset.

mod place;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, timeout};

use crate::limits::{Bucket, Limits, Network, Rate, now};
use place::{Place, Places};

/// How long a session's socket, or one whose request is being answered, may bring nothing. A session is pinged four times as often.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// How long a socket may take nothing of what is written to it.
const STALL_MAX: Duration = Duration::from_secs(10);
/// How long a closing socket may linger.
const LINGER_MAX: Duration = Duration::from_secs(2);
/// How long the refusal of a connection may take.
const REFUSAL_MAX: Duration = Duration::from_secs(1);
/// How long to wait when the system has no socket to give.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// Accepts connections as long as there are places.
pub(crate) struct Connections {
    listener: TcpListener,
    places: Arc<Places>,
    pace: (Rate, Bucket),
    limits: Limits,
}

/// Knows how many connections are open.
pub(crate) struct Open(Arc<Places>);

impl Open {
    /// Returns when every connection has been closed.
    pub(crate) async fn all_closed(&self) {
        self.0.all_free().await;
    }
}

impl Connections {
    pub(crate) fn new(listener: TcpListener, limits: Limits) -> (Self, Open) {
        let places = Arc::new(Places::new(&limits));
        let rate = Rate { per_second: limits.accepts_per_second, burst: limits.accepts_per_second };
        let pace = (rate, Bucket::full(rate, now()));
        (Self { listener, places: Arc::clone(&places), pace, limits }, Open(places))
    }

    /// The next connection that there is a place for. Nothing is lost when it is not waited for.
    pub(crate) async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (rate, bucket) = &mut self.pace;
            if let Err(wait) = bucket.take(*rate, (1, 0), now()) {
                // The others wait in the system's queue.
                tokio::time::sleep(wait).await;
                continue;
            }
            let (stream, address) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_client(&error) {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(EXHAUSTED_WAIT).await;
                    }
                    continue;
                }
            };
            match self.places.take(Network::of(address.ip())) {
                Ok(place) => {
                    // Replies are small and somebody waits for each.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot turn off nagle's algorithm");
                    }
                    return (Connection::new(stream, place, &self.limits), address);
                }
                Err(full) => {
                    tracing::debug!(limit = full.limit, "connection refused: {}", full.whose);
                    tokio::spawn(timeout(REFUSAL_MAX, refuse(stream, full)));
                }
            }
        }
    }
}

/// Whether a connection was lost before it was accepted.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn refuse(stream: TcpStream, full: place::Full) {
    let place::Full { whose, limit } = full;
    let body = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{{\"code\":10028,\"message\":\
         \"too_many_requests\",\"data\":{{\"reason\":\"{whose} has {limit} connections, \
         the most it takes\",\"limit\":{limit}}}}}}}"
    );
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A new socket's buffer takes this at once or never.
    if stream.writable().await.is_ok() && stream.try_write(text.as_bytes()).is_ok() {
        drain(stream).await;
    }
}

/// Says that nothing more comes, and reads until the client says so too.
async fn drain(mut stream: TcpStream) {
    let ended = std::future::poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context));
    if ended.await.is_err() {
        return;
    }
    let mut bytes = [0; 4096];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The next request is awaited.
    Awaiting,
    /// A request is read and answered.
    Answering,
    /// It has become a WebSocket.
    Session,
}

/// Where whoever serves a connection says what it is about. Each time counts, though it is about the same again.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhaseOf(Arc<AtomicU32>);

impl PhaseOf {
    pub(crate) fn set(&self, phase: Phase) {
        let number = match phase {
            Phase::Awaiting => 0,
            Phase::Answering => 1,
            Phase::Session => 2,
        };
        let times = self.0.load(Ordering::Relaxed) >> 2;
        self.0.store(times.wrapping_add(1) << 2 | number, Ordering::Relaxed);
    }

    fn get(&self) -> (u32, Phase) {
        let number = self.0.load(Ordering::Relaxed);
        let phase = match number & 3 {
            0 => Phase::Awaiting,
            1 => Phase::Answering,
            _ => Phase::Session,
        };
        (number, phase)
    }
}

/// A socket that holds its place and does not stay silent for ever.
pub(crate) struct Connection {
    /// Absent only while it is dropped.
    stream: Option<TcpStream>,
    place: Option<Place>,
    phase: PhaseOf,
    /// What it was about when it was last looked at.
    seen: (u32, Phase),
    /// Whether some of the head that is awaited has come.
    has_begun: bool,
    header_within: Duration,
    keep_alive: Duration,
    idle: Pin<Box<Sleep>>,
    stall: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn new(stream: TcpStream, place: Place, limits: &Limits) -> Self {
        Self {
            stream: Some(stream),
            place: Some(place),
            phase: PhaseOf::default(),
            seen: (0, Phase::Awaiting),
            // The first head must come at once.
            has_begun: true,
            header_within: limits.header_within,
            keep_alive: limits.keep_alive,
            idle: Box::pin(tokio::time::sleep(limits.header_within)),
            stall: None,
        }
    }

    pub(crate) fn phase(&self) -> PhaseOf {
        self.phase.clone()
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().map(Pin::new).ok_or_else(closed)
    }

    fn wait_for(&mut self, time: Duration) {
        self.idle.as_mut().reset(Instant::now() + time);
    }

    /// Takes notice of what it is about now.
    fn look(&mut self) {
        let phase = self.phase.get();
        if phase != self.seen {
            self.seen = phase;
            self.has_begun = false;
            self.wait_for(match phase.1 {
                Phase::Awaiting => self.keep_alive,
                Phase::Answering | Phase::Session => IDLE_MAX,
            });
        }
    }

    /// Something was read.
    fn hear(&mut self) {
        match self.seen.1 {
            Phase::Awaiting if self.has_begun => {}
            Phase::Awaiting => {
                self.has_begun = true;
                self.wait_for(self.header_within);
            }
            Phase::Answering | Phase::Session => self.wait_for(IDLE_MAX),
        }
    }

    /// Something was written, or was to be.
    fn wrote<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            self.look();
            if self.seen.1 == Phase::Awaiting && !self.has_begun {
                self.wait_for(self.keep_alive);
                // Nobody reads again before this wakes them.
                if self.idle.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            return written;
        }
        let stall =
            self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX))).as_mut();
        match stall.poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.look();
        let read = self.stream()?.poll_read(context, buffer);
        if read.is_ready() {
            self.hear();
            return read;
        }
        match self.idle.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(context, bytes);
        self.wrote(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (Some(stream), Some(place)) = (self.stream.take(), self.place.take()) else { return };
        // Without a runtime the process is ending, and nobody waits for last words.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            drop(timeout(LINGER_MAX, drain(stream)).await);
            drop(place);
        });
    }
}
