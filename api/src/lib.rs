//! How clients reach the exchange: the wire, sessions, the running venue, and the client.
//!
//! Nothing here decides what an order does. A session turns text into a command, the venue journals and applies it, and what happened is
//! turned into text again. Read `venue.rs`, then `methods.rs`, then `session.rs`.

mod auth;
mod channels;
pub mod client;
mod connections;
#[cfg(test)]
mod fuzz;
mod gateway;
mod health;
mod http;
pub mod io;
mod keys_watch;
pub mod limits;
mod lower;
mod methods;
mod metrics;
pub mod operator;
mod peer;
pub mod pricing;
mod raise;
pub mod reference;
mod server;
mod session;
mod socket;
pub mod specs;
pub mod venue;
pub mod wire;

pub use auth::{Network, NetworkError, Secret};
pub use server::{ServeError, serve};
