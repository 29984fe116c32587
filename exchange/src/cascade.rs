//! Long periods become shorter ones: a year three months and three quarters, a quarter three months.
//!
//! The parent's settlement price is kept exact, as micro-dollars per lot. No money moves: what the children cost is what the parent had
//! cost.

use instruments::rounding::{div_floor, div_half_even};
use instruments::{
    AccountId, Instrument, InstrumentId, Nanos, NetQty, Period, Price, Product, Style,
};
use matching_engine::CancelReason;
use settlement::Booked;

use crate::Exchange;
use crate::event::Event;
use crate::series::{Series, SeriesState};

/// Into what a series of `period` cascades, in the order of delivery.
const fn children_of(period: Period) -> &'static [Period] {
    match period {
        Period::Day | Period::Week | Period::Month => &[],
        Period::Quarter => &[Period::Month; 3],
        Period::Year => &[
            Period::Month,
            Period::Month,
            Period::Month,
            Period::Quarter,
            Period::Quarter,
            Period::Quarter,
        ],
    }
}

/// Whether it ends by a cascade.
pub(crate) const fn cascades(terms: &Instrument) -> bool {
    match terms.product {
        Product::Future { style: Style::Physical, period } => !children_of(period).is_empty(),
        Product::Future { style: Style::Cash, .. }
        | Product::Option { .. }
        | Product::Cap { .. }
        | Product::Spread { .. } => false,
    }
}

/// What one lot of each child costs where a lot of the parent is worth `lot_value`: in proportion to their hours, to the micro-dollar, so
/// that the sum is exact.
fn lot_costs(lot_value: i128, hours: &[u32]) -> Vec<i128> {
    let sum = |hours: &[u32]| {
        hours.iter().fold(0_i128, |sum, part| sum.saturating_add(i128::from(*part)))
    };
    let whole = sum(hours).max(1);
    let mut before = 0_i128;
    let mut covered = 0_i128;
    let mut costs = Vec::with_capacity(hours.len());
    for part in hours {
        covered = covered.saturating_add(i128::from(*part));
        let until = div_floor(lot_value.saturating_mul(covered), whole);
        costs.push(until.saturating_sub(before));
        before = until;
    }
    costs
}

impl Exchange {
    /// The series that a parent becomes, in the order of delivery; `None` while one of them is not listed or has ended.
    fn children(&self, parent: &Instrument) -> Option<Vec<&Series>> {
        let Product::Future { style, period } = parent.product else { return None };
        let mut from = parent.schedule.deliver_from;
        let mut children = Vec::new();
        for part in children_of(period) {
            let product = Product::Future { style, period: *part };
            let child = self.series.values().find(|series| {
                let terms = &series.instrument;
                terms.product == product
                    && terms.grade == parent.grade
                    && terms.node_size == parent.node_size
                    && terms.schedule.deliver_from == from
                    && series.state == SeriesState::Trading
            })?;
            from = child.instrument.schedule.deliver_until;
            children.push(child);
        }
        let hours = |terms: &Instrument| u64::from(terms.hours_per_lot);
        let all: u64 = children.iter().map(|child| hours(&child.instrument)).sum();
        let is_whole = from == parent.schedule.deliver_until && all == hours(parent);
        (is_whole && !children.is_empty()).then_some(children)
    }

    /// CASCADE-002: what a lot of a parent is worth when its last trade has come: the worth of its children at their marks, or its own
    /// mark where they are not all there.
    pub(crate) fn fix_lot_value(&mut self, instrument: InstrumentId, at: Nanos) {
        let Some(series) = self.series.get(&instrument) else { return };
        if !cascades(&series.instrument) {
            return;
        }
        let worth = |terms: &Instrument, price: Price| {
            i128::from(price.ticks()).saturating_mul(i128::from(terms.tick_value().micros()))
        };
        let children = self.children(&series.instrument);
        let lot_value = children.map(|children| {
            children.iter().fold(0_i128, |sum, child| {
                let terms = &child.instrument;
                let mark = self.mark_at(terms.id, at).unwrap_or(child.mark);
                sum.saturating_add(worth(terms, mark))
            })
        });
        let own = self.mark_at(instrument, at).unwrap_or(series.mark);
        let lot_value = lot_value.unwrap_or_else(|| worth(&series.instrument, own));
        self.lot_values.insert(instrument, lot_value);
    }

    /// Stops a parent at its settlement price, rounded for display, and pays the last variation; then it cascades, or waits.
    pub(crate) fn expire_parent(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(lot_value) = self.lot_values.get(&instrument).copied() else { return };
        self.cancel_in(instrument, CancelReason::Expired, events, |_| true);
        self.unmarked.remove(&instrument);
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let tick_value = i128::from(series.instrument.tick_value().micros());
        let ticks = div_half_even(lot_value, tick_value)
            .clamp(1, i128::from(Instrument::PRICE_MAX.ticks()));
        let settlement_price = Price::from_ticks(i64::try_from(ticks).unwrap_or(1));
        series.settlement_price = Some(settlement_price);
        series.state = SeriesState::Expired;
        self.set_mark(instrument, settlement_price, events);
        events.push(Event::SeriesExpired { instrument, settlement_price });
        self.pay_variation(&[(instrument, settlement_price)], events);
        self.cascade(instrument, events);
    }

    /// Cascades every parent that has stopped and whose children are all there; ends those for which it is too late.
    pub(crate) fn run_cascades(&mut self, events: &mut Vec<Event>) {
        let waiting = |(id, series): (&InstrumentId, &Series)| {
            (series.state == SeriesState::Expired && cascades(&series.instrument)).then_some(*id)
        };
        let waiting: Vec<InstrumentId> = self.series.iter().filter_map(waiting).collect();
        for instrument in waiting {
            self.cascade(instrument, events);
        }
    }

    /// When the timer has to look at a parent that has stopped.
    pub(crate) fn cascade_due(&self, series: &Series) -> Nanos {
        let schedule = &series.instrument.schedule;
        match self.children(&series.instrument) {
            Some(_) => schedule.last_trade_at,
            None => schedule.deliver_from,
        }
    }

    fn cascade(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get(&instrument) else { return };
        let children = self.children(&series.instrument);
        let children: Vec<Instrument> =
            children.into_iter().flatten().map(|child| child.instrument.clone()).collect();
        let is_too_late = series.instrument.schedule.deliver_from <= self.now;
        if children.is_empty() && !is_too_late {
            return;
        }
        let Some(lot_value) = self.lot_values.remove(&instrument) else { return };
        if let Some(series) = self.series.get_mut(&instrument) {
            series.state = SeriesState::Closed;
        }
        let hours: Vec<u32> = children.iter().map(|child| child.hours_per_lot).collect();
        let costs = lot_costs(lot_value, &hours);
        let holders: Vec<AccountId> =
            self.positions.of_instrument(instrument).map(|(account, _)| account).collect();
        if !children.is_empty() {
            let into = children.iter().map(|child| child.id).collect();
            events.push(Event::SeriesCascaded { instrument, lot_value, into });
        }
        for account in holders {
            self.cascade_position(instrument, account, &children, &costs, events);
        }
    }

    /// Ends one position in a parent, and books as many lots of each child at the parent's settlement price.
    #[expect(clippy::too_many_arguments, reason = "whose, of what, into what, at what")]
    fn cascade_position(
        &mut self,
        instrument: InstrumentId,
        account: AccountId,
        children: &[Instrument],
        costs: &[i128],
        events: &mut Vec<Event>,
    ) {
        let Some(position) = self.positions.close(instrument, account) else { return };
        let net = position.net;
        let lots = i128::from(net.lots());
        // What the quoted price is off the exact one has been paid already, and is owed back: the first child carries it.
        let exact = costs.iter().fold(0_i128, |sum, cost| sum.saturating_add(*cost));
        let mut carried = position.cost.saturating_sub(exact.saturating_mul(lots));
        for (child, lot_cost) in children.iter().zip(costs) {
            let entry = lot_cost.saturating_mul(lots);
            let cost = entry.saturating_add(std::mem::take(&mut carried));
            self.positions.book(child, account, net, Booked { cost, entry });
            self.trim_booked(account, child.id, events);
        }
        if net != NetQty::ZERO {
            let delivered = instruments::Qty::ZERO;
            events.push(Event::PositionClosed { instrument, account, net, delivered });
        }
        self.rehold(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Months at 2.50, 2.40 and 2.35 with 744, 672 and 744 hours: 5,221.20 dollars, 2.4172222.. a GPU-hour.
    #[test]
    fn cascade_003_the_children_cost_what_the_parent_is_worth_to_the_micro_dollar() {
        let hours = [744, 672, 744];
        let months = [2_500_000, 2_400_000, 2_350_000];
        let lot_value: i128 = hours.iter().zip(months).map(|(h, s)| i128::from(*h) * s).sum();
        assert_eq!(lot_value, 5_221_200_000);
        let costs = lot_costs(lot_value, &hours);
        assert_eq!(costs, [1_798_413_333, 1_624_373_333, 1_798_413_334]);
        assert_eq!(costs.iter().sum::<i128>(), lot_value);
        for lot_value in [0, 1, 5, 999_999_999_999, i128::from(i64::MAX)] {
            let costs = lot_costs(lot_value, &[744, 672, 744, 2_184, 2_208, 2_208]);
            assert_eq!(costs.iter().sum::<i128>(), lot_value);
        }
    }
}
