//! A unique index or key of a hypertable that leaves out the time column.

use squawk_lexer::TokenKind;

use crate::lexer::{Lexer, Token};
use crate::name::{QualifiedName, Words};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "unique-without-time-column",
    summary: "TimescaleDB refuses unique indexes and keys of a hypertable without its time column",
    severity: Severity::Error,
    bad: "CREATE TABLE readings (id bigint PRIMARY KEY, ts timestamptz NOT NULL);\nSELECT create_hypertable('readings', 'ts');",
    good: "CREATE TABLE readings (id bigint, ts timestamptz NOT NULL, PRIMARY KEY (id, ts));\nSELECT create_hypertable('readings', 'ts');",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let hypertables = lint.hypertables();
    let timed = |table: &QualifiedName| {
        let found = hypertables.iter().find(|one| one.name.may_be(table))?;
        found.time.clone()
    };
    for (statement, _) in lint.statements() {
        let tokens: Vec<_> = Lexer::within(lint.source.text(), &statement.range).significant().collect();
        let Some((table, keys)) = unique_keys(&tokens) else { continue };
        let Some(time) = timed(&table) else { continue };
        if keys.iter().any(|key| !key.contains(&time)) {
            findings.add(
                statement.range.clone(),
                format!("a unique index or key of hypertable `{table}` has to include its time column `{time}`"),
                "add the time column to it, or make it an index that is not unique",
            );
        }
    }
}

/// The table that a statement is about, and the columns of each unique index and key in it.
fn unique_keys(tokens: &[Token<'_>]) -> Option<(QualifiedName, Vec<Vec<String>>)> {
    let mut words = Words::new(tokens);
    if words.eat("create unique index") {
        words.eat("concurrently");
        words.eat("if not exists");
        if !words.eat("on") {
            words.name();
            words.eat("on");
        }
        words.eat("only");
        let table = words.name()?;
        if words.eat("using") {
            words.advance();
        }
        return Some((table, vec![columns(words.group()?)]));
    }
    if words.eat("alter table") {
        words.eat("if exists");
        words.eat("only");
        return Some((words.name()?, keys_in(words)));
    }
    words.eat("create table").then_some(())?;
    words.eat("if not exists");
    let table = words.name()?;
    Some((table, keys_in(words.group()?)))
}

/// Keys among the parts between commas: of a whole part, or of the column that it begins with.
fn keys_in(mut words: Words<'_, '_>) -> Vec<Vec<String>> {
    let mut keys = Vec::new();
    let mut column = words.peek().map(|token| token.text.to_ascii_lowercase());
    while !words.is_empty() {
        if words.eat("primary key") || words.eat("unique") {
            let of_column = column.iter().cloned().collect();
            keys.push(words.group().map_or(of_column, columns));
        } else if words.group().is_none() {
            let is_comma = words.advance().is_some_and(|token| token.kind == TokenKind::Comma);
            if is_comma {
                column = words.peek().map(|token| token.text.to_ascii_lowercase());
            }
        }
    }
    keys
}

fn columns(mut words: Words<'_, '_>) -> Vec<String> {
    let mut columns = Vec::new();
    while let Some(token) = words.advance() {
        columns.push(token.text.trim_matches('"').to_ascii_lowercase());
    }
    columns
}
