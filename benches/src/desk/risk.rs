//! The engine with portfolio margin on: every new order and every change is checked in 35 scenarios against what its account has, open
//! orders are booked as they come and go, and every trade moves two positions. It is the code that the exchange calls.
//!
//! Orders belong to a few thousand accounts. The engine has each order as its account's only one, as in the desk without risk, so that
//! both make the same trades. Absent: money. Every account has enough for what the streams ask of it, and no check is left out for that.

use instruments::{AccountId, InstrumentId, MicroUsd, OrderId, Price, Qty};
use matching_engine::stream::{Header, Op, StreamCommand};
use matching_engine::{
    Amend, BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder, OrderKind, StpMode,
    TimeInForce,
};
use settlement::{LANES, RiskArray, RiskBook, RiskOrder, RiskParameters, RiskSeries};

use super::{EVENTS, ORDERS, Replay};

/// How many accounts there are.
const ACCOUNTS: u64 = 4_096;

/// Series of one expiry: a future and options on it.
const OF_ONE_EXPIRY: u64 = 6;

/// Room for the series of which accounts have lots, more than any canonical stream gives them.
const LEGS: usize = 390_000;

/// What every account has: four billion dollars.
const EQUITY: MicroUsd = MicroUsd::new(4_000_000_000_000_000);

/// The engine, the risk of all accounts, and the engine's id of each order.
#[derive(Debug, Clone)]
pub struct RiskDesk {
    engine: Engine,
    risk: RiskBook,
    /// By account: what it may hold.
    equity: Vec<MicroUsd>,
    ids: Vec<OrderId>,
    out: Vec<BookEvent>,
    refused: u64,
}

/// A risk book with so many series in one grade: a sixth of them futures, which come first because they are the busiest, and options on
/// them whose arrays bend where their strikes are.
///
/// # Panics
/// When an array is out of range, which none is.
#[must_use]
#[expect(clippy::expect_used, reason = "a benchmark without its arrays has nothing to measure")]
pub fn arrays(series: u64) -> RiskBook {
    let parameters = RiskParameters::liquid();
    let mut book = RiskBook::default();
    book.set_parameters(0, &parameters);
    let futures = series.div_ceil(OF_ONE_EXPIRY);
    for id in 1..=series {
        let (expiry, place) = ((id - 1) % futures, (id - 1) / futures);
        let value = 1_800_000_000 + 10_000_000 * i64::try_from(expiry).unwrap_or(0);
        let future = RiskArray::of_future(&parameters, MicroUsd::new(value)).expect("in range");
        let is_future = place == 0;
        let strike = (i64::try_from(place).unwrap_or(0) - 3) * value / 15;
        let mut lanes = *future.lanes();
        if !is_future {
            let now = strike.min(0).abs();
            for (lane, vol) in lanes.iter_mut().zip((0..LANES).map(|place| place % 3)) {
                let worth = (*lane - strike).max(0) + [0, value / 100, value / 50][vol];
                *lane = worth - now - value / 100;
            }
            lanes[LANES - 1] = value / 2 - strike;
        }
        let array = RiskArray::new(lanes).expect("in range");
        let short_minimum = if is_future { 0 } else { value / 100 };
        let terms = RiskSeries {
            grade: 0,
            expiry: InstrumentId(expiry + 1),
            array: Some(array),
            short_minimum: MicroUsd::new(short_minimum),
        };
        book.set_series(InstrumentId(id), &terms);
    }
    book
}

const fn account_of(id: u64) -> AccountId {
    AccountId(id % ACCOUNTS + 1)
}

impl RiskDesk {
    /// Empty books and portfolios.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let mut engine = Engine::new(Capacity { orders: ORDERS });
        let middle = i64::from(u32::midpoint(header.price_low, header.price_high));
        let span = (header.price_high - header.price_low + 1).next_power_of_two();
        let window = if header.books > 64 { 512 } else { span.clamp(512, 4_096) };
        let terms = BookTerms { window, ..BookTerms::continuous(Price::from_ticks(middle)) };
        for book in 1..=u64::from(header.books) {
            engine.list(InstrumentId(book), terms);
        }
        let mut risk = arrays(u64::from(header.books));
        let accounts = ACCOUNTS as usize;
        risk.reserve(accounts + 1, if header.books == 1 { accounts } else { LEGS });
        Self {
            engine,
            risk,
            equity: vec![EQUITY; accounts + 1],
            ids: vec![OrderId(0); header.id_high as usize + 1],
            out: Vec::with_capacity(EVENTS),
            refused: 0,
        }
    }

    /// How many orders lacked margin: none, or the trades are not those of the stream.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// What the last command did.
    #[must_use]
    pub fn events(&self) -> &[BookEvent] {
        &self.out
    }

    fn fits(&mut self, order: &RiskOrder) -> bool {
        let place = usize::try_from(order.account.0).unwrap_or(usize::MAX);
        let available = self.equity.get(place).copied().unwrap_or(MicroUsd::ZERO);
        let fits = self.risk.check(order, available).is_ok();
        self.refused += u64::from(!fits);
        fits
    }

    fn place(&mut self, command: &StreamCommand, order: &RiskOrder) {
        if !self.fits(order) {
            return;
        }
        let price = Price::from_ticks(i64::from(command.price));
        let owner = AccountId(u64::from(command.id));
        let is_immediate = command.op != Op::Add;
        let new = NewOrder {
            kind: if command.op == Op::Market {
                OrderKind::Market
            } else {
                OrderKind::Limit(price)
            },
            time_in_force: if is_immediate { TimeInForce::Ioc } else { TimeInForce::Gtc },
            stp: StpMode::CancelNewest,
            ..NewOrder::limit(owner, order.side, price, order.qty)
        };
        if let Some(id) = self.ids.get_mut(command.id as usize) {
            *id = self.engine.next_id();
        }
        self.engine.place(order.instrument, &new, &mut self.out);
        let traded = self.book_trades(order);
        if !is_immediate {
            let rests = order.qty.saturating_sub(traded);
            if !rests.is_zero() {
                self.risk.order_opened(&RiskOrder { qty: rests, ..*order });
            }
        }
    }

    /// Books the trades of an order that has just arrived, and returns how much it traded.
    fn book_trades(&mut self, taker: &RiskOrder) -> Qty {
        let mut traded = Qty::ZERO;
        for event in &self.out {
            if let BookEvent::Traded(trade) = event {
                traded += trade.qty;
                let maker = RiskOrder {
                    account: account_of(trade.maker_account.0),
                    instrument: trade.book,
                    side: trade.taker_side.opposite(),
                    qty: trade.qty,
                };
                self.risk.order_filled(&maker);
            }
        }
        if !traded.is_zero() {
            self.risk.filled(&RiskOrder { qty: traded, ..*taker });
        }
        traded
    }

    fn cancel(&mut self, id: OrderId, order: &RiskOrder) {
        self.engine.cancel(id, CancelReason::Requested, &mut self.out);
        if let Some(BookEvent::Cancelled { qty, .. }) = self.out.first() {
            self.risk.order_closed(&RiskOrder { qty: *qty, ..*order });
        }
    }

    /// A change is a check of what it adds. What trades is booked as for any order, and of what is open nothing but the difference.
    fn modify(&mut self, id: OrderId, price: Price, order: &RiskOrder) {
        let Some(old) = self.engine.order(id) else {
            let amend = Amend { price: Some(price), total: Some(order.qty), trigger: None };
            return self.engine.amend(id, &amend, &mut self.out);
        };
        let more = order.qty.saturating_sub(old.open);
        if !self.fits(&RiskOrder { qty: more, ..*order }) {
            return;
        }
        let total = Some(old.filled + order.qty);
        self.engine.amend(id, &Amend { price: Some(price), total, trigger: None }, &mut self.out);
        let traded = self.book_trades(order);
        let rests = order.qty.saturating_sub(traded);
        let (opened, closed) = (rests.saturating_sub(old.open), old.open.saturating_sub(rests));
        if !opened.is_zero() {
            self.risk.order_opened(&RiskOrder { qty: opened, ..*order });
        }
        if !closed.is_zero() {
            self.risk.order_closed(&RiskOrder { qty: closed, ..*order });
        }
    }
}

impl Replay for RiskDesk {
    type Command = StreamCommand;

    fn apply(&mut self, command: &StreamCommand) -> usize {
        self.out.clear();
        let order = RiskOrder {
            account: account_of(u64::from(command.id)),
            instrument: InstrumentId(u64::from(command.book) + 1),
            side: command.side,
            qty: Qty::from_lots(u64::from(command.qty)),
        };
        let known = self.ids.get(command.id as usize).copied().unwrap_or(OrderId(0));
        match command.op {
            Op::Add | Op::Ioc | Op::Market => self.place(command, &order),
            Op::Cancel => self.cancel(known, &order),
            Op::Modify => {
                self.modify(known, Price::from_ticks(i64::from(command.price)), &order);
            }
        }
        self.out.len()
    }

    fn hash(&self) -> u64 {
        self.engine.hash()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::streams::{Kind, SEED, generate};

    /// The desk with risk makes the trades of the desk without, and ends with the portfolios that its legs make from nothing.
    #[test]
    fn risk_changes_no_trade_and_every_portfolio_is_the_sum_of_its_legs() {
        for kind in [Kind::Tight, Kind::Modify, Kind::Multi] {
            let (header, commands) = generate(kind, SEED, 20_000);
            let (mut plain, mut desk) = (Desk::new(&header), RiskDesk::new(&header));
            for command in &commands {
                plain.apply(command);
                desk.apply(command);
            }
            assert_eq!((plain.hash(), 0), (desk.hash(), desk.refused()), "{}", kind.name());
            for account in (1..=ACCOUNTS).map(AccountId) {
                let before: Vec<_> = desk.risk.components(account).collect();
                let initial = desk.risk.initial(account);
                desk.risk.rebuild(account);
                assert_eq!(before, desk.risk.components(account).collect::<Vec<_>>());
                assert_eq!(initial, desk.risk.initial(account));
            }
        }
    }
}
