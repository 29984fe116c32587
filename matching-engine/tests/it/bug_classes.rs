//! Thirteen ways in which order books have been wrong, one test each. The list is that of the public conformance gate of
//! `flash1-dev/matching-engine-benchmark` and of the trackers of the books it has tried; the numbers are ours.

use expect_test::expect;
use instruments::{AccountId, InstrumentId, Price, Qty, Side};
use matching_engine::{
    BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder, OrderKind, PriceSource,
    Trigger, TriggerWhen,
};

use crate::naive::Venue;
use crate::script::check;

const BOOK: InstrumentId = InstrumentId(1);

fn opened(orders: usize) -> Engine {
    let mut engine = Engine::new(Capacity { orders });
    let terms = BookTerms { window: 64, ..BookTerms::continuous(Price::from_ticks(0)) };
    assert!(engine.list(BOOK, terms));
    engine
}

fn limit(side: Side, ticks: i64, lots: u64) -> NewOrder {
    NewOrder::limit(AccountId(7), side, Price::from_ticks(ticks), Qty::from_lots(lots))
}

fn stop(side: Side, ticks: i64) -> NewOrder {
    let when = if side == Side::Buy { TriggerWhen::Rises } else { TriggerWhen::Falls };
    let price = Price::from_ticks(ticks);
    NewOrder {
        kind: OrderKind::Market,
        trigger: Some(Trigger { source: PriceSource::Last, when, price }),
        ..limit(side, ticks, 1)
    }
}

/// A cancel at the head, in the middle and at the tail of a level; the best price after the one that empties it.
#[test]
fn bug_class_1_cancels_within_a_level_and_the_best_price_behind_it() {
    check(
        "
        buy  1 @ 99
        buy  1 @ 100
        buy  1 @ 100
        buy  1 @ 100
        buy  1 @ 100
        cancel #2
        cancel #4
        cancel #5
        sell 1 @ 100 ioc
        sell 1 @ 100 ioc
        sell 1 @ 99 ioc
        sell 1 @ 1 ioc
        ",
        expect![[r#"
            #2 cancelled 1: user
            #4 cancelled 1: user
            #5 cancelled 1: user
            #6 takes 1 from #3 @ 100
            #7 cancelled 1: ioc
            #8 takes 1 from #1 @ 99
            #9 cancelled 1: ioc
        "#]],
    );
}

#[test]
fn bug_class_2_a_trade_prints_the_makers_price() {
    check(
        "
        sell 1 @ 100
        buy  1 @ 110
        buy  1 @ 100
        sell 1 @ 90
        sell 1 @ 100 display=1
        buy  1 market
        buy  1 @ 95
        buy  1 @ 96
        sell 2 @ 95 fok
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 100
            #4 takes 1 from #3 @ 100
            #6 takes 1 from #5 @ 100
            #9 takes 1 from #8 @ 96
            #9 takes 1 from #7 @ 95
        "#]],
    );
}

/// What is immediate rests, a limit order sweeps past its limit, a fill-or-kill order is filled in part.
#[test]
fn bug_class_3_immediate_orders_do_not_rest_and_limits_hold() {
    check(
        "
        sell 1 @ 100
        sell 1 @ 101
        buy  5 @ 100 ioc
        buy  2 @ 101 fok
        buy  5 @ 100
        buy  5 @ 101 ioc
        sell 9 market
        ",
        expect![[r#"
            #3 takes 1 from #1 @ 100
            #3 cancelled 4: ioc
            #4 cancelled 2: fok
            #6 takes 1 from #2 @ 101
            #6 cancelled 4: ioc
            #7 takes 5 from #5 @ 100
            #7 cancelled 4: market
        "#]],
    );
}

/// A changed order fills at the wrong limit, rests crossed, loses a neighbour, or keeps a place that it should lose.
#[test]
fn bug_class_4_amends_match_within_the_new_limit_and_keep_or_lose_their_place() {
    check(
        "
        sell 1 @ 101
        sell 1 @ 102
        buy  1 @ 99
        buy  3 @ 99
        buy  1 @ 99
        amend #4 @ 101
        amend #4 2
        amend #3 @ 98
        amend #5 4
        sell 2 @ 99
        ",
        expect![[r#"
            #4 amended to 3 @ 101
            #4 takes 1 from #1 @ 101
            #4 amended to 2 @ 101
            #3 amended to 1 @ 98
            #5 amended to 4 @ 99
            #6 takes 1 from #4 @ 101
            #6 takes 1 from #5 @ 99
            ask 102 #2x1
            bid 99 #5x3
            bid 98 #3x1
        "#]],
    );
}

/// An id that has ended is refused; the order that takes over its place in memory is another.
#[test]
fn bug_class_5_an_ended_id_names_nothing_and_its_successor_is_new() {
    let (mut engine, mut events) = (opened(4), Vec::new());
    let first = engine.next_id();
    engine.place(BOOK, &limit(Side::Buy, 100, 3), &mut events);
    engine.cancel(first, CancelReason::Requested, &mut events);
    let second = engine.next_id();
    engine.place(BOOK, &limit(Side::Sell, 50, 9), &mut events);
    assert_ne!(first, second);
    events.clear();
    engine.cancel(first, CancelReason::Requested, &mut events);
    assert!(matches!(events[..], [BookEvent::Rejected { .. }]));
    assert_eq!(engine.order(first), None);
    assert_eq!(engine.order(second).unwrap().open, Qty::from_lots(9));
}

#[test]
fn bug_class_6_a_partly_filled_maker_keeps_its_place() {
    check(
        "
        sell 5 @ 100
        sell 5 @ 100
        buy  2 @ 100
        buy  2 @ 100
        sell 1 @ 100
        buy  7 @ 100
        ",
        expect![[r#"
            #3 takes 2 from #1 @ 100
            #4 takes 2 from #1 @ 100
            #6 takes 1 from #1 @ 100
            #6 takes 5 from #2 @ 100
            #6 takes 1 from #5 @ 100
        "#]],
    );
}

/// 5,000 orders, 5,000 levels and 5,000 refreshes in one command each: no recursion, no cap.
#[test]
fn bug_class_7_one_command_sweeps_as_far_as_it_goes() {
    let mut events = Vec::new();
    for ticks in [0, 1, 1_000_003] {
        let mut engine = opened(4);
        for nth in 0..5_000 {
            engine.place(BOOK, &limit(Side::Sell, nth * ticks, 1), &mut events);
        }
        events.clear();
        engine.place(BOOK, &limit(Side::Buy, i64::MAX, 5_001), &mut events);
        assert_eq!(traded(&events), 5_000);
        assert_eq!(engine.book(BOOK).unwrap().len(), 1);
    }
    let mut engine = opened(4);
    for _ in 0..5 {
        let display = Some(Qty::from_lots(1));
        engine.place(BOOK, &NewOrder { display, ..limit(Side::Sell, 5, 1_000) }, &mut events);
    }
    events.clear();
    engine.place(BOOK, &limit(Side::Buy, 5, 5_000), &mut events);
    assert_eq!(traded(&events), 5_000);
    assert!(engine.book(BOOK).unwrap().is_empty());
}

/// Prices far outside of what lies close together in memory, and more orders than there was room for.
#[test]
fn bug_class_8_far_prices_and_full_arrays_lose_no_order() {
    let (mut engine, mut events) = (opened(1), Vec::new());
    let far = [i64::MIN, i64::MIN + 63, -(1 << 40), -65, -1, 0, 1, 64, 1 << 40, i64::MAX - 1];
    for round in 0..3 {
        for ticks in far.iter().chain(far.iter().rev()) {
            engine.place(BOOK, &limit(Side::Buy, *ticks, 1 + round), &mut events);
        }
    }
    events.clear();
    engine.place(BOOK, &limit(Side::Sell, i64::MIN, 1_000), &mut events);
    let mut prices: Vec<_> = Vec::new();
    for event in &events {
        if let BookEvent::Traded(trade) = event {
            prices.push(trade.price.ticks());
        }
    }
    let mut wanted: Vec<_> = far.iter().flat_map(|ticks| [*ticks; 6]).collect();
    wanted.sort_unstable_by_key(|ticks| std::cmp::Reverse(*ticks));
    assert_eq!(prices, wanted);
}

/// Orders of one instant at one price, and places in a queue that have been left before they are used.
#[test]
fn bug_class_9_ties_go_by_arrival_and_no_place_goes_stale() {
    check(
        "
        clock 5
        buy  1 @ 100
        buy  1 @ 100
        buy  1 @ 100
        sell 1 @ 100
        cancel #1
        cancel #2
        buy  1 @ 100
        sell 2 @ 100
        cancel #3
        cancel #6
        buy  1 @ 100
        sell 1 @ 100
        ",
        expect![[r#"
            #4 takes 1 from #1 @ 100
            #1 refused: unknown_order
            #2 cancelled 1: user
            #6 takes 1 from #3 @ 100
            #6 takes 1 from #5 @ 100
            #3 refused: unknown_order
            #6 refused: unknown_order
            #8 takes 1 from #7 @ 100
        "#]],
    );
}

/// Prices and quantities are whole numbers: a level that has been taken lot by lot has gone.
#[test]
fn bug_class_10_no_level_is_left_with_a_residue() {
    let (mut engine, mut events) = (opened(4), Vec::new());
    engine.place(BOOK, &limit(Side::Sell, 100, 1_000), &mut events);
    for taken in 1..=1_000 {
        engine.place(BOOK, &limit(Side::Buy, 100, 1), &mut events);
        let book = engine.book(BOOK).unwrap();
        let left = Qty::from_lots(1_000 - taken);
        assert_eq!(book.open_at(Side::Sell, Price::from_ticks(100)), left);
        assert_eq!(book.best_ask().is_none(), left.is_zero());
        assert_eq!(book.depth(Side::Sell).count(), usize::from(!left.is_zero()));
    }
}

/// No trade of nothing, no dead order in the depth, and no memory that dead orders keep.
#[test]
fn bug_class_11_the_dead_leave_nothing_behind() {
    let (mut engine, mut events) = (opened(8), Vec::new());
    let size = |engine: &Engine| borsh::to_vec(engine).unwrap().len();
    let mut early = 0;
    for round in 0..20_000_i64 {
        events.clear();
        let (iceberg, waits) = (engine.next_id(), round % 7);
        let display = Some(Qty::from_lots(1));
        engine.place(BOOK, &NewOrder { display, ..limit(Side::Sell, round % 500, 3) }, &mut events);
        let stopped = engine.next_id();
        engine.place(BOOK, &stop(Side::Buy, 600 + waits), &mut events);
        engine.place(BOOK, &limit(Side::Buy, round % 500, 2), &mut events);
        engine.cancel(iceberg, CancelReason::Requested, &mut events);
        engine.cancel(stopped, CancelReason::Requested, &mut events);
        assert!(
            events.iter().all(|event| !matches!(event, BookEvent::Traded(t) if t.qty.is_zero()))
        );
        let book = engine.book(BOOK).unwrap();
        assert!(book.is_empty() && book.depth(Side::Sell).next().is_none());
        if round == 100 {
            early = size(&engine);
        }
    }
    assert_eq!(size(&engine), early, "20,000 rounds take no more room than 100");
}

/// MATCH-054: a cascade of one pass only, or in the order of a table: 2,000 stops, each set free by the one before.
#[test]
fn bug_class_12_a_cascade_goes_on_to_its_end_in_order() {
    let (mut engine, mut events) = (opened(4), Vec::new());
    let steps = 2_000_i64;
    for ticks in 0..=steps {
        engine.place(BOOK, &limit(Side::Buy, -ticks, 1), &mut events);
    }
    // The last in the cascade has the smallest id.
    for ticks in (0..steps).rev() {
        engine.place(BOOK, &stop(Side::Sell, -ticks), &mut events);
    }
    events.clear();
    engine.place(BOOK, &limit(Side::Sell, 0, 1), &mut events);
    let mut fired: Vec<_> = Vec::new();
    for event in &events {
        if let BookEvent::Triggered { id, .. } = event {
            fired.push(*id);
        }
    }
    assert_eq!(fired.len(), usize::try_from(steps).unwrap());
    assert!(fired.iter().rev().is_sorted(), "each was set free by the one before");
    assert!(engine.book(BOOK).unwrap().is_empty());
}

/// MATCH-102: the same stream gives the same hash, with and without a snapshot in between, whatever the room.
#[test]
fn bug_class_13_one_stream_has_one_hash() {
    let story = |orders: usize, restored_after: usize| {
        let (mut engine, mut events) = (opened(orders), Vec::new());
        for nth in 0..600_usize {
            let ticks = i64::try_from(nth * 7 % 23).unwrap();
            let side = if nth % 2 == 0 { Side::Buy } else { Side::Sell };
            let lots = u64::try_from(nth % 5).unwrap();
            engine.place(BOOK, &limit(side, ticks, lots), &mut events);
            if nth == restored_after {
                let bytes = borsh::to_vec(&engine).unwrap();
                engine = borsh::from_slice(&bytes).unwrap();
            }
        }
        (engine.hash(), engine.next_id(), Venue::resting(&engine))
    };
    let first = story(1, usize::MAX);
    for (orders, restored_after) in [(4_096, usize::MAX), (1, 0), (64, 299), (2, 599)] {
        assert_eq!(story(orders, restored_after), first);
    }
    // Written down once: another machine, another compiler or another year must find it again.
    assert_eq!(format!("{:016x}", first.0), "15698ce26309a744");
}

fn traded(events: &[BookEvent]) -> usize {
    events.iter().filter(|event| matches!(event, BookEvent::Traded(_))).count()
}
