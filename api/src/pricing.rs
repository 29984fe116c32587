//! What options are worth: prices, implied volatilities, surfaces, risk arrays. Floating point lives here and nowhere nearer the core.
//!
//! Everything is a function of its arguments: no clock, no file, no socket. What leaves for the exchange leaves as integers
//! ([`array::lanes`]), through a journaled command, so a replay never computes a logarithm. Formulas with their sources, measured
//! accuracy and worked examples: `docs/pricing.md`. Read `black76.rs`, then `scenarios.rs`, then `svi.rs`.

pub mod array;
pub mod average;
pub mod black76;
pub mod cap;
mod error;
pub mod implied;
pub mod portfolio;
pub mod publisher;
pub mod scenarios;
pub mod surface;
pub mod svi;

pub use black76::{European, Terms, Value};
pub use error::PricingError;
