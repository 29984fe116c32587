//! Portfolio margin: what a portfolio would lose in 35 scenarios, as dot products of lots with integer arrays.
//!
//! The shell computes an option's array, with floats and logarithms, and publishes it as integers; a future's array follows from its mark
//! here. From then on nothing is computed but sums of products, so that a margin check of every order costs tens of nanoseconds, and
//! anyone who has the arrays gets the same micro-dollar.
//!
//! Read `array.rs`, then `book.rs`. Absent: prices, volatilities, money. Whether an account has what is required is asked of the ledger.

mod array;
mod book;
mod components;
mod grade;
mod lanes;
mod leg;
mod legs;
mod parameters;
mod portfolio;
mod series;

pub use array::{LANES, RiskArray, SCENARIOS, ScenarioTerms, scan_risk};
pub use book::{Beyond, RiskBook, RiskOrder, RiskSeries};
pub use components::RiskComponents;
pub use leg::Leg;
pub use parameters::{RiskClass, RiskParameters};
