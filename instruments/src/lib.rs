//! What is traded on Tenor, in which units, by whom, and when: the vocabulary every other crate agrees on.
//!
//! Plain values only. Nothing here knows an order book, a ledger or a clock.

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

mod calendar;
mod close_out;
mod grade;
mod guards;
mod ids;
mod instrument;
mod marking;
mod region;
pub mod rounding;
mod units;

pub use calendar::{Date, SeriesTerms, month_names, series_of_grade};
pub use close_out::{Between, CloseOut, Metering};
pub use grade::{Grade, GradeId, is_par_or_better, launch_grades};
pub use guards::{BandWidths, BlockTerms, BreakerTerms, Guards};
pub use ids::{AccountId, InstrumentId, JobId, ObligationId, OrderId, Seq, TradeId};
pub use instrument::{
    Instrument, Period, PriceError, Product, QtyError, Right, Schedule, Style, TermsError,
};
pub use marking::MarkTerms;
pub use region::Region;
pub use units::{GpuSeconds, MicroUsd, Nanos, NanosSpan, NetQty, Ppm, Price, Qty, Side};
