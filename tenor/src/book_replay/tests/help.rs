//! The help says what the replay does.

use serde_json::Value;
use serde_json::value::RawValue;

use super::replay;
use crate::book_replay::line::fields_of;
use crate::commands::BOOK_REPLAY_HELP;

/// The objects at the beginnings of lines, whatever stands behind them.
fn examples(text: &str) -> Vec<String> {
    let lines = text.split("\n  {").skip(1).flat_map(|rest| {
        let rest = format!("{{{rest}");
        let values = serde_json::Deserializer::from_str(&rest).into_iter::<Box<RawValue>>();
        let objects = values.map_while(Result::ok).filter(|value| value.get().starts_with('{'));
        objects.map(|value| value.get().replace('\n', "")).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn every_line_of_the_help_is_one_that_the_replay_takes() {
    let (input, _) = BOOK_REPLAY_HELP.split_once("\nOut, ").unwrap();
    let lines = examples(input);
    assert_eq!(lines.len(), 10, "{lines:#?}");
    let text = replay(&lines.join("\n"), true);
    assert!(text.contains("indicative") && text.ends_with("]}}\n"), "{text}");
}

#[test]
fn every_line_that_is_written_is_in_the_help() {
    let (_, output) = BOOK_REPLAY_HELP.split_once("\nOut, ").unwrap();
    let kinds = examples(output).into_iter().map(|line| {
        let line: Value = serde_json::from_str(&line).unwrap();
        line.as_object().unwrap().keys().next().unwrap().clone()
    });
    let mut kinds: Vec<String> = kinds.collect();
    kinds.dedup();
    let expected = [
        "accepted",
        "rejected",
        "trade",
        "cancelled",
        "amended",
        "indicative",
        "book",
        "triggered",
        "refreshed",
        "auction_opened",
        "auction_extended",
        "auction_ended",
        "rejected",
        "commands",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn every_field_is_in_the_help() {
    for command in ["place", "amend", "cancel"] {
        for field in fields_of(command).unwrap() {
            assert!(BOOK_REPLAY_HELP.contains(field), "{command}: {field}");
        }
    }
}
