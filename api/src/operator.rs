//! The operators' door: a listener of its own, a Unix socket in the venue's directory or a loopback address with tokens.
//!
//! Nothing here can be reached through the public listener, and nothing of the public listener through here. Every action is audited with
//! who asked for it and what came of it.

mod action;
mod who;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::json;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::health;
use crate::raise;
use crate::venue::{DirectoryError, INBOX_MAX, Venue};

pub use action::Action;
use who::{Actor, TwoPersons, Who};
pub use who::{OPERATORS_MAX, OperatorsError, add_operator};

/// The socket's name in the venue's directory.
pub const SOCKET: &str = "operator.sock";
/// Bytes of a request's body: a list of reference prices fits many times.
const BODY_LEN_MAX: usize = 65_536;

/// Why the operators' listener does not start.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// The socket cannot be made.
    #[error("cannot listen on {at}: {source}")]
    Listen {
        /// Where.
        at: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anybody who can reach the address could steer the venue.
    #[error("{address} is not a loopback address: operators are reached through a tunnel")]
    NotLoopback {
        /// Which.
        address: SocketAddr,
    },
    /// The operators' tokens cannot be used.
    #[error(transparent)]
    Operators(#[from] OperatorsError),
    /// The two-person rule needs two.
    #[error("--two-person needs two operators, {found} known; see `tenor admin add-operator`")]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// A socket on a port has no owner who could be asked for.
    #[error("--operator-listen needs an operator's token; see `tenor admin add-operator`")]
    NoToken,
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Changes what is logged; says why not.
pub type SetLog = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// How operators reach a venue.
#[derive(Clone)]
pub struct OperatorOptions {
    /// The venue's directory, where the socket and the tokens are.
    pub data_dir: PathBuf,
    /// A loopback address besides the socket, where every action needs a token.
    pub listen: Option<SocketAddr>,
    /// Whether what lets more through needs two operators.
    pub two_person: bool,
    /// Changes what is logged.
    pub set_log: Option<SetLog>,
}

struct Desk {
    venue: Venue,
    who: Who,
    two_persons: Option<TwoPersons>,
    set_log: Option<SetLog>,
}

/// The listeners, bound but not served yet.
pub struct OperatorListener {
    socket: UnixListener,
    socket_path: PathBuf,
    port: Option<TcpListener>,
    options: OperatorOptions,
    who: Who,
}

impl OperatorListener {
    /// Takes the socket, and the port if there is one. The caller has the directory's lock: a socket that lies there is a dead one.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn bind(options: OperatorOptions) -> Result<Self, OperatorError> {
        let who = Who::load(&options.data_dir)?;
        if options.two_person && who.count() < 2 {
            return Err(OperatorError::TooFew { found: who.count() });
        }
        let socket_path = options.data_dir.join(SOCKET);
        let socket = bind_socket(&socket_path).map_err(|source| OperatorError::Listen {
            at: socket_path.display().to_string(),
            source,
        })?;
        let port = match options.listen {
            Some(address) if !address.ip().is_loopback() => {
                return Err(OperatorError::NotLoopback { address });
            }
            Some(_) if who.count() == 0 => return Err(OperatorError::NoToken),
            Some(address) => {
                let listener = TcpListener::bind(address).await;
                let failed = |source| OperatorError::Listen { at: address.to_string(), source };
                Some(listener.map_err(failed)?)
            }
            None => None,
        };
        Ok(Self { socket, socket_path, port, options, who })
    }

    /// Where the port is, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.port.as_ref().and_then(|port| port.local_addr().ok())
    }

    /// Serves until `shutdown` completes.
    ///
    /// # Errors
    /// When a socket fails.
    pub async fn serve(
        self,
        venue: Venue,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let two_persons = self.options.two_person.then(TwoPersons::default);
        let set_log = self.options.set_log.clone();
        let desk = Arc::new(Desk { venue, who: self.who, two_persons, set_log });
        let local = routes(Arc::clone(&desk), Reached::Socket);
        let (stop, stopped) = tokio::sync::watch::channel(());
        let until = |mut stopped: tokio::sync::watch::Receiver<()>| async move {
            drop(stopped.changed().await);
        };
        let socket = axum::serve(self.socket, local).with_graceful_shutdown(until(stopped.clone()));
        let port = async {
            match self.port {
                Some(port) => {
                    let routes = routes(desk, Reached::Port);
                    axum::serve(port, routes).with_graceful_shutdown(until(stopped)).await
                }
                None => Ok(()),
            }
        };
        let stopping = async {
            shutdown.await;
            drop(stop);
            Ok(())
        };
        let served = tokio::try_join!(async { socket.await }, port, stopping).map(drop);
        // A socket that nobody serves would only make the next client wait.
        drop(std::fs::remove_file(&self.socket_path));
        served
    }
}

fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The directory is its owner's alone, so nobody comes between the two lines.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Through the socket: by whoever owns the directory.
    Socket,
    /// Through the port: by anybody on this machine.
    Port,
}

#[derive(Clone)]
struct Shared {
    desk: Arc<Desk>,
    reached: Reached,
}

fn routes(desk: Arc<Desk>, reached: Reached) -> Router {
    Router::new()
        .route(
            "/health",
            get(|State(it): State<Shared>| async move { health::health(&it.desk.venue) }),
        )
        .route(
            "/ready",
            get(|State(it): State<Shared>| async move { health::ready(&it.desk.venue) }),
        )
        .route(
            "/metrics",
            get(|State(it): State<Shared>| async move { health::metrics(&it.desk.venue) }),
        )
        .route("/status", get(status))
        .route("/queues", get(queues))
        .route("/sessions", get(sessions))
        .route("/series", get(series))
        .route("/do", post(act))
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .with_state(Shared { desk, reached })
}

/// A refusal of this listener.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl Shared {
    fn actor(&self, headers: &HeaderMap) -> Result<Actor, Refusal> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let denied = |reason: &str| Refusal(StatusCode::UNAUTHORIZED, reason.to_owned());
        match (token, self.reached) {
            (Some(token), _) => {
                self.desk.who.named(token).ok_or_else(|| denied("no operator has this token"))
            }
            (None, Reached::Socket) => Ok(Actor::Owner),
            (None, Reached::Port) => Err(denied("an operator's token is needed")),
        }
    }
}

async fn status(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    shared.actor(&headers)?;
    let venue = &shared.desk.venue;
    let killed: Vec<String> = {
        let exchange = venue.exchange();
        let killed = exchange.controls().killed.iter();
        killed.filter_map(|id| exchange.account(*id).map(|account| account.name.clone())).collect()
    };
    let seq = venue.exchange().last_seq().0;
    let answer = json!({ "status": raise::status(venue), "seq": seq, "killed": killed });
    Ok(Json(answer).into_response())
}

async fn queues(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    shared.actor(&headers)?;
    let venue = &shared.desk.venue;
    let sessions = venue.operations().sessions();
    let deepest = sessions.iter().map(|session| session.waiting).max().unwrap_or(0);
    Ok(Json(json!({
        "inbox": { "waiting": venue.waiting(), "limit": INBOX_MAX },
        "history": { "behind": venue.operations().metrics.history_lag(venue) },
        "sessions": {
            "open": sessions.len(),
            "deepest": deepest,
            "limit": crate::session::OUTBOUND_MAX,
        },
    }))
    .into_response())
}

async fn sessions(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    shared.actor(&headers)?;
    let venue = &shared.desk.venue;
    let open = venue.operations().sessions();
    let exchange = venue.exchange();
    let rows: Vec<_> = open
        .iter()
        .map(|session| {
            let account = session.account.and_then(|id| exchange.account(id));
            json!({
                "session": session.session,
                "since": session.since.millis(),
                "account": account.map(|account| account.name.clone()),
                "subscriptions": session.subscriptions,
                "waiting": session.waiting,
            })
        })
        .collect();
    Ok(Json(json!({ "sessions": rows })).into_response())
}

async fn series(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    shared.actor(&headers)?;
    let exchange = shared.desk.venue.exchange();
    let rows: Vec<_> = exchange
        .series()
        .map(|series| {
            let terms = &series.instrument;
            json!({
                "instrument_name": terms.name,
                "life": format!("{:?}", series.state).to_lowercase(),
                "state": raise::state_word(exchange.controls().of_series(terms.id)),
                "open_interest": exchange.open_interest(terms.id).lots(),
            })
        })
        .collect();
    Ok(Json(json!({ "series": rows })).into_response())
}

/// Does what was asked, or says what is missing.
async fn act(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(action): Json<Action>,
) -> Result<Response, Refusal> {
    let actor = shared.actor(&headers)?;
    let desk = &shared.desk;
    let venue = &desk.venue;
    if let Some(two_persons) = &desk.two_persons
        && action.lets_more_through(venue)
    {
        match two_persons.agree(&actor, &action, venue.now()) {
            Ok(true) => {}
            Ok(false) => {
                action.note(venue, &actor.to_string(), "waits for another operator");
                let answer = json!({ "done": false, "waits_for": "another operator" });
                return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
            }
            Err(reason) => {
                action.note(venue, &actor.to_string(), "refused");
                return Err(Refusal(StatusCode::FORBIDDEN, reason.to_owned()));
            }
        }
    }
    let done = action.run(venue, desk.set_log.as_ref()).await;
    let result = if done.is_ok() { "done" } else { "refused" };
    action.note(venue, &actor.to_string(), result);
    match done {
        Ok(()) => Ok(Json(json!({ "done": true })).into_response()),
        Err(reason) => Err(Refusal(StatusCode::CONFLICT, reason)),
    }
}
