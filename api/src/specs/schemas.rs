//! JSON schemas of everything on the wire: fields of requests, results, messages, errors.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::channels;
use crate::methods::{METHODS, Method, Required, Spec, describe, result_of};
use crate::wire::ErrorCode;

/// Where definitions stand in a document.
const DEFINITIONS: &str = "/components/schemas";

/// Schemas in the making.
pub(super) struct Making {
    generator: SchemaGenerator,
}

impl Making {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = DEFINITIONS.into();
            settings.meta_schema = None;
        });
        Self { generator: settings.into_generator() }
    }

    /// A method's fields, as an object.
    pub(super) fn params(&mut self, spec: &Spec) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for name in spec.fields {
            let Some(field) = describe(spec.name, name) else { continue };
            properties.insert((*name).to_owned(), field.schema(&mut self.generator).to_value());
            if field.required == Required::Always && !is_absent(spec) {
                required.push(*name);
            }
        }
        let mut schema = json!({ "type": "object", "additionalProperties": false });
        if let Some(object) = schema.as_object_mut() {
            object.insert("properties".to_owned(), Value::Object(properties));
            if !required.is_empty() {
                object.insert("required".to_owned(), json!(required));
            }
        }
        schema
    }

    /// A field's schema.
    pub(super) fn field(&mut self, spec: &Spec, name: &str) -> Option<Value> {
        Some(describe(spec.name, name)?.schema(&mut self.generator).to_value())
    }

    /// What a method answers with; `None` when it only refuses.
    pub(super) fn result(&mut self, method: &str) -> Option<Value> {
        result_of(method).map(|shape| bare(shape(&mut self.generator).to_value()))
    }

    /// A channel's message.
    pub(super) fn message(&mut self, channel: &channels::Described) -> Value {
        bare((channel.message)(&mut self.generator).to_value())
    }

    /// A reply that carries a result.
    pub(super) fn reply(&mut self, method: &str) -> Value {
        let result = self.result(method).unwrap_or(json!(false));
        json!({
            "allOf": [{ "$ref": reference("Reply") }],
            "type": "object",
            "required": ["result"],
            "properties": { "result": result },
        })
    }

    /// Every definition that was referred to, and those that every document has.
    pub(super) fn definitions(mut self) -> Value {
        let made = self.generator.take_definitions(true).into_iter();
        let mut all: Map<String, Value> =
            made.map(|(name, schema)| (bare_name(&name).to_owned(), bare(schema))).collect();
        all.insert("Reply".to_owned(), reply());
        all.insert("ErrorReply".to_owned(), error_reply());
        all.insert("Error".to_owned(), error());
        Value::Object(all)
    }
}

/// A type's name as it is told: all of them are of the wire.
fn bare_name(name: &str) -> &str {
    name.strip_prefix("Wire").unwrap_or(name)
}

/// The same schema, with those names in its references.
fn bare(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let renamed = fields.into_iter().map(|(name, value)| {
                let value = match (name.as_str(), value.as_str()) {
                    ("$ref", Some(to)) => json!(to.replace("/Wire", "/")),
                    (_, Some(_) | None) => bare(value),
                };
                (name, value)
            });
            Value::Object(renamed.collect())
        }
        Value::Array(values) => values.into_iter().map(bare).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema,
    }
}

/// A reference to a definition.
pub(super) fn reference(name: &str) -> String {
    format!("#{DEFINITIONS}/{name}")
}

pub(super) fn is_absent(spec: &Spec) -> bool {
    matches!(spec.method, Method::Absent(_))
}

fn reply() -> Value {
    let micros = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    json!({
        "type": "object",
        "description": "what every reply has",
        "required": ["jsonrpc", "usIn", "usOut", "usDiff", "testnet"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": {
                "type": ["integer", "number", "string", "null"],
                "description": "the request's own; null over GET",
            },
            "usIn": micros("when the request was read, in microseconds since 1970"),
            "usOut": micros("when the reply was written"),
            "usDiff": micros("between the two"),
            "testnet": { "type": "boolean", "description": "whether the money is test money" },
            "credits": {
                "type": "object",
                "description": "what is left of the credits that the request was paid with",
                "required": ["class", "remaining", "limit"],
                "properties": {
                    "class": { "type": "string", "description": "which requests share them" },
                    "remaining": { "type": "integer", "minimum": 0, "description": "how many there are" },
                    "limit": { "type": "integer", "minimum": 0, "description": "how many there can be" },
                },
            },
        },
    })
}

fn error_reply() -> Value {
    json!({
        "allOf": [{ "$ref": reference("Reply") }],
        "type": "object",
        "description": "a refusal",
        "required": ["error"],
        "properties": { "error": { "$ref": reference("Error") } },
    })
}

fn error() -> Value {
    let codes: Vec<Value> = ErrorCode::ALL
        .iter()
        .map(|code| {
            json!({
                "const": code.code(), "title": code.name(), "description": code.meaning(),
            })
        })
        .collect();
    let names: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    json!({
        "type": "object",
        "description": "why a request was refused",
        "required": ["code", "message", "data"],
        "properties": {
            "code": { "type": "integer", "oneOf": codes },
            "message": { "type": "string", "enum": names },
            "data": {
                "type": "object",
                "required": ["reason"],
                "properties": {
                    "reason": { "type": "string", "description": "in words" },
                    "param": { "type": "string", "description": "which field" },
                    "rule": {
                        "type": "string",
                        "description": "the rule of the rule book by which the exchange refused",
                    },
                    "limit": { "type": "number", "description": "what the field may be at most" },
                    "required": { "type": "number", "description": "what was needed" },
                    "available": { "type": "number", "description": "what there is" },
                    "retry_after": {
                        "type": "integer", "description": "milliseconds until it may be sent again",
                    },
                    "first_seq": {
                        "type": "integer", "description": "the oldest message that is kept",
                    },
                    "last_seq": { "type": "integer", "description": "the newest message" },
                    "epoch": { "type": "integer", "description": "when the numbering began" },
                },
            },
        },
    })
}

/// Schemas of single replies and messages, each complete in itself, for whoever checks what a venue has said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Schemas;

impl Schemas {
    /// Every method, by its name.
    #[must_use]
    pub fn methods() -> Vec<&'static str> {
        METHODS.iter().map(|spec| spec.name).collect()
    }

    /// Every channel, by its name with the parts that vary in braces.
    #[must_use]
    pub fn channels() -> Vec<&'static str> {
        channels::CHANNELS.iter().map(|channel| channel.name).collect()
    }

    /// What a method answers with; `None` when it only refuses, or there is no such method.
    #[must_use]
    pub fn result(method: &str) -> Option<Value> {
        let mut making = Making::new();
        let result = making.result(method)?;
        Some(whole(&result, making))
    }

    /// A method's fields; `None` when there is no such method.
    #[must_use]
    pub fn params(method: &str) -> Option<Value> {
        let spec = METHODS.iter().find(|spec| spec.name == method)?;
        Some(Making::new().params(spec))
    }

    /// A channel's message, by the channel's full name; `None` when no channel has it.
    #[must_use]
    pub fn message(channel: &str) -> Option<Value> {
        let channel = channels::describe(channel)?;
        let mut making = Making::new();
        let message = making.message(channel);
        Some(whole(&message, making))
    }

    /// A refusal.
    #[must_use]
    pub fn error() -> Value {
        whole(&json!({ "$ref": reference("Error") }), Making::new())
    }

    /// The channel that a full name is of, as [`Schemas::channels`] has it.
    #[must_use]
    pub fn channel_of(name: &str) -> Option<&'static str> {
        channels::describe(name).map(|channel| channel.name)
    }
}

fn whole(schema: &Value, making: Making) -> Value {
    json!({ "allOf": [schema], "components": { "schemas": making.definitions() } })
}
