//! The server's jobs: what is read of them, and the statements that change them.
//!
//! Jobs are changed by their numbers: by name only one's own are found, even by a superuser. An existing job is altered, never
//! scheduled anew, as pg_cron 1.4 would leave it in its old database. The last statement looks at what came of all of it.

use std::collections::BTreeSet;

use dunlin_driver_postgres::ServerFacts;
use dunlin_planner::{Alteration, Job, JobChange, JobFacts, JobKey, Jobs, JobsVersion, LiveJob, Place};
use serde_json::Value;

use crate::cron::EXTENSION;

/// Jobs of Dunlin's own begin with this, and are nobody's to declare.
pub(crate) const OWN: &str = "dunlin-";

/// What there is.
pub(crate) const LIVE: &str = "SELECT 'cron.jobs' AS name, (SELECT json_agg(json_build_object('id', jobid, 'name', COALESCE(jobname::text, ''), \
    'schedule', schedule, 'command', command, 'database', database, 'user', username, 'active', active) ORDER BY jobid) FROM cron.job)::text AS value";

/// What limits whoever asks.
pub(crate) const LIMITS: &str = "SELECT 'cron.limits' AS name, json_build_object('user', session_user, \
    'zone', COALESCE(NULLIF(current_setting('cron.timezone', true), ''), 'GMT'), \
    'clock', extract(epoch FROM date_trunc('second', now() AT TIME ZONE COALESCE(NULLIF(current_setting('cron.timezone', true), ''), 'GMT')))::int8, \
    'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = session_user), \
    'databases', (SELECT json_agg(datname) FROM pg_database WHERE datallowconn), \
    'roles', (SELECT json_agg(rolname) FROM pg_roles WHERE rolcanlogin), \
    'denied', (SELECT json_agg(DISTINCT p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'cron' \
    AND NOT (has_schema_privilege(session_user, n.oid, 'USAGE') AND has_function_privilege(session_user, p.oid, 'EXECUTE'))))::text AS value";

/// The facts as the planner takes them.
pub(crate) fn facts(server: &ServerFacts) -> Option<JobFacts> {
    let extension = server.extensions.get(EXTENSION)?;
    let version = JobsVersion::parse(extension.installed.as_ref().unwrap_or(&extension.default))?;
    let parsed = |name: &str| serde_json::from_str::<Value>(server.extra.get(name)?).ok();
    let limits = parsed("cron.limits")?;
    let texts = |key: &str| {
        let list = limits[key].as_array().into_iter().flatten();
        list.filter_map(|one| one.as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    let live = parsed("cron.jobs").map(|jobs| jobs.as_array().into_iter().flatten().filter_map(live).collect());
    Some(JobFacts {
        version,
        installed: extension.installed.is_some(),
        database: server.database.clone(),
        user: limits["user"].as_str()?.to_owned(),
        superuser: limits["superuser"].as_bool()?,
        denied: texts("denied").into_iter().collect(),
        live: live.unwrap_or_default(),
        databases: texts("databases"),
        roles: texts("roles"),
        zone: limits["zone"].as_str().unwrap_or("GMT").to_owned(),
        clock: limits["clock"].as_i64(),
        applied: Default::default(),
        words: Default::default(),
    })
}

fn live(job: &Value) -> Option<LiveJob> {
    let text = |key: &str| job[key].as_str().map(str::to_owned);
    let live = LiveJob {
        id: job["id"].as_u64()?,
        name: text("name")?,
        schedule: text("schedule")?,
        command: text("command")?,
        database: text("database")?,
        user: text("user")?,
        active: job["active"].as_bool()?,
    };
    (!live.name.starts_with(OWN)).then_some(live)
}

/// What does what was planned.
pub(crate) fn statements(jobs: &Jobs) -> Vec<(String, Option<Place>)> {
    let mut statements: Vec<_> = jobs.changes.iter().filter_map(statement).collect();
    if !jobs.declared.is_empty() {
        statements.push((proof(&jobs.declared), None));
    }
    statements
}

fn statement(change: &JobChange) -> Option<(String, Option<Place>)> {
    match change {
        JobChange::Create { job, .. } => Some((create(job), Some(job.place.clone()))),
        JobChange::Alter { what, .. } if what.is_empty() => None,
        JobChange::Alter { id, job, what, .. } => Some((alter(*id, job, what), Some(job.place.clone()))),
        JobChange::Remove { id, name } => {
            let text = format!(
                "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobid = {id} AND jobname::text = {}",
                literal(name)
            );
            Some((text, None))
        }
    }
}

/// Where one of its name is there by now, nothing is done, and the last statement tells.
fn create(job: &Job) -> String {
    // Whoever is no superuser may not even name itself.
    let (mine, user) = match &job.user {
        Some(user) => (literal(user), format!("NULLIF({}, current_user::text)", literal(user))),
        None => ("current_user::text".to_owned(), "NULL::text".to_owned()),
    };
    format!(
        "SELECT cron.schedule_in_database({name}, {}, {}, {}, {}, {}) WHERE NOT EXISTS \
         (SELECT FROM cron.job WHERE jobname::text = {name} AND username::text = {mine})",
        literal(&job.schedule),
        literal(&job.command),
        job.database.as_deref().map_or_else(|| "current_database()".to_owned(), literal),
        user,
        job.active,
        name = literal(&job.name),
    )
}

fn alter(id: u64, job: &Job, what: &[Alteration]) -> String {
    let argument = |one: &Alteration| match one.key {
        JobKey::Schedule => format!("schedule := {}", literal(&job.schedule)),
        JobKey::Command => format!("command := {}", literal(&job.command)),
        JobKey::Database => format!("database := {}", literal(&one.to)),
        JobKey::User => format!("username := {}", literal(&one.to)),
        JobKey::Active => format!("active := {}", one.to == "true"),
    };
    let arguments: Vec<_> = what.iter().map(argument).collect();
    format!("SELECT cron.alter_job(job_id := jobid, {}) FROM cron.job WHERE jobid = {id}", arguments.join(", "))
}

/// Fails unless every declared job is there as it is declared; whether it goes on may be somebody else's word.
fn proof(declared: &[Job]) -> String {
    let row = |job: &Job| {
        let or_null = |value: &Option<String>| value.as_deref().map_or_else(|| "NULL::text".to_owned(), literal);
        format!(
            "({}, {}, {}, {}, {})",
            literal(&job.name),
            literal(&job.schedule),
            literal(&job.command),
            or_null(&job.database),
            or_null(&job.user)
        )
    };
    let rows: Vec<_> = declared.iter().map(row).collect();
    format!(
        "DO $dunlin$ DECLARE other text; BEGIN SELECT d.name INTO other FROM (VALUES {}) AS d(name, schedule, command, database, username) \
         WHERE NOT EXISTS (SELECT FROM cron.job j WHERE j.jobname::text = d.name AND j.schedule = d.schedule AND j.command = d.command \
         AND (d.database IS NULL OR j.database = d.database) AND (d.username IS NULL OR j.username = d.username)) LIMIT 1; \
         IF other IS NOT NULL THEN RAISE EXCEPTION 'job \"%\" is not as it is declared: somebody else changes it at this moment', other; END IF; END $dunlin$",
        rows.join(", ")
    )
}

/// A text that means the same under any setting, on one line.
fn literal(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("pg_catalog.convert_from(pg_catalog.decode('{digits}', 'hex'), 'UTF8')")
}
