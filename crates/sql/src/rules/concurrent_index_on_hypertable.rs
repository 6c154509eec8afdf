//! CREATE INDEX CONCURRENTLY on a hypertable.

use crate::classify::{NonTx, StatementClass};
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "concurrent-index-on-hypertable",
    summary: "TimescaleDB refuses CONCURRENTLY on hypertables",
    severity: Severity::Error,
    bad: "SELECT create_hypertable('readings', 'ts');\nCREATE INDEX CONCURRENTLY readings_site ON readings (site_id);",
    good: "SELECT create_hypertable('readings', 'ts');\nCREATE INDEX readings_site ON readings (site_id) WITH (timescaledb.transaction_per_chunk);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let hypertables = lint.hypertables();
    for (statement, analysis) in lint.statements() {
        if let StatementClass::NonTransactional(NonTx::CreateIndexConcurrently(build)) = &analysis.class
            && hypertables.iter().any(|table| table.name.may_be(&build.table))
        {
            findings.add(
                statement.range.clone(),
                format!("hypertable `{}` cannot have an index built CONCURRENTLY", build.table),
                "leave out CONCURRENTLY and add `WITH (timescaledb.transaction_per_chunk)`",
            );
        }
    }
}
