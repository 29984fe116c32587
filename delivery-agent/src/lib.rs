//! Delivery: the work a provider's GPU does, the proof of it, and the receipt for it.
//!
//! A challenge is a chain of exact integer matrix products on candle ([`program`]). The provider
//! commits to it with a Merkle root in a signed receipt ([`io::sign`]), then opens rows drawn
//! afterwards; the verifier computes those rows again from the seed ([`verify`]).
//!
//! Read [`profile`], then [`program`], then [`verify`]; then [`session`] and [`verifier`], the two
//! roles that do this for an exchange, over its WebSocket.
//!
//! Invariants:
//! - the same challenge gives the same bits on every device: there is no tolerance anywhere;
//! - keys live in the agent's process, the device in the worker's ([`worker`]).

pub mod attack;
pub mod calibration;
pub mod challenge;
pub mod conformance;
pub mod device;
pub mod expand;
pub mod fault;
pub mod freivalds;
#[cfg(test)]
mod fuzz;
pub mod host;
pub mod io;
pub mod job;
pub mod job_desk;
pub mod measure;
pub mod merkle;
pub mod mock;
pub mod profile;
pub mod program;
pub mod rate;
pub mod role;
pub mod salt;
pub mod session;
pub mod stream;
pub mod transcript;
pub mod vectors;
pub mod verifier;
pub mod verify;
pub mod wire;
pub mod worker;

pub use candle_core::Device;
pub use device::DeviceKind;
pub use fault::{Fault, FaultPlan};
pub use role::{Role, RoleError};
pub use session::run_agent;
pub use verifier::run_verifier;
pub use worker::serve_worker;
