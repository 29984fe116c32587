//! The sockets between reporters: every reporter sends on a connection that it opens, and reads on those that others open.
//!
//! ```text
//! frame   length u32 little-endian, then one message in borsh
//! ```
//!
//! Invariants: a frame longer than the longest message ends its connection before it is read; memory grows with what has arrived, not with what
//! was announced; a peer that cannot be reached costs a queue of bounded length and nothing else, for everything is said again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use oracle::io::reporter::{MESSAGE_LEN_MAX, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::Event;

/// Messages that wait for one peer. What does not fit is dropped and said again later.
const QUEUE_MAX: usize = 64;
/// Connections that are read at once: four for each of the others, because a dead one is noticed late.
const CONNECTIONS_PER_PEER: usize = 4;
/// How long a connection may bring nothing. Reporters repeat themselves far more often.
const IDLE_MAX: Duration = Duration::from_secs(900);
/// How long a peer may take to accept a connection or a message.
const WRITE_MAX: Duration = Duration::from_secs(20);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);

/// One message for one peer, shared by the queues of all.
pub(super) type Frame = Arc<[u8]>;

/// The queues to the others, by their places; none to ourselves.
pub(super) struct Peers(Vec<Option<mpsc::Sender<Frame>>>);

impl Peers {
    /// Starts to connect to everybody but `me`.
    pub(super) fn connect(listens: &[String], me: usize) -> Self {
        let queue = |(at, listen): (usize, &String)| {
            (at != me).then(|| {
                let (sender, receiver) = mpsc::channel(QUEUE_MAX);
                tokio::spawn(write(listen.clone(), receiver));
                sender
            })
        };
        Self(listens.iter().enumerate().map(queue).collect())
    }

    /// Sends to one, or drops it when its queue is full.
    pub(super) fn send(&self, to: usize, message: Vec<u8>) {
        if let Some(Some(queue)) = self.0.get(to)
            && queue.try_send(message.into()).is_err()
        {
            tracing::debug!(to, "message dropped: the queue is full");
        }
    }

    /// Sends to all.
    pub(super) fn broadcast(&self, message: &Message) {
        let frame: Frame = message.write().into();
        for (to, queue) in self.0.iter().enumerate() {
            if let Some(queue) = queue
                && queue.try_send(Arc::clone(&frame)).is_err()
            {
                tracing::debug!(to, "message dropped: the queue is full");
            }
        }
    }
}

/// Connects, writes, and connects again, for as long as there is a queue.
async fn write(listen: String, mut queue: mpsc::Receiver<Frame>) {
    let mut retry = RETRY_FIRST;
    loop {
        let connected = timeout(WRITE_MAX, TcpStream::connect(&listen)).await;
        if let Ok(Ok(mut stream)) = connected {
            retry = RETRY_FIRST;
            if stream.set_nodelay(true).is_err() {
                tracing::debug!("cannot turn off nagle's algorithm");
            }
            match write_all(&mut stream, &mut queue).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%listen, %error, "peer lost"),
            }
        }
        tokio::time::sleep(retry).await;
        retry = RETRY_LAST.min(retry * 2);
        if queue.is_closed() {
            return;
        }
    }
}

/// Ends well when the queue does.
async fn write_all(stream: &mut TcpStream, queue: &mut mpsc::Receiver<Frame>) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        let len = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let written = timeout(WRITE_MAX, async {
            stream.write_all(&len.to_le_bytes()).await?;
            stream.write_all(&frame).await
        });
        written.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Accepts what others open, and hands on what they send.
pub(super) async fn listen(
    listener: TcpListener,
    reporters: usize,
    events: mpsc::Sender<Event>,
) -> Result<()> {
    let places = Arc::new(Semaphore::new(reporters * CONNECTIONS_PER_PEER));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.context("places")?;
        // A connection that is reset before it is accepted is the other side's affair.
        let Ok((stream, from)) = listener.accept().await else { continue };
        let events = events.clone();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = read_all(stream, &events).await {
                tracing::debug!(%from, %error, "connection ended");
            }
        });
    }
}

async fn read_all(mut stream: TcpStream, events: &mpsc::Sender<Event>) -> io::Result<()> {
    loop {
        let message = timeout(IDLE_MAX, read(&mut stream)).await.map_err(io::Error::other)??;
        if events.send(Event::Heard(message)).await.is_err() {
            return Ok(());
        }
    }
}

async fn read(stream: &mut TcpStream) -> io::Result<Message> {
    let len = stream.read_u32_le().await?;
    let limit = u32::try_from(MESSAGE_LEN_MAX).unwrap_or(u32::MAX);
    if limit < len {
        return Err(io::Error::other(format!("frame of {len} bytes, the limit is {limit}")));
    }
    let mut bytes = Vec::new();
    stream.take(len.into()).read_to_end(&mut bytes).await?;
    Message::read(&bytes)
}
