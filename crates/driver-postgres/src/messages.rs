//! The texts of the protocol: what opens a transaction, claims a step, guards the body, washes and finishes (PROTOCOL.md).
//!
//! Texts that run under a migration's own settings spell operators, casts and functions with `pg_catalog`, so that nothing a
//! migration defines can stand in for them.

use std::time::Duration;

use dunlin_driver::StepTask;
use dunlin_planner::{Action, Dependency, Failure, FailureClass, Kind, MigrationId, RunId, StepSettings};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sql;

/// Raised by a claim: a migration that this one needs is not applied as planned.
pub(crate) const NEEDS: &str = "DUN01";
/// Raised by a claim: the row is not in the state that the step starts from.
pub(crate) const NOT_CLAIMED: &str = "DUN02";
/// Raised by a claim: this is not the ledger that was planned for.
pub(crate) const OTHER_LEDGER: &str = "DUN03";
/// Raised by a claim: the server writes on another timeline than the run knows; what it did there may be lost.
pub(crate) const OTHER_TIMELINE: &str = "DUN06";
/// Raised by a guard: the transaction is not the one that claimed.
pub(crate) const LEFT: &str = "DUN04";
/// Raised by a fenced write: another attempt has taken the step over.
pub(crate) const FENCED: &str = "DUN05";

pub(crate) const TOOL: &str = concat!("dunlin ", env!("CARGO_PKG_VERSION"));
/// How long a statement waits for a lock where nothing is declared: whoever queues behind it waits as long.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(15);

/// What a body may leave in a session that the pooler gives to somebody else next: channels, cursors, temporary tables,
/// sequences' last values, prepared statements (not those of the pooler itself) and locks. `DISCARD ALL` does not run in a
/// transaction, and outside of it this may be another session.
pub(crate) const SHED: &str = "UNLISTEN *; CLOSE ALL; DISCARD TEMP; DISCARD SEQUENCES; \
    DO $dunlin$ DECLARE known pg_catalog.name; BEGIN FOR known IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql LOOP \
    EXECUTE pg_catalog.format('DEALLOCATE %I', known); END LOOP; END $dunlin$; SELECT pg_catalog.pg_advisory_unlock_all();\n";

/// Which server session a transaction is in: behind a pooler, one that a body leaves in the middle is ended.
pub(crate) const WHO: &str = "SELECT pg_catalog.pg_backend_pid() AS dunlin_backend;\n";

/// In a transaction of ours on whose being replicated nobody relies: in the log of writes it comes before what is. It need not
/// wait for a standby, which may be gone.
pub(crate) const HERE: &str = "SET LOCAL synchronous_commit = local;";

/// What was committed is on this server's disk, whatever the role's settings say; for which standbys it waits is theirs to say.
pub(crate) const COMMIT: &str = "SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
    WHERE pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off'; COMMIT";

/// Of a row that was claimed statement by statement: none was begun, so that its file may run in one transaction now.
const UNTOUCHED: &str = "NOT l.transactional AND l.step = 0 AND l.pre IS NULL AND l.cursor IS NULL";

/// What never changes while a step runs: whose row it is, and by which run.
pub(crate) struct Key {
    pub(crate) project: String,
    pub(crate) id: String,
    pub(crate) run: Uuid,
    pub(crate) lock: i32,
}

impl Key {
    pub(crate) fn new(task: &StepTask<'_>) -> Result<Self, Failure> {
        let run = run(task.run)?;
        let lock = sql::lock_key(task.project, &task.step.id);
        Ok(Self { project: sql::text(task.project.as_str()), id: sql::text(&task.step.id.to_string()), run, lock })
    }
}

/// The run as the ledger keeps it.
pub(crate) fn run(run: &RunId) -> Result<Uuid, Failure> {
    let message = || format!("the run's identity `{run}` is no UUID");
    Uuid::parse_str(run.as_str()).map_err(|_| Failure::new(FailureClass::Rejected, message()))
}

/// Whether a step applies or takes back, as the states of its row.
#[derive(Clone, Copy)]
pub(crate) struct Course {
    pub(crate) during: &'static str,
    pub(crate) after: &'static str,
}

impl Course {
    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Apply { .. } => Self { during: "running", after: "applied" },
            Action::Revert { .. } => Self { during: "reverting", after: "reverted" },
        }
    }
}

/// How long a statement waits for a lock, where it may not wait for ever: zero would be no limit at all.
pub(crate) fn lock_timeout(settings: &StepSettings) -> Duration {
    settings.lock_timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(LOCK_TIMEOUT)
}

/// Settings of our own statements, for the rest of the transaction.
fn own_settings(settings: &StepSettings) -> String {
    format!(
        "{} SET LOCAL row_security = off; SET LOCAL client_min_messages = notice; \
         SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; {}\n",
        sql::PLAIN,
        lock_timeout(settings).as_millis(),
        settings.timeout.unwrap_or(STATEMENT_TIMEOUT).as_millis(),
        sql::unlimited(true),
    )
}

/// BEGIN with the isolation of the file's own BEGIN. READ WRITE fails at once on a standby.
pub(crate) fn begin(settings: &StepSettings, watch_client: bool) -> Result<String, Failure> {
    let isolation = settings.isolation.as_deref().unwrap_or("ISOLATION LEVEL READ COMMITTED");
    if !isolation.chars().all(|char| char.is_ascii_alphabetic() || matches!(char, ' ' | ',')) {
        return Err(Failure::new(FailureClass::Rejected, format!("`{isolation}` is no transaction mode")));
    }
    let mut text = format!("BEGIN READ WRITE, {isolation};\n{}", own_settings(settings));
    if watch_client {
        // A backend whose client is gone ends soon, and its locks with it, so that the next attempt need not wait.
        text.push_str("SET LOCAL client_connection_check_interval = 2000;\n");
    }
    Ok(text)
}

/// The settings of the body, at the end of the opening or before a statement that runs alone.
pub(crate) fn body_settings(settings: &StepSettings, local: bool) -> String {
    let scope = if local { "SET LOCAL" } else { "SET" };
    let mut text = format!("{scope} row_security = on;\n");
    text.push_str(&match &settings.search_path {
        Some(path) => sql::set("search_path", path, local),
        // Not RESET: what ALTER ROLE … SET search_path says is to hold.
        None => format!("{scope} search_path TO DEFAULT;"),
    });
    for (name, value) in &settings.settings {
        text.push_str(&sql::set(name, value, local));
    }
    if let Some(role) = &settings.role {
        text.push_str(&format!("{scope} ROLE {};", sql::identifier(role)));
    }
    text
}

/// The claim of a step that runs in one transaction: lock, checks, row.
pub(crate) fn claim(key: &Key, task: &StepTask<'_>) -> String {
    let lock = try_lock(key.lock);
    let row = match &task.step.action {
        Action::Apply { after, .. } => {
            format!(
                "{}\n{};\n{}",
                needs(key, task, after),
                upsert(key, task, true, &format!("OR (l.state = 'running' AND {UNTOUCHED}){}", once_more(task))),
                exactly_one(NOT_CLAIMED)
            )
        }
        // The row first: from here on nobody can start to depend on it, so that the look at its dependents is not outrun.
        Action::Revert { .. } => {
            format!("{}\n{}\n{}", revert(key, true), exactly_one(NOT_CLAIMED), dependents(key, task))
        }
    };
    plpgsql(&format!("{lock}\n{}\n{row}", ledger_check(task)))
}

/// The applied row of the same text that is run once more, as it was seen: whoever comes second finds another attempt.
fn once_more(task: &StepTask<'_>) -> String {
    let again = task.step.body.jobs.as_ref().and_then(|jobs| jobs.again);
    again.map(|attempt| format!(" OR (l.state = 'applied' AND l.attempt = {attempt})")).unwrap_or_default()
}

/// The claim of a step that runs statement by statement; its lock belongs to the session and is taken before.
pub(crate) fn claim_alone(key: &Key, task: &StepTask<'_>) -> String {
    let row = match &task.step.action {
        Action::Apply { after, .. } => {
            let resumes = "OR (l.state = 'running' AND NOT l.transactional AND l.cursor IS NULL AND l.stmt_sums[1:l.step + (l.pre IS NOT NULL)::pg_catalog.int4] \
                           = excluded.stmt_sums[1:l.step + (l.pre IS NOT NULL)::pg_catalog.int4])";
            format!("{}\n{};\n{}", needs(key, task, after), upsert(key, task, false, resumes), exactly_one(NOT_CLAIMED))
        }
        Action::Revert { .. } => {
            let sums = sql::digests(task.step.body.statements.iter().map(|statement| &statement.digest));
            let row = format!(
                "UPDATE dunlin.ledger AS l SET state = 'reverting', transactional = false, attempt = l.attempt + 1, run_id = '{}', \
                 pid = pg_catalog.pg_backend_pid(), by_user = session_user, finished = NULL, stmt_sums = {sums}, \
                 step = CASE WHEN l.state = 'reverting' THEN l.step ELSE 0 END, pre = CASE WHEN l.state = 'reverting' THEN l.pre END, cursor = NULL \
                 WHERE l.project = {} AND l.id = {} AND (l.state = 'applied' OR (l.state = 'reverting' AND NOT l.transactional AND l.cursor IS NULL \
                 AND l.stmt_sums[1:l.step + (l.pre IS NOT NULL)::pg_catalog.int4] = ({sums})[1:l.step + (l.pre IS NOT NULL)::pg_catalog.int4]));",
                key.run, key.project, key.id,
            );
            format!("{row}\n{}\n{}", exactly_one(NOT_CLAIMED), dependents(key, task))
        }
    };
    plpgsql(&format!("{}\n{row}", ledger_check(task)))
}

/// The claim of a backfill, in the transaction of the first range that this attempt runs: a failure leaves nothing behind.
pub(crate) fn claim_batch(key: &Key, task: &StepTask<'_>) -> String {
    let row = match &task.step.action {
        Action::Apply { after, .. } => {
            let resumes = "OR (l.state = 'running' AND l.cursor IS NOT NULL AND l.stmt_sums = excluded.stmt_sums)";
            format!("{}\n{};\n{}", needs(key, task, after), upsert(key, task, false, resumes), exactly_one(NOT_CLAIMED))
        }
        Action::Revert { .. } => {
            let sums = sql::digests(task.step.body.sums().iter());
            let row = format!(
                "UPDATE dunlin.ledger AS l SET state = 'reverting', transactional = false, attempt = l.attempt + 1, run_id = '{}', \
                 pid = pg_catalog.pg_backend_pid(), by_user = session_user, finished = NULL, pre = NULL, stmt_sums = {sums}, \
                 step = CASE WHEN l.state = 'reverting' THEN l.step ELSE 0 END, cursor = CASE WHEN l.state = 'reverting' THEN l.cursor END \
                 WHERE l.project = {} AND l.id = {} \
                 AND (l.state = 'applied' OR (l.state = 'reverting' AND l.cursor IS NOT NULL AND l.stmt_sums = {sums}));",
                key.run, key.project, key.id,
            );
            format!("{row}\n{}\n{}", exactly_one(NOT_CLAIMED), dependents(key, task))
        }
    };
    plpgsql(&format!("{}\n{row}", ledger_check(task)))
}

/// The lock of a migration for this transaction; busy where another session holds it.
pub(crate) fn lock_once(key: &Key) -> String {
    plpgsql(&try_lock(key.lock))
}

pub(crate) fn try_lock(lock: i32) -> String {
    format!(
        "IF NOT pg_catalog.pg_try_advisory_xact_lock({}, {}) THEN RAISE EXCEPTION 'busy' USING ERRCODE = '55P03'; END IF;",
        sql::LOCK_CLASS,
        lock,
    )
}

pub(crate) fn plpgsql(body: &str) -> String {
    format!("DO $dunlin$ DECLARE hits pg_catalog.int8; names pg_catalog.text; BEGIN\n{body}\nEND $dunlin$;\n")
}

pub(crate) fn exactly_one(code: &str) -> String {
    format!(
        "GET DIAGNOSTICS hits = ROW_COUNT; IF hits <> 1 THEN RAISE EXCEPTION 'not one row' USING ERRCODE = '{code}'; END IF;"
    )
}

/// The file of the log of writes that a primary writes: its name begins with the timeline. What the control file says may be
/// of before a promotion for a while.
pub(crate) const FILE: &str = "pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())";

/// After a reconnect the server may be another one, or an older copy of the same.
fn ledger_check(task: &StepTask<'_>) -> String {
    let timeline = task.timeline.map(|known| {
        format!(
            "IF pg_catalog.left({FILE}, 8) <> '{known:08X}' THEN RAISE EXCEPTION 'another timeline' USING ERRCODE = '{OTHER_TIMELINE}'; END IF; "
        )
    });
    let timeline = timeline.unwrap_or_default();
    let Some(ledger) = (task.ledgers)(&task.step.target) else { return timeline };
    format!(
        "{timeline}IF NOT EXISTS (SELECT FROM dunlin.meta WHERE ledger_id::pg_catalog.text = {}) THEN \
         RAISE EXCEPTION 'another ledger' USING ERRCODE = '{OTHER_LEDGER}'; END IF;",
        sql::text(ledger.as_str())
    )
}

/// Every predecessor in this database must be applied with its checksum, and cannot be reverted before this transaction ends.
fn needs(key: &Key, task: &StepTask<'_>, after: &[Dependency]) -> String {
    let local: Vec<&Dependency> = after.iter().filter(|dependency| dependency.target == task.step.target).collect();
    if local.is_empty() {
        return String::new();
    }
    let row = |dependency: &&Dependency| {
        format!("({}, {})", sql::text(&dependency.id.to_string()), sql::digest(&dependency.checksum))
    };
    let rows: Vec<String> = local.iter().map(row).collect();
    let rows = rows.join(", ");
    format!(
        "PERFORM FROM dunlin.ledger AS l WHERE l.project = {project} AND (l.id, l.checksum) IN (VALUES {rows}) AND l.state = 'applied' \
         ORDER BY l.id FOR SHARE;\n\
         GET DIAGNOSTICS hits = ROW_COUNT; IF hits <> {count} THEN\n\
         SELECT pg_catalog.string_agg(pg_catalog.format('`%s` is %s', d.id, CASE WHEN l.id IS NULL THEN 'not applied' \
         WHEN l.state = 'applied' THEN 'applied with another checksum' ELSE l.state END), ', ' ORDER BY d.id) INTO names \
         FROM (VALUES {rows}) AS d(id, checksum) LEFT JOIN dunlin.ledger AS l ON l.project = {project} AND l.id = d.id \
         WHERE l.state IS DISTINCT FROM 'applied' OR l.checksum <> d.checksum;\n\
         RAISE EXCEPTION '%', names USING ERRCODE = '{NEEDS}'; END IF;",
        project = key.project,
        count = local.len(),
    )
}

/// What the row is to remember of its dependencies: those that keep binding, each with its ledger.
fn stored_dependencies(task: &StepTask<'_>) -> serde_json::Value {
    let stored = task.dependencies().into_iter();
    stored.map(|stored| json!({"id": stored.id.to_string(), "ledger": stored.ledger.as_str()})).collect()
}

fn upsert(key: &Key, task: &StepTask<'_>, transactional: bool, resumes: &str) -> String {
    let step = task.step;
    let sums = if transactional { "NULL".to_owned() } else { sql::digests(step.body.sums().iter()) };
    format!(
        "INSERT INTO dunlin.ledger AS l (project, id, set, version, name, kind, transactional, state, checksum, raw, tokens, stmt_sums, \
         run_id, deps, pid, tool)\n\
         VALUES ({project}, {id}, {set}, {version}, {name}, '{kind}', {transactional}, 'running', {checksum}, {raw}, {tokens}, {sums}, \
         '{run}', {deps}, pg_catalog.pg_backend_pid(), {tool})\n\
         ON CONFLICT (project, id) DO UPDATE SET state = 'running', name = excluded.name, kind = excluded.kind, \
         transactional = excluded.transactional, checksum = excluded.checksum, raw = excluded.raw, tokens = excluded.tokens, \
         stmt_sums = excluded.stmt_sums, run_id = excluded.run_id, deps = excluded.deps, pid = excluded.pid, tool = excluded.tool, \
         by_user = session_user, attempt = l.attempt + 1, finished = NULL, \
         started = CASE WHEN l.state = 'running' THEN l.started ELSE pg_catalog.clock_timestamp() END, \
         step = CASE WHEN l.state = 'running' THEN l.step ELSE 0 END, pre = CASE WHEN l.state = 'running' THEN l.pre END, \
         cursor = CASE WHEN l.state = 'running' THEN l.cursor END\n\
         WHERE l.state = 'reverted' OR (excluded.kind = 'repeatable' AND l.state = 'applied' AND l.checksum <> excluded.checksum) {resumes}",
        project = key.project,
        id = key.id,
        set = sql::text(step.id.set.as_str()),
        version = sql::text(step.id.version.as_str()),
        name = sql::text(&step.name),
        kind = kind(step.kind),
        checksum = sql::digest(&step.checksum),
        raw = sql::digest(&step.body.raw),
        tokens = sql::digest(&step.body.tokens),
        run = key.run,
        deps = sql::json(&stored_dependencies(task)),
        tool = sql::text(TOOL),
    )
}

pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Versioned => "versioned",
        Kind::Repeatable => "repeatable",
        Kind::Seed => "seed",
    }
}

fn revert(key: &Key, transactional: bool) -> String {
    format!(
        "UPDATE dunlin.ledger AS l SET state = 'reverting', transactional = {transactional}, attempt = l.attempt + 1, run_id = '{}', \
         pid = pg_catalog.pg_backend_pid(), by_user = session_user, finished = NULL, cursor = NULL \
         WHERE l.project = {} AND l.id = {} AND (l.state = 'applied' OR (l.state = 'reverting' AND {UNTOUCHED}));",
        key.run, key.project, key.id,
    )
}

/// Neither the plan's dependents nor any row that remembers this migration may be applied or on its way.
fn dependents(key: &Key, task: &StepTask<'_>) -> String {
    let Action::Revert { dependents } = &task.step.action else { return String::new() };
    let planned: Vec<String> = dependents.iter().map(|id| sql::text(&id.to_string())).collect();
    let remembers = sql::json(&json!([{"id": task.step.id.to_string()}]));
    format!(
        "SELECT pg_catalog.string_agg(pg_catalog.format('`%s` is %s', l.id, l.state), ', ' ORDER BY l.id) INTO names FROM dunlin.ledger AS l \
         WHERE l.project = {} AND l.id <> {} AND l.state <> 'reverted' AND (l.id = ANY (ARRAY[{}]::pg_catalog.text[]) OR l.deps @> {remembers});\n\
         IF names IS NOT NULL THEN RAISE EXCEPTION '%', names USING ERRCODE = '{NEEDS}'; END IF;",
        key.project,
        key.id,
        planned.join(", "),
    )
}

/// No row that remembers this migration may be applied or on its way.
pub(crate) fn remembered(project: &str, id: &MigrationId) -> String {
    let remembers = sql::json(&json!([{"id": id.to_string()}]));
    format!(
        "SELECT pg_catalog.string_agg(pg_catalog.format('`%s` is %s', l.id, l.state), ', ' ORDER BY l.id) INTO names FROM dunlin.ledger AS l \
         WHERE l.project = {project} AND l.state <> 'reverted' AND l.deps @> {remembers};\n\
         IF names IS NOT NULL THEN RAISE EXCEPTION '%', names USING ERRCODE = '{NEEDS}'; END IF;",
    )
}

/// Passes only inside the transaction that claimed: the row's version is this transaction's own.
pub(crate) fn guard(key: &Key, during: &str) -> String {
    format!(
        "DO $dunlin$ BEGIN PERFORM FROM dunlin.ledger WHERE project OPERATOR(pg_catalog.=) {} AND id OPERATOR(pg_catalog.=) {} \
         AND run_id OPERATOR(pg_catalog.=) CAST('{}' AS pg_catalog.uuid) AND state OPERATOR(pg_catalog.=) '{during}' \
         AND xmin OPERATOR(pg_catalog.=) CAST(pg_catalog.pg_current_xact_id() AS pg_catalog.xid); \
         IF NOT FOUND THEN RAISE EXCEPTION 'not in the transaction that claimed' USING ERRCODE = '{LEFT}'; END IF; END $dunlin$;",
        key.project, key.id, key.run,
    )
}

/// Washes off what the body set, guards, marks the row with `after` and commits; without `after` the row stays as it is.
pub(crate) fn closing(key: &Key, settings: &StepSettings, during: &str, after: Option<&str>) -> String {
    close(key, settings, (during, after), None)
}

/// As [`closing`] of a step that is finished, with more to say in the log.
pub(crate) fn closing_saying(key: &Key, settings: &StepSettings, course: Course, more: Option<&Value>) -> String {
    close(key, settings, (course.during, Some(course.after)), more)
}

fn close(key: &Key, settings: &StepSettings, (during, after): (&str, Option<&str>), more: Option<&Value>) -> String {
    let mut text = format!(
        "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; {}{}\n",
        own_settings(settings),
        guard(key, during)
    );
    if let Some(after) = after {
        text.push_str(&plpgsql(&format!(
            "UPDATE dunlin.ledger SET state = '{after}', finished = pg_catalog.clock_timestamp() WHERE project = {project} AND id = {id} \
             AND run_id = '{run}' AND state = '{during}' AND xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid;\n{one}\n{event}",
            project = key.project,
            id = key.id,
            run = key.run,
            one = exactly_one(LEFT),
            event = event_of_row(key, after, more),
        )));
    }
    text.push_str(COMMIT);
    text
}

/// A line in the ledger's log.
pub(crate) fn event(key: &Key, what: &str, detail: &serde_json::Value) -> String {
    format!(
        "INSERT INTO dunlin.event (project, id, run_id, what, detail) VALUES ({}, {}, '{}', '{what}', {});",
        key.project,
        key.id,
        key.run,
        sql::json(detail),
    )
}

/// What a line says of the row `l` that it leaves, so that the row can be compared with the log.
pub(crate) const ROW_SAID: &str = "pg_catalog.jsonb_build_object('row', pg_catalog.jsonb_build_object('state', l.state, \
    'checksum', pg_catalog.encode(l.checksum, 'hex'), 'tokens', pg_catalog.encode(l.tokens, 'hex'), 'attempt', l.attempt))";

/// A line about a row that was just finished.
pub(crate) fn event_of_row(key: &Key, what: &str, more: Option<&Value>) -> String {
    let more = more.map(|more| format!(" || {}", sql::json(more))).unwrap_or_default();
    format!(
        "INSERT INTO dunlin.event (project, id, run_id, what, detail) SELECT l.project, l.id, l.run_id, '{what}', {ROW_SAID}{more} \
         FROM dunlin.ledger AS l WHERE l.project = {} AND l.id = {};",
        key.project, key.id,
    )
}

/// A line in the ledger's log, unless this run has written such a one of the same error.
pub(crate) fn event_once(key: &Key, what: &str, detail: &serde_json::Value) -> String {
    format!(
        "INSERT INTO dunlin.event (project, id, run_id, what, detail) SELECT {project}, {id}, '{run}', '{what}', {detail} \
         WHERE NOT EXISTS (SELECT FROM dunlin.event e WHERE e.project = {project} AND e.id = {id} AND e.run_id = '{run}' \
         AND e.what = '{what}' AND e.detail ->> 'sqlstate' = {detail} ->> 'sqlstate');",
        project = key.project,
        id = key.id,
        run = key.run,
        detail = sql::json(detail),
    )
}

/// A transaction of our own statements alone.
pub(crate) fn transaction(statements: &str) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}{statements}{COMMIT}",
        own_settings(&StepSettings::default())
    )
}

/// A write of one attempt: it takes effect on exactly one row, behind exactly `step` finished statements, and only while this
/// session holds the migration's lock.
pub(crate) fn fenced(key: &Key, attempt: u32, course: Course, step: usize, set: &str) -> String {
    plpgsql(&format!(
        "UPDATE dunlin.ledger SET {set} WHERE project = {} AND id = {} AND run_id = '{}' AND attempt = {attempt} \
         AND state = '{}' AND step = {step} \
         AND EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid() \
         AND classid = {}::pg_catalog.oid AND objid = {}::pg_catalog.oid AND granted);\n{}",
        key.project,
        key.id,
        key.run,
        course.during,
        sql::LOCK_CLASS.cast_unsigned(),
        key.lock.cast_unsigned(),
        exactly_one(FENCED),
    ))
}
