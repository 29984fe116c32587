//! OpenAPI 3.1: every method as `GET` of its path and as a JSON-RPC `POST`, blobs, and what else is served.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::{Making, is_absent, reference};
use super::{info, pages};
use crate::methods::{METHODS, Required, Spec, describe};
use crate::wire::ErrorCode;

pub(super) fn document() -> Value {
    let mut making = Making::new();
    let mut paths = Map::new();
    for spec in METHODS.iter().filter(|spec| !pages::needs_a_session(spec.method)) {
        let item = json!({ "get": get(&mut making, spec), "post": post(&mut making, spec) });
        paths.insert(format!("/api/v2/{}", spec.name), item);
    }
    paths.insert("/api/v2/blobs/{hash}".to_owned(), blobs());
    for (path, what) in [
        ("/api/v2/openapi.json", "this document"),
        ("/api/v2/asyncapi.json", "the same of a WebSocket session"),
        ("/health", "whether the venue works; 503 when it has failed"),
        ("/ready", "whether the venue takes orders; 503 with the reasons when it does not"),
    ] {
        paths.insert(path.to_owned(), json!({ "get": plain(path, what) }));
    }
    let description = "JSON-RPC 2.0 over HTTP, with the names of Deribit's v2 API where it has one. A price or an amount is a JSON \
                       number, read and written digit by digit.";
    json!({
        "openapi": "3.1.0",
        "info": info("Tenor over HTTP", description),
        "servers": [{ "url": "/", "description": "the venue that serves this document" }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": making.definitions(),
            "responses": responses(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn tags() -> Value {
    let tag = |(name, what): &(&str, &str)| json!({ "name": name, "description": what });
    pages::AREAS.iter().map(tag).collect()
}

/// What a method has whichever way it is asked.
fn operation(making: &mut Making, spec: &Spec, verb: &str) -> Map<String, Value> {
    let mut answers = Map::new();
    if !is_absent(spec) {
        let schema = making.reply(spec.name);
        let content = json!({ "application/json": { "schema": schema } });
        answers.insert("200".to_owned(), json!({ "description": "done", "content": content }));
    }
    for status in statuses().keys() {
        let response = json!({ "$ref": format!("#/components/responses/{status}") });
        answers.insert(status.to_string(), response);
    }
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), json!(format!("{verb}_{}", id_of(spec.name))));
    operation.insert("summary".to_owned(), json!(spec.does));
    operation.insert("tags".to_owned(), json!([pages::area_of(spec.name)]));
    operation.insert("responses".to_owned(), Value::Object(answers));
    match spec.need {
        None => operation.insert("security".to_owned(), json!([])),
        Some(need) => {
            operation.insert("x-scope".to_owned(), json!(need.as_str()));
            let any_of = json!([{ "bearer": [] }, { "basic": [] }, { "deri-hmac-sha256": [] }]);
            operation.insert("security".to_owned(), any_of)
        }
    };
    operation
}

fn get(making: &mut Making, spec: &Spec) -> Value {
    let mut parameters = Vec::new();
    for name in spec.fields {
        let Some(field) = describe(spec.name, name) else { continue };
        let Some(mut schema) = making.field(spec, name) else { continue };
        let said = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let is_json =
            matches!(schema.get("type").and_then(Value::as_str), Some("array" | "object"))
                || schema.get("type").is_none();
        let is_required = field.required == Required::Always && !is_absent(spec);
        let mut parameter = json!({
            "name": name, "in": "query", "required": is_required, "description": said,
        });
        if let Some(parameter) = parameter.as_object_mut() {
            // A list or an object is one JSON text.
            if is_json {
                let content = json!({ "application/json": { "schema": schema } });
                parameter.insert("content".to_owned(), content);
            } else {
                parameter.insert("schema".to_owned(), schema);
            }
        }
        parameters.push(parameter);
    }
    let mut operation = operation(making, spec, "get");
    operation.insert("parameters".to_owned(), json!(parameters));
    Value::Object(operation)
}

fn post(making: &mut Making, spec: &Spec) -> Value {
    let request = request(making, spec);
    let mut operation = operation(making, spec, "post");
    let content = json!({ "application/json": { "schema": request } });
    operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    Value::Object(operation)
}

/// A JSON-RPC request of one method.
pub(super) fn request(making: &mut Making, spec: &Spec) -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "id", "method"],
        "additionalProperties": false,
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "number", "string"], "description": "comes back in the reply" },
            "method": { "const": spec.name },
            "params": making.params(spec),
        },
    })
}

pub(super) fn id_of(name: &str) -> String {
    name.replace('/', "_")
}

fn statuses() -> BTreeMap<u16, Vec<ErrorCode>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        by_status.entry(code.http_status()).or_default().push(*code);
    }
    by_status
}

fn responses() -> Value {
    let response = |(status, codes): (u16, Vec<ErrorCode>)| {
        let codes: Vec<String> =
            codes.iter().map(|code| format!("{} {}", code.code(), code.name())).collect();
        let content =
            json!({ "application/json": { "schema": { "$ref": reference("ErrorReply") } } });
        (status.to_string(), json!({ "description": codes.join(", "), "content": content }))
    };
    Value::Object(statuses().into_iter().map(response).collect())
}

pub(super) fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer",
            "description": "an access token of public/auth",
        },
        "basic": { "type": "http", "scheme": "basic", "description": "a client's id and secret" },
        "deri-hmac-sha256": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "`deri-hmac-sha256 id=CLIENT_ID,ts=TIMESTAMP,sig=SIGNATURE,nonce=NONCE`: the request, signed with the client's secret",
        },
    })
}

fn blobs() -> Value {
    let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    let refused = json!({
        "description": "a refusal",
        "content": { "application/json": { "schema": { "$ref": reference("ErrorReply") } } },
    });
    let any_of = json!([{ "bearer": [] }, { "basic": [] }, { "deri-hmac-sha256": [] }]);
    json!({
        "parameters": [{
            "name": "hash", "in": "path", "required": true,
            "description": "its BLAKE3 hash, 32 bytes in hexadecimal",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
        }],
        "get": {
            "operationId": "get_blob", "summary": "the bytes of a blob", "tags": ["jobs"],
            "security": any_of.clone(), "x-scope": "trade:read",
            "responses": {
                "200": { "description": "its bytes", "content": bytes.clone() },
                "default": refused.clone(),
            },
        },
        "put": {
            "operationId": "put_blob", "summary": "keeps a blob", "tags": ["jobs"],
            "security": any_of, "x-scope": "trade:read_write",
            "requestBody": { "required": true, "content": bytes },
            "responses": {
                "200": {
                    "description": "it is kept",
                    "content": { "application/json": { "schema": { "$ref": reference("Reply") } } },
                },
                "default": refused,
            },
        },
    })
}

fn plain(path: &str, what: &str) -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    let id = path.trim_start_matches('/').replace(['/', '.'], "_");
    json!({
        "operationId": format!("get_{id}"), "summary": what, "tags": ["session"], "security": [],
        "responses": { "200": { "description": what, "content": content } },
    })
}
