//! A table on every server of a cluster, each with rows of its own.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "unreplicated-table",
    summary: "a table of ClickHouse is made ON CLUSTER with an engine that does not replicate",
    severity: Severity::Warning,
    bad: "CREATE TABLE t ON CLUSTER c (a Int32) ENGINE = MergeTree ORDER BY a;",
    good: "CREATE TABLE t ON CLUSTER c (a Int32) ENGINE = ReplicatedMergeTree ORDER BY a;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.source.statements().iter().zip(lint.source.clickhouse()) {
        let Some((cluster, engine)) = analysis.cluster.as_ref().zip(analysis.engine.as_ref()) else { continue };
        if engine.ends_with("MergeTree") && !engine.starts_with("Replicated") && !engine.starts_with("Shared") {
            findings.add(
                statement.range.clone(),
                format!("each server of cluster `{cluster}` gets a `{engine}` with rows of its own"),
                &format!("write `Replicated{engine}`, or allow it where each is to have its own share"),
            );
        }
    }
}
