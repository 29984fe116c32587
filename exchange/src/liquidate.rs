//! Closes the positions of accounts that have too little, slice by slice, in the book. `defaults.rs` draws the stages.
//!
//! An account is looked at whenever its holds are adjusted, which is whenever anything that concerns it has happened. Nothing is done while
//! the oracle is not sure of a grade that the account holds.

use std::cmp::Reverse;

use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NetQty, OrderId, Price, Qty, Side};
use matching_engine::{CancelReason, Phase, StpMode};
use settlement::{Reason, needs_backstop, own_margin, slice};

use crate::Exchange;
use crate::command::PlaceOrder;
use crate::default_event::DefaultEvent;
use crate::default_reject::DefaultReject;
use crate::defaults::{Liquidation, Stage};
use crate::event::Event;
use crate::funds::Exposure;
use crate::limits::{LIQUIDATIONS_MAX, OPEN_ORDERS_MAX};
use crate::open_order::OpenOrder;
use crate::place_order::accepted;
use crate::price::market_limit;
use crate::rehold::{Health, saturate};
use crate::reject::Reject;
use crate::run_timers::later;
use crate::series::Series;
use crate::time_in_force::TimeInForce;

/// What the orders of a slice are called.
const LABEL: &str = "liquidation";

/// A position that can be closed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub instrument: InstrumentId,
    pub net: NetQty,
    /// What it is worth at the mark, above zero.
    pub notional: i128,
    pub is_premium_style: bool,
}

impl Holding {
    pub(crate) fn lots(&self) -> Qty {
        self.net.long().max(self.net.short())
    }

    /// Which way it is closed.
    pub(crate) fn closes_by(&self) -> Side {
        if self.net.long().is_zero() { Side::Buy } else { Side::Sell }
    }
}

impl Exchange {
    /// Remembers an account that its holds have just shown to be below maintenance, until the end of the command.
    pub(crate) fn watch(&mut self, account: AccountId, health: &Health) {
        if health.equity < health.maintenance {
            self.defaults.found.insert(account);
        } else {
            self.defaults.below.remove(&account);
        }
    }

    /// LIQ-001: whoever this command has left below maintenance is liquidated from now on.
    pub(crate) fn start_liquidations(&mut self, events: &mut Vec<Event>) {
        while let Some(account) = self.defaults.found.pop_first() {
            if self.defaults.liquidations.contains_key(&account) {
                continue;
            }
            let health = self.health(account);
            if health.maintenance <= health.equity || self.closable(account).is_empty() {
                self.defaults.below.remove(&account);
                continue;
            }
            let is_full = LIQUIDATIONS_MAX <= self.defaults.liquidations.len();
            if is_full || self.is_frozen(account) {
                self.defaults.below.insert(account);
                continue;
            }
            self.defaults.below.remove(&account);
            let next_at = later(self.now, self.defaults.terms.slice_every);
            let started = Liquidation { stage: Stage::Slicing, next_at };
            self.defaults.liquidations.insert(account, started);
            self.tell_money(events);
            events.push(Event::Default(DefaultEvent::LiquidationStarted {
                account,
                equity: saturate(health.equity),
                maintenance: saturate(health.maintenance),
            }));
            self.cancel_increasing(account, events);
        }
    }

    /// Takes the steps that are due, in the order in which they were, and leaves those that are frozen.
    pub(crate) fn run_liquidations(&mut self, events: &mut Vec<Event>) {
        let mut due: Vec<(Nanos, AccountId)> = self
            .defaults
            .liquidations
            .iter()
            .filter(|(account, it)| it.next_at <= self.now && !self.is_frozen(**account))
            .map(|(account, it)| (it.next_at, *account))
            .collect();
        due.sort_unstable();
        for (_, account) in due {
            match self.defaults.liquidations.get(&account).map(|it| &it.stage) {
                Some(Stage::Slicing) => self.run_slice(account, events),
                Some(Stage::Auction { .. }) => self.end_backstop(account, events),
                None => {}
            }
        }
    }

    /// When the next step is due that is not frozen.
    pub(crate) fn next_liquidation(&self) -> Option<Nanos> {
        let steps = self.defaults.liquidations.iter();
        let steps = steps.filter(|(account, _)| !self.is_frozen(**account));
        steps.map(|(_, it)| it.next_at).min()
    }

    /// LIQ-010, OPS-007: whether the oracle is not sure of a grade that the account holds, or a series is not open that it holds.
    #[must_use]
    pub fn is_frozen(&self, account: AccountId) -> bool {
        let held = self.positions.of_account(account).filter(|(_, it)| it.net != NetQty::ZERO);
        held.filter_map(|(id, _)| self.series.get(&id)).any(|series| {
            let is_trading = series.state == crate::series::SeriesState::Trading;
            if is_trading && !self.is_open_in(series.instrument.id) {
                return true;
            }
            let last = self.indices.get(&series.instrument.grade).map(|history| &history.last);
            last.is_none_or(|print| print.state != oracle::State::Ok)
        })
    }

    /// Looks again at everyone who waits, now that there is reason to.
    pub(crate) fn look_below(&mut self) {
        let below = std::mem::take(&mut self.defaults.below);
        self.defaults.found.extend(below);
    }

    /// LIQ-003: an account that is being liquidated may only make its positions smaller, and orders nothing while they are auctioned.
    pub(crate) fn check_liquidation(
        &self,
        order: &Exposure,
        (buys, sells): (Qty, Qty),
    ) -> Result<(), Reject> {
        let Some(liquidation) = self.defaults.liquidations.get(&order.account) else {
            return Ok(());
        };
        let net = self.net(order.instrument, order.account);
        let (open, closable) = match order.side {
            Side::Buy => (buys, net.short()),
            Side::Sell => (sells, net.long()),
        };
        let is_offered = matches!(liquidation.stage, Stage::Auction { .. });
        let limit = if is_offered { Qty::ZERO } else { closable };
        if open <= limit {
            Ok(())
        } else {
            Err(Reject::Default(DefaultReject::InLiquidation { limit }))
        }
    }

    /// The account's positions in series that trade, futures before options, the largest first.
    pub(crate) fn closable(&self, account: AccountId) -> Vec<Holding> {
        let held = self.positions.of_account(account);
        let mut holdings: Vec<Holding> = held
            .filter_map(|(instrument, position)| {
                let series = self.trading_series(instrument).ok()?;
                let lots = i128::from(position.net.lots().unsigned_abs());
                let notional = lot_value(series).saturating_mul(lots);
                let is_premium_style = series.instrument.is_premium_style();
                let net = position.net;
                (0 < lots).then_some(Holding { instrument, net, notional, is_premium_style })
            })
            .collect();
        holdings.sort_by_key(|it| (it.is_premium_style, Reverse(it.notional), it.instrument));
        holdings
    }

    /// LIQ-002: cancels what could make a position larger: newest first, until what is left can only close.
    fn cancel_increasing(&mut self, account: AccountId, events: &mut Vec<Event>) {
        let listed = self.open_orders.get(&account).into_iter().flat_map(|series| series.keys());
        let instruments: Vec<InstrumentId> = listed.copied().collect();
        for instrument in instruments {
            let net = self.net(instrument, account);
            let open = self.open_orders_in(account, instrument);
            let mut excess = [
                (Side::Buy, open.buys.saturating_sub(net.short())),
                (Side::Sell, open.sells.saturating_sub(net.long())),
            ];
            let mut orders = self.orders_in(account, instrument);
            orders.sort_unstable();
            let mut cancelled = Vec::new();
            for order in orders.into_iter().rev() {
                let Some(record) = self.orders.get(&order) else { continue };
                for (side, excess) in &mut excess {
                    if *side == record.side && !excess.is_zero() {
                        *excess = excess.saturating_sub(record.open());
                        cancelled.push(order);
                    }
                }
            }
            self.operate(events, |engine, out| {
                for order in cancelled {
                    engine.cancel(order, CancelReason::Liquidation, out);
                }
            });
        }
    }

    /// The account's open orders in one series.
    fn orders_in(&self, account: AccountId, instrument: InstrumentId) -> Vec<OrderId> {
        let Some(book) = self.engine.book(instrument) else { return Vec::new() };
        let all = book.orders().chain(book.waiting());
        all.filter(|order| order.account == account).map(|order| order.id).collect()
    }

    fn run_slice(&mut self, account: AccountId, events: &mut Vec<Event>) {
        if self.has_ended(account, events) {
            return;
        }
        let health = self.health(account);
        if needs_backstop(health.equity, health.maintenance) {
            return self.open_backstop(account, events);
        }
        self.cancel_increasing(account, events);
        let holdings = self.closable(account);
        let notional = holdings.iter().fold(0_i128, |sum, it| sum.saturating_add(it.notional));
        let initial = self.required(account).position;
        let margins = (initial, health.maintenance);
        let mut left = slice(&self.defaults.terms, health.equity, margins, notional);
        for holding in holdings {
            if left <= 0 {
                break;
            }
            left = left.saturating_sub(self.close_part(account, &holding, left, events));
        }
        if self.has_ended(account, events) {
            return;
        }
        self.cancel_increasing(account, events);
        self.next_step(account, Stage::Slicing, self.defaults.terms.slice_every);
    }

    pub(crate) fn next_step(
        &mut self,
        account: AccountId,
        stage: Stage,
        after: instruments::NanosSpan,
    ) {
        let next_at = later(self.now, after);
        self.defaults.liquidations.insert(account, Liquidation { stage, next_at });
    }

    /// LIQ-006: the liquidation has ended once the account has its initial margin again, or nothing is left to close.
    pub(crate) fn has_ended(&mut self, account: AccountId, events: &mut Vec<Event>) -> bool {
        let is_safe = self.required(account).position <= self.health(account).equity;
        if is_safe || self.closable(account).is_empty() {
            self.end_liquidation(account, events);
            return true;
        }
        false
    }

    pub(crate) fn end_liquidation(&mut self, account: AccountId, events: &mut Vec<Event>) {
        self.defaults.liquidations.remove(&account);
        events.push(Event::Default(DefaultEvent::LiquidationEnded { account }));
        // There is room for one more.
        let next = self.defaults.below.first().copied();
        self.defaults.found.extend(next);
        self.rehold(account);
    }

    /// Sends one immediate order for so much of a position, at most the whole of it. Returns what it was meant to close.
    fn close_part(
        &mut self,
        account: AccountId,
        holding: &Holding,
        worth: i128,
        events: &mut Vec<Event>,
    ) -> i128 {
        // Whoever the order may meet can pay.
        self.cancel_unpayable(events);
        let Some(order) = self.slice_order(account, holding, worth) else { return 0 };
        let meant = holding.notional.saturating_mul(i128::from(order.qty.lots()));
        let meant = meant.checked_div(i128::from(holding.lots().lots())).unwrap_or(0);
        let Some(limit) = limit_of(&order) else { return 0 };
        let (instrument, wanted) = (order.instrument, order.qty);
        let record = OpenOrder::new(&order, limit, MicroUsd::ZERO, self.now);
        let in_book = record.in_book();
        let id = self.engine.next_id();
        let first = events.len();
        events.push(accepted(id, &record));
        self.open_record(id, record);
        self.operate(events, |engine, out| engine.place(instrument, &in_book, out));

        let (closed, worth) =
            self.traded_by(id, instrument, events.get(first..).unwrap_or_default());
        let fee = self.charge(account, worth);
        events.push(Event::Default(DefaultEvent::LiquidationSlice {
            account,
            instrument,
            order: id,
            wanted,
            closed,
            fee,
        }));
        self.rehold(account);
        meant
    }

    /// LIQ-004: an immediate order at the worst price that the band allows. `None` where the book takes none now.
    fn slice_order(
        &self,
        account: AccountId,
        holding: &Holding,
        worth: i128,
    ) -> Option<PlaceOrder> {
        let series = self.trading_series(holding.instrument).ok()?;
        let book = self.engine.book(holding.instrument)?;
        let is_full = OPEN_ORDERS_MAX <= self.orders.len() || !self.engine.has_room();
        if book.phase() != Phase::Continuous || is_full {
            return None;
        }
        let side = holding.closes_by();
        let bands = book.bands();
        let limit = match side {
            Side::Buy => bands.high,
            Side::Sell => bands.low,
        };
        let limit = limit.unwrap_or_else(|| market_limit(series.mark, side, None));
        let lots = instruments::rounding::div_ceil(worth, lot_value(series).max(1));
        let mut qty = Qty::from_lots(u64::try_from(lots).ok()?)
            .min(holding.lots())
            .min(instruments::Instrument::QTY_MAX);
        if holding.is_premium_style && side == Side::Buy {
            qty = qty.min(self.affordable(account, series, limit));
        }
        if qty.is_zero() {
            return None;
        }
        let plain = PlaceOrder::limit(account, holding.instrument, side, limit, qty);
        Some(PlaceOrder {
            time_in_force: TimeInForce::Ioc,
            stp: StpMode::CancelOldest,
            label: LABEL.to_owned(),
            ..plain
        })
    }

    /// How many lots of a premium the account can pay, with their fees.
    fn affordable(&self, account: AccountId, series: &Series, limit: Price) -> Qty {
        let one = Qty::from_lots(1);
        let side = Side::Buy;
        let instrument = series.instrument.id;
        let order = Exposure { account, instrument, side, qty: one, limit, held_at: limit };
        let Some(each) = self.reserve_per_lot(&series.instrument, &order, series.mark) else {
            return Qty::ZERO;
        };
        let usable = self.margin_usable(account).micros().max(0).unsigned_abs();
        Qty::from_lots(usable.checked_div(each.micros().unsigned_abs()).unwrap_or(0))
    }

    /// What an order has closed by these events, and what that was worth.
    fn traded_by(&self, order: OrderId, instrument: InstrumentId, events: &[Event]) -> (Qty, i128) {
        let mut closed = Qty::ZERO;
        let mut worth = 0_i128;
        let Some(series) = self.series.get(&instrument) else { return (closed, worth) };
        for event in events {
            let Event::Traded(trade) = event else { continue };
            if trade.taker.order == order {
                closed += trade.qty;
                let notional = series.instrument.notional(trade.price, trade.qty);
                worth = worth.saturating_add(i128::from(notional.unwrap_or_default().micros()));
            }
        }
        (closed, worth)
    }

    /// LIQ-009: what a slice has closed is charged for, as far as the account's equity goes, to the insurance fund.
    fn charge(&mut self, account: AccountId, worth: i128) -> MicroUsd {
        let fee = self.defaults.terms.fee.of_ceil(saturate(worth));
        let fee = fee.min(saturate(self.health(account).equity.max(0)));
        let mut ledger = self.ledger.because(Reason::LiquidationFee);
        let unpaid = ledger.pay(&own_margin(account), settlement::Bucket::Insurance, fee);
        fee - unpaid
    }
}

fn lot_value(series: &Series) -> i128 {
    let per_tick = i128::from(series.instrument.tick_value().micros());
    i128::from(series.mark.ticks()).saturating_mul(per_tick)
}

const fn limit_of(order: &PlaceOrder) -> Option<Price> {
    match order.kind {
        matching_engine::OrderKind::Limit(limit) => Some(limit),
        matching_engine::OrderKind::Market => None,
    }
}
