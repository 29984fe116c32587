//! AsyncAPI 3.0: a WebSocket session with every request and its reply, and every channel with its message.

use serde_json::{Map, Value, json};

use super::info;
use super::openapi::{id_of, request, security_schemes};
use super::schemas::{Making, is_absent, reference};
use crate::channels::{CHANNELS, Described, part, parts_of};
use crate::methods::METHODS;

/// The one channel that requests and replies go through.
const SESSION: &str = "session";

pub(super) fn document() -> Value {
    let mut making = Making::new();
    let (mut messages, mut operations) = (Map::new(), Map::new());
    messages.insert("error".to_owned(), json!({ "$ref": "#/components/messages/error" }));
    for spec in METHODS {
        let id = id_of(spec.name);
        let asked = json!({
            "name": spec.name, "summary": spec.does, "contentType": "application/json",
            "payload": request(&mut making, spec),
        });
        messages.insert(format!("{id}.request"), asked);
        let mut replies = vec![of_session("error")];
        if !is_absent(spec) {
            let reply = json!({
                "name": format!("{} reply", spec.name), "contentType": "application/json",
                "payload": making.reply(spec.name),
            });
            messages.insert(format!("{id}.reply"), reply);
            replies.insert(0, of_session(&format!("{id}.reply")));
        }
        let operation = json!({
            "action": "receive",
            "channel": { "$ref": format!("#/channels/{SESSION}") },
            "summary": spec.does,
            "messages": [of_session(&format!("{id}.request"))],
            "reply": {
                "channel": { "$ref": format!("#/channels/{SESSION}") },
                "messages": replies,
            },
        });
        operations.insert(id, operation);
    }
    let mut channels = Map::new();
    channels.insert(SESSION.to_owned(), session(messages));
    for channel in CHANNELS {
        let id = channel_id(channel.name);
        operations.insert(format!("send_{id}"), told(&id, channel));
        channels.insert(id, subscription(&mut making, channel));
    }
    let description = "JSON-RPC 2.0 over WebSocket, with the names of Deribit's v2 API where it has one: log in once, ask anything, \
                       subscribe to channels.";
    json!({
        "asyncapi": "3.0.0",
        "info": info("Tenor over WebSocket", description),
        "defaultContentType": "application/json",
        "servers": {
            "venue": {
                "host": "{host}", "protocol": "ws", "pathname": "/ws/api/v2",
                "description": "the venue that serves this document; TLS is a proxy's",
                "variables": { "host": { "default": "127.0.0.1:8080", "description": "host and port" } },
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": making.definitions(),
            "messages": {
                "error": {
                    "name": "error", "summary": "a refusal", "contentType": "application/json",
                    "payload": { "$ref": reference("ErrorReply") },
                },
            },
            "securitySchemes": async_security(),
        },
    })
}

fn session(messages: Map<String, Value>) -> Value {
    let description = "requests and replies; replies may come in another order than their requests, each has the id of its own";
    json!({
        "address": "/ws/api/v2",
        "title": "a session",
        "description": description,
        "messages": messages,
    })
}

fn of_session(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{SESSION}/messages/{message}") })
}

/// A channel's name as an identifier.
fn channel_id(name: &str) -> String {
    name.replace('.', "_").replace(['{', '}'], "")
}

fn told(id: &str, channel: &Described) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": format!("#/channels/{id}") },
        "summary": channel.does,
        "messages": [{ "$ref": format!("#/channels/{id}/messages/notification") }],
    })
}

fn subscription(making: &mut Making, channel: &Described) -> Value {
    let parameters: Map<String, Value> = parts_of(channel.name)
        .map(|name| {
            let (what, words) = part(name);
            let mut parameter = json!({ "description": what });
            if let Some(object) = parameter.as_object_mut().filter(|_| !words.is_empty()) {
                object.insert("enum".to_owned(), json!(words));
            }
            (name.to_owned(), parameter)
        })
        .collect();
    let asked = if channel.is_private { "private/subscribe" } else { "public/subscribe" };
    let mut described = json!({
        "address": channel.name,
        "title": channel.name,
        "description": format!("{}; asked for by {asked}", channel.does),
        "messages": { "notification": notification(making, channel) },
    });
    if let Some(object) = described.as_object_mut().filter(|_| !parameters.is_empty()) {
        object.insert("parameters".to_owned(), Value::Object(parameters));
    }
    described
}

fn notification(making: &mut Making, channel: &Described) -> Value {
    json!({
        "name": "subscription",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["jsonrpc", "method", "params"],
            "properties": {
                "jsonrpc": { "const": "2.0" },
                "method": { "const": "subscription" },
                "params": {
                    "type": "object",
                    "required": ["channel", "seq", "data"],
                    "properties": {
                        "channel": { "type": "string", "description": "the name that was asked for" },
                        "data": making.message(channel),
                        "seq": number("the message's number in its channel, without gaps"),
                        "user_seq": number("the number of the account's last report in it"),
                        "missed_from": number("the first message that was left out before it"),
                        "epoch": number("when the channel's numbering began"),
                    },
                },
            },
        },
    })
}

fn number(what: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": what })
}

/// A session logs in by `public/auth`; a header is for HTTP.
fn async_security() -> Value {
    let mut schemes = security_schemes();
    if let Some(schemes) = schemes.as_object_mut() {
        schemes.retain(|name, _| name == "bearer" || name == "basic");
    }
    schemes
}
