//! A continuous aggregate that is made anew and stays empty.

use crate::analysis::{ObjectAction, ObjectKind};
use crate::name::QualifiedName;
use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "aggregate-not-refilled",
    summary: "a continuous aggregate that is dropped and made anew WITH NO DATA has only what its policy refreshes",
    severity: Severity::Warning,
    bad: "DROP MATERIALIZED VIEW hourly;\nCREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS\nSELECT time_bucket('1 hour', ts) AS hour, max(v) FROM readings GROUP BY 1 WITH NO DATA;",
    good: "-- dunlin: refresh hourly\nDROP MATERIALIZED VIEW hourly;\nCREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS\nSELECT time_bucket('1 hour', ts) AS hour, max(v) FROM readings GROUP BY 1 WITH NO DATA;",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let mut dropped: Vec<&QualifiedName> = Vec::new();
    let refreshed = &lint.source.headers().refresh;
    for (statement, analysis) in lint.statements() {
        let views = |kind| matches!(kind, ObjectKind::MaterializedView | ObjectKind::View | ObjectKind::Relation);
        let drops = analysis.objects.iter().filter(|object| object.action == ObjectAction::Drop && views(object.kind));
        dropped.extend(drops.map(|object| &object.name));
        let Some(build) = analysis.aggregate.as_ref().filter(|build| !build.with_data) else { continue };
        let is_refreshed = refreshed.iter().any(|asked| asked.value.name.may_be(&build.name));
        if dropped.iter().any(|name| name.may_be(&build.name)) && !is_refreshed {
            findings.add(
                statement.range.clone(),
                format!("`{}` is made anew and stays empty, but for what its policy refreshes", build.name),
                &format!("add `-- dunlin: refresh {}`", build.name),
            );
        }
    }
}
