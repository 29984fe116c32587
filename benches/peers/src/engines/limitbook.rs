//! limitbook: decimals, an ordered map of queues, a hash map of orders.
//!
//! It issues ids itself and has neither immediate limit orders nor a modify: both are made of two calls. It refuses a market order for more
//! than the other side holds, so market orders are limit orders at the end of the range here.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use limitbook::{OrderBook, OrderSide};
use matching_engine::stream::{Op, StreamCommand};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The books, and what a session would keep.
pub(crate) struct Limitbook {
    books: Vec<OrderBook>,
    ids: Vec<u64>,
    /// The stream's id of each order by the book's own, for the check only.
    makers: Vec<Vec<u32>>,
    range: (u32, u32),
}

impl Engine for Limitbook {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let header = &room.header;
        let book = |_| OrderBook::new(Decimal::ONE).expect("a tick of one");
        Self {
            books: (0..header.books).map(book).collect(),
            ids: vec![u64::MAX; header.id_high as usize + 1],
            makers: vec![Vec::new(); header.books as usize],
            range: (header.price_low, header.price_high),
        }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let (place, id) = (usize::from(command.book), command.id as usize);
        let book = &mut self.books[place];
        if matches!(command.op, Op::Cancel | Op::Modify)
            && book.cancel_limit_order(self.ids[id]).is_err()
        {
            tally.rejected += 1;
            return;
        }
        let (side, end) = match command.side {
            Side::Buy => (OrderSide::Buy, self.range.1),
            Side::Sell => (OrderSide::Sell, self.range.0),
        };
        let price = match command.op {
            Op::Cancel => return,
            Op::Market => end,
            Op::Add | Op::Modify | Op::Ioc => command.price,
        };
        let done = book.add_limit_order(side, Decimal::from(price), Decimal::from(command.qty));
        let Ok((own, fills)) = done else { return };
        self.ids[id] = own;
        if CHECKS {
            self.makers[place].resize(own as usize + 1, 0);
            self.makers[place][own as usize] = command.id;
        }
        let mut left = command.qty;
        for fill in fills {
            let qty = fill.quantity.to_u32().unwrap_or(0);
            let price = fill.price.to_u32().unwrap_or(0);
            let maker = fill.maker_order_id as usize;
            let maker = if CHECKS { self.makers[place][maker] } else { 0 };
            add::<CHECKS>(tally, maker, price, qty);
            left = left.saturating_sub(qty);
        }
        if matches!(command.op, Op::Ioc | Op::Market) && left != 0 {
            tally.rejected += u64::from(book.cancel_limit_order(own).is_err());
        }
    }
}
