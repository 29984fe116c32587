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
mod challenge;
mod credit;
mod exercise;
mod fees;
mod hour;
mod invoice;
mod job;
mod ledger;
mod liquidation;
mod margin;
mod meter;
mod obligation;
mod pairing;
mod position;
mod receipt;
mod record;
mod risk;
mod shortfall;
mod split;
mod stand_in;
mod variation;
mod waterfall;

pub use acceptance::{Acceptance, AcceptanceStep};
pub use assignment::{Assigned, Assignment, AssignmentInputs, Holder, assign, assignment_seed};
pub use challenge::{ChallengeOutcome, ChallengeState, ChallengeStep};
pub use credit::{Ended, Following, Mark, MarkKind, Parts, Weighed, credit, marks};
pub use exercise::{Exercised, allot};
pub use fees::{FeeRates, premium_fee};
pub use hour::{Bought, HourSettled, Replacement, Shortfall, Tolerated, settle_hour};
pub use invoice::{Invoice, Sums};
pub use job::{
    CHECKPOINTS_MAX, Dispute, DisputePaid, HoursReturned, Job, JobClaim, JobMode, JobOutcome,
    JobState, JobStep, JobTask, JobTerms, MOVES_MAX, Party, claim_within, end_dispute, hours_paid,
    job_value, open_dispute, return_hours, stake_of,
};
pub use ledger::{
    Because, Bucket, Chain, HoldError, HoldKey, Insufficient, Ledger, LedgerFinding, Reason,
    Transfer, TransferId,
};
pub use liquidation::{CloseOut, DefaultTerms, close_out, needs_backstop, slice};
pub use margin::{
    Conditions, LADDER_STEPS, MarginRates, OpenOrders, OptionMark, OptionRates, Requirement,
    option_requirement, quote_hold, requirement, surcharge,
};
pub use meter::{
    Asked, Finding, IN_FLIGHT_MAX, MARKS_MAX, Measured, Meter, MeterTerms, OUTAGES_MAX,
};
pub use obligation::{FailCause, IllegalStep, IntervalState, Obligation, Step, Verdict};
pub use position::{Booked, Position, Positions};
pub use receipt::{DeliveryReceipt, ReceiptError};
pub use record::{BondRates, Record};
pub use risk::{
    Beyond, LANES, Leg, RiskArray, RiskBook, RiskClass, RiskComponents, RiskOrder, RiskParameters,
    RiskSeries, SCENARIOS, ScenarioTerms, scan_risk,
};
pub use shortfall::{
    Funding, IntervalSettled, TopUp, close, default_buyer, fund, settle_interval, top_up,
};
pub use split::{SPLIT_PAGE_LINES_MAX, Split, SplitLine, SplitPage, SplitTerms, verify_haircut};
pub use stand_in::{Outage, StandIn};
pub use variation::{VariationCycle, VariationDue, run_variation};
pub use waterfall::{Covered, DefaultResolved, cover, own_margin};
