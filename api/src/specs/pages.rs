//! The pages of the reference below `docs/api`: every method with its fields, its result and an example, by area; every channel, every error, every
//! type.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::errors::advice;
use super::schemas::{Making, is_absent};
use crate::auth::Need;
use crate::channels::{CHANNELS, part, parts_of};
use crate::methods::{METHODS, Method, Required, Spec, describe};
use crate::wire::ErrorCode;

/// What was asked of a running venue and what it said: by method, or by channel.
pub type Examples = BTreeMap<String, String>;

/// The areas, in the order of the catalogue.
pub(super) const AREAS: &[(&str, &str)] = &[
    ("session", "logging in, heartbeats, subscriptions, replays"),
    ("keys", "API keys, wallets, and the keys that wallets let in"),
    ("market", "series, books, trades, prices"),
    ("orders", "placing, changing, cancelling and finding orders"),
    ("account", "positions, money, and the past"),
    ("margin", "what is required, and what would be"),
    ("clearing", "expiry, settlement prices, defaults"),
    ("agreements", "blocks, and deliveries without the clearing house"),
    ("delivery", "nominations, challenges, receipts, disputes"),
    ("jobs", "buyers' work on hardware that is delivered to them"),
    ("absent", "what Deribit has and this venue does not: 10033 with its reason"),
];

/// Which method belongs where, by the beginning of its name without `public/` or `private/`; the first that fits.
#[rustfmt::skip]
const BELONGS: &[(&str, &[&str])] = &[
    ("session", &["auth", "hello", "test", "logout", "replay", "subscribe", "unsubscribe", "set_heartbeat", "disable_heartbeat", "enable_cancel_on", "disable_cancel_on", "get_cancel_on"]),
    ("keys", &["create_session_key", "list_session_keys", "remove_session_key", "get_sign_in", "get_link", "link_", "unlink_", "list_wallets", "get_audit_head", "create_api", "list_api", "edit_api", "change_scope", "change_api", "enable_api", "disable_api", "reset_api", "remove_api"]),
    ("market", &["status", "get_time", "get_currencies", "get_instrument", "ticker", "get_order_book", "get_last_trades", "get_book_summary", "get_tradingview", "get_index", "get_trade_volumes", "get_delivery_prices", "get_contract_size"]),
    ("orders", &["buy", "sell", "edit", "cancel", "mass_quote", "set_mmp", "get_mmp", "reset_mmp", "get_cancel_all", "get_open_orders", "get_order_", "get_user_trades"]),
    ("margin", &["get_risk_arrays", "simulate_portfolio", "get_margins", "change_margin_model", "register_capacity"]),
    ("account", &["get_positions", "get_position", "get_account_summar", "get_subaccounts", "get_deposits", "get_withdrawals", "get_transfers", "get_transaction_log", "get_statement", "faucet", "withdraw_default", "withdraw", "get_settlement_history"]),
    ("clearing", &["get_assignment", "get_last_settlements", "get_settlement_fixing", "dispute_settlement", "rule_on_settlement", "instruct_exercise", "get_loss_split", "get_default_fund", "contribute_default_fund", "withdraw_default_fund", "register_backstop", "get_backstop", "bid_backstop"]),
    ("agreements", &["register_trading_key", "verify_block", "execute_block", "get_block_trade", "get_last_block", "verify_delivery", "execute_delivery"]),
    ("jobs", &["submit_job", "get_jobs", "claim_job", "decline_job", "accept_job", "dispute_job", "answer_dispute", "rule_dispute"]),
    ("delivery", &["nominate", "get_obligations", "submit_", "open_rows", "get_receipts", "get_transcript", "countersign", "mock_session", "accept_delivery", "judge_burn_in", "declare_outage", "substitute", "offer_standby", "dispute_invoice"]),
];

/// The area of a method.
pub(super) fn area_of(name: &str) -> &'static str {
    if METHODS.iter().any(|spec| spec.name == name && is_absent(spec)) {
        return "absent";
    }
    let bare = name.split_once('/').map_or(name, |(_, bare)| bare);
    if bare.ends_with("default_fund") {
        return "clearing";
    }
    let found = BELONGS.iter().find(|(_, begins)| begins.iter().any(|it| bare.starts_with(it)));
    found.map_or("", |(area, _)| *area)
}

/// Whether a method is about a WebSocket session, and so is not asked over HTTP.
pub(super) const fn needs_a_session(method: Method) -> bool {
    matches!(
        method,
        Method::Subscribe
            | Method::Unsubscribe
            | Method::UnsubscribeAll
            | Method::PrivateSubscribe
            | Method::PrivateUnsubscribe
            | Method::PrivateUnsubscribeAll
            | Method::Logout
            | Method::Connection(_)
    )
}

/// Every page: its file's name below `docs/api`, and its text.
#[must_use]
pub fn pages(examples: &Examples) -> Vec<(String, String)> {
    let mut pages = vec![
        ("README.md".to_owned(), catalogue()),
        ("channels.md".to_owned(), channels(examples)),
        ("errors.md".to_owned(), errors()),
        ("types.md".to_owned(), types()),
    ];
    for (area, what) in AREAS {
        pages.push((format!("{area}.md"), area_page(area, what, examples)));
    }
    pages
}

const MADE: &str =
    "<!-- made from the code, see docs/testing.md: UPDATE_EXPECT=1 rewrites it -->\n";

/// Text that is written cannot fail to be.
fn say(page: &mut String, text: std::fmt::Arguments<'_>) {
    let written = page.write_fmt(text);
    debug_assert!(written.is_ok(), "text is written to memory");
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars().filter(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-')).collect()
}

fn of_area(area: &str) -> impl Iterator<Item = &'static Spec> {
    METHODS.iter().filter(move |spec| area_of(spec.name) == area)
}

fn catalogue() -> String {
    let mut page = format!("{MADE}# The reference\n\n");
    say(
        &mut page,
        format_args!(
            "How requests, numbers and logins work is told in [the API](../api.md). Here is every method, with its fields, its \
             result, and a request with its reply from a running venue; every [channel](channels.md), every \
             [type](types.md) and every [error](errors.md).\n\n\
             A running venue serves the same for programs: `/api/v2/openapi.json` (OpenAPI 3.1) and `/api/v2/asyncapi.json` \
             (AsyncAPI 3.0). Both, and these pages, are made from the tables and types that the venue answers with.\n"
        ),
    );
    for (area, what) in AREAS {
        say(
            &mut page,
            format_args!("\n## [{}]({area}.md)\n\n{}.\n\n", capital(area), capital(what)),
        );
        page.push_str("| method | scope | does |\n|---|---|---|\n");
        for spec in of_area(area) {
            say(
                &mut page,
                format_args!(
                    "| [`{}`]({area}.md#{}) | {} | {} |\n",
                    spec.name,
                    anchor(spec.name),
                    spec.need.map_or("", Need::as_str),
                    does(spec)
                ),
            );
        }
    }
    page
}

/// What a method does, as these pages link.
fn does(spec: &Spec) -> String {
    spec.does.replace("](api-", "](../api-")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn area_page(area: &str, what: &str, examples: &Examples) -> String {
    let mut page = format!("{MADE}# {}\n\n{}.\n", capital(area), capital(what));
    for spec in of_area(area) {
        say(&mut page, format_args!("\n## {}\n\n{}.\n\n", spec.name, capital(&does(spec))));
        if let Some(need) = spec.need {
            say(&mut page, format_args!("Needs `{}`.", need.as_str()));
            page.push_str(if needs_a_session(spec.method) {
                " WebSocket only.\n\n"
            } else {
                "\n\n"
            });
        }
        page.push_str(&fields(spec));
        let mut making = Making::new();
        if let Some(result) = making.result(spec.name) {
            say(&mut page, format_args!("Answers with {}.\n", type_name(&result)));
        }
        if let Some(example) = examples.get(spec.name) {
            say(&mut page, format_args!("\n{example}"));
        }
    }
    page
}

fn fields(spec: &Spec) -> String {
    if spec.fields.is_empty() {
        return String::new();
    }
    let mut table =
        String::from("| field | is | must be sent | means | otherwise |\n|---|---|---|---|---|\n");
    for name in spec.fields {
        let Some(field) = describe(spec.name, name) else { continue };
        let required = match field.required {
            Required::Always if !is_absent(spec) => "yes",
            Required::Always | Required::No => "",
            Required::When(condition) => condition,
        };
        let default = field.default.map(|default| match default {
            "" => "nothing".to_owned(),
            other => format!("`{other}`"),
        });
        let default = default.unwrap_or_default();
        let kind = field.kind.name();
        say(
            &mut table,
            format_args!("| `{name}` | {kind} | {required} | {} | {default} |\n", field.does),
        );
    }
    table.push('\n');
    table
}

/// What a schema is called in prose.
fn type_name(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](types.md#{})", anchor(name));
    }
    for all in ["anyOf", "oneOf", "allOf"] {
        if let Some(any) = schema.get(all).and_then(Value::as_array) {
            let names: Vec<String> = any.iter().map(type_name).collect();
            return names.join(" or ");
        }
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    }
    let named = match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).map(word).collect();
            names.join(" or ")
        }
        Some(_) | None => "anything".to_owned(),
    };
    let said = schema.get("description").and_then(Value::as_str);
    match (named.as_str(), schema.get("items"), schema.get("prefixItems")) {
        ("array", _, Some(Value::Array(parts))) => {
            let parts: Vec<String> = parts.iter().map(type_name).collect();
            format!("[{}]", parts.join(", "))
        }
        ("array", Some(items), _) => format!("a list of {}", type_name(items)),
        ("integer", _, _) => said
            .map_or_else(|| word("integer").to_owned(), |said| format!("a whole number: {said}")),
        (name, _, _) => word(name).to_owned(),
    }
}

/// A kind of JSON in prose.
fn word(kind: &str) -> &str {
    match kind {
        "integer" => "whole number",
        "string" => "text",
        "boolean" => "true or false",
        "array" => "list",
        other => other,
    }
}

fn types() -> String {
    let mut making = Making::new();
    for spec in METHODS {
        making.result(spec.name);
    }
    for channel in CHANNELS {
        making.message(channel);
    }
    let mut page = format!(
        "{MADE}# Types\n\nWhat results and messages consist of. A field that is not always there is marked with `?`.\n"
    );
    let definitions = making.definitions();
    for (name, schema) in definitions.as_object().into_iter().flatten() {
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        say(&mut page, format_args!("\n## {name}\n\n{}\n", line(said)));
        page.push_str(&shape(schema));
    }
    page
}

/// An object's fields, or the forms that something may have.
fn shape(schema: &Value) -> String {
    let mut text = String::new();
    if let Some(forms) = schema.get("oneOf").and_then(Value::as_array) {
        for form in forms {
            let said = form.get("description").and_then(Value::as_str).unwrap_or_default();
            let of = form.get("$ref").map(|_| format!(" As {}.", type_name(form)));
            say(&mut text, format_args!("\n{}{}\n", line(said), of.unwrap_or_default()));
            text.push_str(&table(form));
        }
    }
    if schema.get("type").and_then(Value::as_str) == Some("array") {
        let mut bare = schema.clone();
        if let Some(bare) = bare.as_object_mut() {
            bare.remove("description");
        }
        say(&mut text, format_args!("\nAs {}.\n", type_name(&bare)));
    }
    text.push_str(&table(schema));
    text
}

fn table(schema: &Value) -> String {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return String::new();
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut text = String::from("\n| field | is | means |\n|---|---|---|\n");
    for (name, field) in properties {
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        let said = field.get("description").and_then(Value::as_str).unwrap_or_default();
        let mut bare = field.clone();
        if let Some(bare) = bare.as_object_mut() {
            bare.remove("description");
        }
        say(
            &mut text,
            format_args!("| `{name}`{mark} | {} | {} |\n", type_name(&bare), line(said)),
        );
    }
    text
}

/// A comment's text on one line.
fn line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<&str>>().join(" ").replace('|', "\\|")
}

fn channels(examples: &Examples) -> String {
    let mut page = format!(
        "{MADE}# Channels\n\nA message is `{{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{{\"channel\":..,\"seq\":..,\"data\":..}}}}`. \
         `seq` counts without a gap, see [streams](../api-streams.md). `public/subscribe` and `private/subscribe` take the names; see [sessions](session.md).\n"
    );
    for channel in CHANNELS {
        say(&mut page, format_args!("\n## {}\n\n{}.", channel.name, capital(channel.does)));
        page.push_str(if channel.is_private { " Needs a login.\n" } else { "\n" });
        let parts: Vec<&'static str> = parts_of(channel.name).collect();
        if !parts.is_empty() {
            page.push('\n');
        }
        for name in parts {
            let (what, words) = part(name);
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            let words =
                if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
            say(&mut page, format_args!("- `{name}`: {what}{words}\n"));
        }
        let message = Making::new().message(channel);
        say(&mut page, format_args!("\n`data` is {}.\n", type_name(&message)));
        if let Some(example) = examples.get(channel.name) {
            say(&mut page, format_args!("\n{example}"));
        }
    }
    page
}

fn errors() -> String {
    let mut page = format!(
        "{MADE}# Errors\n\nWhat a refusal looks like is told in [the API](../api.md#a-request-and-its-reply). Numbers and names are those of \
         Deribit's v2 API as its clients know them. `yes` in the column *again* means that the same request may be sent \
         again after a while, `later` when what it says has changed.\n\n\
         | code | message | HTTP | means | again | what to do | rules |\n|---|---|---|---|---|---|---|\n"
    );
    for code in ErrorCode::ALL {
        let (retry, what) = advice(*code);
        let rules = rules_of(*code);
        say(
            &mut page,
            format_args!(
                "| {} | `{}` | {} | {} | {} | {what} | {} |\n",
                code.code(),
                code.name(),
                code.http_status(),
                code.meaning(),
                retry.word(),
                rules.join(", ")
            ),
        );
    }
    page.push_str(
        "\nThe rules are those of the [rule book](../rules/README.md) by which the exchange refuses with that code; `data.rule` names the one. A \
         code without rules is the gateway's own.\n",
    );
    page
}

/// The rules by which the exchange refuses with a code. A test keeps the file in step with every refusal.
fn rules_of(code: ErrorCode) -> Vec<&'static str> {
    let number = code.code().to_string();
    let rows = include_str!("../raise/reject/codes.txt").lines();
    let mut rules: Vec<&str> = rows
        .filter_map(|row| {
            let mut words = row.split(' ');
            let rule = words.next()?;
            (words.next() == Some(number.as_str())).then_some(rule)
        })
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// API-114: what is missing stands in the message, line by line.
    #[test]
    fn api_114_every_method_has_its_place_in_the_catalogue() {
        let known = |area: &str| AREAS.iter().any(|(name, _)| *name == area);
        let homeless: Vec<&str> =
            METHODS.iter().map(|spec| spec.name).filter(|name| !known(area_of(name))).collect();
        assert!(homeless.is_empty(), "place in specs/pages.rs:\n{}", homeless.join("\n"));
    }

    /// API-110: a type that nobody explains is half a type.
    #[test]
    fn api_110_every_field_of_every_type_is_explained() {
        let mut making = Making::new();
        for spec in METHODS {
            making.result(spec.name);
        }
        for channel in CHANNELS {
            making.message(channel);
        }
        let definitions = making.definitions();
        let mut silent = Vec::new();
        for (name, schema) in definitions.as_object().unwrap() {
            let forms = schema["oneOf"].as_array().cloned().unwrap_or_default();
            for form in forms.iter().chain([schema]) {
                for (field, of) in form["properties"].as_object().into_iter().flatten() {
                    let is_said = of["description"].is_string() || of["const"].is_string();
                    if !is_said && name != "Reply" && name != "ErrorReply" && name != "Error" {
                        silent.push(format!("{name}.{field}"));
                    }
                }
            }
        }
        assert!(silent.is_empty(), "explain where they are declared:\n{}", silent.join("\n"));
    }
}
