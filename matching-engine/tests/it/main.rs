//! Tests of the engine through its public door.
//!
//! `script` turns commands in a trader's language into events in a reader's; the rule tests are written in it. `pair` runs the real engine
//! beside a naive one, under every script and under random commands. Quotes and linked books have models of their own.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod amends;
mod arrivals;
mod auctions;
mod bug_classes;
mod calls;
mod conservation;
mod differential;
mod drafts;
mod icebergs;
mod implied;
mod limits;
mod listings;
mod long_run;
mod naive;
mod pair;
mod pro_rata;
mod protection;
mod quote_model;
mod quote_property;
mod quote_script;
mod quotes;
mod report;
mod script;
mod self_trades;
mod snapshots;
mod stream;
mod sweeps;
mod time_in_force;
mod triggers;
