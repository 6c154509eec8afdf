//! Sessions of a database in memory: the protocol's states and checks, without its messages.

use std::sync::Arc;

use async_trait::async_trait;
use dunlin_planner::FailureClass::{Busy, Estranged, Interrupted, Rejected, Unknown};
use dunlin_planner::{
    Action, BatchFacts, Body, Failure, FailureClass, MigrationId, Place, Pressure, Probe, ProbeFact, RowState, Start,
    Statement, StatementClass,
};
use tokio::sync::Notify;

use super::backfill::Ahead;
use super::database::{MemoryDatabase, Row, RowKey, State};
use super::fault::{Act, Fault};
use super::statements::{self, Object};
use crate::{BatchClaim, Canceller, Claim, Session, StepTask};

pub(super) struct MemorySession {
    database: MemoryDatabase,
    number: u64,
    brake: Arc<Brake>,
    claimed: Option<(RowKey, u32)>,
    /// The range of a backfill that comes next.
    pub(super) ahead: Option<Ahead>,
}

#[derive(Default)]
struct Brake(Notify);

#[async_trait]
impl Canceller for Brake {
    async fn cancel(&self) {
        self.0.notify_waiters();
    }
}

impl MemorySession {
    pub(super) fn new(database: MemoryDatabase, number: u64) -> Self {
        Self { database, number, brake: Arc::default(), claimed: None, ahead: None }
    }

    /// As long as a statement takes; a cancel request ends it early.
    async fn work(&self) -> Result<(), Failure> {
        let latency = self.database.latency();
        if latency.is_zero() {
            tokio::task::yield_now().await;
            return Ok(());
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(latency) => Ok(()),
            () = self.brake.0.notified() => Err(Failure::new(Interrupted, "the statement was cancelled")),
        }
    }

    /// One act under the script's eyes; `half` is what the act leaves behind when it fails half way.
    pub(super) fn act<T>(
        &mut self,
        act: &Act,
        work: impl FnOnce(&mut State) -> Result<T, Failure>,
        half: impl FnOnce(&mut State),
    ) -> Result<T, Failure> {
        let ended = match self.database.fault(act) {
            Some(Fault::Before(failure)) => Err(failure),
            Some(Fault::After(failure)) => work(&mut self.database.lock()).and(Err(failure)),
            Some(Fault::Halfway(failure)) => {
                half(&mut self.database.lock());
                Err(failure)
            }
            None => work(&mut self.database.lock()),
        };
        if ended.as_ref().is_err_and(|failure| failure.class == Unknown) {
            self.unlock_all();
        }
        ended
    }

    pub(super) fn unlock_all(&mut self) {
        (self.claimed, self.ahead) = (None, None);
        self.database.lock().locks.retain(|_, holder| *holder != self.number);
    }

    pub(super) fn try_lock(&self, key: &RowKey) -> Result<(), Failure> {
        let mut state = self.database.lock();
        let holder = *state.locks.entry(key.clone()).or_insert(self.number);
        if holder == self.number {
            Ok(())
        } else {
            Err(Failure::new(Busy, format!("`{}` is held by session {holder}", key.1)))
        }
    }

    /// A write of the claimed attempt: it takes effect only while this session holds the step.
    fn write<T>(&mut self, act: &Act, write: impl FnOnce(&mut Row) -> T) -> Result<T, Failure> {
        let Some((key, attempt)) = self.claimed.clone() else { return Err(lost()) };
        self.act(act, |state| fenced(state, &key, attempt).map(write), |_| ())
    }

    pub(super) fn key(task: &StepTask<'_>) -> RowKey {
        (task.project.clone(), task.step.id.clone())
    }
}

fn lost() -> Failure {
    Failure::new(Unknown, "this step's claim was lost with its connection")
}

fn fenced<'a>(state: &'a mut State, key: &RowKey, attempt: u32) -> Result<&'a mut Row, Failure> {
    let row = state.rows.get_mut(key).filter(|row| row.row.attempt == attempt);
    row.ok_or_else(|| Failure::new(Estranged, format!("another attempt has taken over `{}`", key.1)))
}

/// The row after a claim; none where the step is done already.
pub(super) fn claim(state: &mut State, task: &StepTask<'_>, whole: bool) -> Result<Option<Row>, Failure> {
    if state.ledger.is_none() {
        return Err(Failure::new(Rejected, "there is no ledger"));
    }
    let (key, now) = (MemorySession::key(task), state.tick());
    let old = state.rows.get(&key).cloned();
    let of_project = state.rows.iter().filter(|(key, _)| key.0 == *task.project).map(|(_, row)| &row.row);
    let find = |id: &MigrationId| state.rows.get(&(task.project.clone(), id.clone())).map(|row| &row.row);
    let read = old.as_ref().map(Row::read);
    let Some(start) = task.step.claim(whole, read.as_ref(), find, of_project)? else { return Ok(None) };
    let row = task.row(start, whole, read.as_ref(), ("memory", now));
    let old = old.filter(|_| start == Start::Resumed);
    let (pre, cursor) = old.map_or((None, (None, 0)), |old| (old.pre, old.cursor));
    Ok(Some(Row { row, sums: task.step.body.sums(), pre, cursor }))
}

/// Runs one statement; a failure knows its place.
fn run(state: &mut State, body: &Body, text: &str, statement: &Statement) -> Result<(), Failure> {
    let sql = &text[statement.range.clone()];
    statements::run(sql, &mut state.objects).map_err(|failure| {
        let place = Place { line: statement.line, text: Arc::from(sql), ..Place::file(&body.path) };
        Failure { place: Some(place), ..failure }
    })?;
    state.effects.push(sql.to_owned());
    Ok(())
}

/// The row as the end of its step leaves it, which the log tells.
pub(super) fn finished(state: &mut State, key: &RowKey, row: &mut Row, end: RowState) {
    row.row.state = end;
    row.row.finished = Some(state.tick());
    state.tell_done(key, row);
}

pub(super) fn end_state(action: &Action) -> RowState {
    match action {
        Action::Apply { .. } => RowState::Applied,
        Action::Revert { .. } => RowState::Reverted,
    }
}

/// The whole step or nothing of it.
fn apply(state: &mut State, task: &StepTask<'_>) -> Result<bool, Failure> {
    if task.pieces.is_some() {
        return Err(Failure::new(FailureClass::Rejected, "a database in memory takes no text in pieces"));
    }
    let Some(mut row) = claim(state, task, true)? else { return Ok(false) };
    let before = (state.objects.clone(), state.effects.len());
    for statement in &task.step.body.statements {
        if let Err(failure) = run(state, &task.step.body, &task.text, statement) {
            state.objects = before.0;
            state.effects.truncate(before.1);
            return Err(failure);
        }
    }
    let key = MemorySession::key(task);
    finished(state, &key, &mut row, end_state(&task.step.action));
    state.rows.insert(key, row);
    Ok(true)
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.unlock_all();
    }
}

#[async_trait]
impl Session for MemorySession {
    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::clone(&self.brake) as Arc<dyn Canceller>
    }

    async fn apply(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        task.refuse_jobs()?;
        let key = Self::key(task);
        self.try_lock(&key)?;
        let mut ended = self.work().await.map(|()| false);
        if ended.is_ok() {
            ended = self.act(&Act::Apply(key.1.clone()), |state| apply(state, task), |_| ());
        }
        self.database.lock().locks.remove(&key);
        ended
    }

    async fn claim(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure> {
        let key = Self::key(task);
        self.try_lock(&key)?;
        let claimed = self.act(
            &Act::Claim(key.1.clone()),
            |state| {
                let Some(row) = claim(state, task, false)? else { return Ok(None) };
                state.rows.insert(key.clone(), row.clone());
                Ok(Some(row))
            },
            |_| (),
        );
        match claimed {
            Ok(Some(Row { row, pre, .. })) => {
                self.claimed = Some((key, row.attempt));
                Ok(Claim::Taken { attempt: row.attempt, finished: row.step as usize, pre })
            }
            ended => {
                self.database.lock().locks.remove(&key);
                ended.map(|_| Claim::AlreadyDone)
            }
        }
    }

    async fn probe(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        let StatementClass::Alone { probe, .. } = &body.statements[index].class else {
            return Ok(ProbeFact::Repeatable);
        };
        self.act(&Act::Probe(index), |state| Ok(statements::probe(probe, &state.objects)), |_| ())
    }

    async fn intend(&mut self, task: &StepTask<'_>, index: usize, seen: &ProbeFact) -> Result<(), Failure> {
        self.write(&Act::Intend(task.step.id.clone(), index), |row| row.pre = Some(seen.clone()))
    }

    async fn clean(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let statement = &task.step.body.statements[index];
        self.act(
            &Act::Clean(task.step.id.clone(), index),
            |state| {
                if let StatementClass::Alone { probe: Probe::IndexValid { index, .. }, .. } = &statement.class {
                    state.objects.remove(index);
                }
                Ok(())
            },
            |_| (),
        )
    }

    async fn execute(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.work().await?;
        let statement = &task.step.body.statements[index];
        let half = |state: &mut State| {
            if let StatementClass::Alone { probe: Probe::IndexValid { index, table, .. }, .. } = &statement.class {
                state.objects.insert(index.clone(), Object { table: Some(table.name.clone()), valid: false });
            }
        };
        let act = Act::Execute(task.step.id.clone(), index);
        let ended = self.act(&act, |state| run(state, &task.step.body, &task.text, statement), half);
        let refused = ended.as_ref().err().map(|failure| failure.class);
        if let (Some(FailureClass::Rejected | FailureClass::Busy), Some((key, attempt))) = (refused, &self.claimed) {
            fenced(&mut self.database.lock(), key, *attempt)?.pre = None;
        }
        ended
    }

    async fn execute_recorded(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.work().await?;
        let Some((key, attempt)) = self.claimed.clone() else {
            return Err(Failure::new(Unknown, "this step's claim was lost with its connection"));
        };
        let statement = &task.step.body.statements[index];
        let act = Act::ExecuteRecorded(task.step.id.clone(), index);
        self.act(
            &act,
            |state| {
                fenced(state, &key, attempt)?;
                run(state, &task.step.body, &task.text, statement)?;
                let row = fenced(state, &key, attempt)?;
                (row.row.step, row.pre) = (row.row.step + 1, None);
                Ok(())
            },
            |_| (),
        )
    }

    async fn advance(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.write(&Act::Advance(task.step.id.clone(), index), |row| {
            (row.row.step, row.pre) = (row.row.step + 1, None);
        })
    }

    async fn claim_batches(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure> {
        self.claim_ranges(task, size)
    }

    async fn batch(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure> {
        self.work().await?;
        self.run_range(task, size)
    }

    async fn pressure(&mut self) -> Result<Pressure, Failure> {
        Ok(Pressure::default())
    }

    async fn finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let Some((key, attempt)) = self.claimed.clone() else { return Err(lost()) };
        let finish = |state: &mut State| {
            let mut row = fenced(state, &key, attempt)?.clone();
            finished(state, &key, &mut row, end_state(&task.step.action));
            state.rows.insert(key.clone(), row);
            Ok(())
        };
        self.act(&Act::Finish(task.step.id.clone()), finish, |_| ())?;
        self.unlock_all();
        Ok(())
    }

    async fn release(&mut self) {
        self.unlock_all();
    }
}
