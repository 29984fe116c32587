//! One page of the rule book, from Markdown to rules.

use super::{Citation, Rule};
use crate::tree::Finding;

/// The rules of a page; what is wrong with it goes to `findings`.
pub(super) fn rules(path: &str, text: &str, findings: &mut Vec<Finding>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (line, paragraph) in paragraphs(text) {
        match rule(path, line, &paragraph) {
            Ok(found) => rules.extend(found),
            Err(message) => findings.push(Finding::new(path, line, message)),
        }
    }
    if rules.is_empty() {
        findings.push(Finding::new(path, 0, "a page of the rule book without a rule"));
    }
    rules
}

/// Runs of lines between blank lines, each with the number of its first line.
fn paragraphs(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut is_open = false;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        match found.last_mut() {
            Some((_, paragraph)) if is_open && !line.is_empty() => paragraph.push(line),
            Some(_) | None if !line.is_empty() => found.push((number, vec![line])),
            Some(_) | None => {}
        }
        is_open = !line.is_empty();
    }
    found
}

/// `None` for prose.
fn rule(path: &str, line: usize, paragraph: &[&str]) -> Result<Option<Rule>, String> {
    let is_marked = |line: &&str| line.starts_with("Why:") || line.starts_with("Tests:");
    let first = paragraph.first().copied().unwrap_or("");
    let Some((id, sentence)) = first.strip_prefix("**").and_then(|it| it.split_once("**")) else {
        return match paragraph.iter().find(|line| is_marked(line)) {
            Some(line) => Err(format!("`{line}` belongs to no rule")),
            None => Ok(None),
        };
    };
    if !is_rule_id(id) {
        return Err(format!("`{id}` is not a rule id such as MATCH-001"));
    }
    let mut parts = [sentence.to_owned(), String::new(), String::new()];
    let mut part = 0;
    for line in &paragraph[1..] {
        let mut text = *line;
        for (number, mark) in [(1, "Why:"), (2, "Tests:")] {
            if let Some(rest) = line.strip_prefix(mark) {
                (part, text) = (number, rest);
            }
        }
        parts[part].push(' ');
        parts[part].push_str(text.trim());
    }
    let [sentence, why, tests] = parts.map(|part| part.trim().to_owned());
    if sentence.is_empty() || why.is_empty() {
        return Err(format!("{id} needs a sentence and a `Why:`"));
    }
    let tests = citations(&tests).ok_or_else(|| {
        format!("{id} needs `Tests:` with one or more \"`test_name` (crate)\", separated by commas")
    })?;
    Ok(Some(Rule { id: id.to_owned(), path: path.to_owned(), line, sentence, tests }))
}

/// `` `a` (b), `c` (d) ``; `None` if there is none or one is malformed.
fn citations(text: &str) -> Option<Vec<Citation>> {
    let one = |text: &str| {
        let (test, rest) = text.trim().strip_prefix('`')?.split_once('`')?;
        let member = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(Citation { test: test.to_owned(), member: member.to_owned() })
    };
    text.trim_end_matches(['.', ',']).split("),").map(closed).map(|it| one(&it)).collect()
}

/// The parenthesis that splitting took away.
fn closed(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(')') { text.to_owned() } else { format!("{text})") }
}

/// Capitals, a hyphen, three digits.
pub(super) fn is_rule_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Title\n\nSome prose.\n\n**MATCH-001** Best first,\nthen oldest.\nWhy: fair.\nTests: `match_001_a` (matching-engine),\n`b` (sim)\n\n**MATCH-002** Two.\nWhy: so.\nTests: `c` (sim).\n";

    fn read(text: &str) -> (Vec<Rule>, Vec<Finding>) {
        let mut findings = Vec::new();
        let rules = rules("docs/rules/match.md", text, &mut findings);
        (rules, findings)
    }

    #[test]
    fn a_rule_has_a_sentence_a_reason_and_tests() {
        let (rules, findings) = read(GOOD);
        assert_eq!(findings, []);
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].id, "MATCH-001");
        assert_eq!(rules[0].line, 5);
        assert_eq!(rules[0].sentence, "Best first, then oldest.");
        let names: Vec<_> = rules[0].tests.iter().map(|it| (&*it.test, &*it.member)).collect();
        assert_eq!(names, [("match_001_a", "matching-engine"), ("b", "sim")]);
        assert_eq!(rules[1].tests[0].member, "sim");
    }

    #[test]
    fn what_is_missing_or_malformed_is_seen() {
        for text in [
            "**MATCH-001** A.\nTests: `a` (b)\n",
            "**MATCH-001** A.\nWhy: b.\n",
            "**MATCH-001** A.\nWhy: b.\nTests:\n",
            "**MATCH-001** A.\nWhy: b.\nTests: a_test\n",
            "**MATCH-001** A.\nWhy: b.\nTests: `a`\n",
            "**MATCH-1** A.\nWhy: b.\nTests: `a` (b)\n",
        ] {
            // The page also has no rule left.
            assert_eq!(read(text).1.len(), 2, "{text}");
        }
        assert_eq!(read(&format!("{GOOD}\nWhy: nobody asked.\n")).1.len(), 1);
    }
}
