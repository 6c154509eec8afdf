//! Dropping a table before the code has stopped using it.

use crate::analysis::{ObjectAction, ObjectKind};
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

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    if lint.contracts() {
        return;
    }
    let objects = lint.source.analysis().iter().flat_map(|it| &it.objects);
    let is_table = |kind| matches!(kind, ObjectKind::Table | ObjectKind::Relation);
    let mut earlier = Vec::new();
    for object in objects.filter(|it| is_table(it.kind)) {
        match object.action {
            ObjectAction::Create => earlier.push(&object.name),
            // What this file makes itself, nobody uses yet.
            ObjectAction::Drop if !earlier.contains(&&object.name) => findings.add(
                object.range.clone(),
                format!("table `{}` is dropped outside the contract phase", object.name),
                "drop it in a migration with `-- dunlin: phase contract`, once no running version reads it",
            ),
            _ => {}
        }
    }
}
