//! Changes that a hypertable with compression does not take.

use crate::analysis::{ColumnChangeKind, ObjectAction, ObjectKind};
use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "compressed-hypertable-change",
    summary: "a hypertable with compression refuses other column types, and new constraints before TimescaleDB 2.20",
    severity: Severity::Warning,
    bad: "ALTER TABLE readings SET (timescaledb.compress);\nALTER TABLE readings ALTER COLUMN value TYPE numeric;",
    good: "ALTER TABLE readings ALTER COLUMN value TYPE numeric;\nALTER TABLE readings SET (timescaledb.compress);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let mut compressed: Vec<QualifiedName> = lint.context.compressed.clone();
    for (statement, analysis) in lint.statements() {
        let altered = analysis.objects.iter().filter(|object| {
            object.action == ObjectAction::Alter && matches!(object.kind, ObjectKind::Table | ObjectKind::Relation)
        });
        let is_compressed = |name: &QualifiedName| compressed.iter().any(|known| known.may_be(name));
        let retyped =
            analysis.changes.iter().filter(|it| it.kind == ColumnChangeKind::SetType && is_compressed(&it.table));
        for change in retyped {
            findings.add(
                change.range.clone(),
                format!("hypertable `{}` has compression, and TimescaleDB refuses another type for its columns", change.table),
                "add a column of the new type and move the values; or decompress all of it and switch compression off first",
            );
        }
        let tokens: Vec<_> = Lexer::within(lint.source.text(), &statement.range).significant().collect();
        let words = Words::new(&tokens);
        let constrains =
            words.contains("add constraint") || words.contains("add check") || words.contains("add unique");
        if let Some(table) = altered.map(|object| &object.name).find(|name| is_compressed(name)).filter(|_| constrains)
        {
            findings.add(
                statement.range.clone(),
                format!("hypertable `{table}` has compression: before TimescaleDB 2.20 it takes no constraint once chunks are compressed"),
                "decompress them first, or add the constraint before compression",
            );
        }
        analysis.follow_compression(&mut compressed);
    }
}
