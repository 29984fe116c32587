//! Whether an account can carry an order, and what the order holds.

use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, Price, Qty, Side};
use settlement::OpenOrders;

use crate::Exchange;
use crate::guards::FRONT;
use crate::limits::POSITION_MAX;
use crate::open_order::OpenOrder;
use crate::reject::Reject;
use crate::series::Series;

/// What an order may come to cost its account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposure {
    pub account: AccountId,
    pub instrument: InstrumentId,
    pub side: Side,
    /// What is open of it.
    pub qty: Qty,
    /// The limit it trades at.
    pub limit: Price,
    /// The worst limit that it may be given without asking again.
    pub held_at: Price,
}

impl Exchange {
    /// Whether the account can carry an order beside what it has, less the order that it takes the place of. Returns what one lot holds
    /// beyond margin.
    pub(crate) fn check_funds(
        &self,
        order: &Exposure,
        series: &Series,
        replaced: Option<&OpenOrder>,
    ) -> Result<MicroUsd, Reject> {
        let instrument = &series.instrument;
        let net = self.net(order.instrument, order.account);
        let mut open = self.open_orders_in(order.account, order.instrument);
        let same_side = match order.side {
            Side::Buy => &mut open.buys,
            Side::Sell => &mut open.sells,
        };
        let before = replaced.map_or(Qty::ZERO, OpenOrder::open);
        if let Some(record) = replaced {
            *same_side -= record.open();
            open.reserve -= record.reserve_of(record.open());
        }
        *same_side += order.qty;
        self.check_liquidation(order, (open.buys, open.sells))?;
        let (long, short) = (net.long() + open.buys, net.short() + open.sells);
        // An exercise or a cascade may have taken the position beyond the limit: what is there may still be closed.
        let limit = POSITION_MAX.max(net.long()).max(net.short());
        let own_side = if order.side == Side::Buy { long } else { short };
        if limit < own_side {
            return Err(Reject::PositionAboveLimit { limit });
        }
        let worst = long.max(short);
        let dearest = order.limit.max(order.held_at).max(series.mark);
        instrument.notional(dearest, worst).ok_or(Reject::NotionalOutOfRange)?;
        let reserve_per_lot = self
            .reserve_per_lot(instrument, order, series.mark)
            .ok_or(Reject::NotionalOutOfRange)?;
        let reserve = i128::from(reserve_per_lot.micros())
            .checked_mul(i128::from(order.qty.lots()))
            .and_then(MicroUsd::from_i128)
            .ok_or(Reject::NotionalOutOfRange)?;
        open.reserve = open.reserve.checked_add(reserve).ok_or(Reject::NotionalOutOfRange)?;
        self.check_spot_limit(order, series, &open)?;
        let added = order.qty.saturating_sub(before);
        self.check_margin(order, series, open, (reserve, added))?;
        Ok(reserve_per_lot)
    }

    /// MARGIN-009: in a series that is about to be delivered nobody comes to hold more than a share of what can be.
    fn check_spot_limit(
        &self,
        order: &Exposure,
        series: &Series,
        open: &OpenOrders,
    ) -> Result<(), Reject> {
        let left = series.instrument.schedule.last_trade_at.since(self.now);
        let deliverable = self.conditions(series).deliverable;
        let limit = self.rates(&series.instrument).spot_limit(deliverable);
        let Some(limit) = limit.filter(|_| left <= FRONT) else { return Ok(()) };
        let net = self.net(order.instrument, order.account);
        let worst = match order.side {
            Side::Buy => (net.long() + open.buys).saturating_sub(net.short()),
            Side::Sell => (net.short() + open.sells).saturating_sub(net.long()),
        };
        if limit < worst { Err(Reject::BeyondDeliverable { limit }) } else { Ok(()) }
    }

    /// What a fill of one lot at its worst loses against the mark, plus the taker's fee, rounded up. A premium is lost whole.
    pub(crate) fn reserve_per_lot(
        &self,
        instrument: &Instrument,
        order: &Exposure,
        mark: Price,
    ) -> Option<MicroUsd> {
        if instrument.is_premium_style() {
            return self.premium_reserve(instrument, order, mark);
        }
        let one = Qty::from_lots(1);
        let at_worst = instrument.notional(order.held_at, one)?;
        let at_mark = instrument.notional(mark, one)?;
        let adverse = match order.side {
            Side::Buy => at_worst - at_mark,
            Side::Sell => at_mark - at_worst,
        };
        // A seller may be filled far above his limit, and pays the fee on that.
        let dearest = instrument.notional(order.limit.max(order.held_at).max(mark), one)?;
        adverse.max(MicroUsd::ZERO).checked_add(self.fee_rates.taker.of_ceil(dearest))
    }
}
