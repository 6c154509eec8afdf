//! Values as JSON for other programs: one object with `version` and the thing itself, pretty printed.
//!
//! Within a version fields are added, never renamed or removed. Times taken are seconds, limits milliseconds, moments
//! RFC 3339 in UTC (those of a ledger by its database's clock), digests hexadecimal; steps are counted from 0.
//!
//! | function | shape |
//! |---|---|
//! | [`plan_json`] | `{version, plan: {project, environment, direction, targets, steps, held, settled, findings}}` |
//! | [`status_json`] | `{version, targets: […], migrations: [{id, name, service, target, state, finished, …}], findings}` |
//! | [`report_json`] | `{version, verdict, run, took, interrupted, steps: [{migration, target, step, end, took, attempts, …}]}` |
//! | [`findings_json`] | `{version, findings: [{code, severity, class, message, place, related, hint, migration}]}` |
//! | [`graph_json`] | `{version, level, nodes: [{id, name, target, service, migrations, pulled_in}], edges: [{from, to, kind, count, place}]}` |

use dunlin_planner::{
    Finding, Graph, MigrationId, Place, Plan, RunId, RunReport, Selection, ServiceName, StateWord, Status, StepReport,
    TargetName, TargetStatus, Verdict,
};
use serde::Serialize;

use crate::graph::{Level, Line, Picture};
use crate::when::rfc3339;

/// The version of all these shapes.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    value: T,
}

fn pretty(value: impl Serialize) -> String {
    let json = serde_json::to_string_pretty(&Versioned { version: VERSION, value });
    json.expect("planner values hold nothing that JSON cannot") + "\n"
}

/// The plan as it is.
#[must_use]
pub fn plan_json(plan: &Plan) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        plan: &'a Plan,
    }
    pretty(Shape { plan })
}

/// The findings in their order.
#[must_use]
pub fn findings_json(findings: &[Finding]) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        findings: &'a [Finding],
    }
    pretty(Shape { findings })
}

/// Where everything stands.
#[must_use]
pub fn status_json(status: &Status) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        targets: &'a [TargetStatus],
        migrations: Vec<Row<'a>>,
        findings: &'a [Finding],
    }
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a MigrationId,
        name: &'a str,
        service: Option<&'a ServiceName>,
        target: &'a TargetName,
        state: StateWord,
        finished: Option<String>,
        by: Option<&'a str>,
        has_down: bool,
        waits_for: &'a [MigrationId],
        reason: Option<&'a str>,
    }
    let lines = status.migrations.iter().map(|migration| Row {
        id: &migration.id,
        name: &migration.name,
        service: migration.service.as_ref(),
        target: &migration.target,
        state: migration.state,
        finished: migration.finished.map(rfc3339),
        by: migration.by.as_deref(),
        has_down: migration.has_down,
        waits_for: &migration.waits_for,
        reason: migration.reason.as_deref(),
    });
    pretty(Shape { targets: &status.targets, migrations: lines.collect(), findings: &status.findings })
}

/// How a run ended, with the migration of every step.
#[must_use]
pub fn report_json(plan: &Plan, report: &RunReport) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        verdict: Verdict,
        run: &'a RunId,
        took: f64,
        interrupted: bool,
        steps: Vec<Row<'a>>,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        migration: &'a MigrationId,
        target: &'a TargetName,
        #[serde(flatten)]
        report: &'a StepReport,
    }
    let lines = report.steps.iter().map(|step| {
        let planned = plan.step(step.step);
        Row { migration: &planned.id, target: &planned.target, report: step }
    });
    pretty(Shape {
        verdict: report.verdict(),
        run: &report.run,
        took: report.took.as_secs_f64(),
        interrupted: report.interrupted,
        steps: lines.collect(),
    })
}

/// The selected part of the graph; between sets without the edges that a longer path implies.
#[must_use]
pub fn graph_json(graph: &Graph<'_>, selection: &Selection, level: Level) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        level: Level,
        nodes: Vec<Point<'a>>,
        edges: Vec<Edge<'a>>,
    }
    #[derive(Serialize)]
    struct Point<'a> {
        id: &'a str,
        name: &'a str,
        target: &'a TargetName,
        service: &'a ServiceName,
        migrations: usize,
        pulled_in: bool,
    }
    #[derive(Serialize)]
    struct Edge<'a> {
        from: &'a str,
        to: &'a str,
        kind: Line,
        count: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<&'a Place>,
    }
    let picture = Picture::of(graph, selection, level);
    let nodes = picture.nodes.iter().map(|node| Point {
        id: &node.id,
        name: &node.about,
        target: node.target,
        service: node.service,
        migrations: node.migrations,
        pulled_in: node.pulled_in,
    });
    let id = |node: usize| picture.nodes[node].id.as_str();
    let edges = picture.links.iter().map(|link| Edge {
        from: id(link.from),
        to: id(link.to),
        kind: link.line,
        count: link.count,
        place: link.place,
    });
    pretty(Shape { level, nodes: nodes.collect(), edges: edges.collect() })
}
