//! A step that runs statement by statement: single acts under a session lock, each write fenced by the attempt.
//!
//! What follows from what is decided by the planner's walk; here is only how each act is done (PROTOCOL.md, "Statement by
//! statement").

use dunlin_driver::{Claim, StepTask};
use dunlin_planner::{Body, Failure, FailureClass, Probe, ProbeFact, StatementClass, StepSettings};
use serde_json::json;
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::apply::{busy, estranged, in_part, not_claimed, row_now};
use crate::messages::{self, Course, FENCED, Key, NEEDS, NOT_CLAIMED, OTHER_LEDGER};
use crate::place;
use crate::rows::{field, one_row, truth};
use crate::session::{Claimed, PostgresSession};
use crate::sql;
use crate::window::Window;

impl PostgresSession {
    pub(crate) async fn claim_alone(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure> {
        let key = Key::new(task)?;
        let client = self.line().await?.connection.client();
        // Tried and never waited for: a waiting session and an index build would wait for each other.
        let query = format!("SELECT pg_catalog.pg_try_advisory_lock({}, {}) AS taken", sql::LOCK_CLASS, key.lock);
        let answer = one_row(client, &query).await.map_err(|failure| self.perhaps_interrupted(failure))?;
        if !truth(&answer, "taken") {
            let client = self.line_or_lost()?.connection.client();
            let failure = Failure::new(FailureClass::Busy, format!("`{}` is held by another session", task.step.id));
            return Err(busy(client, task, failure).await);
        }
        let claimed = self.take_row(task, &key).await;
        if !matches!(claimed, Ok(Claim::Taken { .. })) {
            self.unlock(key.lock).await;
        }
        claimed
    }

    async fn take_row(&mut self, task: &StepTask<'_>, key: &Key) -> Result<Claim, Failure> {
        let client = self.line().await?.connection.client();
        let own = StepSettings { isolation: None, timeout: None, ..task.step.body.settings.clone() };
        let message = format!("{}{}COMMIT", messages::begin(&own, false)?, messages::claim_alone(key, task));
        if let Err(error) = client.batch_execute(&message).await {
            let failure = self.failure(&error);
            if failure.class == FailureClass::Unknown || !self.settle().await {
                self.hang_up();
                return Err(Failure { class: FailureClass::Unknown, ..failure });
            }
            return match failure.sqlstate.as_deref() {
                Some(NEEDS | OTHER_LEDGER) => Err(estranged(task, failure)),
                Some(NOT_CLAIMED) => {
                    let row = row_now(self.line().await?.connection.client(), key).await?;
                    not_claimed(task, row).map(|_| Claim::AlreadyDone)
                }
                _ => Err(failure),
            };
        }
        let query = format!(
            "SELECT attempt, step, pre IS NOT NULL AS intended FROM dunlin.ledger WHERE project = {} AND id = {}",
            key.project, key.id
        );
        let row = one_row(client, &query).await?;
        let attempt = field(&row, "attempt")?;
        let claim = Claim::Taken { attempt, finished: field(&row, "step")?, intended: truth(&row, "intended") };
        self.claimed = Some(Claimed { lock: key.lock, attempt });
        Ok(claim)
    }

    async fn unlock(&mut self, lock: i32) {
        self.claimed = None;
        let Ok(line) = self.line().await else { return };
        // DISCARD ALL frees every session lock; unlocking first makes the order plain.
        let unlock = format!("SELECT pg_catalog.pg_advisory_unlock({}, {lock})", sql::LOCK_CLASS);
        let freed = line.connection.client().batch_execute(&unlock).await;
        if freed.is_err() || line.connection.client().batch_execute("DISCARD ALL").await.is_err() {
            self.hang_up();
        }
    }

    pub(crate) async fn write_intent(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let pre = sql::json(&json!({"statement": index}));
        self.write(task, index, &format!("pre = {pre}"), "").await
    }

    pub(crate) async fn write_progress(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.write(task, index, &progress(index), "").await
    }

    pub(crate) async fn write_finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let key = Key::new(task)?;
        let after = Course::of(&task.step.action).after;
        let set = format!("state = '{after}', finished = pg_catalog.clock_timestamp(), pre = NULL");
        self.write(task, task.step.body.statements.len(), &set, &messages::event(&key, after, None)).await?;
        self.unlock(key.lock).await;
        Ok(())
    }

    /// Writes `set` into the claimed row, behind `step` finished statements, and does `also` in the same transaction.
    async fn write(&mut self, task: &StepTask<'_>, step: usize, set: &str, also: &str) -> Result<(), Failure> {
        let key = Key::new(task)?;
        let (line, claimed) = self.held()?;
        let write = messages::fenced(&key, claimed.attempt, Course::of(&task.step.action), step, set);
        let message = messages::transaction(&format!("{write}{also}"));
        match line.connection.client().batch_execute(&message).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.act_failed(task, &error).await),
        }
    }

    async fn act_failed(&mut self, task: &StepTask<'_>, error: &tokio_postgres::Error) -> Failure {
        let failure = self.failure(error);
        if failure.class == FailureClass::Unknown || !self.settle().await {
            self.hang_up();
            return Failure { class: FailureClass::Unknown, ..failure };
        }
        if failure.sqlstate.as_deref() == Some(FENCED) {
            let message = format!("another attempt has taken over `{}`", task.step.id);
            return Failure::new(FailureClass::Estranged, message);
        }
        failure
    }

    pub(crate) async fn execute_alone(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let range = task.step.body.statements[index].range.clone();
        let text = &task.text[range.clone()];
        let Err(error) = self.alone(task, index, text).await? else { return Ok(()) };
        let failure = self.act_failed(task, &error).await;
        let offset = match error.as_db_error().and_then(DbError::position) {
            Some(ErrorPosition::Original(position)) => place::offset_of(text, *position),
            _ => 0,
        };
        if failure.class != FailureClass::Unknown {
            // The server refused and the connection lives: nothing is in doubt but what the catalog shows.
            self.write(task, index, "pre = NULL", "").await.ok();
        }
        if failure.class == FailureClass::Rejected
            && self.probe_statement(&task.step.body, index).await.is_ok_and(is_wreck)
        {
            // At once, not by the next run: what is left of a unique index can refuse writes already.
            self.clean_up(task, index).await.ok();
        }
        Err(Failure { place: Some(place::at(&task.step.body, &task.text, range.start + offset)), ..failure })
    }

    /// Runs a text alone in its message, under the body's settings; its answer is awaited before anything else is sent.
    async fn alone(
        &mut self,
        task: &StepTask<'_>,
        index: usize,
        text: &str,
    ) -> Result<Result<(), tokio_postgres::Error>, Failure> {
        self.mark_interruptible();
        self.held()?;
        let body = &task.step.body;
        let before = format!("{}{}", limits(body, index), messages::body_settings(&body.settings, false));
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let client = line.connection.client();
        let ended = match client.batch_execute(&before).await {
            Ok(()) => client.batch_execute(text).await,
            refused => refused,
        };
        let washed = client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL").await;
        self.end_work();
        Ok(ended.and(washed))
    }

    pub(crate) async fn clean_up(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let StatementClass::Alone { probe: Probe::IndexValid { index: name, table }, .. } =
            &task.step.body.statements[index].class
        else {
            return Err(Failure::new(
                FailureClass::Rejected,
                format!("statement {} leaves nothing that could be removed", index + 1),
            ));
        };
        let Some(schema) = self.schema_of(&task.step.body, table).await? else { return Ok(()) };
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}.{}", sql::identifier(&schema), sql::identifier(name));
        match self.alone(task, index, &drop).await? {
            Ok(()) => Ok(()),
            Err(error) => Err(self.act_failed(task, &error).await),
        }
    }

    /// A statement that could be in a transaction gets one, together with its progress.
    pub(crate) async fn execute_in_transaction(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.mark_interruptible();
        let key = Key::new(task)?;
        let course = Course::of(&task.step.action);
        let settings = &task.step.body.settings;
        let (line, claimed) = self.held()?;
        let advance = messages::fenced(&key, claimed.attempt, course, index, &progress(index));
        let window = Window {
            opening: format!(
                "{}{advance}{}",
                messages::begin(settings, line.watches_client)?,
                messages::body_settings(settings, true)
            ),
            guard: messages::guard(&key, course.during),
            body: &task.step.body,
            text: &task.text,
            range: task.step.body.statements[index].range.clone(),
            closing: messages::closing(&key, settings, course.during, None),
            trailer: None,
        };
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let ended = window.run(line.connection.client()).await;
        self.end_work();
        let Err(broken) = ended else { return Ok(()) };
        let failure = self.act_failed(task, &broken.error).await;
        Err(in_part(task, &broken.part, failure))
    }

    pub(crate) async fn give_back(&mut self) {
        let Some(lock) = self.claimed.as_ref().map(|claimed| claimed.lock) else { return };
        if self.settle().await {
            self.unlock(lock).await;
        }
    }
}

fn progress(index: usize) -> String {
    format!("step = {}, pre = NULL", index + 1)
}

fn is_wreck(fact: ProbeFact) -> bool {
    matches!(fact, ProbeFact::Garbage { .. })
}

/// Index builds wait for old transactions as long as it takes, since giving up would cost the whole build and leave an
/// invalid index; other statements get the usual limits.
fn limits(body: &Body, index: usize) -> String {
    let builds_index = matches!(
        body.statements[index].class,
        StatementClass::Alone { probe: Probe::IndexValid { .. } | Probe::IndexAbsent(_), .. }
    );
    let lock = if builds_index { 0 } else { body.settings.lock_timeout.unwrap_or(messages::LOCK_TIMEOUT).as_millis() };
    let statement = body.settings.timeout.unwrap_or_default().as_millis();
    format!("SET lock_timeout = {lock}; SET statement_timeout = {statement}; SET client_min_messages = notice;\n")
}
