//! CREATE INDEX CONCURRENTLY IF NOT EXISTS.

use crate::classify::{NonTx, StatementClass};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "concurrent-index-if-not-exists",
    summary: "IF NOT EXISTS takes an invalid index, or one with another definition, for done",
    severity: Severity::Note,
    bad: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.statements() {
        if let StatementClass::NonTransactional(NonTx::CreateIndexConcurrently(build)) = &analysis.class
            && build.if_not_exists
        {
            findings.add(
                statement.range.clone(),
                "IF NOT EXISTS hides an index that an interrupted build left invalid",
                "leave it out: Dunlin probes the index, and repeats an interrupted build",
            );
        }
    }
}
