//! Every field of every body in turn made null, text, absent, negative, not a number, written twice, and every row doubled: the body is refused by
//! the field's name, or the row is left out and counted, or nothing changes because the field is not read. Never another price.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use oracle::io::feeds::{FeedError, FieldProblem, Parsed, Record, Source};
use serde_json::Value;

use crate::{body_of, parse};

const HERE: &str = "@@here@@";

/// A step into a body.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Row(usize),
}

fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => write!(path, ".{name}").expect("a string"),
            Step::Row(row) => write!(path, "[{row}]").expect("a string"),
        }
    }
    path
}

/// Every place of a body that is no list of rows itself.
fn places(value: &Value, steps: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    if !steps.is_empty() {
        found.push(steps.clone());
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                steps.push(Step::Field(name.clone()));
                places(inner, steps, found);
                steps.pop();
            }
        }
        Value::Array(rows) => {
            for (row, inner) in rows.iter().enumerate() {
                steps.push(Step::Row(row));
                places(inner, steps, found);
                steps.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn at<'a>(value: &'a mut Value, steps: &[Step]) -> &'a mut Value {
    steps.iter().fold(value, |value, step| match step {
        Step::Field(name) => &mut value[name.as_str()],
        Step::Row(row) => &mut value[*row],
    })
}

const MUTATIONS: [&str; 7] = ["null", "text", "absent", "negative", "NaN", "twice", "doubled"];

/// The body with one place changed; `None` where the change does not apply.
fn mutated(body: &Value, steps: &[Step], mutation: &str) -> Option<String> {
    let mut body = body.clone();
    let (last, before) = steps.split_last()?;
    let place = at(&mut body, steps);
    let original = place.clone();
    let shown = original.to_string();
    match mutation {
        "null" if !original.is_null() => *place = Value::Null,
        "text" if original.is_number() => *place = Value::String(shown.clone()),
        "negative" if original.is_number() && shown != "0" => {
            *place = serde_json::from_str(&format!("-{shown}")).expect("a number");
        }
        "NaN" | "twice" => *place = Value::String(HERE.to_owned()),
        "absent" => match (at(&mut body, before), last) {
            (Value::Object(fields), Step::Field(name)) => drop(fields.remove(name)),
            _ => return None,
        },
        "doubled" => match (at(&mut body, before), last) {
            (Value::Array(rows), Step::Row(row)) => {
                let row = rows[*row].clone();
                rows.push(row);
            }
            _ => return None,
        },
        _ => return None,
    }
    if let ("doubled", Value::Object(fields)) = (mutation, &mut body) {
        // Its count would give it away before its rows do.
        fields.remove("count");
    }
    let text = body.to_string();
    let quoted = format!("\"{HERE}\"");
    match (mutation, last) {
        ("NaN", _) => Some(text.replace(&quoted, "NaN")),
        ("twice", Step::Field(name)) => {
            Some(text.replace(&quoted, &format!("{shown},{}:{shown}", Value::from(name.as_str()))))
        }
        ("twice", Step::Row(_)) => None,
        _ => Some(text),
    }
}

/// What a buyer would read: offer, class, terms, price.
fn prices(parsed: &Parsed) -> BTreeSet<String> {
    let price = |record: &Record| match record {
        Record::Price(it) => Some(format!(
            "{} {} {:?} {}",
            it.offer,
            it.class.key(),
            it.configuration.market,
            it.price.micros()
        )),
        Record::Utilisation(_) => None,
    };
    parsed.records.iter().filter_map(price).collect()
}

/// What came of a mutated body. A price that the whole body has not may only be one of no known class, or of an offer whose end is no longer said.
fn outcome(whole: &Parsed, result: Result<Parsed, FeedError>, steps: &[Step]) -> String {
    let parsed = match result {
        Err(FeedError::Field { field, problem }) => {
            let named = path(steps);
            let name = |step: &Step| match step {
                Step::Field(name) => name.clone(),
                Step::Row(row) => format!("[{row}]"),
            };
            let last = steps.last().map(name).unwrap_or_default();
            let is_named = field == named
                || field.starts_with(&named)
                || named.starts_with(&field)
                || field == last
                || matches!(
                    problem,
                    FieldProblem::NotANumber { .. }
                        | FieldProblem::Contradicts { .. }
                        | FieldProblem::Repeated { .. }
                );
            assert!(is_named, "{named}: refused as {field}: {problem}");
            return "refused".to_owned();
        }
        Err(error) => panic!("{}: {error}", path(steps)),
        Ok(parsed) => parsed,
    };
    let strip = |records: &[Record]| {
        let mut records = records.to_vec();
        for record in &mut records {
            match record {
                Record::Price(it) => it.raw_hash = [0; 32],
                Record::Utilisation(it) => it.raw_hash = [0; 32],
            }
        }
        records
    };
    if strip(&parsed.records) == strip(&whole.records) && parsed.skipped == whole.skipped {
        return "the same".to_owned();
    }
    let (before, after) = (prices(whole), prices(&parsed));
    let new: Vec<&String> = after.difference(&before).collect();
    if new.is_empty() {
        let skipped: BTreeSet<&str> = parsed
            .skipped
            .iter()
            .filter(|it| !whole.skipped.contains(it))
            .map(|it| it.why.name())
            .collect();
        let skipped: Vec<&str> = skipped.into_iter().collect();
        return if skipped.is_empty() {
            "the same prices".to_owned()
        } else {
            format!("left out: {}", skipped.join(", "))
        };
    }
    for price in &new {
        let is_unknown = price.contains(" UNKNOWN");
        let named = path(steps);
        // A date without a price, or a price without a date, announces nothing; null is the end of what has none.
        let ends = ["pending_price_per_hour", "price_change_effective_date", "end_date"];
        let is_end = ends.iter().any(|end| named.ends_with(end));
        assert!(is_unknown || is_end, "{named}: {price}");
    }
    if new.iter().all(|price| price.contains(" UNKNOWN")) {
        "a key of its own".to_owned()
    } else {
        "a later end".to_owned()
    }
}

/// FEED-001: no change of one field gives a wrong price in silence.
#[test]
fn feed_001_a_changed_field_is_refused_by_name_or_left_out_by_rule() {
    for source in Source::ALL {
        let text = body_of(source);
        let whole = parse(source, text.as_bytes()).expect("a body");
        let body: Value = serde_json::from_str(text).expect("JSON");
        let mut found = Vec::new();
        places(&body, &mut Vec::new(), &mut found);
        let mut table = String::new();
        for steps in found {
            let mut line = path(&steps);
            for mutation in MUTATIONS {
                if let Some(changed) = mutated(&body, &steps, mutation) {
                    let outcome = outcome(&whole, parse(source, changed.as_bytes()), &steps);
                    write!(line, " | {mutation}: {outcome}").expect("a string");
                }
            }
            writeln!(table, "{line}").expect("a string");
        }
        let file =
            format!("{}/tests/feeds/mutations/{}.txt", env!("CARGO_MANIFEST_DIR"), source.name());
        expect_file![file].assert_eq(&table);
    }
}

/// A body's source, a stretch of it, what stands there instead, and the words of the refusal.
const REFUSALS: &[(Source, &str, &str, &str)] = &[
    (Source::Lium, "2.35", "NaN", "field price_per_gpu_hour: NaN is not a number"),
    (Source::Lium, "2.35", "-Infinity", "field price_per_gpu_hour: -Infinity is not a number"),
    (Source::Lium, "2.35", "-2.35", "field nodes[0].price_per_gpu_hour: -2.35 is negative"),
    (Source::Lium, "2.35", "0", "field nodes[0].price_per_gpu_hour: zero"),
    (
        Source::Lium,
        "2.35",
        "\"2.35\"",
        "field nodes[0].price_per_gpu_hour: text, expected a number",
    ),
    (
        Source::Lium,
        "2.35",
        "10000.01",
        "field nodes[0].price_per_gpu_hour: 10000.01 is above 10000",
    ),
    (
        Source::Lium,
        "\"available_gpu_count\": 3",
        "\"available_gpu_count\": 9",
        "field nodes[1].available_gpu_count: 9 is above gpu_count of 8",
    ),
    (Source::Lium, "node-b", "node-a", "field nodes[1].id: node-a is also in nodes[0]"),
    (
        Source::Lium,
        "T11:59:30.25Z",
        "T12:00:00.5Z",
        "field generated_at: 1795176000500000000 ns is after the fetch at 1795176000000000000 ns",
    ),
    (
        Source::Lium,
        "T11:59:30.25Z",
        "T10:59:30.25Z",
        "field generated_at: 3629 s old, limit 3600 s",
    ),
    (Source::Lium, "\"count\": 7", "\"count\": 8", "field count: 8 is not the 7 of nodes"),
    (
        Source::Vast,
        "\"machine_id\": 12, \"host_id\": 1",
        "\"machine_id\": 11, \"host_id\": 9",
        "field offers[2].host_id: 9 is not the 1 of offers[0]",
    ),
    (Source::Vast, "\"id\": 102", "\"id\": 101", "field offers[1].id: 101 is also in offers[0]"),
    (
        Source::Vast,
        "1760000000.5",
        "1795176001",
        "field offers[0].start_date: 1795176001000000000 ns is after the fetch at 1795176000000000000 ns",
    ),
    (
        Source::AkashPrices,
        "\"available\": 16",
        "\"available\": 41",
        "field models[0].availability.available: 41 is above total of 40",
    ),
    (
        Source::AkashPrices,
        "\"USD\"",
        "\"AKT\"",
        "field models[0].price.currency: \"AKT\", expected USD",
    ),
    (
        Source::AkashPrices,
        "\"med\": 1.85",
        "\"med\": 3.1",
        "field models[0].price.med: 3.1 is not the range of min and max",
    ),
    (
        Source::AkashCapacity,
        "505",
        "500",
        "field resources.gpu.total: 500 is not the 505 of active, pending and available",
    ),
    (
        Source::AkashBreakdown,
        "2026-11-19",
        "2026-11-21",
        "field [1].date: 1795219200000000000 ns is after the fetch at 1795176000000000000 ns",
    ),
    (
        Source::Clore,
        "\"gpu\": \"2x",
        "\"gpu\": \"8x",
        "field servers[0].specs.gpu: 8 is not the 2 of gpu_array",
    ),
    (
        Source::Runpod,
        "\"data\"",
        "\"errors\": [{}], \"data\"",
        "field errors: \"a list of errors\", expected data alone",
    ),
    (
        Source::GolemUtilisation,
        "\"42\"",
        "42",
        "field data.result[0].values[1][1]: a number, expected text",
    ),
];

/// FEED-001: a refusal names the field, the row and the limit.
#[test]
fn feed_001_the_refusal_names_field_and_limit() {
    for (source, from, to, says) in REFUSALS {
        let body = body_of(*source);
        assert!(body.contains(from), "{from}");
        let error = parse(*source, body.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), *says);
    }
}
