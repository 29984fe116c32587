//! What a mark is made of: the impact mid, and the index with its basis.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_ceil, div_floor, div_half_even};
use instruments::{Instrument, MicroUsd, Nanos, Price, Qty, Side};
use matching_engine::{BookView, Phase};

/// One, in parts of a billion.
const ONE: i64 = 1_000_000_000;
/// A basis is between a tenth and ten times: beyond that, a quote is no opinion about this index.
const BASIS_MIN: i128 = 100_000_000;
const BASIS_MAX: i128 = 10_000_000_000;
/// Of its way the basis goes one part in so many in a step: 150 seconds in steps of five.
const BASIS_STEPS: i128 = 30;
/// Hours of the lot for which the impact amount is stated.
const IMPACT_HOURS: i128 = 720;

/// What the impact amount buys or sells at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reach {
    /// How much.
    pub lots: u64,
    /// Ticks times lots.
    pub value: i128,
}

/// What the impact amount reaches on each side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Impact {
    /// What it sells to.
    pub bids: Reach,
    /// What it buys from.
    pub asks: Reach,
}

impl Impact {
    /// MARK-009: absent in an auction, and where all that a side shows is worth less than the amount.
    pub(crate) fn of(terms: &Instrument, book: &BookView<'_>) -> Option<Self> {
        // What is collected for an auction may cross: its middle says nothing.
        if book.phase() != Phase::Continuous {
            return None;
        }
        let tick_value = i128::from(terms.tick_value().micros());
        let stated = i128::from(terms.guards.mark.impact.micros());
        let amount = div_ceil(stated.saturating_mul(i128::from(terms.hours_per_lot)), IMPACT_HOURS);
        let bids = reach(book.depth(Side::Buy), tick_value, amount)?;
        let asks = reach(book.depth(Side::Sell), tick_value, amount)?;
        Some(Self { bids, asks })
    }

    /// The middle of the two average prices, rounded down to a tick.
    pub(crate) fn mid(&self) -> Price {
        let (bids, asks) = (i128::from(self.bids.lots), i128::from(self.asks.lots));
        let sum = self.bids.value.saturating_mul(asks);
        let sum = sum.saturating_add(self.asks.value.saturating_mul(bids));
        let middle = div_floor(sum, bids.saturating_mul(asks).saturating_mul(2).max(1));
        Price::from_ticks(i64::try_from(middle).unwrap_or(1).max(1))
    }

    /// Whether the average ask is at most so far above the average bid.
    pub(crate) fn is_within(&self, spread: instruments::Ppm) -> bool {
        let (bids, asks) = (i128::from(self.bids.lots), i128::from(self.asks.lots));
        let bid = self.bids.value.saturating_mul(asks);
        let ask = self.asks.value.saturating_mul(bids);
        let widest = bid.saturating_mul(i128::from(spread.ppm()).saturating_add(1_000_000));
        ask.saturating_mul(1_000_000) <= widest
    }
}

/// As many whole lots as the amount pays for, from the best price on; one at least.
fn reach(
    levels: impl Iterator<Item = (Price, Qty)>,
    tick_value: i128,
    amount: i128,
) -> Option<Reach> {
    let (mut reached, mut left) = (Reach { lots: 0, value: 0 }, amount);
    for (price, open) in levels {
        let ticks = i128::from(price.ticks());
        let per_lot = ticks.saturating_mul(tick_value).max(1);
        let paid_for = u64::try_from(div_floor(left, per_lot)).unwrap_or(u64::MAX);
        let lots = open.lots().min(paid_for.max(u64::from(reached.lots == 0)));
        reached.lots = reached.lots.saturating_add(lots);
        reached.value = reached.value.saturating_add(ticks.saturating_mul(i128::from(lots)));
        left = left.saturating_sub(per_lot.saturating_mul(i128::from(lots)));
        if left <= 0 || lots < open.lots() {
            return Some(reached);
        }
    }
    None
}

/// What the series is worth beside its grade's index, in parts of a billion: it follows what is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Basis {
    /// Where it is.
    pub now: i64,
    /// Where it goes.
    pub target: i64,
    /// Up to which step it has gone.
    pub step: u64,
}

impl Basis {
    pub(crate) const fn new(step: u64) -> Self {
        Self { now: ONE, target: ONE, step }
    }

    /// MARK-011: a thirtieth of the way in each step that has passed.
    pub(crate) fn advanced(self, step: u64) -> Self {
        let mut now = i128::from(self.now);
        for _ in self.step..step {
            let way = i128::from(self.target).saturating_sub(now);
            let part = div_half_even(way, BASIS_STEPS);
            if part == 0 {
                break;
            }
            now = now.saturating_add(part);
        }
        Self { now: i64::try_from(now).unwrap_or(self.now), step: step.max(self.step), ..self }
    }

    /// Goes from now on to where `mid` is beside `index`; to one where nothing is quoted.
    pub(crate) fn towards(self, terms: &Instrument, mid: Option<Price>, index: MicroUsd) -> Self {
        let Some(mid) = mid else { return Self { target: ONE, ..self } };
        let per_hour = i128::from(mid.ticks()).saturating_mul(i128::from(terms.tick_size.micros()));
        let ratio = per_hour.saturating_mul(i128::from(ONE));
        let ratio = div_half_even(ratio, i128::from(index.micros()).max(1));
        let target = i64::try_from(ratio.clamp(BASIS_MIN, BASIS_MAX)).unwrap_or(ONE);
        Self { target, ..self }
    }

    /// It does not move while nothing can be said.
    pub(crate) const fn held(self) -> Self {
        Self { target: self.now, ..self }
    }
}

/// What has become of the index since a cash future's delivery began, as far as it is not settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Realised {
    /// How much of what is left is behind the newest print, in nanoseconds.
    pub elapsed: u64,
    /// Micro-dollars per GPU-hour times nanoseconds.
    pub sum: i128,
    /// What was before this has been settled.
    pub since: Nanos,
}

impl Realised {
    /// Nothing yet of what is left after the days that were settled until `since`.
    pub(crate) const fn new(since: Nanos) -> Self {
        Self { elapsed: 0, sum: 0, since }
    }

    fn begins_at(&self, terms: &Instrument) -> Nanos {
        terms.schedule.deliver_from.max(self.since)
    }

    /// Takes in that the index was `value` from one print to the next.
    pub(crate) fn record(
        &mut self,
        terms: &Instrument,
        value: MicroUsd,
        from: Nanos,
        until: Nanos,
    ) {
        let from = from.max(self.begins_at(terms));
        let span = until.min(terms.schedule.deliver_until).since(from).nanos();
        self.elapsed = self.elapsed.saturating_add(span);
        let part = i128::from(value.micros()).saturating_mul(i128::from(span));
        self.sum = self.sum.saturating_add(part);
    }
}

/// The index times its basis in ticks; for a cash future whose delivery has begun, what was realised and the rest of it at that.
pub(crate) fn index_leg(
    terms: &Instrument,
    index: MicroUsd,
    basis: i64,
    realised: Realised,
) -> Price {
    let tick = i128::from(terms.tick_size.micros()).saturating_mul(i128::from(ONE));
    let forward = i128::from(index.micros()).saturating_mul(i128::from(basis));
    let ticks = if realised.elapsed == 0 {
        div_half_even(forward, tick)
    } else {
        let period = terms.schedule.deliver_until.since(realised.begins_at(terms)).nanos();
        let rest = i128::from(period.saturating_sub(realised.elapsed));
        let forward = div_half_even(forward, i128::from(ONE));
        let sum = realised.sum.saturating_add(forward.saturating_mul(rest));
        let tick = i128::from(terms.tick_size.micros()).saturating_mul(i128::from(period.max(1)));
        div_half_even(sum, tick)
    };
    let ticks = ticks.clamp(1, i128::from(Instrument::PRICE_MAX.ticks()));
    Price::from_ticks(i64::try_from(ticks).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use instruments::{GradeId, Guards, InstrumentId, NanosSpan, Period, Product, Schedule, Style};

    use super::*;

    /// A cash month whose delivery takes from 100 to 500 seconds.
    fn month() -> Instrument {
        let at = Nanos::from_seconds;
        Instrument {
            id: InstrumentId(1),
            name: "H100X_USDC-31DEC26".to_owned(),
            grade: GradeId::new("H100").expect("a name"),
            grade_terms: [0; 32],
            node_size: 1,
            product: Product::Future { style: Style::Cash, period: Period::Month },
            tick_size: MicroUsd::new(1_000),
            hours_per_lot: 744,
            schedule: Schedule {
                last_trade_at: at(90),
                assign_at: at(95),
                deliver_from: at(100),
                deliver_until: at(500),
                intervals: 4,
                ladder_step: NanosSpan::ZERO,
                close_out: instruments::CloseOut::NONE,
                answer_within: NanosSpan::from_seconds(1),
                verdict_within: NanosSpan::from_seconds(1),
                close_at: at(600),
            },
            reference: Price::from_ticks(2_500),
            guards: Guards::NONE,
        }
    }

    /// MARK-014: 100 of 400 seconds at a mean of 2.00, then 2.40 * 1.05: 0.25 * 2.00 + 0.75 * 2.52 = 2.39.
    #[test]
    fn mark_014_a_cash_future_in_delivery_is_worth_what_was_realised_and_the_rest() {
        let (terms, at) = (month(), Nanos::from_seconds);
        let leg = |index, basis, realised| {
            index_leg(&terms, MicroUsd::new(index), basis, realised).ticks()
        };
        let mut realised = Realised::default();
        assert_eq!(leg(2_400_000, 1_050_000_000, realised), 2_520);
        realised.record(&terms, MicroUsd::new(9_000_000), at(20), at(60));
        assert_eq!(realised, Realised::default(), "before the delivery nothing is realised");
        realised.record(&terms, MicroUsd::new(1_500_000), at(60), at(150));
        realised.record(&terms, MicroUsd::new(2_500_000), at(150), at(200));
        assert_eq!(leg(2_400_000, 1_050_000_000, realised), 2_390);
        realised.record(&terms, MicroUsd::new(3_000_000), at(200), at(900));
        assert_eq!(leg(9_000_000, 2_000_000_000, realised), 2_750, "all of it is realised");
    }

    /// MARK-011: whether it is asked in every step or once, the basis is where it is.
    #[test]
    fn mark_011_a_basis_does_not_mind_when_it_is_asked() {
        let target = 1_234_567_891;
        let basis = Basis { target, ..Basis::new(10) };
        let mut asked = basis;
        for step in 11..2_000 {
            asked = asked.advanced(step);
            assert_eq!(asked, basis.advanced(step));
        }
        assert!((asked.now - target).abs() <= 15, "{}", asked.now);
    }
}
