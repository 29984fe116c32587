//! Whoever adds up the events knows every open quantity: no lot is lost, none appears.

use std::collections::BTreeMap;

use instruments::{OrderId, Price, Qty, Side};
use matching_engine::{BookEvent, NewOrder, OrderKind, Trade};
use proptest::prelude::*;

use crate::drafts::{any_draft, opened};
use crate::naive::{Command, Venue};

/// What an observer of the events believes of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    side: Side,
    /// Absent for a market order.
    limit: Option<Price>,
    open: Qty,
    filled: Qty,
    /// Whether it waits for a price, as far as the events tell.
    waits: bool,
}

#[derive(Default)]
struct Observer {
    orders: BTreeMap<OrderId, Seen>,
    /// Lots that were placed, traded by one side of a trade, cancelled or decremented.
    placed: i128,
    gone: i128,
}

impl Observer {
    fn see(&mut self, command: &Command, event: &BookEvent) {
        match *event {
            BookEvent::Accepted { id, price, .. } => {
                let Command::Place(_, order) = command else { panic!("accepted without an order") };
                self.accept(id, price, order);
            }
            BookEvent::Traded(trade) => self.trade(&trade),
            BookEvent::Cancelled { id, qty, .. } => {
                assert_eq!(self.orders.remove(&id).unwrap().open, qty, "cancelled is the end");
                self.gone += i128::from(qty.lots());
            }
            BookEvent::Amended { id, price, qty, .. } => {
                let seen = self.orders.get_mut(&id).unwrap();
                assert!(seen.filled < qty, "amended to what has traded");
                self.placed +=
                    i128::from((qty - seen.filled).lots()) - i128::from(seen.open.lots());
                seen.open = qty - seen.filled;
                seen.limit = price;
            }
            BookEvent::Decremented { id, by, qty, .. } => {
                let seen = self.orders.get_mut(&id).unwrap();
                seen.open -= by;
                self.gone += i128::from(by.lots());
                assert!(!seen.open.is_zero() && seen.open + seen.filled == qty);
            }
            BookEvent::Refreshed { id, shown, .. } => {
                let seen = self.orders[&id];
                assert!(!shown.is_zero() && shown <= seen.open && !seen.waits, "{seen:?}");
            }
            BookEvent::Triggered { id, .. } => {
                let seen = self.orders.get_mut(&id).unwrap();
                assert!(seen.waits, "triggered twice");
                seen.waits = false;
            }
            BookEvent::Rejected { .. }
            | BookEvent::Implied { .. }
            | BookEvent::AuctionOpened { .. }
            | BookEvent::AuctionExtended { .. }
            | BookEvent::AuctionEnded { .. }
            | BookEvent::Tripped { .. } => {}
        }
    }

    fn accept(&mut self, id: OrderId, price: Option<Price>, order: &NewOrder) {
        let seen = Seen {
            side: order.side,
            limit: price,
            open: order.qty,
            filled: Qty::ZERO,
            waits: order.trigger.is_some(),
        };
        assert_eq!(self.orders.insert(id, seen), None, "accepted twice");
        self.placed += i128::from(order.qty.lots());
    }

    fn trade(&mut self, trade: &Trade) {
        assert!(!trade.qty.is_zero(), "a trade of nothing");
        assert!(self.orders[&trade.maker].side != self.orders[&trade.taker].side);
        assert_eq!(self.orders[&trade.taker].side, trade.taker_side);
        for id in [trade.maker, trade.taker] {
            let seen = self.orders.get_mut(&id).unwrap();
            assert!(!seen.waits, "a waiting order traded");
            let is_within = match seen.side {
                Side::Buy => seen.limit.is_none_or(|limit| trade.price <= limit),
                Side::Sell => seen.limit.is_none_or(|limit| limit <= trade.price),
            };
            assert!(is_within, "{seen:?} traded at {}", trade.price.ticks());
            seen.open -= trade.qty;
            seen.filled += trade.qty;
            self.gone += i128::from(trade.qty.lots());
            if seen.open.is_zero() {
                self.orders.remove(&id);
            }
        }
    }
}

proptest! {
    /// MATCH-026: open quantity = placed - traded - cancelled - decremented, order by order and in all.
    #[test]
    fn the_events_alone_tell_what_is_open(
        drafts in prop::collection::vec(any_draft(), 1..120),
    ) {
        let (mut pair, mut observer) = (opened(), Observer::default());
        for draft in drafts {
            for command in draft.settle(&pair).into_iter().flatten() {
                for event in pair.apply(&command) {
                    observer.see(&command, &event);
                }
            }
            let mut open = 0;
            let mut told = observer.orders.clone();
            for order in pair.naive.resting() {
                let seen = told.remove(&order.id).unwrap();
                prop_assert_eq!((seen.open, seen.filled), (order.open, order.filled));
                prop_assert_eq!((seen.side, seen.waits), (order.side, order.trigger.is_some()));
                // Only a sliding order that waited has a limit that no event tells.
                if let OrderKind::Limit(price) = order.kind {
                    let better = seen.limit.unwrap().ticks().abs_diff(price.ticks());
                    prop_assert!(better == 0 || order.post_only == matching_engine::PostOnly::Slide);
                }
                open += i128::from(order.open.lots());
            }
            prop_assert!(told.is_empty(), "ended without an event: {told:?}");
            prop_assert_eq!(observer.placed - observer.gone, open);
        }
    }
}
