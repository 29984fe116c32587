//! Functions of Python files: tests of a package hold rules like any others.

use super::matrix::Named;
use crate::tree::Tree;

/// The packages, as a rule cites them: their folders.
pub(super) const PACKAGES: [&str; 1] = ["api/python"];

/// The functions that stand at the left margin, each up to the next line that does.
pub(super) fn functions(tree: &Tree) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".py")) {
        let mut rest = file.text.as_deref().unwrap_or("");
        let mut line = 1;
        while !rest.is_empty() {
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let (first, behind) = rest.split_at(length);
            if let Some(name) = name_of(first) {
                let text = &rest[..length + body_length(behind)];
                found.push(Named { name: name.to_owned(), path: &file.path, line, text });
            }
            (rest, line) = (behind, line + 1);
        }
    }
    found
}

/// `a` of `def a(` and of `async def a(`.
fn name_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("def ")?.split('(').next()
}

/// How far the lines go that are blank, indented, or the end of a long head.
fn body_length(text: &str) -> usize {
    let is_inside = |line: &&str| line.starts_with([' ', '\t', '\n', '\r', ')']);
    text.split_inclusive('\n').take_while(is_inside).map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_their_bodies() {
        let text = "import a\n\n\ndef b(\n    c,\n) -> None:\n    # R-001\n\n    d()\n\n\nasync def e():\n    pass\nf = 1\n";
        let tree = Tree::of(&[("api/python/tests/t.py", text), ("g.rs", "")]);
        let found = functions(&tree);
        let names: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.line)).collect();
        assert_eq!(names, [("b", 4), ("e", 12)]);
        assert!(found[0].text.ends_with("    d()\n\n\n"), "{:?}", found[0].text);
        assert!(found[1].text.ends_with("pass\n"));
    }
}
