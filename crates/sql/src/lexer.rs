//! PostgreSQL's tokens, one at a time, over `squawk_lexer`.
//!
//! Two things are added: lexing can go on at any offset, which inline COPY data needs, and a string that continues an
//! `E'…'` on the next line keeps its backslash escapes, as in PostgreSQL. `standard_conforming_strings` is taken as on.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind};

const STRAY_BOM: char = '\u{feff}';

/// One token and its place.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<usize>,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    pub(crate) fn is_trivia(&self) -> bool {
        matches!(self.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. })
    }

    /// Is this the unquoted word `word` (given in lower case)?
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Ident && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Literal {
                kind: LiteralKind::Str { .. }
                    | LiteralKind::EscStr { .. }
                    | LiteralKind::NationalStr { .. }
                    | LiteralKind::UnicodeEscStr { .. }
                    | LiteralKind::DollarQuotedString { .. }
            }
        )
    }

    /// What the token opens and never closes, in words.
    pub(crate) fn unterminated(&self) -> Option<&'static str> {
        match self.kind {
            TokenKind::BlockComment { terminated: false } => Some("comment"),
            TokenKind::QuotedIdent { terminated: false, .. } => Some("quoted identifier"),
            TokenKind::Literal { kind } => match kind {
                LiteralKind::DollarQuotedString { terminated: false } => Some("dollar-quoted string"),
                LiteralKind::Str { terminated: false }
                | LiteralKind::EscStr { terminated: false }
                | LiteralKind::NationalStr { terminated: false }
                | LiteralKind::UnicodeEscStr { terminated: false }
                | LiteralKind::BitStr { terminated: false }
                | LiteralKind::ByteStr { terminated: false } => Some("string"),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The tokens of `text` from an offset on, trivia included.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    escape: Escape,
}

/// Whether the next plain string would continue an `E'…'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    SameLine,
    NextLine,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0, escape: Escape::No }
    }

    /// Only the tokens of `range`; ranges stay those of the whole text.
    pub(crate) fn within(text: &'a str, range: &Range<usize>) -> Self {
        Self { pos: range.start, ..Self::new(&text[..range.end]) }
    }

    /// Goes on at `offset`, which must lie behind what was read.
    pub(crate) fn skip_to(&mut self, offset: usize) {
        self.pos = offset;
        self.escape = Escape::No;
    }

    /// The tokens that are neither whitespace nor comment.
    pub(crate) fn significant(self) -> impl Iterator<Item = Token<'a>> {
        self.filter(|token| !token.is_trivia())
    }

    fn lex(&self, rest: &str) -> (TokenKind, usize) {
        // The tokenizer would take a byte order mark inside the file for whitespace; the server does not.
        if rest.starts_with(STRAY_BOM) {
            return (TokenKind::Unknown, STRAY_BOM.len_utf8());
        }
        let token = squawk_lexer::tokenize(rest).next().expect("text that is not empty starts with a token");
        match token.kind {
            TokenKind::Literal { kind: LiteralKind::Str { .. } } if self.escape == Escape::NextLine => {
                let end = escape_string_end(rest);
                let terminated = end.is_some();
                let kind = LiteralKind::EscStr { terminated };
                (TokenKind::Literal { kind }, end.unwrap_or(rest.len()))
            }
            kind => (kind, token.len as usize),
        }
    }

    fn escape_after(&self, token: &Token<'_>) -> Escape {
        match token.kind {
            TokenKind::Literal { kind: LiteralKind::EscStr { .. } } => Escape::SameLine,
            TokenKind::Whitespace if self.escape == Escape::SameLine => {
                if token.text.contains(['\n', '\r']) {
                    Escape::NextLine
                } else {
                    Escape::SameLine
                }
            }
            TokenKind::Whitespace | TokenKind::LineComment => self.escape,
            _ => Escape::No,
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.text[self.pos..];
        if rest.is_empty() {
            return None;
        }
        let (kind, len) = self.lex(rest);
        let token = Token { kind, range: self.pos..self.pos + len, text: &rest[..len] };
        self.pos += len;
        self.escape = self.escape_after(&token);
        Some(token)
    }
}

/// The length of the string at the start of `text` when backslashes escape, or none if it does not end.
fn escape_string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\\', _) | (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The text that a string token stands for, and where it starts. Escapes of `E''` and `U&''` are left as they are.
pub(crate) fn string_value(token: &Token<'_>) -> Option<(String, usize)> {
    let start = token.range.start;
    match token.kind {
        TokenKind::Literal { kind: LiteralKind::DollarQuotedString { terminated: true } } => {
            let tag = token.text[1..].find('$')? + 2;
            let inner = token.text.get(tag..token.text.len() - tag)?;
            Some((inner.to_owned(), start + tag))
        }
        _ if token.is_string() && token.unterminated().is_none() => {
            let open = token.text.find('\'')? + 1;
            let inner = token.text.get(open..token.text.len() - 1)?;
            Some((inner.replace("''", "'"), start + open))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[&str]) {
        let got: Vec<_> = Lexer::new(sql).significant().map(|token| token.text).collect();
        assert_eq!(got, expected, "{sql:?}");
    }

    #[test]
    fn escapes_go_on_in_a_continued_string() {
        check(r"E'a\'b'", &[r"E'a\'b'"]);
        check("E'a'\n'b\\'c' d", &["E'a'", "'b\\'c'", "d"]);
        check("E'a' -- x\n  'b\\'c' d", &["E'a'", "'b\\'c'", "d"]);
        check(r"E'a' 'b\' d", &["E'a'", r"'b\'", "d"]);
        check("'a'\n'b\\' d", &["'a'", "'b\\'", "d"]);
        check("a$b$ $b$x$b$", &["a$b$", "$b$x$b$"]);
        check("a /* /* ; */ */ b", &["a", "b"]);
    }

    #[test]
    fn values_of_strings() {
        let value = |sql: &str| string_value(&Lexer::new(sql).next().unwrap());
        assert_eq!(value("'a''b'"), Some(("a'b".to_owned(), 1)));
        assert_eq!(value("$x$a$x$"), Some(("a".to_owned(), 3)));
        assert_eq!(value("$$$$"), Some((String::new(), 2)));
        assert_eq!(value("'a"), None);
        assert_eq!(value("12"), None);
    }
}
