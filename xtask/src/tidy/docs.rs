//! Documents in step with the tree: the crate table, the changelog's existence, and links that lead somewhere.

use crate::layout::Layout;
use crate::tree::{Finding, Tree};
use std::collections::BTreeSet;

/// The page that holds the crate table.
const ARCHITECTURE: &str = "docs/architecture.md";

/// The heading above the table.
const CRATES_HEADING: &str = "## The crates";

/// The most lines a page may have: a page that nobody finishes is no page.
const PAGE_LINES_MAX: [(&str, usize); 2] = [("README.md", 150), (ARCHITECTURE, 400)];

/// Checks the documents.
pub(super) fn check(layout: &Layout, tree: &Tree) -> Vec<Finding> {
    let members: Vec<&str> = layout.crates.iter().map(|member| member.name.as_str()).collect();
    [crate_table(&members, tree), lengths(tree), links(tree)].into_iter().flatten().collect()
}

fn crate_table(members: &[&str], tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(ARCHITECTURE) else {
        return vec![Finding::new(ARCHITECTURE, 0, "is missing")];
    };
    let section = text.split_once(CRATES_HEADING).map_or("", |(_, rest)| rest);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let members: BTreeSet<&str> = members.iter().copied().collect();
    let absent = members.difference(&listed).map(|name| format!("no row for the crate `{name}`"));
    let extra = listed.difference(&members).map(|name| format!("`{name}` is no crate of ours"));
    absent.chain(extra).map(|message| Finding::new(ARCHITECTURE, 0, message)).collect()
}

fn lengths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, limit) in PAGE_LINES_MAX {
        let lines = tree.text(path).map_or(0, |text| text.lines().count());
        if lines > limit {
            findings.push(Finding::new(path, 0, format!("{lines} lines, limit {limit}")));
        }
    }
    findings
}

fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in file.text.iter().flat_map(|text| link_targets(text)) {
            if !leads_somewhere(tree, &file.path, target) {
                let message = format!("the link `{target}` leads nowhere");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// What stands in `](...)` outside code, with its line.
fn link_targets(text: &str) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let prose = line.split('`').step_by(2);
        // A link whose text is code is cut at the backticks; its target still follows `](` in one of the parts.
        for part in prose {
            let found = part.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
            targets.extend(found.map(|target| (number, target)));
        }
    }
    targets
}

fn leads_somewhere(tree: &Tree, from: &str, target: &str) -> bool {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return true;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { from.to_owned() } else { resolve(from, path) };
    let inside = format!("{path}/");
    let exists = |file: &crate::tree::File| file.path == path || file.path.starts_with(&inside);
    let has_anchor = || tree.text(&path).is_some_and(|text| anchors(text).contains(anchor));
    tree.files.iter().any(exists) && (anchor.is_empty() || has_anchor())
}

/// `target` as seen from the folder of `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors that forges make of a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
    };
    headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# A\n\n## The crates\n\n| crate | is |\n|---|---|\n| `a` | x |\n| `b` | y |\n\n## Next\n| `c` | z |\n";

    #[test]
    fn the_crate_table_lists_the_members() {
        let tree = Tree::of(&[(ARCHITECTURE, TABLE)]);
        assert_eq!(crate_table(&["a", "b"], &tree), []);
        assert_eq!(crate_table(&["a", "b", "c"], &tree)[0].message, "no row for the crate `c`");
        assert_eq!(crate_table(&["a"], &tree)[0].message, "`b` is no crate of ours");
        assert_eq!(crate_table(&["a"], &Tree::default()).len(), 1);
    }

    #[test]
    fn dead_links_are_seen() {
        let page = "[a](b.md) [`c`](../d/e.md#the-end) [f](https://g) `[h](i.md)`\n```\n[j](k.md)\n```\n[l](#top)\n# Top\n";
        let whole = [("docs/a.md", page), ("docs/b.md", ""), ("d/e.md", "## The end\n"), ("z", "")];
        assert_eq!(links(&Tree::of(&whole)), []);
        assert_eq!(links(&Tree::of(&[whole[0], whole[1], ("d/e.md", "## End\n")])).len(), 1);
        assert_eq!(links(&Tree::of(&[whole[0], whole[2]])).len(), 1);
        assert_eq!(links(&Tree::of(&[("a.md", "[a](b/)\n"), ("b/c.rs", "//! c\n")])), []);
    }

    #[test]
    fn a_page_has_an_end() {
        let tree = Tree::of(&[("README.md", &"a\n".repeat(151))]);
        assert_eq!(lengths(&tree).len(), 1);
    }
}
