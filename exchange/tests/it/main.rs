//! Rules and properties of the exchange, through its one door.
//!
//! `script` turns commands in a trader's language into events in a reader's. Every command of every test goes through `world`, which has
//! the auditor look at the events and the inspector at the state before the next one.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each reader of events knows its part and panics on what nobody knows"
)]

mod absence;
mod accounts;
mod agents;
mod agreements;
mod any_day;
mod any_job;
mod any_quote;
mod auctions;
mod auditor;
mod blocks;
mod cascade;
mod cash;
mod client_orders;
mod close_out;
mod control_words;
mod controls;
mod extremes;
mod fixings;
mod golden;
mod holds;
mod indices;
mod inspector;
mod job_words;
mod jobs;
mod life_cycle;
mod liquidations;
mod long_days;
mod margins;
mod marks;
mod meter;
mod money;
mod nominations;
mod option_marks;
mod options;
mod order_kinds;
mod orders;
mod own_prices;
mod properties;
mod quote_words;
mod quotes;
mod render;
mod required;
mod script;
mod settle;
mod statements;
mod venue;
mod world;
