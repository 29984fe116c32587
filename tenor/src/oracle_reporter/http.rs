//! What providers and readers ask a reporter, over HTTP.
//!
//! ```text
//! POST /observations     269 bytes in hexadecimal: one signed statement
//! POST /equivocations    a proof as JSON
//! GET  /reports          the last report of every grade
//! GET  /status           how far it is, and who signs something else
//! ```
//!
//! Every connection lives for at most half a minute, and there are at most 128.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use oracle::io::reporter::{Message, Offered};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Sleep;

use super::{Event, json as read};

/// Connections that are served at once.
const CONNECTIONS_MAX: usize = 128;
/// How long one may live: an exchange is a few kilobytes.
const LIFE_MAX: Duration = Duration::from_secs(30);
/// A proof as JSON has 1,400 bytes.
const BODY_LEN_MAX: usize = 4_096;

/// What readers see.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) status: Value,
    /// By grade.
    pub(super) reports: BTreeMap<String, Arc<Value>>,
}

/// What every route shares.
#[derive(Clone)]
struct Shared {
    events: mpsc::Sender<Event>,
    view: watch::Receiver<View>,
}

/// Serves until the socket fails.
pub(super) async fn serve(
    listener: TcpListener,
    events: mpsc::Sender<Event>,
    view: watch::Receiver<View>,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/observations", post(observe))
        .route("/equivocations", post(accuse))
        .route("/reports", get(reports))
        .route("/status", get(status))
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .with_state(Shared { events, view });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    axum::serve(Connections { listener, places }, routes).await
}

fn answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn refuse(status: StatusCode, why: &str) -> Response {
    answer(status, &json!({ "taken": false, "error": why }))
}

async fn observe(State(shared): State<Shared>, body: Bytes) -> Response {
    let text = str::from_utf8(&body).unwrap_or_default();
    let signed = match read::statement(text) {
        Ok(signed) => signed,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    };
    let (reply, replied) = oneshot::channel();
    if shared.events.try_send(Event::Offered(signed, reply)).is_err() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the reporter is busy, try again");
    }
    match replied.await {
        Ok(Ok(Offered::Taken)) => answer(StatusCode::ACCEPTED, &json!({ "taken": true })),
        Ok(Ok(Offered::Repeated)) => {
            answer(StatusCode::OK, &json!({ "taken": true, "repeated": true }))
        }
        Ok(Err(refusal)) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &refusal.to_string()),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "the reporter is ending"),
    }
}

async fn accuse(State(shared): State<Shared>, body: Bytes) -> Response {
    let text = str::from_utf8(&body).unwrap_or_default();
    let (proof, domain) = match read::read_proof(text) {
        Ok(read) => read,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    };
    if let Err(error) = proof.verify(&domain) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string());
    }
    if shared.events.try_send(Event::Heard(Message::Proof(Box::new(proof)))).is_err() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the reporter is busy, try again");
    }
    answer(StatusCode::ACCEPTED, &json!({ "taken": true }))
}

async fn reports(State(shared): State<Shared>) -> Response {
    let reports = shared.view.borrow().reports.clone();
    let reports: BTreeMap<&String, &Value> =
        reports.iter().map(|(grade, report)| (grade, report.as_ref())).collect();
    answer(StatusCode::OK, &json!(reports))
}

async fn status(State(shared): State<Shared>) -> Response {
    let status = shared.view.borrow().status.clone();
    answer(StatusCode::OK, &status)
}

/// Accepts as many as there are places; others wait in the system's queue.
struct Connections {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

/// A socket with its place and its end.
struct Connection {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl axum::serve::Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        let end = Box::pin(tokio::time::sleep(LIFE_MAX));
        (Connection { stream, end, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
