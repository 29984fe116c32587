//! The auditor's prices: index, marks and settlement prices, by the prints and the trades.

use std::collections::BTreeMap;

use exchange::{CurvePoint, Impact, IndexPrint, Reach, SettlementSource};
use instruments::rounding::{div_ceil, div_half_even};
use instruments::{
    GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Product, Qty, Right,
};

use crate::finding::Finding;

/// Half-hours of a fixing.
const WINDOW: u64 = 48;
/// Steps that a trade fades over, and half-minutes of a half-hour.
const STEPS: u64 = 60;
/// A basis of one.
const ONE: i128 = 1_000_000_000;

/// Every series with its prices, and the index of every grade.
#[derive(Debug, Clone, Default)]
pub(super) struct Prices {
    series: BTreeMap<InstrumentId, Quoted>,
    index: BTreeMap<GradeId, Option<MicroUsd>>,
    observed: BTreeMap<GradeId, Nanos>,
    prints: BTreeMap<GradeId, Vec<(Nanos, Option<MicroUsd>)>>,
}

#[derive(Debug, Clone)]
struct Quoted {
    terms: Instrument,
    mark: Price,
    settled: Price,
    /// When, ticks, lots.
    trades: Vec<(Nanos, i128, i128)>,
    /// The basis, where it goes, and up to which step it has gone.
    basis: (i128, i128, u64),
    /// The step of the last computation, and the mark before it.
    pace: (u64, Price),
    is_trading: bool,
    /// What the forward curve said last, and when.
    curve: Option<(Price, Nanos)>,
    /// Days that were settled.
    days: u32,
}

/// What a book shows.
pub(super) struct Market {
    pub(super) is_collecting: bool,
    /// Bids and asks, the best first: ticks, lots.
    pub(super) sides: [Vec<(i128, i128)>; 2],
}

/// A mark as it should be.
pub(super) struct Computed {
    pub(super) mark: Price,
    basis: (i128, i128, u64),
    pace: (u64, Price),
    /// When time alone moves it on.
    pub(super) moves_at: Option<Nanos>,
}

impl Market {
    /// What an amount reaches on each side, in lots and ticks times lots; none where a side is worth less than the amount.
    fn reach(&self, terms: &Instrument) -> Option<[(i128, i128); 2]> {
        let hours = i128::from(terms.hours_per_lot);
        let amount = div_ceil(i128::from(terms.guards.mark.impact.micros()) * hours, 720);
        let tick = i128::from(terms.tick_size.micros()) * hours;
        let mut reached = [(0, 0); 2];
        for (side, (lots, value)) in self.sides.iter().zip(&mut reached) {
            let worth: i128 = side.iter().map(|(ticks, open)| ticks * open * tick).sum();
            if self.is_collecting || side.is_empty() || worth < amount {
                return None;
            }
            for (ticks, open) in side {
                let whole = (amount - *value * tick) / (ticks * tick);
                let taken = whole.max(i128::from(*lots == 0)).min(*open);
                *lots += taken;
                *value += taken * ticks;
                if taken < *open || amount <= *value * tick {
                    break;
                }
            }
        }
        Some(reached)
    }
}

fn middle([bids, asks]: [(i128, i128); 2]) -> i128 {
    (bids.1 * asks.0 + asks.1 * bids.0).div_euclid(2 * bids.0 * asks.0)
}

fn ticks(ticks: i128) -> Price {
    let ticks = ticks.clamp(1, i128::from(Instrument::PRICE_MAX.ticks()));
    Price::from_ticks(i64::try_from(ticks).unwrap_or(1))
}

/// What of a cash future's period that is left has passed, in nanoseconds, and the index over it.
#[derive(Clone, Copy, Default)]
struct Realised {
    period: i128,
    elapsed: i128,
    sum: i128,
}

impl Realised {
    /// The index leg where the index times the basis is `worth`: what is realised, and the rest at that.
    fn leg(&self, worth: i128, tick: i128) -> Price {
        if self.elapsed == 0 {
            return ticks(div_half_even(worth, tick * ONE));
        }
        let rest = div_half_even(worth, ONE) * (self.period - self.elapsed);
        ticks(div_half_even(self.sum + rest, tick * self.period))
    }
}

/// A basis that goes a thirtieth of the way in each step.
fn walked(mut now: i128, target: i128, steps: u64) -> i128 {
    for _ in 0..steps {
        let way = div_half_even(target - now, 30);
        now += way;
        if way == 0 {
            break;
        }
    }
    now
}

impl Quoted {
    fn realised(&self, prints: &[(Nanos, Option<MicroUsd>)]) -> Realised {
        let mut realised = Realised::default();
        let schedule = &self.terms.schedule;
        let is_cash = self.terms.settles_against_index() && !self.terms.is_premium_style();
        if !is_cash || schedule.intervals < self.days {
            return realised;
        }
        let nanos = |at: Nanos| i128::from(at.nanos());
        let from = nanos(schedule.interval_starts_at(self.days));
        let until = nanos(schedule.deliver_until);
        realised.period = (until - from).max(1);
        for pair in prints.windows(2) {
            let [(since, value), (next, _)] = pair else { continue };
            let span = (nanos(*next).min(until) - nanos(*since).max(from)).max(0);
            if let Some(value) = value {
                realised.elapsed += span;
                realised.sum += i128::from(value.micros()) * span;
            }
        }
        realised
    }

    fn step(&self, at: Nanos) -> u64 {
        at.nanos() / self.terms.guards.mark.step.nanos()
    }

    /// SIM-023: the mark that the rules give.
    fn compute(
        &self,
        market: &Market,
        print: Option<(Nanos, MicroUsd)>,
        realised: Realised,
        at: Nanos,
    ) -> Computed {
        let terms = &self.terms;
        let step = self.step(at);
        let tick = i128::from(terms.tick_size.micros());
        let mid = market.reach(terms).map(middle);
        let (was, target, from) = self.basis;
        let now = walked(was, target, step.saturating_sub(from));
        let target = match print {
            Some((_, index)) if !market.is_collecting && realised.elapsed == 0 => {
                self.basis_of(mid, index, at)
            }
            Some(_) | None => now,
        };
        let good = print.filter(|(seen, _)| at.since(*seen) <= terms.guards.mark.index_for);
        let leg = |basis: i128| {
            let worth = good.map(|(_, index)| i128::from(index.micros()) * basis);
            worth.map(|worth| realised.leg(worth, tick))
        };
        let median = |basis: i128, step: u64| {
            let anchor = leg(basis).unwrap_or(self.mark);
            let faded = self.faded(step).unwrap_or(anchor);
            let mut three = [anchor, mid.map_or(anchor, ticks), faded];
            three.sort_unstable();
            three[1]
        };
        let wanted = median(now, step);
        let before = if self.pace.0 == step { self.pace.1 } else { self.mark };
        let mark = match terms.guards.mark.move_max.filter(|_| !market.is_collecting) {
            Some(by) => {
                let (was, by) = (i128::from(before.ticks()), i128::from(by.ppm()));
                let most = (was * (1_000_000 + by)).div_euclid(1_000_000).max(was + 1);
                let least = div_ceil(was * (1_000_000 - by), 1_000_000).min(was - 1);
                wanted.min(ticks(most)).max(ticks(least))
            }
            None => wanted,
        };
        let pace = (step, if market.is_collecting { mark } else { before });
        let is_fading = mid.is_some() && self.faded(step).is_some();
        let mut moves_at = None;
        if mark != wanted {
            moves_at = Some(step + 1);
        } else if is_fading || leg(now) != leg(target) {
            let (mut ahead, mut then) = (1, now);
            while ahead < STEPS {
                then += div_half_even(target - then, 30);
                if median(then, step + ahead) != mark {
                    break;
                }
                ahead += 1;
            }
            moves_at = Some(step + ahead);
        }
        let length = self.terms.guards.mark.step.nanos();
        let moves_at = moves_at.map(|step| Nanos::new(step * length));
        let basis = (now, target, step.max(from));
        Computed { mark, basis, pace, moves_at }
    }

    /// Where the basis goes: to the middle, to what the curve says where there is none, to one where that is silent or too old.
    fn basis_of(&self, mid: Option<i128>, index: MicroUsd, at: Nanos) -> i128 {
        let terms = &self.terms;
        let good_for = terms.guards.mark.index_for;
        let said = self.curve.filter(|(_, seen)| at.since(*seen) <= good_for);
        let Some(quoted) = mid.or(said.map(|(price, _)| i128::from(price.ticks()))) else {
            return ONE;
        };
        let per_hour = quoted * i128::from(terms.tick_size.micros());
        div_half_even(per_hour * ONE, i128::from(index.micros())).clamp(ONE / 10, ONE * 10)
    }

    /// The trades of the last sixty steps, by how much of them is left.
    fn faded(&self, step: u64) -> Option<Price> {
        let (mut value, mut weight) = (0, 0);
        for (at, ticks, lots) in self.trades.iter().rev() {
            let age = step.saturating_sub(self.step(*at));
            let Some(left) = STEPS.checked_sub(age) else { break };
            let left = lots * i128::from(left);
            value += ticks * left;
            weight += left;
        }
        (0 < weight).then(|| ticks(div_half_even(value, weight)))
    }

    /// SIM-050: what a day settles at.
    fn day(
        &self,
        market: &Market,
        mark: Price,
        at: Nanos,
        day: NanosSpan,
    ) -> (Price, SettlementSource) {
        let half_minute = (day.nanos() / (WINDOW * STEPS)).max(1);
        let step = |at: &Nanos| at.nanos() / half_minute;
        let until = at.nanos() / half_minute;
        let newest = self.trades.last().map_or(0, |(at, ..)| step(at));
        let from = until.max(newest).saturating_sub(STEPS);
        let counts = |at: &Nanos| from <= step(at) && step(at) <= until;
        let window: Vec<_> = self.trades.iter().filter(|(at, ..)| counts(at)).collect();
        let lots: i128 = window.iter().map(|(_, _, lots)| lots).sum();
        let value: i128 = window.iter().map(|(_, ticks, lots)| ticks * lots).sum();
        if 5 <= window.len() && 10 <= lots {
            let (trades, sold) = (window.len(), u64::try_from(lots).unwrap_or(u64::MAX));
            let trades = u64::try_from(trades).unwrap_or(u64::MAX);
            let source = SettlementSource::Trades { trades, lots: sold, value };
            return (ticks(div_half_even(value, lots)), source);
        }
        let widest = 1_000_000 + i128::from(self.terms.guards.mark.spread_max.ppm());
        let narrow = market
            .reach(&self.terms)
            .filter(|[bids, asks]| asks.1 * bids.0 * 1_000_000 <= bids.1 * asks.0 * widest);
        let Some(reached) = narrow else { return (mark, SettlementSource::Mark) };
        let [bids, asks] = reached
            .map(|(lots, value)| Reach { lots: u64::try_from(lots).unwrap_or(u64::MAX), value });
        (ticks(middle(reached)), SettlementSource::Book(Impact { bids, asks }))
    }
}

impl Prices {
    pub(super) fn list(&mut self, terms: &Instrument, at: Nanos) {
        let mark = terms.reference;
        let mut quoted = Quoted {
            terms: terms.clone(),
            mark,
            settled: mark,
            trades: Vec::new(),
            basis: (ONE, ONE, 0),
            pace: (0, mark),
            is_trading: true,
            curve: None,
            days: 0,
        };
        let step = quoted.step(at);
        quoted.basis.2 = step;
        quoted.pace.0 = step;
        self.series.insert(terms.id, quoted);
    }

    /// What the forward curve says of a series.
    pub(super) fn curve(&mut self, point: &CurvePoint, now: Nanos) {
        if let Some(quoted) = self.series.get_mut(&point.instrument) {
            quoted.curve = Some((point.price, now));
        }
    }

    /// SIM-001: a grade's prints come in the order of their observation.
    pub(super) fn print(&mut self, print: &IndexPrint) -> Result<(), Finding> {
        let last = self.observed.insert(print.grade.clone(), print.observed_at);
        if let Some(last) = last.filter(|last| print.observed_at <= *last) {
            let (last, found) = (last.nanos(), print.observed_at.nanos());
            return Err(Finding::IdOutOfOrder { kind: "print", last, found });
        }
        self.index.insert(print.grade.clone(), print.value);
        let prints = self.prints.entry(print.grade.clone()).or_default();
        prints.push((print.observed_at, print.value));
        Ok(())
    }

    pub(super) fn trade(&mut self, instrument: InstrumentId, trade: (Price, Qty), at: Nanos) {
        let Some(quoted) = self.series.get_mut(&instrument) else { return };
        let (price, qty) = trade;
        quoted.trades.push((at, i128::from(price.ticks()), i128::from(qty.lots())));
    }

    pub(super) fn mark(&mut self, instrument: InstrumentId, mark: Price) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.mark = mark;
        }
    }

    pub(super) fn stop(&mut self, instrument: InstrumentId) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.is_trading = false;
        }
    }

    /// A series' terms and mark.
    pub(super) fn terms(&self, instrument: InstrumentId) -> Result<(Instrument, Price), Finding> {
        let quoted = self.series.get(&instrument);
        let terms = quoted.map(|quoted| (quoted.terms.clone(), quoted.mark));
        terms.ok_or(Finding::Unannounced { kind: "series", id: instrument.0 })
    }

    pub(super) const fn index(&self) -> &BTreeMap<GradeId, Option<MicroUsd>> {
        &self.index
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = InstrumentId> {
        self.series.keys().copied()
    }

    /// Every print of a grade, oldest first.
    pub(super) fn prints(&self, grade: &GradeId) -> &[(Nanos, Option<MicroUsd>)] {
        self.prints.get(grade).map_or(&[], Vec::as_slice)
    }

    /// A lot has `hours` left.
    pub(super) fn shorten(&mut self, instrument: InstrumentId, hours: u32) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.terms.hours_per_lot = hours;
            quoted.days += 1;
        }
    }

    /// Series of a grade that trade.
    pub(super) fn trading_of(&self, grade: &GradeId) -> impl Iterator<Item = &Instrument> {
        let trading = self.series.values().filter(|quoted| quoted.is_trading);
        trading.map(|quoted| &quoted.terms).filter(move |terms| terms.grade == *grade)
    }

    pub(super) fn trading(&self) -> impl Iterator<Item = InstrumentId> {
        self.series.iter().filter(|(_, quoted)| quoted.is_trading).map(|(id, _)| *id)
    }

    /// Series that should have stopped trading.
    pub(super) fn overdue(&self, now: Nanos) -> BTreeMap<InstrumentId, Nanos> {
        let quoted = self.series.iter().filter(|(_, quoted)| quoted.is_trading);
        let until = quoted.map(|(id, quoted)| (*id, quoted.terms.schedule.last_trade_at));
        until.filter(|(_, until)| *until <= now).collect()
    }

    /// What the series' mark should be.
    pub(super) fn compute(
        &self,
        instrument: InstrumentId,
        market: &Market,
        at: Nanos,
    ) -> Option<Computed> {
        let quoted = self.series.get(&instrument)?;
        if quoted.terms.is_premium_style() {
            let mark = self.premium_mark(&quoted.terms);
            let (basis, pace) = (quoted.basis, quoted.pace);
            return Some(Computed { mark, basis, pace, moves_at: None });
        }
        let grade = &quoted.terms.grade;
        let value = self.index.get(grade).copied().flatten();
        let print = self.observed.get(grade).copied().zip(value);
        let realised = quoted.realised(self.prints(grade));
        Some(quoted.compute(market, print, realised, at))
    }

    /// What the mark of an option or a cap should be; none of other series.
    pub(super) fn premium(&self, instrument: InstrumentId) -> Option<Price> {
        let terms = &self.series.get(&instrument)?.terms;
        terms.is_premium_style().then(|| self.premium_mark(terms))
    }

    /// SIM-023: the reference of an option or a cap, at least what exercise at once would bring and a tick, at most what it can bring.
    fn premium_mark(&self, terms: &Instrument) -> Price {
        let Some(underlying) = self.underlying(terms) else { return terms.reference };
        let most = match terms.product {
            Product::Option { strike, right: Right::Put, .. } => strike,
            Product::Option { .. }
            | Product::Cap { .. }
            | Product::Future { .. }
            | Product::Spread { .. } => underlying,
        };
        let least = Price::from_ticks(terms.moneyness(underlying).max(1));
        terms.reference.min(most).max(least)
    }

    /// What a premium is compared with: the mark of the option's future, the index under a cap, or its strike while there is none.
    pub(super) fn underlying(&self, terms: &Instrument) -> Option<Price> {
        match terms.product {
            Product::Option { underlying, .. } => {
                self.series.get(&underlying).map(|quoted| quoted.mark)
            }
            Product::Cap { .. } => {
                let index = self.index.get(&terms.grade).copied().flatten();
                index.map(|value| terms.nearest_price(value))
            }
            Product::Future { .. } | Product::Spread { .. } => None,
        }
    }

    /// Goes on from a mark that was computed.
    pub(super) fn keep(&mut self, instrument: InstrumentId, computed: &Computed) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.basis = computed.basis;
            quoted.pace = computed.pace;
        }
    }

    /// What a cycle that is due at `at` settles the series at.
    pub(super) fn day(
        &self,
        instrument: InstrumentId,
        market: &Market,
        at: Nanos,
        day: NanosSpan,
    ) -> Option<(Price, SettlementSource)> {
        let quoted = self.series.get(&instrument)?;
        Some(quoted.day(market, quoted.mark, at, day))
    }

    /// SIM-024: what the series settles at when trading ends at `at`: the fixing, else what a day would.
    pub(super) fn closing(
        &self,
        instrument: InstrumentId,
        market: &Market,
        at: Nanos,
        day: NanosSpan,
    ) -> Option<(Price, SettlementSource)> {
        let quoted = self.series.get(&instrument)?;
        let partition = NanosSpan::new((day.nanos() / WINDOW).max(1));
        let number = |at: Nanos| at.nanos() / partition.nanos();
        let last = number(Nanos::new(at.nanos() - 1));
        let mut values = vec![None; usize::try_from(WINDOW).unwrap_or(48)];
        for (seen, value) in self.prints.get(&quoted.terms.grade).into_iter().flatten() {
            let place = (number(*seen) + WINDOW - 1).checked_sub(last);
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = *value;
            }
        }
        // What settles against the index goes on doing so after its last trade.
        let is_open = quoted.terms.settles_against_index();
        if let Some(price) = fixing(&values).filter(|_| !is_open) {
            let source = SettlementSource::Index { until: at, partition, values };
            return Some((quoted.terms.nearest_price(price), source));
        }
        let mark = self.compute(instrument, market, at)?.mark;
        Some(quoted.day(market, mark, at, day))
    }

    pub(super) fn settle(&mut self, instrument: InstrumentId, price: Price) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.settled = price;
        }
    }

    /// All series that trade settle at their marks.
    pub(super) fn settle_at_marks(&mut self) {
        for quoted in self.series.values_mut().filter(|quoted| quoted.is_trading) {
            quoted.settled = quoted.mark;
        }
    }

    /// A series' terms and what it settled at last.
    pub(super) fn settled(&self, instrument: InstrumentId) -> Result<(Instrument, Price), Finding> {
        let quoted = self.series.get(&instrument);
        let terms = quoted.map(|quoted| (quoted.terms.clone(), quoted.settled));
        terms.ok_or(Finding::Unannounced { kind: "series", id: instrument.0 })
    }
}

/// The mean of a day's half-hours without the highest and lowest twelfth, if three in five are there.
pub(super) fn fixing(values: &[Option<MicroUsd>]) -> Option<MicroUsd> {
    let there = values.iter().flatten().count();
    if 5 * there < 3 * values.len() {
        return None;
    }
    let mut last = *values.iter().flatten().next()?;
    let mut filled = Vec::new();
    for value in values {
        last = value.unwrap_or(last);
        filled.push(i128::from(last.micros()));
    }
    filled.sort_unstable();
    let trim = filled.len() / 12;
    let kept = &filled[trim..filled.len() - trim];
    let count = i128::try_from(kept.len()).unwrap_or(1);
    MicroUsd::from_i128(div_half_even(kept.iter().sum(), count))
}
