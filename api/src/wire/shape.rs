//! What JSON may look like before anybody reads what it says: how deep it is, and that nothing in it is said twice.
//!
//! The text has been found to be JSON before. One pass, no recursion: depth costs no stack.

use std::borrow::Cow;

use thiserror::Error;

/// Objects and arrays within one another, the request itself included.
pub const DEPTH_MAX: usize = 8;
/// Characters of a number: 28 digits, sign, point and exponent fit twice.
pub const NUMBER_LEN_MAX: usize = 64;

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ShapeError {
    #[error("is nested deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("`{0}` is sent twice")]
    Twice(String),
    #[error("a number has at most {NUMBER_LEN_MAX} characters")]
    LongNumber,
}

/// One object or array that has begun.
enum Level<'a> {
    Array,
    /// With its keys so far.
    Object(Vec<Cow<'a, str>>),
}

/// Checks a text that is JSON.
pub(super) fn check(text: &str) -> Result<(), ShapeError> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    // The last string, which is a key when a colon follows.
    let mut last: Option<&str> = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => {
                let len = string_len(rest);
                last = rest.get(..len);
                len
            }
            '{' | '[' => {
                if DEPTH_MAX <= levels.len() {
                    return Err(ShapeError::TooDeep);
                }
                levels.push(if first == '{' { Level::Object(Vec::new()) } else { Level::Array });
                1
            }
            '}' | ']' => {
                if let Some(Level::Object(keys)) = levels.pop() {
                    check_keys(keys)?;
                }
                1
            }
            ':' => {
                if let (Some(Level::Object(keys)), Some(key)) = (levels.last_mut(), last.take()) {
                    keys.push(plain(key));
                }
                1
            }
            '-' | '0'..='9' => number_len(rest)?,
            other => other.len_utf8(),
        };
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(())
}

/// Sorted first: a frame of ten thousand keys must not be compared a hundred million times.
fn check_keys(mut keys: Vec<Cow<'_, str>>) -> Result<(), ShapeError> {
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [before, after] if before == after => Some(after),
        _ => None,
    });
    match twice {
        Some(key) => Err(ShapeError::Twice(key.chars().take(64).collect())),
        None => Ok(()),
    }
}

/// Bytes of the string that a text begins with, both quotes included.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end.saturating_add(2))
}

fn number_len(text: &str) -> Result<usize, ShapeError> {
    let is_of_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let len = text.bytes().position(|byte| !is_of_number(byte)).unwrap_or(text.len());
    if NUMBER_LEN_MAX < len { Err(ShapeError::LongNumber) } else { Ok(len) }
}

/// A key as it is meant: `\u0061` is an `a`.
fn plain(quoted: &str) -> Cow<'_, str> {
    let within = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(quoted);
    if within.contains('\\') {
        serde_json::from_str(quoted).map_or(Cow::Borrowed(within), Cow::Owned)
    } else {
        Cow::Borrowed(within)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn shape(text: &str) -> Result<(), String> {
        serde_json::from_str::<&RawValue>(text).expect("only JSON comes here");
        check(text).map_err(|error| error.to_string())
    }

    #[test]
    fn limit_033_json_is_at_most_8_deep() {
        let nested = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
        assert_eq!(shape(&nested(8)), Ok(()));
        assert_eq!(shape(&nested(9)), Err("is nested deeper than 8".to_owned()));
        assert_eq!(shape(r#"{"a":[[],[],{},{}],"b":{"c":{}}}"#), Ok(()));
        assert_eq!(shape(r#"{"a":"[[[[[[[[[[[[{{{{{{"}"#), Ok(()), "a text is no nesting");
        assert_eq!(shape(r#"{"a":"\\\"[[[[[[[[[[[[","b":"\\"}"#), Ok(()));
    }

    #[test]
    fn limit_034_nothing_is_said_twice_at_any_depth() {
        for text in [
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"x":[{"a":1,"a":1}]}"#,
            r#"{"a":{"b":1},"\u0061":2}"#,
            r#"{"x":{"y":{"a" : {"a":1} , "a":[]}}}"#,
        ] {
            assert_eq!(shape(text), Err("`a` is sent twice".to_owned()), "{text}");
        }
        for text in [
            r#"{"a":"a","b":"a"}"#,
            r#"[{"a":1},{"a":1}]"#,
            r#"{"a":{"a":{"a":1}}}"#,
            r#"{"":1,"\"":2,"\\":3}"#,
        ] {
            assert_eq!(shape(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn limit_035_a_number_has_at_most_64_characters() {
        assert_eq!(shape(&format!("[{}]", "1".repeat(64))), Ok(()));
        let refused = Err("a number has at most 64 characters".to_owned());
        assert_eq!(shape(&format!("[{}]", "1".repeat(65))), refused);
        assert_eq!(shape(&format!(r#"{{"a":-0.{}}}"#, "1".repeat(65))), refused);
        assert_eq!(shape("1e999999999"), Ok(()), "its value is another matter");
    }
}
