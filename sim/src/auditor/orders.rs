//! The auditor's book: every order by its events, and the depth that the depth events draw beside it.

use std::collections::{BTreeMap, BTreeSet};

use exchange::{Event, OrderAccepted, TimeInForce, Traded};
use instruments::rounding::div_ceil;
use instruments::{
    AccountId, Instrument, InstrumentId, MicroUsd, Nanos, OrderId, Price, Qty, Side,
};
use matching_engine::{BookView, OrderKind, PostOnly};

use super::TAKER_FEE_PPM;
use super::money::money;
use super::prices::Market;
use crate::finding::{Finding, OrderFault};

type Level = (InstrumentId, Side, Price);

/// Every open order, and the depth.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    orders: BTreeMap<OrderId, Order>,
    /// Who stands where in the queue of a level: arrival, order.
    levels: BTreeMap<Level, BTreeSet<(u64, OrderId)>>,
    depth: BTreeMap<Level, Qty>,
    /// Series whose orders are collected for an auction.
    collecting: BTreeSet<InstrumentId>,
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
    /// What it shows at most, and what it shows.
    display: Option<Qty>,
    shown: Qty,
    ceiling: Option<Price>,
    ends_at: Option<Nanos>,
    waits: bool,
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
    arrived: BTreeSet<OrderId>,
}

impl Order {
    fn open(&self) -> Qty {
        self.qty.saturating_sub(self.filled)
    }

    fn level(&self) -> Level {
        (self.instrument, self.side, self.limit)
    }

    /// Shows as much as it may, at the back of its level.
    fn show(&mut self, arrivals: &mut u64) {
        *arrivals += 1;
        self.arrival = *arrivals;
        self.shown = self.display.map_or(self.open(), |display| display.min(self.open()));
    }

    /// Whether `price` is no worse than its limit.
    fn allows(&self, price: Price) -> bool {
        match self.side {
            Side::Buy => price <= self.limit,
            Side::Sell => self.limit <= price,
        }
    }
}

impl Orders {
    pub(super) fn accept(
        &mut self,
        accepted: &OrderAccepted,
        terms: (&Instrument, Price),
        touched: &mut Touched,
    ) {
        let limited = matches!(accepted.kind, OrderKind::Limit(_));
        let ceiling = accepted.ceiling.filter(|_| limited);
        let held_at = ceiling.unwrap_or(accepted.limit);
        let mut order = Order {
            account: accepted.account,
            instrument: accepted.instrument,
            side: accepted.side,
            limit: accepted.limit,
            qty: accepted.qty,
            filled: Qty::ZERO,
            display: accepted.display,
            shown: Qty::ZERO,
            ceiling,
            ends_at: accepted.ends_at,
            waits: accepted.trigger.is_some(),
            arrival: 0,
            may_rest: limited && accepted.time_in_force.rests(),
            is_whole: accepted.time_in_force == TimeInForce::Fok,
            post_only: accepted.post_only != PostOnly::No,
            reserve: reserve_per_lot(terms, accepted.side, (accepted.limit, held_at)),
        };
        order.show(&mut self.arrivals);
        touched.arrived.insert(accepted.order);
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
        let is_auction = self.collecting.contains(&traded.instrument);
        let at_limit = is_auction || traded.price == resting.limit;
        if !at_limit || !resting.allows(traded.price) || !arriving.allows(traded.price) {
            return fault(taker, OrderFault::BeyondLimit);
        }
        if resting.waits || arriving.waits {
            return fault(taker, OrderFault::OutOfTurn);
        }
        let first = |side| self.first(traded.instrument, side);
        let in_turn = first(resting.side) == Some((resting.arrival, maker))
            && (!is_auction || first(arriving.side) == Some((arriving.arrival, taker)));
        let came_first = !is_auction || resting.arrival < arriving.arrival;
        if !in_turn || !came_first {
            return fault(maker, OrderFault::OutOfTurn);
        }
        if arriving.post_only && touched.arrived.contains(&taker) && !is_auction {
            return fault(taker, OrderFault::Took);
        }
        for order in [maker, taker] {
            let mut record = self.take(order, touched)?;
            if record.open() < traded.qty {
                return fault(order, OrderFault::Overfilled);
            }
            record.filled += traded.qty;
            if is_auction {
                record.shown = record.shown.saturating_sub(traded.qty).min(record.open());
            } else if order == taker {
                let display = record.display.unwrap_or(record.open());
                record.shown = display.min(record.open());
            } else {
                record.shown = record.shown.saturating_sub(traded.qty);
                if record.shown.is_zero() {
                    record.show(&mut self.arrivals);
                }
            }
            self.put(order, record, touched);
        }
        Ok(())
    }

    /// A waiting order arrives.
    pub(super) fn trigger(&mut self, order: OrderId, touched: &mut Touched) -> Result<(), Finding> {
        let mut record = self.take(order, touched)?;
        if !record.waits {
            return Err(Finding::Order { order, what: OrderFault::OutOfTurn });
        }
        record.waits = false;
        record.show(&mut self.arrivals);
        touched.arrived.insert(order);
        self.put(order, record, touched);
        Ok(())
    }

    /// From now on orders of the series are collected.
    pub(super) fn collect(&mut self, instrument: InstrumentId) {
        self.collecting.insert(instrument);
    }

    /// The auction's trades are all printed: whoever hides something shows it, at the back.
    pub(super) fn uncrossed(
        &mut self,
        instrument: InstrumentId,
        touched: &mut Touched,
    ) -> Result<(), Finding> {
        self.collecting.remove(&instrument);
        for side in [Side::Buy, Side::Sell] {
            let Some((_, order)) = self.first(instrument, side) else { continue };
            let mut record = self.take(order, touched)?;
            if record.shown.is_zero() {
                record.show(&mut self.arrivals);
            }
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
        let moves_away = match record.side {
            Side::Buy => price < record.limit,
            Side::Sell => record.limit < price,
        };
        let moves = price != record.limit && (record.ceiling.is_none() || moves_away);
        if moves || record.open() < qty.saturating_sub(record.filled) {
            let held_at = record.ceiling.unwrap_or(price);
            record.reserve = reserve_per_lot(terms, record.side, (price, held_at));
        }
        record.limit = price;
        record.qty = qty;
        if keeps_place {
            record.shown = record.shown.min(record.open());
        } else {
            record.show(&mut self.arrivals);
        }
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
        for instrument in instruments.difference(&self.collecting).copied() {
            let best = |side| self.best(instrument, side);
            if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
                && ask <= bid
            {
                return Err(Finding::Crossed { instrument, bid, ask });
            }
        }
        for order in &touched.arrived {
            let record = self.orders.get(order).filter(|record| !record.waits);
            if record.is_some_and(|record| !record.may_rest) {
                return Err(Finding::Order { order: *order, what: OrderFault::Lingers });
            }
        }
        Ok(())
    }

    /// SIM-009: the exchange's own book against our orders.
    pub(super) fn compare(
        &self,
        instrument: InstrumentId,
        book: BookView<'_>,
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

    /// What a book shows.
    pub(super) fn market(&self, instrument: InstrumentId) -> Market {
        let level = |level: Level| {
            let queue = self.levels.get(&level).into_iter().flatten();
            let shown = queue.filter_map(|(_, order)| self.orders.get(order));
            let lots: Qty = shown.map(|order| order.shown).sum();
            (i128::from(level.2.ticks()), i128::from(lots.lots()))
        };
        let bids = self.side(instrument, Side::Buy).rev().map(level).collect();
        let asks = self.side(instrument, Side::Sell).map(level).collect();
        let is_collecting = self.collecting.contains(&instrument);
        Market { is_collecting, sides: [bids, asks] }
    }

    /// Whether an order ends by itself before `at`.
    pub(super) fn ends_before(&self, order: OrderId, at: Nanos) -> bool {
        let ends_at = self.orders.get(&order).and_then(|order| order.ends_at);
        ends_at.is_some_and(|ends_at| ends_at < at)
    }

    pub(super) fn count(&self) -> usize {
        self.orders.len()
    }

    fn check_level(&self, level: Level, shown: Qty) -> Result<(), Finding> {
        let queue = self.levels.get(&level);
        let open = queue.into_iter().flatten().filter_map(|(_, order)| self.orders.get(order));
        let open: Qty = open.map(|order| order.shown).sum();
        if open == shown {
            return Ok(());
        }
        let (instrument, side, price) = level;
        Err(Finding::Depth { instrument, side, price, shown, open })
    }

    /// Who is first in the queue of the best level.
    fn first(&self, instrument: InstrumentId, side: Side) -> Option<(u64, OrderId)> {
        let price = self.best(instrument, side)?;
        self.levels.get(&(instrument, side, price))?.first().copied()
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
        if record.waits {
            return Ok(record);
        }
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
        if record.waits {
            self.orders.insert(order, record);
            return;
        }
        touched.levels.insert(record.level());
        if record.open().is_zero() {
            return;
        }
        self.levels.entry(record.level()).or_default().insert((record.arrival, order));
        self.orders.insert(order, record);
    }
}

/// What a fill of one lot loses against the mark at the limit that money is held for, and the taker's fee on the dearest price, rounded up.
fn reserve_per_lot(
    (terms, mark): (&Instrument, Price),
    side: Side,
    (limit, held_at): (Price, Price),
) -> i128 {
    let per_tick = i128::from(terms.tick_value().micros());
    let at = |price: Price| i128::from(price.ticks()) * per_tick;
    if terms.is_premium_style() {
        return match side {
            Side::Buy => at(held_at) + fee_at(TAKER_FEE_PPM, terms, held_at, 1),
            Side::Sell => {
                let fee = fee_at(TAKER_FEE_PPM, terms, limit.max(held_at).max(mark), 1);
                (at(mark) - at(held_at)).max(0) + fee
            }
        };
    }
    let adverse = match side {
        Side::Buy => at(held_at) - at(mark),
        Side::Sell => at(mark) - at(held_at),
    };
    let dearest = at(limit).max(at(held_at)).max(at(mark));
    adverse.max(0) + div_ceil(dearest * TAKER_FEE_PPM, 1_000_000)
}

/// SIM-006: what a taker owes at most.
pub(super) fn taker_fee(terms: &Instrument, price: Price, lots: i128) -> MicroUsd {
    money(fee_at(TAKER_FEE_PPM, terms, price, lots))
}

/// The rate of the worth; where a premium is paid, of the worth at the strike, and at most an eighth of the premium.
pub(super) fn fee_at(rate: i128, terms: &Instrument, price: Price, lots: i128) -> i128 {
    let of = |price: Price| {
        let worth = i128::from(price.ticks()) * i128::from(terms.tick_value().micros()) * lots;
        (worth, div_ceil(worth * rate, 1_000_000))
    };
    let (premium, fee) = of(price);
    terms.strike().map_or(fee, |strike| of(strike).1.min(premium.div_euclid(8)))
}
