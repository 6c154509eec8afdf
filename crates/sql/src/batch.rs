//! Where a batched statement takes its range of keys: the placeholder `:batch`, or `:batch(t)` for the columns of `t`.
//!
//! A colon directly before a word is no SQL outside of array slices (`a[1:batch]`) and casts (`x::batch`), and neither is
//! taken for a placeholder; nor is one inside a string or a comment.

use std::ops::Range;

use squawk_lexer::TokenKind;

use crate::lexer::{Lexer, Token};
use crate::name::QualifiedName;

/// A placeholder for the range of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlace {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// The table's alias in the statement, where one is written.
    pub alias: Option<String>,
}

/// The placeholders in a statement.
pub(crate) fn places(text: &str, statement: &Range<usize>) -> Vec<BatchPlace> {
    let tokens: Vec<Token<'_>> = Lexer::within(text, statement).collect();
    let (mut found, mut brackets) = (Vec::new(), 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenBracket => brackets += 1,
            TokenKind::CloseBracket => brackets = brackets.saturating_sub(1),
            TokenKind::Colon if brackets == 0 && !follows_colon(&tokens, at) => found.extend(place(&tokens[at..])),
            _ => {}
        }
    }
    found
}

fn follows_colon(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| tokens[before].text.ends_with(':'))
}

/// The placeholder that these tokens begin with.
fn place(tokens: &[Token<'_>]) -> Option<BatchPlace> {
    let [colon, word, rest @ ..] = tokens else { return None };
    let start = colon.range.start;
    if !word.is("batch") {
        return None;
    }
    match rest {
        [open, alias, close, ..] if open.kind == TokenKind::OpenParen && close.kind == TokenKind::CloseParen => {
            let name = QualifiedName::from_text(alias.text).filter(|name| name.schema.is_none())?;
            Some(BatchPlace { range: start..close.range.end, alias: Some(name.name) })
        }
        [open, ..] if open.kind == TokenKind::OpenParen => None,
        _ => Some(BatchPlace { range: start..word.range.end, alias: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[(&str, Option<&str>)]) {
        let found = places(sql, &(0..sql.len()));
        let found: Vec<_> = found.iter().map(|it| (&sql[it.range.clone()], it.alias.as_deref())).collect();
        assert_eq!(found, expected, "{sql:?}");
    }

    #[test]
    fn placeholders_are_found_and_nothing_else() {
        check("UPDATE t SET n = 1 WHERE :batch", &[(":batch", None)]);
        check("UPDATE t AS x SET n = 1 WHERE (:BATCH(x)) AND n=1", &[(":BATCH(x)", Some("x"))]);
        check(r#"DELETE FROM t "X" WHERE :batch("X") OR :batch"#, &[(r#":batch("X")"#, Some("X")), (":batch", None)]);
        check("SELECT a[1:batch], x::batch, ':batch', $$:batch$$ -- :batch\n, :batches, : batch", &[]);
        check("SELECT :batch(a.b), :batch(), :batch(a, b)", &[]);
    }
}
