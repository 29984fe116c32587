//! Lines in, lines out.

use expect_test::{Expect, expect};

use super::{ReplayError, run};

#[track_caller]
fn check(input: &str, expected: Expect) {
    let mut output = Vec::new();
    let ended = run(input.as_bytes(), &mut output, false);
    let mut text = String::from_utf8(output).unwrap();
    if let Err(error) = ended {
        text.push_str(&format!("error: {error}\n"));
    }
    expected.assert_eq(&text);
}

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

/// A good order, each time with one thing changed.
fn check_changes(changes: &[(&str, &str)], expected: Expect) {
    let good = r#"{"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"101","qty":2,"tif":null,"post_only":null,"reduce_only":false,"display":null,"stp":null}}"#;
    let mut input = String::new();
    for (from, to) in changes {
        assert!(good.contains(from), "nothing to change: {from}");
        input.push_str(&good.replace(from, to));
        input.push('\n');
    }
    check(&input, expected);
}

#[test]
fn a_value_that_is_not_supported_is_refused_by_its_fields_name() {
    check_changes(
        &[
            (r#""display":null"#, r#""display":1"#),
            (r#""reduce_only":false"#, r#""reduce_only":true"#),
            (r#""tif":null"#, r#""tif":"GTD""#),
            (r#""tif":null"#, r#""tif":"gtc""#),
            (r#""stp":null"#, r#""stp":{"mode":"cancel_newest","token":7}"#),
            (r#""post_only":null"#, r#""post_only":"slide""#),
            (r#""limit""#, r#""stop""#),
            (r#""limit""#, r#""market""#),
            (r#""id":1"#, r#""id":2"#),
        ],
        expect![[r#"
            {"rejected":{"id":1,"reason":"unsupported_field:display"}}
            {"rejected":{"id":1,"reason":"unsupported_field:reduce_only"}}
            {"rejected":{"id":1,"reason":"unsupported_field:tif"}}
            {"rejected":{"id":1,"reason":"unsupported_field:tif"}}
            {"rejected":{"id":1,"reason":"unsupported_field:stp"}}
            {"rejected":{"id":1,"reason":"unsupported_field:post_only"}}
            {"rejected":{"id":1,"reason":"unsupported_field:type"}}
            {"rejected":{"id":1,"reason":"unsupported_field:price"}}
            {"accepted":{"id":2}}
            {"book":{"bids":[["101",2]],"asks":[]}}
        "#]],
    );
}

#[test]
fn a_price_or_quantity_is_exact_or_refused() {
    check_changes(
        &[
            (r#""101""#, "null"),
            (r#""101""#, "true"),
            (r#""101""#, r#""""#),
            (r#""101""#, r#"".5""#),
            (r#""101""#, r#""1e2""#),
            (r#""101""#, "1e2"),
            (r#""101""#, r#""101.0001""#),
            (r#""101""#, r#""101.0000000000000000000000000000000000000001""#),
            (r#""101""#, r#""99999999999999999""#),
            (r#""101""#, r#""-99999999999999999999999999999999999.5""#),
            (r#""qty":2"#, r#""qty":0"#),
            (r#""qty":2"#, r#""qty":2.0"#),
            (r#""qty":2"#, r#""qty":-2"#),
            (r#""qty":2"#, r#""qty":"2""#),
            (r#""qty":2"#, r#""qty":null"#),
            (r#""qty":2"#, r#""qty":18446744073709551616"#),
            (r#"1,"account":"a""#, r#"2,"account":"b""#),
            (r#""qty":2"#, r#""qty":18446744073709551615"#),
            (r#""101""#, r#""-0.0010000000000000000000000000000000000000""#),
        ],
        expect![[r#"
            {"rejected":{"id":1,"reason":"missing_field:price"}}
            {"rejected":{"id":1,"reason":"invalid_field:price"}}
            {"rejected":{"id":1,"reason":"invalid_field:price"}}
            {"rejected":{"id":1,"reason":"invalid_field:price"}}
            {"rejected":{"id":1,"reason":"invalid_field:price"}}
            {"rejected":{"id":1,"reason":"invalid_field:price"}}
            {"rejected":{"id":1,"reason":"off_tick"}}
            {"rejected":{"id":1,"reason":"off_tick"}}
            {"rejected":{"id":1,"reason":"price_out_of_range"}}
            {"rejected":{"id":1,"reason":"price_out_of_range"}}
            {"rejected":{"id":1,"reason":"zero_quantity"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"rejected":{"id":1,"reason":"invalid_field:qty"}}
            {"accepted":{"id":2}}
            {"rejected":{"id":1,"reason":"qty_out_of_range"}}
            {"accepted":{"id":1}}
            {"book":{"bids":[["101",2],["-0.001",2]],"asks":[]}}
        "#]],
    );
}

#[test]
fn what_is_no_command_ends_the_replay_with_its_line() {
    for (line, expected) in [
        (
            "{",
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3, column 1: EOF while parsing an object
        "#]],
        ),
        (
            r#"{"place":{"id":1}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3, column 17: missing field `account`
        "#]],
        ),
        (
            r#"{"cancel":{"id":1,"colour":"red"}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            {"rejected":{"id":1,"reason":"unsupported_field:colour"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
        ),
        (
            r#"{"cancel":{"id":-1}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3, column 18: invalid value: integer `-1`, expected u64
        "#]],
        ),
        (
            r#"{"replace":{"id":1}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3, column 10: unknown variant `replace`, expected one of `book`, `place`, `amend`, `cancel`, `auction`
        "#]],
        ),
        (
            r#"{"book":{"tick":"1"}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3: `book` must be the first line
        "#]],
        ),
        (
            r#"{"auction":{"phase":"uncross"}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3: auction reference: missing_field:reference
        "#]],
        ),
        (
            r#"{"auction":{"phase":"uncross","reference":"x"}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3: auction reference: invalid_field:reference
        "#]],
        ),
        (
            r#"{"auction":{"phase":"open","reference":"1"}}"#,
            expect![[r#"
            {"rejected":{"id":7,"reason":"unknown_order"}}
            error: line 3: auction reference: unsupported_field:reference
        "#]],
        ),
    ] {
        let input = format!("{}\n\n{line}\n", r#"{"cancel":{"id":7}}"#);
        check(&input, expected);
    }
}

#[test]
fn fields_have_names_and_an_unknown_one_is_refused_by_it() {
    check(
        r#"{"place":{"id":1,"account":"a","side":"buy","price":"1","qty":1,"valid_until":5}}
{"amend":{"id":1,"colour":"red"}}
{"auction":{"phase":"open"}}
{"auction":{"phase":"uncross","reference":"0.00025"}}
{"cancel":[1]}
"#,
        expect![[r#"
            {"rejected":{"id":1,"reason":"unsupported_field:valid_until"}}
            {"rejected":{"id":1,"reason":"unsupported_field:colour"}}
            error: line 5, column 1: a command is an object of named fields
        "#]],
    );
}

#[test]
fn terms_that_the_book_does_not_have_are_refused_by_name() {
    for (terms, expected) in [
        (
            r#"{"allocation":"pro_rata"}"#,
            expect![[r#"
            error: line 1: unsupported allocation `pro_rata`, expected `fifo`
        "#]],
        ),
        (
            r#"{"tick":"0"}"#,
            expect![[r#"
            error: line 1: unsupported tick "0", expected a decimal above 0 of at most 9 digits
        "#]],
        ),
        (
            r#"{"tick":"0.0000000000000000001"}"#,
            expect![[r#"
            error: line 1: unsupported tick "0.0000000000000000001", expected a decimal above 0 of at most 9 digits
        "#]],
        ),
        (
            r#"{"lot":"1"}"#,
            expect![[r#"
            error: line 1, column 14: unknown field `lot`, expected `tick` or `allocation`
        "#]],
        ),
    ] {
        check(&format!("{{\"book\":{terms}}}"), expected);
    }
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
