//! How long things may be, and what every file begins with.

use crate::source::Source;
use crate::tree::{Finding, Tree};

/// From here on a file is asked to be split; test items do not count.
const FILE_LINES_SOFT: usize = 400;

/// No Rust file is longer than this, tests included.
const FILE_LINES_MAX: usize = 800;

/// No function has more lines of code than this, blank lines and comments aside.
const FUNCTION_LINES_MAX: usize = 70;

/// How far above a function its attributes are looked for.
const ATTRIBUTE_LINES: usize = 6;

/// How the reason of a function begins that may be longer, because it is a table.
const TABLE: &str = "a line for each ";

/// How that of a test begins that may be longer, because it is one script with what it must print.
const SCRIPT: &str = "one day from its first line to its last";

/// No tracked file is larger: data does not live in the repository.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Sizes and headers.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.bytes > FILE_BYTES_MAX) {
        let message = format!("{} bytes, limit {FILE_BYTES_MAX}", file.bytes);
        findings.push(Finding::new(&file.path, 0, message));
    }
    for source in &tree.sources {
        if !source.text.starts_with("//! ") {
            let message = "a file begins with `//!`: what it is, and what always holds";
            findings.push(Finding::new(&source.path, 1, message));
        }
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines, limit {FILE_LINES_MAX}");
            findings.push(Finding::new(&source.path, 0, message));
        }
        for function in source.functions() {
            if function.code_lines > FUNCTION_LINES_MAX && !is_a_table(source, function.line) {
                let message = format!(
                    "fn {} has {} lines of code, limit {FUNCTION_LINES_MAX}",
                    function.name, function.code_lines
                );
                findings.push(Finding::new(&source.path, function.line, message));
            }
        }
    }
    findings
}

/// Whether a function says that it is a table: an arm for each variant, which nobody can split without hiding one. A test may also be a
/// script. To be long for any other reason is no exception.
fn is_a_table(source: &Source, line: usize) -> bool {
    let above: Vec<&str> = source.text.lines().take(line.saturating_sub(1)).collect();
    let mut own: Vec<&str> = above
        .iter()
        .rev()
        .take(ATTRIBUTE_LINES)
        .map(|text| text.trim())
        // What belongs to the item before is no attribute of this one.
        .take_while(|text| !text.is_empty() && !text.starts_with('}'))
        .collect();
    own.reverse();
    let attributes = own.join(" ");
    let Some((_, rest)) = attributes.split_once("clippy::too_many_lines") else { return false };
    let Some((_, reason)) = rest.split_once("reason = \"") else { return false };
    reason.starts_with(TABLE) || (source.is_test_file() && reason.starts_with(SCRIPT))
}

/// Files to split soon; printed, never fatal.
pub(super) fn above_soft_limit(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .filter(|source| !source.is_test_file())
        .filter(|source| source.lines_without_tests() > FILE_LINES_SOFT)
        .map(|source| {
            let lines = source.lines_without_tests();
            let message = format!("{lines} lines without tests, soft limit {FILE_LINES_SOFT}");
            Finding::new(&source.path, 0, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Finding> {
        check(&Tree::of(&[("a/src/b.rs", text)]))
    }

    #[test]
    fn a_file_without_a_header_is_seen() {
        assert_eq!(found("//! What it is.\n"), []);
        assert_eq!(found("fn a() {}\n").len(), 1);
    }

    #[test]
    fn a_long_file_is_seen_and_a_fairly_long_one_is_mentioned() {
        let text = |lines: usize| format!("//! h\n{}", "const A: u8 = 1;\n".repeat(lines - 1));
        assert_eq!(found(&text(FILE_LINES_MAX)), []);
        assert_eq!(found(&text(FILE_LINES_MAX + 1)).len(), 1);
        let soft = |text: &str| above_soft_limit(&Tree::of(&[("a/src/b.rs", text)])).len();
        assert_eq!(soft(&text(FILE_LINES_SOFT)), 0);
        assert_eq!(soft(&text(FILE_LINES_SOFT + 1)), 1);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn a() {}\n".repeat(100));
        assert_eq!(soft(&format!("{}{tests}", text(FILE_LINES_SOFT))), 0);
    }

    #[test]
    fn a_long_function_is_seen() {
        let text = |lines: usize| format!("//! h\nfn a() {{\n{}}}\n", "    b();\n".repeat(lines));
        assert_eq!(found(&text(FUNCTION_LINES_MAX - 2)), []);
        let findings = found(&text(FUNCTION_LINES_MAX - 1));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 2);
    }

    #[test]
    fn a_long_function_passes_only_as_a_table_or_in_a_test_as_a_script() {
        let long = "    b();\n".repeat(FUNCTION_LINES_MAX);
        let found_in = |path: &str, above: &str| {
            let text = format!("//! h\n{above}fn a() {{\n{long}}}\n");
            check(&Tree::of(&[(path, &text)])).len()
        };
        let expect =
            |reason: &str| format!("#[expect(clippy::too_many_lines, reason = \"{reason}\")]\n");
        let table = expect("a line for each variant, and no decision");
        let script = expect("one day from its first line to its last");
        let (source, test) = ("a/src/b.rs", "a/tests/it/b.rs");
        assert_eq!(found_in(source, &table), 0);
        assert_eq!(found_in(source, &format!("/// A table.\n{table}/// More.\n")), 0);
        let broken = table.replace("(clippy", "(\n    clippy").replace(", reason", ",\n    reason");
        assert_eq!(found_in(source, &broken.replace("\")]", "\"\n)]")), 0);
        assert_eq!(found_in(source, &expect("it grew")), 1);
        assert_eq!(found_in(source, "#[expect(clippy::too_many_lines)]\n"), 1);
        assert_eq!((found_in(source, &script), found_in(test, &script)), (1, 0));
        // Somebody else's attribute.
        assert_eq!(found_in(source, &format!("{table}fn c() {{\n}}\n")), 1);
        assert_eq!(found_in(source, &format!("{table}const C: u8 = 1;\n\n")), 1);
    }

    #[test]
    fn a_huge_file_of_any_kind_is_seen() {
        let mut tree = Tree::default();
        tree.add("docs/picture.png", vec![0; FILE_BYTES_MAX + 1]);
        assert_eq!(check(&tree).len(), 1);
    }
}
