//! The server: routes, and how it ends.
//!
//! Shutting down, it takes no new connections, ends every session with close code 1001, and waits for them a while.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::channels;
use crate::auth::Origin;
use crate::connections::Connections;
use crate::gateway::Gateway;
use crate::health;
use crate::http;
use crate::keys_watch;
use crate::peer::Peer;
use crate::session::{self, FRAME_LEN_READ_MAX};
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
    let watching = keys_watch::run(venue.clone());
    let draining = venue.clone();
    let gateway = Arc::new(Gateway::new(venue));
    // Ends with the server, whichever way that ends.
    let mut channels = JoinSet::new();
    channels.spawn(channels::Work::new(Arc::clone(&gateway)).run());
    let shared = Shared { gateway, shutdown: stopped.clone() };
    let routes = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/ws/api/v2", any(upgrade))
        .route("/ws/api/v2/", any(upgrade))
        .route("/api/v2/blobs/{hash}", any(http::handle_blob))
        .fallback(http::handle)
        .with_state(shared);
    let (connections, open) = Connections::new(listener);
    let routes = routes.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(connections, routes).with_graceful_shutdown(async move {
        shutdown.await;
        // Whoever listens is told before its session ends.
        draining.begin_drain().await;
        stop.send_replace(true);
    });
    tokio::select! {
        served = serving => served?,
        () = waited_long_enough(stopped) => {}
        () = sweeping => {}
        () = watching => {}
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
async fn upgrade(
    (State(shared), ConnectInfo(peer)): (State<Shared>, ConnectInfo<Peer>),
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let trusted = &shared.gateway.venue.auth_options().trusted_proxies;
    let address = peer.origin(&headers, trusted);
    let connection = Some(shared.gateway.authority.next_connection());
    let origin = Origin { address, connection };
    upgrade
        .max_message_size(FRAME_LEN_READ_MAX)
        .max_frame_size(FRAME_LEN_READ_MAX)
        .on_upgrade(move |socket| session::run(shared.gateway, socket, (shared.shutdown, origin)))
}

async fn health(State(shared): State<Shared>) -> Response {
    health::health(&shared.gateway.venue)
}

async fn ready(State(shared): State<Shared>) -> Response {
    health::ready(&shared.gateway.venue)
}

/// Only where the operators want it so.
async fn metrics(State(shared): State<Shared>) -> Response {
    let venue = &shared.gateway.venue;
    if venue.operations().watch.public_metrics {
        return health::metrics(venue);
    }
    StatusCode::NOT_FOUND.into_response()
}
