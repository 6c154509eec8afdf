//! create_hypertable of a table that has rows by then.

use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "hypertable-after-rows",
    summary: "create_hypertable refuses a table with rows, unless it is told to migrate them",
    severity: Severity::Warning,
    bad: "CREATE TABLE readings (ts timestamptz NOT NULL);\nINSERT INTO readings VALUES (now());\nSELECT create_hypertable('readings', 'ts');",
    good: "CREATE TABLE readings (ts timestamptz NOT NULL);\nSELECT create_hypertable('readings', 'ts');\nINSERT INTO readings VALUES (now());",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let mut filled: Vec<QualifiedName> = Vec::new();
    for (statement, analysis) in lint.statements() {
        let head: Vec<_> = Lexer::within(lint.source.text(), &statement.range).significant().take(8).collect();
        let mut words = Words::new(&head);
        if words.eat("insert into") || words.eat("copy") {
            filled.extend(words.name());
        }
        for call in &analysis.calls {
            let Some(table) = call.hypertable() else { continue };
            let migrates = call.argument("migrate_data", usize::MAX).is_some();
            if !migrates && filled.iter().any(|name| name.may_be(&table)) {
                findings.add(
                    call.range.clone(),
                    format!("`{table}` has rows by now, and create_hypertable refuses it"),
                    "make it a hypertable first; or add `migrate_data => true`, which locks it while the rows move",
                );
            }
        }
    }
}
