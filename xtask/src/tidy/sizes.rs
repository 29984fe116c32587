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

/// Whether a function says that it is a table: an arm for each variant, which nobody can split without hiding one.
fn is_a_table(source: &Source, line: usize) -> bool {
    let above = line.saturating_sub(1);
    let attributes = source.text.lines().take(above).skip(above.saturating_sub(ATTRIBUTE_LINES));
    attributes.into_iter().any(|text| text.contains("clippy::too_many_lines"))
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
    fn a_huge_file_of_any_kind_is_seen() {
        let mut tree = Tree::default();
        tree.add("docs/picture.png", vec![0; FILE_BYTES_MAX + 1]);
        assert_eq!(check(&tree).len(), 1);
    }
}
