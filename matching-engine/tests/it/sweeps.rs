//! Size: deep sweeps and crowded levels take one pass and no recursion.

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};
use matching_engine::{BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder};

const BOOK: InstrumentId = InstrumentId(1);

fn limit(account: u64, side: Side, ticks: i64, lots: u64) -> NewOrder {
    let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(lots));
    NewOrder::limit(AccountId(account), side, price, qty)
}

/// One empty book with little room: what does not fit makes it grow.
fn opened() -> Engine {
    let mut engine = Engine::new(Capacity { orders: 2 });
    assert!(engine.list(BOOK, BookTerms::continuous(Price::from_ticks(0))));
    engine
}

#[test]
fn match_001_one_order_sweeps_5000_orders_over_50_levels() {
    let mut engine = opened();
    let mut events = Vec::new();
    for nth in 1..=5_000 {
        let ticks = i64::try_from(nth % 50).unwrap();
        engine.place(BOOK, &limit(nth, Side::Sell, ticks, 1), &mut events);
    }
    events.clear();
    engine.place(BOOK, &limit(9_999, Side::Buy, 49, 5_001), &mut events);

    let mut trades = Vec::new();
    for event in &events {
        if let BookEvent::Traded(trade) = event {
            trades.push((trade.price, trade.maker.0 >> 24));
        }
    }
    assert_eq!(trades.len(), 5_000);
    assert!(trades.is_sorted(), "best price first, then oldest");
    let book = engine.book(BOOK).unwrap();
    assert_eq!(book.best_ask(), None);
    assert_eq!(book.best_bid(), Some((Price::from_ticks(49), Qty::from_lots(1))));
}

#[test]
fn match_017_100000_orders_of_one_level_are_cancelled_from_the_middle_outwards() {
    const ORDERS: usize = 100_000;
    let mut engine = opened();
    let (mut events, mut ids): (_, Vec<OrderId>) = (Vec::new(), Vec::new());
    for _ in 0..ORDERS {
        ids.push(engine.next_id());
        engine.place(BOOK, &limit(1, Side::Buy, 100, 1), &mut events);
        events.clear();
    }
    for step in 0..ORDERS {
        let half = step.div_ceil(2);
        let nth = if step % 2 == 0 { ORDERS / 2 + half } else { ORDERS / 2 - half };
        engine.cancel(ids[nth % ORDERS], CancelReason::Requested, &mut events);
        let open = u64::try_from(ORDERS - step - 1).unwrap();
        let book = engine.book(BOOK).unwrap();
        assert_eq!(book.open_on(Side::Buy), Qty::from_lots(open));
        assert_eq!(book.best_bid().map_or(0, |(_, qty)| qty.lots()), open);
    }
    assert!(engine.book(BOOK).unwrap().is_empty());
}
