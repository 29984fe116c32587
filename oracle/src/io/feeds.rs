//! What venues say in public, as records and observations. One pure parser for each endpoint; nothing here reads a clock or a socket.
//!
//! Invariants:
//! - fail-closed: a body that is not what the venue documents is refused whole, and the refusal names the field;
//! - what is left out by rule is counted, never dropped in silence;
//! - a listing that is no known class has a key of its own and never a known class's price.
//!
//! Absent: who fetches. See `fetch`, behind the feature `feeds`.

mod akash;
mod built_in;
mod clore;
mod error;
mod golem;
mod json;
mod lium;
mod observe;
mod record;
mod runpod;
mod source;
mod time;
mod vast;

#[cfg(feature = "feeds")]
pub mod fetch;

use instruments::Nanos;

use crate::identity::Catalogue;
pub use built_in::{catalogue, factors};
pub use error::{FeedError, FieldProblem};
pub use json::BODY_LEN_MAX;
pub use observe::{Observed, Terms, Unused, View, WhyUnused, observations};
pub use record::{
    Family, Parsed, PriceKind, PriceRecord, Record, Skipped, Stock, UtilisationRecord, WhySkipped,
};
pub use source::{Request, Source};

/// What a parser is told besides the body.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When the body was fetched: nothing in it may be later.
    pub fetched_at: Nanos,
    /// The classes that listings may be.
    pub catalogue: &'a Catalogue,
}

/// What every record of one body shares.
#[derive(Debug, Clone, Copy)]
struct Seen {
    observed_at: Nanos,
    fetched_at: Nanos,
    raw_hash: [u8; 32],
}

impl Seen {
    fn of(body: &[u8], context: &Context<'_>) -> Self {
        let at = context.fetched_at;
        Self { observed_at: at, fetched_at: at, raw_hash: *blake3::hash(body).as_bytes() }
    }
}
