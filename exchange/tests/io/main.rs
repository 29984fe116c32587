//! The journal, snapshots and stores against disks that fail.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod damage;
mod journal;
mod power_cut;
mod snapshot;
mod store;
mod world;
