//! Quotes as text in, a curve as text out; every kind of bad input by its name.

use expect_test::{Expect, expect};

use super::of_text;

#[track_caller]
fn check_refused(text: &str, expected: &Expect) {
    let refused = of_text(text, true, &mut Vec::new()).expect_err("a refusal");
    let chain = anyhow::Error::from(refused);
    expected.assert_eq(&format!("{chain:#}"));
}

fn shown(text: &str, json: bool) -> String {
    let mut out = Vec::new();
    of_text(text, json, &mut out).expect("a curve");
    String::from_utf8(out).expect("text")
}

const QUOTES: &str = r#"{"start":"2026-12-01","days":90,
  "contracts":[{"name":"DEC26","from":"2026-12-01","until":"2027-01-01","bid":"2.36","ask":2.40},
               {"name":"JAN27","from":"2027-01-01","until":"2027-02-01","bid":2.28,"ask":"2.32"},
               {"name":"both","from":"2026-12-01","until":"2027-02-01","bid":"2.37","ask":"2.39"}],
  "asked":[{"name":"FEB27","from":"2027-02-01","until":"2027-03-01"}]}"#;

/// The quoted sum of two months is bid at 2.37, and its parts are asked at 2.36: somebody gives a cent away.
#[test]
fn a_curve_for_people() {
    expect![[r#"
        contract                   price       curve         off        conf
        DEC26                       2.38    2.405126    0.025126    0.016092
        JAN27                        2.3    2.328207    0.028207    0.016092
        both                        2.38    2.366667   -0.013333    0.008164
        FEB27                               2.255388                0.043277

        from 2026-12-01, every thirtieth of 90 days:
             0     2.44238
            30    2.367867
            60    2.293578
        alarm: both against DEC26 + JAN27: sell the whole, buy the parts, 0.01 a GPU-hour
    "#]]
    .assert_eq(&shown(QUOTES, false));
}

#[test]
fn a_curve_for_programs() {
    let text = shown(QUOTES, true);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["daily"].as_array().map(Vec::len), Some(90));
    expect![[r#"
        {"conf":0.016092,"curve":2.328207,"name":"JAN27","off":0.028207,"price":2.3}
        [{"conf":0.043277,"name":"FEB27","price":2.255388}]
        [{"buy":"parts","gain":0.01,"parts":["DEC26","JAN27"],"sell":"whole","whole":"both"}]"#]]
    .assert_eq(&format!("{}\n{}\n{}", value["contracts"][1], value["asked"], value["alarms"]));
}

/// CURVE-006.
#[test]
fn bad_input_is_refused_by_its_field() {
    let of =
        |contract: &str| format!(r#"{{"start":"2026-12-01","days":90,"contracts":[{contract}]}}"#);
    check_refused("{}", &expect!["start: missing"]);
    check_refused(
        r#"{"start":"2026-02-30","days":90}"#,
        &expect![[r#"start "2026-02-30": expected a day like 2026-12-01"#]],
    );
    check_refused(
        r#"{"start":"2026-12-01","days":2.5}"#,
        &expect!["days 2.5: expected a whole number, plain or as a string"],
    );
    check_refused(
        r#"{"start":"2026-12-01","days":5000}"#,
        &expect!["a curve of 5000 days, not 1 to 1096"],
    );
    check_refused(r#"{"start":"2026-12-01","days":90}"#, &expect!["no contract"]);
    check_refused(
        r#"{"start":"2026-12-01","days":90,"level":1}"#,
        &expect![[
            r#"not a curve {"start":..,"days":..}: unknown field `level`, expected one of `start`, `days`, `contracts`, `shape`, `parameters`, `asked` at line 1 column 39"#
        ]],
    );
    let december = r#""name":"x","from":"2026-12-01","until":"2027-01-01""#;
    for (fields, expected) in [
        ("", expect!["contracts[0].price, or bid and ask: missing"]),
        (r#","bid":2"#, expect!["contracts[0].ask: missing"]),
        (r#","bid":2,"ask":1"#, expect!["contracts[0].bid: above the ask"]),
        (
            r#","bid":2,"ask":3,"price":2"#,
            expect!["contracts[0].price: either bid and ask or price and half_spread"],
        ),
        (
            r#","price":"NaN""#,
            expect![[
                r#"contracts[0].price "NaN": expected dollars with at most six decimals, not negative"#
            ]],
        ),
        (
            r#","price":-1"#,
            expect![
                "contracts[0].price -1: expected dollars with at most six decimals, not negative"
            ],
        ),
        (
            r#","price":"2.1234567""#,
            expect![[
                r#"contracts[0].price "2.1234567": expected dollars with at most six decimals, not negative"#
            ]],
        ),
        (r#","price":"0""#, expect!["contract 0: price of 0 micro-dollars, not 1 to 10000000000"]),
    ] {
        check_refused(&of(&format!("{{{december}{fields}}}")), &expected);
    }
    let late = r#"{"name":"x","from":"2026-12-01","until":"2027-12-01","price":1}"#;
    check_refused(
        &of(late),
        &expect!["contract 0: 365 days from day 0 are not within the 90 days of the curve"],
    );
    let early = r#"{"name":"x","from":"2026-11-30","until":"2027-12-01","price":1}"#;
    check_refused(&of(early), &expect!["contracts[0].from: before the start of the curve"]);
}
