//! From text to tokens.

use super::{Kind, Token};

/// Cuts `text` into tokens; white space is dropped.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(byte) = lexer.peek(0) {
        if byte.is_ascii_whitespace() {
            lexer.step(1);
            continue;
        }
        let (start, line) = (lexer.at, lexer.line);
        let kind = lexer.token(byte);
        tokens.push(Token { kind, span: start..lexer.at, line });
    }
    tokens
}

struct Lexer<'text> {
    bytes: &'text [u8],
    at: usize,
    line: usize,
}

impl Lexer<'_> {
    fn peek(&self, offset: usize) -> Option<u8> {
        self.bytes.get(self.at + offset).copied()
    }

    /// Moves on, counting lines; never past the end.
    fn step(&mut self, count: usize) {
        for _ in 0..count {
            match self.peek(0) {
                Some(b'\n') => self.line += 1,
                Some(_) => {}
                None => return,
            }
            self.at += 1;
        }
    }

    fn step_while(&mut self, holds: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&holds) {
            self.step(1);
        }
    }

    fn token(&mut self, byte: u8) -> Kind {
        match byte {
            b'/' if self.peek(1) == Some(b'/') => {
                self.step_while(|byte| byte != b'\n');
                Kind::Comment
            }
            b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
            b'"' => self.string(1),
            b'\'' => self.character_or_lifetime(),
            b'0'..=b'9' => {
                self.step_while(is_word);
                Kind::Literal
            }
            _ if is_word(byte) => self.word_or_prefixed_string(),
            _ => {
                self.step(1);
                Kind::Mark
            }
        }
    }

    fn block_comment(&mut self) -> Kind {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.step(2);
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.step(2);
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.step(1),
            }
        }
        Kind::Comment
    }

    /// A string with escapes whose text begins after `prefix` bytes.
    fn string(&mut self, prefix: usize) -> Kind {
        self.step(prefix);
        while let Some(byte) = self.peek(0) {
            self.step(if byte == b'\\' { 2 } else { 1 });
            if byte == b'"' {
                break;
            }
        }
        Kind::Literal
    }

    /// A string without escapes, closed by a quote and `hashes` hashes; stands on the first hash or quote.
    fn raw_string(&mut self, hashes: usize) -> Kind {
        self.step(hashes + 1);
        while let Some(byte) = self.peek(0) {
            self.step(1);
            if byte == b'"' && (0..hashes).all(|offset| self.peek(offset) == Some(b'#')) {
                self.step(hashes);
                break;
            }
        }
        Kind::Literal
    }

    fn character_or_lifetime(&mut self) -> Kind {
        if self.peek(1) == Some(b'\\') {
            self.step(3);
            self.step_while(|byte| byte != b'\'');
            self.step(1);
            return Kind::Literal;
        }
        // One character, of one to four bytes, between quotes; anything else is a lifetime.
        let closes = |offset: &usize| self.peek(*offset) == Some(b'\'');
        if let Some(close) = (2..=5).find(closes).filter(|&close| self.is_one_character(close)) {
            self.step(close + 1);
        } else {
            self.step(1);
            self.step_while(is_word);
        }
        Kind::Literal
    }

    fn is_one_character(&self, close: usize) -> bool {
        std::str::from_utf8(&self.bytes[self.at + 1..self.at + close])
            .is_ok_and(|text| text.chars().count() == 1)
    }

    fn word_or_prefixed_string(&mut self) -> Kind {
        let start = self.at;
        self.step_while(is_word);
        let word = &self.bytes[start..self.at];
        if matches!(word, b"b" | b"c") && self.peek(0) == Some(b'"') {
            return self.string(1);
        }
        if word == b"b" && self.peek(0) == Some(b'\'') {
            return self.character_or_lifetime();
        }
        if matches!(word, b"r" | b"br" | b"cr") {
            let hashes = (0..).take_while(|&offset| self.peek(offset) == Some(b'#')).count();
            if self.peek(hashes) == Some(b'"') {
                return self.raw_string(hashes);
            }
            if word == b"r" && hashes == 1 {
                self.step(1);
                self.step_while(is_word);
            }
        }
        Kind::Word
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let words = tokens(text).into_iter().filter(|token| token.kind == Kind::Word);
        words.map(|token| &text[token.span]).collect()
    }

    #[test]
    fn strings_characters_and_comments_hold_no_code() {
        let text = r####"a "b \" c" 'd' '\'' 'é' b"e" r#"f " g"# // h
            /* i /* j */ k */ l b'm' '\u{1F600}' n"####;
        assert_eq!(words(text), ["a", "l", "n"]);
    }

    #[test]
    fn a_lifetime_does_not_open_a_character() {
        assert_eq!(words("fn a<'b>(c: &'b str) { d('e') }"), ["fn", "a", "c", "str", "d"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let all = tokens("a\n\"b\nc\"\n/* d\n */ e");
        assert_eq!(all.iter().map(|token| token.line).collect::<Vec<_>>(), [1, 2, 4, 5]);
    }

    #[test]
    fn a_raw_word_is_one_word() {
        assert_eq!(words("r#type x"), ["r#type", "x"]);
    }
}
