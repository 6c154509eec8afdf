//! Text that does not parse.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};
use crate::rules::update_limit;

pub(super) static RULE: Rule = Rule {
    code: "syntax-error",
    summary: "a statement does not parse",
    severity: Severity::Error,
    bad: "CREATE TABEL t (id int);",
    good: "CREATE TABLE t (id int);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.statements() {
        // That rule says the same better.
        if !update_limit::places(lint.source.text(), &statement.range).is_empty() {
            continue;
        }
        // The others of a statement tend to follow from its first.
        if let Some(error) = analysis.syntax_errors.first() {
            findings.add(error.range.clone(), error.message.clone(), "");
        }
    }
}
