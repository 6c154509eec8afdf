//! What files say to TimescaleDB, in the planner's words: promises that a statement makes, and refreshes that a file asks for.
//!
//! A file that asks for refreshes is one transaction still: all that it says itself becomes one statement, and the refreshes
//! come behind it, outside of it.

use std::collections::BTreeMap;

use dunlin_planner::{
    AggregateShape, Body, Digest, Dimension, Finding, Policed, Probe, Promise, Promised, Refresh, Set, SetName,
    Slicing, Statement, StatementClass, Target, TargetKind, TargetName,
};
use dunlin_sql as sql;

use crate::body::qualified;
use crate::set::Files;
use crate::sql_file::SqlFile;

/// Functions and words behind which a promise may be broken on purpose, in the same file.
const UNDOING: [&str; 6] = [
    "alter_job",
    "alter_policies",
    "delete_job",
    "set_chunk_time_interval",
    "set_number_partitions",
    "set_partitioning_interval",
];

/// What each statement of a file promises that does nothing where something is there already.
pub(crate) fn promises(source: &sql::Source) -> Vec<Promised> {
    let analysis = source.analysis();
    let is_undone = |statement: usize| {
        let behind = analysis[statement + 1..].iter();
        let calls = behind.clone().flat_map(|it| &it.calls).map(|call| call.name.name.as_str());
        let drops = behind.flat_map(|it| &it.objects).any(|object| object.action == sql::ObjectAction::Drop);
        drops || calls.into_iter().any(|name| UNDOING.contains(&name) || name.starts_with("remove_"))
    };
    let mut promises = Vec::new();
    for (statement, analysis) in analysis.iter().enumerate() {
        if is_undone(statement) {
            continue;
        }
        let lenient = analysis.promises.iter().filter(|(_, lenient)| *lenient).map(|(promise, _)| said(promise));
        let aggregate = analysis.aggregate.iter().filter(|build| build.if_not_exists && !build.with_data);
        let aggregate = aggregate.flat_map(|build| {
            let shows = analysis
                .settings
                .as_ref()
                .and_then(materialized_only)
                .and_then(|(relation, only)| Some(Promise::MaterializedOnly { relation, only: only? }));
            [Promise::Aggregate(shape(source, build))].into_iter().chain(shows)
        });
        promises.extend(lenient.chain(aggregate).map(|promise| Promised { statement, promise }));
    }
    promises
}

/// What the statement with this number promises, whether it says IF NOT EXISTS or not.
pub(crate) fn promised(source: &sql::Source, number: usize) -> Option<Promise> {
    let analysis = &source.analysis()[number];
    let aggregate = analysis.aggregate.as_ref().map(|build| Promise::Aggregate(shape(source, build)));
    aggregate.or_else(|| match analysis.promises.as_slice() {
        [(promise, _)] => Some(said(promise)),
        _ => None,
    })
}

pub(crate) fn said(promise: &sql::Promise) -> Promise {
    match promise {
        sql::Promise::Policy { procedure, relation, config, schedule } => Promise::Policy(Policed {
            procedure: (*procedure).to_owned(),
            relation: relation.clone(),
            config: config.iter().map(|(key, expression)| ((*key).to_owned(), expression.clone())).collect(),
            schedule: schedule.clone(),
        }),
        sql::Promise::Hypertable { relation, column, interval } => {
            Promise::Hypertable { relation: relation.clone(), column: column.clone(), interval: interval.clone() }
        }
        sql::Promise::Dimension { relation, column, by } => {
            Promise::Dimension(Dimension { relation: relation.clone(), column: column.clone(), by: slicing(by) })
        }
    }
}

pub(crate) fn slicing(by: &sql::Slicing) -> Slicing {
    match by {
        sql::Slicing::Hash(partitions) => Slicing::Hash(partitions.clone()),
        sql::Slicing::Range(interval) => Slicing::Range(interval.clone()),
    }
}

/// The continuous aggregate of which a statement says whether it shows only what is materialized, and whether.
pub(crate) fn materialized_only(settings: &sql::Settings) -> Option<(String, Option<bool>)> {
    let only = settings.says(sql::Setting::MaterializedOnly)?;
    Some((qualified(&settings.name).quoted(), only.map(|value| value == "true")))
}

pub(crate) fn shape(source: &sql::Source, build: &sql::AggregateBuild) -> AggregateShape {
    let text = |range: &std::ops::Range<usize>| source.text()[range.clone()].to_owned();
    AggregateShape { name: qualified(&build.name), columns: text(&build.columns), query: text(&build.query) }
}

/// An aggregate that files create, and what its query reads.
type Built = BTreeMap<sql::QualifiedName, Vec<sql::QualifiedName>>;

/// Puts the refreshes behind the statements of each file that asks for them, those first that others are built on; and one
/// behind each aggregate that is filled at once: a crash may have come between its creation and its rows.
pub(crate) fn refresh_all(
    migrations: &mut [Files],
    sets: &BTreeMap<SetName, Set>,
    targets: &BTreeMap<TargetName, Target>,
    findings: &mut Vec<Finding>,
) {
    let mut built: BTreeMap<&TargetName, Built> = BTreeMap::new();
    let target = |files: &Files| sets.get(files.migration.set()).map(|set| &set.target);
    let kind = |target: &TargetName| targets.get(target).map(|target| target.kind);
    for files in migrations.iter() {
        if let Some(target) = target(files).filter(|target| kind(target) == Some(TargetKind::Timescale)) {
            built.entry(target).or_default().extend(aggregates(&files.up));
        }
    }
    for files in migrations {
        let Some(target) = target(files) else { continue };
        let Files { migration, up, down } = files;
        let mut found = Vec::new();
        if kind(target) == Some(TargetKind::Timescale) {
            refresh(up, &mut migration.up, &built[target], &mut found);
            if let Some((file, body)) = down.as_ref().zip(migration.down.as_mut()) {
                refresh(file, body, &built[target], &mut found);
            }
        } else {
            found.extend([Some(&*up), down.as_ref()].into_iter().flatten().filter_map(misplaced));
        }
        findings.extend(found.into_iter().map(|finding| finding.of(&migration.id)));
    }
}

/// A refresh where there are no continuous aggregates.
fn misplaced(file: &SqlFile) -> Option<Finding> {
    let asked = file.headers()?.refresh.first()?;
    let message = "the directive `refresh` is for targets of kind `timescale`";
    let hint = "remove it, or let the target be of that kind";
    Some(Finding::error("directive-misplaced", message).at(file.place(&asked.range)).hint(hint))
}

fn aggregates(file: &SqlFile) -> impl Iterator<Item = (sql::QualifiedName, Vec<sql::QualifiedName>)> {
    let analysis = file.source.iter().flat_map(sql::Source::analysis);
    analysis.filter_map(|analysis| {
        let build = analysis.aggregate.as_ref()?;
        let used = analysis.objects.iter().filter(|object| object.action == sql::ObjectAction::Use);
        Some((build.name.clone(), used.map(|object| object.name.clone()).collect()))
    })
}

fn refresh(file: &SqlFile, body: &mut Body, built: &Built, findings: &mut Vec<Finding>) {
    let Some(source) = &file.source else { return };
    let filled = |number: usize| source.analysis()[number].aggregate.as_ref().filter(|build| build.with_data);
    if source.statements().len() == body.statements.len() {
        for number in (0..body.statements.len()).rev() {
            if let Some(build) = filled(number) {
                let whole = Refresh { name: qualified(&build.name), from: None, to: None };
                let behind = synthetic(&body.statements[number], whole);
                body.statements.insert(number + 1, behind);
                let shifted = body.needs.promises.iter_mut().filter(|promised| promised.statement > number);
                shifted.for_each(|promised| promised.statement += 1);
            }
        }
    }
    let asked = &source.headers().refresh;
    let Some(first) = asked.first() else { return };
    let refuse = |message: &str, hint: &str| {
        Finding::error("refresh-misplaced", message).at(file.place(&first.range)).hint(hint)
    };
    if body.batch.is_some() {
        let message = "a backfill is one statement in many transactions, and nothing can stand behind it";
        findings.push(refuse(message, "ask for the refresh in a migration of its own"));
        return;
    }
    if body.is_transactional() {
        if body.statements.iter().any(|statement| statement.copy.is_some()) {
            let message = "rows in the file and a refresh behind them cannot be one migration";
            findings.push(refuse(message, "ask for the refresh in a migration of its own"));
            return;
        }
        fold(source, body);
    }
    let mut wanted: Vec<_> = asked.iter().map(|refresh| &refresh.value).collect();
    wanted.sort_by_key(|refresh| depth(&refresh.name, built, 0));
    for refresh in wanted {
        let refresh = Refresh { name: qualified(&refresh.name), from: refresh.from.clone(), to: refresh.to.clone() };
        let end = body.statements.last().map_or(0, |statement| statement.range.end);
        let line = body.statements.last().map_or(1, |statement| statement.line);
        let last = Statement { range: end..end, line, ..synthetic_at(refresh) };
        body.statements.push(last);
    }
}

/// How many aggregates an aggregate is built on, one upon the other.
fn depth(name: &sql::QualifiedName, built: &Built, above: usize) -> usize {
    let Some((_, used)) = built.iter().find(|(known, _)| known.may_be(name)).filter(|_| above < built.len()) else {
        return 0;
    };
    let below = used.iter().filter(|one| !one.may_be(name)).map(|one| depth(one, built, above + 1)).max();
    1 + below.unwrap_or_default()
}

/// Makes all statements of a body that is one transaction into one statement.
fn fold(source: &sql::Source, body: &mut Body) {
    let (Some(first), Some(last)) = (body.statements.first(), body.statements.last()) else { return };
    let range = first.range.start..last.range.end;
    let digest = Digest::of(source.executable()[range.clone()].as_bytes());
    let whole = Statement { range, line: first.line, digest, class: StatementClass::Transactional, copy: None };
    body.statements = vec![whole];
    body.needs.promises.iter_mut().for_each(|promised| promised.statement = 0);
}

fn synthetic(behind: &Statement, refresh: Refresh) -> Statement {
    let end = behind.range.end;
    Statement { range: end..end, line: behind.line, ..synthetic_at(refresh) }
}

fn synthetic_at(refresh: Refresh) -> Statement {
    let what = refresh.to_string();
    Statement {
        range: 0..0,
        line: 1,
        digest: Digest::of(what.as_bytes()),
        class: StatementClass::Alone { what, probe: Probe::Refreshed(refresh) },
        copy: None,
    }
}
