//! The listening socket with its limits: how many connections there may be, and how long a silent one is kept.
//!
//! Invariants:
//! - a connection holds its place until its socket is closed, whatever protocol it speaks by then;
//! - one that comes when all places are taken is told so, and closed;
//! - a closing socket lingers until its client has read the end, so that the last words are not lost to a reset.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, timeout};

/// Sockets that are served at once: each may hold a megabyte of queues and frames.
pub(crate) const CONNECTIONS_MAX: u32 = 256;
/// How long a socket may bring nothing. A session is pinged four times as often.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// How long a closing socket may linger.
const LINGER_MAX: Duration = Duration::from_secs(2);
/// How long the refusal of a connection may take.
const REFUSAL_MAX: Duration = Duration::from_secs(1);

/// Accepts connections as long as there are places.
pub(crate) struct Connections {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

/// Knows how many connections are open.
pub(crate) struct Open(Arc<Semaphore>);

impl Open {
    /// Returns when every connection has been closed.
    pub(crate) async fn all_closed(&self) {
        drop(self.0.acquire_many(CONNECTIONS_MAX).await);
    }
}

impl Connections {
    pub(crate) fn new(listener: TcpListener) -> (Self, Open) {
        let places = Arc::new(Semaphore::new(usize::try_from(CONNECTIONS_MAX).unwrap_or(0)));
        (Self { listener, places: Arc::clone(&places) }, Open(places))
    }
}

impl axum::serve::Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                // Replies are small and somebody waits for each.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot turn off nagle's algorithm");
                }
                return (Connection::new(stream, place), address);
            }
            tracing::warn!(limit = CONNECTIONS_MAX, "connection refused: all places are taken");
            tokio::spawn(timeout(REFUSAL_MAX, refuse(stream)));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn refuse(stream: TcpStream) {
    let body = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{{\"code\":10028,\"message\":\
         \"too_many_requests\",\"data\":{{\"reason\":\"the venue has {CONNECTIONS_MAX} connections, \
         the most it takes\",\"limit\":{CONNECTIONS_MAX}}}}}}}"
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

/// A socket that holds its place and does not stay silent for ever.
pub(crate) struct Connection {
    /// Absent only while it is dropped.
    stream: Option<TcpStream>,
    place: Option<OwnedSemaphorePermit>,
    idle: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        let idle = Box::pin(tokio::time::sleep(IDLE_MAX));
        Self { stream: Some(stream), place: Some(place), idle }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().map(Pin::new).ok_or_else(closed)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.stream()?.poll_read(context, buffer);
        if read.is_ready() {
            let deadline = Instant::now() + IDLE_MAX;
            self.idle.as_mut().reset(deadline);
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
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, bytes)
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
