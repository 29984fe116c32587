//! What every field of every method is: its kind, whether it must be sent, its limits, its meaning.
//!
//! The specifications and the reference are made from this table, and a request without a field that must be sent is refused by it. An entry
//! that names methods holds for those; one that names none holds for every other method that has a field of that name. Tests ask a running
//! venue whether each method reads what stands here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use exchange::limits::{CLIENT_ORDER_ID_LEN_MAX, LABEL_LEN_MAX, QUOTE_WORD_LEN_MAX};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::catalogue::{METHODS, Method};
use super::delivery::REASON_LEN_MAX;
use super::keys;
use super::login::DATA_LEN_MAX;
use super::market_data::DEPTH_MAX;
use crate::auth::NONCE_LEN_MAX;
use crate::lower::{MILLIS_MAX, OFFSET_MAX, Resolution, SIMULATED_MAX};
use crate::session::{INTERVAL_MAX, INTERVAL_MIN};
use crate::venue::history::ROWS_MAX;
use crate::venue::{
    MOCK_CHALLENGES_MAX, MOCK_SLOTS_MAX, NAMED_MAX, ROOTS_MAX, TRANSCRIPT_PAGE_MAX,
};

/// A shape that has a schema.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// So many bytes at most.
    Bytes(usize),
    OneOf(&'static [&'static str]),
    /// One of the resolutions of a candle.
    Resolution,
    Flag,
    /// A decimal, exactly.
    Number,
    Integer {
        min: u64,
        max: u64,
    },
    /// Milliseconds since 1970.
    Instant,
    Texts,
    /// So many bytes in hexadecimal.
    Hex(usize),
    /// So many texts at most, each 32 bytes in hexadecimal.
    Hashes(usize),
    Shape(Shape),
}

/// Whether a field must be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Required {
    No,
    Always,
    /// Under a condition.
    When(&'static str),
}

/// What is known of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// With or without their `public/` or `private/`; none for every method that has no entry of its own.
    pub(crate) of: &'static [&'static str],
    pub(crate) kind: Kind,
    pub(crate) required: Required,
    pub(crate) does: &'static str,
    /// What holds when it is not sent.
    pub(crate) default: Option<&'static str>,
}

const fn field(name: &'static str, kind: Kind, does: &'static str) -> Field {
    Field { name, of: &[], kind, required: Required::No, does, default: None }
}

impl Field {
    const fn of(self, of: &'static [&'static str]) -> Self {
        Self { of, ..self }
    }

    const fn required(self) -> Self {
        Self { required: Required::Always, ..self }
    }

    const fn when(self, condition: &'static str) -> Self {
        Self { required: Required::When(condition), ..self }
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// Its schema.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = self.kind.schema(generator);
        if schema.get("$ref").is_some() {
            schema = json_schema!({ "allOf": [schema] });
        }
        let mut does = self.does.to_owned();
        if let Required::When(condition) = self.required {
            does.push_str(&format!("; must be sent {condition}"));
        }
        schema.insert("description".to_owned(), json!(does));
        if let Some(default) = self.default {
            schema.insert("default".to_owned(), self.kind.value(default));
        }
        schema
    }
}

impl Kind {
    fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        let hex = |bytes: usize| format!("^(0x)?[0-9a-fA-F]{{{}}}$", bytes.saturating_mul(2));
        match self {
            Self::Text => json_schema!({ "type": "string" }),
            Self::Bytes(limit) => json_schema!({ "type": "string", "maxLength": limit }),
            Self::OneOf(words) => json_schema!({ "type": "string", "enum": words }),
            Self::Resolution => json_schema!({ "type": "string", "enum": Resolution::names() }),
            Self::Flag => json_schema!({ "type": "boolean" }),
            Self::Number => json_schema!({ "type": "number" }),
            Self::Integer { min, max: u64::MAX } => {
                json_schema!({ "type": "integer", "format": "uint64", "minimum": min })
            }
            Self::Integer { min, max } => {
                json_schema!({ "type": "integer", "minimum": min, "maximum": max })
            }
            Self::Instant => {
                json_schema!({ "type": "integer", "minimum": 0, "maximum": MILLIS_MAX })
            }
            Self::Texts => json_schema!({ "type": "array", "items": { "type": "string" } }),
            Self::Hex(bytes) => json_schema!({ "type": "string", "pattern": hex(bytes) }),
            Self::Hashes(limit) => json_schema!({
                "type": "array", "maxItems": limit,
                "items": { "type": "string", "pattern": hex(32) },
            }),
            Self::Shape(shape) => shape(generator),
        }
    }

    /// A default's text as it would be sent.
    fn value(self, text: &str) -> Value {
        match self {
            Self::Flag | Self::Number | Self::Integer { .. } | Self::Instant | Self::Shape(_) => {
                serde_json::from_str(text).unwrap_or(Value::Null)
            }
            Self::Text
            | Self::Bytes(_)
            | Self::OneOf(_)
            | Self::Resolution
            | Self::Texts
            | Self::Hex(_)
            | Self::Hashes(_) => json!(text),
        }
    }

    /// What it is called in a table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Bytes(limit) => format!("text, at most {limit} bytes"),
            Self::OneOf(words) => format!("`{}`", words.join("`, `")),
            Self::Resolution => format!("`{}`", Resolution::names().join("`, `")),
            Self::Flag => "true or false".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Integer { min, max: u64::MAX } => format!("whole number from {min}"),
            Self::Integer { min, max } => format!("whole number, {min} to {max}"),
            Self::Instant => "milliseconds since 1970".to_owned(),
            Self::Texts => "list of texts".to_owned(),
            Self::Hex(bytes) => format!("{bytes} bytes in hexadecimal"),
            Self::Hashes(limit) => {
                format!("list of at most {limit} texts, each 32 bytes in hexadecimal")
            }
            Self::Shape(_) => "JSON, see its schema".to_owned(),
        }
    }
}

/// A trade of a block.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: `lower` reads the same fields")]
struct BlockLeg {
    /// Which series.
    instrument_name: String,
    /// Which way the maker goes, `buy` or `sell`.
    direction: String,
    /// Lots.
    amount: crate::wire::Number,
    /// Dollars per GPU-hour.
    price: crate::wire::Number,
}

/// One entry of a mass quote.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: `lower` reads the same fields")]
struct QuotedEntry {
    /// Which series.
    instrument_name: String,
    /// The account's own word for quotes that belong together.
    quote_set_id: Option<String>,
    /// What is to be bought; absent, nothing more.
    bid: Option<QuotedSide>,
    /// What is to be sold; absent, nothing more.
    ask: Option<QuotedSide>,
}

/// One side of an entry.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: `lower` reads the same fields")]
struct QuotedSide {
    /// Dollars per GPU-hour; needed unless the amount is zero.
    price: Option<crate::wire::Number>,
    /// Lots; zero takes the side away.
    amount: crate::wire::Number,
    /// Only `true`: a quote never takes.
    post_only: Option<bool>,
    /// Only `true`: a quote never moves.
    reject_post_only: Option<bool>,
}

/// A machine.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: `lower` reads the same fields")]
struct NominatedNode {
    /// Its name.
    name: String,
    /// What it runs, 32 bytes in hexadecimal.
    digest: Option<String>,
}

fn simulated_positions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": SIMULATED_MAX,
        "additionalProperties": { "type": "integer" },
    })
}

fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn shape_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const COUNTED: u64 = u64::MAX;
const NARROW: u64 = u32::MAX as u64;
const ID: Kind = Kind::Integer { min: 0, max: COUNTED };
const SMALL: Kind = Kind::Integer { min: 0, max: NARROW };
#[expect(clippy::as_conversions, reason = "a constant, and no platform has wider addresses")]
const ROWS: Kind = Kind::Integer { min: 1, max: ROWS_MAX as u64 };
const USDC: Kind = Kind::OneOf(&["USDC", "any"]);
const SIDE: Kind = Kind::OneOf(&["buy", "sell"]);
const VERDICT: Kind = Kind::OneOf(&["valid", "invalid", "unverifiable"]);

const ORDER: &[&str] = &["buy", "sell"];
const EDITS: &[&str] = &["edit", "edit_by_label"];
const BY_CURRENCY: &[&str] = &[
    "get_instruments",
    "get_book_summary_by_currency",
    "get_open_orders_by_currency",
    "get_order_history_by_currency",
    "get_user_trades_by_currency",
    "get_user_trades_by_currency_and_time",
    "get_positions",
];
const AGREED: &[&str] = &["verify_block_trade", "execute_block_trade"];
const AGREED_DELIVERY: &[&str] = &["verify_delivery_agreement", "execute_delivery_agreement"];
const PAGES: &[&str] =
    &["get_last_settlements_by_instrument", "get_loss_splits", "get_transaction_log"];
const ABSENT: &[&str] = &[
    "get_funding_rate_value",
    "get_funding_rate_history",
    "get_historical_volatility",
    "get_volatility_index_data",
    "get_combos",
    "get_combo_ids",
    "get_combo_details",
    "create_combo",
    "get_current_deposit_address",
    "create_deposit_address",
    "submit_transfer_to_subaccount",
    "submit_transfer_to_user",
];

/// Every field.
#[rustfmt::skip]
#[expect(clippy::as_conversions, reason = "constants, and no platform has wider addresses")]
pub(crate) static FIELDS: &[Field] = &[
    // Logging in, and the session.
    field("grant_type", Kind::OneOf(&["client_credentials", "client_signature", "wallet", "session_key", "refresh_token"]), "how the client shows who it is").required(),
    field("client_id", Kind::Text, "which key").when("with client_credentials and client_signature"),
    field("client_secret", Kind::Text, "the key's secret").when("with client_credentials"),
    field("timestamp", ID, "when it was signed, milliseconds since 1970").when("with client_signature and session_key"),
    field("nonce", Kind::Bytes(NONCE_LEN_MAX), "any text that was not used with this timestamp before").of(&["auth"]).when("with client_signature and session_key"),
    field("data", Kind::Bytes(DATA_LEN_MAX), "anything that is to be signed too").or(""),
    field("signature", Kind::Text, "in hexadecimal: HMAC-SHA256, or a wallet's or a session key's 65 bytes").of(&["auth"]).when("with client_signature, wallet and session_key"),
    field("message", Kind::Text, "the text that was signed, as public/get_sign_in_challenge has given it").of(&["auth"]).when("with wallet"),
    field("address", Kind::Hex(20), "the session key's address").of(&["auth"]).when("with session_key"),
    field("refresh_token", Kind::Text, "the token that came with the last login").when("with refresh_token"),
    field("scope", Kind::Text, "what the login may do: words as `trade:read`, `account:none`, `expires:600`, `connection`, `session:NAME`, `ip:NETWORK`").of(&["auth"]),
    field("scope", Kind::OneOf(&["connection", "account"]), "orders of this session, or of every session that logs in from now on").or("connection"),
    field("client_name", Kind::Text, "what the client is called"),
    field("client_version", Kind::Text, "its version"),
    field("invalidate_token", Kind::Flag, "whether the session's token ends too").or("true"),
    field("channels", Kind::Texts, "names of channels, see channels.md").required(),
    field("interval", Kind::Integer { min: INTERVAL_MIN, max: INTERVAL_MAX }, "seconds between two heartbeats").required(),

    // Keys and wallets.
    field("id", ID, "which key").required(),
    field("max_scope", Kind::Text, "the most that it may do: words as `trade:read`; what is not named is none").required(),
    field("max_scope", Kind::Text, "the most that it may do").of(&["edit_api_key"]),
    field("name", Kind::Text, "what it is called, at most 64 bytes").of(&["create_api_key"]).or(""),
    field("name", Kind::Text, "what it is called, at most 64 bytes").of(&["edit_api_key"]),
    field("name", Kind::Bytes(keys::NAME_LEN_MAX), "what it is called").required(),
    field("enabled", Kind::Flag, "whether it lets anybody in"),
    field("ip_whitelist", Kind::Texts, "addresses and networks from which it is good; everywhere where there is none"),
    field("expires_at", Kind::Integer { min: 0, max: keys::MILLIS_MAX }, "when it ends by itself, milliseconds since 1970"),
    field("expires_at", Kind::Integer { min: 0, max: keys::MILLIS_MAX }, "when it ends by itself, milliseconds since 1970").of(&["create_session_key"]).required(),
    field("cancel_on_revoke", Kind::Flag, "whether the account's orders are cancelled when it is disabled or removed"),
    field("overlap", Kind::Integer { min: 0, max: keys::OVERLAP_SECONDS_MAX }, "seconds for which the secret before stays good").or("0"),
    field("address", Kind::Hex(20), "the wallet's address").of(&["get_sign_in_challenge", "get_link_challenge", "unlink_wallet"]).required(),
    field("address", Kind::Hex(20), "the session key's address").of(&["create_session_key", "remove_session_key"]).required(),
    field("purpose", Kind::OneOf(&["sign_in", "session_key"]), "what is to be signed for").or("sign_in"),
    field("wallet", Kind::Hex(20), "the wallet that lets it in").required(),
    field("scope", Kind::Text, "what it may do: words as `trade:read`").of(&["create_session_key"]).required(),
    field("nonce", Kind::Text, "as public/get_sign_in_challenge has given it").of(&["create_session_key"]).required(),
    field("signature", Kind::Hex(65), "the wallet's signature").of(&["create_session_key", "link_wallet"]).required(),
    field("message", Kind::Text, "the text that was signed, as private/get_link_challenge has given it").required(),

    // What was told before.
    field("channel", Kind::Text, "which channel").of(&["public/replay"]).required(),
    field("channel", Kind::Text, "which of the account's channels").of(&["private/replay"]).when("unless `from_user_seq` is"),
    field("from_seq", ID, "the first message").of(&["public/replay"]).required(),
    field("from_seq", ID, "the first message").of(&["private/replay"]).when("with `channel`"),
    field("from_user_seq", ID, "the first report of the account").when("unless `channel` is"),
    field("count", ROWS, "messages or reports of the answer").of(&["replay"]).or("1000"),

    // What has been taken over from Deribit and is refused here.
    field("instrument_name", Kind::Text, "read by nobody").of(ABSENT),
    field("start_timestamp", Kind::Instant, "read by nobody").of(ABSENT),
    field("end_timestamp", Kind::Instant, "read by nobody").of(ABSENT),
    field("currency", Kind::Text, "read by nobody").of(ABSENT),
    field("amount", Kind::Number, "read by nobody").of(ABSENT),
    field("destination", Kind::Text, "read by nobody").of(ABSENT),

    // Quotes and their protection.
    field("mmp", Kind::Flag, "whether the order is pulled with its group").of(ORDER).or("false"),
    field("mmp_group", Kind::Text, "the group that it is of, with `mmp`; absent, that of the index").of(ORDER),
    field("mmp_group", Kind::Text, "the group that it is of").of(&["mass_quote"]).required(),
    field("mmp_group", Kind::Text, "only quotes of one group").of(&["cancel_quotes"]),
    field("mmp_group", Kind::Text, "the group's name; absent, that of the index"),
    field("quote_id", Kind::Bytes(QUOTE_WORD_LEN_MAX), "the account's own word for the message").required(),
    field("quotes", Kind::Shape(shape_of::<Vec<QuotedEntry>>), "1 to 64 entries").required(),
    field("detailed", Kind::Flag, "whether the orders are told whole").or("false"),
    field("wait_for_response", Kind::Flag, "only `true`: the reply always tells what became of the quotes").or("true"),
    field("cancel_type", Kind::OneOf(&["all", "delta", "quote_set_id", "instrument", "kind", "instrument_kind", "currency"]), "which of the fields below says what is meant").required(),
    field("quote_set_id", Kind::Text, "quotes of one set").when("with cancel_type quote_set_id"),
    field("instrument_name", Kind::Text, "quotes in one series").of(&["cancel_quotes"]).when("with cancel_type instrument"),
    field("kind", Kind::OneOf(&["any", "future", "option"]), "quotes in one kind of series").of(&["cancel_quotes"]).when("with cancel_type kind or instrument_kind"),
    field("currency", Kind::Text, "`USDC`, `any`, or what is traded, as `H100`").of(&["cancel_quotes"]).when("with cancel_type currency"),
    field("min_delta", Kind::Number, "quotes of options with at least this delta").when("with cancel_type delta"),
    field("max_delta", Kind::Number, "and at most this").when("with cancel_type delta"),
    field("interval", Kind::Integer { min: 0, max: 3_600 }, "seconds in which fills count together; 0 ends the protection").of(&["set_mmp_config"]).required(),
    field("frozen_time", Kind::Integer { min: 0, max: 3_600 }, "seconds for which the group stays away; 0 until it is reset").when("unless interval is 0"),
    field("quantity_limit", SMALL, "lots, on both sides; 0 for no limit").or("0"),
    field("delta_limit", Kind::Number, "net, in lots of a future; 0 for no limit").or("0"),
    field("vega_limit", Kind::Number, "net, in dollars for a hundredth of volatility; 0 for no limit").or("0"),
    field("trade_limit", SMALL, "trades; 0 for no limit").or("0"),
    field("max_quote_quantity", SMALL, "lots of one quote").when("unless interval is 0"),
    field("index_name", Kind::Text, "only of one index, as `h100_usd`").of(&["get_mmp_config", "get_mmp_status"]),
    field("id", Kind::Hex(32), "the hash that both signed").of(&["get_block_trade"]).required(),
    field("state", Kind::Text, "read by nobody").of(ABSENT),
    field("combo_id", Kind::Text, "read by nobody").of(ABSENT),
    field("trades", Kind::Shape(object), "read by nobody").of(ABSENT),
    field("resolution", Kind::Text, "read by nobody").of(ABSENT),

    // Which series, and which part of the past.
    field("instrument_name", Kind::Text, "which series, as `H100_USDC-27NOV26`").required(),
    field("instrument_name", Kind::Text, "only of one series").of(&["cancel_all"]),
    field("instrument_name", Kind::Text, "which series").of(&["get_risk_arrays"]).when("unless `grade` is"),
    field("instrument_name", Kind::Text, "which expired series").of(AGREED_DELIVERY).when("unless `obligation_id` is"),
    field("currency", USDC, "the one currency").or("any"),
    field("currency", Kind::Text, "what the series are settled in, `USDC`, or what is traded, as `H100`; `any` for all").of(BY_CURRENCY).or("any"),
    field("kind", Kind::OneOf(&["any", "future", "option", "spot", "future_combo", "option_combo", "combo"]), "only series of one kind").or("any"),
    field("expired", Kind::Flag, "those that have expired, instead of those that trade").or("false"),
    field("depth", Kind::Integer { min: 0, max: DEPTH_MAX }, "levels of each side, at least one is told").or("20"),
    field("count", ROWS, "rows of the answer").or("10"),
    field("count", ROWS, "rows of a page").of(PAGES).or("100"),
    field("count", ROWS, "orders of the answer").of(&["get_order_history_by_instrument", "get_order_history_by_currency"]).or("20"),
    field("count", Kind::Integer { min: 0, max: TRANSCRIPT_PAGE_MAX as u64 }, "lines of the answer").of(&["get_transcript"]).or("256"),
    field("offset", Kind::Integer { min: 0, max: OFFSET_MAX }, "rows to pass over").or("0"),
    field("start_seq", ID, "the first trade, by its `trade_seq`"),
    field("end_seq", ID, "the last trade, by its `trade_seq`"),
    field("sorting", Kind::OneOf(&["asc", "desc", "default"]), "oldest or newest first").or("default"),
    field("include_old", Kind::Flag, "changes nothing: what is old is as near as what is new"),
    field("historical", Kind::Flag, "changes nothing: what is old is as near as what is new"),
    field("include_unfilled", Kind::Flag, "also orders that never traded").or("false"),
    field("start_timestamp", Kind::Instant, "not before"),
    field("end_timestamp", Kind::Instant, "not after"),
    field("start_timestamp", Kind::Instant, "not before").of(&["get_tradingview_chart_data"]).required(),
    field("end_timestamp", Kind::Instant, "not after").of(&["get_tradingview_chart_data"]).required(),
    field("resolution", Kind::Resolution, "minutes of a candle, or a day").required(),
    field("index_name", Kind::Text, "which index, as `h100_usd`").required(),
    field("grade", Kind::Text, "which grade, as `H100`").required(),
    field("grade", Kind::Text, "every series of a grade").of(&["get_risk_arrays"]).when("unless `instrument_name` is"),
    field("type", Kind::OneOf(&["settlement", "delivery", "bankruptcy"]), "only of one kind: a daily settlement, the last one, a bankruptcy").of(&["get_last_settlements_by_instrument", "get_settlement_history_by_instrument"]),
    field("search_start_timestamp", Kind::Instant, "the newest to be told"),
    field("continuation", Kind::Text, "the next page: what the page before has given"),
    field("continuation", ID, "the next page: what the page before has given").of(&["get_transaction_log"]),
    field("from", SMALL, "the first line").of(&["get_transcript"]).or("0"),
    field("day", Kind::Text, "which day, as `2026-12-01`").required(),
    field("split_id", Kind::Text, "which split").required(),
    field("page", SMALL, "which page, instead of the account's own"),
    field("with_portfolio", Kind::Flag, "changes nothing"),
    field("extended", Kind::Flag, "changes nothing: everything is told at once"),

    // Orders.
    field("amount", Kind::Number, "lots").of(ORDER).when("unless `contracts` is"),
    field("amount", Kind::Number, "lots of the whole order, what has traded included").of(EDITS),
    field("contracts", Kind::Number, "another word for `amount`; only one of them"),
    field("type", Kind::OneOf(&["limit", "market", "stop_limit", "stop_market", "take_limit", "take_market"]), "what kind of order").of(ORDER).or("limit"),
    field("type", Kind::OneOf(&["all", "limit", "trigger_all"]), "all, those that rest, or those that wait for a price").or("all"),
    field("price", Kind::Number, "dollars per GPU-hour").of(ORDER).when("with a limit order"),
    field("price", Kind::Number, "the new price, dollars per GPU-hour").of(EDITS),
    field("price", Kind::Number, "dollars per GPU-hour").required(),
    field("time_in_force", Kind::OneOf(&["good_til_cancelled", "good_til_day", "good_til_date", "immediate_or_cancel", "fill_or_kill", "good_for_auction", "good_for_normal"]), "how long it stays").or("good_til_cancelled"),
    field("good_til", Kind::Instant, "when it ends by itself").when("with good_til_date"),
    field("post_only", Kind::Flag, "never takes").of(ORDER).or("false"),
    field("post_only", Kind::Flag, "as it is: an edit does not change it").of(EDITS),
    field("reject_post_only", Kind::Flag, "with `post_only`: refused where it would take, instead of put a tick further away").or("true"),
    field("reduce_only", Kind::Flag, "only makes a position smaller").of(ORDER).or("false"),
    field("reduce_only", Kind::Flag, "as it is: an edit does not change it").of(EDITS),
    field("display_amount", Kind::Number, "lots that the book shows"),
    field("trigger", Kind::OneOf(&["last_price", "mark_price", "index_price"]), "which price it waits for").when("with a stop or a take-profit"),
    field("trigger_price", Kind::Number, "at what price it is triggered, dollars per GPU-hour").of(ORDER).when("with a stop or a take-profit"),
    field("trigger_price", Kind::Number, "the new trigger price").of(EDITS),
    field("ceiling_price", Kind::Number, "the worst price that it may ever have"),
    field("stp", Kind::OneOf(&["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]), "what happens instead of a trade with oneself").or("cancel_newest"),
    field("stp_token", ID, "accounts with the same token do not trade with each other; 0 for none").or("0"),
    field("valid_until", Kind::Instant, "refused when it is taken in later"),
    field("label", Kind::Bytes(LABEL_LEN_MAX), "any text, to find the order by").of(ORDER),
    field("label", Kind::Text, "only those of one label").of(&["cancel_all", "cancel_all_by_instrument", "cancel_all_by_currency"]),
    field("label", Kind::Text, "which orders").required(),
    field("client_order_id", Kind::Bytes(CLIENT_ORDER_ID_LEN_MAX), "an id of the client's own, visible ASCII: sent again within a day under it, the order is placed once").of(ORDER),
    field("client_order_id", Kind::Text, "the id that it was placed under").required(),
    field("timeout", Kind::Integer { min: 0, max: 3_600_000 }, "milliseconds, from 1000; 0 stops the timer").required(),
    field("order_id", Kind::Text, "which order, as `T-17`").required(),
    field("direction", SIDE, "only of one side"),

    // Margin and money.
    field("amount", Kind::Number, "lots").of(&["get_margins"]).when("unless `contracts` is"),
    field("simulated_positions", Kind::Shape(simulated_positions), "series and lots, negative when short").or("{}"),
    field("add_positions", Kind::Flag, "beside the account's own, or instead of them").or("true"),
    field("margin_model", Kind::OneOf(&["segregated_sm", "segregated_pm"]), "series by series, or by scenarios").required(),
    field("dry_run", Kind::Flag, "only says what would be required").or("false"),
    field("account", ID, "whose").required(),
    field("gpus", ID, "how many GPUs; 0 for none any more").required(),
    field("amount", Kind::Number, "dollars").of(&["faucet", "withdraw", "contribute_default_fund", "withdraw_default_fund"]).required(),
    field("amount", Kind::Number, "dollars; 0 for none any more").of(&["register_backstop"]).required(),
    field("amount", Kind::Number, "dollars that are asked for; negative where the bidder pays").of(&["bid_backstop"]).required(),
    field("auction_id", ID, "which auction").required(),

    // Expiry, settlement prices and delivery.
    field("exercise", ID, "lots to exercise out of the money").or("0"),
    field("abandon", ID, "lots to abandon in the money").or("0"),
    field("region", Kind::Text, "where, two letters; anywhere when it is not sent"),
    field("endpoint", Kind::Text, "where the machines are reached").or(""),
    field("nodes", Kind::Shape(shape_of::<Vec<NominatedNode>>), "the machines").of(&["nominate"]),
    field("nodes", Kind::Texts, "machines as NAME or NAME=DIGEST, 32 bytes in hexadecimal").of(&["substitute"]).required(),
    field("partition", SMALL, "which half-hour of the 48, from 0").required(),
    field("value", Kind::Number, "what it should have been, dollars per GPU-hour; withheld when it is not sent"),
    field("upheld", Kind::Flag, "whether the claim is right").required(),
    field("address", Kind::Hex(20), "the key's address").required(),
    field("obligation_id", ID, "which obligation").required(),
    field("obligation_id", ID, "ends this obligation; then no other field says what").of(AGREED_DELIVERY).when("unless `instrument_name` is"),
    field("challenge", SMALL, "which challenge").required(),
    field("slot", SMALL, "which device").required(),
    field("first_segment", SMALL, "the first segment that they are roots of").required(),
    field("roots", Kind::Hashes(ROOTS_MAX), "a root for each segment").required(),
    field("gpu_millis", ID, "GPU-milliseconds claimed so far").required(),
    field("challenges", SMALL, "challenges answered so far").required(),
    field("work_root", Kind::Hex(32), "the root of the work").of(&["submit_receipt"]).required(),
    field("prev", Kind::Hex(32), "the hash of the receipt before").required(),
    field("terms", Kind::Hex(32), "the hash of the grade's terms").required(),
    field("signature", Kind::Hex(65), "the nominated key's signature").required(),
    field("openings", Kind::Shape(object), "the rows that were drawn, with their proofs").of(&["open_rows"]).required(),
    field("verdict", VERDICT, "how it ended").required(),
    field("quality", Kind::Number, "share of the grade, 0 to 1").when("when it is valid"),
    field("reason", Kind::Bytes(REASON_LEN_MAX), "why, for the transcript").or(""),
    field("step", Kind::OneOf(&["begin", "challenge", "claim", "open"]), "which step of the dry run").required(),
    field("amount", Kind::Integer { min: 1, max: MOCK_SLOTS_MAX as u64 }, "devices, with `begin`").of(&["mock_session"]).or("1"),
    field("count", Kind::Integer { min: 1, max: MOCK_CHALLENGES_MAX as u64 }, "challenges, with `begin`").of(&["mock_session"]).or("1"),
    field("grade", Kind::Text, "which grade, with `begin`").of(&["mock_session"]),
    field("work_root", Kind::Hex(32), "the root of the work").of(&["mock_session"]).when("with `claim`"),
    field("openings", Kind::Shape(object), "the rows that were drawn, with their proofs").of(&["mock_session"]).when("with `open`"),
    field("from", SMALL, "the first interval that will be missing").of(&["declare_outage"]).required(),
    field("until", SMALL, "the first that will not be missing again").required(),
    field("amount", ID, "GPUs; 0 withdraws the offer").of(&["offer_standby"]).required(),
    field("fee", Kind::Number, "dollars per GPU-hour").required(),

    // Jobs.
    field("job_id", ID, "which job").required(),
    field("job_id", ID, "only this one").of(&["get_jobs"]),
    field("spec", Kind::Hex(32), "what is to be done: a blob that was put").required(),
    field("blobs", Kind::Hashes(NAMED_MAX), "what is needed besides: blobs that were put"),
    field("mode", Kind::OneOf(&["exact", "tolerant", "redundant"]), "how a result is compared").required(),
    field("gpu_seconds", ID, "how long it may take").required(),
    field("steps", SMALL, "how many steps it has").required(),
    field("stride", SMALL, "steps between two checkpoints").required(),
    field("result", Kind::Hex(32), "what has come of it: a blob that was put").required(),
    field("checkpoints", SMALL, "how many checkpoints it has").required(),
    field("replay_cost", Kind::Number, "dollars that doing it again costs").required(),
    field("claim", Kind::Hex(32), "what is doubted: a blob that was put").required(),
    field("said", Kind::Hex(32), "the move: a blob that was put").when("unless `referee` is true"),
    field("referee", Kind::Flag, "calls the referee").or("false"),

    // What two parties agree elsewhere.
    field("role", Kind::OneOf(&["maker", "taker"]), "which of the two the caller is").of(AGREED).required(),
    field("role", Kind::OneOf(&["seller", "buyer"]), "which of the two the caller is").of(AGREED_DELIVERY).when("unless `obligation_id` is"),
    field("counterparty", ID, "the other's account").of(AGREED).required(),
    field("counterparty", ID, "the other's account").of(AGREED_DELIVERY).when("unless `obligation_id` is"),
    field("amount", Kind::Number, "lots").of(AGREED_DELIVERY).when("unless `obligation_id` is"),
    field("trades", Kind::Shape(shape_of::<Vec<BlockLeg>>), "what is traded, as the maker goes").required(),
    field("reservation", Kind::Hex(32), "the hash of the contract that the futures stand for"),
    field("nonce", ID, "tells two agreements apart that are the same otherwise").required(),
    field("valid_until", Kind::Instant, "until when it may be booked").of(AGREED).required(),
    field("valid_until", Kind::Instant, "until when it may be booked").of(AGREED_DELIVERY).required(),
    field("counterparty_signature", Kind::Hex(65), "the other's signature").required(),
];

/// What is known of a method's field.
pub(crate) fn describe(method: &str, name: &str) -> Option<&'static Field> {
    let bare = method.split_once('/').map_or(method, |(_, bare)| bare);
    let named = || FIELDS.iter().filter(|field| field.name == name);
    let own = named().find(|field| field.of.contains(&bare) || field.of.contains(&method));
    own.or_else(|| named().find(|field| field.of.is_empty()))
}

/// The fields that a method cannot do without.
pub(crate) fn required(method: &str) -> &'static [&'static str] {
    type Names = BTreeMap<&'static str, Vec<&'static str>>;
    static REQUIRED: LazyLock<Names> = LazyLock::new(|| {
        let of = |name: &str, fields: &[&'static str]| {
            let is_required = |field: &&'static str| {
                describe(name, field).is_some_and(|it| it.required == Required::Always)
            };
            fields.iter().copied().filter(is_required).collect()
        };
        let known = METHODS.iter().filter(|spec| !matches!(spec.method, Method::Absent(_)));
        known.map(|spec| (spec.name, of(spec.name, spec.fields))).collect()
    });
    REQUIRED.get(method).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// API-110: what is missing stands in the message, line by line.
    #[test]
    fn api_110_every_field_of_every_method_is_described() {
        let fields =
            || METHODS.iter().flat_map(|spec| spec.fields.iter().map(|it| (spec.name, *it)));
        let missing: Vec<String> = fields()
            .filter(|(method, name)| describe(method, name).is_none())
            .map(|(method, name)| format!("{method}: {name}"))
            .collect();
        assert!(missing.is_empty(), "describe in methods/fields.rs:\n{}", missing.join("\n"));

        let is_used = |entry: &&Field| {
            fields().any(|(method, name)| {
                describe(method, name).is_some_and(|found| std::ptr::eq(found, *entry))
            })
        };
        let unused: Vec<&Field> = FIELDS.iter().filter(|entry| !is_used(entry)).collect();
        assert!(unused.is_empty(), "no method has these:\n{unused:#?}");
    }

    #[test]
    fn api_110_an_entry_names_methods_that_there_are() {
        let names: Vec<&str> = FIELDS.iter().flat_map(|field| field.of).copied().collect();
        for name in names {
            let is_it = |spec: &&super::super::Spec| {
                spec.name == name || spec.name.ends_with(&format!("/{name}"))
            };
            assert!(METHODS.iter().any(|spec| is_it(&spec)), "{name}");
        }
    }
}
