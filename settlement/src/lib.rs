//! Who owes what: ledger, positions, margin, variation, assignment, delivery obligations.
//!
//! Settlement does not know that order books exist: it is told who traded, at what price, how much. It reads no clock, no file and no
//! socket: time enters as instants that the caller has compared, randomness as hashes that anyone can recompute.
//!
//! Read `ledger.rs`, then `variation.rs`, then `obligation.rs`.

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

mod acceptance;
mod assignment;
mod fees;
mod hour;
mod invoice;
mod ledger;
mod margin;
mod obligation;
mod pairing;
mod position;
mod receipt;
mod record;
mod shortfall;
mod stand_in;
mod variation;

pub use acceptance::{Acceptance, AcceptanceStep};
pub use assignment::{Assigned, Assignment, AssignmentInputs, Holder, assign, assignment_seed};
pub use fees::FeeRates;
pub use hour::{Bought, HourSettled, Replacement, Shortfall, Tolerated, settle_hour};
pub use invoice::{Invoice, Sums};
pub use ledger::{Bucket, Insufficient, Ledger, Transfer};
pub use margin::{MarginRates, OpenOrders, Requirement, requirement};
pub use obligation::{FailCause, IllegalStep, IntervalState, Obligation, Step, Verdict};
pub use position::{Position, Positions};
pub use receipt::{DeliveryReceipt, ReceiptError};
pub use record::{BondRates, Record};
pub use shortfall::{
    Funding, IntervalSettled, TopUp, close, default_buyer, fund, settle_interval, top_up,
};
pub use stand_in::{Outage, StandIn};
pub use variation::{VariationMoved, run_variation};
