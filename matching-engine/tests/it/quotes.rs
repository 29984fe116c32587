//! Mass quotes, rule by rule.

use expect_test::expect;
use instruments::{AccountId, InstrumentId, NanosSpan, Price, Qty};
use matching_engine::{
    BookEvent, BookReject, BookTerms, Capacity, Engine, GROUP_BOOKS_MAX, Limits, QUOTES_MAX, Quote,
};

use crate::quote_script::check;

const LOOSE: Limits = Limits {
    window: NanosSpan::new(1),
    frozen_for: None,
    qty_max: 0,
    delta_max: 0,
    vega_max: 0,
    trades_max: 0,
};

/// An engine with the books 1 to `books`.
fn engine_of(books: u64) -> Engine {
    let mut engine = Engine::new(Capacity { orders: 0 });
    for book in 1..=books {
        let terms = BookTerms { window: 64, ..BookTerms::continuous(Price::from_ticks(0)) };
        assert!(engine.list(InstrumentId(book), terms));
    }
    engine
}

fn bid(book: u64) -> Quote {
    let bid = Some((Price::from_ticks(99), Qty::from_lots(1)));
    Quote { book: InstrumentId(book), bid, ask: None }
}

#[test]
fn match_040_a_group_that_was_not_set_up_or_was_tripped_is_refused_side_by_side() {
    check(
        "
        a.7 quote 1 5@99 5@101, 2 - 5@101, 9 5@99 -
        a.7 protect trades=1 frozen=10
        a.7 quote 1 5@99 5@101
        b buy 1@101 in 1
        at 9
        a.7 quote 1 5@99 0@101, 1 5@105 5@101
        at 10
        a.7 quote 1 5@99 5@101
        ",
        expect![[r#"
            1 refused: group_frozen
            1 refused: group_frozen
            2 refused: group_frozen
            9 refused: group_frozen
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            1 #3 accepted @ 101
            1 #3 takes 1 from #2 @ 101
            a.7 tripped until 10
            1 #1 loses 5: mmp
            1 #2 loses 4: mmp
            1 refused: group_frozen
            1 refused: group_frozen
            1 refused: group_frozen
            1 #4 accepted @ 99
            1 #5 accepted @ 101
        "#]],
    );
}

#[test]
fn match_041_a_quote_that_crosses_itself_loses_both_sides() {
    check(
        "
        a.1 protect
        a.1 quote 1 5@99 5@101
        a.1 quote 1 5@100 5@100, 2 5@99 5@98
        a.1 quote 1 5@99 -
        a.1 quote 1 5@102 5@101
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            1 #1 refused: quote_crossed
            1 #1 loses 5: quote
            1 #2 refused: quote_crossed
            1 #2 loses 5: quote
            2 refused: quote_crossed
            2 refused: quote_crossed
            1 #3 accepted @ 99
            1 #3 refused: quote_crossed
            1 #3 loses 5: quote
            1 refused: quote_crossed
        "#]],
    );
}

#[test]
fn match_060_a_message_of_too_many_quotes_is_refused_whole() {
    let mut engine = engine_of(1);
    let (account, mut out) = (AccountId(1), Vec::new());
    assert!(engine.set_protection(account, 1, LOOSE));
    engine.mass_quote(account, 1, &vec![bid(1); QUOTES_MAX + 1], &mut out);
    let reason = BookReject::TooManyQuotes;
    assert_eq!(out, [BookEvent::Rejected { book: InstrumentId(0), id: None, reason }]);
    assert_eq!(engine.quotes(account, 1).count(), 0);
    engine.mass_quote(account, 1, &vec![bid(1); QUOTES_MAX], &mut out);
    assert_eq!(out.len(), 1 + QUOTES_MAX);
}

#[test]
fn match_061_a_group_that_is_full_takes_a_new_book_only_for_one_where_nothing_rests() {
    let (full, account) = (u64::try_from(GROUP_BOOKS_MAX).unwrap(), AccountId(1));
    let mut engine = engine_of(full + 1);
    let mut out = Vec::new();
    assert!(engine.set_protection(account, 1, LOOSE));
    for book in 1..=full {
        engine.mass_quote(account, 1, &[bid(book)], &mut out);
    }
    out.clear();
    engine.mass_quote(account, 1, &[bid(full + 1), bid(1)], &mut out);
    let (book, reason) = (InstrumentId(full + 1), BookReject::GroupFull);
    assert_eq!(out.first(), Some(&BookEvent::Rejected { book, id: None, reason }));
    assert!(matches!(out.last(), Some(BookEvent::Amended { .. })));

    let (_, id, _) = engine.quotes(account, 1).nth(7).unwrap();
    engine.cancel(id.unwrap(), matching_engine::CancelReason::Requested, &mut out);
    engine.mass_quote(account, 1, &[bid(full + 1)], &mut out);
    assert!(matches!(out.last(), Some(BookEvent::Accepted { .. })));
    assert_eq!(engine.quotes(account, 1).count(), GROUP_BOOKS_MAX);
}

#[test]
fn match_062_each_side_of_each_book_is_set_by_itself_in_the_order_of_the_message() {
    check(
        "
        a.1 protect
        b buy 5@100 in 1
        a.1 quote 2 1@90 1@95, 1 5@99 5@100, 2 - 2@97
        a.2 protect
        a.2 quote 2 1@90 -
        ",
        expect![[r#"
            1 #1 accepted @ 100
            2 #2 accepted @ 90
            2 #3 accepted @ 95
            1 #4 accepted @ 99
            1 refused: post_only_would_cross
            2 #2 loses 1: user
            2 #3 amended to 2 @ 97
            2 #5 accepted @ 90
        "#]],
    );
}

#[test]
fn match_062_a_quote_is_post_only_and_bound_by_bands_and_auctions_like_any_order() {
    check(
        "
        a.1 protect
        b sell 5@101 in 1
        band 1 90 110
        a.1 quote 1 5@101 5@102
        a.1 quote 1 5@111 5@112
        a.1 quote 1 - 5@89
        a.1 quote 2 5@99 5@101
        auction 2
        a.1 quote 2 5@98 -
        a.1 quote 2 5@98 5@101
        ",
        expect![[r#"
            1 #1 accepted @ 101
            1 refused: post_only_would_cross
            1 #2 accepted @ 102
            1 #2 amended to 5 @ 112
            1 refused: above_band
            1 #2 refused: below_band
            1 #2 loses 5: quote
            2 #3 accepted @ 99
            2 #4 accepted @ 101
            2 auction
            2 #3 amended to 5 @ 98
            2 #4 loses 5: user
            2 #3 amended to 5 @ 98
            2 refused: not_in_auction
        "#]],
    );
}

#[test]
fn match_063_upwards_the_ask_is_set_first_and_else_the_bid() {
    check(
        "
        a.1 protect
        a.1 quote 1 5@99 5@101
        a.1 quote 1 5@101 5@103
        a.1 quote 1 5@102 5@104
        a.1 quote 1 5@100 5@102
        a.1 quote 1 5@99 5@103
        a.1 quote 1 5@103 -
        a.1 quote 1 - 5@103
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            1 #2 amended to 5 @ 103
            1 #1 amended to 5 @ 101
            1 #2 amended to 5 @ 104
            1 #1 amended to 5 @ 102
            1 #1 amended to 5 @ 100
            1 #2 amended to 5 @ 102
            1 #1 amended to 5 @ 99
            1 #2 amended to 5 @ 103
            1 #2 loses 5: user
            1 #1 amended to 5 @ 103
            1 #1 loses 5: user
            1 #3 accepted @ 103
        "#]],
    );
}

#[test]
fn match_064_a_quote_keeps_its_place_iff_its_price_stays_and_it_does_not_grow() {
    check(
        "
        a.1 protect
        a.1 quote 1 5@99 5@101
        b buy 5@99 in 1
        c sell 5@101 in 1
        d sell 1@99 in 1
        a.1 quote 1 3@99 6@101
        d sell 4@99 in 1
        d buy 6@101 in 1
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            1 #3 accepted @ 99
            1 #4 accepted @ 101
            1 #5 accepted @ 99
            1 #5 takes 1 from #1 @ 99
            1 #1 amended to 4 @ 99
            1 #2 amended to 6 @ 101
            1 #6 accepted @ 99
            1 #6 takes 3 from #1 @ 99
            1 #6 takes 1 from #3 @ 99
            1 #7 accepted @ 101
            1 #7 takes 5 from #4 @ 101
            1 #7 takes 1 from #2 @ 101
        "#]],
    );
}

#[test]
fn match_065_a_refused_side_leaves_nothing_and_a_side_not_named_is_cancelled() {
    check(
        "
        a.1 protect
        a.1 quote 1 5@99 5@101
        b sell 5@100 in 1
        a.1 quote 1 5@100 5@102
        a.1 quote 1 18446744073709551615@99 5@102
        d sell 1@99 in 1
        a.1 quote 1 18446744073709551615@99 0@102
        a.1 quote 1 - -
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            1 #3 accepted @ 100
            1 #2 amended to 5 @ 102
            1 #1 refused: post_only_would_cross
            1 #1 loses 5: quote
            1 #4 accepted @ 99
            1 #2 amended to 5 @ 102
            1 #5 accepted @ 99
            1 #5 takes 1 from #4 @ 99
            1 #4 refused: qty_out_of_range
            1 #4 loses 18446744073709551614: quote
            1 #2 loses 5: user
        "#]],
    );
}

#[test]
fn match_075_a_group_has_no_quote_that_was_filled_or_cancelled_otherwise() {
    check(
        "
        a.1 protect
        a.1 quote 1 5@99 5@101, 2 5@99 5@101
        b buy 5@101 in 1
        cancel #1
        delist 2
        a.1 quote 1 - 5@101
        a.1 quote 1 5@99 4@101
        a.1 pull
        a.1 pull
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            2 #3 accepted @ 99
            2 #4 accepted @ 101
            1 #5 accepted @ 101
            1 #5 takes 5 from #2 @ 101
            1 #1 loses 5: user
            2 #3 loses 5: expired
            2 #4 loses 5: expired
            1 #6 accepted @ 101
            1 #7 accepted @ 99
            1 #6 amended to 4 @ 101
            1 #7 loses 5: user
            1 #6 loses 4: user
        "#]],
    );
}

#[test]
fn match_073_quotes_are_pulled_by_group_then_book_the_bid_before_the_ask() {
    check(
        "
        a.2 protect
        a.1 protect
        b.1 protect
        a.2 quote 2 1@90 1@110, 1 1@90 1@110
        a.1 quote 1 - 1@109
        b.1 quote 1 1@80 1@120
        a buy 1@70 in 1
        a pull
        a pull
        b.2 pull
        b.1 pull
        ",
        expect![[r#"
            2 #1 accepted @ 90
            2 #2 accepted @ 110
            1 #3 accepted @ 90
            1 #4 accepted @ 110
            1 #5 accepted @ 109
            1 #6 accepted @ 80
            1 #7 accepted @ 120
            1 #8 accepted @ 70
            1 #5 loses 1: user
            1 #3 loses 1: user
            1 #4 loses 1: user
            2 #1 loses 1: user
            2 #2 loses 1: user
            1 #6 loses 1: user
            1 #7 loses 1: user
        "#]],
    );
}

#[test]
fn match_074_of_two_refusals_the_first_in_the_list_is_given() {
    let mut engine = engine_of(1);
    let (account, mut out) = (AccountId(1), Vec::new());
    let mut refused = |engine: &mut Engine, quotes: &[Quote]| {
        out.clear();
        engine.mass_quote(account, 1, quotes, &mut out);
        match out.first() {
            Some(BookEvent::Rejected { reason, .. }) => *reason,
            other => panic!("{other:?}"),
        }
    };
    let crossed = |book| Quote { ask: bid(book).bid, ..bid(book) };
    assert_eq!(refused(&mut engine, &vec![bid(9); QUOTES_MAX + 1]), BookReject::TooManyQuotes);
    assert_eq!(refused(&mut engine, &[crossed(9)]), BookReject::GroupFrozen);
    assert!(engine.set_protection(account, 1, LOOSE));
    assert_eq!(refused(&mut engine, &[crossed(9)]), BookReject::UnknownBook);
    assert_eq!(refused(&mut engine, &[crossed(1)]), BookReject::QuoteCrossed);
}
