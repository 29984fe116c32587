//! The server: routes, and how it ends.
//!
//! Shutting down, it takes no new connections, lets every session answer what is under way, ends it with close code 1001, and waits for
//! them a while.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::Origin;
use crate::channels;
use crate::connections::{Connection, Connections, Phase};
use crate::gateway::Gateway;
use crate::health;
use crate::http;
use crate::keys_watch;
use crate::limits::{HEADER_LEN_MAX, HEADERS_MAX, Network};
use crate::peer::Peer;
use crate::session;
use crate::socket;
use crate::specs;
use crate::venue::Venue;
use crate::wire::{ErrorCode, WireError};

/// How long sessions may take to end when the server does.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// How long channels have to tell that the venue is draining.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often blobs are looked at that nobody needs any more.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Bytes of a request that are read ahead.
const READ_AHEAD: usize = 65_536;

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
    let limits = *venue.limits();
    let sweeping = sweep_now_and_then(venue.clone());
    let watching = keys_watch::run(venue.clone());
    let draining = venue.clone();
    let gateway = Arc::new(Gateway::new(venue));
    // Ends with the server, whichever way that ends.
    let mut channels = JoinSet::new();
    channels.spawn(channels::Work::new(Arc::clone(&gateway)).run());
    let shared = Shared { gateway: Arc::clone(&gateway), shutdown: stopped.clone() };
    let routes = Router::new()
        .route("/health", get(health))
        .route("/api/v2/openapi.json", get(|| document(specs::openapi())))
        .route("/api/v2/asyncapi.json", get(|| document(specs::asyncapi())))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/ws/api/v2", any(upgrade))
        .route("/ws/api/v2/", any(upgrade))
        .route("/api/v2/blobs/{hash}", any(http::handle_blob))
        .fallback(http::handle)
        .with_state(shared);
    listener.local_addr()?;
    let (mut connections, open) = Connections::new(listener, limits);
    let accepting = async {
        loop {
            let (connection, address) = connections.accept().await;
            tokio::spawn(answer(connection, address, routes.clone(), stopped.clone()));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = sweeping => {}
        () = watching => {}
        // Whoever listens is told before its session ends.
        () = async {
            shutdown.await;
            draining.begin_drain().await;
            tokio::time::sleep(LAST_WORDS).await;
        } => {}
    }
    // From here on nobody can connect.
    drop(connections);
    stop.send_replace(true);
    // Each connection holds its place until it is closed.
    drop(tokio::time::timeout(SHUTDOWN_WAIT, open.all_closed()).await);
    let (breaches, bans) = gateway.meters.counts();
    tracing::info!(breaches, bans, "server ended");
    Ok(())
}

/// Answers the requests of one connection, one after another.
async fn answer(
    connection: Connection,
    address: SocketAddr,
    routes: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let phase = connection.phase();
    let routes = TowerToHyperService::new(routes);
    let peer = ConnectInfo(Peer(address.ip().to_canonical()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        phase.set(Phase::Answering);
        request.extensions_mut().insert(peer);
        let (phase, answer) = (phase.clone(), routes.call(request));
        async move {
            let answer = answer.await;
            let is_session = answer
                .as_ref()
                .is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS);
            phase.set(if is_session { Phase::Session } else { Phase::Awaiting });
            answer
        }
    });
    let serving = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(HEADER_LEN_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(READ_AHEAD)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    tokio::select! {
        served = serving.as_mut() => return note(served),
        () = is_down(&mut stopped) => serving.as_mut().graceful_shutdown(),
    }
    note(serving.await);
}

fn note(served: Result<(), hyper::Error>) {
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// Returns when the server shuts down, or is gone.
async fn is_down(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|is_down| *is_down).await);
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

/// A description of the interface, for programs on any site.
async fn document(text: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, text).into_response()
}

/// Opens a WebSocket session.
async fn upgrade(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
) -> Result<Response, Infallible> {
    let Shared { gateway, shutdown } = shared;
    let received_at = gateway.venue.now();
    let trusted = &gateway.venue.auth_options().trusted_proxies;
    let address = peer.origin(request.headers(), trusted);
    let refused = |status: StatusCode, error: WireError| {
        let text = gateway.reply(None, &Err(error), received_at);
        Ok((status, [(header::CONTENT_TYPE, "application/json")], text).into_response())
    };
    if let Err(breach) = gateway.admit(Network::of(address)) {
        return refused(StatusCode::TOO_MANY_REQUESTS, gateway.refuse(&breach));
    }
    let within = gateway.venue.limits().body_within;
    let (response, opening) = match socket::accept(&mut request, within) {
        Ok(accepted) => accepted,
        Err(reason) => {
            let error = WireError::new(ErrorCode::InvalidRequest, reason);
            return refused(StatusCode::BAD_REQUEST, error);
        }
    };
    let connection = Some(gateway.authority.next_connection());
    let origin = Origin { address, connection };
    tokio::spawn(async move {
        if let Some(socket) = opening.await {
            session::run(gateway, socket, (shutdown, origin)).await;
        }
    });
    Ok(response.map(Body::new))
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
