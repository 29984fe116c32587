//! Observations in, an index of GPU-hours out, and the settlement fixing.
//!
//! One [`Index`] per grade. It is a pure function of what it was shown: integers only, no clock, no file, no randomness, so that anyone
//! who holds the observations prints the same values on any machine. How it works is told in `docs/oracle.md`.
//!
//! Absent: where observations come from, who signed them, and what an index value is used for.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod administered;
mod answer;
mod attendance;
mod ballot;
mod cluster;
mod confidence;
mod confirmation;
mod daily;
mod estimator;
mod explain;
mod explaining;
mod filter;
mod fixing;
mod founding;
mod gates;
mod index;
mod ladder;
mod leases;
mod log;
mod member;
mod normal;
mod observation;
mod params;
mod print;
mod tier;
mod utilisation;
mod votes;

pub use cluster::{ClusterId, ProviderId};
pub use estimator::{Estimator, Series};
pub use explain::{Explanation, Gate, GateName, Ignored, Voice, WhyIgnored};
pub use fixing::fixing;
pub use index::Index;
pub use log::NanoLog;
pub use observation::{Lease, Observation, ObservationError, Units};
pub use params::Params;
pub use print::{METHODOLOGY, Print, State, Withheld};
pub use tier::Tier;
pub use votes::{Vote, interquantile_mean, weighted_median};
