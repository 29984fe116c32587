//! What the venue says of its own interface, made from the tables and types that it answers with: OpenAPI for HTTP, AsyncAPI for WebSocket, and
//! the pages of the reference.
//!
//! Invariants:
//! - nothing is described twice: fields stand in `methods/fields.rs`, results in `methods/results.rs`, channels in `channels/messages.rs`;
//! - a description is made once and is the same for every venue of a version.

mod asyncapi;
mod errors;
mod openapi;
mod pages;
mod schemas;

use std::sync::LazyLock;

pub use errors::{Retry, advice};
pub use pages::{Examples, pages};
pub use schemas::Schemas;

/// The OpenAPI 3.1 description of everything that is asked over HTTP.
#[must_use]
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
    &TEXT
}

/// The AsyncAPI 3.0 description of a WebSocket session: every request with its reply, every channel with its messages.
#[must_use]
pub fn asyncapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| asyncapi::document().to_string());
    &TEXT
}

/// What the interface is called and which version it has.
fn info(title: &str, description: &str) -> serde_json::Value {
    serde_json::json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    })
}
