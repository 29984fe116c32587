//! A role at the exchange: who it is, how it logs in, and what it does when the connection ends.
//!
//! ```text
//! connect -> log in -> subscribe -> work until the connection ends -> wait -> connect ..
//! ```
//!
//! Invariants:
//! - a first connection that fails, and a login that is refused, end the role with an error; any later
//!   end of the connection is waited out;
//! - a secret is sent to the exchange and shown to nobody.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;

use api::client::{Backoff, Client, ClientError, Notification, Notifications};
use api::wire::ErrorCode;
use serde::de::DeserializeOwned;

use crate::device::{DeviceError, DeviceKind, Path};
use crate::io::sign::SignError;
use crate::worker::WorkerError;

/// How often a busy exchange is asked again. With doubling waits from 100 ms that is six seconds.
const ATTEMPTS: u32 = 7;

/// A provider's agent or a verifier, as the command line describes it.
#[derive(Clone)]
pub struct Role {
    /// `ws://HOST:PORT/ws/api/v2`.
    pub url: String,
    /// The account's credential.
    pub client_id: String,
    /// Its other half.
    pub client_secret: String,
    /// Where the key lies that signs receipts; made when absent. A verifier signs nothing yet.
    pub key: PathBuf,
    /// What an agent computes on. A verifier needs a CPU only.
    pub device: DeviceKind,
    /// How that device reads operands.
    pub path: Path,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, client_id, key, device, .. } = self;
        write!(f, "Role({client_id} at {url}, key {}, on {})", key.display(), device.name())
    }
}

/// Why a role ends.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] SignError),
    /// The device that was asked for is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The worker process for a device that has no stand-in did not come up.
    #[error("no worker on device {}: {source}", .device.name())]
    Worker {
        /// What was asked for.
        device: DeviceKind,
        /// What happened instead.
        source: WorkerError,
    },
    /// Jobs cannot be run here.
    #[error("no jobs: {reason}")]
    Jobs {
        /// Why.
        reason: String,
    },
    /// The exchange cannot be reached, or not any more.
    #[error(transparent)]
    Unreachable(ClientError),
    /// The exchange does not let it in.
    #[error("{step} was refused: {source}")]
    Refused {
        /// What the role wanted.
        step: &'static str,
        /// What the exchange said.
        source: ClientError,
    },
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The connection is of no more use; what was asked may have happened.
    Lost(ClientError),
    /// The exchange has said no.
    Refused(ClientError),
}

impl CallError {
    /// What it means for a role that cannot go on without an answer.
    pub(crate) fn during(self, step: &'static str) -> RoleError {
        match self {
            Self::Lost(source) => RoleError::Unreachable(source),
            Self::Refused(source) => RoleError::Refused { step, source },
        }
    }
}

/// What a role does over one connection after another.
pub(crate) trait Work {
    /// Works until the connection ends, or something that a new one would not mend.
    async fn over(&mut self, line: &mut Line) -> Result<Infallible, RoleError>;
}

/// Works for as long as the exchange lets the role in.
pub(crate) async fn keep_working(role: &Role, work: &mut impl Work) -> Result<(), RoleError> {
    let mut line = Line::open(role).await.map_err(|error| error.during("login"))?;
    let mut backoff = Backoff::default();
    loop {
        let ended = match work.over(&mut line).await {
            Err(RoleError::Unreachable(reason)) => reason,
            Err(other) => return Err(other),
        };
        tracing::warn!(reason = %ended, "connection ended");
        if line.has_brought_news {
            backoff.reset();
        }
        line = reopen(role, &mut backoff).await?;
    }
}

async fn reopen(role: &Role, backoff: &mut Backoff) -> Result<Line, RoleError> {
    loop {
        tokio::time::sleep(backoff.next_wait()).await;
        match Line::open(role).await {
            Ok(line) => {
                tracing::info!("connected again");
                return Ok(line);
            }
            Err(CallError::Lost(reason)) => tracing::debug!(%reason, "not connected yet"),
            Err(refused @ CallError::Refused(_)) => return Err(refused.during("login")),
        }
    }
}

/// Whether an error of the exchange is of that kind.
pub(crate) fn is(error: &ClientError, code: ErrorCode) -> bool {
    error.code() == Some(code.code())
}

/// The rule of the rule book that a refusal names.
pub(crate) fn rule_of(error: &ClientError) -> Option<&str> {
    match error {
        ClientError::Rpc { data, .. } => data.get("rule")?.as_str(),
        ClientError::Connect { .. }
        | ClientError::Closed { .. }
        | ClientError::Timeout { .. }
        | ClientError::Unexpected { .. } => None,
    }
}

/// A connection that is logged in.
pub(crate) struct Line {
    client: Client,
    notifications: Notifications,
    role: Role,
    /// Told apart from a connection that ends before it was of any use.
    has_brought_news: bool,
}

impl Line {
    /// Connects and logs in.
    pub(crate) async fn open(role: &Role) -> Result<Self, CallError> {
        let (client, notifications) = Client::connect(&role.url).await.map_err(CallError::Lost)?;
        let role = role.clone();
        let line = Self { client, notifications, role, has_brought_news: false };
        line.log_in().await?;
        Ok(line)
    }

    async fn log_in(&self) -> Result<(), CallError> {
        let Role { client_id, client_secret, .. } = &self.role;
        self.client.auth(client_id, client_secret).await.map_err(sorted)
    }

    /// The next message of a channel.
    pub(crate) async fn next(&mut self) -> Result<Notification, CallError> {
        let gone = || ClientError::Closed { reason: "no more messages".to_owned() };
        let next = self.notifications.next().await.ok_or_else(|| CallError::Lost(gone()))?;
        self.has_brought_news = true;
        Ok(next)
    }

    /// Asks with JSON text. An exchange that is busy is asked again, a login that has expired renewed.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &str,
    ) -> Result<T, CallError> {
        let mut backoff = Backoff::default();
        for _ in 1..ATTEMPTS {
            match self.client.call_as(method, params).await {
                Err(error) if is(&error, ErrorCode::QueueFull) => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                Err(error) if is(&error, ErrorCode::Unauthorized) => self.log_in().await?,
                outcome => return outcome.map_err(sorted),
            }
        }
        self.client.call_as(method, params).await.map_err(sorted)
    }

    /// Subscribes to one channel.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<(), CallError> {
        let params = serde_json::json!({ "channels": [channel] }).to_string();
        self.call::<Vec<String>>("private/subscribe", &params).await.map(drop)
    }
}

/// A refusal that asking again later would not change, or anything else.
fn sorted(error: ClientError) -> CallError {
    let passing = [ErrorCode::QueueFull, ErrorCode::Maintenance, ErrorCode::TooManyRequests];
    if error.code().is_none() || passing.into_iter().any(|code| is(&error, code)) {
        CallError::Lost(error)
    } else {
        CallError::Refused(error)
    }
}
