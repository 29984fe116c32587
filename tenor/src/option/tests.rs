//! Options as text in, values as text out; every kind of bad input by its name.

use expect_test::{Expect, expect};

use super::of_text;

#[track_caller]
fn check_refused(text: &str, expected: &Expect) {
    let refused = of_text(text, true, &mut Vec::new()).expect_err("a refusal");
    let chain = anyhow::Error::from(refused);
    expected.assert_eq(&format!("{chain:#}"));
}

/// To 12 digits: the last ones are the platform's.
#[test]
fn a_price_and_its_derivatives_for_people() {
    let mut out = Vec::new();
    let question = r#"{"F":"2.50","K":"2.60","T":"0.25","sigma":"0.55","r":"0.04","type":"P"}"#;
    of_text(question, false, &mut out).expect("a value");
    let text = String::from_utf8(out).expect("text");
    let rounded = text.lines().map(|line| {
        let (name, figure) = line.split_once(' ').expect("a name and a figure");
        format!("{name} {:.12}\n", figure.trim().parse::<f64>().expect("a number"))
    });
    let expected = expect![[r#"
        price 0.328392092520
        delta -0.497047474600
        gamma 0.574498268897
        vega 0.493709449833
        theta -0.529944711116
        rho -0.082098023130
    "#]];
    expected.assert_eq(&rounded.collect::<String>());
}

#[test]
fn a_price_gives_back_its_volatility() {
    let mut out = Vec::new();
    let question = r#"{"F":2.5,"K":2.6,"T":0.25,"price":"0.328392092519633","r":0.04,"type":"P"}"#;
    of_text(question, true, &mut out).expect("a value");
    let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    let iv = value["iv"].as_f64().expect("a number");
    assert!((iv - 0.55).abs() < 1e-8, "{iv}");
    assert!((value["price"].as_f64().expect("a number") - 0.328_392_092_519_633).abs() < 1e-12);
}

#[test]
fn what_makes_no_sense_is_named_with_its_limits() {
    for (fields, expected) in [
        (r#""K":1,"T":1,"sigma":1,"type":"C""#, expect!["F: missing"]),
        (r#""F":0,"K":1,"T":1,"sigma":1,"type":"C""#, expect!["F 0: expected 1e-12 to 1e12"]),
        (r#""F":1,"K":"-1","T":1,"sigma":1,"type":"C""#, expect!["K -1: expected 1e-12 to 1e12"]),
        (r#""F":1,"K":1,"T":-1,"sigma":1,"type":"C""#, expect!["T -1: expected 0 to 1000 years"]),
        (r#""F":1,"K":1,"T":1,"sigma":-1,"type":"C""#, expect!["sigma -1: expected 0 to 1000"]),
        (
            r#""F":1,"K":1,"T":1,"sigma":"NaN","type":"C""#,
            expect![[r#"sigma "NaN": expected a finite number, plain or as a string"#]],
        ),
        (r#""F":1,"K":1,"T":1,"sigma":1,"r":1,"type":"C""#, expect!["r 1: expected -0.5 to 0.5"]),
        (
            r#""F":1,"K":1,"T":1,"sigma":1,"type":"F""#,
            expect![[r#"type "F": expected "C" or "P""#]],
        ),
        (r#""F":1,"K":1,"T":1,"type":"C""#, expect!["sigma or price: missing"]),
        (
            r#""F":1,"K":1,"T":1,"sigma":1,"price":1,"type":"C""#,
            expect!["price: either sigma or price, not both"],
        ),
        (
            r#""F":1,"K":1,"T":1,"vol":1,"type":"C""#,
            expect![[
                r#"not an option {"F":..,"K":..}: unknown field `vol`, expected one of `F`, `K`, `T`, `sigma`, `price`, `r`, `type` at line 1 column 24"#
            ]],
        ),
        (
            r#""F":2,"K":1,"T":1,"price":0.5,"type":"C""#,
            expect!["price 0.5: below the discounted intrinsic value 1"],
        ),
        (
            r#""F":2,"K":1,"T":1,"price":1,"type":"C""#,
            expect!["price 1: time value 0, expected more than 1e-8 of the price"],
        ),
        (
            r#""F":2,"K":1,"T":1,"price":2,"type":"C""#,
            expect!["price 2: no volatility brings it near or above the discounted F 2"],
        ),
        (
            r#""F":2,"K":1,"T":0,"price":1,"type":"C""#,
            expect!["T 0: expected above 0 to have a volatility"],
        ),
        (
            r#""F":2,"K":1,"T":1,"price":0,"type":"C""#,
            expect!["price 0: expected above 0 and at most 1e12"],
        ),
    ] {
        check_refused(&format!("{{{fields}}}"), &expected);
    }
}

fn answer(question: &str) -> serde_json::Value {
    let mut out = Vec::new();
    of_text(question, true, &mut out).expect("a value");
    serde_json::from_slice(&out).expect("JSON")
}

/// Seventeen digits say which double is meant. A reader that is off by the last of them prices an option next to the strike wrongly.
#[test]
fn a_number_is_what_the_same_digits_are_as_a_string() {
    let figures = [
        ("F", "2.5"),
        ("K", "2.5000000000043086"),
        ("T", "0.00011415525114155251"),
        ("sigma", "1.2065591114123612e-05"),
    ];
    let fields = |quote: &str| {
        let fields = figures.map(|(name, digits)| format!("\"{name}\":{quote}{digits}{quote}"));
        format!("{{{},\"type\":\"P\"}}", fields.join(","))
    };
    let mut texts = [fields(""), fields("\"")].map(|question| {
        let mut out = Vec::new();
        of_text(&question, true, &mut out).expect("a value");
        String::from_utf8(out).expect("text")
    });
    texts.sort();
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_volatility_comes_back_from_a_price_in_plain_numbers() {
    let terms = r#""F":3.030569443440726,"K":3.0268108617597482,"T":0.0027397260273972603"#;
    let price = "0.003758581850032018";
    let found = answer(&format!(r#"{{{terms},"price":{price},"type":"C"}}"#));
    let iv = found["iv"].as_f64().expect("a number");
    let again = answer(&format!(r#"{{{terms},"sigma":"{iv}","type":"C"}}"#));
    let again = answer(&format!(r#"{{{terms},"price":"{}","type":"C"}}"#, again["price"]));
    assert!((again["iv"].as_f64().expect("a number") - iv).abs() < 1e-8, "{iv} {again}");
    let as_text = answer(&format!(r#"{{{terms},"price":"{price}","type":"C"}}"#));
    assert_eq!(found["iv"], as_text["iv"]);
}

#[test]
fn what_is_no_object_of_numbers_in_range_is_refused() {
    check_refused(
        "[2.5,2.6,0.25,0.55,null,0,\"C\"]",
        &expect![[
            r#"not an option {"F":..,"K":..}: invalid type: sequence, expected an object of named fields at line 1 column 0"#
        ]],
    );
    check_refused(
        r#"{"F":1e-320,"K":1e-320,"T":1,"sigma":1,"type":"C"}"#,
        &expect!["F 1e-320: expected 1e-12 to 1e12"],
    );
    check_refused(
        r#"{"F":1e-12,"K":1e-12,"T":1000,"sigma":1e-101,"r":-0.5,"type":"C"}"#,
        &expect!["gamma: beyond every number there is, because sigma x sqrt(T) is too small"],
    );
    check_refused(
        "{\"F\":1,\"K\":1,\"T\":1,\"sigma\":1,\"type\":\"\u{9b}31m\"}",
        &expect![[r#"type "\u{9b}31m": expected "C" or "P""#]],
    );
}
