//! A transactional step: three messages in one flush, and what follows from the way they broke (PROTOCOL.md, "Transactional").

use dunlin_driver::StepTask;
use dunlin_planner::{Failure, FailureClass, LedgerRow, MigrationId, ProjectName, halfway};
use serde_json::json;
use tokio_postgres::Client;

use crate::jobs::{self, Script};
use crate::messages::{self, Course, Key, LEFT, NEEDS, NOT_CLAIMED, OTHER_LEDGER, OTHER_TIMELINE};
use crate::promise;
use crate::rows::rows;
use crate::session::PostgresSession;
use crate::sql;
use crate::streamed::{self, Stopped};
use crate::window::{Broken, Part, Window};
use crate::{failure, ledger, place, replicas};

/// The protocol ends its texts with a NUL, so what contains one cannot be sent.
fn refuse_nul(task: &StepTask<'_>) -> Result<(), Failure> {
    let Some(offset) = task.text.find('\0') else { return Ok(()) };
    let failure = Failure::new(FailureClass::Rejected, "the file holds a NUL byte, which PostgreSQL does not take");
    Err(Failure { place: Some(place::at(&task.step.body, &task.text, offset)), ..failure })
}

impl PostgresSession {
    pub(crate) async fn apply_whole(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        let key = Key::new(task)?;
        let course = Course::of(&task.step.action);
        let settings = &task.step.body.settings;
        refuse_nul(task)?;
        if !self.flavor.offers().jobs.is_there() {
            task.refuse_jobs()?;
        }
        let script = Script::of(&*self.flavor, task);
        let text = script.as_ref().map_or(&*task.text, |script| &script.text);
        let declared = task.step.body.jobs.as_ref();
        let pausing = self.flavor.pausing();
        let line = self.line().await?;
        let window = Window {
            opening: format!(
                "{}{}{}{}{}",
                messages::begin(settings, line.watches_client)?,
                if line.pooled { messages::WHO } else { "" },
                messages::claim(&key, task),
                declared.map(|declared| jobs::opening(declared, pausing)).unwrap_or_default(),
                messages::body_settings(settings, true)
            ),
            guard: messages::guard(&key, course.during),
            body: script.as_ref().map_or(&task.step.body, |script| &script.body),
            text,
            range: 0..text.len(),
            closing: format!(
                "{}{}{}",
                promise::checks(&task.step.body, None),
                line.shed(),
                messages::closing_saying(&key, settings, course, declared.map(jobs::left).as_ref())
            ),
            trailer: (!line.pooled).then_some("DISCARD ALL"),
        };
        let lookout = self.lookout(key.lock, task);
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let client = line.connection.client();
        let (ended, seen) = match task.pieces {
            Some(open) => lookout.watch(window.run_pieces(client, open)).await,
            None => {
                let (ended, seen) = lookout.watch(window.run(client)).await;
                (ended.map_err(Stopped::Broken), seen)
            }
        };
        self.end_work();
        self.blockers = seen;
        match ended {
            Ok(()) => Ok(true),
            Err(Stopped::Broken(broken)) => {
                let part = match &script {
                    Some(script) => script.placed(broken.part),
                    None => broken.part,
                };
                self.broken(task, &key, Broken { part, ..broken }).await
            }
            Err(Stopped::Gone(gone)) => {
                self.settle().await;
                Err(streamed::changed(&gone))
            }
        }
    }

    /// What a broken window means: it was done already, or a failure.
    pub(crate) async fn broken(&mut self, task: &StepTask<'_>, key: &Key, broken: Broken) -> Result<bool, Failure> {
        let failure = in_part(task, &broken.part, self.left_by(&broken.error).await);
        if failure.class == FailureClass::Unknown {
            return Err(failure);
        }
        let opening = matches!(broken.part, Part::Opening);
        let code = failure.sqlstate.clone().unwrap_or_default();
        let client = self.line().await?.connection.client();
        match (opening, code.as_str()) {
            (true, "55P03") => return Err(busy(client, task, failure).await),
            (true, NEEDS | OTHER_LEDGER | OTHER_TIMELINE) => return Err(estranged(task, &failure)),
            _ => {}
        }
        let Ok(row) = row_now(client, key).await else {
            // The connection is gone, or this is the very session that the body has changed.
            expel(client, broken.backend.as_deref()).await;
            // Behind an opening that failed nothing of the body ran.
            let class = if opening { failure.class } else { FailureClass::Unknown };
            return Err(Failure { class, ..failure });
        };
        if opening && code == NOT_CLAIMED {
            return task.step.not_claimed(row.as_ref()).map(|()| false);
        }
        let failure = match row {
            Some(row) if row.transactional && row.run.as_str() == key.run.to_string() && row.state.is_open() => left(
                failure,
                &task.step.id,
                "the migration ended its own transaction half way; what it did until then stays",
            ),
            _ if !opening && code == LEFT => left(
                failure,
                &task.step.id,
                "the migration took back its own transaction or ledger row; what it did after a ROLLBACK may stay",
            ),
            _ => failure,
        };
        let detail = json!({"message": failure.message, "sqlstate": failure.sqlstate});
        // Waiting is one fact, however often it is tried again.
        let line = match failure.class {
            FailureClass::Busy => messages::event_once(key, "failed", &detail),
            _ => messages::event(key, "failed", &detail),
        };
        // The log is a help and no more: what counts is that the row is not `applied`.
        client.batch_execute(&format!("{} {line}", messages::HERE)).await.ok();
        if failure.class == FailureClass::Dirty {
            expel(client, broken.backend.as_deref()).await;
        }
        Err(failure)
    }
}

/// The step's row, read after something went wrong.
pub(crate) async fn row_now(client: &Client, key: &Key) -> Result<Option<LedgerRow>, Failure> {
    let query = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE; RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL row_security = off; \
         {} WHERE project = {} AND id = {}; COMMIT",
        ledger::ROWS,
        key.project,
        key.id
    );
    let found = rows(client, &query).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            client.batch_execute("ROLLBACK").await.ok();
            return Err(failure::of(&error));
        }
    };
    found.first().map(ledger::row).transpose()
}

/// What an error means in the part of the window where it came.
pub(crate) fn in_part(task: &StepTask<'_>, part: &Part, failure: Failure) -> Failure {
    match part {
        Part::Body(offset) => {
            let place = offset.map(|offset| place::at(&task.step.body, &task.text, offset));
            Failure { place, ..failure }
        }
        Part::Piece(place) => Failure { place: place.clone(), ..failure },
        // The context of our own statements would tell nobody anything.
        Part::Opening => Failure { context: None, ..failure },
        // The server took writes when the transaction began: what forbids them now is the body's doing.
        Part::Closing if failure.sqlstate.as_deref() == Some("25006") => {
            let hint = Some("the migration made its own transaction read only".to_owned());
            Failure { class: FailureClass::Rejected, hint, context: None, ..failure }
        }
        Part::Closing => Failure { context: None, ..failure },
    }
}

/// Ends a session of a pooler in which a body left its transaction: what it set from there on would be the next client's.
/// Whoever got that session meanwhile loses it, which is the smaller harm.
async fn expel(client: &Client, backend: Option<&str>) {
    let Some(backend) = backend else { return };
    let query = format!(
        "RESET SESSION AUTHORIZATION; RESET ROLE; SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
         WHERE a.pid = {backend} AND a.datname = pg_catalog.current_database() AND a.usename = session_user"
    );
    // It may be the very session that this runs in.
    client.batch_execute(&query).await.ok();
}

/// The body ended the transaction that it ran in.
fn left(failure: Failure, id: &MigrationId, message: &str) -> Failure {
    let ours = failure.sqlstate.as_deref() == Some(LEFT);
    Failure {
        class: FailureClass::Dirty,
        detail: if ours { None } else { Some(failure.message) },
        sqlstate: failure.sqlstate.filter(|_| !ours),
        hint: Some(format!("take COMMIT, ROLLBACK and END out of the file; then {}", halfway(id))),
        message: message.to_owned(),
        ..failure
    }
}

/// What a claim found of the ledger as a whole, or of other migrations.
pub(crate) fn estranged(task: &StepTask<'_>, failure: &Failure) -> Failure {
    let target = &task.step.target;
    match failure.sqlstate.as_deref() {
        Some(OTHER_TIMELINE) => {
            let message = format!("the server of `{target}` failed over to another one");
            Failure::new(FailureClass::FailedOver, message)
        }
        Some(OTHER_LEDGER) => {
            let message =
                format!("target `{target}` is not the database that was planned for: it holds another ledger");
            let hint = Some("the name leads to another server now; plan again".to_owned());
            Failure { hint, ..Failure::new(FailureClass::Estranged, message) }
        }
        _ => task.step.kept_by(&failure.message),
    }
}

/// Says who holds the step, where it is the step itself that is held.
pub(crate) async fn busy(client: &Client, task: &StepTask<'_>, failure: Failure) -> Failure {
    held(client, task.project, &task.step.id, failure).await
}

/// Says who holds a migration.
pub(crate) async fn held(client: &Client, project: &ProjectName, id: &MigrationId, failure: Failure) -> Failure {
    let key = sql::lock_key(project, id);
    let query = format!(
        "SELECT l.pid, a.application_name AS application, \
         CASE a.wait_event WHEN 'SyncRep' THEN pg_catalog.current_setting('synchronous_standby_names') END AS standbys, \
         GREATEST(extract(epoch FROM clock_timestamp() - COALESCE(a.xact_start, a.query_start, a.backend_start))::int8, 0) AS age \
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.classid = {} AND l.objid = {} AND l.granted AND l.pid <> pg_backend_pid() \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) LIMIT 1",
        sql::LOCK_CLASS.cast_unsigned(),
        key.cast_unsigned(),
    );
    let holder = rows(client, &query).await.unwrap_or_default();
    let Some(row) = holder.first() else { return failure };
    let application = row.get("application").filter(|name| !name.is_empty()).unwrap_or("unnamed");
    let (pid, age) = (row.get("pid").unwrap_or("?"), row.get("age").unwrap_or("?"));
    // A commit waits for its standbys also when its client is gone.
    let standbys = row.get("standbys").map(replicas::quoted);
    let awaits = standbys.map(|names| format!(", and its commit waits for the synchronous standby {names}"));
    let message = format!("`{id}` is held by process {pid} ({application}) for {age} s{}", awaits.unwrap_or_default());
    Failure { sqlstate: failure.sqlstate, ..Failure::new(FailureClass::Busy, message) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dunlin_driver::StepText;
    use dunlin_planner::{Place, RunId};

    use super::*;

    /// What is judged of `a/1`, on its way up or down.
    fn of<T>(up: bool, judge: impl FnOnce(&StepTask<'_>) -> T) -> T {
        let applied = StepText::apply("a/1", &["SELECT nowhere"]);
        let step = if up { applied } else { StepText::revert(&applied, &["SELECT nowhere"], &[]) };
        let (project, run) = (ProjectName::new("acme").unwrap(), RunId::new("r1").unwrap());
        judge(&StepTask {
            project: &project,
            run: &run,
            step: &step.step,
            text: Arc::clone(&step.text),
            pieces: None,
            timeline: None,
            ledgers: &|_| None,
            notices: Arc::new(|_| {}),
        })
    }

    fn failed(sqlstate: &str) -> Failure {
        let failure = Failure::new(FailureClass::Rejected, "`b/1` is reverted");
        Failure { sqlstate: Some(sqlstate.to_owned()), context: Some("in DO".to_owned()), ..failure }
    }

    #[test]
    fn an_error_means_what_its_part_of_the_window_makes_of_it() {
        let place = || Place { line: 9, ..Place::file("jobs.toml") };
        for (part, sqlstate, line, class, context) in [
            (Part::Opening, "55P03", None, FailureClass::Rejected, false),
            (Part::Body(Some(7)), "42703", Some((1, 8)), FailureClass::Rejected, true),
            (Part::Body(None), "42703", None, FailureClass::Rejected, true),
            (Part::Piece(Some(place())), "42703", Some((9, place().column)), FailureClass::Rejected, true),
            (Part::Closing, "23503", None, FailureClass::Rejected, false),
            (Part::Closing, "25006", None, FailureClass::Rejected, false),
        ] {
            let unreachable = sqlstate == "25006";
            let before = if unreachable { FailureClass::Unreachable } else { FailureClass::Rejected };
            let failure = of(true, |task| in_part(task, &part, Failure { class: before, ..failed(sqlstate) }));
            assert_eq!(failure.place.map(|place| (place.line, place.column)), line, "{sqlstate}");
            assert_eq!((failure.class, failure.context.is_some()), (class, context), "{sqlstate}");
            let read_only = "the migration made its own transaction read only";
            assert_eq!(failure.hint.as_deref(), unreachable.then_some(read_only));
        }
    }

    #[test]
    fn a_body_that_left_its_transaction_is_for_a_person_to_look_at() {
        let id = "a/1".parse().unwrap();
        for (sqlstate, detail) in [(LEFT, None), ("22012", Some("`b/1` is reverted"))] {
            let failure = left(failed(sqlstate), &id, "it ended its own transaction");
            assert_eq!((failure.class, &*failure.message), (FailureClass::Dirty, "it ended its own transaction"));
            assert_eq!(failure.detail.as_deref(), detail);
            assert_eq!(failure.sqlstate.as_deref(), detail.map(|_| sqlstate));
            let hint =
                "take COMMIT, ROLLBACK and END out of the file; then look at the database, then say `dunlin repair";
            assert!(failure.hint.unwrap_or_default().starts_with(hint));
        }
    }

    #[test]
    fn a_database_that_is_not_as_planned_says_what_it_is() {
        let again = Some("the ledger changed since the plan was made: plan again");
        for (up, sqlstate, class, message, hint) in [
            (true, OTHER_TIMELINE, FailureClass::FailedOver, "the server of `target` failed over to another one", None),
            (
                true,
                OTHER_LEDGER,
                FailureClass::Estranged,
                "target `target` is not the database that was planned for: it holds another ledger",
                Some("the name leads to another server now; plan again"),
            ),
            (true, NEEDS, FailureClass::Estranged, "`a/1` cannot be applied while `b/1` is reverted", again),
            (false, NEEDS, FailureClass::Estranged, "`a/1` cannot be taken back while `b/1` is reverted", again),
        ] {
            let failure = of(up, |task| estranged(task, &failed(sqlstate)));
            assert_eq!((failure.class, &*failure.message, failure.hint.as_deref()), (class, message, hint));
            assert_eq!((failure.sqlstate, failure.context), (None, None));
        }
    }
}
