//! `cargo xtask rules`: the rule book of `docs/rules/` beside the tests that hold it.
//!
//! A rule is a paragraph: `**MATCH-001** sentence`, then a line `Why:`, then a line `Tests:` with one or more
//! `` `test_name` (crate) ``. Other paragraphs are prose.

mod matrix;
mod page;
mod python;

use crate::layout::Layout;
use crate::tree::{Finding, Tree};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// Where the rules stand.
const FOLDER: &str = "docs/rules/";

/// One rule as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// `MATCH-001`.
    pub(crate) id: String,
    /// The page.
    pub(crate) path: String,
    /// The line of the id.
    pub(crate) line: usize,
    /// One sentence that is true or false.
    pub(crate) sentence: String,
    /// The tests that hold it.
    pub(crate) tests: Vec<Citation>,
}

/// A test that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Citation {
    /// The function.
    pub(crate) test: String,
    /// The package in which it stands.
    pub(crate) member: String,
}

/// All rules by id.
#[derive(Default)]
pub(crate) struct Book {
    /// In the order of their ids.
    pub(crate) rules: BTreeMap<String, Rule>,
}

impl Book {
    /// Reads the pages; what does not parse, and ids given twice, are findings.
    pub(crate) fn read(tree: &Tree) -> (Self, Vec<Finding>) {
        let mut book = Self::default();
        let mut findings = Vec::new();
        let is_page = |path: &str| {
            path.starts_with(FOLDER) && path.ends_with(".md") && !path.ends_with("/README.md")
        };
        for file in tree.files.iter().filter(|file| is_page(&file.path)) {
            let text = file.text.as_deref().unwrap_or("");
            for rule in page::rules(&file.path, text, &mut findings) {
                let message = format!("{} is given twice", rule.id);
                let (path, line) = (rule.path.clone(), rule.line);
                if book.rules.insert(rule.id.clone(), rule).is_some() {
                    findings.push(Finding::new(&path, line, message));
                }
            }
        }
        (book, findings)
    }
}

/// Prints the matrix and fails on a rule without a test, or a test without a rule.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let tree = Tree::read(&layout.root)?;
    let (book, mut findings) = Book::read(&tree);
    findings.extend(matrix::check(layout, &tree, &book));
    for rule in book.rules.values() {
        println!("{:<12} {}", rule.id, rule.sentence);
        for Citation { test, member } in &rule.tests {
            println!("             - {test} ({member})");
        }
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "rules: {} findings", findings.len());
    let tests: usize = book.rules.values().map(|rule| rule.tests.len()).sum();
    println!("rules: {} rules, {tests} citations: in order", book.rules.len());
    Ok(())
}
