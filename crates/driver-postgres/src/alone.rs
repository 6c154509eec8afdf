//! A step that runs statement by statement: single acts under a session lock, each write fenced by the attempt.
//!
//! What follows from what is decided by the planner's walk; here is only how each act is done (PROTOCOL.md, "Statement by
//! statement").

use dunlin_driver::{Claim, StepTask};
use dunlin_planner::{Body, Failure, FailureClass, Probe, StatementClass, StepSettings};
use serde_json::json;

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
        let line = self.line().await?;
        let client = &line.connection.client;
        // Tried and never waited for: a waiting session and an index build would wait for each other.
        let query = format!("SELECT pg_catalog.pg_try_advisory_lock({}, {}) AS taken", sql::LOCK_CLASS, key.lock);
        if !truth(&one_row(client, &query).await?, "taken") {
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
        let client = &self.line().await?.connection.client;
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
                    let row = row_now(&self.line().await?.connection.client, key).await?;
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
        let freed = line.connection.client.batch_execute(&unlock).await;
        if freed.is_err() || line.connection.client.batch_execute("DISCARD ALL").await.is_err() {
            self.hang_up();
        }
    }

    pub(crate) async fn write_intent(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let pre = sql::json(&json!({"statement": index}));
        self.write(task, &format!("pre = {pre}"), &format!("AND step = {index}")).await
    }

    pub(crate) async fn write_progress(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.write(task, &format!("step = {}, pre = NULL", index + 1), &format!("AND step = {index}")).await
    }

    pub(crate) async fn write_finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let course = Course::of(&task.step.action);
        let set = format!("state = '{}', finished = pg_catalog.clock_timestamp(), pre = NULL", course.after);
        self.write(task, &set, &format!("AND step = {}", task.step.body.statements.len())).await?;
        let key = Key::new(task)?;
        if let Ok(line) = self.line_or_lost() {
            line.connection.client.batch_execute(&messages::event(&key, course.after, None)).await.ok();
        }
        self.unlock(key.lock).await;
        Ok(())
    }

    async fn write(&mut self, task: &StepTask<'_>, set: &str, condition: &str) -> Result<(), Failure> {
        let key = Key::new(task)?;
        let (line, claimed) = self.held()?;
        let message = messages::fenced(&key, claimed.attempt, Course::of(&task.step.action), set, condition);
        match line.connection.client.batch_execute(&message).await {
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

    /// The statement alone in its message, under the body's settings, and its answer awaited before anything else is sent.
    pub(crate) async fn execute_alone(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let statement = &task.step.body.statements[index];
        self.alone(task, index, &task.text[statement.range.clone()]).await
    }

    async fn alone(&mut self, task: &StepTask<'_>, index: usize, text: &str) -> Result<(), Failure> {
        self.mark_interruptible();
        let statement = &task.step.body.statements[index];
        let (line, _) = self.held()?;
        let client = &line.connection.client;
        let before =
            format!("{}{}", limits(&task.step.body, index), messages::body_settings(&task.step.body.settings, false));
        line.listen(Some(task.notices.clone()));
        let ended = match client.batch_execute(&before).await {
            Ok(()) => client.batch_execute(text).await,
            refused => refused,
        };
        let washed = client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL").await;
        line.listen(None);
        let Err(error) = ended.and(washed) else { return Ok(()) };
        let mut failure = self.act_failed(task, &error).await;
        let offset = match error.as_db_error().and_then(|db| db.position()) {
            Some(tokio_postgres::error::ErrorPosition::Original(position)) => place::offset_of(text, *position),
            _ => 0,
        };
        failure.place = Some(place::at(&task.step.body, &task.text, statement.range.start + offset));
        if failure.class != FailureClass::Unknown {
            // The server refused and the connection lives: nothing is in doubt but what the catalog shows.
            self.write(task, "pre = NULL", &format!("AND step = {index}")).await.ok();
        }
        Err(failure)
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
        self.alone(task, index, &drop).await
    }

    /// A statement that could be in a transaction gets one, together with its progress.
    pub(crate) async fn execute_in_transaction(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.mark_interruptible();
        let key = Key::new(task)?;
        let course = Course::of(&task.step.action);
        let settings = &task.step.body.settings;
        let (line, claimed) = self.held()?;
        let advance = messages::fenced_write(
            &key,
            claimed.attempt,
            course,
            &format!("step = {}, pre = NULL", index + 1),
            &format!("AND step = {index}"),
        );
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
        line.listen(Some(task.notices.clone()));
        let ended = window.run(&line.connection.client).await;
        line.listen(None);
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
