//! Allocation in proportion, against what CME published.

use expect_test::{Expect, expect};

use super::{check, check_all};

/// Rests orders of these sizes at one price, in time order, and takes `qty` from them.
#[track_caller]
fn check_allocation(terms: &str, resting: &[u32], qty: u32, expected: Expect) {
    let mut input = format!("{{\"book\":{{\"allocation\":\"pro_rata\"{terms}}}}}\n");
    for (size, id) in resting.iter().zip(1..) {
        input.push_str(&format!(
            "{{\"place\":{{\"id\":{id},\"account\":\"m{id}\",\"side\":\"sell\",\"price\":\"100\",\"qty\":{size}}}}}\n"
        ));
    }
    input.push_str(&format!(
        "{{\"place\":{{\"id\":99,\"account\":\"t\",\"side\":\"buy\",\"price\":\"100\",\"qty\":{qty}}}}}\n"
    ));
    let text = super::replay(&input, false);
    let lines = text.lines().skip(resting.len() + 1);
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

/// CME Globex notice 020705-1 (2005-02-07), Eurodollar with TOP: 10, 3, 6, 16, 25.
#[test]
fn the_top_order_fills_first_then_everybody_by_size() {
    check_allocation(
        r#","top":true"#,
        &[10, 5, 20, 50, 75],
        60,
        expect![[r#"
        {"trade":{"maker":1,"taker":99,"price":"100","qty":10}}
        {"trade":{"maker":2,"taker":99,"price":"100","qty":3}}
        {"trade":{"maker":3,"taker":99,"price":"100","qty":6}}
        {"trade":{"maker":4,"taker":99,"price":"100","qty":16}}
        {"trade":{"maker":5,"taker":99,"price":"100","qty":25}}
        {"book":{"bids":[],"asks":[["100",100]]}}"#]],
    );
}

/// CME client systems wiki, pro-rata example, minimum 2: 0, 0, 7, 0, 3, 37 by size, and the remaining 3 to the oldest.
#[test]
fn shares_below_the_minimum_go_to_the_oldest() {
    check_allocation(
        "",
        &[5, 9, 57, 4, 28, 300],
        50,
        expect![[r#"
        {"trade":{"maker":1,"taker":99,"price":"100","qty":3}}
        {"trade":{"maker":3,"taker":99,"price":"100","qty":7}}
        {"trade":{"maker":5,"taker":99,"price":"100","qty":3}}
        {"trade":{"maker":6,"taker":99,"price":"100","qty":37}}
        {"book":{"bids":[],"asks":[["100",353]]}}"#]],
    );
}

#[test]
fn without_a_minimum_every_share_counts_and_a_whole_level_is_fifo() {
    check_allocation(
        r#","pro_rata_min":0"#,
        &[5, 9, 57, 4, 28, 300],
        50,
        expect![[r#"
        {"trade":{"maker":1,"taker":99,"price":"100","qty":2}}
        {"trade":{"maker":2,"taker":99,"price":"100","qty":1}}
        {"trade":{"maker":3,"taker":99,"price":"100","qty":7}}
        {"trade":{"maker":5,"taker":99,"price":"100","qty":3}}
        {"trade":{"maker":6,"taker":99,"price":"100","qty":37}}
        {"book":{"bids":[],"asks":[["100",353]]}}"#]],
    );
    check_allocation(
        "",
        &[1, 2, 3],
        7,
        expect![[r#"
        {"trade":{"maker":1,"taker":99,"price":"100","qty":1}}
        {"trade":{"maker":2,"taker":99,"price":"100","qty":2}}
        {"trade":{"maker":3,"taker":99,"price":"100","qty":3}}
        {"book":{"bids":[["100",1]],"asks":[]}}"#]],
    );
}

#[test]
fn only_what_is_shown_counts() {
    check_all(
        r#"
{"book":{"allocation":"pro_rata"}}
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":90,"display":10}}
{"place":{"id":2,"account":"b","side":"sell","price":"100","qty":30}}
{"place":{"id":3,"account":"c","side":"buy","price":"100","qty":20}}
{"place":{"id":4,"account":"c","side":"buy","price":"100","qty":40}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"trade":{"maker":1,"taker":3,"price":"100","qty":5}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":15}}
            {"accepted":{"id":4}}
            {"trade":{"maker":1,"taker":4,"price":"100","qty":5}}
            {"refreshed":{"id":1,"shown":10}}
            {"trade":{"maker":2,"taker":4,"price":"100","qty":15}}
            {"trade":{"maker":1,"taker":4,"price":"100","qty":10}}
            {"refreshed":{"id":1,"shown":10}}
            {"trade":{"maker":1,"taker":4,"price":"100","qty":10}}
            {"refreshed":{"id":1,"shown":10}}
            {"book":{"bids":[],"asks":[["100",10]]}}
        "#]],
    );
}

#[test]
fn terms_of_an_allocation_that_the_book_does_not_have_are_refused() {
    for (terms, expected) in [
        (
            r#"{"pro_rata_min":2}"#,
            expect![[r#"
            error: line 1: book pro_rata_min: unsupported_field:pro_rata_min
        "#]],
        ),
        (
            r#"{"top":true}"#,
            expect![[r#"
            error: line 1: book top: unsupported_field:top
        "#]],
        ),
        (
            r#"{"allocation":"pro_rata","pro_rata_min":"two"}"#,
            expect![[r#"
            error: line 1: book pro_rata_min: invalid_field:pro_rata_min
        "#]],
        ),
        (
            r#"{"allocation":"lottery"}"#,
            expect![[r#"
            error: line 1: unsupported allocation `lottery`, expected `fifo` or `pro_rata`
        "#]],
        ),
    ] {
        check(&format!("{{\"book\":{terms}}}"), expected);
    }
}
