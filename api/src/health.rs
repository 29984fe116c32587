//! Whether the process lives, and whether it takes orders: for whoever watches it. Both listeners answer alike.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use exchange::{SeriesState, TradingState};
use instruments::{GradeId, NanosSpan};
use serde::Serialize;

use crate::metrics::CONTENT_TYPE;
use crate::raise;
use crate::venue::Venue;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    seq: u64,
    testnet: bool,
}

/// `/health`: whether the process is alive and its journal takes commands.
pub(crate) fn health(venue: &Venue) -> Response {
    let (code, status) = if venue.has_failed() {
        (StatusCode::SERVICE_UNAVAILABLE, "failed")
    } else {
        (StatusCode::OK, "ok")
    };
    let exchange = venue.exchange();
    let (seq, testnet) = (exchange.last_seq().0, exchange.is_testnet());
    drop(exchange);
    (code, Json(Health { status, seq, testnet })).into_response()
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

/// `/ready`: whether orders that trade are taken.
pub(crate) fn ready(venue: &Venue) -> Response {
    let reasons = against(venue);
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness { ready, reasons })).into_response()
}

/// `/metrics`.
pub(crate) fn metrics(venue: &Venue) -> Response {
    let text = venue.operations().metrics.text(venue);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// What speaks against it.
fn against(venue: &Venue) -> Vec<String> {
    let mut reasons = Vec::new();
    if venue.has_failed() {
        reasons.push("the journal has failed".to_owned());
    }
    if venue.is_draining() {
        reasons.push("the venue is draining".to_owned());
    }
    let exchange = venue.exchange();
    let state = exchange.controls().everywhere();
    if state != TradingState::Open {
        reasons.push(format!("the venue is {}", raise::state_word(state)));
    }
    let Some(limit) = venue.operations().watch.index_age_max else { return reasons };
    let limit = NanosSpan::from_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    let now = venue.now();
    let trading = exchange.series().filter(|series| series.state == SeriesState::Trading);
    let grades: std::collections::BTreeSet<&GradeId> =
        trading.map(|series| &series.instrument.grade).collect();
    for grade in grades {
        let print = exchange.index(grade).filter(|print| print.value.is_some());
        let is_fresh = print.is_some_and(|print| now.since(print.observed_at) <= limit);
        if !is_fresh {
            reasons.push(format!("the index of {} is not fresh", grade.as_str()));
        }
    }
    reasons
}
