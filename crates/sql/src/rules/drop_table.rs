//! Dropping a table before the code has stopped using it.

use crate::analysis::{ObjectAction, ObjectKind};
use crate::clickhouse::Thing;
use crate::name::QualifiedName;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "drop-table",
    summary: "a table is dropped outside the contract phase",
    severity: Severity::Warning,
    bad: "DROP TABLE IF EXISTS legacy_users;",
    good: "-- dunlin: phase contract\nDROP TABLE IF EXISTS legacy_users;",
    check,
};

const HELP: &str = "drop it in a migration with `-- dunlin: phase contract`, once no running version reads it";

fn message(name: &QualifiedName) -> String {
    format!("table `{name}` is dropped outside the contract phase")
}

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    if lint.contracts() {
        return;
    }
    for (statement, thing) in lint.taken_away() {
        if let Thing::Table(name) = thing {
            findings.add(statement.range.clone(), message(name), HELP);
        }
    }
    let objects = lint.source.analysis().iter().flat_map(|it| &it.objects);
    let is_table = |kind| matches!(kind, ObjectKind::Table | ObjectKind::Relation);
    let mut earlier = Vec::new();
    for object in objects.filter(|it| is_table(it.kind)) {
        match object.action {
            ObjectAction::Create => earlier.push(&object.name),
            // What this file makes itself, nobody uses yet.
            ObjectAction::Drop if !earlier.contains(&&object.name) => {
                findings.add(object.range.clone(), message(&object.name), HELP)
            }
            _ => {}
        }
    }
}
