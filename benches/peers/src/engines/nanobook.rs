//! nanobook: one hash map of all orders ever, levels with tombstones.
//!
//! It issues ids itself, one after the other; a modify makes a new one.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use matching_engine::stream::{Op, StreamCommand};
use nanobook::{Exchange, OrderId, Price, TimeInForce, Trade};

/// The books, and what a session would keep.
pub(crate) struct Nanobook {
    books: Vec<Exchange>,
    ids: Vec<OrderId>,
    /// The stream's id of each order by the book's own, for the check only.
    makers: Vec<Vec<u32>>,
}

const fn side_of(side: Side) -> nanobook::Side {
    match side {
        Side::Buy => nanobook::Side::Buy,
        Side::Sell => nanobook::Side::Sell,
    }
}

impl Nanobook {
    fn know<const CHECKS: bool>(&mut self, command: &StreamCommand, id: OrderId) {
        self.ids[command.id as usize] = id;
        if CHECKS {
            let makers = &mut self.makers[usize::from(command.book)];
            let place = id.0 as usize;
            makers.resize(makers.len().max(place + 1), 0);
            makers[place] = command.id;
        }
    }
}

impl Engine for Nanobook {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let books = room.header.books as usize;
        Self {
            books: (0..books).map(|_| Exchange::new()).collect(),
            ids: vec![OrderId(u64::MAX); room.header.id_high as usize + 1],
            makers: vec![Vec::new(); books],
        }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let place = usize::from(command.book);
        let book = &mut self.books[place];
        let (side, qty) = (side_of(command.side), u64::from(command.qty));
        let (id, price) = (self.ids[command.id as usize], Price(i64::from(command.price)));
        let trades: Vec<Trade> = match command.op {
            Op::Cancel => {
                tally.rejected += u64::from(!book.cancel(id).success);
                return;
            }
            Op::Modify => {
                let done = book.modify(id, price, qty);
                let Some(id) = done.new_order_id else {
                    tally.rejected += 1;
                    return;
                };
                self.know::<CHECKS>(command, id);
                done.trades
            }
            Op::Add => {
                let done = book.submit_limit(side, price, qty, TimeInForce::GTC);
                self.know::<CHECKS>(command, done.order_id);
                done.trades
            }
            Op::Ioc => book.submit_limit(side, price, qty, TimeInForce::IOC).trades,
            Op::Market => book.submit_market(side, qty).trades,
        };
        for trade in trades {
            let maker = trade.passive_order_id.0 as usize;
            let maker = if CHECKS { self.makers[place][maker] } else { 0 };
            add::<CHECKS>(tally, maker, trade.price.0 as u32, trade.quantity as u32);
        }
    }
}
