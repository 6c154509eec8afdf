//! A step that runs statement by statement: single acts under a session lock, each write fenced by the attempt.
//!
//! What follows from what is decided by the planner's walk; here is only how each act is done (PROTOCOL.md, "Statement by
//! statement").

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use dunlin_driver::{Claim, StepTask};
use dunlin_planner::{Body, Failure, FailureClass, Probe, ProbeFact, StatementClass, StepSettings, doubt};
use serde_json::json;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use crate::apply::{busy, estranged, in_part, row_now};
use crate::messages::{self, Course, FENCED, Key, NEEDS, NOT_CLAIMED, OTHER_LEDGER, OTHER_TIMELINE};
use crate::place;
use crate::promise;
use crate::rows::{field, one_row, truth};
use crate::session::{Claimed, PostgresSession, in_spite_of_cancels};
use crate::sql;
use crate::window::Window;

/// How long a wreck is cleared away for when the run is to stop, and when it is not.
const BRIEF: Duration = Duration::from_secs(4);
const PATIENT: Duration = Duration::from_secs(30);

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
            self.unlock().await;
        }
        claimed
    }

    async fn take_row(&mut self, task: &StepTask<'_>, key: &Key) -> Result<Claim, Failure> {
        let client = self.line().await?.connection.client();
        let message = messages::transaction(&format!("{}{}", messages::HERE, messages::claim_alone(key, task)));
        if let Err(error) = client.batch_execute(&message).await {
            let failure = self.left_by(&error).await;
            return match failure.sqlstate.as_deref() {
                Some(NEEDS | OTHER_LEDGER | OTHER_TIMELINE) => Err(estranged(task, &failure)),
                Some(NOT_CLAIMED) => {
                    let row = row_now(self.line().await?.connection.client(), key).await?;
                    task.step.not_claimed(row.as_ref()).map(|()| Claim::AlreadyDone)
                }
                _ => Err(failure),
            };
        }
        let query = format!(
            "SELECT attempt, step, pre IS NOT NULL AS intended, pre ->> 'seen' AS seen FROM dunlin.ledger WHERE project = {} AND id = {}",
            key.project, key.id
        );
        let row = one_row(client, &query).await?;
        let attempt = field(&row, "attempt")?;
        let pre = truth(&row, "intended").then(|| seen(row.get("seen")));
        let claim = Claim::Taken { attempt, finished: field(&row, "step")?, pre };
        self.claimed = Some(Claimed { lock: key.lock, attempt, ranges: None, notices: task.notices.clone() });
        Ok(claim)
    }

    pub(crate) async fn unlock(&mut self) {
        self.claimed = None;
        let Ok(line) = self.line_or_lost() else { return };
        // Behind a pooler no lock outlives its transaction, and the session is somebody else's.
        if line.pooled {
            return;
        }
        // With all else that it frees every lock of the session.
        if line.connection.client().batch_execute("DISCARD ALL").await.is_err() {
            self.hang_up();
        }
    }

    pub(crate) async fn write_intent(
        &mut self,
        task: &StepTask<'_>,
        index: usize,
        seen: &ProbeFact,
    ) -> Result<(), Failure> {
        let pre = sql::json(&json!({"statement": index, "seen": seen}));
        self.write(task, index, &format!("pre = {pre}"), "").await
    }

    pub(crate) async fn write_progress(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.write(task, index, &progress(index), "").await
    }

    pub(crate) async fn write_finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let key = Key::new(task)?;
        let after = Course::of(&task.step.action).after;
        let set = format!("state = '{after}', finished = pg_catalog.clock_timestamp(), pre = NULL");
        self.write(task, task.step.body.statements.len(), &set, &messages::event_of_row(&key, after, None)).await?;
        self.unlock().await;
        Ok(())
    }

    /// Writes `set` into the claimed row, behind `step` finished statements, and does `also` in the same transaction: that is
    /// the last one of the step, which the standbys are awaited with.
    async fn write(&mut self, task: &StepTask<'_>, step: usize, set: &str, also: &str) -> Result<(), Failure> {
        let key = Key::new(task)?;
        let (line, claimed) = self.held()?;
        let write = messages::fenced(&key, claimed.attempt, Course::of(&task.step.action), step, set);
        let wait = if also.is_empty() { messages::HERE } else { "" };
        let message = messages::transaction(&format!("{wait}{write}{also}"));
        let lookout = self.lookout(key.lock, task);
        match lookout.watch(line.connection.client().batch_execute(&message)).await.0 {
            Ok(()) => Ok(()),
            Err(error) => Err(self.act_failed(task, &error).await),
        }
    }

    async fn act_failed(&mut self, task: &StepTask<'_>, error: &tokio_postgres::Error) -> Failure {
        let failure = self.left_by(error).await;
        if failure.sqlstate.as_deref() == Some(FENCED) {
            let message = format!("another attempt has taken over `{}`", task.step.id);
            return Failure::new(FailureClass::Estranged, message);
        }
        failure
    }

    pub(crate) async fn execute_alone(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.held()?;
        let range = task.step.body.statements[index].range.clone();
        let text = match probe_of(&task.step.body, index) {
            Some(Probe::Refreshed(refresh)) => Cow::Owned(self.refreshing(&task.step.body, refresh).await?),
            _ => Cow::Borrowed(&task.text[range.clone()]),
        };
        let text = text.as_ref();
        if !self.take_tables(&task.step.body, index).await? {
            // Nothing was sent.
            self.write(task, index, "pre = NULL", "").await?;
            let message = format!("statement {} waits for a build of another migration on the same table", index + 1);
            return Err(Failure::new(FailureClass::Busy, message));
        }
        let mut before = limits(&task.step.body, index);
        if self.line_or_lost()?.watches_client {
            // A build that outlives its client is progress, which the next attempt adopts.
            before.push_str("SET client_connection_check_interval = 0;");
        }
        before.push_str(&messages::body_settings(&task.step.body.settings, false));
        let ended = match probe_of(&task.step.body, index) {
            Some(Probe::Updated { .. }) => self.first_in_session(task, text).await?,
            _ => self.alone(task, &before, text).await?,
        };
        self.leave_tables(&task.step.body, index).await;
        let Err(error) = ended else { return Ok(()) };
        let failure = self.act_failed(task, &error).await;
        let offset = match error.as_db_error().and_then(DbError::position) {
            Some(ErrorPosition::Original(position)) => place::offset_of(text, *position),
            _ => 0,
        };
        let place = Some(place::at(&task.step.body, &task.text, range.start + offset));
        let failure = Failure { place, ..failure };
        if failure.class == FailureClass::Unknown {
            return Err(failure);
        }
        Err(self.refused(task, index, failure).await)
    }

    /// The server refused, and the connection lives: nothing is in doubt but what the catalog shows, and a wreck is removed at
    /// once, not by the next run. What is left of a unique index can refuse writes already.
    async fn refused(&mut self, task: &StepTask<'_>, index: usize, failure: Failure) -> Failure {
        let Some(probe) = probe_of(&task.step.body, index) else { return failure };
        if *probe == Probe::Piecemeal && failure.context.is_some() {
            let hint = format!("it commits on its way: {}", doubt(&task.step.id, index + 1));
            return Failure { class: FailureClass::Dirty, hint: Some(hint), ..failure };
        }
        // The next attempt finishes what is half detached, and that is all it has to do.
        let finishes = matches!(probe, Probe::Detached { .. });
        let interrupted = failure.class == FailureClass::Interrupted;
        if interrupted {
            self.shield(true);
        }
        let wrecked = self.remove_wreck(task, index, !finishes, if interrupted { BRIEF } else { PATIENT }).await;
        if !(finishes && wrecked) {
            self.write(task, index, "pre = NULL", "").await.ok();
        }
        self.shield(false);
        failure
    }

    /// Whether there was a wreck, after trying for no longer than `limit` to remove it.
    async fn remove_wreck(&mut self, task: &StepTask<'_>, index: usize, remove: bool, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut wrecked = false;
        // A late cancel request can still hit any of this.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.as_millis() == 0 {
                return wrecked;
            }
            match self.probe_statement(&task.step.body, index).await {
                Ok(ProbeFact::Garbage { .. }) => wrecked = true,
                Err(failure) if is_cancelled(&failure) => continue,
                _ => return wrecked,
            }
            let cleaned = if remove { self.clean_within(task, index, left).await } else { Ok(()) };
            if !cleaned.is_err_and(|failure| is_cancelled(&failure)) {
                return wrecked;
            }
        }
    }

    /// Runs a text alone in its message, behind settings; its answer is awaited before anything else is sent.
    async fn alone(
        &mut self,
        task: &StepTask<'_>,
        before: &str,
        text: &str,
    ) -> Result<Result<(), tokio_postgres::Error>, Failure> {
        self.mark_interruptible();
        let lock = self.held()?.1.lock;
        let lookout = self.lookout(lock, task).telling();
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let client = line.connection.client();
        let (ended, seen) = match client.batch_execute(before).await {
            Ok(()) => lookout.watch(client.batch_execute(text)).await,
            refused => (refused, None),
        };
        let washed = in_spite_of_cancels(client, "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL").await;
        self.end_work();
        self.blockers = seen;
        if !washed {
            // Its settings would go on into our own statements; what the statement did is found out by the next claim.
            self.hang_up();
            let failure = Failure::new(FailureClass::Unknown, "the session could not be used any more");
            return if ended.is_ok() { Err(failure) } else { Ok(ended) };
        }
        Ok(ended)
    }

    /// Runs a text as the very first of a session, on the server that this one is on.
    async fn first_in_session(
        &mut self,
        task: &StepTask<'_>,
        text: &str,
    ) -> Result<Result<(), tokio_postgres::Error>, Failure> {
        let line = self.begin_work()?;
        let fresh = line.connection.another(&options(&task.step.body.settings)).await;
        let ended = match fresh {
            Ok(fresh) => {
                fresh.listen(task.notices.clone());
                Ok(fresh.client().batch_execute(text).await)
            }
            Err(failure) => Err(failure),
        };
        self.end_work();
        ended
    }

    pub(crate) async fn clean_up(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.clean_within(task, index, Duration::ZERO).await
    }

    /// Removes, or completes, what is left of a statement; zero is no limit.
    async fn clean_within(&mut self, task: &StepTask<'_>, index: usize, limit: Duration) -> Result<(), Failure> {
        let settings = messages::body_settings(&task.step.body.settings, false);
        let before = format!("{settings}SET lock_timeout = 0; SET statement_timeout = {};", limit.as_millis());
        for text in self.clean_ups(&task.step.body, index).await? {
            if let Err(error) = self.alone(task, &before, &text).await? {
                return Err(self.act_failed(task, &error).await);
            }
        }
        Ok(())
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
            closing: format!(
                "{}{}",
                promise::checks(&task.step.body, Some(index)),
                messages::closing(&key, settings, course.during, None)
            ),
            trailer: None,
        };
        let lookout = self.lookout(key.lock, task);
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let (ended, seen) = lookout.watch(window.run(line.connection.client())).await;
        self.end_work();
        self.blockers = seen;
        let Err(broken) = ended else { return Ok(()) };
        let failure = self.act_failed(task, &broken.error).await;
        Err(in_part(task, &broken.part, failure))
    }

    pub(crate) async fn give_back(&mut self) {
        if self.claimed.is_some() {
            self.settle().await;
            self.unlock().await;
        }
    }
}

/// Settings of a body as a startup message takes them.
fn options(settings: &StepSettings) -> String {
    let mut options = format!(
        " -c lock_timeout={} -c statement_timeout={}",
        messages::lock_timeout(settings).as_millis(),
        settings.timeout.unwrap_or_default().as_millis()
    );
    if let Some(role) = &settings.role {
        let escaped = role.replace('\\', "\\\\").replace(' ', "\\ ");
        write!(options, " -c role={escaped}").expect("a string takes all");
    }
    options
}

/// What an intent says was seen before its statement.
fn seen(text: Option<&str>) -> ProbeFact {
    match text {
        Some("done") => ProbeFact::Done,
        Some("repeatable") => ProbeFact::Repeatable,
        Some("unknown") => ProbeFact::Unknown,
        _ => ProbeFact::Absent,
    }
}

fn progress(index: usize) -> String {
    format!("step = {}, pre = NULL", index + 1)
}

fn is_cancelled(failure: &Failure) -> bool {
    failure.sqlstate.as_deref() == Some(SqlState::QUERY_CANCELED.code())
}

fn probe_of(body: &Body, index: usize) -> Option<&Probe> {
    match &body.statements[index].class {
        StatementClass::Alone { probe, .. } => Some(probe),
        StatementClass::Transactional => None,
    }
}

/// Concurrent builds and the like wait for old transactions as long as it takes, since giving up would cost the whole work
/// and leave a wreck; other statements get the usual limits.
fn limits(body: &Body, index: usize) -> String {
    let waits = probe_of(body, index).is_some_and(Probe::waits_for_others);
    let lock = if waits { 0 } else { messages::lock_timeout(&body.settings).as_millis() };
    let statement = body.settings.timeout.unwrap_or_default().as_millis();
    format!(
        "SET lock_timeout = {lock}; SET statement_timeout = {statement}; SET client_min_messages = notice; \
         SET default_transaction_read_only = off; {}\n",
        sql::unlimited(false)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_intent_says_is_read_as_it_was_written() {
        for fact in [ProbeFact::Done, ProbeFact::Repeatable, ProbeFact::Unknown, ProbeFact::Absent] {
            assert_eq!(seen(json!(fact).as_str()), fact);
        }
        assert_eq!(seen(None), ProbeFact::Absent);
    }

    #[test]
    fn a_startup_message_gets_names_with_blanks_whole() {
        let settings = |role: Option<&str>| StepSettings {
            role: role.map(str::to_owned),
            timeout: Some(Duration::from_secs(7)),
            lock_timeout: Some(Duration::from_millis(200)),
            ..StepSettings::default()
        };
        let limits = " -c lock_timeout=200 -c statement_timeout=7000";
        assert_eq!(options(&settings(None)), limits);
        assert_eq!(options(&settings(Some(r"the owner\x"))), format!(r"{limits} -c role=the\ owner\\x"));
    }
}
