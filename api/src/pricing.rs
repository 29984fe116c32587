//! What options are worth: prices, implied volatilities, surfaces, risk arrays. Floating point lives here and nowhere nearer the core.
//!
//! Everything is a function of its arguments: no clock, no file, no socket, no state. What leaves for the exchange leaves as
//! integers, through a journaled command, so a replay never computes a logarithm. Formulas
//! with their sources, measured accuracy and worked examples: `docs/pricing.md`. Read `black76.rs`, then `scenarios.rs`.

pub mod black76;
mod error;
pub mod implied;
pub mod portfolio;
pub mod scenarios;

pub use black76::{European, Terms, Value};
pub use error::PricingError;
