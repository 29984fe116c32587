//! A book and its bytes.

use expect_test::expect;
use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{Book, NewOrder, OrderKind, StpMode, TimeInForce};

use crate::script::check;

#[test]
fn match_025_a_book_goes_on_from_its_snapshot_as_if_nothing_had_happened() {
    check(
        "
        sell 2 @ 101
        sell 3 @ 100 post
        sell 1 @ 100
        snapshot
        buy  1 @ 100
        amend #2 5 @ 100
        auction
        snapshot
        buy  9 @ 101
        uncross 100
        snapshot
        sell 1 @ 101
        ",
        expect![[r#"
            #4 takes 1 from #2 @ 100
            #2 amended to 5 @ 100
            #5 takes 1 from #3 @ 101
            #5 takes 4 from #2 @ 101
            #5 takes 2 from #1 @ 101
            #6 takes 1 from #5 @ 101
            bid 101 #5x1
        "#]],
    );
}

fn crossed_auction() -> Book {
    let mut book = Book::new();
    book.open_auction();
    for (id, side, ticks) in [(1, Side::Buy, 100), (2, Side::Buy, 101), (3, Side::Sell, 99)] {
        let order = NewOrder {
            id: OrderId(id),
            account: AccountId(id),
            side,
            kind: OrderKind::Limit(Price::from_ticks(ticks)),
            qty: Qty::from_lots(u64::MAX / 2),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            stp: StpMode::Decrement,
        };
        book.place(order, &mut Vec::new());
    }
    book
}

/// MATCH-025: whatever the bytes are, they are a sound book or an error.
#[test]
fn a_damaged_snapshot_is_an_error_or_a_sound_book() {
    let bytes = borsh::to_vec(&crossed_auction()).unwrap();
    assert_eq!(borsh::from_slice::<Book>(&bytes).unwrap(), crossed_auction());
    let mut refused = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            match borsh::from_slice::<Book>(&damaged) {
                Ok(book) => assert_eq!(borsh::to_vec(&book).unwrap(), damaged),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(100 < refused, "{refused} of {} were refused", 3 * bytes.len());
    // The first byte is the phase: the same orders outside an auction are crossed.
    let mut continuous = bytes.clone();
    continuous[0] = 0;
    let error = borsh::from_slice::<Book>(&continuous).unwrap_err();
    assert_eq!(error.to_string(), "damaged book snapshot: crossed outside an auction");
}
