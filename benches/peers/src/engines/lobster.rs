//! lobster: an ordered map of vectors, an arena of orders.
//!
//! It has no immediate limit orders and no modify, and does not say whether a cancel found its order: the harness asks for the rest of an
//! immediate order to be cancelled, and counts late cancels itself where the check needs them.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use lobster::{OrderBook, OrderEvent, OrderType};
use matching_engine::stream::{Op, StreamCommand};

/// The books.
pub(crate) struct Lobster {
    books: Vec<OrderBook>,
    /// What is open of each order: it cannot be asked, and a modify of an order that has ended must not place a new one.
    open: Vec<u32>,
}

const fn side_of(side: Side) -> lobster::Side {
    match side {
        Side::Buy => lobster::Side::Bid,
        Side::Sell => lobster::Side::Ask,
    }
}

impl Engine for Lobster {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let orders = room.orders as usize / room.header.books as usize + 1;
        let books = (0..room.header.books).map(|_| OrderBook::new(orders, 10, false)).collect();
        Self { books, open: vec![0; room.header.id_high as usize + 1] }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let place = usize::from(command.book);
        let (id, side) = (u128::from(command.id), side_of(command.side));
        let (qty, price) = (u64::from(command.qty), u64::from(command.price));
        if matches!(command.op, Op::Cancel | Op::Modify) {
            let open = std::mem::take(&mut self.open[command.id as usize]);
            if open == 0 {
                tally.rejected += 1;
            }
            self.books[place].execute(OrderType::Cancel { id });
            if command.op == Op::Cancel || open == 0 {
                return;
            }
        }
        let order = match command.op {
            Op::Market => OrderType::Market { id, side, qty },
            _ => OrderType::Limit { id, side, qty, price },
        };
        let event = self.books[place].execute(order);
        let mut left = command.qty;
        if let OrderEvent::Filled { fills, .. } | OrderEvent::PartiallyFilled { fills, .. } = event
        {
            for fill in fills {
                let (maker, qty) = (fill.order_2 as u32, fill.qty as u32);
                add::<CHECKS>(tally, maker, fill.price as u32, qty);
                self.open[maker as usize] -= qty;
                left -= qty;
            }
        }
        match command.op {
            Op::Ioc if left != 0 => {
                self.books[place].execute(OrderType::Cancel { id });
            }
            Op::Add | Op::Modify => self.open[command.id as usize] = left,
            _ => {}
        }
    }
}
