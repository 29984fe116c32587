//! orderbook-rs: concurrent maps and shared levels; nearly every type of order there is.
//!
//! Its result of an update holds no trades: an update that crosses would go uncounted. The streams made here never do that.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use matching_engine::stream::{Op, StreamCommand};
use orderbook_rs::OrderBook;
use pricelevel::{
    Hash32, Id, MatchResult, OrderType, OrderUpdate, Price, Quantity, TimeInForce, TimestampMs,
};

/// The books.
pub(crate) struct OrderbookRs(Vec<OrderBook<()>>);

const fn side_of(side: Side) -> pricelevel::Side {
    match side {
        Side::Buy => pricelevel::Side::Buy,
        Side::Sell => pricelevel::Side::Sell,
    }
}

fn count<const CHECKS: bool>(matched: &MatchResult, tally: &mut Tally) {
    for trade in matched.trades().as_vec() {
        let Id::Sequential(maker) = trade.maker_order_id() else { continue };
        let (price, qty) = (trade.price().as_u128() as u32, trade.quantity().as_u64() as u32);
        add::<CHECKS>(tally, maker as u32, price, qty);
    }
}

impl Engine for OrderbookRs {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        Self((0..room.header.books).map(|_| OrderBook::new("book")).collect())
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let book = &self.0[usize::from(command.book)];
        let (id, side) = (Id::Sequential(u64::from(command.id)), side_of(command.side));
        let price = Price::new(u128::from(command.price));
        let quantity = Quantity::new(u64::from(command.qty));
        let time_in_force = match command.op {
            Op::Add => TimeInForce::Gtc,
            Op::Ioc => TimeInForce::Ioc,
            Op::Market => {
                match book.submit_market_order_with_committed(id, quantity.as_u64(), side) {
                    Ok(matched) => count::<CHECKS>(&matched, tally),
                    Err(failure) => {
                        let committed = failure.committed.as_deref();
                        committed
                            .into_iter()
                            .for_each(|done| count::<CHECKS>(&done.match_result, tally));
                    }
                }
                return;
            }
            Op::Cancel => {
                let is_known = book.cancel_order(id).is_ok_and(|order| order.is_some());
                tally.rejected += u64::from(!is_known);
                return;
            }
            Op::Modify => {
                let (new_price, new_quantity) = (price, quantity);
                let update =
                    OrderUpdate::UpdatePriceAndQuantity { order_id: id, new_price, new_quantity };
                let is_known = book.update_order(update).is_ok_and(|order| order.is_some());
                tally.rejected += u64::from(!is_known);
                return;
            }
        };
        let order = OrderType::Standard {
            id,
            price,
            quantity,
            side,
            user_id: Hash32::zero(),
            timestamp: TimestampMs::new(1),
            time_in_force,
            extra_fields: (),
        };
        match book.add_order_with_committed(order) {
            Ok((_, done)) => {
                done.iter().for_each(|done| count::<CHECKS>(&done.match_result, tally));
            }
            Err(failure) => {
                let committed = failure.committed.as_deref();
                committed.into_iter().for_each(|done| count::<CHECKS>(&done.match_result, tally));
            }
        }
    }
}
