//! What the source of a pure crate may not say outside `src/io`, and that nothing outside `src/io` leans on it.

use super::edges::PURE;
use crate::source::Source;
use crate::tree::{Finding, Tree};

/// Words that make the same journal give another state: clocks, threads, hash order, floats.
const WORDS: [&str; 11] = [
    "HashMap",
    "HashSet",
    "Instant",
    "RandomState",
    "SystemTime",
    "TypeId",
    "async",
    "await",
    "f32",
    "f64",
    "thread_local",
];

/// Parts of `std` that reach the world. `std::io` is absent: a codec's error type lives there.
const STD_PARTS: [&str; 5] = ["env", "fs", "net", "process", "thread"];

/// Checks every file below `src/` of the pure crates.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let Some((member, rest)) = source.path.split_once("/src/") else { continue };
        let is_io = rest.starts_with("io/") || rest == "io.rs";
        if PURE.contains(&member) && !is_io && !source.is_test_file() {
            findings.extend(impurities(source));
        }
    }
    findings
}

fn impurities(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in (0..source.code_len()).filter(|&at| !source.is_test(at)) {
        let mut say = |message: String| {
            findings.push(Finding::new(&source.path, source.code_line(at), message));
        };
        let word = source.code(at);
        if WORDS.contains(&word) {
            say(format!("{word} in a pure crate, outside src/io"));
        }
        for part in std_parts(source, at).into_iter().filter(|part| STD_PARTS.contains(part)) {
            say(format!("std::{part} in a pure crate, outside src/io"));
        }
        let reaches_io =
            ["crate", "self", "super"].iter().any(|root| source.reads(at, &[root, ":", ":", "io"]))
                || source.reads(at, &["use", "io", ":", ":"]);
        if reaches_io {
            say("the pure part imports src/io".to_owned());
        }
    }
    findings
}

/// What directly follows `std::` at `at`: one name, or the names of a group.
fn std_parts(source: &Source, at: usize) -> Vec<&str> {
    if !source.reads(at, &["std", ":", ":"]) {
        return Vec::new();
    }
    if source.code(at + 3) != "{" {
        return vec![source.code(at + 3)];
    }
    let mut parts = Vec::new();
    let mut depth = 0_usize;
    for token in at + 3..source.code_len() {
        match source.code(token) {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            name if depth == 1 && matches!(source.code(token - 1), "{" | ",") => parts.push(name),
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> usize {
        check(&Tree::of(&[(path, code)])).len()
    }

    #[test]
    fn clocks_threads_files_and_floats_are_seen() {
        for code in [
            "use std::fs;",
            "use std::{fmt, fs::File};",
            "use std::{collections::{BTreeMap, BTreeSet}, thread};",
            "fn a() { std::env::var(\"B\"); }",
            "use std::time::SystemTime;",
            "type A = HashMap<u8, u8>;",
            "async fn a() {}",
            "const A: f64 = 1.0;",
            "use crate::io::journal;",
            "use super::io;",
            "pub use io::journal::Journal;",
        ] {
            assert_eq!(found("exchange/src/a.rs", code), 1, "{code}");
        }
    }

    #[test]
    fn io_tests_comments_and_other_crates_are_free() {
        let clock = "use std::time::SystemTime;";
        assert_eq!(found("exchange/src/io/journal.rs", clock), 0);
        assert_eq!(found("exchange/src/io.rs", clock), 0);
        assert_eq!(found("exchange/tests/it/main.rs", clock), 0);
        assert_eq!(found("api/src/sequencer.rs", clock), 0);
        assert_eq!(found("exchange/src/a.rs", "// std::fs, f64\n"), 0);
        assert_eq!(found("exchange/src/a.rs", "#[cfg(test)]\nmod tests {\nuse std::fs;\n}\n"), 0);
        assert_eq!(found("exchange/src/a.rs", "fn a() -> std::io::Error { b }"), 0);
    }
}
