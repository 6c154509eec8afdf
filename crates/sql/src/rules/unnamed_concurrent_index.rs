//! CREATE INDEX CONCURRENTLY without a name.

use crate::classify::{NonTx, StatementClass};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "unnamed-concurrent-index",
    summary: "an index without a name cannot be found again after an interrupted build",
    severity: Severity::Error,
    bad: "CREATE INDEX CONCURRENTLY ON users (email);",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.statements() {
        if let StatementClass::NonTransactional(
            NonTx::CreateIndexConcurrently(build) | NonTx::IndexTransactionPerChunk(build),
        ) = &analysis.class
            && build.name.is_none()
        {
            findings.add(
                statement.range.clone(),
                "an interrupted build of an index without a name leaves an invalid one, and a second try makes another",
                "name the index",
            );
        }
    }
}
