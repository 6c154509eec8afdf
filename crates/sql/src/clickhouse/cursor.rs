//! Walks over the tokens of a statement.

use std::ops::Range;

use crate::clickhouse::lexer::{Kind, Lexer, Token};
use crate::name::QualifiedName;

/// The rest of a statement's tokens, without space and comments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t, 's> {
    pub(super) tokens: &'t [Token<'s>],
}

/// The tokens of a part of a text that mean something.
pub(super) fn significant<'s>(text: &'s str, range: &Range<usize>) -> Vec<Token<'s>> {
    Lexer::within(text, range).filter(|token| !token.is_trivia()).collect()
}

impl<'t, 's> Cursor<'t, 's> {
    pub(super) fn peek(&self) -> Option<&'t Token<'s>> {
        self.tokens.first()
    }

    pub(super) fn advance(&mut self) -> Option<&'t Token<'s>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Takes these words if all of them are next.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let mut rest = *self;
        for word in words.split(' ') {
            if !rest.advance().is_some_and(|token| token.is(word)) {
                return false;
            }
        }
        *self = rest;
        true
    }

    /// Takes the first of these words that is next.
    pub(super) fn eat_any(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|word| self.eat(word)).copied()
    }

    pub(super) fn eat_kind(&mut self, kind: Kind) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == kind);
        if found {
            self.advance();
        }
        found
    }

    /// A name as it is meant, without its quotes.
    pub(super) fn ident(&mut self) -> Option<String> {
        let token = self.peek()?;
        let name = match token.kind {
            Kind::Word => token.text.to_owned(),
            Kind::Name => unquoted(token.text),
            _ => return None,
        };
        self.advance();
        Some(name)
    }

    /// A name with its dots, as a column of a nested structure has.
    pub(super) fn dotted(&mut self) -> Option<String> {
        let mut name = self.ident()?;
        while self.eat_kind(Kind::Dot) {
            name = format!("{name}.{}", self.ident()?);
        }
        Some(name)
    }

    /// A name with its database.
    pub(super) fn name(&mut self) -> Option<QualifiedName> {
        let first = self.ident()?;
        if !self.eat_kind(Kind::Dot) {
            return Some(QualifiedName { schema: None, name: first });
        }
        let name = self.ident()?;
        // More parts than a name has: it is something else.
        (!self.eat_kind(Kind::Dot)).then_some(QualifiedName { schema: Some(first), name })
    }

    /// `ON CLUSTER name`, wherever it stands outside parentheses.
    pub(super) fn cluster(mut self) -> Option<String> {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.eat("on cluster") => {
                    let named = self.peek()?;
                    return if named.kind == Kind::String { Some(unquoted(named.text)) } else { self.ident() };
                }
                _ => {}
            }
            self.advance();
        }
        None
    }

    /// The name behind ENGINE, outside parentheses.
    pub(super) fn engine(mut self) -> Option<String> {
        let mut depth = 0_usize;
        while let Some(token) = self.advance() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ if depth == 0 && token.is("engine") => {
                    if self.peek()?.text == "=" {
                        self.advance();
                    }
                    return self.ident();
                }
                _ => {}
            }
        }
        None
    }

    /// Are these words in it, outside parentheses?
    pub(super) fn has(mut self, words: &str) -> bool {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.eat(words) => return true,
                _ => {}
            }
            self.advance();
        }
        false
    }
}

/// What stands between quotes, with its escapes resolved as far as names have them.
fn unquoted(text: &str) -> String {
    let mut chars = text.chars();
    let quote = chars.next().unwrap_or_default();
    let mut name = String::with_capacity(text.len());
    chars.next_back();
    while let Some(char) = chars.next() {
        let escaped = char == '\\' && quote != '“' || char == quote;
        name.push(if escaped { chars.next().unwrap_or(char) } else { char });
    }
    name
}
