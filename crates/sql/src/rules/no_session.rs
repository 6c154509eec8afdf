//! What lasts as long as a session, where each statement has one of its own.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "no-session",
    summary: "SET, USE or a temporary table on ClickHouse, where each statement is a request of its own",
    severity: Severity::Error,
    bad: "SET max_threads = 1;\nOPTIMIZE TABLE t FINAL;",
    good: "OPTIMIZE TABLE t FINAL SETTINGS max_threads = 1;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, analysis) in lint.source.statements().iter().zip(lint.source.clickhouse()) {
        let help = match analysis.what.as_str() {
            "SET" => "write SETTINGS behind the statement, or `settings` for the set in dunlin.toml",
            "USE" => "write the database in front of each name, or give it to the target",
            _ if analysis.is_temporary => "make a table, and drop it in the end",
            _ => continue,
        };
        let what = if analysis.is_temporary { "a temporary table" } else { &analysis.what };
        let message = format!("{what} is gone with its request, and the next statement is another one");
        findings.add(statement.range.clone(), message, help);
    }
}
