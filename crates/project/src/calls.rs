//! What jobs call, and what migrations make that can be called: from these the planner infers what waits for what.

use dunlin_planner::{CalledRoutine, Job, MadeRoutine, Migration, MigrationId, Place, QualifiedName};
use dunlin_sql as sql;

use crate::set::Files;

/// The functions and procedures that a migration makes.
pub(crate) fn made(files: &Files) -> Vec<MadeRoutine> {
    let Some(source) = &files.up.source else { return Vec::new() };
    let home = files.migration.up.settings.search_path.as_deref().and_then(first);
    let is_made = |object: &&sql::ObjectRef| {
        matches!(object.kind, sql::ObjectKind::Function | sql::ObjectKind::Procedure)
            && object.action == sql::ObjectAction::Create
    };
    let objects = source.analysis().iter().flat_map(|analysis| &analysis.objects).filter(is_made);
    let made =
        |object: &sql::ObjectRef| MadeRoutine { by: files.migration.id.clone(), name: qualified(&object.name, home) };
    objects.map(made).collect()
}

/// What the jobs call that a migration schedules in plain SQL.
pub(crate) fn called(files: &Files) -> Vec<CalledRoutine> {
    let Some(source) = &files.up.source else { return Vec::new() };
    let calls = source.analysis().iter().flat_map(|analysis| &analysis.calls);
    let jobs = calls.filter_map(sql::Call::cron_job);
    let of = |job: sql::CronJob| {
        let name = job.name.clone().unwrap_or_default();
        let command = job.command.clone().unwrap_or_default();
        in_command(&files.migration.id, &command, &name, job.database.as_deref(), &files.up.place(&job.range))
    };
    jobs.flat_map(of).collect()
}

/// What declared jobs call.
pub(crate) fn declared(migration: &Migration) -> Vec<CalledRoutine> {
    let jobs = migration.up.jobs.iter().flat_map(|jobs| &jobs.declared);
    let of = |job: &Job| in_command(&migration.id, &job.command, &job.name, job.database.as_deref(), &job.place);
    jobs.flat_map(of).collect()
}

fn in_command(by: &MigrationId, command: &str, job: &str, database: Option<&str>, place: &Place) -> Vec<CalledRoutine> {
    let Ok(source) = sql::Source::read(command.as_bytes()) else { return Vec::new() };
    let calls = source.analysis().iter().flat_map(|analysis| &analysis.calls);
    let called = |call: &sql::Call| CalledRoutine {
        by: by.clone(),
        job: job.to_owned(),
        database: database.map(str::to_owned),
        name: qualified(&call.name, None),
        place: place.clone(),
    };
    calls.map(called).collect()
}

/// A name with its schema: where none is written, the first of the search path, or PostgreSQL's own default.
fn qualified(name: &sql::QualifiedName, home: Option<&str>) -> QualifiedName {
    let schema = name.schema.clone().or_else(|| home.map(str::to_owned)).unwrap_or_else(|| "public".to_owned());
    QualifiedName { schema: Some(schema), name: name.name.clone() }
}

fn first(path: &str) -> Option<&str> {
    let first = path.split(',').next()?.trim().trim_matches('"');
    (!first.is_empty() && first != "$user").then_some(first)
}
