//! The auditor's book: every order by its events, and the depth that the depth events draw beside it.

use std::collections::{BTreeMap, BTreeSet};

use exchange::{Event, OrderAccepted, Traded};
use instruments::rounding::div_ceil;
use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, OrderId, Price, Qty, Side};
use matching_engine::{OrderKind, TimeInForce};

use super::TAKER_FEE_PPM;
use super::money::money;
use crate::finding::{Finding, OrderFault};

type Level = (InstrumentId, Side, Price);

/// Every open order, and the depth.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    orders: BTreeMap<OrderId, Order>,
    /// Who stands where in the queue of a level: arrival, order.
    levels: BTreeMap<Level, BTreeSet<(u64, OrderId)>>,
    depth: BTreeMap<Level, Qty>,
    arrivals: u64,
}

#[derive(Debug, Clone)]
struct Order {
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    limit: Price,
    qty: Qty,
    filled: Qty,
    arrival: u64,
    may_rest: bool,
    is_whole: bool,
    post_only: bool,
    /// What one lot holds beyond margin.
    reserve: i128,
}

/// An account's open orders in one series, added up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenSums {
    pub(super) buys: i128,
    pub(super) sells: i128,
    pub(super) reserve: i128,
}

/// What one command did to the books.
#[derive(Debug, Default)]
pub(super) struct Touched {
    levels: BTreeSet<Level>,
    arrived: Option<OrderId>,
    arrived_traded: Qty,
}

impl Order {
    fn open(&self) -> Qty {
        self.qty.saturating_sub(self.filled)
    }

    fn level(&self) -> Level {
        (self.instrument, self.side, self.limit)
    }
}

impl Orders {
    pub(super) fn accept(
        &mut self,
        accepted: &OrderAccepted,
        terms: (&Instrument, Price),
        touched: &mut Touched,
    ) {
        self.arrivals += 1;
        let limited = matches!(accepted.kind, OrderKind::Limit(_));
        let order = Order {
            account: accepted.account,
            instrument: accepted.instrument,
            side: accepted.side,
            limit: accepted.limit,
            qty: accepted.qty,
            filled: Qty::ZERO,
            arrival: self.arrivals,
            may_rest: limited && accepted.time_in_force == TimeInForce::Gtc,
            is_whole: accepted.time_in_force == TimeInForce::Fok,
            post_only: accepted.post_only,
            reserve: reserve_per_lot(terms, accepted.side, accepted.limit),
        };
        touched.arrived = Some(accepted.order);
        self.put(accepted.order, order, touched);
    }

    pub(super) fn trade(&mut self, traded: &Traded, touched: &mut Touched) -> Result<(), Finding> {
        let (maker, taker) = (traded.maker.order, traded.taker.order);
        let fault = |order, what| Err(Finding::Order { order, what });
        let resting = self.get(maker)?;
        let arriving = self.get(taker)?;
        let is_theirs = resting.account == traded.maker.account
            && arriving.account == traded.taker.account
            && arriving.side == traded.taker_side
            && resting.side == traded.taker_side.opposite()
            && resting.instrument == traded.instrument
            && arriving.instrument == traded.instrument;
        if !is_theirs {
            return fault(maker, OrderFault::WrongParty);
        }
        let within = match traded.taker_side {
            Side::Buy => traded.price <= arriving.limit,
            Side::Sell => arriving.limit <= traded.price,
        };
        if traded.price != resting.limit || !within {
            return fault(taker, OrderFault::BeyondLimit);
        }
        let best = self.best(traded.instrument, resting.side);
        let first = best.and_then(|price| {
            self.levels.get(&(traded.instrument, resting.side, price))?.first().copied()
        });
        if first != Some((resting.arrival, maker)) {
            return fault(maker, OrderFault::OutOfTurn);
        }
        if arriving.post_only && touched.arrived == Some(taker) {
            return fault(taker, OrderFault::Took);
        }
        if touched.arrived == Some(taker) {
            touched.arrived_traded += traded.qty;
        }
        for order in [maker, taker] {
            let mut record = self.take(order, touched)?;
            if record.open() < traded.qty {
                return fault(order, OrderFault::Overfilled);
            }
            record.filled += traded.qty;
            self.put(order, record, touched);
        }
        Ok(())
    }

    /// Takes in an amend, or what self-trade prevention has taken away.
    pub(super) fn amend(
        &mut self,
        order: OrderId,
        (price, qty): (Price, Qty),
        terms: (&Instrument, Price),
        touched: &mut Touched,
    ) -> Result<(), Finding> {
        let mut record = self.take(order, touched)?;
        if qty < record.filled {
            return Err(Finding::Order { order, what: OrderFault::Overfilled });
        }
        let keeps_place =
            price == record.limit && qty.saturating_sub(record.filled) <= record.open();
        if !keeps_place {
            self.arrivals += 1;
            record.arrival = self.arrivals;
            record.reserve = reserve_per_lot(terms, record.side, price);
        }
        record.limit = price;
        record.qty = qty;
        self.put(order, record, touched);
        Ok(())
    }

    pub(super) fn cancel(
        &mut self,
        order: OrderId,
        qty: Qty,
        touched: &mut Touched,
    ) -> Result<(), Finding> {
        let record = self.take(order, touched)?;
        if record.open() != qty {
            return Err(Finding::Order { order, what: OrderFault::WrongRest });
        }
        let is_split = record.is_whole && !record.filled.is_zero();
        if is_split {
            return Err(Finding::Order { order, what: OrderFault::Partial });
        }
        Ok(())
    }

    pub(super) fn depth_changed(&mut self, event: &Event, touched: &mut Touched) {
        let Event::DepthChanged { instrument, side, price, open } = event else { return };
        let level = (*instrument, *side, *price);
        touched.levels.insert(level);
        if open.is_zero() {
            self.depth.remove(&level);
        } else {
            self.depth.insert(level, *open);
        }
    }

    /// SIM-009 to SIM-011, after one command.
    pub(super) fn check(&self, touched: &Touched) -> Result<(), Finding> {
        for level in &touched.levels {
            let shown = self.depth.get(level).copied().unwrap_or(Qty::ZERO);
            self.check_level(*level, shown)?;
        }
        let instruments: BTreeSet<InstrumentId> =
            touched.levels.iter().map(|(instrument, _, _)| *instrument).collect();
        for instrument in instruments {
            let best = |side| self.best(instrument, side);
            if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
                && ask <= bid
            {
                return Err(Finding::Crossed { instrument, bid, ask });
            }
        }
        let left = touched.arrived.and_then(|order| Some((order, self.orders.get(&order)?)));
        if let Some((order, record)) = left
            && !record.may_rest
        {
            return Err(Finding::Order { order, what: OrderFault::Lingers });
        }
        Ok(())
    }

    /// SIM-009: the exchange's own book against our orders.
    pub(super) fn compare(
        &self,
        instrument: InstrumentId,
        book: &matching_engine::Book,
    ) -> Result<(), Finding> {
        for side in [Side::Buy, Side::Sell] {
            let mut theirs: BTreeMap<Price, Qty> = book.depth(side).collect();
            for (_, side, price) in self.side(instrument, side) {
                theirs.entry(price).or_insert(Qty::ZERO);
                let shown = theirs.get(&price).copied().unwrap_or(Qty::ZERO);
                self.check_level((instrument, side, price), shown)?;
            }
            for (price, shown) in theirs {
                self.check_level((instrument, side, price), shown)?;
                let drawn = self.depth.get(&(instrument, side, price)).copied();
                self.check_level((instrument, side, price), drawn.unwrap_or(Qty::ZERO))?;
            }
        }
        Ok(())
    }

    pub(super) fn sums(&self) -> BTreeMap<(AccountId, InstrumentId), OpenSums> {
        let mut sums: BTreeMap<_, OpenSums> = BTreeMap::new();
        for order in self.orders.values() {
            let sum = sums.entry((order.account, order.instrument)).or_default();
            let open = i128::from(order.open().lots());
            match order.side {
                Side::Buy => sum.buys += open,
                Side::Sell => sum.sells += open,
            }
            sum.reserve += open * order.reserve;
        }
        sums
    }

    /// SIM-011: where trading has stopped nothing rests.
    pub(super) fn check_none_in(&self, instrument: InstrumentId) -> Result<(), Finding> {
        let left = self.orders.iter().find(|(_, order)| order.instrument == instrument);
        match left {
            Some((order, _)) => Err(Finding::Order { order: *order, what: OrderFault::Lingers }),
            None => Ok(()),
        }
    }

    /// The best bid and the best ask.
    pub(super) fn bests(&self, instrument: InstrumentId) -> [Option<Price>; 2] {
        [Side::Buy, Side::Sell].map(|side| self.best(instrument, side))
    }

    pub(super) fn count(&self) -> usize {
        self.orders.len()
    }

    fn check_level(&self, level: Level, shown: Qty) -> Result<(), Finding> {
        let queue = self.levels.get(&level);
        let open = queue.into_iter().flatten().filter_map(|(_, order)| self.orders.get(order));
        let open: Qty = open.map(Order::open).sum();
        if open == shown {
            return Ok(());
        }
        let (instrument, side, price) = level;
        Err(Finding::Depth { instrument, side, price, shown, open })
    }

    fn best(&self, instrument: InstrumentId, side: Side) -> Option<Price> {
        let mut prices = self.side(instrument, side).map(|(_, _, price)| price);
        match side {
            Side::Buy => prices.next_back(),
            Side::Sell => prices.next(),
        }
    }

    fn side(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = Level> + '_ {
        let price = Price::from_ticks;
        let all = (instrument, side, price(i64::MIN))..=(instrument, side, price(i64::MAX));
        self.levels.range(all).map(|(level, _)| *level)
    }

    fn get(&self, order: OrderId) -> Result<&Order, Finding> {
        self.orders.get(&order).ok_or(Finding::Unannounced { kind: "order", id: order.0 })
    }

    fn take(&mut self, order: OrderId, touched: &mut Touched) -> Result<Order, Finding> {
        let unannounced = Finding::Unannounced { kind: "order", id: order.0 };
        let record = self.orders.remove(&order).ok_or(unannounced)?;
        touched.levels.insert(record.level());
        if let Some(queue) = self.levels.get_mut(&record.level()) {
            queue.remove(&(record.arrival, order));
            if queue.is_empty() {
                self.levels.remove(&record.level());
            }
        }
        Ok(record)
    }

    fn put(&mut self, order: OrderId, record: Order, touched: &mut Touched) {
        touched.levels.insert(record.level());
        if record.open().is_zero() {
            return;
        }
        self.levels.entry(record.level()).or_default().insert((record.arrival, order));
        self.orders.insert(order, record);
    }
}

/// What a fill of one lot at `limit` loses against the mark, and the taker's fee on the dearer of the two, rounded up.
fn reserve_per_lot((terms, mark): (&Instrument, Price), side: Side, limit: Price) -> i128 {
    let per_tick = i128::from(terms.tick_value().micros());
    let (at_limit, at_mark) =
        (i128::from(limit.ticks()) * per_tick, i128::from(mark.ticks()) * per_tick);
    let adverse = match side {
        Side::Buy => at_limit - at_mark,
        Side::Sell => at_mark - at_limit,
    };
    adverse.max(0) + div_ceil(at_limit.max(at_mark) * TAKER_FEE_PPM, 1_000_000)
}

/// SIM-006: what a taker owes at most.
pub(super) fn taker_fee(notional: i128) -> MicroUsd {
    money(div_ceil(notional * TAKER_FEE_PPM, 1_000_000))
}
