//! How auctions open and end by themselves: timers, extensions, batches.

use std::collections::BTreeSet;

use expect_test::expect;
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::{
    AuctionKind, BookEvent, BookTerms, Breaker, Call, Capacity, Engine, NewOrder, Phase,
};

use crate::script::check;

const BOOK: InstrumentId = InstrumentId(1);

const fn seconds(seconds: u64) -> NanosSpan {
    NanosSpan::from_seconds(seconds)
}

#[test]
fn match_093_an_auction_ends_at_its_instant_with_the_last_price_as_reference() {
    check(
        "
        sell 1 @ 103
        buy  1 @ 103
        auction opening until=20
        buy  1 @ 105
        sell 1 @ 95
        clock 19
        clock 20
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 103
            opening auction until 20
            #4 takes 1 from #3 @ 103
            auction over: 1 @ 103
        "#]],
    );
}

#[test]
fn match_093_before_there_is_a_trade_the_reference_is_that_of_the_terms() {
    check(
        "
        terms reference=97
        auction opening until=20
        buy  1 @ 105
        sell 1 @ 95
        clock 25
        ",
        expect![[r#"
            opening auction until 20
            #2 takes 1 from #1 @ 97
            auction over: 1 @ 97
        "#]],
    );
}

#[test]
fn match_093_an_auction_with_an_instant_can_be_ended_before() {
    check(
        "
        auction restart until=20
        buy  1 @ 105
        sell 1 @ 95
        uncross 101
        clock 20
        ",
        expect![[r#"
            restart auction until 20
            #2 takes 1 from #1 @ 101
            auction over: 1 @ 101
        "#]],
    );
}

#[test]
fn match_094_an_auction_whose_price_would_trip_the_breaker_is_extended() {
    check(
        "
        terms width=5 window=60 length=10 extensions=2
        sell 1 @ 106
        buy  1 @ 106
        clock 10
        clock 39
        clock 40
        clock 130
        sell 1 @ 111
        buy  1 @ 111
        ",
        expect![[r#"
            volatility auction until 10
            auction extended until 40
            auction extended until 130
            #2 takes 1 from #1 @ 106
            auction over: 1 @ 106
            #4 takes 1 from #3 @ 111
        "#]],
    );
}

#[test]
fn match_094_an_auction_within_the_limits_is_not_extended() {
    check(
        "
        terms width=5 window=60 length=10 extensions=2
        sell 1 @ 106
        buy  1 @ 106
        sell 1 @ 104
        cancel #1
        clock 10
        ",
        expect![[r#"
            volatility auction until 10
            #1 cancelled 1: user
            #3 takes 1 from #2 @ 104
            auction over: 1 @ 104
        "#]],
    );
}

#[test]
fn match_094_an_auction_that_was_asked_for_is_not_extended() {
    check(
        "
        terms width=5 window=60 length=10 extensions=2
        auction call until=10
        sell 1 @ 106
        buy  1 @ 106
        clock 10
        ",
        expect![[r#"
            call auction until 10
            #2 takes 1 from #1 @ 106
            auction over: 1 @ 106
        "#]],
    );
}

#[test]
fn match_095_an_opening_cancels_and_an_end_trades_refreshes_reports_cancels_and_fires() {
    check(
        "
        sell 1 @ 120 gfn
        auction
        auction
        sell 5 @ 100 display=2
        buy  2 @ 100
        buy  1 @ 90 gfa
        sell 1 @ 130 take=100
        uncross 100
        uncross 100
        ",
        expect![[r#"
            call auction
            #1 cancelled 1: auction
            #3 takes 2 from #2 @ 100
            #2 shows 2
            auction over: 2 @ 100
            #4 cancelled 1: auction_over
            #5 triggered
            ask 130 #5x1
            ask 100 #2x2+1
        "#]],
    );
}

#[test]
fn match_096_a_batch_book_trades_at_each_multiple_and_stays_in_its_auction() {
    check(
        "
        terms batch=10
        buy  2 @ 101
        sell 1 @ 99
        sell 1 @ 105 gfa
        clock 9
        clock 10
        sell 1 @ 100
        clock 35
        buy  1 @ 100
        clock 39
        clock 40
        ",
        expect![[r#"
            #2 takes 1 from #1 @ 101
            auction over: 1 @ 101
            #3 cancelled 1: auction_over
            #4 takes 1 from #1 @ 101
            auction over: 1 @ 101
            auction over: nothing
            bid 100 #5x1
        "#]],
    );
}

#[test]
fn match_096_a_batch_book_takes_no_order_that_asks_about_its_arrival() {
    check(
        "
        terms batch=10
        buy  1 @ 100 ioc
        buy  1 market
        buy  1 @ 100 post
        buy  1 @ 100 gfn
        buy  1 @ 100 stop=105
        auction
        uncross 100
        ",
        expect![[r#"
            #1 refused: not_in_auction
            #2 refused: not_in_auction
            #3 refused: not_in_auction
            #4 refused: not_in_auction
            #5 refused: not_in_auction
            auction over: nothing
        "#]],
    );
}

#[test]
fn match_093_the_random_end_is_drawn_once_within_its_bounds() {
    let mut extras = BTreeSet::new();
    for story in 0..40 {
        let (mut engine, mut events) = (Engine::new(Capacity { orders: 4 }), Vec::new());
        let call = Call { length: seconds(20), random: seconds(10) };
        let breaker = Breaker { width: 50, window: seconds(60), call, extensions: 0 };
        let terms = BookTerms::continuous(Price::from_ticks(100));
        engine.list(BOOK, BookTerms { breaker: Some(breaker), ..terms });
        // Another story, another end.
        let (price, qty) = (Price::from_ticks(story), Qty::from_lots(1));
        let order = NewOrder::limit(AccountId(1), Side::Buy, price, qty);
        engine.place(BOOK, &order, &mut events);
        let until = Nanos::from_seconds(20);
        engine.open_auction(BOOK, AuctionKind::Call, Some(until), &mut events);
        let ends_at = |engine: &Engine| match engine.book(BOOK).unwrap().phase() {
            Phase::Continuous => None,
            Phase::Auction(auction) => auction.ends_at,
        };
        engine.advance(Nanos::from_seconds(19), &mut events);
        assert_eq!(ends_at(&engine), None, "not drawn before its time");
        engine.advance(until, &mut events);
        let drawn = ends_at(&engine).unwrap();
        assert!(until <= drawn && drawn <= until + seconds(10));
        engine.advance(Nanos::new(drawn.nanos() - 1), &mut events);
        assert_eq!(ends_at(&engine), Some(drawn), "drawn once");
        events.clear();
        engine.advance(drawn, &mut events);
        assert!(matches!(events[..], [BookEvent::AuctionEnded { .. }]));
        extras.insert(drawn);
    }
    assert!(30 < extras.len(), "{} different ends of 40", extras.len());
}
