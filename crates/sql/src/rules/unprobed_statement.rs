//! A statement of which nobody can tell afterwards whether it ran.

use crate::clickhouse::Way;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "unprobed-statement",
    summary: "a statement of ClickHouse that can neither be run again nor be looked up, and has no probe",
    severity: Severity::Note,
    bad: "INSERT INTO t VALUES (1);",
    good: "-- dunlin: probe SELECT count() > 0 FROM t WHERE a = 1\nINSERT INTO t VALUES (1);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let source = lint.source;
    for (number, (statement, analysis)) in source.statements().iter().zip(source.clickhouse()).enumerate() {
        if analysis.way == Way::Unknown && source.probe(number).is_none() {
            findings.add(
                statement.range.clone(),
                format!("after an interruption nothing tells whether this {} was done", analysis.what),
                "add `-- dunlin: probe SELECT …` above it, whose first column says whether it is done",
            );
        }
    }
}
