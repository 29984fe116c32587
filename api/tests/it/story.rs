//! The reference's examples: what a maker, a hedger, a provider and a verifier ask of a venue, and what it says. They are written down as they
//! were sent, but for what chance decides: tokens, hashes and places in the journal.
//!
//! Before each question is asked rightly it is asked wrongly, field by field: a field that the reference describes and the method does not
//! read would go unnoticed, and the test would not.

mod agreed;
mod defaults;
mod delivery;
mod keys;
mod layout;
mod market;
mod money;
mod orders;
mod quotes;
mod settled;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use api::specs::{Schemas, pages};
use api::venue::Credential;
use exchange::{Command, IndexPrint};
use instruments::{GradeId, MicroUsd, Nanos, Ppm};
use serde_json::{Value, json};

use crate::check;
use crate::stand::{Socket, Stand};
use layout::lay_out;

/// What is written down, and what has been shown.
#[derive(Default)]
struct Scribe {
    examples: BTreeMap<String, String>,
    /// Methods and fields that have been seen to be read.
    read: BTreeSet<(String, String)>,
    /// What is not as it is described, all of it.
    wrong: Vec<String>,
}

/// A session of somebody.
struct Session {
    socket: Socket,
    asked: u64,
    heard: VecDeque<String>,
}

impl Session {
    async fn open(stand: &Stand) -> Self {
        Self { socket: stand.socket().await, asked: 0, heard: VecDeque::new() }
    }

    async fn login(stand: &Stand, credential: &Credential) -> Self {
        let mut session = Self::open(stand).await;
        session.send("public/auth", &login(credential)).await;
        session
    }

    /// A new account with so many dollars.
    async fn trader(stand: &Stand, dollars: i64) -> Self {
        let credential = stand.account(dollars).await;
        Self::login(stand, &credential).await
    }

    async fn verifier(stand: &Stand) -> Self {
        let credential = stand.verifier().await;
        Self::login(stand, &credential).await
    }

    /// A request and its reply, each as its text.
    async fn send(&mut self, method: &str, params: &Value) -> (String, String) {
        self.asked += 1;
        self.send_as(self.asked, method, params).await
    }

    /// What it says to a request that nobody writes down.
    async fn try_out(&mut self, method: &str, params: &Value) -> Value {
        let (_, reply) = self.send_as(0, method, params).await;
        serde_json::from_str(&reply).unwrap()
    }

    async fn send_as(&mut self, id: u64, method: &str, params: &Value) -> (String, String) {
        let request = if params == &json!({}) {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
        } else {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
        };
        self.socket.send(request.clone()).await;
        loop {
            let text = self.socket.next_text().await.unwrap();
            let message: Value = serde_json::from_str(&text).unwrap();
            match message["method"].as_str() {
                Some("subscription") => {
                    self.heard.push_back(text);
                }
                Some(_) => {}
                None => {
                    assert_eq!(message["id"], json!(id), "{text}");
                    return (request, text);
                }
            }
        }
    }

    /// What it answers, which is no refusal.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let (_, reply) = self.send(method, &params).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert!(reply.get("error").is_none(), "{method} {params}: {reply}");
        reply["result"].clone()
    }

    /// The next message of a channel for which `is_it` holds.
    async fn hear(&mut self, channel: &str, is_it: impl Fn(&Value) -> bool) -> String {
        let is_wanted = |text: &String| {
            let message: Value = serde_json::from_str(text).unwrap();
            message["params"]["channel"] == channel && is_it(&message["params"]["data"])
        };
        loop {
            let found = self.heard.iter().position(is_wanted);
            if let Some(text) = found.and_then(|place| self.heard.remove(place)) {
                return text;
            }
            self.heard.push_back(self.socket.next_text().await.unwrap());
        }
    }

    async fn number(&mut self) -> Value {
        self.ask("private/get_account_summary", json!({})).await["id"].clone()
    }
}

fn login(credential: &Credential) -> Value {
    let Credential { client_id, client_secret, .. } = credential;
    json!({
        "grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret,
    })
}

impl Scribe {
    /// Asks, and writes down what was asked and answered.
    async fn ask(&mut self, who: &mut Session, method: &str, params: Value) -> Value {
        self.ask_but(who, method, params, &[]).await
    }

    /// The same where some fields are read in other cases only.
    async fn ask_but(
        &mut self,
        who: &mut Session,
        method: &str,
        params: Value,
        unread: &[&str],
    ) -> Value {
        self.ask_wrongly(who, method, &params, unread).await;
        let (request, reply) = who.send(method, &params).await;
        let told: Value = serde_json::from_str(&reply).unwrap();
        if told.get("error").is_some() {
            self.wrong.push(format!("{method} {params}: {reply}"));
            return Value::Null;
        }
        self.wrong.extend(check::wrong_reply(method, &told));
        self.write(method, &request, &reply);
        told["result"].clone()
    }

    /// Asks for what there is not.
    async fn refused(&mut self, who: &mut Session, method: &str, params: Value) {
        let (request, reply) = who.send(method, &params).await;
        let told: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(told["error"]["code"], json!(10033), "{reply}");
        self.write(method, &request, &reply);
    }

    fn write(&mut self, name: &str, request: &str, reply: &str) {
        let text =
            format!("```json\n{}\n```\n\n```json\n{}\n```\n", lay_out(request), lay_out(reply));
        self.examples.entry(name.to_owned()).or_insert(text);
    }

    async fn hear(&mut self, who: &mut Session, channel: &str) {
        self.hear_of(who, channel, |_| true).await;
    }

    async fn hear_of(
        &mut self,
        who: &mut Session,
        channel: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        let text = who.hear(channel, is_it).await;
        let message = serde_json::from_str(&text).unwrap();
        self.wrong.extend(check::wrong_message(&message));
        let name = Schemas::channel_of(channel).unwrap();
        let written = format!("```json\n{}\n```\n", lay_out(&text));
        self.examples.entry(name.to_owned()).or_insert(written);
        serde_json::from_str::<Value>(&text).unwrap()["params"]["data"].clone()
    }

    /// API-112: every field is read, within its limits, and those that must be sent must be.
    async fn ask_wrongly(
        &mut self,
        who: &mut Session,
        method: &str,
        params: &Value,
        unread: &[&str],
    ) {
        let schema = Schemas::params(method).unwrap();
        let right = jsonschema::validator_for(&schema);
        if let Ok(right) = right {
            assert!(right.is_valid(params), "{method} {params} is not as it is described");
        }
        let fields = schema["properties"].as_object().unwrap().clone();
        for (name, field) in &fields {
            let key = (method.to_owned(), name.clone());
            if unread.contains(&name.as_str()) || self.read.contains(&key) {
                continue;
            }
            for wrong in wrong_values(field) {
                let mut other = params.clone();
                other[name] = wrong.clone();
                let reply = who.try_out(method, &other).await;
                let code = &reply["error"]["code"];
                if !code.is_i64() || *code == json!(11094) || *code == json!(10028) {
                    self.wrong.push(format!("{method} takes {wrong} for {name}: {reply}"));
                }
            }
            self.read.insert(key);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let mut other = params.clone();
            other.as_object_mut().unwrap().remove(name.as_str().unwrap());
            let reply = who.try_out(method, &other).await;
            let (code, param) = (&reply["error"]["code"], &reply["error"]["data"]["param"]);
            if (code, param) != (&json!(-32602), name) {
                self.wrong.push(format!("{method} does without {name}: {reply}"));
            }
        }
    }
}

/// What a field of that schema does not hold: another kind, another word, a number beyond its ends.
fn wrong_values(field: &Value) -> Vec<Value> {
    let mut wrong = vec![json!([[true]])];
    if field["enum"].is_array() {
        wrong.push(json!("no_such_word"));
    }
    if let Some(most) = field["maximum"].as_u64() {
        wrong.push(json!(most + 1));
    }
    if let Some(least) = field["minimum"].as_u64().filter(|least| 0 < *least) {
        wrong.push(json!(least - 1));
    }
    wrong
}

/// The index as it is observed now.
async fn publish(stand: &Stand, at: Nanos, micros: i64) {
    stand.clock.set(at);
    let print = IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: at,
        value: Some(MicroUsd::new(micros)),
        conf: Ppm::new(5_000),
        state: oracle::State::Ok,
    };
    stand.submit(Command::PublishIndex(print)).await;
}

/// API-114: with `UPDATE_EXPECT=1` the pages are rewritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_114_the_reference_shows_a_real_request_and_reply_of_every_method() {
    let mut scribe = Scribe::default();
    market::tell(&mut scribe).await;
    orders::tell(&mut scribe).await;
    quotes::tell(&mut scribe).await;
    keys::tell(&mut scribe).await;
    money::tell(&mut scribe).await;
    settled::tell(&mut scribe).await;
    defaults::tell(&mut scribe).await;
    agreed::tell(&mut scribe).await;
    delivery::tell(&mut scribe).await;

    assert!(scribe.wrong.is_empty(), "{}", scribe.wrong.join("\n"));
    let names = Schemas::methods().into_iter().chain(Schemas::channels());
    let silent: Vec<&str> = names.filter(|name| !scribe.examples.contains_key(*name)).collect();
    // Public methods answer for as long as the venue lives: nothing is ever told there.
    let expected = ["platform_state.public_methods_state"];
    assert_eq!(silent, expected, "no example of these");
    for method in Schemas::methods() {
        if Schemas::result(method).is_none() || !scribe.examples.contains_key(method) {
            continue;
        }
        for name in Schemas::params(method).unwrap()["properties"].as_object().unwrap().keys() {
            let key = (method.to_owned(), name.clone());
            assert!(scribe.read.contains(&key), "is {name} read by {method}?");
        }
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/api");
    for (name, text) in pages(&scribe.examples) {
        let path = folder.join(&name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, text).unwrap();
        } else {
            let was = std::fs::read_to_string(&path).unwrap_or_default();
            let differs = std::iter::zip(was.lines(), text.lines()).find(|(was, is)| was != is);
            assert!(was == text, "docs/api/{name} is out of step, UPDATE_EXPECT=1: {differs:?}");
        }
    }
}
