//! matchcore: levels in an ordered map, orders in a slab, a fresh vector of trades for each command.
//!
//! It issues ids itself: the sequence number of the command that made the order.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use matchcore::{
    AmendCmd, AmendPatch, CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome,
    CommandReport, LimitOrder, LimitOrderPatch, MarketOrder, NewOrder, OrderBook, OrderFlags,
    OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd, TimeInForce,
    Timestamp,
};
use matching_engine::stream::{Op, StreamCommand};

/// The books, and what a session would keep.
pub(crate) struct Matchcore {
    books: Vec<OrderBook>,
    /// Sequence numbers are each book's own.
    next: Vec<u64>,
    ids: Vec<OrderId>,
    /// The stream's id of each order, for the check only.
    makers: Vec<Vec<u32>>,
}

const fn side_of(side: Side) -> matchcore::Side {
    match side {
        Side::Buy => matchcore::Side::Buy,
        Side::Sell => matchcore::Side::Sell,
    }
}

fn limit(command: &StreamCommand, time_in_force: TimeInForce) -> CommandKind {
    let quantity = Quantity(u64::from(command.qty));
    let order = NewOrder::Limit(LimitOrder::new(
        Price(u64::from(command.price)),
        QuantityPolicy::Standard { quantity },
        OrderFlags::new(side_of(command.side), false, time_in_force),
    ));
    CommandKind::Submit(SubmitCmd { order })
}

impl Engine for Matchcore {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let books = room.header.books as usize;
        Self {
            books: (0..books).map(|_| OrderBook::new("book")).collect(),
            next: vec![0; books],
            ids: vec![OrderId(u64::MAX); room.header.id_high as usize + 1],
            makers: vec![Vec::new(); books],
        }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let (place, id) = (usize::from(command.book), command.id as usize);
        let number = self.next[place];
        self.next[place] += 1;
        let quantity = Quantity(u64::from(command.qty));
        let kind = match command.op {
            Op::Add => limit(command, TimeInForce::Gtc),
            Op::Ioc => limit(command, TimeInForce::Ioc),
            Op::Market => {
                let order = MarketOrder::new(quantity, side_of(command.side), false);
                CommandKind::Submit(SubmitCmd { order: NewOrder::Market(order) })
            }
            Op::Cancel => CommandKind::Cancel(CancelCmd {
                order_id: self.ids[id],
                order_kind: OrderKind::Limit,
            }),
            Op::Modify => {
                let patch = LimitOrderPatch::new()
                    .with_price(Price(u64::from(command.price)))
                    .with_quantity_policy(QuantityPolicy::Standard { quantity });
                let (order_id, patch) = (self.ids[id], AmendPatch::Limit(patch));
                CommandKind::Amend(AmendCmd { order_id, patch })
            }
        };
        if command.op == Op::Add {
            self.ids[id] = OrderId(number);
        }
        if CHECKS {
            self.makers[place].push(command.id);
        }
        let meta = CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(1) };
        match self.books[place].execute(&Command { meta, kind }) {
            CommandOutcome::Applied(CommandReport::Submit(done) | CommandReport::Amend(done)) => {
                let Some(matched) = done.target_order().match_result() else { return };
                for trade in matched.trades() {
                    let maker = trade.maker_order_id().0 as usize;
                    let maker = if CHECKS { self.makers[place][maker] } else { 0 };
                    add::<CHECKS>(tally, maker, trade.price().0 as u32, trade.quantity().0 as u32);
                }
            }
            CommandOutcome::Applied(CommandReport::Cancel) => {}
            CommandOutcome::Rejected(_) => {
                tally.rejected += u64::from(matches!(command.op, Op::Cancel | Op::Modify));
            }
        }
    }
}
