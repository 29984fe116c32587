//! Order flow around a middle that walks: the same seed gives the same flow.

use crate::draw::Draw;
use exchange::{PlaceOrder, TimeInForce};
use instruments::{
    AccountId, Grade, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Period, Price, Product,
    Qty, Schedule, Side, Style, launch_grades,
};

/// One step of a book's flow.
#[derive(Debug, Clone)]
pub enum Step {
    /// A new order.
    Place(PlaceOrder),
    /// The end of the order of an earlier step, which may have ended already, or never have been one.
    Cancel(usize),
}

/// The mixed flow: of ten steps five rest near the middle, one crosses it, four cancel one of the last two hundred orders.
#[must_use]
pub fn mixed_flow(seed: u64, steps: usize) -> Vec<Step> {
    let mut draw = Draw::new(seed);
    let mut middle: i64 = 2_500;
    (0..steps)
        .map(|step| {
            middle += i64::try_from(draw.below(3)).unwrap_or(1) - 1;
            let distance = 1 + i64::try_from(draw.below(20)).unwrap_or(0);
            let (side, away) = if draw.below(2) == 0 { (Side::Buy, -1) } else { (Side::Sell, 1) };
            let (price, time_in_force) = match draw.below(10) {
                0..=4 => (middle + away * distance, TimeInForce::Gtc),
                5 => (middle - away * 5, TimeInForce::Ioc),
                _ => {
                    let back = usize::try_from(1 + draw.below(200)).unwrap_or(1);
                    return Step::Cancel(step.saturating_sub(back));
                }
            };
            let account = AccountId(1 + draw.below(64));
            let qty = Qty::from_lots(1 + draw.below(8));
            let price = Price::from_ticks(price.max(1));
            let plain = PlaceOrder::limit(account, InstrumentId(1), side, price, qty);
            Step::Place(PlaceOrder { time_in_force, ..plain })
        })
        .collect()
}

/// A day contract on an H100 that trades for a long while.
///
/// # Panics
/// When the launch grades have lost their H100.
#[must_use]
#[expect(clippy::expect_used, reason = "a benchmark without its grade has nothing to measure")]
pub fn day_contract() -> Instrument {
    let grade: Grade =
        launch_grades().into_iter().find(|grade| grade.id.as_str() == "H100").expect("H100");
    let at = Nanos::from_seconds;
    Instrument {
        id: InstrumentId(1),
        name: "H100D_USDC-27NOV26".to_owned(),
        grade_terms: grade.terms_hash(),
        grade: grade.id,
        node_size: 8,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: at(4_000_000_000),
            ladder_step: NanosSpan::ZERO,
            assign_at: at(4_000_000_010),
            deliver_from: at(4_000_000_020),
            deliver_until: at(4_000_086_420),
            intervals: 288,
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(300),
            close_at: at(4_000_090_000),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    }
}
