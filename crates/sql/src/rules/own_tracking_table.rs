//! Files that keep the books of another migration tool.

use crate::name::Words;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "own-tracking-table",
    summary: "a migration records itself in another tool's table",
    severity: Severity::Note,
    bad: "INSERT INTO schema_migrations (version) VALUES ('002');",
    good: "INSERT INTO settings (name) VALUES ('theme');",
    check,
};

/// The tables of widespread tools.
const TABLES: [&str; 9] = [
    "__efmigrationshistory",
    "_prisma_migrations",
    "alembic_version",
    "databasechangelog",
    "flyway_schema_history",
    "goose_db_version",
    "knex_migrations",
    "refinery_schema_history",
    "schema_migrations",
];

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, _) in lint.statements() {
        let head = lint.head(statement);
        let mut words = Words::new(&head);
        if !words.eat("insert into") && !words.eat("delete from") {
            continue;
        }
        let table = words.required_name().name.to_ascii_lowercase();
        if TABLES.contains(&table.as_str()) {
            findings.add(
                statement.range.clone(),
                format!("`{table}` is kept by hand; Dunlin records what is applied in its own ledger"),
                "keep it if something still reads that table; otherwise leave it out of new migrations",
            );
        }
    }
}
