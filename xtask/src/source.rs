//! A Rust file cut into tokens, which is all that our checks need to know of the language.
//!
//! Not a parser: strings, characters and comments are told apart from code, braces are matched, and that is enough to find
//! functions and test modules. A file that does not lex (an unclosed string) yields the tokens up to there; rustc complains.

mod lexer;

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword.
    Word,
    /// One character of punctuation.
    Mark,
    /// A number, string or character; its text is never checked.
    Literal,
    /// A comment, documentation included.
    Comment,
}

/// A piece of a file.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where its text lies.
    pub(crate) span: Range<usize>,
    /// The line on which it begins, from one.
    pub(crate) line: usize,
}

/// A function: `fn` to its closing brace.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of `fn`.
    pub(crate) line: usize,
    /// Lines that hold code, from `fn` to the brace.
    pub(crate) code_lines: usize,
    /// The text from its attributes and documentation to its closing brace.
    pub(crate) text: Range<usize>,
}

/// A scanned file.
pub(crate) struct Source {
    /// Relative to the root.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// Its tokens in order.
    pub(crate) tokens: Vec<Token>,
    /// Positions in `code` that belong to `#[cfg(test)]` items.
    tests: Vec<Range<usize>>,
    /// The tokens that are not comments, as positions in `tokens`.
    code: Vec<usize>,
}

impl Source {
    /// Cuts `text` into tokens and finds its test items.
    pub(crate) fn scan(path: &str, text: String) -> Self {
        let tokens = lexer::tokens(&text);
        let code = (0..tokens.len()).filter(|&at| tokens[at].kind != Kind::Comment).collect();
        let mut source = Self { path: path.to_owned(), text, tokens, tests: Vec::new(), code };
        source.tests = source.find_tests();
        source
    }

    /// Whether the whole file is test or benchmark code.
    pub(crate) fn is_test_file(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.split('/').any(|part| part == "tests" || part == "benches")
                && !self.path.starts_with("benches/src/")
    }

    /// The text of a token.
    pub(crate) fn text_of(&self, token: &Token) -> &str {
        &self.text[token.span.clone()]
    }

    /// How many tokens are not comments.
    pub(crate) fn code_len(&self) -> usize {
        self.code.len()
    }

    /// The text of the `at`th token that is not a comment; empty past the end, and for literals.
    pub(crate) fn code(&self, at: usize) -> &str {
        match self.code.get(at).map(|&token| &self.tokens[token]) {
            Some(token) if token.kind != Kind::Literal => self.text_of(token),
            Some(_) | None => "",
        }
    }

    /// The line of the `at`th token that is not a comment.
    pub(crate) fn code_line(&self, at: usize) -> usize {
        self.code.get(at).map_or(0, |&token| self.tokens[token].line)
    }

    /// Whether the `at`th token that is not a comment stands in test code.
    pub(crate) fn is_test(&self, at: usize) -> bool {
        self.is_test_file() || self.tests.iter().any(|range| range.contains(&at))
    }

    /// Whether the tokens from `at` on read `pattern`, token by token.
    pub(crate) fn reads(&self, at: usize, pattern: &[&str]) -> bool {
        pattern.iter().enumerate().all(|(offset, expected)| self.code(at + offset) == *expected)
    }

    /// How many lines the file has without its test items.
    pub(crate) fn lines_without_tests(&self) -> usize {
        let all = self.text.lines().count();
        let in_tests: usize = self
            .tests
            .iter()
            .map(|range| self.code_line(range.end - 1) - self.code_line(range.start) + 1)
            .sum();
        all - in_tests
    }

    /// Every function with a body, nested ones too.
    pub(crate) fn functions(&self) -> Vec<Function> {
        (0..self.code.len()).filter_map(|at| self.function_at(at)).collect()
    }

    fn function_at(&self, at: usize) -> Option<Function> {
        let name = self.code(at + 1);
        if self.code(at) != "fn" || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return None;
        }
        let body = self.item_body(at)?;
        let mut lines: Vec<usize> = (at..body.end).map(|token| self.code_line(token)).collect();
        lines.dedup();
        let start = self.lead_in(self.code[at]);
        let end = self.tokens[self.code[body.end - 1]].span.end;
        Some(Function {
            name: name.to_owned(),
            line: self.code_line(at),
            code_lines: lines.len(),
            text: start..end,
        })
    }

    /// The braces that follow `at`, unless a `;` at the same depth comes first.
    fn item_body(&self, at: usize) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        for token in at..self.code.len() {
            match self.code(token) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                ";" if depth == 0 => return None,
                "{" if depth == 0 => return Some(token..self.closing(token) + 1),
                _ => {}
            }
        }
        None
    }

    /// The brace that closes the one at `open`; the last token if none does.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for token in open..self.code.len() {
            match self.code(token) {
                "{" => depth += 1,
                "}" if depth == 1 => return token,
                "}" => depth -= 1,
                _ => {}
            }
        }
        self.code.len() - 1
    }

    /// Where the attributes and comments directly before the item of `token` begin.
    fn lead_in(&self, token: usize) -> usize {
        let boundary = |token: &Token| {
            token.kind == Kind::Mark && matches!(self.text_of(token), "{" | "}" | ";")
        };
        let first = (0..token).rev().find(|&at| boundary(&self.tokens[at])).map_or(0, |at| at + 1);
        self.tokens[first].span.start
    }

    fn find_tests(&self) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while at < self.code.len() {
            match self.test_item(at) {
                Some(end) => {
                    found.push(at..end);
                    at = end;
                }
                None => at += 1,
            }
        }
        found
    }

    /// The end of the item that begins with `#[cfg(test)]` at `at`.
    fn test_item(&self, at: usize) -> Option<usize> {
        if !self.reads(at, &["#", "[", "cfg", "("]) {
            return None;
        }
        let close = (at..self.code.len()).find(|&token| self.code(token) == "]")?;
        let names = |word| (at..close).any(|token| self.code(token) == word);
        if !names("test") || names("not") {
            return None;
        }
        let end = self.item_body(close + 1).map_or_else(
            || (close..self.code.len()).find(|&token| self.code(token) == ";").map(|it| it + 1),
            |body| Some(body.end),
        );
        end.or(Some(self.code.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Source {
        Source::scan("a/src/b.rs", text.to_owned())
    }

    #[test]
    fn functions_are_measured_without_blank_lines_and_comments() {
        let text = "//! h\n/// Doc.\n#[must_use]\nfn a() -> u8 {\n    // why\n\n    let b = \"}\";\n    1\n}\nfn c();\n";
        let source = scan(text);
        let functions = source.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!((functions[0].name.as_str(), functions[0].line), ("a", 4));
        assert_eq!(functions[0].code_lines, 4);
        assert!(source.text[functions[0].text.clone()].starts_with("//! h\n/// Doc."));
    }

    #[test]
    fn array_types_in_a_signature_do_not_end_it() {
        let functions = scan("fn a(b: [u8; 3]) -> [u8; 2] { c }").functions();
        assert_eq!(functions.len(), 1);
    }

    #[test]
    fn test_items_are_told_apart_from_production() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = scan(text);
        assert_eq!(source.lines_without_tests(), 2);
        let words: Vec<&str> = (0..source.code_len())
            .filter(|&at| !source.is_test(at))
            .map(|at| source.code(at))
            .filter(|word| *word == "a" || *word == "b" || *word == "c")
            .collect();
        assert_eq!(words, ["a", "c"]);
    }

    #[test]
    fn an_attribute_for_everything_but_tests_is_production() {
        let source = scan("#[cfg(not(test))]\nmod real {\n}\n");
        assert_eq!(source.lines_without_tests(), 3);
    }

    #[test]
    fn a_test_file_is_named_tests_or_lies_below_tests() {
        for (path, is_test) in [
            ("a/src/b/tests.rs", true),
            ("a/tests/it/main.rs", true),
            ("benches/benches/book.rs", true),
            ("benches/src/lib.rs", false),
            ("a/src/b.rs", false),
        ] {
            assert_eq!(Source::scan(path, String::new()).is_test_file(), is_test, "{path}");
        }
    }
}
