//! Size: deep sweeps and crowded levels take one pass and no recursion.

use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{Book, BookEvent, CancelReason, NewOrder, OrderKind, StpMode, TimeInForce};

fn limit(id: u64, side: Side, ticks: i64, lots: u64) -> NewOrder {
    NewOrder {
        id: OrderId(id),
        account: AccountId(id),
        side,
        kind: OrderKind::Limit(Price::from_ticks(ticks)),
        qty: Qty::from_lots(lots),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        stp: StpMode::None,
    }
}

#[test]
fn match_001_one_order_sweeps_5000_orders_over_50_levels() {
    let mut book = Book::new();
    let mut events = Vec::new();
    for id in 1..=5_000 {
        book.place(limit(id, Side::Sell, i64::try_from(id % 50).unwrap(), 1), &mut events);
    }
    events.clear();
    book.place(limit(9_999, Side::Buy, 49, 5_001), &mut events);

    let mut trades = Vec::new();
    for event in &events {
        if let BookEvent::Traded(trade) = event {
            trades.push((trade.price, trade.maker));
        }
    }
    assert_eq!(trades.len(), 5_000);
    assert!(trades.is_sorted(), "best price first, then oldest");
    assert_eq!(book.best_ask(), None);
    assert_eq!(book.best_bid(), Some((Price::from_ticks(49), Qty::from_lots(1))));
}

#[test]
fn match_017_100000_orders_of_one_level_are_cancelled_from_the_middle_outwards() {
    const ORDERS: u64 = 100_000;
    let mut book = Book::new();
    let mut events = Vec::new();
    for id in 0..ORDERS {
        book.place(limit(id, Side::Buy, 100, 1), &mut events);
    }
    for step in 0..ORDERS {
        let half = step.div_ceil(2);
        let id = if step % 2 == 0 { ORDERS / 2 + half } else { ORDERS / 2 - half };
        book.cancel(OrderId(id % ORDERS), CancelReason::Requested, &mut events);
        let open = ORDERS - step - 1;
        assert_eq!(book.open_on(Side::Buy), Qty::from_lots(open));
        assert_eq!(book.best_bid().map_or(0, |(_, qty)| qty.lots()), open);
    }
    assert!(book.is_empty());
}
