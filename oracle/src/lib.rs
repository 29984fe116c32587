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
mod commitments;
mod confidence;
mod confirmation;
mod curve;
mod daily;
mod determination;
mod estimator;
mod explain;
mod explaining;
mod filter;
mod fixing;
mod founding;
mod gates;
mod index;
pub mod io;
mod ladder;
mod leases;
mod log;
mod member;
mod merkle;
mod month;
mod normal;
mod observation;
mod params;
mod print;
mod publication;
mod registry;
mod report;
mod statement;
mod tier;
mod utilisation;
mod votes;

pub use cluster::{ClusterId, ProviderId};
pub use commitments::{CommitmentCounts, CommitmentError, Commitments};
pub use curve::{
    CONTRACTS_MAX, Contract, Curve, CurveError, CurveParams, DAYS_MAX, Days, Launch, Quote, Shape,
    Violation, violations,
};
pub use determination::{Claim, ClaimError, Determination, Stand};
pub use estimator::{Estimator, Series};
pub use explain::{Explanation, Gate, GateName, Ignored, Voice, WhyIgnored};
pub use fixing::fixing;
pub use index::Index;
pub use log::NanoLog;
pub use merkle::merkle_root;
pub use month::{Coverage, MonthFixing, month_fixing};
pub use observation::{Lease, Observation, ObservationError, Units};
pub use params::Params;
pub use print::{METHODOLOGY, Print, State, Withheld};
pub use publication::{Publication, PublicationTerms, StateKind, Trigger};
pub use registry::{Registered, Registry, RegistryError};
pub use report::{Provenance, Report, ReporterSet, ReporterSetError};
pub use statement::{
    Address, LeaseField, PriceField, STATEMENT_PRICE_MAX, STATEMENT_SCHEMA, Statement,
    StatementError, StatementKey, StatementSeries, StatementTerms,
};
pub use tier::Tier;
pub use votes::{Vote, interquantile_mean, weighted_median};
