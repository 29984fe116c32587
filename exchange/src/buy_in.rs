//! Buys for the buyer what is missing, in the series of the grade that is delivered soonest, at up to one and a half times the settlement
//! price. Whole lots only: what is less is kept for the next hour.
//!
//! The lots are the buyer's like any it has bought: they need its margin, and cost it what they cost. What it paid more than the settlement
//! price the seller owes it, see `settle_hours.rs`. Where no series trades, or nothing is for sale, or the buyer has no margin, there is
//! no buy-in.

use instruments::rounding::div_floor;
use instruments::{
    GpuSeconds, Instrument, InstrumentId, MicroUsd, ObligationId, Ppm, Price, Qty, Side,
};
use settlement::Bought;

use crate::Exchange;
use crate::command::PlaceOrder;
use crate::event::{CloseOutEvent, Event};
use crate::reject::Reject;
use crate::time_in_force::TimeInForce;

/// Up to this multiple of the settlement price compute is bought in.
const LIMIT: Ppm = Ppm::new(1_500_000);
const MILLION: u128 = 1_000_000;
const LABEL: &str = "buy-in";

impl Exchange {
    /// Buys what `uncovered` millionths of GPU-seconds, and what earlier hours have left, make in whole lots.
    pub(crate) fn buy_in(
        &mut self,
        id: ObligationId,
        hour: u32,
        uncovered: u128,
        events: &mut Vec<Event>,
    ) -> Vec<Bought> {
        let Some((order, per_lot)) = self.buy_in_order(id, uncovered) else { return Vec::new() };
        let first = events.len();
        let mut placed = self.place_order(&order, events);
        if let Err(Reject::AboveBand { limit }) = placed {
            let kind = matching_engine::OrderKind::Limit(limit);
            placed = self.place_order(&PlaceOrder { kind, ..order.clone() }, events);
        }
        if placed.is_err() {
            return Vec::new();
        }
        let Some(series) = self.series.get(&order.instrument) else { return Vec::new() };
        let terms = &series.instrument;
        let bought = |event: &Event| {
            if let Event::Traded(trade) = event
                && trade.taker.account == order.account
                && trade.instrument == order.instrument
            {
                let compute = GpuSeconds::new(trade.qty.lots().saturating_mul(per_lot.seconds()));
                Some(Bought { compute, price: terms.per_hour(trade.price) })
            } else {
                None
            }
        };
        let bought: Vec<Bought> =
            events.get(first..).unwrap_or_default().iter().filter_map(bought).collect();
        let instrument = order.instrument;
        events.push(Event::CloseOut(CloseOutEvent::BoughtIn {
            obligation: id,
            hour,
            instrument,
            bought: bought.clone(),
        }));
        bought
    }

    /// The order for the whole lots that are missing by now, and the compute of a lot. `None` where there is less than one, or none trades.
    fn buy_in_order(
        &mut self,
        id: ObligationId,
        uncovered: u128,
    ) -> Option<(PlaceOrder, GpuSeconds)> {
        let duty = &self.deliveries.get(&id)?.obligation;
        let sold = &self.series.get(&duty.instrument)?.instrument;
        let limit = LIMIT.of_floor(sold.per_hour(duty.settlement_price));
        let found = self.soonest(sold);
        let duty = &mut self.deliveries.get_mut(&id)?.obligation;
        let Some(instrument) = found else {
            duty.unbought = 0;
            return None;
        };
        let terms = &self.series.get(&instrument)?.instrument;
        let per_lot = GpuSeconds::new(u64::from(terms.hours_per_lot).saturating_mul(3_600));
        let whole = u128::from(per_lot.seconds()).saturating_mul(MILLION);
        let missing = duty.unbought.saturating_add(uncovered);
        duty.unbought = missing.checked_rem(whole)?;
        let lots = u64::try_from(missing.checked_div(whole)?).ok()?;
        let ticks = div_floor(i128::from(limit.micros()), i128::from(terms.tick_size.micros()));
        let price = Price::from_ticks(i64::try_from(ticks).ok()?).min(Instrument::PRICE_MAX);
        let qty = Qty::from_lots(lots).min(Instrument::QTY_MAX);
        let order = PlaceOrder {
            time_in_force: TimeInForce::Ioc,
            label: LABEL.to_owned(),
            ..PlaceOrder::limit(duty.buyer, instrument, Side::Buy, price, qty)
        };
        (!qty.is_zero()).then_some((order, per_lot))
    }

    /// The series of a grade that trades now and is delivered soonest, the shortest first.
    fn soonest(&self, sold: &Instrument) -> Option<InstrumentId> {
        let of_grade = self.series.values().filter(|series| {
            series.instrument.grade == sold.grade
                && self.trading_series(series.instrument.id).is_ok()
                && self.is_open_in(series.instrument.id)
        });
        let has_asks = of_grade.map(|series| &series.instrument).filter(|terms| {
            self.engine.book(terms.id).is_some_and(|book| book.best_ask().is_some())
        });
        let soonest = has_asks
            .min_by_key(|terms| (terms.hours_per_lot, terms.schedule.deliver_from, terms.id));
        soonest.map(|terms| terms.id)
    }

    /// What a buy-in may cost at most, dollars per GPU-hour.
    #[must_use]
    pub fn buy_in_limit(settlement_price: MicroUsd) -> MicroUsd {
        LIMIT.of_floor(settlement_price)
    }
}
