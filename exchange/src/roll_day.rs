//! What settles against the index: a day of a cash future rolls off, a day of a cap is paid.
//!
//! Both happen when the day has ended and before anything of a later instant is looked at, whenever the timer runs: a lot has as many
//! hours as are still to come.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{
    AccountId, Instrument, InstrumentId, MicroUsd, Nanos, NetQty, Ppm, Price, Product, Qty,
    Schedule,
};

use crate::Exchange;
use crate::command::IndexPrint;
use crate::event::Event;
use crate::mark::Realised;
use crate::series::SeriesState;

/// How many hours an index may be old and still stand in for an hour without one.
const CARRIED_MAX: i64 = 72;

/// What is settled of a series, and the hourly values that are not.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Roll {
    /// Hours of a lot before the first day ended.
    pub hours: u32,
    /// Days that have ended.
    pub days: u32,
    /// The newest print of every hour, by hours since the delivery period began; none where it was withheld.
    pub values: BTreeMap<i64, Option<MicroUsd>>,
    /// Micro-dollars: the values of the hours settled so far, added up.
    pub settled: i128,
    /// Hours settled so far that had a value of their own.
    pub valued: u32,
}

/// The values of a day's hours.
struct Day {
    values: Vec<MicroUsd>,
    valued: u32,
}

impl Roll {
    pub(crate) fn new(hours: u32) -> Self {
        Self { hours, days: 0, values: BTreeMap::new(), settled: 0, valued: 0 }
    }

    /// The hour of the delivery period in which `at` lies; below zero before it begins.
    fn hour_of(&self, schedule: &Schedule, at: Nanos) -> i64 {
        let nanos = |at: Nanos| i128::from(at.nanos());
        let window = nanos(schedule.deliver_until).saturating_sub(nanos(schedule.deliver_from));
        let offset = nanos(at).saturating_sub(nanos(schedule.deliver_from));
        let hour = div_floor(offset.saturating_mul(i128::from(self.hours)), window.max(1));
        i64::try_from(hour).unwrap_or(i64::MIN)
    }

    pub(crate) fn record(&mut self, schedule: &Schedule, print: &IndexPrint) {
        let hour = self.hour_of(schedule, print.observed_at);
        if i64::from(self.hours) <= hour {
            return;
        }
        self.values.insert(hour, print.value);
        // Hours that are not settled stay; of those before, what may still stand in for one.
        let oldest = hour.min(self.first_hour(schedule)).saturating_sub(CARRIED_MAX);
        self.values = self.values.split_off(&oldest);
    }

    const fn hours_a_day(&self, schedule: &Schedule) -> u32 {
        match self.hours.checked_div(schedule.intervals) {
            Some(hours) => hours,
            None => 0,
        }
    }

    /// The first hour that is not settled.
    fn first_hour(&self, schedule: &Schedule) -> i64 {
        i64::from(self.hours_a_day(schedule)).saturating_mul(i64::from(self.days))
    }

    /// The value of every hour of the next day: its own, that of an hour before, or `fallback`.
    fn day(&self, schedule: &Schedule, fallback: MicroUsd) -> Day {
        let hours = i64::from(self.hours_a_day(schedule));
        let first = self.first_hour(schedule);
        let mut day = Day { values: Vec::new(), valued: 0 };
        for hour in first..first.saturating_add(hours) {
            let own = self.values.get(&hour).copied().flatten();
            day.valued = day.valued.saturating_add(u32::from(own.is_some()));
            let before = self.values.range(hour.saturating_sub(CARRIED_MAX)..hour);
            let carried = || before.rev().find_map(|(_, value)| *value);
            day.values.push(own.or_else(carried).unwrap_or(fallback));
        }
        day
    }
}

impl Exchange {
    /// CASH-003: prints count for the hour in which they were observed.
    pub(crate) fn record_hours(&mut self, print: &IndexPrint) {
        for (instrument, roll) in &mut self.rolls {
            let Some(series) = self.series.get(instrument) else { continue };
            if series.instrument.grade == print.grade {
                roll.record(&series.instrument.schedule, print);
            }
        }
    }

    /// Begins to count the hours of a series that settles against the index.
    pub(crate) fn begin_roll(&mut self, terms: &Instrument) {
        if !terms.settles_against_index() {
            return;
        }
        let mut roll = Roll::new(terms.hours_per_lot);
        if let Some(history) = self.indices.get(&terms.grade) {
            roll.record(&terms.schedule, &history.last);
        }
        self.rolls.insert(terms.id, roll);
        self.rolling.insert((terms.schedule.interval_starts_at(1), terms.id));
    }

    /// A day of a series has ended.
    pub(crate) fn roll_day(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Some(roll) = self.rolls.get_mut(&instrument) else { return };
        let terms = &series.instrument;
        let schedule = terms.schedule;
        let fallback = terms.strike().unwrap_or(series.mark);
        let Day { values, valued } = roll.day(&schedule, terms.per_hour(fallback));
        let hours = roll.hours_a_day(&schedule);
        let per_lot =
            values.iter().map(|value| brings(terms, *value)).fold(0, i128::saturating_add);
        let day = roll.days;
        roll.days = day.saturating_add(1);
        roll.valued = roll.valued.saturating_add(valued);
        roll.settled = values
            .iter()
            .fold(roll.settled, |sum, value| sum.saturating_add(i128::from(value.micros())));
        let keep = roll.first_hour(&schedule).saturating_sub(CARRIED_MAX);
        roll.values = roll.values.split_off(&keep);
        let is_last = schedule.intervals <= roll.days;
        if !is_last {
            let next = schedule.interval_starts_at(roll.days.saturating_add(1));
            self.rolling.insert((next, instrument));
        }

        let (mark, left) = self.shorten(
            instrument,
            (hours, per_lot),
            schedule.interval_starts_at(day.saturating_add(1)),
        );
        let per_lot = crate::rehold::saturate(per_lot);
        events.push(Event::DaySettled { instrument, day, per_lot, valued, hours_left: left });
        self.pay_variation(&[(instrument, mark)], events);
        self.rehold_in([instrument].into());
        if is_last {
            self.end_roll(instrument, events);
        }
    }

    /// Takes a day from every lot, and from every position what it brings. Returns the mark and the hours left.
    fn shorten(
        &mut self,
        instrument: InstrumentId,
        (hours, per_lot): (u32, i128),
        until: Nanos,
    ) -> (Price, u32) {
        let held: Vec<(AccountId, NetQty)> =
            self.positions.of_instrument(instrument).map(|(id, held)| (id, held.net)).collect();
        for (account, net) in held {
            let brings = per_lot.saturating_mul(i128::from(net.lots()));
            self.positions.settle(instrument, account, brings);
        }
        let Some(series) = self.series.get_mut(&instrument) else {
            return (Price::from_ticks(1), 0);
        };
        let before = series.instrument.hours_per_lot;
        let left = before.saturating_sub(hours);
        series.instrument.hours_per_lot = left;
        let mark = series.mark;
        series.daily_price = Some(mark);
        series.pricing.realised = Realised::new(until);
        // Its mark is computed anew with the others.
        self.unmarked.insert(instrument);
        self.positions.scale_entries(instrument, left, before);
        self.refresh_array(instrument);
        (mark, left)
    }

    /// The last day has been settled: nothing is left of any position.
    fn end_roll(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        if self.series.get(&instrument).is_some_and(|it| it.state == SeriesState::Trading) {
            self.expire_series(instrument, events);
        }
        let Some(roll) = self.rolls.remove(&instrument) else { return };
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let mean = div_half_even(roll.settled, i128::from(roll.hours.max(1)));
        let mean = crate::rehold::saturate(mean);
        let settlement_price = series.instrument.nearest_price(mean);
        series.state = SeriesState::Closed;
        series.settlement_price = Some(settlement_price);
        let covered = i128::from(roll.valued).saturating_mul(i128::from(Ppm::ONE.ppm()));
        let covered = div_floor(covered, i128::from(roll.hours.max(1)));
        let coverage = Ppm::new(i64::try_from(covered).unwrap_or(0));
        events.push(Event::SeriesSettled { instrument, mean, settlement_price, coverage });
        let held: Vec<(AccountId, NetQty)> =
            self.positions.of_instrument(instrument).map(|(id, held)| (id, held.net)).collect();
        for (account, net) in held {
            self.positions.close(instrument, account);
            if net != NetQty::ZERO {
                let delivered = Qty::ZERO;
                events.push(Event::PositionClosed { instrument, account, net, delivered });
            }
            self.rehold(account);
        }
    }
}

/// What an hour at `value` brings a long lot, in micro-dollars.
fn brings(terms: &Instrument, value: MicroUsd) -> i128 {
    let value = i128::from(value.micros());
    match terms.product {
        Product::Cap { strike } => {
            value.saturating_sub(i128::from(terms.per_hour(strike).micros())).max(0)
        }
        Product::Future { .. } | Product::Option { .. } | Product::Spread { .. } => value,
    }
}
