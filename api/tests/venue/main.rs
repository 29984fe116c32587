//! The venue on a real directory: what survives what, who is refused when, and what happens when the disk fails.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod accounts;
mod delivery;
mod fail_stop;
mod fates;
mod ladder;
mod listing;
mod order_path;
mod recovery;
mod reports;
mod shedding;
mod world;
