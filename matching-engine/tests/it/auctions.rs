//! Call auctions: collecting, the one price, and who trades at it.

use expect_test::expect;
use instruments::{AccountId, InstrumentId, Price, Qty, Side};
use matching_engine::{
    AuctionKind, BookEvent, BookTerms, Capacity, Cross, CrossRule, Engine, NewOrder, Phase,
};

use crate::script::check;

const BOOK: InstrumentId = InstrumentId(1);

struct Case {
    bids: &'static [(i64, u64)],
    asks: &'static [(i64, u64)],
    reference: i64,
    /// Price, volume, imbalance, rule.
    result: Option<(i64, u64, i128, CrossRule)>,
}

/// Retyped from the project's vector file `auction_uncross.json`, which was computed by brute force over every tick.
const CASES: [Case; 8] = [
    Case {
        bids: &[(102, 10), (101, 5), (100, 5)],
        asks: &[(99, 8), (100, 4), (101, 6)],
        reference: 100,
        result: Some((101, 15, -3, CrossRule::Unique)),
    },
    Case {
        bids: &[(105, 10)],
        asks: &[(95, 10)],
        reference: 100,
        result: Some((100, 10, 0, CrossRule::Reference)),
    },
    Case {
        bids: &[(105, 10)],
        asks: &[(95, 10)],
        reference: 97,
        result: Some((97, 10, 0, CrossRule::Reference)),
    },
    Case {
        bids: &[(105, 20)],
        asks: &[(95, 10)],
        reference: 100,
        result: Some((105, 10, 10, CrossRule::BuyPressure)),
    },
    Case {
        bids: &[(105, 10)],
        asks: &[(95, 20)],
        reference: 100,
        result: Some((95, 10, -10, CrossRule::SellPressure)),
    },
    Case { bids: &[(99, 10)], asks: &[(101, 10)], reference: 100, result: None },
    Case {
        bids: &[(97, 13), (105, 2), (96, 18)],
        asks: &[(99, 19)],
        reference: 97,
        result: Some((99, 2, -17, CrossRule::SellPressure)),
    },
    Case {
        bids: &[(98, 2), (96, 14), (101, 3), (98, 3), (103, 14)],
        asks: &[(103, 4)],
        reference: 98,
        result: Some((103, 4, 10, CrossRule::Unique)),
    },
];

fn collect(bids: &[(i64, u64)], asks: &[(i64, u64)]) -> Engine {
    let mut engine = Engine::new(Capacity { orders: 16 });
    assert!(engine.list(BOOK, BookTerms::continuous(Price::from_ticks(100))));
    let mut events = Vec::new();
    engine.open_auction(BOOK, AuctionKind::Call, None, &mut events);
    events.clear();
    let bids = bids.iter().map(|order| (Side::Buy, order));
    let orders = bids.chain(asks.iter().map(|order| (Side::Sell, order)));
    for (account, (side, &(ticks, lots))) in (1..).zip(orders) {
        let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(lots));
        let order = NewOrder::limit(AccountId(account), side, price, qty);
        engine.place(BOOK, &order, &mut events);
    }
    assert!(events.iter().all(|event| matches!(event, BookEvent::Accepted { .. })));
    engine
}

#[test]
fn match_022_the_price_is_that_of_the_published_cases() {
    for (number, case) in CASES.iter().enumerate() {
        let mut engine = collect(case.bids, case.asks);
        let reference = Price::from_ticks(case.reference);
        let expected = case.result.map(|(ticks, lots, imbalance, rule)| Cross {
            price: Price::from_ticks(ticks),
            volume: Qty::from_lots(lots),
            imbalance,
            rule,
        });
        assert_eq!(engine.indicative(BOOK, reference), expected, "case {number}");

        let mut events = Vec::new();
        engine.uncross(BOOK, reference, &mut events);
        let ended = BookEvent::AuctionEnded {
            book: BOOK,
            price: expected.map(|cross| cross.price),
            volume: expected.map(|cross| cross.volume).unwrap_or_default(),
        };
        assert_eq!(events.pop(), Some(ended), "case {number}");
        let mut volume = Qty::ZERO;
        for event in &events {
            let BookEvent::Traded(trade) = event else { panic!("{event:?}") };
            assert_eq!(Some(trade.price), expected.map(|cross| cross.price), "case {number}");
            volume += trade.qty;
        }
        assert_eq!(volume, expected.map(|cross| cross.volume).unwrap_or_default());
        let book = engine.book(BOOK).unwrap();
        assert!(!book.is_crossed() && book.phase() == Phase::Continuous, "case {number}");
    }
}

#[test]
fn match_022_the_reference_is_clamped_to_the_tied_prices_however_far_it_is() {
    let engine = collect(&[(105, 10)], &[(95, 10)]);
    for (reference, price) in [(i64::MIN, 95), (94, 95), (105, 105), (i64::MAX, 105)] {
        let cross = engine.indicative(BOOK, Price::from_ticks(reference)).unwrap();
        assert_eq!((cross.price.ticks(), cross.rule), (price, CrossRule::Reference));
    }
}

#[test]
fn match_022_pressure_from_both_sides_leaves_it_to_the_reference() {
    // 5 trade at every tick: at 98 and 99 buyers are 2 in excess, from 100 to 102 sellers are.
    let engine = collect(&[(102, 5), (99, 2)], &[(98, 5), (100, 2)]);
    for (reference, price, imbalance) in [(90, 98, 2), (99, 99, 2), (101, 101, -2), (110, 102, -2)]
    {
        let cross = engine.indicative(BOOK, Price::from_ticks(reference)).unwrap();
        let decided = (cross.price.ticks(), cross.imbalance, cross.rule);
        assert_eq!(decided, (price, imbalance, CrossRule::Reference), "reference {reference}");
    }
}

#[test]
fn match_022_prices_at_the_ends_of_the_range_cross() {
    let engine = collect(&[(i64::MAX, 3)], &[(i64::MIN, 3)]);
    let cross = engine.indicative(BOOK, Price::from_ticks(7)).unwrap();
    assert_eq!((cross.price.ticks(), cross.volume.lots()), (7, 3));
}

#[test]
fn match_021_an_auction_collects_orders_that_rest_and_refuses_the_others() {
    check(
        "
        buy  2 @ 99
        auction
        buy  5 @ 105
        sell 5 @ 95
        buy  1 @ 105 ioc
        buy  1 @ 105 fok
        buy  1 market
        buy  1 @ 90 post
        buy  1 @ 90 slide
        buy  1 @ 90 gfn
        ",
        expect![[r#"
            call auction
            #4 refused: not_in_auction
            #5 refused: not_in_auction
            #6 refused: not_in_auction
            #7 refused: not_in_auction
            #8 refused: not_in_auction
            #9 refused: not_in_auction
            ask 95 #3x5
            bid 105 #2x5
            bid 99 #1x2
        "#]],
    );
}

#[test]
fn match_023_an_auction_trades_at_one_price_in_price_time_priority_and_ends() {
    check(
        "
        auction
        buy  4 @ 101
        sell 3 @ 100
        buy  4 @ 102
        sell 3 @ 99
        buy  4 @ 101
        sell 1 @ 103
        uncross 100
        sell 1 @ 101
        ",
        expect![[r#"
            call auction
            #4 takes 3 from #3 @ 101
            #3 takes 1 from #2 @ 101
            #2 takes 2 from #1 @ 101
            auction over: 6 @ 101
            #7 takes 1 from #1 @ 101
            ask 103 #6x1
            bid 101 #1x1 #5x4
        "#]],
    );
}

#[test]
fn match_023_amends_and_cancels_in_an_auction_change_the_orders_without_a_trade() {
    check(
        "
        auction
        buy  4 @ 101
        sell 3 @ 103
        amend #2 @ 100
        amend #1 5 @ 104
        sell 3 @ 99
        cancel #3
        uncross 102
        ",
        expect![[r#"
            call auction
            #2 amended to 3 @ 100
            #1 amended to 5 @ 104
            #3 cancelled 3: user
            #1 takes 3 from #2 @ 104
            auction over: 3 @ 104
            bid 104 #1x2
        "#]],
    );
}

#[test]
fn match_024_self_trade_prevention_does_not_act_in_an_auction() {
    check(
        "
        auction
        ann: buy  2 @ 100 stp=both
        ann: sell 2 @ 100 stp=both
        uncross 100
        ",
        expect![[r#"
            call auction
            #2 takes 2 from #1 @ 100
            auction over: 2 @ 100
        "#]],
    );
}

#[test]
fn match_023_an_uncross_of_what_is_not_crossed_trades_nothing() {
    check(
        "
        uncross 100
        buy  1 @ 99
        uncross 100
        auction
        auction
        sell 1 @ 100
        uncross 100
        buy  1 @ 100
        ",
        expect![[r#"
            call auction
            auction over: nothing
            #3 takes 1 from #2 @ 100
            bid 99 #1x1
        "#]],
    );
}
