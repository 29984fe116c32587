//! The Rust client: one WebSocket, requests by method name, channels as a stream.
//!
//! Invariants:
//! - a reply belongs to exactly the call that asked, whatever the order in which replies come;
//! - a call ends: with a reply, a timeout, or the end of the connection. After [`ClientError::Timeout`] or [`ClientError::Closed`] an order
//!   may have been placed or not; its label tells.
//!
//! A [`Client`] is one connection, and ends with it. A [`Session`] comes back: it connects, logs in and subscribes again, reads what it
//! has missed, and finds out what became of each of its orders. `docs/api-client-rust.md` has a program of each.

#![doc = include_str!("../../docs/api-client-rust.md")]

mod backoff;
mod blobs;
mod book;
mod connection;
mod orders;
mod requests;
mod session;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use backoff::Backoff;
pub use blobs::Blobs;
pub use book::{BookFault, LocalBook};
pub use connection::NOTIFICATIONS_MAX;
#[cfg(test)]
pub(crate) use connection::read_frame;
pub use orders::{ENDED_ORDERS_MAX, OrderStatus, TrackedOrder};
pub use requests::{Edit, NewOrder};
pub use session::{Session, SessionCounts, SessionOptions, UPDATES_MAX, Update};

/// How long a call waits when nothing else is said.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that may wait to be written.
const OUTBOUND_MAX: usize = 256;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ClientError {
    /// The server cannot be reached.
    #[error("cannot connect to {url}: {reason}")]
    Connect {
        /// Where.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The venue has refused.
    #[error("{message} ({code}): {data}")]
    Rpc {
        /// Deribit's code.
        code: i64,
        /// Deribit's name of it.
        message: String,
        /// Reason, field, rule, limit.
        data: Value,
    },
    /// The connection has ended. What was asked may have happened.
    #[error("the connection has ended: {reason}")]
    Closed {
        /// What the server or the network said.
        reason: String,
    },
    /// No reply came in time. What was asked may have happened.
    #[error("no reply to {method} within {} ms", .after.as_millis())]
    Timeout {
        /// What was asked.
        method: String,
        /// How long was waited.
        after: Duration,
    },
    /// The reply is not what the method gives.
    #[error("unexpected reply to {method}: {reason}")]
    Unexpected {
        /// What was asked.
        method: String,
        /// What does not fit.
        reason: String,
    },
}

impl ClientError {
    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Rpc { code, .. } => Some(*code),
            Self::Connect { .. }
            | Self::Closed { .. }
            | Self::Timeout { .. }
            | Self::Unexpected { .. } => None,
        }
    }
}

/// A message of a channel.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Which channel.
    pub channel: String,
    /// Its number in the channel, from 1 and gapless.
    pub seq: Option<u64>,
    /// The number of the newest execution report in it.
    pub user_seq: Option<u64>,
    /// Of a snapshot in place of messages that were left out: the first of them.
    pub missed_from: Option<u64>,
    /// Of a snapshot: when the channel's numbering began.
    pub epoch: Option<u64>,
    /// What it says, as it was sent: numbers are still exact.
    pub data: Box<RawValue>,
}

impl Notification {
    /// The message as a type of [`crate::wire`].
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(self.data.get()).map_err(|error| ClientError::Unexpected {
            method: self.channel.clone(),
            reason: error.to_string(),
        })
    }
}

/// The messages of a client's channels, in order.
#[derive(Debug)]
pub struct Notifications(mpsc::Receiver<Notification>);

impl Notifications {
    /// The next message; `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<Notification> {
        self.0.recv().await
    }

    /// The next message of one channel; messages of others are skipped.
    pub async fn next_of(&mut self, channel: &str) -> Option<Notification> {
        loop {
            let notification = self.next().await?;
            if notification.channel == channel {
                return Some(notification);
            }
        }
    }
}

/// Whether a channel is an account's own.
fn is_private(channel: &str) -> bool {
    channel.starts_with("user.") || channel.starts_with("verifier.")
}

type Waiting = oneshot::Sender<Result<Box<RawValue>, ClientError>>;

/// What the handles and the connection share.
#[derive(Default)]
struct Calls {
    waiting: BTreeMap<u64, Waiting>,
    /// Why the connection has ended, once it has.
    ended: Option<String>,
}

/// A connection to a venue. Cheap to clone; it closes with its last handle.
#[derive(Clone)]
pub struct Client {
    calls: Arc<Mutex<Calls>>,
    outbound: mpsc::Sender<String>,
    next_id: Arc<AtomicU64>,
    timeout: Duration,
}

impl Client {
    /// Connects to `ws://HOST:PORT/ws/api/v2`. The notifications must be read or dropped: a client that lets too many wait is
    /// disconnected.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    pub async fn connect(url: &str) -> Result<(Self, Notifications), ClientError> {
        let (outbound, requests) = mpsc::channel(OUTBOUND_MAX);
        let calls = Arc::new(Mutex::new(Calls::default()));
        let notifications = connection::start(url, Arc::clone(&calls), requests).await?;
        let client =
            Self { calls, outbound, next_id: Arc::new(AtomicU64::new(1)), timeout: CALL_TIMEOUT };
        Ok((client, Notifications(notifications)))
    }

    /// This connection, waiting otherwise long for replies.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.calls.lock().ended.is_some()
    }

    /// Asks, and waits for the reply. Numbers in it have been through a float; [`Client::call_raw`] keeps them exact.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, ClientError> {
        self.call_as(method, &params.to_string()).await
    }

    /// Asks with JSON text and reads the reply as a type, exactly.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call_as<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &str,
    ) -> Result<T, ClientError> {
        let raw = self.call_raw(method, params).await?;
        serde_json::from_str(raw.get()).map_err(|error| ClientError::Unexpected {
            method: method.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Asks with JSON text and gives the reply's text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call_raw(&self, method: &str, params: &str) -> Result<Box<RawValue>, ClientError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (waiting, reply) = oneshot::channel();
        {
            let mut calls = self.calls.lock();
            if let Some(reason) = &calls.ended {
                return Err(ClientError::Closed { reason: reason.clone() });
            }
            calls.waiting.insert(id, waiting);
        }
        let forget = Forget { calls: &self.calls, id };
        let name = Value::from(method);
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{name},"params":{params}}}"#);
        let asked = async {
            let closed = || self.closed();
            self.outbound.send(text).await.map_err(|_gone| closed())?;
            reply.await.unwrap_or_else(|_gone| Err(closed()))
        };
        let timed_out =
            |_elapsed| ClientError::Timeout { method: method.to_owned(), after: self.timeout };
        let replied = tokio::time::timeout(self.timeout, asked).await.map_err(timed_out);
        drop(forget);
        replied?
    }

    fn closed(&self) -> ClientError {
        let reason = self.calls.lock().ended.clone();
        ClientError::Closed { reason: reason.unwrap_or_else(|| "unknown".to_owned()) }
    }
}

/// Forgets a call that is no longer waited for, also when it is cancelled.
struct Forget<'a> {
    calls: &'a Mutex<Calls>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.calls.lock().waiting.remove(&self.id);
    }
}
