//! Order flow around a middle that walks: the same seed gives the same flow.

use exchange::{Command, PlaceOrder};
use instruments::{
    AccountId, Grade, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, OrderId, Period, Price,
    Product, Qty, Schedule, Side, Style, launch_grades,
};
use matching_engine::{NewOrder, OrderKind, StpMode, TimeInForce};

/// One step of a book's flow.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A new order.
    Place(NewOrder),
    /// The end of an older one, which may have ended already.
    Cancel(OrderId),
}

/// Seeded draws: a splitmix64 sequence.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The mixed flow: of ten steps five rest near the middle, one crosses it, four cancel one of the last two hundred orders.
#[must_use]
pub fn mixed_flow(seed: u64, steps: u64) -> Vec<Step> {
    let mut draw = Draw::new(seed);
    let mut middle: i64 = 2_500;
    (1..=steps)
        .map(|id| {
            middle += i64::try_from(draw.below(3)).unwrap_or(1) - 1;
            let distance = 1 + i64::try_from(draw.below(20)).unwrap_or(0);
            let (side, away) = if draw.below(2) == 0 { (Side::Buy, -1) } else { (Side::Sell, 1) };
            let (price, time_in_force) = match draw.below(10) {
                0..=4 => (middle + away * distance, TimeInForce::Gtc),
                5 => (middle - away * 5, TimeInForce::Ioc),
                _ => return Step::Cancel(OrderId(id.saturating_sub(1 + draw.below(200)))),
            };
            Step::Place(NewOrder {
                id: OrderId(id),
                account: AccountId(1 + draw.below(64)),
                side,
                kind: OrderKind::Limit(Price::from_ticks(price.max(1))),
                qty: Qty::from_lots(1 + draw.below(8)),
                time_in_force,
                post_only: false,
                stp: StpMode::CancelNewest,
            })
        })
        .collect()
}

/// An order of the flow as a command on the one series.
#[must_use]
pub fn place(order: NewOrder) -> Command {
    Command::PlaceOrder(PlaceOrder {
        account: order.account,
        instrument: InstrumentId(1),
        side: order.side,
        kind: order.kind,
        qty: order.qty,
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        reduce_only: false,
        stp: order.stp,
        label: String::new(),
    })
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
            assign_at: at(4_000_000_010),
            deliver_from: at(4_000_000_020),
            deliver_until: at(4_000_086_420),
            intervals: 288,
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(300),
            close_at: at(4_000_090_000),
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    }
}
