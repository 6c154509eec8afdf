//! Filling a materialized view while it is made.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "populate",
    summary: "a materialized view of ClickHouse is made with POPULATE, and misses what is inserted meanwhile",
    severity: Severity::Warning,
    bad: "CREATE MATERIALIZED VIEW v ENGINE = Memory POPULATE AS SELECT a FROM t;",
    good: "CREATE MATERIALIZED VIEW v TO u AS SELECT a FROM t;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.source.statements().iter().zip(lint.source.clickhouse()) {
        if analysis.what.ends_with("POPULATE") {
            findings.add(
                statement.range.clone(),
                "rows that are inserted while POPULATE runs are missing in the view, and it cannot go on where it stopped",
                "make the view without it, then insert the rows from before in a migration of their own",
            );
        }
    }
}
