//! No line makes the replay panic, and what it writes is always JSON, line by line.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::replay;
use crate::book_replay::line::fields_of;

/// Fields of other lines, and one that no line has.
const OTHERS: [&str; 14] = [
    "at",
    "source",
    "low",
    "high",
    "phase",
    "kind",
    "until",
    "reference",
    "tick",
    "allocation",
    "batch",
    "band",
    "breaker",
    "colour",
];

const VALUES: [&str; 38] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "1000",
    "-1",
    "1.5",
    "1e9",
    "18446744073709551615",
    "99999999999999999999",
    "null",
    "true",
    "false",
    "\"a\"",
    "\"\"",
    "\"100\"",
    "\"100.001\"",
    "\"9223372036854775.807\"",
    "\"-9223372036854775.808\"",
    "\"buy\"",
    "\"sell\"",
    "\"limit\"",
    "\"market\"",
    "\"stop_limit\"",
    "\"take_market\"",
    "\"IOC\"",
    "\"GTD\"",
    "\"GFA\"",
    "\"slide\"",
    "\"decrement\"",
    "\"mark\"",
    "\"open\"",
    "\"uncross\"",
    "{}",
    "[]",
    "{\"low\":\"1\",\"high\":\"2\"}",
    "{\"width\":1,\"window\":9,\"length\":9,\"extensions\":9}",
];

fn any_object() -> impl Strategy<Value = String> {
    let fields = fields_of("place").unwrap().iter().chain(&OTHERS).copied();
    let field = (select(fields.collect::<Vec<_>>()), select(&VALUES));
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
        fields.collect::<Vec<_>>().join(",")
    })
}

/// An order that is mostly in order, with one or two fields that need not be.
fn any_order() -> impl Strategy<Value = String> {
    let ends = select(&["99", "100", "101", "-9223372036854775.808", "9223372036854775.807"]);
    let lots = select(&[1_u64, 2, 7, 1_000, u64::MAX]);
    let kinds = select(&[
        r#""type":"limit""#,
        r#""type":"limit","tif":"GFA""#,
        r#""type":"limit","tif":"GFN""#,
        r#""type":"limit","tif":"FOK""#,
        r#""type":"limit","tif":"GTD","expire_at":7"#,
        r#""type":"limit","post_only":"slide""#,
        r#""type":"limit","display":1"#,
        r#""type":"limit","stp":"decrement","display":2"#,
        r#""type":"stop_limit","trigger_price":"100""#,
        r#""type":"take_limit","trigger_price":"100","trigger":"mark","post_only":"slide""#,
    ]);
    let more = prop_oneof![4 => Just(String::new()), 1 => any_object()];
    let rest = (select(&["buy", "sell"]), select(&["a", "b"]), 0..12_u64, more);
    (ends, lots, kinds, rest).prop_map(|(price, qty, kind, (side, account, id, more))| {
        let comma = if more.is_empty() { "" } else { "," };
        format!(
            r#"{{"place":{{"id":{id},"account":"{account}","side":"{side}","price":"{price}","qty":{qty},{kind}{comma}{more}}}}}"#
        )
    })
}

fn any_line() -> impl Strategy<Value = String> {
    let commands =
        ["book", "place", "amend", "cancel", "auction", "clock", "price", "band", "replace"];
    let any_command = (select(commands.to_vec()), any_object())
        .prop_map(|(command, fields)| format!("{{\"{command}\":{{{fields}}}}}"));
    let amend = (0..12_u64, select(&["99", "101", "-9223372036854775.808"]), 0..9_u64).prop_map(
        |(id, price, qty)| format!(r#"{{"amend":{{"id":{id},"price":"{price}","qty":{qty}}}}}"#),
    );
    let good = select(vec![
        r#"{"auction":{"phase":"open","until":9}}"#,
        r#"{"auction":{"phase":"uncross","reference":"100"}}"#,
        r#"{"auction":{"phase":"indicative","reference":"-5"}}"#,
        r#"{"price":{"source":"mark","price":"100"}}"#,
        r#"{"band":{"low":"99","high":"101"}}"#,
        r#"{"band":{}}"#,
    ]);
    let clock = (0..20_u64).prop_map(|at| format!(r#"{{"clock":{{"at":{at}}}}}"#));
    prop_oneof![
        9 => any_order(),
        2 => amend,
        1 => (0..12_u64).prop_map(|id| format!(r#"{{"cancel":{{"id":{id}}}}}"#)),
        1 => good.prop_map(str::to_owned),
        1 => clock,
        1 => any_command,
    ]
}

fn any_terms() -> impl Strategy<Value = String> {
    select(vec![
        String::new(),
        r#"{"book":{"allocation":"pro_rata","top":true}}"#.to_owned(),
        r#"{"book":{"batch":3}}"#.to_owned(),
        r#"{"book":{"reference":"100","breaker":{"width":"0.5","window":60,"length":2,"random":3,"extensions":2}}}"#.to_owned(),
        r#"{"book":{"reference":"-9223372036854775.808","breaker":{"width":"9223372036854775.807","window":1,"length":18446744073709,"extensions":255}}}"#.to_owned(),
    ])
}

proptest! {
    /// A line that ends the replay is taken out, so that those behind it are tried too.
    #[test]
    fn no_input_makes_the_replay_panic_or_write_what_is_not_json(
        terms in any_terms(),
        mut lines in prop::collection::vec(any_line(), 0..60),
    ) {
        lines.insert(0, terms);
        loop {
            let text = replay(&lines.join("\n"), true);
            let (printed, error) = text.split_once("error: line ").unwrap_or((&text, ""));
            for line in printed.lines() {
                prop_assert!(serde_json::from_str::<Value>(line).is_ok(), "{}", line);
            }
            let number = error.split([',', ':']).next().and_then(|number| number.parse().ok());
            let Some(number) = number else {
                prop_assert!(printed.ends_with("]}}\n"), "{}", printed);
                break;
            };
            let number: usize = number;
            lines.remove(number - 1);
        }
    }

    #[test]
    fn no_text_makes_the_replay_panic(lines in prop::collection::vec(".{0,40}", 0..8)) {
        let mut input = String::new();
        for line in lines {
            writeln!(input, "{line}").unwrap();
        }
        replay(&input, true);
    }
}
