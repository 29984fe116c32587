//! JSON as it is shown: in the order in which it was sent, in lines that can be read, without what chance decides.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Letters of a line.
const WIDTH: usize = 100;
/// Letters of a text that is shown whole.
const TEXT_LEN_MAX: usize = 160;
/// Hexadecimal digits from which on a text is a hash, a key or a signature.
const HEX_LEN_MIN: usize = 40;
/// Members of a list that are all shown.
const SHOWN_MAX: usize = 6;

/// Fields whose values are a login's, or count commands of the journal, of which the clock's ticks are some.
const BY_CHANCE: [(&str, &str); 13] = [
    ("access_token", "\"ACCESS_TOKEN\""),
    ("refresh_token", "\"REFRESH_TOKEN\""),
    ("client_id", "\"CLIENT_ID\""),
    ("client_secret", "\"CLIENT_SECRET\""),
    ("change_id", "1042"),
    ("prev_change_id", "1041"),
    ("last_seq", "1042"),
    ("epoch", "1800000001000"),
    ("split_id", "\"1042-3\""),
    ("continuation", "\"1042-3\""),
    ("usIn", "1800000000000123"),
    ("usOut", "1800000000000456"),
    ("usDiff", "333"),
];

struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

pub(super) fn lay_out(text: &str) -> String {
    laid_out(text, 0)
}

/// What is shown instead of a value.
fn by_chance(fields: &[(String, Box<RawValue>)], name: &str, value: &str) -> Option<&'static str> {
    let has = |name: &str| fields.iter().any(|(other, _)| other == name);
    match name {
        // A text to be signed has a nonce in it.
        "message" if value.contains("Nonce: ") => Some("\"localhost wants you to sign in ..\""),
        "nonce" if value.starts_with('"') => Some("\"NONCE\""),
        // A message's number, or an entry's of the log; those of a replay begin with the first.
        "seq" if has("channel") || has("signature") => Some("42"),
        "last_seq" if has("first_seq") => None,
        _ if value == "null" => None,
        _ => BY_CHANCE.iter().find(|(chance, _)| *chance == name).map(|(_, shown)| *shown),
    }
}

fn laid_out(text: &str, depth: usize) -> String {
    let (parts, open, close) = match text.as_bytes().first() {
        Some(b'{') => {
            let Fields(fields) = serde_json::from_str(text).unwrap();
            let part = |(name, value): &(String, Box<RawValue>)| {
                let value = match by_chance(&fields, name, value.get()) {
                    Some(shown) => shown.to_owned(),
                    None => laid_out(value.get(), depth + 1),
                };
                format!("\"{name}\": {value}")
            };
            (fields.iter().map(part).collect::<Vec<String>>(), '{', '}')
        }
        Some(b'[') => {
            let values: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap();
            let shown = values.iter().take(if is_long(&values) { 2 } else { usize::MAX });
            let parts = shown.map(|value| laid_out(value.get(), depth + 1)).collect();
            (parts, '[', ']')
        }
        _ => return scalar(text),
    };
    let line = format!("{open}{}{close}", parts.join(", "));
    if line.len() + 2 * depth <= WIDTH && !line.contains('\n') {
        return line;
    }
    let indent = "  ".repeat(depth + 1);
    let mut lines = vec![String::new()];
    let is_list_of_scalars = open == '[' && parts.iter().all(|part| !part.starts_with(['{', '[']));
    for (place, part) in parts.iter().enumerate() {
        let comma = if place + 1 < parts.len() { "," } else { "" };
        let line = lines.last_mut().unwrap();
        let fits = line.len() + part.len() + indent.len() + 2 <= WIDTH;
        if line.is_empty() {
            *line = format!("{part}{comma}");
        } else if is_list_of_scalars && fits {
            *line = format!("{line} {part}{comma}");
        } else {
            lines.push(format!("{part}{comma}"));
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("{indent}{line}")).collect();
    format!("{open}\n{}\n{}{close}", lines.join("\n"), "  ".repeat(depth))
}

/// Whether two of a list's members say what the others are like.
fn is_long(values: &[Box<RawValue>]) -> bool {
    SHOWN_MAX < values.len() && values.iter().all(|value| value.get().starts_with(['{', '"']))
}

fn scalar(text: &str) -> String {
    if !text.starts_with('"') {
        return text.to_owned();
    }
    let text = without_hashes(text);
    if text.chars().count() <= TEXT_LEN_MAX {
        return text;
    }
    let shown: String = text.chars().take(TEXT_LEN_MAX).collect();
    format!("{}…\"", shown.trim_end_matches('\\'))
}

/// Every run of so many hexadecimal digits as its length.
fn without_hashes(text: &str) -> String {
    let (mut shown, mut run) = (String::new(), String::new());
    for letter in text.chars() {
        if letter.is_ascii_hexdigit() {
            run.push(letter);
            continue;
        }
        shown.push_str(&hash(&run));
        run.clear();
        shown.push(letter);
    }
    shown + &hash(&run)
}

fn hash(run: &str) -> String {
    if run.len() < HEX_LEN_MIN { run.to_owned() } else { format!("..{} bytes..", run.len() / 2) }
}
