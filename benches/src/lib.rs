//! Canonical workloads for the benchmarks: seeded, integer, the same on every machine.

pub mod desk;
pub mod draw;
pub mod reference;
pub mod streams;
pub mod tally;
#[cfg(feature = "workload")]
pub mod workload;
