//! The engine of this repository, with all that an exchange needs of it: events of every step into a buffer that is used again, a hash over
//! all of them, self-trade prevention, and ids that it issues itself.
//!
//! A session keeps the engine's id of each client order; here that is an array by the stream's id. Self-trades are prevented by cancelling
//! the newest, and must not happen, or trades would differ from those of engines without accounts. So each order is an account's only one:
//! the check is made at every trade and finds nothing. [`Tokens`] is the dearer way to the same: 64 accounts, whose orders differ by tokens.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::{AccountId, InstrumentId, OrderId, Price, Qty};
use matching_engine::stream::{Op, StreamCommand};
use matching_engine::{
    Amend, BookEvent, BookTerms, CancelReason, Capacity, NewOrder, OrderKind, StpMode, TimeInForce,
};

const ACCOUNTS: u32 = 64;

/// Our engine, each order its account's only one.
pub(crate) type Plain = Tenor<false>;

/// Our engine, 64 accounts whose orders each have a self-trade token.
pub(crate) type Tokens = Tenor<true>;

/// Our engine.
pub(crate) struct Tenor<const TOKENS: bool> {
    engine: matching_engine::Engine,
    out: Vec<BookEvent>,
    /// The engine's id of each order of the stream.
    ids: Vec<OrderId>,
    /// The stream's id of each order, by the engine's slot; kept only for the check.
    makers: Vec<u32>,
}

const fn price_of(ticks: u32) -> Price {
    Price::from_ticks(ticks as i64)
}

fn slot_of(id: OrderId) -> usize {
    (id.0 & 0x00ff_ffff) as usize
}

impl<const TOKENS: bool> Engine for Tenor<TOKENS> {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let orders = room.orders as usize + 1;
        let mut engine = matching_engine::Engine::new(Capacity { orders });
        let header = &room.header;
        let middle = price_of(u32::midpoint(header.price_low, header.price_high));
        // A window as wide as the prices are, as far as that goes; where there are many books, they are thin.
        let span = (header.price_high - header.price_low + 1).next_power_of_two();
        let window = if header.books > 64 { 512 } else { span.clamp(512, 4_096) };
        let terms = BookTerms { window, ..BookTerms::continuous(middle) };
        for book in 1..=u64::from(header.books) {
            assert!(engine.list(InstrumentId(book), terms), "a new book");
        }
        let mut ids = vec![OrderId(1); header.id_high as usize + 1];
        ids.fill(OrderId(0));
        Self { engine, out: Vec::with_capacity(4_096), ids, makers: Vec::new() }
    }

    #[inline]
    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        self.out.clear();
        match command.op {
            Op::Add => self.place(command, TimeInForce::Gtc),
            Op::Ioc | Op::Market => self.place(command, TimeInForce::Ioc),
            Op::Cancel => {
                let id = self.ids[command.id as usize];
                self.engine.cancel(id, CancelReason::Requested, &mut self.out);
            }
            Op::Modify => self.modify(command),
        }
        for event in &self.out {
            match event {
                BookEvent::Traded(trade) => {
                    let price = trade.price.ticks() as u32;
                    let qty = trade.qty.lots() as u32;
                    let maker = if CHECKS { self.makers[slot_of(trade.maker)] } else { 0 };
                    add::<CHECKS>(tally, maker, price, qty);
                }
                BookEvent::Rejected { .. } => tally.rejected += 1,
                BookEvent::Accepted { id, .. } if CHECKS => {
                    let slot = slot_of(*id);
                    if self.makers.len() <= slot {
                        self.makers.resize(slot + 1, 0);
                    }
                    self.makers[slot] = command.id;
                }
                _ => {}
            }
        }
    }
}

impl<const TOKENS: bool> Tenor<TOKENS> {
    #[inline]
    fn place(&mut self, command: &StreamCommand, time_in_force: TimeInForce) {
        let StreamCommand { op, side, book, qty, id, price } = *command;
        let price = price_of(price);
        let is_market = op == Op::Market;
        let account = AccountId(u64::from(if TOKENS { 1 + id % ACCOUNTS } else { id }));
        let order = NewOrder {
            kind: if is_market { OrderKind::Market } else { OrderKind::Limit(price) },
            time_in_force,
            stp: StpMode::CancelNewest,
            stp_token: if TOKENS { u64::from(id) } else { 0 },
            ..NewOrder::limit(account, side, price, Qty::from_lots(u64::from(qty)))
        };
        self.ids[id as usize] = self.engine.next_id();
        self.engine.place(InstrumentId(u64::from(book) + 1), &order, &mut self.out);
    }

    /// The stream's modify gives the open quantity and always goes to the back; an amend gives the size and keeps the place when the price
    /// stays and the size does not grow. Then the order is cancelled and placed again, as an account that wants this has to.
    #[inline]
    fn modify(&mut self, command: &StreamCommand) {
        let id = self.ids[command.id as usize];
        let reason = CancelReason::Requested;
        let Some(order) = self.engine.order(id) else {
            return self.engine.cancel(id, reason, &mut self.out);
        };
        let qty = Qty::from_lots(u64::from(command.qty));
        let price = price_of(command.price);
        if order.kind == OrderKind::Limit(price) && qty <= order.open {
            self.engine.cancel(id, reason, &mut self.out);
            return self.place(command, TimeInForce::Gtc);
        }
        let amend = Amend { price: Some(price), total: Some(order.filled + qty), trigger: None };
        self.engine.amend(id, &amend, &mut self.out);
    }
}
