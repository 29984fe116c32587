//! The tables of the API reference, made from the code itself. A test keeps `docs/api.md` in step.

use exchange::limits::{LABEL_LEN_MAX, OPEN_ORDERS_PER_ACCOUNT_MAX};
use instruments::Instrument;

use crate::auth::{self, Need};
use crate::channels::{SUBSCRIPTIONS_MAX, WAITING_MAX};
use crate::connections::CONNECTIONS_MAX;
use crate::http::{BODY_LEN_MAX, URI_LEN_MAX};
use crate::lower;
use crate::methods::{self, METHODS};
use crate::session::{FRAME_LEN_MAX, IN_FLIGHT_MAX, OUTBOUND_MAX};
use crate::venue::history::ROWS_MAX;
use crate::venue::{BLOB_BYTES_MAX, BLOB_LEN_MAX, BLOBS_MAX, INBOX_MAX, OPENINGS_LEN_MAX};
use crate::wire::{ErrorCode, ID_LEN_MAX};

/// Every method: its name, the scope it needs, its fields, what it does.
#[must_use]
pub fn methods() -> String {
    let mut table = String::from("| method | scope | fields | does |\n|---|---|---|---|\n");
    for spec in METHODS {
        let scope = scope_name(spec.need);
        let fields: Vec<String> = spec.fields.iter().map(|field| format!("`{field}`")).collect();
        row(&mut table, &[&format!("`{}`", spec.name), scope, &fields.join(", "), spec.does]);
    }
    table
}

/// A scope's name; nothing for everybody.
pub(crate) const fn scope_name(need: Option<Need>) -> &'static str {
    match need {
        None => "",
        Some(Need::AccountRead) => "account:read",
        Some(Need::AccountWrite) => "account:read_write",
        Some(Need::TradeRead) => "trade:read",
        Some(Need::TradeWrite) => "trade:read_write",
    }
}

/// Every error code: number, name, HTTP status, meaning.
#[must_use]
pub fn errors() -> String {
    let mut table = String::from("| code | message | HTTP | means |\n|---|---|---|---|\n");
    for code in ErrorCode::ALL {
        let (number, http) = (code.code().to_string(), code.http_status().to_string());
        row(&mut table, &[&number, &format!("`{}`", code.name()), &http, code.meaning()]);
    }
    table
}

/// Every limit: what it bounds, how much, what happens beyond it.
#[must_use]
pub fn limits() -> String {
    let mut table = String::from("| limit | value | beyond it |\n|---|---|---|\n");
    for (what, value, beyond) in LIMITS {
        row(&mut table, &[what, &value.to_string(), beyond]);
    }
    table
}

fn row(table: &mut String, cells: &[&str]) {
    table.push_str(&format!("| {} |\n", cells.join(" | ")));
}

const LIMITS: [(&str, u64, &str); 26] = [
    ("connections of the server", widened_u32(CONNECTIONS_MAX), "HTTP 503 with 10028, closed"),
    (
        "bytes of a WebSocket frame",
        widened(FRAME_LEN_MAX),
        "-32600 with the limit, closed with 1009",
    ),
    ("bytes of an HTTP body", widened(BODY_LEN_MAX), "HTTP 413 with -32600"),
    ("bytes of an HTTP path with its query", widened(URI_LEN_MAX), "-32600"),
    ("bytes of a request's id", widened(ID_LEN_MAX), "-32600"),
    (
        "requests of a session under way",
        widened(IN_FLIGHT_MAX),
        "the next is read when one is answered",
    ),
    (
        "replies and messages waiting for a session's socket",
        widened(OUTBOUND_MAX),
        "books and tickers are conflated, the rest waits",
    ),
    ("subscriptions of a session", widened(SUBSCRIPTIONS_MAX), "10028"),
    (
        "messages waiting in a channel that leaves nothing out",
        widened(WAITING_MAX),
        "closed with 1008",
    ),
    ("logins of a client", widened(auth::TOKENS_PER_CLIENT_MAX), "the oldest is forgotten"),
    ("signed requests of a client in two minutes", widened(auth::NONCES_PER_CLIENT_MAX), "10028"),
    ("bytes of a nonce", widened(auth::NONCE_LEN_MAX), "-32602"),
    ("bytes of a login's extra data", widened(methods::DATA_LEN_MAX), "-32602"),
    (
        "milliseconds between a signed timestamp and the venue's clock",
        auth::TIMESTAMP_WINDOW.nanos().div_euclid(1_000_000),
        "13004",
    ),
    ("rows of an answer", widened(ROWS_MAX), "-32602"),
    ("rows that an answer may pass over", lower::OFFSET_MAX, "-32602"),
    ("candles of an answer", lower::CANDLES_MAX, "the last of the stretch"),
    ("commands waiting for the sequencer", widened(INBOX_MAX), "10047, nothing was done"),
    ("bytes of opened rows", widened(OPENINGS_LEN_MAX), "-32602"),
    ("open orders of an account", OPEN_ORDERS_PER_ACCOUNT_MAX, "10013"),
    ("lots of an order", Instrument::QTY_MAX.lots(), "10021"),
    ("positions of a simulation", widened(lower::SIMULATED_MAX), "-32602"),
    ("bytes of a label", widened(LABEL_LEN_MAX), "-32602"),
    ("bytes of a blob", BLOB_LEN_MAX, "-32600"),
    ("bytes of an account's blobs", BLOB_BYTES_MAX, "10028"),
    ("blobs of an account", widened(BLOBS_MAX), "10028"),
];

#[expect(clippy::as_conversions, reason = "a constant, and no platform has wider addresses")]
const fn widened(count: usize) -> u64 {
    count as u64
}

#[expect(clippy::as_conversions, reason = "widening, and `From` is not const")]
const fn widened_u32(count: u32) -> u64 {
    count as u64
}
