//! Portfolios as text in, margins as text out; every kind of bad input by its name.

use expect_test::{Expect, expect};

use super::of_text;

#[track_caller]
fn check(text: &str, json: bool, expected: &Expect) {
    let mut out = Vec::new();
    of_text(text, json, &mut out).expect("a margin");
    expected.assert_eq(&String::from_utf8(out).expect("text"));
}

#[track_caller]
fn check_refused(text: &str, expected: &Expect) {
    let refused = of_text(text, true, &mut Vec::new()).expect_err("a refusal");
    let chain = anyhow::Error::from(refused);
    expected.assert_eq(&format!("{chain:#}"));
}

fn with_position(fields: &str) -> String {
    format!(r#"{{"positions":[{{{fields}}}]}}"#)
}

const CALENDAR: &str = r#"{"positions":[
    {"type":"F","F":"2.5","qty":5000,"dte":30,"exp":"E1"},
    {"type":"F","F":2.4,"qty":"-5000","dte":120,"exp":"E2"}]}"#;

/// The calendar of the published worked portfolios: 100 for the largest move, 240 for two expiries that offset each other.
#[test]
fn a_calendar_pays_for_the_range_and_for_the_roll() {
    check(
        CALENDAR,
        false,
        &expect![[r#"
              price move         vol down             same           vol up
                -20.00 %        -100.0000        -100.0000        -100.0000
                -15.00 %         -75.0000         -75.0000         -75.0000
                -10.00 %         -50.0000         -50.0000         -50.0000
                 -5.00 %         -25.0000         -25.0000         -25.0000
                  0.00 %           0.0000           0.0000           0.0000
                  5.00 %          25.0000          25.0000          25.0000
                 10.00 %          50.0000          50.0000          50.0000
                 15.00 %          75.0000          75.0000          75.0000
                 20.00 %         100.0000         100.0000         100.0000
                extended                                           weighted
                -66.00 %                                          -100.0000
                -33.00 %                                          -100.0000
                 50.00 %                                           100.0000
                100.00 %                                           100.0000
                200.00 %                                           100.0000
                300.00 %                                           100.0000
                400.00 %                                           100.0000
                500.00 %                                           100.0000
            delta notional E1                                    12500.0000
            delta notional E2                                   -12000.0000
            worst                                                  100.0000
            roll                                                   240.0000
            short option minimum                                     0.0000
            initial margin                                         340.0000
            maintenance margin                                     272.0000
        "#]],
    );
}

#[test]
fn json_has_every_digit() {
    check(
        r#"{"parameters":{"buckets":1,"extended_moves":["-0.5","1"],"extended_weight":"as always","mm_factor":"0.5"},
            "positions":[{"type":"C","K":"2.5","F":"2.5","iv":"0.9","dte":0,"qty":"-2.5","exp":"E1"}]}"#,
        true,
        &expect![[r#"
            {"standard":[0.0,0.0,0.0,0.0,0.0,0.0,-1.25,-1.25,-1.25],"extended":[0.0,-1.25],"worst":1.25,"roll":0.0,"short_option_minimum":0.0625,"im":1.25,"mm":0.625,"delta_notional":{"E1":-3.125}}
        "#]],
    );
}

#[test]
fn nothing_needs_nothing() {
    let mut out = Vec::new();
    of_text(r#"{"positions":[]}"#, true, &mut out).expect("a margin");
    let margin: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(margin["standard"].as_array().map(Vec::len), Some(27));
    assert_eq!(margin["extended"].as_array().map(Vec::len), Some(8));
    assert_eq!((&margin["im"], &margin["mm"]), (&0.0.into(), &0.0.into()));
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    check_refused(
        "{}",
        &expect![[
            r#"not a portfolio {"parameters":{..},"positions":[..]}: missing field `positions` at line 1 column 2"#
        ]],
    );
    check_refused(
        r#"{"positions":[],"parameters":{"colour":1}}"#,
        &expect![[
            r#"not a portfolio {"parameters":{..},"positions":[..]}: unknown field `colour`, expected one of `price_range`, `buckets`, `vol_up`, `vol_down`, `min_vol_for_up`, `short_term_power`, `long_term_power`, `dte_floor`, `extended_moves`, `extended_weight`, `extended_dampener_usd`, `roll_rate`, `delta_contingency`, `mm_factor`, `short_option_min_rate` at line 1 column 38"#
        ]],
    );
    check_refused(&with_position(""), &expect!["positions[0].type: missing"]);
    check_refused(
        &with_position(r#""type":"C","F":1,"iv":1,"dte":1,"qty":1,"exp":"E""#),
        &expect!["positions[0].K: missing"],
    );
    check_refused(
        &with_position(r#""type":"P","F":1,"K":1,"dte":1,"qty":1,"exp":"E""#),
        &expect!["positions[0].iv: missing"],
    );
    check_refused(
        &with_position(r#""type":"F","F":1,"dte":1,"qty":1"#),
        &expect!["positions[0].exp: missing"],
    );
    check_refused(
        &with_position(r#""type":"F","F":1,"K":1,"dte":1,"qty":1,"exp":"E""#),
        &expect!["positions[0].K: a future has none"],
    );
    let many = vec![r#"{"type":"F"}"#; 10_001].join(",");
    check_refused(
        &format!(r#"{{"positions":[{many}]}}"#),
        &expect!["10001 positions, at most 10000"],
    );
}

#[test]
fn figures_that_make_no_sense_are_named_with_their_limits() {
    for (fields, expected) in [
        (r#""type":"X""#, expect![[r#"positions[0].type "X": expected "C", "P" or "F""#]]),
        (r#""type":7"#, expect!["positions[0].type 7: expected a string"]),
        (
            r#""type":"F","exp":"E","F":"NaN","dte":1,"qty":1"#,
            expect![[r#"positions[0].F "NaN": expected a finite number, plain or as a string"#]],
        ),
        (
            r#""type":"F","exp":"E","F":"inf","dte":1,"qty":1"#,
            expect![[r#"positions[0].F "inf": expected a finite number, plain or as a string"#]],
        ),
        (
            r#""type":"F","exp":"E","F":0,"dte":1,"qty":1"#,
            expect!["positions[0].F 0: expected 1e-12 to 1e9"],
        ),
        (
            r#""type":"F","exp":"E","F":1,"dte":-1,"qty":1"#,
            expect!["positions[0].dte -1: expected 0 to 36500 days"],
        ),
        (
            r#""type":"F","exp":"E","F":1,"dte":1,"qty":"1e13""#,
            expect!["positions[0].qty 10000000000000: expected -1e12 to 1e12"],
        ),
        (
            r#""type":"F","exp":"E","F":1,"dte":1,"qty":true"#,
            expect!["positions[0].qty true: expected a finite number, plain or as a string"],
        ),
        (
            r#""type":"C","exp":"E","K":-1,"F":1,"iv":1,"dte":1,"qty":1"#,
            expect!["positions[0].K -1: expected 1e-12 to 1e9"],
        ),
        (
            r#""type":"C","exp":"E","K":1,"F":1,"iv":"-0.1","dte":1,"qty":1"#,
            expect!["positions[0].iv -0.1: expected 0 to 100"],
        ),
    ] {
        check_refused(&with_position(fields), &expected);
    }
    for (parameters, expected) in [
        (
            r#""price_range":1"#,
            expect!["parameters.price_range 1: expected above 0 and at most 0.99"],
        ),
        (
            r#""buckets":2.5"#,
            expect!["parameters.buckets 2.5: expected a whole number from 1 to 100"],
        ),
        (
            r#""vol_up":"x""#,
            expect![[r#"parameters.vol_up "x": expected a finite number, plain or as a string"#]],
        ),
        (
            r#""extended_moves":[0.5,0]"#,
            expect!["parameters.extended_moves 0: expected above -1, not 0, at most 1000"],
        ),
        (
            r#""extended_moves":"none""#,
            expect![[r#"parameters.extended_moves "none": expected a list of numbers"#]],
        ),
        (r#""extended_weight":1"#, expect!["parameters.extended_weight 1: expected a string"]),
        (r#""mm_factor":1.5"#, expect!["parameters.mm_factor 1.5: expected 0 to 1"]),
    ] {
        check_refused(&format!(r#"{{"parameters":{{{parameters}}},"positions":[]}}"#), &expected);
    }
}

/// The name of an expiry is somebody else's text, and a terminal obeys what it is sent.
#[test]
fn a_name_moves_no_cursor() {
    let position = r#""type":"F","F":2.5,"qty":1,"dte":30,"exp":"\u001b[2J""#;
    let mut out = Vec::new();
    of_text(&with_position(position), false, &mut out).expect("a margin");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains(r"delta notional \u{1b}[2J"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn lists_in_place_of_objects_are_refused() {
    for text in [
        r#"[null,[]]"#,
        r#"{"positions":[["F",null,2.5,null,30,1,"E1"]]}"#,
        r#"{"parameters":[0.2],"positions":[]}"#,
    ] {
        let refused = of_text(text, true, &mut Vec::new()).expect_err("a refusal");
        let chain = format!("{:#}", anyhow::Error::from(refused));
        assert!(chain.contains("expected an object of named fields"), "{chain}");
    }
}
