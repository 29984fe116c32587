//! The auditor's days and cascades: what an hour brought, and what long periods become.

use exchange::Event;
use instruments::rounding::div_half_even;
use instruments::{Instrument, InstrumentId, MicroUsd, Nanos, Period, Price, Product, Style};

use super::money::money;
use super::positions::value;
use super::{Auditor, Sheet};
use crate::finding::Finding;

/// Hours that an index may be old and still stand in for an hour without one.
const CARRIED_MAX: i128 = 72;

/// What has been settled of a series against the index.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    days: u32,
    hours: i128,
    sum: i128,
    valued: i128,
}

/// Whether it ends by becoming shorter series.
pub(super) const fn cascades(terms: &Instrument) -> bool {
    matches!(
        terms.product,
        Product::Future { style: Style::Physical, period: Period::Quarter | Period::Year }
    )
}

/// A lot's worth as a price.
pub(super) fn quoted(terms: &Instrument, lot_value: i128) -> Price {
    let ticks = div_half_even(lot_value, i128::from(terms.tick_value().micros()));
    Price::from_ticks(i64::try_from(ticks.max(1)).unwrap_or(i64::MAX)).min(Instrument::PRICE_MAX)
}

/// What the end of a day leads to, before anything else is looked at.
pub(super) const fn is_of_day(event: &Event) -> bool {
    matches!(
        event,
        Event::DaySettled { .. }
            | Event::MoneyMoved(_)
            | Event::VariationPaid { .. }
            | Event::VariationEnded
            | Event::Default(_)
            | Event::SeriesSettled { .. }
            | Event::PositionClosed { .. }
    )
}

impl Auditor {
    /// What a lot of a parent is worth at the marks of what it becomes, or at its own.
    pub(super) fn note_lot_value(&mut self, instrument: InstrumentId, at: Nanos) {
        let Ok((parent, _)) = self.prices.terms(instrument) else { return };
        if !cascades(&parent) {
            return;
        }
        let fresh = |id| {
            let computed = self.prices.compute(id, &self.orders.market(id), at);
            computed.map(|computed| computed.mark)
        };
        let worth = |terms: &Instrument| Some(value(terms, fresh(terms.id)?, 1));
        let children = self.children(&parent);
        let lot_value = children.and_then(|children| children.iter().map(worth).sum());
        self.lot_values.extend(lot_value.or_else(|| worth(&parent)).map(|it| (instrument, it)));
    }

    /// The months, or months and quarters, that follow one another through the parent's period.
    fn children(&self, parent: &Instrument) -> Option<Vec<Instrument>> {
        let Product::Future { period, .. } = parent.product else { return None };
        let quarters = if period == Period::Year { 3 } else { 0 };
        let mut children = Vec::new();
        let mut from = parent.schedule.deliver_from;
        for place in 0..3 + quarters {
            let period = if place < 3 { Period::Month } else { Period::Quarter };
            let product = Product::Future { style: Style::Physical, period };
            let mut all = self.prices.trading_of(&parent.grade);
            let child = all.find(|it| {
                it.product == product
                    && it.schedule.deliver_from == from
                    && it.node_size == parent.node_size
            })?;
            from = child.schedule.deliver_until;
            children.push(child.clone());
        }
        let hours: u32 = children.iter().map(|child| child.hours_per_lot).sum();
        let is_whole = from == parent.schedule.deliver_until && hours == parent.hours_per_lot;
        is_whole.then_some(children)
    }

    /// SIM-014: whoever holds a parent holds as many lots of every child, at its share of the parent's worth by hours.
    pub(super) fn read_cascade(
        &mut self,
        instrument: InstrumentId,
        lot_value: i128,
        into: &[InstrumentId],
    ) -> Result<(), Finding> {
        let (parent, mark) = self.prices.terms(instrument)?;
        let ours: Option<Vec<InstrumentId>> =
            self.children(&parent).map(|all| all.iter().map(|child| child.id).collect());
        let worth = self.lot_values.remove(&instrument);
        if ours.as_deref() != Some(into) || worth != Some(lot_value) {
            let ours = worth.map(|worth| quoted(&parent, worth));
            return Err(Finding::SettlementPrice { instrument, ours, theirs: mark });
        }
        let mut hours = Vec::new();
        for id in into {
            hours.push(i128::from(self.prices.terms(*id)?.0.hours_per_lot));
        }
        let whole: i128 = hours.iter().sum();
        for (account, lots, cost) in self.positions.holders(instrument) {
            let mut rest = cost - lots * lot_value;
            let (mut covered, mut before) = (0, 0);
            for (id, part) in into.iter().zip(&hours) {
                covered += part;
                let until = (lot_value * covered).div_euclid(whole);
                let cost = lots * (until - before) + std::mem::take(&mut rest);
                before = until;
                self.positions.book((*id, account), lots, cost);
            }
        }
        Ok(())
    }

    /// SIM-013: a day brought what the newest print of each hour says, or one of an hour before, at most three days old.
    pub(super) fn read_day(&mut self, event: &Event, sheet: &mut Sheet) -> Result<(), Finding> {
        let Event::DaySettled { instrument, day, per_lot, hours_left, .. } = event else {
            return Ok(());
        };
        let (terms, mark) = self.prices.terms(*instrument)?;
        let left = i128::from(terms.schedule.intervals.saturating_sub(*day)).max(1);
        let hours = i128::from(terms.hours_per_lot) / left;
        let first = i128::from(*day) * hours;
        let fallback = i128::from(terms.per_hour(terms.strike().unwrap_or(mark)).micros());
        let all = hours * i128::from(terms.schedule.intervals);
        let hourly = self.hourly(&terms, all, first - CARRIED_MAX);
        let settled = self.days.entry(*instrument).or_default();
        let mut brought = 0;
        for hour in first..first + hours {
            let own = hourly.get(&hour).copied().flatten();
            let mut before = hourly.range(hour - CARRIED_MAX..hour).rev();
            let value = own.or_else(|| before.find_map(|(_, value)| *value)).unwrap_or(fallback);
            settled.sum += value;
            settled.valued += i128::from(own.is_some());
            brought += match terms.product {
                Product::Cap { strike } => {
                    (value - i128::from(terms.per_hour(strike).micros())).max(0)
                }
                Product::Future { .. } | Product::Option { .. } | Product::Spread { .. } => value,
            };
        }
        settled.hours = all;
        settled.days += 1;
        let is_next = settled.days == *day + 1;
        let is_left = i128::from(*hours_left) == i128::from(terms.hours_per_lot) - hours;
        if brought != i128::from(per_lot.micros()) || !is_next || !is_left {
            let (instrument, account) = (*instrument, instruments::AccountId(0));
            let (due, said) = (brought, *per_lot);
            return Err(Finding::Variation { instrument, account, due, said });
        }
        self.prices.shorten(*instrument, *hours_left);
        self.prices.settle(*instrument, mark);
        self.positions.settle_day(*instrument, brought);
        sheet.day = Some(*instrument);
        Ok(())
    }

    /// SIM-013: whatever follows the payments of a day, nobody is due anything before it.
    pub(super) fn check_day(&self, event: &Event, sheet: &mut Sheet) -> Result<(), Finding> {
        let Some(day) = sheet.day else { return Ok(()) };
        let is_money = matches!(event, Event::MoneyMoved(_));
        let is_its = matches!(event, Event::VariationPaid { instrument, .. } if *instrument == day);
        if is_money || is_its {
            return Ok(());
        }
        sheet.day = None;
        let (terms, mark) = self.prices.terms(day)?;
        self.positions.check_paid(&terms, mark)
    }

    /// The newest print of every hour of a delivery period from `first` on.
    fn hourly(
        &self,
        terms: &Instrument,
        hours: i128,
        first: i128,
    ) -> std::collections::BTreeMap<i128, Option<i128>> {
        let nanos = |at: Nanos| i128::from(at.nanos());
        let from = nanos(terms.schedule.deliver_from);
        let window = nanos(terms.schedule.deliver_until) - from;
        let prints = self.prices.prints(&terms.grade).iter().rev();
        let hour_of = |at: Nanos| ((nanos(at) - from) * hours).div_euclid(window);
        let recent = prints.take_while(|(at, _)| first <= hour_of(*at));
        let mut hourly = std::collections::BTreeMap::new();
        for (at, value) in recent {
            let micros = value.map(|value: MicroUsd| i128::from(value.micros()));
            hourly.entry(hour_of(*at)).or_insert(micros);
        }
        hourly
    }

    /// SIM-024: what settles against the index ends at the mean of its hours.
    pub(super) fn read_settled(&mut self, event: &Event, sheet: &mut Sheet) -> Result<(), Finding> {
        let Event::SeriesSettled { instrument, mean, settlement_price, coverage } = event else {
            return Ok(());
        };
        let settled = self.days.remove(instrument).unwrap_or_default();
        let (terms, _) = self.prices.terms(*instrument)?;
        let ours = money(div_half_even(settled.sum, settled.hours.max(1)));
        let price = terms.nearest_price(ours);
        let covered = (settled.valued * 1_000_000).div_euclid(settled.hours.max(1));
        let is_ours = ours == *mean && i128::from(coverage.ppm()) == covered;
        if !is_ours || price != *settlement_price || terms.hours_per_lot != 0 {
            let (instrument, theirs) = (*instrument, *settlement_price);
            return Err(Finding::SettlementPrice { instrument, ours: Some(price), theirs });
        }
        sheet.ended.insert(*instrument);
        Ok(())
    }
}
