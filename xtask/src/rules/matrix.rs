//! Rules against functions: each rule's tests exist and say which rule they hold; no test claims a rule that is not written.

use super::{Book, Citation, Rule, page, python};
use crate::layout::Layout;
use crate::source::{Kind, Token};
use crate::tree::{Finding, Tree};
use std::collections::BTreeSet;

/// A function of any language that a rule may name.
pub(super) struct Named<'tree> {
    /// Its name.
    pub(super) name: String,
    /// Its file.
    pub(super) path: &'tree str,
    /// The line on which it begins.
    pub(super) line: usize,
    /// All of it, with what documents it.
    pub(super) text: &'tree str,
}

/// Compares the book with the tree.
pub(super) fn check(layout: &Layout, tree: &Tree, book: &Book) -> Vec<Finding> {
    let dirs: Vec<(&str, String)> = layout
        .crates
        .iter()
        .map(|member| (member.name.as_str(), format!("{}/", member.dir)))
        .chain(python::PACKAGES.map(|name| (name, format!("{name}/"))))
        .collect();
    let mut functions = python::functions(tree);
    for source in &tree.sources {
        functions.extend(source.functions().into_iter().map(|function| Named {
            name: function.name,
            path: &source.path,
            line: function.line,
            text: &source.text[function.text],
        }));
    }
    let mut findings = Vec::new();
    for rule in book.rules.values() {
        for citation in &rule.tests {
            let dir = dirs.iter().find(|(name, _)| *name == citation.member).map(|(_, dir)| dir);
            if let Some(message) = uncited(&functions, dir, rule, citation) {
                findings.push(Finding::new(&rule.path, rule.line, message));
            }
        }
    }
    findings.extend(claimed(&functions, book));
    findings.extend(unwritten(tree, book));
    findings
}

/// What is wrong with one citation.
fn uncited(
    functions: &[Named<'_>],
    dir: Option<&String>,
    rule: &Rule,
    citation: &Citation,
) -> Option<String> {
    let Citation { test, member } = citation;
    let Some(dir) = dir else {
        return Some(format!("{}: `{member}` is no crate of ours", rule.id));
    };
    let is_it =
        |function: &&Named<'_>| function.name == *test && function.path.starts_with(dir.as_str());
    let mut found = functions.iter().filter(is_it).peekable();
    if found.peek().is_none() {
        return Some(format!("{}: `{test}` is not in {member}", rule.id));
    }
    let says = |function: &Named<'_>| {
        let text = function.text.to_lowercase();
        let id = rule.id.to_lowercase();
        text.contains(&id) || text.contains(&id.replace('-', "_"))
    };
    (!found.any(says)).then(|| format!("{}: `{test}` does not name the rule", rule.id))
}

/// Functions whose name begins like the test of a rule that no page has.
fn claimed(functions: &[Named<'_>], book: &Book) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in functions {
        // In Python every test's name begins with this word.
        let name = function.name.strip_prefix("test_").unwrap_or(&function.name);
        let mut parts = name.splitn(3, '_').map(str::to_uppercase);
        if let (Some(area), Some(number)) = (parts.next(), parts.next()) {
            let id = format!("{area}-{number}");
            if page::is_rule_id(&id) && !book.rules.contains_key(&id) {
                let message = format!("{id} is not in the rule book");
                findings.push(Finding::new(function.path, function.line, message));
            }
        }
    }
    findings
}

/// Rule ids in comments and strings that no page has. An area that the book does not know is not ours to judge (EIP-712).
fn unwritten(tree: &Tree, book: &Book) -> Vec<Finding> {
    let areas: BTreeSet<&str> =
        book.rules.keys().filter_map(|id| id.split_once('-')).map(|(area, _)| area).collect();
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| !source.path.starts_with("xtask/")) {
        let is_text = |token: &&Token| matches!(token.kind, Kind::Comment | Kind::Literal);
        for token in source.tokens.iter().filter(is_text) {
            for id in ids_in(source.text_of(token)) {
                let is_ours = id.split_once('-').is_some_and(|(area, _)| areas.contains(area));
                if is_ours && !book.rules.contains_key(&id) {
                    let message = format!("{id} is not in the rule book");
                    findings.push(Finding::new(&source.path, token.line, message));
                }
            }
        }
    }
    findings
}

/// `MATCH-001` anywhere in a text.
fn ids_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| page::is_rule_id(word)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Crate;

    const PAGE: &str = "**MATCH-001** A.\nWhy: b.\nTests: `c` (matching-engine)\n";

    fn found(page: &str, code: &str) -> Vec<String> {
        let member = Crate {
            name: "matching-engine".to_owned(),
            dir: "matching-engine".to_owned(),
            dependencies: Vec::new(),
        };
        let layout = Layout { root: "".into(), target: "".into(), crates: vec![member] };
        let tree = Tree::of(&[("docs/rules/match.md", page), ("matching-engine/src/a.rs", code)]);
        let (book, mut findings) = Book::read(&tree);
        findings.extend(check(&layout, &tree, &book));
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_test_names_its_rule_in_its_name_its_comment_or_its_body() {
        let none: [&str; 0] = [];
        assert_eq!(found(PAGE, "/// MATCH-001\n#[test]\nfn c() {}\n"), none);
        assert_eq!(found(PAGE, "#[test]\nfn c() { let a = \"match-001\"; }\n"), none);
        let page = PAGE.replace("`c`", "`match_001_c`");
        assert_eq!(found(&page, "#[test]\nfn match_001_c() {}\n"), none);
        assert_eq!(found(PAGE, "fn a() { /* MATCH-001 */ }\n#[test]\nfn c() {}\n").len(), 1);
    }

    #[test]
    fn a_rule_whose_test_is_gone_is_seen() {
        assert_eq!(found(PAGE, "//! h\n"), ["MATCH-001: `c` is not in matching-engine"]);
        let page = PAGE.replace("(matching-engine)", "(nowhere)");
        assert_eq!(found(&page, "//! h\n"), ["MATCH-001: `nowhere` is no crate of ours"]);
    }

    #[test]
    fn a_python_test_may_hold_a_rule() {
        let page = "**PY-001** A.\nWhy: b.\nTests: `test_py_001_c` (api/python)\n";
        let code = "def test_py_001_c() -> None:\n    pass\n";
        let found = |page: &str, code: &str| {
            let layout = Layout { root: "".into(), target: "".into(), crates: Vec::new() };
            let tree = Tree::of(&[("docs/rules/py.md", page), ("api/python/tests/a.py", code)]);
            let (book, _) = Book::read(&tree);
            let findings = check(&layout, &tree, &book);
            findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(found(page, code), none);
        assert_eq!(found(page, "x = 1\n"), ["PY-001: `test_py_001_c` is not in api/python"]);
        let other = format!("{code}\ndef test_py_002_d():\n    pass\n");
        assert_eq!(found(page, &other), ["PY-002 is not in the rule book"]);
    }

    #[test]
    fn a_rule_that_nobody_wrote_is_seen() {
        let cited = "/// MATCH-001\n#[test]\nfn c() {}\n";
        for code in
            ["fn match_002_d() {}\n", "// see MATCH-002\n", "const A: &str = \"MATCH-002\";\n"]
        {
            let code = format!("{cited}{code}");
            assert_eq!(found(PAGE, &code), ["MATCH-002 is not in the rule book"], "{code}");
        }
        assert_eq!(found(PAGE, &format!("{cited}// EIP-712\nfn utf_8_a() {{}}\n")).len(), 0);
        assert_eq!(found(PAGE, &format!("{cited}fn other_001_a() {{}}\n")).len(), 1);
    }

    #[test]
    fn an_id_is_given_once() {
        let messages = found(&format!("{PAGE}\n{PAGE}"), "/// MATCH-001\nfn c() {}\n");
        assert_eq!(messages, ["MATCH-001 is given twice"]);
    }
}
