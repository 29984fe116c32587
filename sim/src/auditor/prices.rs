//! The auditor's prices: index, marks and settlement prices, by the prints and the trades.

use std::collections::BTreeMap;

use exchange::IndexPrint;
use instruments::rounding::div_half_even;
use instruments::{GradeId, Instrument, InstrumentId, MicroUsd, Nanos, Price, Product, Right};

use crate::finding::Finding;

const HALF_HOUR_NANOS: u64 = 1_800_000_000_000;
/// Half-hours of a fixing.
const WINDOW: u64 = 48;

/// Every series with its prices, and the index of every grade.
#[derive(Debug, Clone, Default)]
pub(super) struct Prices {
    series: BTreeMap<InstrumentId, Quoted>,
    index: BTreeMap<GradeId, Option<MicroUsd>>,
    observed: BTreeMap<GradeId, Nanos>,
    /// The last print of every half-hour.
    half_hours: BTreeMap<GradeId, BTreeMap<u64, Option<MicroUsd>>>,
    /// Every print: when it was observed.
    prints: BTreeMap<GradeId, Vec<(Nanos, Option<MicroUsd>)>>,
}

#[derive(Debug, Clone)]
struct Quoted {
    terms: Instrument,
    mark: Price,
    last_trade: Option<Price>,
    is_trading: bool,
}

impl Prices {
    pub(super) fn list(&mut self, terms: &Instrument) {
        let mark = terms.reference;
        let quoted = Quoted { terms: terms.clone(), mark, last_trade: None, is_trading: true };
        self.series.insert(terms.id, quoted);
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
        let half_hour = print.observed_at.nanos() / HALF_HOUR_NANOS;
        self.half_hours.entry(print.grade.clone()).or_default().insert(half_hour, print.value);
        Ok(())
    }

    pub(super) fn trade(&mut self, instrument: InstrumentId, price: Price) {
        if let Some(quoted) = self.series.get_mut(&instrument) {
            quoted.last_trade = Some(price);
        }
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

    /// SIM-023: the median of anchor, mid and last trade, where the anchor stands in for what is missing.
    pub(super) fn fresh_mark(
        &self,
        instrument: InstrumentId,
        best: [Option<Price>; 2],
    ) -> Option<Price> {
        let quoted = self.series.get(&instrument)?;
        if quoted.terms.is_premium_style() {
            return Some(self.premium_mark(&quoted.terms));
        }
        let index = self.index.get(&quoted.terms.grade).copied().flatten();
        let anchor = index.map_or(quoted.mark, |value| quoted.terms.nearest_price(value));
        let mid = match best {
            [Some(bid), Some(ask)] => Price::from_ticks((bid.ticks() + ask.ticks()).div_euclid(2)),
            [None, _] | [_, None] => anchor,
        };
        let mut three = [anchor, mid, quoted.last_trade.unwrap_or(anchor)];
        three.sort_unstable();
        Some(three[1])
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

    /// SIM-024: the mean of the last day's half-hours without the highest and lowest twelfth, if nine in ten are there.
    pub(super) fn fixing(&self, instrument: InstrumentId) -> Option<Price> {
        let quoted = self.series.get(&instrument)?;
        let half_hours = self.half_hours.get(&quoted.terms.grade)?;
        let newest = *half_hours.last_key_value()?.0;
        let window: BTreeMap<_, _> =
            half_hours.range(newest.saturating_sub(WINDOW - 1)..).collect();
        let oldest = **window.first_key_value()?.0;
        let all: Vec<Option<MicroUsd>> =
            (oldest..=newest).map(|at| window.get(&at).copied().copied().flatten()).collect();
        let missing = all.iter().filter(|value| value.is_none()).count();
        if all.len() < 10 * missing {
            return None;
        }
        let mut last = *all.iter().flatten().next()?;
        let mut values = Vec::new();
        for value in all {
            last = value.unwrap_or(last);
            values.push(i128::from(last.micros()));
        }
        values.sort_unstable();
        let trim = values.len() / 12;
        let kept = &values[trim..values.len() - trim];
        let count = i128::try_from(kept.len()).unwrap_or(1);
        let mean = div_half_even(kept.iter().sum(), count);
        Some(quoted.terms.nearest_price(MicroUsd::from_i128(mean)?))
    }
}
