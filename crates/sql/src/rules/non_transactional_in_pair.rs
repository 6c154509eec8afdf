//! A statement that cannot run in a transaction, inside the file's own BEGIN … COMMIT.

use crate::classify::StatementClass;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "non-transactional-in-transaction",
    summary: "BEGIN … COMMIT around a statement that cannot run in a transaction",
    severity: Severity::Error,
    bad: "BEGIN;\nALTER TABLE users ADD COLUMN email text;\nCREATE INDEX CONCURRENTLY users_email ON users (email);\nCOMMIT;",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    if !lint.source.script().own_transaction {
        return;
    }
    for (statement, analysis) in lint.statements() {
        if matches!(analysis.class, StatementClass::NonTransactional(_)) {
            findings.add(
                statement.range.clone(),
                "this statement cannot run inside the file's BEGIN … COMMIT",
                "move it to a migration of its own, without BEGIN",
            );
        }
    }
}
