//! rust_ob: decimals for prices and quantities, shared orders in ordered maps.
//!
//! It has no immediate orders and no modify: the rest of an immediate order is cancelled by a second call, a modify is cancel and place.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use matching_engine::stream::{Op, StreamCommand};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use rust_ob::{OrderBook, OrderMatch};

/// The books.
pub(crate) struct RustOb(Vec<OrderBook<u32>>);

const fn side_of(side: Side) -> rust_ob::Side {
    match side {
        Side::Buy => rust_ob::Side::Buy,
        Side::Sell => rust_ob::Side::Sell,
    }
}

/// The last of the matches is the taker's own, all together.
fn count<const CHECKS: bool>(matches: &[OrderMatch<u32>], tally: &mut Tally) -> Decimal {
    let Some((taker, makers)) = matches.split_last() else { return Decimal::ZERO };
    for maker in makers {
        let price = (maker.cost / maker.quantity).abs().to_u32().unwrap_or(0);
        let qty = maker.quantity.to_u32().unwrap_or(0);
        add::<CHECKS>(tally, maker.order, price, qty);
    }
    taker.quantity
}

impl Engine for RustOb {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        Self((0..room.header.books).map(|_| OrderBook::new()).collect())
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let book = &mut self.0[usize::from(command.book)];
        let (id, side) = (command.id, side_of(command.side));
        let (price, qty) = (Decimal::from(command.price), Decimal::from(command.qty));
        if matches!(command.op, Op::Cancel | Op::Modify) && book.cancel_order(id).is_err() {
            tally.rejected += 1;
            return;
        }
        let matches = match command.op {
            Op::Cancel => return,
            Op::Market => book.process_market_order(id, side, qty).unwrap_or_default(),
            Op::Add | Op::Modify | Op::Ioc => {
                book.process_limit_order(id, side, price, qty).unwrap_or_default()
            }
        };
        let filled = count::<CHECKS>(&matches, tally);
        if command.op == Op::Ioc && filled != qty && book.cancel_order(id).is_err() {
            tally.rejected += 1;
        }
    }
}
