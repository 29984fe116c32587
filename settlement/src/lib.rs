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

mod assignment;
mod fees;
mod ledger;
mod margin;
mod obligation;
mod position;
mod receipt;
mod risk;
mod shortfall;
mod variation;

pub use assignment::{Assignment, Holder, assign, assignment_seed};
pub use fees::FeeRates;
pub use ledger::{Bucket, Insufficient, Ledger, Transfer};
pub use margin::{
    Conditions, LADDER_STEPS, MarginRates, OpenOrders, OptionMark, OptionRates, Requirement,
    option_requirement, quote_hold, requirement, surcharge,
};
pub use obligation::{FailCause, IllegalStep, IntervalState, Obligation, Step, Verdict};
pub use position::{Position, Positions};
pub use receipt::{DeliveryReceipt, ReceiptError};
pub use risk::{
    Beyond, LANES, Leg, RiskArray, RiskBook, RiskClass, RiskComponents, RiskOrder, RiskParameters,
    RiskSeries, SCENARIOS, ScenarioTerms, scan_risk,
};
pub use shortfall::{Funding, IntervalSettled, close, default_buyer, fund, settle_interval};
pub use variation::{VariationMoved, run_variation};
