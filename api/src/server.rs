//! The server: routes, and how it ends.
//!
//! Shutting down, it takes no new connections, ends every session with close code 1001, and waits for them a while.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connections::Connections;
use crate::gateway::Gateway;
use crate::http;
use crate::session::{self, FRAME_LEN_READ_MAX};
use crate::specs;
use crate::venue::Venue;

/// How long sessions may take to end when the server does.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// How often blobs are looked at that nobody needs any more.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Why the server has stopped by itself.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket it listens on has failed.
    #[error("cannot accept connections: {0}")]
    Listen(#[from] std::io::Error),
}

/// What every route shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) gateway: Arc<Gateway>,
    shutdown: watch::Receiver<bool>,
}

/// Serves the venue on a listening socket until `shutdown` completes.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    venue: Venue,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (stop, stopped) = watch::channel(false);
    let sweeping = sweep_now_and_then(venue.clone());
    let shared = Shared { gateway: Arc::new(Gateway::new(venue)), shutdown: stopped.clone() };
    let routes = Router::new()
        .route("/health", get(health))
        .route("/api/v2/openapi.json", get(|| document(specs::openapi())))
        .route("/api/v2/asyncapi.json", get(|| document(specs::asyncapi())))
        .route("/ws/api/v2", any(upgrade))
        .route("/ws/api/v2/", any(upgrade))
        .route("/api/v2/blobs/{hash}", any(http::handle_blob))
        .fallback(http::handle)
        .with_state(shared);
    let (connections, open) = Connections::new(listener);
    let serving = axum::serve(connections, routes).with_graceful_shutdown(async move {
        shutdown.await;
        stop.send_replace(true);
    });
    tokio::select! {
        served = serving => served?,
        () = waited_long_enough(stopped) => {}
        () = sweeping => {}
    }
    // Sockets that were upgraded have left the server's hands; each holds its place until it is closed.
    drop(tokio::time::timeout(SHUTDOWN_WAIT, open.all_closed()).await);
    Ok(())
}

/// Never ends.
async fn sweep_now_and_then(venue: Venue) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let venue = venue.clone();
        let swept = tokio::task::spawn_blocking(move || venue.sweep_blobs()).await;
        if swept.is_err() {
            tracing::error!("blobs were not swept");
        }
    }
}

async fn waited_long_enough(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which it is only after it has spoken.
    drop(stopped.wait_for(|is_down| *is_down).await.map(drop));
    tokio::time::sleep(SHUTDOWN_WAIT).await;
}

/// Opens a WebSocket session.
async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(FRAME_LEN_READ_MAX)
        .max_frame_size(FRAME_LEN_READ_MAX)
        .on_upgrade(|socket| session::run(shared.gateway, socket, shared.shutdown))
}

/// A description of the interface, for programs on any site.
async fn document(text: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, text).into_response()
}

#[derive(serde::Serialize)]
struct Health {
    status: &'static str,
    seq: u64,
    testnet: bool,
}

/// For whoever watches the process.
async fn health(State(shared): State<Shared>) -> Response {
    let gateway = &shared.gateway;
    let (status, word) = if gateway.venue.has_failed() {
        (StatusCode::SERVICE_UNAVAILABLE, "failed")
    } else {
        (StatusCode::OK, "ok")
    };
    let seq = gateway.venue.exchange().last_seq().0;
    (status, Json(Health { status: word, seq, testnet: gateway.testnet })).into_response()
}
