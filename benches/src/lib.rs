//! Canonical workloads for the benchmarks: seeded, integer, the same on every machine.

pub mod workload;
