//! Settings that a script leaves behind in its session.

use crate::name::Words;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "session-setting",
    summary: "SET ROLE, SET SESSION AUTHORIZATION or SET search_path outlives the migration elsewhere",
    severity: Severity::Note,
    bad: "SET search_path = app;\nCREATE TABLE t (id int);",
    good: "-- dunlin: search_path app\nCREATE TABLE t (id int);",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (statement, _) in lint.statements() {
        let head = lint.head(statement);
        let mut words = Words::new(&head);
        if !words.eat("set") {
            continue;
        }
        let authorization = words.eat("session authorization");
        words.eat("session");
        let (setting, directive) = if authorization {
            ("SESSION AUTHORIZATION", "role NAME")
        } else if words.eat("role") {
            ("ROLE", "role NAME")
        } else if words.eat("search_path") {
            ("search_path", "search_path NAME")
        } else {
            continue;
        };
        findings.add(
            statement.range.clone(),
            format!("SET {setting} lasts as long as the session; Dunlin sets it back when the migration ends"),
            &format!("say it with `-- dunlin: {directive}`, or use SET LOCAL"),
        );
    }
}
