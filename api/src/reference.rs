//! The tables of the API reference, made from the code itself. A test keeps `docs/api.md` in step.

use exchange::limits::{
    LABEL_LEN_MAX, OPEN_ORDERS_PER_ACCOUNT_MAX, QUOTE_WORD_LEN_MAX, QUOTES_MAX,
};
use instruments::Instrument;
use matching_engine::{GROUP_BOOKS_MAX, GROUPS_MAX};

use crate::auth::{self, Need};
use crate::channels::{
    CHANNELS_MAX, GONE_MAX, IDLE_MAX, MESSAGES_MAX, REPLAY_LEN_MAX, RING_BYTES_MAX,
    RINGS_BYTES_MAX, SUBSCRIPTIONS_MAX, WAITING_MAX,
};
use crate::http::{self, BODY_LEN_MAX, URI_LEN_MAX};
use crate::lower;
use crate::methods::{self, METHODS};
use crate::session::{IN_FLIGHT_MAX, OUTBOUND_MAX};
use crate::socket::FRAME_LEN_MAX;
use crate::venue::history::ROWS_MAX;
use crate::venue::{
    BLOB_BYTES_MAX, BLOB_LEN_MAX, BLOBS_MAX, INBOX_MAX, KEYS_PER_ACCOUNT_MAX, OPENINGS_LEN_MAX,
    SESSION_KEYS_PER_ACCOUNT_MAX, WALLETS_PER_ACCOUNT_MAX,
};
use crate::wire::{ErrorCode, ID_LEN_MAX};

/// Every method: its name, the scope it needs, its fields, what it does.
#[must_use]
pub fn methods() -> String {
    let mut table = String::from("| method | scope | fields | does |\n|---|---|---|---|\n");
    for spec in METHODS {
        let scope = spec.need.map_or("", Need::as_str);
        let fields: Vec<String> = spec.fields.iter().map(|field| format!("`{field}`")).collect();
        row(&mut table, &[&format!("`{}`", spec.name), scope, &fields.join(", "), spec.does]);
    }
    table
}

/// A way in: a method, or a verb and a path of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `private/buy`; `PUT /api/v2/blobs/{hash}`.
    pub name: &'static str,
    /// The scope that it needs; none where anybody may.
    pub scope: Option<&'static str>,
    /// Its fields.
    pub fields: &'static [&'static str],
}

/// Every way in. A method cannot be listed without its scope: it is a field of its entry.
#[must_use]
pub fn routes() -> Vec<Route> {
    let methods = METHODS.iter().map(|spec| Route {
        name: spec.name,
        scope: spec.need.map(Need::as_str),
        fields: spec.fields,
    });
    let blob = |name, need: Need| Route { name, scope: Some(need.as_str()), fields: &["hash"] };
    let blobs = [
        blob("GET /api/v2/blobs/{hash}", http::GET_NEED),
        blob("PUT /api/v2/blobs/{hash}", http::PUT_NEED),
    ];
    methods.chain(blobs).collect()
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

const LIMITS: &[(&str, u64, &str)] = &[
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
        "closed with 1013",
    ),
    ("channels of all sessions", widened(CHANNELS_MAX), "the one idle longest ends, else 10028"),
    ("messages kept of a channel", widened(MESSAGES_MAX), "the oldest is forgotten"),
    ("bytes kept of a channel", widened(RING_BYTES_MAX), "the oldest is forgotten"),
    ("bytes kept of all channels", widened(RINGS_BYTES_MAX), "the oldest is forgotten"),
    ("seconds that a channel goes on unheard", IDLE_MAX.as_secs(), "its numbering ends"),
    (
        "levels of a book that are remembered as gone",
        widened(GONE_MAX),
        "the one gone first is forgotten",
    ),
    ("bytes of a replay", widened(REPLAY_LEN_MAX), "the rest by asking again"),
    ("logins of a client", widened(auth::TOKENS_PER_CLIENT_MAX), "the oldest is forgotten"),
    (
        "signed requests of a client in twice the window",
        widened(auth::NONCES_PER_CLIENT_MAX),
        "10028",
    ),
    ("bytes of a nonce", widened(auth::NONCE_LEN_MAX), "-32602"),
    ("bytes of a login's extra data", widened(methods::DATA_LEN_MAX), "-32602"),
    (
        "milliseconds between a signed timestamp and the venue's clock",
        auth::SIGNATURE_WINDOW.nanos().div_euclid(1_000_000),
        "13004",
    ),
    ("API keys of an account", widened(KEYS_PER_ACCOUNT_MAX), "10028"),
    ("wallets of an account", widened(WALLETS_PER_ACCOUNT_MAX), "10028"),
    ("session keys of an account", widened(SESSION_KEYS_PER_ACCOUNT_MAX), "10028"),
    ("networks of a key or a login", widened(auth::NETWORKS_MAX), "-32602"),
    ("bytes of a text that a wallet signs", widened(auth::MESSAGE_LEN_MAX), "13004"),
    ("rows of an answer", widened(ROWS_MAX), "-32602"),
    ("rows that an answer may pass over", lower::OFFSET_MAX, "-32602"),
    ("candles of an answer", lower::CANDLES_MAX, "the last of the stretch"),
    ("commands waiting for the sequencer", widened(INBOX_MAX), "10047, nothing was done"),
    ("bytes of opened rows", widened(OPENINGS_LEN_MAX), "-32602"),
    ("open orders of an account", OPEN_ORDERS_PER_ACCOUNT_MAX, "10013"),
    ("lots of an order", Instrument::QTY_MAX.lots(), "10021"),
    ("positions of a simulation", widened(lower::SIMULATED_MAX), "-32602"),
    ("bytes of a label", widened(LABEL_LEN_MAX), "-32602"),
    ("entries of a mass quote", widened(QUOTES_MAX), "-32602"),
    ("bytes of a quote's or a group's name", widened(QUOTE_WORD_LEN_MAX), "-32602"),
    ("groups of quotes of an account", widened(GROUPS_MAX), "-32602"),
    ("series in which a group quotes", widened(GROUP_BOOKS_MAX), "11030, by entry"),
    ("bytes of a blob", BLOB_LEN_MAX, "-32600"),
    ("bytes of an account's blobs", BLOB_BYTES_MAX, "10028"),
    ("blobs of an account", widened(BLOBS_MAX), "10028"),
];

#[expect(clippy::as_conversions, reason = "a constant, and no platform has wider addresses")]
const fn widened(count: usize) -> u64 {
    count as u64
}
