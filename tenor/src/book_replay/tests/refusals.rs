//! What is refused, by which name, and what ends the replay.

use expect_test::{Expect, expect};

use super::{check, replay};

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
            (r#""limit""#, r#""stop_loss""#),
            (r#""limit""#, r#""market""#),
            (r#""id":1"#, r#""id":2"#),
        ],
        expect![[r#"
            {"accepted":{"id":1}}
            {"rejected":{"id":1,"reason":"duplicate_id"}}
            {"rejected":{"id":1,"reason":"missing_field:expire_at"}}
            {"rejected":{"id":1,"reason":"unsupported_field:tif"}}
            {"rejected":{"id":1,"reason":"unsupported_field:stp"}}
            {"rejected":{"id":1,"reason":"duplicate_id"}}
            {"rejected":{"id":1,"reason":"unsupported_field:type"}}
            {"rejected":{"id":1,"reason":"unsupported_field:price"}}
            {"accepted":{"id":2}}
            {"book":{"bids":[["101",3]],"asks":[]}}
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
                error: line 3, column 10: unknown variant `replace`, expected one of `book`, `place`, `amend`, `cancel`, `auction`, `clock`, `price`, `band`
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
            {"accepted":{"id":1}}
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
                {"book":{"bids":[],"asks":[]}}
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
                error: line 1, column 14: unknown field `lot`, expected one of `tick`, `allocation`, `pro_rata_min`, `top`, `reference`, `breaker`, `batch`, `band`, `verbose`
            "#]],
        ),
    ] {
        check(&format!("{{\"book\":{terms}}}"), expected);
    }
}

/// Each as the only line of a replay of its own; what each ends with.
#[track_caller]
fn check_ends(lines: &[&str], expected: Expect) {
    let ends = lines.iter().map(|line| replay(line, false));
    expected.assert_eq(&ends.collect::<String>());
}

#[test]
fn a_breaker_and_a_batch_need_what_they_are_made_of() {
    check_ends(
        &[
            r#"{"book":{"breaker":{"width":"1","window":9,"length":9}}}"#,
            r#"{"book":{"reference":"1","breaker":{"width":"1","window":0,"length":9}}}"#,
            r#"{"book":{"reference":"1","breaker":{"width":"1","window":9,"length":0}}}"#,
            r#"{"book":{"reference":"1","breaker":{"width":"-1","window":9,"length":9}}}"#,
            r#"{"book":{"reference":"1","breaker":{"window":9,"length":9}}}"#,
            r#"{"book":{"reference":"1","breaker":{"width":1,"window":9,"length":9,"extensions":256}}}"#,
            r#"{"book":{"reference":"1","breaker":{"width":"1","height":9}}}"#,
            r#"{"book":{"reference":"1","breaker":["1",9,9]}}"#,
            r#"{"book":{"reference":"1","batch":5,"breaker":{"width":1,"window":9,"length":9}}}"#,
            r#"{"book":{"batch":0}}"#,
            r#"{"book":{"batch":"5"}}"#,
            r#"{"book":{"reference":"x"}}"#,
            r#"{"book":{"band":{"low":"0.0001"}}}"#,
            r#"{"book":{"verbose":1}}"#,
        ],
        expect![[r#"
            error: line 1: book reference: missing_field:reference
            error: line 1: book breaker: invalid_field:window
            error: line 1: book breaker: invalid_field:length
            error: line 1: book breaker: invalid_field:width
            error: line 1: book breaker: missing_field:width
            error: line 1: book breaker: invalid_field:extensions
            error: line 1, column 60: unknown field `height`, expected one of `width`, `window`, `length`, `random`, `extensions`
            error: line 1, column 45: an object of named fields is needed here
            error: line 1: book breaker: unsupported_field:batch
            error: line 1: book batch: invalid_field:batch
            error: line 1: book batch: invalid_field:batch
            error: line 1: book reference: invalid_field:reference
            error: line 1: book band: off_tick
            error: line 1, column 20: invalid type: integer `1`, expected a boolean
        "#]],
    );
}

#[test]
fn an_auction_line_says_what_it_does_not_take() {
    check_ends(
        &[
            r#"{"auction":{"phase":"uncross","reference":"1","until":5}}"#,
            r#"{"auction":{"phase":"indicative","reference":"1","kind":"call"}}"#,
            r#"{"auction":{"phase":"indicative"}}"#,
            r#"{"auction":{"phase":"open","until":"soon"}}"#,
            r#"{"auction":{"phase":"open","kind":"batch"}}"#,
            r#"{"auction":{"phase":"close"}}"#,
        ],
        expect![[r#"
            error: line 1: auction until: unsupported_field:until
            error: line 1: auction kind: unsupported_field:kind
            error: line 1: auction reference: missing_field:reference
            error: line 1: auction until: invalid_field:until
            error: line 1, column 41: unknown variant `batch`, expected one of `opening`, `volatility`, `restart`, `call`
            error: line 1, column 27: unknown variant `close`, expected one of `open`, `indicative`, `uncross`
        "#]],
    );
}
