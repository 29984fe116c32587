//! The engine and what a session keeps beside it, ready to replay a canonical stream: what is measured, by time and by count.

#[cfg(feature = "risk")]
mod risk;
mod venue;

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty};
use matching_engine::stream::{Header, Op, StreamCommand};
use matching_engine::{
    Amend, BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder, OrderKind, StpMode,
    TimeInForce,
};

#[cfg(feature = "risk")]
pub use risk::{RiskDesk, arrays};
pub use venue::VenueDesk;

/// Room for orders, more than any canonical stream has resting.
const ORDERS: usize = 200_000;

/// Room for the events of one command.
const EVENTS: usize = 4_096;

/// What replays commands of one kind.
pub trait Replay {
    /// What the stream is made of.
    type Command;

    /// Carries out one command and says how many events came of it.
    fn apply(&mut self, command: &Self::Command) -> usize;

    /// The engine's hash over all events so far.
    fn hash(&self) -> u64;
}

/// The engine for streams of plain commands, and its id of each order.
#[derive(Debug, Clone)]
pub struct Desk {
    engine: Engine,
    ids: Vec<OrderId>,
    out: Vec<BookEvent>,
}

impl Desk {
    /// Empty books.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let mut engine = Engine::new(Capacity { orders: ORDERS });
        let middle = i64::from(u32::midpoint(header.price_low, header.price_high));
        let window = if header.books == 1 { 4_096 } else { 256 };
        let terms = BookTerms { window, ..BookTerms::continuous(Price::from_ticks(middle)) };
        for book in 1..=u64::from(header.books) {
            engine.list(InstrumentId(book), terms);
        }
        let ids = vec![OrderId(0); header.id_high as usize + 1];
        Self { engine, ids, out: Vec::with_capacity(EVENTS) }
    }
}

impl Replay for Desk {
    type Command = StreamCommand;

    fn apply(&mut self, command: &StreamCommand) -> usize {
        self.out.clear();
        let id = command.id as usize;
        let price = Price::from_ticks(i64::from(command.price));
        let qty = Qty::from_lots(u64::from(command.qty));
        match command.op {
            Op::Cancel => {
                self.engine.cancel(self.ids[id], CancelReason::Requested, &mut self.out);
            }
            Op::Modify => {
                let filled = self.engine.order(self.ids[id]).map_or(Qty::ZERO, |o| o.filled);
                let amend = Amend { price: Some(price), total: Some(filled + qty), trigger: None };
                self.engine.amend(self.ids[id], &amend, &mut self.out);
            }
            Op::Add | Op::Ioc | Op::Market => {
                let account = AccountId(u64::from(command.id));
                let mut order = NewOrder::limit(account, command.side, price, qty);
                order.stp = StpMode::CancelNewest;
                if command.op != Op::Add {
                    order.time_in_force = TimeInForce::Ioc;
                }
                if command.op == Op::Market {
                    order.kind = OrderKind::Market;
                }
                self.ids[id] = self.engine.next_id();
                let book = InstrumentId(u64::from(command.book) + 1);
                self.engine.place(book, &order, &mut self.out);
            }
        }
        self.out.len()
    }

    fn hash(&self) -> u64 {
        self.engine.hash()
    }
}
