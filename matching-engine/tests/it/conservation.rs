//! Whoever adds up the events knows every open quantity: no lot is lost, none appears.

use std::collections::BTreeMap;

use instruments::{OrderId, Qty, Side};
use matching_engine::{Book, BookEvent};
use proptest::prelude::*;

use crate::differential::any_command;
use crate::naive::{Command, Venue};

/// What an observer of the events believes of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    open: Qty,
    filled: Qty,
}

#[derive(Default)]
struct Observer {
    orders: BTreeMap<OrderId, Seen>,
}

impl Observer {
    fn see(&mut self, command: &Command, event: &BookEvent) {
        match *event {
            BookEvent::Rejected { .. } => {}
            BookEvent::Accepted { id } => {
                let Command::Place(order) = command else { panic!("accepted without an order") };
                let before = self.orders.insert(id, Seen { open: order.qty, filled: Qty::ZERO });
                assert_eq!(before, None, "accepted twice");
            }
            BookEvent::Traded(trade) => {
                assert!(!trade.qty.is_zero(), "a trade of nothing");
                for id in [trade.maker, trade.taker] {
                    let seen = self.orders.get_mut(&id).unwrap();
                    seen.open -= trade.qty;
                    seen.filled += trade.qty;
                    if seen.open.is_zero() {
                        self.orders.remove(&id);
                    }
                }
            }
            BookEvent::Cancelled { id, qty, .. } => {
                assert_eq!(self.orders.remove(&id).unwrap().open, qty, "cancelled is the end");
            }
            BookEvent::Amended { id, qty, .. } => {
                let seen = self.orders.get_mut(&id).unwrap();
                seen.open = qty - seen.filled;
            }
            BookEvent::Decremented { id, by, qty, .. } => {
                let seen = self.orders.get_mut(&id).unwrap();
                seen.open -= by;
                assert!(!seen.open.is_zero() && seen.open + seen.filled == qty);
            }
        }
    }
}

proptest! {
    /// MATCH-026: open quantity = placed - traded - cancelled - decremented, order by order and level by level.
    #[test]
    fn the_events_alone_tell_what_is_open(
        commands in prop::collection::vec(any_command(), 1..120),
    ) {
        let (mut book, mut observer) = (Book::new(), Observer::default());
        for command in commands {
            let mut events = Vec::new();
            book.apply(command, &mut events);
            for event in &events {
                observer.see(&command, event);
            }
            let resting: BTreeMap<_, _> = book
                .resting()
                .iter()
                .map(|order| (order.id, Seen { open: order.open, filled: order.filled }))
                .collect();
            prop_assert_eq!(&resting, &observer.orders);
            for side in [Side::Buy, Side::Sell] {
                let of_side = book.resting().into_iter().filter(|order| order.side == side);
                let open: Qty = of_side.map(|order| order.open).sum();
                prop_assert_eq!(book.depth(side).map(|(_, qty)| qty).sum::<Qty>(), open);
                prop_assert_eq!(book.open_on(side), open);
            }
            for order in book.resting() {
                prop_assert_eq!(book.order(order.id), Some(&order));
            }
            prop_assert_eq!(book.len(), resting.len());
        }
    }
}
