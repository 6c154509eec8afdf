//! A new NOT NULL column that nothing fills.

use crate::analysis::ColumnChangeKind;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "add-not-null-column-without-default",
    summary: "a NOT NULL column without default fails on a table with rows",
    severity: Severity::Warning,
    bad: "ALTER TABLE users ADD COLUMN site_id bigint NOT NULL;",
    good: "ALTER TABLE users ADD COLUMN site_id bigint NOT NULL DEFAULT 0;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let unfilled = ColumnChangeKind::Add { not_null: true, filled: false };
    for (_, analysis) in lint.statements() {
        for change in analysis.changes.iter().filter(|it| it.kind == unfilled) {
            findings.add(
                change.range.clone(),
                format!(
                    "column `{}` of `{}` is NOT NULL and has no default, which fails if the table has rows",
                    change.column, change.table
                ),
                "give it a default, or add it nullable, fill it, then set it NOT NULL in a later migration",
            );
        }
    }
}
