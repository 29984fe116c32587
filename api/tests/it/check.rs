//! Every reply and every message that a test sees is held against the schema that the venue publishes of it.
//!
//! In a test every object is closed: a field that no schema has is as wrong as one that is missing. Between a client and the server stands a
//! listener that hands on every frame as it is, after it has looked at it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use api::specs::Schemas;
use futures_util::{SinkExt, StreamExt};
use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async_with_config};

/// What is wrong with a reply of a method; `None` when nothing is.
pub(crate) fn wrong_reply(method: &str, reply: &Value) -> Option<String> {
    if let Some(error) = reply.get("error") {
        return wrong("error", || Some(Schemas::error()), error);
    }
    wrong(method, || Schemas::result(method), &reply["result"])
}

/// The same of a channel's message.
pub(crate) fn wrong_message(message: &Value) -> Option<String> {
    let name = message["params"]["channel"].as_str().unwrap_or_default();
    let Some(channel) = Schemas::channel_of(name) else {
        return Some(format!("{name}: no such channel is described in channels/messages.rs"));
    };
    wrong(channel, || Schemas::message(name), &message["params"]["data"])
}

type Validators = Mutex<BTreeMap<String, Option<Arc<Validator>>>>;

fn wrong(what: &str, schema: impl FnOnce() -> Option<Value>, value: &Value) -> Option<String> {
    static MADE: LazyLock<Validators> = LazyLock::new(Validators::default);
    let made = {
        let mut all = MADE.lock();
        let make = || {
            let mut schema = schema()?;
            let joined = joined(&schema);
            close(&mut schema, &joined);
            Some(Arc::new(jsonschema::validator_for(&schema).unwrap()))
        };
        all.entry(what.to_owned()).or_insert_with(make).clone()
    };
    let Some(validator) = made else { return Some(format!("{what}: its result is not described")) };
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            format!("{what}{}: {text}", error.instance_path())
        })
        .collect();
    (!errors.is_empty()).then(|| errors.join("\n"))
}

/// Definitions that others add fields to: those cannot be closed.
fn joined(schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_joined(schema, &mut names);
    names
}

fn collect_joined(at: &Value, names: &mut BTreeSet<String>) {
    match at {
        Value::Object(fields) => {
            let others = [fields.get("$ref"), fields.get("then").and_then(|then| then.get("$ref"))];
            let others = others.into_iter().filter(|_| fields.contains_key("properties"));
            for to in others.flatten().filter_map(Value::as_str) {
                names.extend(to.rsplit('/').next().map(str::to_owned));
            }
            fields.values().for_each(|value| collect_joined(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_joined(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// No object has a field that its schema does not name.
fn close(at: &mut Value, joined: &BTreeSet<String>) {
    match at {
        Value::Object(fields) => {
            let is_made_of_parts = ["$ref", "allOf", "anyOf", "oneOf", "if"]
                .iter()
                .any(|word| fields.contains_key(*word));
            let is_open = fields.contains_key("properties")
                && !fields.contains_key("additionalProperties")
                && !is_made_of_parts;
            if is_open {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            // The parts of what has fields beside them see only some.
            if is_made_of_parts && fields.contains_key("properties") {
                return;
            }
            for (name, value) in fields.iter_mut() {
                if !joined.contains(name) {
                    close(value, joined);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| close(value, joined)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A listener in front of a server. When it goes, it says what was wrong.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Listening {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&wrong);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hand_on(stream, server, Arc::clone(&noted)));
            }
        });
        Self { address, wrong }
    }

    /// What was wrong so far, which is not said again.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.wrong.lock())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let wrong = self.wrong.lock();
        if !std::thread::panicking() {
            assert!(wrong.is_empty(), "not as it is described:\n{}", wrong.join("\n"));
        }
    }
}

/// Hands frames on in both directions until either side ends.
async fn hand_on(stream: TcpStream, server: SocketAddr, wrong: Arc<Mutex<Vec<String>>>) {
    drop(stream.set_nodelay(true));
    let url = format!("ws://{server}/ws/api/v2");
    let Ok((inner, _)) = connect_async_with_config(url, None, true).await else { return };
    let Ok(outer) = accept_async(stream).await else { return };
    let ((mut to_client, mut from_client), (mut to_server, mut from_server)) =
        (outer.split(), inner.split());
    let mut asked: BTreeMap<String, String> = BTreeMap::new();
    loop {
        tokio::select! {
            message = from_client.next() => {
                let Some(Ok(message)) = message else { break };
                if let Message::Text(text) = &message {
                    note_request(text, &mut asked);
                }
                if to_server.send(message).await.is_err() {
                    break;
                }
            }
            message = from_server.next() => {
                let Some(Ok(message)) = message else { break };
                if let Message::Text(text) = &message {
                    wrong.lock().extend(wrong_frame(text, &mut asked));
                }
                if to_client.send(message).await.is_err() {
                    break;
                }
            }
        }
    }
    // Whichever side is left is told by the end of its connection.
    drop(to_client.close().await);
    drop(to_server.close().await);
}

fn note_request(text: &str, asked: &mut BTreeMap<String, String>) {
    let Ok(request) = serde_json::from_str::<Value>(text) else { return };
    if let Some(method) = request["method"].as_str() {
        asked.insert(request["id"].to_string(), method.to_owned());
    }
}

/// What is wrong with a frame of the server.
fn wrong_frame(text: &str, asked: &mut BTreeMap<String, String>) -> Option<String> {
    let message: Value = serde_json::from_str(text).unwrap();
    match message["method"].as_str() {
        Some("subscription") => wrong_message(&message),
        Some(_) => None,
        None => {
            let method = asked.remove(&message["id"].to_string());
            method.and_then(|method| wrong_reply(&method, &message))
        }
    }
}
