//! The mark price: the median of the index times its basis, the impact mid and the faded average of trades.
//!
//! Time passes in steps. A mark computed twice in one step from the same book, trades and index is the same both times, so it does not
//! matter who asks how often. A mark that time alone would still move is computed again at the next step.

mod legs;
mod tape;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::{BookView, Phase, PriceSource};

use legs::index_leg;
pub use legs::{Basis, Impact, Reach, Realised};
pub use tape::{Tape, Traffic};

use crate::Exchange;
use crate::event::Event;
use crate::price::away_from;
use crate::publish_curve::{CurvePoint, good_point};
use crate::run_timers::later;
use crate::series::{Series, SeriesState};

/// Bounds how often trading may recompute margin for all who hold positions.
const MARKS_AFTER: NanosSpan = NanosSpan::from_seconds(1);

/// What a series' mark is made of and does not follow from the book of the moment.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pricing {
    /// Trades of the last minutes, by the steps of the terms.
    pub recent: Tape,
    /// Trades of the last half-hour, by halves of a minute.
    pub half_hour: Tape,
    /// What the series is worth beside its index.
    pub basis: Basis,
    /// The step in which the mark was last computed, and what it was before that.
    pub pace: (u64, Price),
    /// What a cash future's delivery has come to.
    pub realised: Realised,
    /// What the forward curve has said last, and when.
    pub curve: Option<(CurvePoint, Nanos)>,
    /// What the shell has said that an option or a cap is worth, and when.
    pub published: Option<(Price, Nanos)>,
}

impl Pricing {
    pub(crate) fn new(terms: &Instrument, now: Nanos) -> Self {
        let step = step_of(now, terms.guards.mark.step);
        Self {
            recent: Tape::default(),
            half_hour: Tape::default(),
            basis: Basis::new(step),
            pace: (step, terms.reference),
            realised: Realised::default(),
            curve: None,
            published: None,
        }
    }
}

/// A mark, and what it leaves behind.
struct Fresh {
    mark: Price,
    basis: Basis,
    pace: (u64, Price),
    /// The next step in which time alone may move it.
    moves_at: Option<u64>,
}

/// Which step an instant is in.
pub(crate) fn step_of(at: Nanos, step: NanosSpan) -> u64 {
    at.nanos().checked_div(step.nanos()).unwrap_or(0)
}

impl Exchange {
    /// Asks for fresh marks within a second.
    pub(crate) fn marks_due_soon(&mut self) {
        self.marks_due_by(later(self.now, MARKS_AFTER));
    }

    fn marks_due_by(&mut self, at: Nanos) {
        self.marks_at = Some(self.marks_at.map_or(at, |due| due.min(at)));
    }

    /// Recomputes the marks of all series that changed or move, and the holds of whoever has a stake in one whose mark moved.
    pub(crate) fn refresh_marks(&mut self, events: &mut Vec<Event>) {
        self.marks_at = None;
        for instrument in std::mem::take(&mut self.unmarked) {
            self.tell_indicative(instrument, events);
            self.refresh_scale(instrument, events);
            let Some(fresh) = self.price(instrument, self.now) else { continue };
            let Some(series) = self.series.get_mut(&instrument) else { continue };
            series.pricing.basis = fresh.basis;
            series.pricing.pace = fresh.pace;
            let step = series.instrument.guards.mark.step;
            let number = step_of(self.now, step);
            series.pricing.recent.forget(number.saturating_sub(tape::STEPS.saturating_sub(1)));
            if let Some(next) = fresh.moves_at {
                self.unmarked.insert(instrument);
                self.marks_due_by(Nanos::new(next.saturating_mul(step.nanos())));
            }
            self.set_mark(instrument, fresh.mark, events);
        }
    }

    pub(crate) fn set_mark(
        &mut self,
        instrument: InstrumentId,
        mark: Price,
        events: &mut Vec<Event>,
    ) {
        let Some(series) = self.series.get_mut(&instrument) else { return };
        if series.mark == mark {
            return;
        }
        series.mark = mark;
        self.follow_mark(instrument);
        events.push(Event::MarkChanged { instrument, mark });
        self.rehold_holders(instrument);
        self.set_bands(instrument);
        self.set_trigger_price(instrument, PriceSource::Mark, mark, events);
        self.remark_options(instrument, events);
    }

    /// What the mark of a series would be if it were computed at an instant.
    pub(crate) fn mark_at(&self, instrument: InstrumentId, at: Nanos) -> Option<Price> {
        self.price(instrument, at).map(|fresh| fresh.mark)
    }

    fn price(&self, instrument: InstrumentId, at: Nanos) -> Option<Fresh> {
        let series = self.series.get(&instrument)?;
        // The index prices compute; what an option or a spread is worth, others say.
        if series.state != SeriesState::Trading || !series.is_cleared() {
            return None;
        }
        if series.instrument.is_premium_style() {
            let mark = self.premium_mark(&series.instrument, anchor_of_premium(series, at));
            let (basis, pace) = (series.pricing.basis, series.pricing.pace);
            return Some(Fresh { mark, basis, pace, moves_at: None });
        }
        let index = self.index_of(&series.instrument);
        Some(fresh(series, &self.engine.book(instrument)?, index, at))
    }

    /// The newest print's value, and until when it is good.
    fn index_of(&self, terms: &Instrument) -> Option<(MicroUsd, Nanos)> {
        let print = &self.indices.get(&terms.grade)?.last;
        Some((print.value?, later(print.observed_at, terms.guards.mark.index_for)))
    }

    /// Takes a trade into the tapes.
    pub(crate) fn record_on_tape(&mut self, instrument: InstrumentId, price: Price, qty: Qty) {
        let half_minute = self.half_minute();
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let step = step_of(self.now, series.instrument.guards.mark.step);
        series.pricing.recent.record(step, price, qty);
        series.pricing.half_hour.record(step_of(self.now, half_minute), price, qty);
    }
}

/// OPTION-020: what was published while it is good, and after that what the mark was; the reference where nobody has published anything.
fn anchor_of_premium(series: &Series, at: Nanos) -> Price {
    match series.pricing.published {
        Some((mark, _)) if is_published_good(series, at) => mark,
        Some(_) => series.mark,
        None => series.instrument.reference,
    }
}

/// Whether what was published of an option is as young as a print of the index must be.
pub(crate) fn is_published_good(series: &Series, at: Nanos) -> bool {
    let good_for = series.instrument.guards.mark.index_for;
    series.pricing.published.is_some_and(|(_, said_at)| at <= later(said_at, good_for))
}

/// MARK-001: the median of the index leg, the impact mid and the faded average of trades; the anchor stands in for what is missing.
fn fresh(
    series: &Series,
    book: &BookView<'_>,
    index: Option<(MicroUsd, Nanos)>,
    at: Nanos,
) -> Fresh {
    let (terms, pricing) = (&series.instrument, &series.pricing);
    let step = step_of(at, terms.guards.mark.step);
    let is_collecting = book.phase() != Phase::Continuous;
    let mid = Impact::of(terms, book).map(|impact| impact.mid());
    let basis = pricing.basis.advanced(step);
    let is_delivering = 0 < pricing.realised.elapsed;
    let basis = match index {
        Some((value, _)) if !is_collecting && !is_delivering => {
            // MARK-015: where nobody quotes, the curve through what is quoted elsewhere is the best that is known.
            let quoted = mid.or_else(|| good_point(series, at).map(|point| point.price));
            basis.towards(terms, quoted, value)
        }
        Some(_) | None => basis.held(),
    };
    let good = index.filter(|(_, until)| at <= *until).map(|(value, _)| value);
    let leg = |basis: i64| good.map(|value| index_leg(terms, value, basis, pricing.realised));
    let median_in = |step: u64| {
        let anchor = leg(basis.advanced(step).now).unwrap_or(series.mark);
        let faded = pricing.recent.faded(step);
        median(anchor, mid.unwrap_or(anchor), faded.unwrap_or(anchor))
    };
    let median = median_in(step);

    let pace = if pricing.pace.0 == step { pricing.pace } else { (step, series.mark) };
    let limit = terms.guards.mark.move_max.filter(|_| !is_collecting);
    let mark = limit.map_or(median, |by| {
        median.clamp(away_from(pace.1, Side::Sell, by), away_from(pace.1, Side::Buy, by))
    });
    // An auction's price is found by everybody: its mark is where the pace goes on from.
    let pace = if is_collecting { (step, mark) } else { pace };

    // A lonely trade moves nothing, so its fading does not either.
    let is_fading = mid.is_some() && pricing.recent.faded(step).is_some();
    let next = step.saturating_add(1);
    let moves_at = if mark != median {
        Some(next)
    } else if is_fading || leg(basis.now) != leg(basis.target) {
        let last = step.saturating_add(tape::STEPS);
        Some((next..last).find(|step| median_in(*step) != mark).unwrap_or(last))
    } else {
        None
    };
    Fresh { mark, basis, pace, moves_at }
}

fn median(a: Price, b: Price, c: Price) -> Price {
    a.min(b).max(a.max(b).min(c))
}

#[cfg(test)]
mod tests {
    use instruments::{AccountId, GradeId, Guards, MarkTerms, Period, Ppm, Product, Style};
    use instruments::{CloseOut, Schedule};
    use matching_engine::{BookTerms, Capacity, Engine, NewOrder};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mark_001_the_median_of_three_in_any_order() {
        for [a, b, c] in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
            let [a, b, c] = [a, b, c].map(Price::from_ticks);
            assert_eq!(median(a, b, c), Price::from_ticks(2));
        }
    }

    fn series(move_max: Option<Ppm>) -> Series {
        let at = Nanos::from_seconds;
        let terms = Instrument {
            id: InstrumentId(1),
            name: "H100D_USDC-27NOV26".to_owned(),
            grade: GradeId::new("H100").expect("a name"),
            grade_terms: [0; 32],
            node_size: 1,
            product: Product::Future { style: Style::Physical, period: Period::Day },
            tick_size: MicroUsd::new(1_000),
            hours_per_lot: 24,
            schedule: Schedule {
                last_trade_at: at(100_000),
                assign_at: at(100_000),
                deliver_from: at(100_000),
                deliver_until: at(200_000),
                intervals: 1,
                ladder_step: NanosSpan::ZERO,
                close_out: CloseOut::NONE,
                answer_within: NanosSpan::from_seconds(1),
                verdict_within: NanosSpan::from_seconds(1),
                close_at: at(300_000),
            },
            reference: Price::from_ticks(2_500),
            guards: Guards { mark: MarkTerms { move_max, ..MarkTerms::PLAIN }, ..Guards::NONE },
        };
        Series::new(terms, at(0))
    }

    proptest! {
        /// MARK-001, MARK-012: the mark lies between the lowest and the highest of its legs; paced, also between those and where it was.
        /// Computed twice in a step it is the same.
        #[test]
        fn mark_001_it_lies_within_the_hull_of_its_legs(
            index in prop::option::of(1_000_i64..10_000_000),
            basis in 100_000_000_i64..10_000_000_000,
            quotes in prop::option::of((1_000_i64..4_000, 1_i64..500)),
            trades in prop::collection::vec((0_u64..400, 1_000_i64..4_000, 1_u64..50), 0..6),
            paced in any::<bool>(),
        ) {
            let mut series = series(paced.then_some(Ppm::new(10_000)));
            let mut seconds = 1_000;
            for (gap, ticks, lots) in trades {
                seconds += gap;
                let step = step_of(Nanos::from_seconds(seconds), NanosSpan::from_seconds(5));
                series.pricing.recent.record(step, Price::from_ticks(ticks), Qty::from_lots(lots));
            }
            let now = Nanos::from_seconds(seconds);
            let step = step_of(now, NanosSpan::from_seconds(5));
            series.pricing.basis = Basis { now: basis, target: basis, step };
            let mut engine = Engine::new(Capacity { orders: 8 });
            engine.list(InstrumentId(1), BookTerms::continuous(Price::from_ticks(2_500)));
            let mut out = Vec::new();
            for (side, ticks) in quotes.iter().flat_map(|(bid, spread)| {
                [(Side::Buy, *bid), (Side::Sell, bid + spread)]
            }) {
                let price = Price::from_ticks(ticks);
                let order = NewOrder::limit(AccountId(1), side, price, Qty::from_lots(3));
                engine.place(InstrumentId(1), &order, &mut out);
            }
            let print = index.map(|index| (MicroUsd::new(index), now));
            let book = engine.book(InstrumentId(1)).expect("a book");
            let made = fresh(&series, &book, print, now);

            let leg = index.map(|index| index_leg(
                &series.instrument, MicroUsd::new(index), basis, Realised::default(),
            ));
            let mid = quotes.map(|(bid, spread)| Price::from_ticks((2 * bid + spread) / 2));
            let anchor = leg.unwrap_or(series.mark);
            let legs = [Some(anchor), mid, series.pricing.recent.faded(step)];
            let was = paced.then_some(series.mark);
            let hull = legs.into_iter().flatten().chain(was);
            let (low, high) = (hull.clone().min().expect("a leg"), hull.max().expect("a leg"));
            prop_assert!(low <= made.mark && made.mark <= high, "{:?} of {legs:?}", made.mark);

            series.mark = made.mark;
            series.pricing.basis = made.basis;
            series.pricing.pace = made.pace;
            let again = fresh(&series, &book, print, now);
            prop_assert_eq!((again.mark, again.basis, again.pace), (made.mark, made.basis, made.pace));
        }
    }
}
