//! Jobs at an exchange: the deliverer who runs them, the buyer who doubts them, the referee who rules.
//!
//! ```text
//! user.jobs --> prover:   submitted -> fetch, check, run in a sandbox -> claim      disputed -> answer
//!               buyer:    claimed   -> run it too, compare            -> dispute -> answer
//!               referee:  called    -> play the moves again, one row  -> rule
//! ```
//!
//! Read [`documents`] for what they tell each other, then [`argument`] for how a move is found; then
//! the three roles.
//!
//! Invariants:
//! - a document is used only after its hash was found to be the one that it was named by;
//! - what is sent can be sent again: the exchange's own word on a job is all that is gone by.

pub mod argument;
pub mod buyer;
pub mod documents;
pub mod fault;
pub mod prover;
pub mod referee;

pub use buyer::{Buyer, BuyerError, Verdict};
pub use documents::{Case, Trouble};
pub use fault::JobFaultPlan;
pub use prover::{JobRunner, run_jobs};
pub use referee::run_referee;
