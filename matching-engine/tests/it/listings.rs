//! Books that come and go, ids, arrival numbers, and what one engine's commands have to do with another's.

use expect_test::expect;
use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};
use matching_engine::{
    Amend, BOOKS_MAX, BookEvent, BookReject, BookTerms, CancelReason, Capacity, Engine, NewOrder,
};

use crate::script::check;

const BOOK: InstrumentId = InstrumentId(1);

fn terms() -> BookTerms {
    BookTerms::continuous(Price::from_ticks(100))
}

fn limit(side: Side, ticks: i64, lots: u64) -> NewOrder {
    NewOrder::limit(AccountId(7), side, Price::from_ticks(ticks), Qty::from_lots(lots))
}

fn opened() -> Engine {
    let mut engine = Engine::new(Capacity { orders: 4 });
    assert!(engine.list(BOOK, terms()));
    engine
}

#[test]
fn match_028_a_book_that_is_not_listed_takes_no_order() {
    let mut engine = opened();
    assert!(!engine.list(BOOK, terms()), "listed twice");
    assert!(!engine.list(InstrumentId(BOOKS_MAX), terms()), "beyond the last number");
    let mut events = Vec::new();
    for book in [2, BOOKS_MAX - 1, BOOKS_MAX, u64::MAX].map(InstrumentId) {
        engine.place(book, &limit(Side::Buy, 100, 1), &mut events);
        let reason = BookReject::UnknownBook;
        assert_eq!(events.pop(), Some(BookEvent::Rejected { book, id: None, reason }));
        assert!(events.is_empty() && engine.book(book).is_none());
    }
}

#[test]
fn match_101_a_delisted_book_ends_its_orders_and_can_be_listed_anew() {
    check(
        "
        sell 1 @ 101
        sell 1 @ 100
        buy  1 @ 98
        buy  1 @ 99
        buy  1 @ 90 stop=mark:105
        sell 1 @ 110 stop=mark:95
        2| buy 1 @ 50
        delist
        cancel #1
        mark 105
        buy  1 @ 100
        ",
        expect![[r#"
            #4 cancelled 1: expired
            #3 cancelled 1: expired
            #2 cancelled 1: expired
            #1 cancelled 1: expired
            #5 cancelled 1: expired
            #6 cancelled 1: expired
            #1 refused: unknown_order
            bid 100 #8x1
            2| bid 50 #7x1
        "#]],
    );
    check(
        "
        auction until=10
        buy  1 @ 100
        delist
        clock 10
        buy  1 @ 99
        clock 20
        ",
        expect![[r#"
            call auction until 10
            #1 cancelled 1: expired
            bid 99 #2x1
        "#]],
    );
}

#[test]
fn match_101_books_do_not_see_each_other() {
    check(
        "
        1| sell 1 @ 100
        2| sell 1 @ 99
        1| buy  2 @ 100
        2| mark 100
        1| buy  1 @ 90 stop=mark:100
        2| auction
        1| sell 1 @ 100
        ",
        expect![[r#"
            #3 takes 1 from #1 @ 100
            2| call auction
            #5 takes 1 from #3 @ 100
            waits #4x1
            2| ask 99 #2x1
        "#]],
    );
}

#[test]
fn match_015_ids_are_promised_grow_and_are_never_issued_again() {
    let (mut engine, mut events) = (opened(), Vec::new());
    let mut issued: Vec<OrderId> = Vec::new();
    for nth in 0..200_u64 {
        let promised = engine.next_id();
        let side = if nth % 3 == 0 { Side::Sell } else { Side::Buy };
        engine.place(BOOK, &limit(side, 100, 1 + nth % 2), &mut events);
        assert!(matches!(events[0], BookEvent::Accepted { id, .. } if id == promised));
        events.clear();
        assert!(issued.last().is_none_or(|last| *last < promised), "ids grow");
        issued.push(promised);
    }
    for id in issued {
        let lives = engine.order(id).is_some();
        engine.cancel(id, CancelReason::Requested, &mut events);
        engine.amend(id, &Amend::default(), &mut events);
        let refused = BookReject::UnknownOrder;
        assert_eq!(lives, matches!(events[0], BookEvent::Cancelled { .. }));
        assert!(matches!(events[1], BookEvent::Rejected { reason, .. } if reason == refused));
        events.clear();
    }
}

#[test]
fn match_015_numbers_that_were_never_issued_name_no_order() {
    let (mut engine, mut events) = (opened(), Vec::new());
    let id = engine.next_id();
    engine.place(BOOK, &limit(Side::Buy, 100, 1), &mut events);
    // The same place with another arrival number, another place with the same number, and the ends of the range.
    for wrong in [id.0 + (1 << 24), id.0 - (1 << 24), id.0 + 1, id.0 + 9, 0, 1, u64::MAX] {
        events.clear();
        engine.cancel(OrderId(wrong), CancelReason::Requested, &mut events);
        assert!(matches!(events[..], [BookEvent::Rejected { .. }]), "{wrong}");
        assert_eq!(engine.order(OrderId(wrong)), None);
    }
    assert!(engine.order(id).is_some());
}

#[test]
fn match_042_arrival_numbers_count_acceptances_and_later_arrivals_at_the_back_of_a_level() {
    let (mut engine, mut events) = (opened(), Vec::new());
    let next = |engine: &Engine| engine.next_id().0 >> 24;
    assert_eq!(next(&engine), 1);
    engine.place(BOOK, &limit(Side::Buy, 100, 0), &mut events);
    assert_eq!(next(&engine), 1, "refused");
    let first = engine.next_id();
    engine.place(BOOK, &limit(Side::Sell, 100, 5), &mut events);
    let iceberg = NewOrder { display: Some(Qty::from_lots(1)), ..limit(Side::Sell, 100, 3) };
    engine.place(BOOK, &iceberg, &mut events);
    assert_eq!(next(&engine), 3, "two accepted");
    let total = |lots| Amend { total: Some(Qty::from_lots(lots)), ..Amend::default() };
    engine.amend(first, &total(4), &mut events);
    assert_eq!(next(&engine), 3, "kept its place");
    engine.amend(first, &total(5), &mut events);
    assert_eq!(next(&engine), 4, "went to the back");
    engine.place(BOOK, &limit(Side::Buy, 100, 1), &mut events);
    assert_eq!(next(&engine), 6, "one accepted, and the iceberg went to the back");
    let second = engine.next_id();
    engine.place(BOOK, &limit(Side::Buy, 90, 1), &mut events);
    engine.amend(second, &Amend { price: Some(Price::from_ticks(100)), ..total(1) }, &mut events);
    assert_eq!(next(&engine), 7, "accepted; the amend traded whole and never rested");
}

#[test]
fn match_031_an_account_beyond_32_bits_is_refused() {
    check(
        "
        account 4294967295: buy 1 @ 100
        account 4294967296: buy 1 @ 100
        account 18446744073709551615: buy 1 @ 100
        ",
        expect![[r#"
            #2 refused: account_out_of_range
            #3 refused: account_out_of_range
            bid 100 #1x1
        "#]],
    );
}

#[test]
fn match_039_the_last_slot_is_the_last() {
    const SLOTS: u64 = 1 << 24;
    let (mut engine, mut events) = (opened(), Vec::new());
    let mut accepted = 0_u64;
    let order = limit(Side::Buy, 100, 1);
    let reason = loop {
        events.clear();
        engine.place(BOOK, &order, &mut events);
        match events[..] {
            [BookEvent::Accepted { .. }] => accepted += 1,
            [BookEvent::Rejected { reason, .. }] => break reason,
            _ => panic!("{events:?}"),
        }
    };
    assert_eq!(reason, BookReject::BookFull);
    assert!(SLOTS - 8 < accepted && accepted < SLOTS, "{accepted} orders beside one level");
    let id = engine.book(BOOK).unwrap().orders().next().unwrap().id;
    engine.cancel(id, CancelReason::Requested, &mut events);
    engine.place(BOOK, &order, &mut events);
    assert!(matches!(events.last(), Some(BookEvent::Accepted { .. })), "there is room again");
}
