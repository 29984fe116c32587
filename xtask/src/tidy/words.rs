//! One word per thing: what may not be written, and what to write instead. The glossary has the whole list; here stands the
//! part that can be told from legitimate use without reading.

use crate::source::{Kind, Source, Token};
use crate::tree::{Finding, Tree};

/// A word, or a run of words, that our prose and identifiers do not use. Text in quotes and in backticks is free: the wire
/// speaks another venue's language.
struct Banned {
    /// Lower case; an identifier or a comment is cut into words before it is compared.
    words: &'static [&'static str],
    /// The word to write.
    instead: &'static str,
    /// Comments are checked too.
    in_comments: bool,
    /// Only below these paths; everywhere if empty.
    only: &'static [&'static str],
}

const fn everywhere(words: &'static [&'static str], instead: &'static str) -> Banned {
    Banned { words, instead, in_comments: true, only: &[] }
}

const fn in_names(words: &'static [&'static str], instead: &'static str) -> Banned {
    Banned { words, instead, in_comments: false, only: &[] }
}

/// Crates in which a trade has no second meaning.
const CORE: &[&str] = &["exchange/", "matching-engine/", "settlement/"];

const BANNED: [Banned; 26] = [
    everywhere(&["symbol"], "instrument"),
    everywhere(&["symbols"], "instruments"),
    everywhere(&["cloid"], "client order id"),
    everywhere(&["pip"], "tick"),
    everywhere(&["pips"], "ticks"),
    everywhere(&["mempool"], "inbox"),
    everywhere(&["miner"], "provider"),
    everywhere(&["miners"], "providers"),
    everywhere(&["maturity"], "expiry"),
    everywhere(&["stopout"], "liquidation"),
    everywhere(&["fair", "price"], "mark price"),
    everywhere(&["customer"], "account"),
    everywhere(&["customers"], "accounts"),
    in_names(&["final", "price"], "settlement price"),
    in_names(&["spot", "price"], "index price"),
    in_names(&["trading", "pair"], "instrument"),
    in_names(&["user", "id"], "account"),
    in_names(&["trader", "id"], "account"),
    in_names(&["compute", "unit"], "GPU-hour"),
    in_names(&["wal"], "journal"),
    in_names(&["acct"], "account"),
    in_names(&["amt"], "amount"),
    in_names(&["mgr"], "a noun of the field"),
    in_names(&["manager"], "a noun of the field"),
    in_names(&["helper"], "what it does"),
    Banned { words: &["execution"], instead: "trade", in_comments: false, only: CORE },
];

/// Where foreign names are the point: the wire's own types, other projects' engines, and this tool, which has to know them.
const FREE: [&str; 4] =
    ["api/src/wire/", "api/src/wire.rs", "benches/peers/src/engines/", "xtask/"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 12] = [
    "common",
    "core",
    "helper",
    "helpers",
    "manager",
    "misc",
    "mod",
    "shared",
    "types",
    "util",
    "utilities",
    "utils",
];

/// Reminders and shortcuts, as runs of tokens; the flag says whether they are wrong in test code only.
const SHORTCUTS: [(&[&str], bool, &str); 6] = [
    (&["todo", "!"], false, "`todo!`: finish it or leave it out"),
    (&["unimplemented", "!"], false, "`unimplemented!`: finish it or leave it out"),
    (&["#", "[", "ignore"], false, "a test that does not run is no test"),
    (&["should_panic"], false, "test the refusal, not the panic"),
    (&["thread", ":", ":", "sleep"], true, "a test waits for an event, never for a while"),
    (&["[", "allow", "("], false, "exceptions are `#[expect(lint, reason = \"...\")]`"),
];

/// Words that mark unfinished work in a comment.
const REMINDERS: [&str; 4] = ["FIXME", "HACK", "TODO", "XXX"];

/// The project speaks of itself, never of the desk it was written at. Cut in two so that this file passes.
const DESK: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("sub", "agent"),
    concat!("helper", " agent"),
    concat!("anth", "ropic"),
    concat!("language", " model"),
];

/// Checks names, words and reminders of the tree.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        findings.extend(empty_name(source));
        findings.extend(shortcuts(source));
        findings.extend(reminders(source));
        if !FREE.iter().any(|free| source.path.starts_with(free)) {
            findings.extend(synonyms(source));
        }
    }
    for file in &tree.files {
        for (number, line) in file.text.iter().flat_map(|text| text.lines().zip(1..)).map(swap) {
            let line = line.to_lowercase();
            for word in DESK.iter().filter(|word| line.contains(**word)) {
                let message = format!("`{word}` is about where we work, not about the project");
                findings.push(Finding::new(&file.path, number, message));
            }
        }
    }
    findings
}

fn swap<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

fn empty_name(source: &Source) -> Option<Finding> {
    let path = source.path.strip_suffix(".rs")?;
    let name = path.split('/').find(|part| EMPTY_NAMES.contains(part))?;
    Some(Finding::new(
        &source.path,
        0,
        format!("`{name}` names nothing: a noun or verb of the field"),
    ))
}

fn shortcuts(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in 0..source.code_len() {
        for (pattern, only_in_tests, message) in SHORTCUTS {
            if source.reads(at, pattern) && (!only_in_tests || source.is_test(at)) {
                findings.push(Finding::new(&source.path, source.code_line(at), message));
            }
        }
    }
    findings
}

fn comments(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let is_comment = |token: &&Token| token.kind == Kind::Comment;
    source.tokens.iter().filter(is_comment).flat_map(|token| {
        let lines = source.text_of(token).lines().zip(token.line..);
        lines.map(swap)
    })
}

fn reminders(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in comments(source) {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        if let Some(word) = words.find(|word| REMINDERS.contains(word)) {
            let message = format!("`{word}`: do it, or say what is and why");
            findings.push(Finding::new(&source.path, line, message));
        }
    }
    findings
}

fn synonyms(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let banned = |path: &str| {
        let here =
            |it: &&Banned| it.only.is_empty() || it.only.iter().any(|at| path.starts_with(at));
        BANNED.iter().filter(here).collect::<Vec<_>>()
    };
    let banned = banned(&source.path);
    let mut compare = |line: usize, words: &[String], is_comment: bool| {
        for ban in banned.iter().filter(|ban| ban.in_comments || !is_comment) {
            if words.windows(ban.words.len()).any(|run| run == ban.words) {
                let message = format!("`{}`: write `{}`", ban.words.join(" "), ban.instead);
                findings.push(Finding::new(&source.path, line, message));
            }
        }
    };
    for token in source.tokens.iter().filter(|token| token.kind == Kind::Word) {
        compare(token.line, &words_of(source.text_of(token)), false);
    }
    for (line, text) in comments(source) {
        let prose: Vec<&str> = text.split('`').step_by(2).collect();
        for part in prose {
            compare(line, &words_of(part), true);
        }
    }
    findings
}

/// `FooBar_baz qux` as `foo bar baz qux`.
fn words_of(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<Finding> {
        check(&Tree::of(&[(path, code)]))
    }

    #[test]
    fn identifiers_are_cut_into_words() {
        assert_eq!(words_of("fairPrice2Max_of"), ["fair", "price2", "max", "of"]);
        assert_eq!(words_of("MAX_LEN"), ["max", "len"]);
    }

    #[test]
    fn synonyms_are_seen_in_names_and_prose() {
        for code in [
            "let symbol = 1;",
            "struct SymbolTable;",
            "// the fair price",
            "fn fair_price() {}",
            "let user_id = 1;",
            "struct OrderManager;",
            "/* a\n customer */",
        ] {
            assert_eq!(found("exchange/src/a.rs", code).len(), 1, "{code}");
        }
    }

    #[test]
    fn quotes_backticks_and_the_wire_are_free() {
        assert_eq!(found("exchange/src/a.rs", "let a = \"symbol\"; // `symbol`"), []);
        assert_eq!(found("api/src/wire/order.rs", "let symbol = 1;"), []);
        assert_eq!(found("exchange/src/a.rs", "// the user's symbolic pipe"), []);
    }

    #[test]
    fn some_words_are_wrong_in_one_crate_only() {
        assert_eq!(found("matching-engine/src/a.rs", "struct Execution;").len(), 1);
        assert_eq!(found("delivery-agent/src/a.rs", "struct Execution;").len(), 0);
    }

    #[test]
    fn empty_names_are_seen() {
        for path in ["a/src/utils.rs", "a/src/core/b.rs", "common/src/lib.rs", "a/src/b/mod.rs"] {
            assert_eq!(found(path, "").len(), 1, "{path}");
        }
        assert_eq!(found("a/src/core_of_it.rs", ""), []);
    }

    #[test]
    fn shortcuts_and_reminders_are_seen() {
        for code in [
            "fn a() { todo!() }",
            "fn a() { unimplemented!() }",
            "#[ignore]\nfn a() {}",
            "#[ignore = \"slow\"]\nfn a() {}",
            "#[should_panic]\nfn a() {}",
            "#[allow(dead_code)]\nfn a() {}",
            "#![allow(dead_code)]\n",
            "// FIXME\n",
            "/* XXX */",
            "#[cfg(test)]\nmod tests { fn a() { std::thread::sleep(b) } }",
        ] {
            assert_eq!(found("sim/src/a.rs", code).len(), 1, "{code}");
        }
        assert_eq!(found("sim/src/a.rs", "fn a() { std::thread::sleep(b) }"), []);
        assert_eq!(found("sim/tests/it/main.rs", "fn a() { std::thread::sleep(b) }").len(), 1);
    }

    #[test]
    fn the_desk_is_not_mentioned() {
        let text = format!("see {}x\n", DESK[0]);
        assert_eq!(found("docs/a.md", &text).len(), 1);
        assert_eq!(found("docs/a.md", "a network/ path\n"), []);
    }
}
