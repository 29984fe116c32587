//! Tests of the book through its public door.
//!
//! `script` turns commands in a trader's language into events in a reader's; the rule tests are written in it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod amends;
mod arrivals;
mod auctions;
mod conservation;
mod differential;
mod naive;
mod protection;
mod quote_model;
mod quote_property;
mod quote_script;
mod quotes;
mod script;
mod self_trades;
mod snapshots;
mod stream;
mod sweeps;
