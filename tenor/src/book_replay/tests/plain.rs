//! Orders, amends, cancels and auctions of the plainest kind.

use expect_test::expect;

use super::check;
use crate::book_replay::{ReplayError, run};

#[test]
fn orders_trade_and_the_last_line_is_the_book() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"101.5","qty":2,"tif":"GTC","post_only":false,"reduce_only":false,"display":null,"stp":"cancel_newest"}}
{"place":{"id":2,"account":"b","side":"buy","type":"limit","price":"101.500","qty":3}}
{"place":{"id":3,"account":"b","side":"buy","price":100,"qty":1}}
{"place":{"id":4,"account":"c","side":"sell","type":"limit","price":"100","qty":3,"tif":"IOC"}}
{"place":{"id":5,"account":"c","side":"sell","type":"limit","price":"101.5","qty":3,"post_only":true}}
{"place":{"id":6,"account":"c","side":"sell","type":"limit","price":"102.001","qty":3,"post_only":true}}
{"place":{"id":7,"account":"c","side":"sell","type":"market","qty":9}}
{"place":{"id":8,"account":"a","side":"sell","type":"limit","price":"0.001","qty":4,"tif":"FOK"}}
{"place":{"id":9,"account":"a","side":"buy","type":"limit","price":"99.990","qty":4}}
{"cancel":{"id":2}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"trade":{"maker":1,"taker":4,"price":"101.5","qty":2}}
            {"trade":{"maker":2,"taker":4,"price":"101.5","qty":1}}
            {"rejected":{"id":5,"reason":"post_only_would_cross"}}
            {"accepted":{"id":6}}
            {"accepted":{"id":7}}
            {"trade":{"maker":2,"taker":7,"price":"101.5","qty":2}}
            {"trade":{"maker":3,"taker":7,"price":"100","qty":1}}
            {"cancelled":{"id":7,"qty":6,"reason":"market"}}
            {"accepted":{"id":8}}
            {"cancelled":{"id":8,"qty":4,"reason":"fok"}}
            {"accepted":{"id":9}}
            {"rejected":{"id":2,"reason":"unknown_order"}}
            {"book":{"bids":[["99.99",4]],"asks":[["102.001",3]]}}
        "#]],
    );
}

#[test]
fn an_amend_names_the_new_total_and_may_trade() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"101","qty":5}}
{"place":{"id":2,"account":"b","side":"sell","type":"limit","price":"101","qty":2}}
{"amend":{"id":1,"qty":4}}
{"place":{"id":3,"account":"b","side":"sell","type":"limit","price":"102","qty":1}}
{"amend":{"id":1,"price":"102.0","qty":5}}
{"amend":{"id":1,"price":"101.0005"}}
{"amend":{"id":1,"price":"90","qty":-1}}
{"amend":{"id":1,"qty":3}}
{"amend":{"id":1,"qty":9}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"trade":{"maker":1,"taker":2,"price":"101","qty":2}}
            {"amended":{"id":1,"price":"101","qty":4}}
            {"accepted":{"id":3}}
            {"amended":{"id":1,"price":"102","qty":5}}
            {"trade":{"maker":3,"taker":1,"price":"102","qty":1}}
            {"rejected":{"id":1,"reason":"off_tick"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"cancelled":{"id":1,"qty":2,"reason":"amended"}}
            {"rejected":{"id":1,"reason":"unknown_order"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn every_self_trade_mode_says_what_is_gone() {
    for mode in ["none", "cancel_newest", "cancel_oldest", "cancel_both"] {
        let input = format!(
            r#"{{"place":{{"id":1,"account":"a","side":"sell","type":"limit","price":"100","qty":2}}}}
{{"place":{{"id":2,"account":"a","side":"buy","type":"limit","price":"100","qty":3,"stp":"{mode}"}}}}"#
        );
        let mut output = Vec::new();
        run(input.as_bytes(), &mut output, false).unwrap();
        let text = String::from_utf8(output).unwrap();
        let end: Vec<&str> = text.lines().skip(2).collect();
        let expected = match mode {
            "none" => expect![[r#"
                {"trade":{"maker":1,"taker":2,"price":"100","qty":2}}
                {"book":{"bids":[["100",1]],"asks":[]}}"#]],
            "cancel_newest" => expect![[r#"
                {"cancelled":{"id":2,"qty":3,"reason":"self_trade"}}
                {"book":{"bids":[],"asks":[["100",2]]}}"#]],
            "cancel_oldest" => expect![[r#"
                {"cancelled":{"id":1,"qty":2,"reason":"self_trade"}}
                {"book":{"bids":[["100",3]],"asks":[]}}"#]],
            _ => expect![[r#"
                {"cancelled":{"id":1,"qty":2,"reason":"self_trade"}}
                {"cancelled":{"id":2,"qty":3,"reason":"self_trade"}}
                {"book":{"bids":[],"asks":[]}}"#]],
        };
        expected.assert_eq(&end.join("\n"));
    }
}

#[test]
fn a_decrement_that_leaves_something_is_an_amend() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","type":"limit","price":"100","qty":5}}
{"place":{"id":2,"account":"a","side":"buy","type":"limit","price":"100","qty":2,"stp":"decrement"}}
{"place":{"id":3,"account":"a","side":"buy","type":"market","qty":4,"stp":"decrement"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"amended":{"id":1,"price":"100","qty":3}}
            {"cancelled":{"id":2,"qty":2,"reason":"self_trade"}}
            {"accepted":{"id":3}}
            {"cancelled":{"id":1,"qty":3,"reason":"self_trade"}}
            {"amended":{"id":3,"qty":1}}
            {"cancelled":{"id":3,"qty":1,"reason":"market"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn an_auction_collects_and_uncrosses() {
    check(
        r#"
{"book":{"tick":"0.5","allocation":"fifo"}}
{"auction":{"phase":"open"}}
{"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"105","qty":10}}
{"place":{"id":2,"account":"b","side":"sell","type":"limit","price":"95","qty":10}}
{"place":{"id":3,"account":"b","side":"sell","type":"market","qty":10}}
{"auction":{"phase":"uncross","reference":"100.5"}}
{"place":{"id":4,"account":"b","side":"sell","type":"limit","price":"95.5","qty":1}}
{"place":{"id":5,"account":"a","side":"buy","type":"limit","price":"95.50","qty":2}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"not_in_auction"}}
            {"trade":{"maker":1,"taker":2,"price":"100.5","qty":10}}
            {"accepted":{"id":4}}
            {"accepted":{"id":5}}
            {"trade":{"maker":4,"taker":5,"price":"95.5","qty":1}}
            {"book":{"bids":[["95.5",1]],"asks":[]}}
        "#]],
    );
}

#[test]
fn prices_at_the_ends_of_the_range_are_exact() {
    check(
        r#"
{"book":{"tick":"0.000000000999999999"}}
{"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"-9223372027.631403771145224192","qty":2}}
{"place":{"id":2,"account":"a","side":"sell","type":"limit","price":"9223372027.631403770145224193","qty":2}}
{"place":{"id":3,"account":"a","side":"sell","type":"limit","price":"9223372027.631403771145224192","qty":2}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"price_out_of_range"}}
            {"book":{"bids":[["-9223372027.631403771145224192",2]],"asks":[["9223372027.631403770145224193",2]]}}
        "#]],
    );
}

#[test]
fn input_that_is_not_text_is_an_error_and_what_happened_before_is_written() {
    let mut output = Vec::new();
    let error = run(&b"{\"cancel\":{\"id\":1}}\n\xff\n"[..], &mut output, false).unwrap_err();
    assert!(matches!(error, ReplayError::Read { line: 2, .. }));
    assert_eq!(output, b"{\"rejected\":{\"id\":1,\"reason\":\"unknown_order\"}}\n");
}
