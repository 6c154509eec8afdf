//! Dropping a column before the code has stopped using it.

use crate::analysis::ColumnChangeKind;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "drop-column",
    summary: "a column is dropped outside the contract phase",
    severity: Severity::Warning,
    bad: "ALTER TABLE users DROP COLUMN legacy_status;",
    good: "-- dunlin: phase contract\nALTER TABLE users DROP COLUMN legacy_status;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    if lint.contracts() {
        return;
    }
    for (_, analysis) in lint.statements() {
        let dropped = |kind| kind == ColumnChangeKind::Drop;
        for change in analysis.changes.iter().filter(|it| dropped(it.kind)) {
            findings.add(
                change.range.clone(),
                format!("column `{}` of `{}` is dropped outside the contract phase", change.column, change.table),
                "drop it in a migration with `-- dunlin: phase contract`, once no running version reads it",
            );
        }
    }
}
