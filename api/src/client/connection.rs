//! The client's socket: one task that writes requests and hands out replies and notifications.

use std::sync::Arc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Calls, ClientError, Notification};

/// Messages that may wait to be read. A reader that is further behind has stopped reading.
pub const NOTIFICATIONS_MAX: usize = 65_536;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects and starts the task, which ends with the last handle or the connection.
pub(super) async fn start(
    url: &str,
    calls: Arc<Mutex<Calls>>,
    requests: mpsc::Receiver<String>,
) -> Result<mpsc::Receiver<Notification>, ClientError> {
    let refused = |reason: tokio_tungstenite::tungstenite::Error| ClientError::Connect {
        url: url.to_owned(),
        reason: reason.to_string(),
    };
    // Requests are small and somebody waits for each: no delay.
    let (socket, _) = connect_async_with_config(url, None, true).await.map_err(refused)?;
    let (sink, frames) = socket.split();
    let (notifications, messages) = mpsc::channel(NOTIFICATIONS_MAX);
    tokio::spawn(async move {
        let reason = tokio::select! {
            reason = read(frames, &calls, notifications) => reason,
            reason = write(sink, requests) => reason,
        };
        let mut calls = calls.lock();
        let waiting = std::mem::take(&mut calls.waiting);
        calls.ended = Some(reason.clone());
        drop(calls);
        for waiting in waiting.into_values() {
            // Whoever asked may no longer wait.
            drop(waiting.send(Err(ClientError::Closed { reason: reason.clone() })));
        }
    });
    Ok(messages)
}

/// Writes until the last handle is gone; what is queued is written first.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut requests: mpsc::Receiver<String>,
) -> String {
    while let Some(text) = requests.recv().await {
        let has_more = !requests.is_empty();
        let written = async {
            sink.feed(Message::Text(text.into())).await?;
            // One flush for all that waits.
            if has_more { Ok(()) } else { sink.flush().await }
        };
        if let Err(error) = written.await {
            return error.to_string();
        }
    }
    // The server may be gone first.
    drop(sink.close().await);
    "the client was closed".to_owned()
}

async fn read(
    mut frames: SplitStream<Socket>,
    calls: &Mutex<Calls>,
    notifications: mpsc::Sender<Notification>,
) -> String {
    loop {
        let text = match frames.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                return frame.map_or_else(
                    || "the server has closed it".to_owned(),
                    |frame| format!("{} {}", u16::from(frame.code), frame.reason),
                );
            }
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => continue,
            Some(Err(error)) => return error.to_string(),
            None => return "the server is gone".to_owned(),
        };
        match serde_json::from_str(&text) {
            Ok(Incoming::Notification { params }) => {
                let Params { channel, seq, user_seq, missed_from, epoch, data } = params;
                let data = data.to_owned();
                let message = Notification { channel, seq, user_seq, missed_from, epoch, data };
                if let Err(mpsc::error::TrySendError::Full(_)) = notifications.try_send(message) {
                    return format!("{NOTIFICATIONS_MAX} notifications were not read");
                }
            }
            Ok(Incoming::Reply { id, result, error }) => reply(calls, id, (result, error)),
            Err(error) => return format!("the server sends what is not JSON-RPC: {error}"),
        }
    }
}

fn reply(calls: &Mutex<Calls>, id: Option<u64>, reply: (Option<Box<RawValue>>, Option<RpcError>)) {
    let Some(waiting) = id.and_then(|id| calls.lock().waiting.remove(&id)) else {
        // Its caller has given up, or the server could not read an id.
        return;
    };
    let outcome = match reply {
        (_, Some(RpcError { code, message, data })) => {
            Err(ClientError::Rpc { code, message, data })
        }
        (Some(result), None) => Ok(result),
        (None, None) => Ok(RawValue::NULL.to_owned()),
    };
    // Whoever asked may no longer wait.
    drop(waiting.send(outcome));
}

#[derive(Deserialize)]
struct Params<'a> {
    channel: String,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    user_seq: Option<u64>,
    #[serde(default)]
    missed_from: Option<u64>,
    #[serde(default)]
    epoch: Option<u64>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
    #[serde(default)]
    data: Value,
}

/// What comes from a server. Its fields, because exact numbers do not survive an untagged enum.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    params: Option<Params<'a>>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
}

enum Incoming<'a> {
    Notification { params: Params<'a> },
    Reply { id: Option<u64>, result: Option<Box<RawValue>>, error: Option<RpcError> },
}

impl<'de: 'a, 'a> Deserialize<'de> for Incoming<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Frame { params, id, result, error } = Frame::deserialize(deserializer)?;
        Ok(match params {
            Some(params) => Self::Notification { params },
            None => Self::Reply { id, result, error },
        })
    }
}

/// Reads a frame and forgets it.
#[cfg(test)]
pub(crate) fn read_frame(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<Incoming<'_>>(text).map(drop)
}
