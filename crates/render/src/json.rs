//! Values as JSON for other programs: one object with `version` and the thing itself, pretty printed.
//!
//! Within a version fields are added, never renamed or removed. Times taken are seconds, limits milliseconds, moments
//! RFC 3339 in UTC (those of a ledger by its database's clock), digests hexadecimal; steps are counted from 0.
//!
//! | function | shape |
//! |---|---|
//! | [`plan_json`] | `{version, plan: {project, environment, direction, targets, steps, held, settled, pauses, left_paused, findings}}` |
//! | [`status_json`] | `{version, targets: […], migrations: [{id, name, service, target, state, finished, …}], findings}` |
//! | [`history_json`] | `{version, targets: {NAME: [{id, name, kind, state, run, started, finished, by, …}]}, log: {NAME: [{at, id, what, by, message, …}]}}` |
//! | [`explain_json`] | `{version, migration, standing, needs: [{id, kind, place}], needed_by: […], ledger, log, next}` |
//! | [`repairs_json`] | `{version, repairs: [{id, target, what, ways: [{repair, statement, command, when}]}]}` |
//! | [`adopted_json`] | `{version, ledger, adoption: {target, how, reason, before, after, lost}}` |
//! | [`repaired_json`] | `{version, target, settlement: {id, repair, reason, before, after}}` |
//! | [`report_json`] | `{version, verdict, run, took, interrupted, steps: [{migration, target, step, end, took, attempts, …}], resumptions: [{target, id, owner, what, end}], heads: [{target, hash, failure}]}` |
//! | [`audits_json`] | `{version, databases: [{target, sealed, unsealed, head, unexplained, findings}], findings: […]}` |
//! | [`diagnosis_json`] | `{version, targets: [{name, kind, server, same_as, offers: {NAME: …}, checks: [{area, level, class, message, hint}]}], off: […], findings}` |
//! | [`crontabs_json`](crate::crontabs_json) | `{version, crontabs: [{target, version, zone, jobs: [{id, name, schedule, command, database, user, active, state, next}], runs: [{run, job, name, status, message, started, ended}]}]}` |
//! | [`findings_json`] | `{version, findings: [{code, severity, class, message, place, related, hint, migration}]}` |
//! | [`verification_json`] | `{version, confirmed: [{target, what, migration}], findings}` |
//! | [`graph_json`] | `{version, level, nodes: [{id, name, target, service, migrations, pulled_in}], edges: [{from, to, kind, count, place}]}` |

use std::collections::BTreeMap;

use dunlin_planner::{
    Adoption, Audit, Diagnosis, Digest, EdgeKind, Finding, Graph, Head, Holder, Kind, LedgerId, LedgerRow, LogEntry,
    Migration, MigrationId, MigrationIx, MigrationStatus, Place, Plan, Repairable, Resumption, RowState, RunId,
    RunReport, Selection, ServiceName, Settlement, StateWord, Status, StepReport, StoredDependency, TargetName,
    TargetStatus, Verdict, Verification, Way, advice,
};
use serde::Serialize;

use crate::explain::Traces;
use crate::graph::{self, Level, Picture};
use crate::history::{Logs, by_target};
use crate::when::rfc3339;

/// The version of all these shapes.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    value: T,
}

pub(crate) fn pretty(value: impl Serialize) -> String {
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

/// What a doctor found.
#[must_use]
pub fn diagnosis_json(diagnosis: &Diagnosis) -> String {
    pretty(diagnosis)
}

/// What of the applied migrations was found, and what was not.
#[must_use]
pub fn verification_json(verification: &Verification) -> String {
    pretty(verification)
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

/// A migration's line of the status.
#[derive(Serialize)]
struct Standing<'a> {
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

impl<'a> Standing<'a> {
    fn of(migration: &'a MigrationStatus) -> Self {
        Self {
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
        }
    }
}

/// Where everything stands.
#[must_use]
pub fn status_json(status: &Status) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        targets: &'a [TargetStatus],
        migrations: Vec<Standing<'a>>,
        findings: &'a [Finding],
    }
    let migrations = status.migrations.iter().map(Standing::of).collect();
    pretty(Shape { targets: &status.targets, migrations, findings: &status.findings })
}

/// A ledger's row.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a MigrationId,
    name: &'a str,
    kind: Kind,
    transactional: bool,
    state: RowState,
    checksum: &'a Digest,
    step: u32,
    run: &'a RunId,
    attempt: u32,
    dependencies: &'a [StoredDependency],
    started: String,
    finished: Option<String>,
    by: &'a str,
    in_doubt: bool,
    holder: Option<&'a Holder>,
}

impl<'a> Row<'a> {
    fn of(row: &'a LedgerRow) -> Self {
        Self {
            id: &row.id,
            name: &row.name,
            kind: row.kind,
            transactional: row.transactional,
            state: row.state,
            checksum: &row.checksum,
            step: row.step,
            run: &row.run,
            attempt: row.attempt,
            dependencies: &row.dependencies,
            started: rfc3339(row.started),
            finished: row.finished.map(rfc3339),
            by: &row.by,
            in_doubt: row.in_doubt(),
            holder: row.holder.as_ref(),
        }
    }
}

/// A line of a ledger's log.
#[derive(Serialize)]
struct Entry<'a> {
    at: String,
    id: Option<&'a MigrationId>,
    run: Option<&'a RunId>,
    what: &'a str,
    by: &'a str,
    message: Option<&'a str>,
    sqlstate: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(entry: &'a LogEntry) -> Self {
        Self {
            at: rfc3339(entry.at),
            id: entry.id.as_ref(),
            run: entry.run.as_ref(),
            what: &entry.what,
            by: &entry.by,
            message: entry.message.as_deref(),
            sqlstate: entry.sqlstate.as_deref(),
        }
    }
}

/// The rows of every database, oldest first by its own clock, and the last lines of their logs.
#[must_use]
pub fn history_json(rows: &[(TargetName, &LedgerRow)], logs: &Logs) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        targets: BTreeMap<&'a TargetName, Vec<Row<'a>>>,
        log: BTreeMap<&'a TargetName, Vec<Entry<'a>>>,
    }
    let targets = by_target(rows).into_iter().map(|(target, rows)| (target, rows.into_iter().map(Row::of).collect()));
    let log = logs.iter().map(|(target, log)| (target, log.iter().map(Entry::of).collect()));
    pretty(Shape { targets: targets.collect(), log: log.collect() })
}

/// One migration with its edges, its standing and its row.
#[must_use]
pub fn explain_json(graph: &Graph<'_>, ix: MigrationIx, traces: &Traces<'_>, standing: &MigrationStatus) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        migration: &'a Migration,
        standing: Standing<'a>,
        needs: Vec<Neighbour<'a>>,
        needed_by: Vec<Neighbour<'a>>,
        ledger: Option<Row<'a>>,
        log: Vec<Entry<'a>>,
        next: String,
    }
    #[derive(Serialize)]
    struct Neighbour<'a> {
        id: &'a MigrationId,
        #[serde(flatten)]
        why: &'a EdgeKind,
    }
    let earlier = graph.earlier(ix).map(|edge| (edge.earlier, edge.kind));
    let later = graph.later(ix).map(|edge| (edge.later, edge.kind));
    let neighbour = |(ix, why)| Neighbour { id: &graph.migration(ix).id, why };
    pretty(Shape {
        migration: graph.migration(ix),
        standing: Standing::of(standing),
        needs: earlier.map(neighbour).collect(),
        needed_by: later.map(neighbour).collect(),
        ledger: traces.row.map(Row::of),
        log: traces.log.iter().map(Entry::of).collect(),
        next: advice(standing, Some(graph.migration(ix)), traces.row),
    })
}

/// What waits for a person, with the commands to type.
#[must_use]
pub fn repairs_json(found: &[Repairable]) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        repairs: Vec<Line<'a>>,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a MigrationId,
        target: &'a TargetName,
        what: &'a str,
        ways: Vec<Command<'a>>,
    }
    #[derive(Serialize)]
    struct Command<'a> {
        #[serde(flatten)]
        way: &'a Way,
        command: String,
    }
    let repairs = found.iter().map(|one| {
        let ways = one.ways.iter().map(|way| Command { command: way.repair.command(&one.id), way });
        Line { id: &one.id, target: &one.target, what: &one.what, ways: ways.collect() }
    });
    pretty(Shape { repairs: repairs.collect() })
}

/// What was adopted, and the ledger's identity since.
#[must_use]
pub fn adopted_json(adoption: &Adoption, ledger: &LedgerId) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        ledger: &'a LedgerId,
        adoption: &'a Adoption,
    }
    pretty(Shape { ledger, adoption })
}

/// What a repair changed.
#[must_use]
pub fn repaired_json(target: &TargetName, settlement: &Settlement) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        target: &'a TargetName,
        settlement: &'a Settlement,
    }
    pretty(Shape { target, settlement })
}

/// How a run ended, with the migration of every step.
#[must_use]
pub fn report_json(plan: &Plan, report: &RunReport) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        verdict: Verdict,
        resumptions: &'a [Resumption],
        heads: &'a [Head],
        run: &'a RunId,
        took: f64,
        interrupted: bool,
        steps: Vec<Line<'a>>,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        migration: &'a MigrationId,
        target: &'a TargetName,
        #[serde(flatten)]
        report: &'a StepReport,
    }
    let lines = report.steps.iter().map(|step| {
        let planned = plan.step(step.step);
        Line { migration: &planned.id, target: &planned.target, report: step }
    });
    pretty(Shape {
        verdict: report.verdict(),
        resumptions: &report.resumptions,
        heads: &report.heads,
        run: &report.run,
        took: report.took.as_secs_f64(),
        interrupted: report.interrupted,
        steps: lines.collect(),
    })
}

/// What came of checking logs.
#[must_use]
pub fn audits_json(audits: &[Audit], findings: &[Finding]) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        databases: &'a [Audit],
        findings: &'a [Finding],
    }
    pretty(Shape { databases: audits, findings })
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
        kind: graph::Line,
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
