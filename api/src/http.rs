//! JSON-RPC over HTTP: one request, one answer, no session.
//!
//! `GET /api/v2/{scope}/{method}?field=value`, or `POST` of a JSON-RPC request to `/api/v2` or to the method's own path. A private method
//! needs an `Authorization` header: a token, a client's id and secret, or a signature over the request.

mod blobs;
mod credentials;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderName, Method as Verb, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::auth::Origin;
use crate::gateway::Gateway;
use crate::limits::{Charge, Class, Meter, Network};
use crate::methods::{self, Answer, Method};
use crate::peer::Peer;
use crate::server::Shared;
use crate::wire::{Credits, ErrorCode, Params, Request, WireError, to_result};

pub(crate) use blobs::{GET_NEED, PUT_NEED, blob_error, handle as handle_blob};
use credentials::caller;

/// Bytes of a request's body, as of a WebSocket frame.
pub(crate) const BODY_LEN_MAX: usize = crate::socket::FRAME_LEN_MAX;
/// Bytes of a path with its query.
pub(crate) const URI_LEN_MAX: usize = 8_192;

/// What is left of what a request cost.
const CREDITS: HeaderName = HeaderName::from_static("x-tenor-credits-remaining");

/// What was asked, however it came.
struct Asked {
    id: Option<Box<RawValue>>,
    method: String,
    params: Params,
}

/// A refusal with the id it is answered under.
type Refused = (Option<Box<RawValue>>, WireError);

/// An answer, and what is left of what it cost.
struct Answered {
    answer: Answer,
    credits: Option<Credits>,
}

/// Answers one request.
pub(crate) async fn handle(
    (State(shared), ConnectInfo(peer)): (State<Shared>, ConnectInfo<Peer>),
    (verb, uri): (Verb, Uri),
    headers: HeaderMap,
    body: Body,
) -> Response {
    let gateway = &*shared.gateway;
    let origin = origin(gateway, peer, &headers);
    let received_at = gateway.venue.now();
    let network = Network::of(origin.address);
    let within = gateway.venue.limits().body_within;
    let read = match tokio::time::timeout(within, read(&verb, &uri, body)).await {
        Ok(read) => read,
        Err(_elapsed) => Err((None, late(within.as_secs()))),
    };
    let (id, answered) = match read {
        Ok((asked, body)) => {
            let signed = (&verb, &uri, &body);
            let answered = answer(gateway, &asked, (&headers, origin), signed).await;
            (asked.id, answered)
        }
        Err((id, error)) => {
            let charge = Charge::one(Class::Query);
            let credits = pay(gateway, &gateway.meters.of_network(network), charge);
            (
                id,
                credits.map_or_else(|refused| refused, |credits| Answered::of(Err(error), credits)),
            )
        }
    };
    let Answered { answer, credits } = answered;
    let status = match &answer {
        Ok(_) => StatusCode::OK,
        Err(error) if error.reason().starts_with("a body has") => StatusCode::PAYLOAD_TOO_LARGE,
        Err(error) if error.reason().starts_with("a body must come") => StatusCode::REQUEST_TIMEOUT,
        Err(error) => StatusCode::from_u16(error.code().http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let text = gateway.paid_reply(id.as_deref(), &answer, received_at, credits);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], text).into_response();
    if let Some(credits) = credits {
        response.headers_mut().insert(CREDITS, credits.remaining.into());
    }
    // In whole seconds, rounded up.
    if let Some(millis) = answer.err().and_then(|error| error.retry_after()) {
        response.headers_mut().insert(header::RETRY_AFTER, millis.div_ceil(1_000).into());
    }
    response
}

impl Answered {
    const fn of(answer: Answer, credits: Credits) -> Self {
        Self { answer, credits: Some(credits) }
    }
}

fn late(seconds: u64) -> WireError {
    let reason = format!("a body must come within {seconds} seconds");
    WireError::new(ErrorCode::InvalidRequest, reason)
}

/// Takes what a request costs, or says what is to be answered instead.
fn pay(gateway: &Gateway, meter: &Mutex<Meter>, charge: Charge) -> Result<Credits, Answered> {
    gateway
        .meters
        .charge(meter, charge)
        .map_err(|breach| Answered::of(Err(gateway.refuse(&breach)), breach.credits))
}

async fn answer(
    gateway: &Gateway,
    asked: &Asked,
    (headers, origin): (&HeaderMap, Origin),
    signed: (&Verb, &Uri, &Bytes),
) -> Answered {
    let spec = methods::by_name(&asked.method);
    let need = spec.as_ref().ok().and_then(|spec| spec.need);
    let charge =
        spec.as_ref().map_or(Charge::one(Class::Query), |spec| Charge::of(spec, &asked.params));
    let of_network = gateway.meters.of_network(Network::of(origin.address));
    let proven = match (need, headers.get(header::AUTHORIZATION)) {
        (Some(_), Some(header)) => caller(gateway, header, signed, origin).map(Some),
        (Some(_), None) | (None, _) => Ok(None),
    };
    // Whoever proves nothing pays as a stranger.
    let meter = match &proven {
        Ok(Some(caller)) => gateway.meters.of_account(caller.account),
        Ok(None) | Err(_) => of_network,
    };
    let credits = match pay(gateway, &meter, charge) {
        Ok(credits) => credits,
        Err(refused) => return refused,
    };
    let checked = spec.and_then(|spec| {
        let caller = proven?;
        if let Err(error) = spec.check(caller.as_ref(), &asked.params) {
            gateway.note_forbidden(caller.as_ref(), (spec.name, origin), &error);
            return Err(error);
        }
        Ok((spec, caller))
    });
    let answer = match checked {
        Err(error) => Err(error),
        Ok((spec, _)) if spec.method == Method::Auth => {
            let login = methods::log_in(gateway, &asked.params, origin);
            login.map(|login| to_result(&login.answer))
        }
        Ok((spec, caller)) => {
            let asked_at = gateway.venue.now();
            let answer = methods::call(gateway, caller.as_ref(), spec.method, &asked.params).await;
            gateway.note_answer(spec.method, &answer, asked_at);
            answer
        }
    };
    Answered::of(answer, credits)
}

/// Where a request over HTTP comes from.
fn origin(gateway: &Gateway, peer: Peer, headers: &HeaderMap) -> Origin {
    let trusted = &gateway.venue.auth_options().trusted_proxies;
    Origin { address: peer.origin(headers, trusted), connection: None }
}

async fn read(verb: &Verb, uri: &Uri, body: Body) -> Result<(Asked, Bytes), Refused> {
    let refuse = |error: WireError| (None, error);
    let uri_len = uri.path_and_query().map_or(0, |text| text.as_str().len());
    if URI_LEN_MAX < uri_len {
        let reason =
            format!("a path and query have at most {URI_LEN_MAX} bytes, this has {uri_len}");
        let error = WireError::new(ErrorCode::InvalidRequest, reason);
        return Err(refuse(error.with_limit(Decimal::from(URI_LEN_MAX))));
    }
    let body = to_bytes(body, BODY_LEN_MAX).await.map_err(|_too_long| {
        let reason = format!("a body has at most {BODY_LEN_MAX} bytes");
        let error = WireError::new(ErrorCode::InvalidRequest, reason);
        refuse(error.with_limit(Decimal::from(BODY_LEN_MAX)))
    })?;
    let path = uri.path().trim_end_matches('/');
    let of_path = path.strip_prefix("/api/v2").map(|rest| rest.trim_start_matches('/'));
    let named = of_path.filter(|name| !name.is_empty()).map(str::to_owned);
    let asked = match (verb, named) {
        (&Verb::GET, Some(method)) => from_query(uri, method).map_err(refuse)?,
        (&Verb::POST, named) => from_body(&body, named)?,
        _ => {
            let reason = "send GET /api/v2/{scope}/{method} or POST /api/v2";
            return Err(refuse(WireError::new(ErrorCode::InvalidRequest, reason)));
        }
    };
    Ok((asked, body))
}

fn from_query(uri: &Uri, method: String) -> Result<Asked, WireError> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| WireError::new(ErrorCode::InvalidRequest, format!("query: {error}")))?;
    Ok(Asked { id: None, method, params: Params::from_query(pairs)? })
}

fn from_body(body: &Bytes, named: Option<String>) -> Result<Asked, Refused> {
    let text = str::from_utf8(body)
        .map_err(|_bytes| (None, WireError::new(ErrorCode::ParseError, "a body must be UTF-8")))?;
    let Request { id, method, params } =
        Request::parse(text).map_err(|unreadable| (unreadable.id, unreadable.error))?;
    if named.is_some_and(|named| named != method) {
        let reason = "the path names another method than the body";
        return Err((Some(id), WireError::new(ErrorCode::InvalidRequest, reason).of("method")));
    }
    Ok(Asked { id: Some(id), method, params })
}
