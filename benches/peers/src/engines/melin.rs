//! melin: its book alone, and its exchange with accounts and reservations.
//!
//! Orders belong to 64 accounts, self-trades are allowed: its prevention knows accounts only, and would change the trades.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use matching_engine::stream::{Op, StreamCommand};
use melin_exchange_core::exchange::Exchange;
use melin_exchange_core::orderbook::OrderBook;
use melin_exchange_core::types::{
    AccountId, CurrencyId, ExecutionReport, InstrumentSpec, Order, OrderId, OrderType, Price,
    Quantity, ReservationSlot, SelfTradeProtection, Symbol, TimeInForce,
};
use std::num::NonZeroU64;

const ACCOUNTS: u32 = 64;

fn number(value: u32) -> NonZeroU64 {
    NonZeroU64::new(u64::from(value)).unwrap_or(NonZeroU64::MIN)
}

const fn account_of(id: u32) -> AccountId {
    AccountId(1 + id % ACCOUNTS)
}

fn order_of(command: &StreamCommand) -> Order {
    let price = Price(number(command.price));
    Order {
        id: OrderId(u64::from(command.id)),
        account: account_of(command.id),
        side: match command.side {
            Side::Buy => melin_exchange_core::types::Side::Buy,
            Side::Sell => melin_exchange_core::types::Side::Sell,
        },
        order_type: match command.op {
            Op::Market => OrderType::Market,
            _ => OrderType::Limit { price, post_only: false },
        },
        time_in_force: match command.op {
            Op::Ioc | Op::Market => TimeInForce::IOC,
            _ => TimeInForce::GTC,
        },
        quantity: Quantity(number(command.qty)),
        stp: SelfTradeProtection::Allow,
        expiry_ns: 0,
    }
}

fn count<const CHECKS: bool>(reports: &[ExecutionReport], tally: &mut Tally) {
    for report in reports {
        if let ExecutionReport::Fill { maker_order_id, price, quantity, .. } = report {
            let (price, qty) = (price.0.get() as u32, quantity.0.get() as u32);
            add::<CHECKS>(tally, maker_order_id.0 as u32, price, qty);
        }
    }
}

/// The books alone.
pub(crate) struct MelinBook {
    books: Vec<OrderBook>,
    reports: Vec<ExecutionReport>,
}

impl Engine for MelinBook {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let books = (0..room.header.books).map(|book| OrderBook::with_capacity(Symbol(book)));
        Self { books: books.collect(), reports: Vec::with_capacity(4_096) }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        self.reports.clear();
        let book = &mut self.books[usize::from(command.book)];
        if matches!(command.op, Op::Cancel | Op::Modify) {
            let (account, id) = (account_of(command.id), OrderId(u64::from(command.id)));
            if book.cancel(account, id, &mut self.reports).is_none() {
                tally.rejected += 1;
                return;
            }
        }
        if command.op != Op::Cancel {
            book.execute(order_of(command), None, ReservationSlot::DUMMY, &mut self.reports);
            book.drain_consumed_slots();
            count::<CHECKS>(&self.reports, tally);
        }
    }
}

/// The exchange.
pub(crate) struct MelinExchange {
    exchange: Exchange,
    reports: Vec<ExecutionReport>,
}

impl Engine for MelinExchange {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let mut exchange = Exchange::with_capacity();
        for book in 0..room.header.books {
            let (base, quote) = (CurrencyId(1), CurrencyId(2));
            exchange.add_instrument(InstrumentSpec { symbol: Symbol(book), base, quote });
        }
        for account in 1..=ACCOUNTS {
            for currency in 1..=2 {
                exchange.deposit(AccountId(account), CurrencyId(currency), 1 << 60);
            }
        }
        Self { exchange, reports: Vec::with_capacity(4_096) }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        self.reports.clear();
        let book = Symbol(u32::from(command.book));
        if matches!(command.op, Op::Cancel | Op::Modify) {
            let (account, id) = (account_of(command.id), OrderId(u64::from(command.id)));
            self.exchange.cancel(book, account, id, &mut self.reports);
            if !matches!(self.reports.first(), Some(ExecutionReport::Cancelled { .. })) {
                tally.rejected += 1;
                return;
            }
        }
        if command.op != Op::Cancel {
            self.exchange.execute(book, order_of(command), &mut self.reports);
            count::<CHECKS>(&self.reports, tally);
        }
    }
}
