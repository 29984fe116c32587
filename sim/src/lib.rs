//! Whole markets in a box: the real exchange under a virtual clock, seeded participants, faults, and an auditor who trusts nobody.
//!
//! ```
//! let report = sim::run(&sim::Scenario::standard(7, 1));
//! assert!(report.is_sound(), "{report}");
//! ```
//!
//! Read `world.rs`, then `auditor.rs`. `docs/simulation.md` has the tables of participants, faults and invariants.
//!
//! Invariants:
//! - a scenario gives the same report on every machine: no clock, no floats, no chance but the seed's;
//! - the auditor reads commands and events, and compares its own books with the exchange's public view; it shares no formula with it.

mod agenda;
pub mod attack;
mod auditor;
mod cast;
mod crash;
mod fault;
mod feed;
mod finding;
mod report;
mod scenario;
mod seed;
mod work;
mod world;

use exchange::Stamped;

pub use auditor::Auditor;
pub use crash::{CrashReport, Table, crash, crash_with_journal};
pub use fault::{Fault, PlannedFault};
pub use finding::{DefaultFault, Finding, IntervalFault, OrderFault};
pub use report::{Report, Violation};
pub use scenario::Scenario;

/// Lives through one world and says what came of it.
#[must_use]
pub fn run(scenario: &Scenario) -> Report {
    world::World::new(scenario).run().0
}

/// The same, with every command of the world's journal.
#[must_use]
pub fn run_with_journal(scenario: &Scenario) -> (Report, Vec<Stamped>) {
    world::World::new(scenario).run()
}
