//! A file that can run again but for what it says to TimescaleDB.

use crate::lexer::Lexer;
use crate::name::Words;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "timescale-not-idempotent",
    summary: "a hypertable, policy or continuous aggregate without if_not_exists in a file that says IF NOT EXISTS elsewhere",
    severity: Severity::Note,
    bad: "CREATE TABLE IF NOT EXISTS readings (ts timestamptz NOT NULL);\nSELECT create_hypertable('readings', 'ts');",
    good: "CREATE TABLE IF NOT EXISTS readings (ts timestamptz NOT NULL);\nSELECT create_hypertable('readings', 'ts', if_not_exists => true);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let says = |statement: &crate::split::Statement| {
        let tokens: Vec<_> = Lexer::within(lint.source.text(), &statement.range).significant().take(8).collect();
        Words::new(&tokens).contains("if not exists")
    };
    if !lint.statements().any(|(statement, _)| says(statement)) {
        return;
    }
    for (statement, analysis) in lint.statements() {
        let strict = analysis.promises.iter().any(|(_, lenient)| !lenient);
        let aggregate = analysis.aggregate.as_ref().is_some_and(|build| !build.if_not_exists);
        if strict || aggregate {
            let help = if aggregate { "write IF NOT EXISTS" } else { "add `if_not_exists => true`" };
            findings.add(
                statement.range.clone(),
                "this fails where it is there already, unlike the rest of the file",
                help,
            );
        }
    }
}
