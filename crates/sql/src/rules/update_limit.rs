//! UPDATE … LIMIT and DELETE … LIMIT, which other databases have.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind};

use crate::classify::starts_statement;
use crate::lexer::{Lexer, Token, string_value};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "update-limit",
    summary: "PostgreSQL has no LIMIT on UPDATE and DELETE",
    severity: Severity::Error,
    bad: "DO $$ BEGIN UPDATE tasks SET done = true WHERE done IS NULL LIMIT 100; END $$;",
    good: "DO $$ BEGIN UPDATE tasks SET done = true WHERE id IN (SELECT id FROM tasks WHERE done IS NULL LIMIT 100); END $$;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, _) in lint.statements() {
        for place in places(lint.source.text(), &statement.range) {
            findings.add(
                place,
                "UPDATE and DELETE have no LIMIT in PostgreSQL",
                "select the keys with LIMIT in a subquery: `WHERE id IN (SELECT id FROM … LIMIT n)`",
            );
        }
    }
}

/// The words LIMIT that belong to an UPDATE or DELETE, also inside dollar-quoted bodies.
pub(super) fn places(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut tokens = Lexer::within(text, range).significant();
    let Some(first) = tokens.next() else {
        return Vec::new();
    };
    let relevant = ["update", "delete", "with", "do", "create"];
    if !relevant.iter().any(|word| first.is(word)) {
        return Vec::new();
    }
    let tokens: Vec<_> = std::iter::once(first).chain(tokens).collect();
    let mut found = limits(&tokens);
    let bodies = tokens.iter().filter(|token| {
        let dollar = LiteralKind::DollarQuotedString { terminated: true };
        token.kind == TokenKind::Literal { kind: dollar }
    });
    for body in bodies {
        let Some((inner, start)) = string_value(body) else {
            continue;
        };
        let tokens: Vec<_> = Lexer::new(&inner).significant().collect();
        let inside = limits(&tokens).into_iter();
        found.extend(inside.map(|it| it.start + start..it.end + start));
    }
    found
}

fn limits(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let changes = |at: usize| {
        let starts = at == 0
            || starts_statement(&tokens[at - 1])
            || tokens[at - 1].kind == TokenKind::OpenParen
            || tokens[at - 1].kind == TokenKind::CloseParen;
        let delete = tokens[at].is("delete") && tokens.get(at + 1).is_some_and(|it| it.is("from"));
        starts && (tokens[at].is("update") || delete)
    };
    let starts = (0..tokens.len()).filter(|at| changes(*at));
    starts.filter_map(|at| limit_of(&tokens[at..])).map(|token| token.range.clone()).collect()
}

/// The LIMIT of the statement that these tokens start with.
fn limit_of<'t, 's>(tokens: &'t [Token<'s>]) -> Option<&'t Token<'s>> {
    let mut depth = 0_usize;
    for token in tokens {
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.checked_sub(1)?,
            TokenKind::Semi if depth == 0 => return None,
            // Behind a CTE that changes rows comes the statement that may well have a LIMIT.
            _ if depth == 0 && token.is("select") => return None,
            _ if depth == 0 && token.is("limit") => return Some(token),
            _ => {}
        }
    }
    None
}
