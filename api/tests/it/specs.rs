//! The interface as the venue describes it is the one that it has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

use crate::check::{self, Listening};
use crate::stand::{Stand, soon};

fn official(name: &str) -> jsonschema::Validator {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(name);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, document: &Value) {
    let wrong: Vec<String> = validator
        .iter_errors(document)
        .map(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            format!("{}: {text}", error.instance_path())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every `$ref` leads somewhere in the same document.
fn assert_refs_lead_somewhere(document: &Value, at: &Value) {
    match at {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a reference into the document");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|value| assert_refs_lead_somewhere(document, value));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| assert_refs_lead_somewhere(document, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_111_the_openapi_document_that_is_served_is_valid() {
    let stand = Stand::open().await;
    let (status, document) = stand.get("/api/v2/openapi.json", "").await;
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    assert_valid(&official("openapi-3.1.json"), &document);
    assert_refs_lead_somewhere(&document, &document);

    let paths = document["paths"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for (path, item) in paths {
        for verb in ["get", "post", "put"] {
            let Some(operation) = item.get(verb) else { continue };
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path} {verb}");
        }
    }
    // What the document says of a method is asked of the venue.
    let (_, reply) = stand.get("/api/v2/public/get_time", "").await;
    let said = &paths["/api/v2/public/get_time"]["get"]["responses"]["200"];
    let schema = said["content"]["application/json"]["schema"].clone();
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    assert_valid(&jsonschema::validator_for(&whole).unwrap(), &reply);
    for method in ["private/buy", "public/get_order_book", "private/get_positions"] {
        assert!(paths.contains_key(&format!("/api/v2/{method}")), "{method}");
    }
    // A session's own methods are not asked over HTTP.
    assert!(!paths.contains_key("/api/v2/public/subscribe"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_111_the_asyncapi_document_that_is_served_is_valid() {
    let stand = Stand::open().await;
    let (status, document) = stand.get("/api/v2/asyncapi.json", "").await;
    assert_eq!((status, document["asyncapi"].as_str()), (200, Some("3.0.0")));
    assert_valid(&official("asyncapi-3.0.0.json"), &document);
    assert_refs_lead_somewhere(&document, &document);
    let operations = document["operations"].as_object().unwrap();
    for name in ["public_subscribe", "private_buy", "private_get_positions"] {
        assert_eq!(operations[name]["action"], "receive", "{name}");
        assert_eq!(operations[name]["reply"]["messages"].as_array().unwrap().len(), 2, "{name}");
    }
    assert_eq!(operations["send_user_orders_instrument_name_interval"]["action"], "send");
    for schema in document["components"]["schemas"].as_object().unwrap().values() {
        jsonschema::validator_for(
            &json!({ "allOf": [schema], "components": document["components"] }),
        )
        .unwrap();
    }
}

#[test]
fn api_112_what_is_not_described_is_found() {
    let right = json!({"result": {"trades": [], "has_more": false}});
    let method = "public/get_last_trades_by_instrument";
    assert_eq!(check::wrong_reply(method, &right), None);
    for result in [
        json!({"trades": []}),
        json!({"trades": [], "has_more": 0}),
        json!({"trades": [], "has_more": false, "more": 1}),
        json!({"trades": [{"trade_id": "X-1"}], "has_more": false}),
    ] {
        assert!(check::wrong_reply(method, &json!({ "result": result })).is_some(), "{result}");
    }
    let refused = |code: i64, name: &str| {
        let error = json!({"code": code, "message": name, "data": {"reason": "x"}});
        check::wrong_reply(method, &json!({ "error": error }))
    };
    assert_eq!(refused(10020, "invalid_or_unsupported_instrument"), None);
    assert!(refused(10099, "invalid_or_unsupported_instrument").is_some());
    let message = |channel: &str, data: Value| {
        check::wrong_message(&json!({"params": {"channel": channel, "data": data}}))
    };
    let price = json!({"index_name": "h100_usd", "price": 2.5, "timestamp": 1});
    assert_eq!(message("deribit_price_index.h100_usd", price.clone()), None);
    assert!(message("deribit_price_index.h100_usd", json!({"price": 2.5})).is_some());
    assert!(message("no.such.channel", price).is_some());
}

/// API-112: whoever stands between a test's client and its server notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_112_what_is_not_described_is_found_on_its_way_to_a_client() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listening = Listening::before(server.local_addr().unwrap()).await;
    let said = tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        socket.next().await.unwrap().unwrap();
        for reply in [r#"{"id":1,"result":1800}"#, r#"{"id":1,"result":"now"}"#] {
            socket.send(Message::text(reply)).await.unwrap();
        }
        let message = r#"{"method":"subscription","params":{"channel":"user.mood","data":1}}"#;
        socket.send(Message::text(message)).await.unwrap();
    });
    let url = format!("ws://{}/ws/api/v2", listening.address);
    let (mut client, _) = soon(connect_async(url)).await.unwrap();
    let ask = Message::text(r#"{"jsonrpc":"2.0","id":1,"method":"public/get_index_price"}"#);
    client.send(ask).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(soon(client.next()).await, Some(Ok(Message::Text(_)))));
    }
    soon(said).await.unwrap();
    let wrong = listening.take();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].starts_with("public/get_index_price") && wrong[1].starts_with("user.mood"));
}
