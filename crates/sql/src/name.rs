//! Names of database objects, folded as PostgreSQL folds them.

use std::fmt;

use squawk_lexer::TokenKind;

use crate::lexer::Token;

/// A name with its schema, if one is written. Unquoted parts are in lower case; quotes are taken off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct QualifiedName {
    /// The schema, if written.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

impl QualifiedName {
    /// Of the parts of a dotted name; a database in front of the schema is dropped. None without parts.
    pub(crate) fn from_parts(mut parts: Vec<String>) -> Option<Self> {
        let name = parts.pop()?;
        let schema = parts.pop();
        Some(Self { schema, name })
    }

    /// Of the text inside a string, as in `create_hypertable('app.metrics', …)`.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let tokens: Vec<_> = crate::lexer::Lexer::new(text).significant().collect();
        let mut words = Words::new(&tokens);
        let name = words.name()?;
        words.is_empty().then_some(name)
    }

    /// May both mean the same object? A missing schema matches any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let schemas = self.schema.as_ref().zip(other.schema.as_ref());
        self.name == other.name && schemas.is_none_or(|(mine, theirs)| mine == theirs)
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

/// Walks over the significant tokens of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'t, 's> {
    tokens: &'t [Token<'s>],
}

impl<'t, 's> Words<'t, 's> {
    pub(crate) fn new(tokens: &'t [Token<'s>]) -> Self {
        Self { tokens }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<&'t Token<'s>> {
        self.tokens.first()
    }

    pub(crate) fn advance(&mut self) -> Option<&'t Token<'s>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Where the last token ends that `rest` does not have any more.
    pub(crate) fn until(&self, rest: &Self) -> usize {
        let taken = self.tokens.len() - rest.tokens.len();
        taken.checked_sub(1).map_or(0, |last| self.tokens[last].range.end)
    }

    /// Takes these words if all of them are next.
    pub(crate) fn eat(&mut self, words: &str) -> bool {
        let mut rest = *self;
        for word in words.split(' ') {
            if !rest.advance().is_some_and(|token| token.is(word)) {
                return false;
            }
        }
        *self = rest;
        true
    }

    pub(crate) fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let next = self.peek().is_some_and(|token| token.kind == kind);
        if next {
            self.advance();
        }
        next
    }

    /// Do these words stand anywhere behind, one after another?
    pub(crate) fn contains(&self, words: &str) -> bool {
        (0..self.tokens.len()).any(|at| Self::new(&self.tokens[at..]).eat(words))
    }

    /// Does this word stand before the next semicolon?
    pub(crate) fn contains_before_semicolon(&self, word: &str) -> bool {
        let mut statement = self.tokens.iter().take_while(|it| it.kind != TokenKind::Semi);
        statement.any(|token| token.is(word))
    }

    /// Takes a group in parentheses, if one is next, and gives what is inside.
    pub(crate) fn group(&mut self) -> Option<Words<'t, 's>> {
        if !self.eat_kind(TokenKind::OpenParen) {
            return None;
        }
        let mut depth = 1_usize;
        let close = self.tokens.iter().position(|token| {
            match token.kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        let inner = Self::new(&self.tokens[..close]);
        self.tokens = &self.tokens[close + 1..];
        Some(inner)
    }

    /// Takes a dotted name.
    pub(crate) fn name(&mut self) -> Option<QualifiedName> {
        let mut parts = vec![self.part()?];
        while self.eat_kind(TokenKind::Dot) {
            parts.push(self.part()?);
        }
        QualifiedName::from_parts(parts)
    }

    /// Takes a dotted name, empty where there is none.
    pub(crate) fn required_name(&mut self) -> QualifiedName {
        self.name().unwrap_or_default()
    }

    /// Takes names between commas.
    pub(crate) fn names(&mut self) -> Vec<QualifiedName> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.eat_kind(TokenKind::Comma) {
                break;
            }
        }
        names
    }

    fn part(&mut self) -> Option<String> {
        let token = self.peek()?;
        let part = match token.kind {
            TokenKind::Ident => token.text.to_ascii_lowercase(),
            TokenKind::QuotedIdent { .. } => {
                let open = token.text.find('"')? + 1;
                let inner = token.text.get(open..token.text.len() - 1)?;
                inner.replace("\"\"", "\"")
            }
            _ => return None,
        };
        self.advance();
        Some(part)
    }
}
