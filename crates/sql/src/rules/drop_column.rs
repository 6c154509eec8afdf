//! Dropping a column before the code has stopped using it.

use crate::analysis::ColumnChangeKind;
use crate::clickhouse::Thing;
use crate::name::QualifiedName;
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

const HELP: &str = "drop it in a migration with `-- dunlin: phase contract`, once no running version reads it";

fn message(column: &str, table: &QualifiedName) -> String {
    format!("column `{column}` of `{table}` is dropped outside the contract phase")
}

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    if lint.contracts() {
        return;
    }
    for (statement, thing) in lint.taken_away() {
        if let Thing::Column(table, column) = thing {
            findings.add(statement.range.clone(), message(column, table), HELP);
        }
    }
    for (_, analysis) in lint.statements() {
        let dropped = |kind| kind == ColumnChangeKind::Drop;
        for change in analysis.changes.iter().filter(|it| dropped(it.kind)) {
            findings.add(change.range.clone(), message(&change.column, &change.table), HELP);
        }
    }
}
