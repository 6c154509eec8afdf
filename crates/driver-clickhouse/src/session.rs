//! A session: one lane's way through steps, statement by statement.
//!
//! There are no transactions, so that every statement is written down before it is sent and after it was seen to be done; what a
//! crash leaves between the two is for the next claim to look at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::{BatchClaim, Canceller, Claim, Session, StepTask};
use dunlin_planner::{
    Action, BatchFacts, Body, Failure, FailureClass, LedgerId, Pressure, ProbeFact, RowState, StatementClass, Walk,
    WalkAction,
};
use tokio::sync::Notify;

use crate::claim;
use crate::event::{Event, Scribe};
use crate::http::{Ask, Http};
use crate::ledger::{self, Entry, Meta, Pre};
use crate::lock::Lock;
use crate::probe::{Eyes, cluster, mutated};
use crate::replicas::Catalog;
use crate::server::Server;
use crate::{mutations, sql};

/// One lane's session with a ClickHouse server.
pub(crate) struct ClickHouseSession {
    pub(crate) http: Http,
    pub(crate) server: Arc<Server>,
    pub(crate) brake: Arc<Brake>,
    pub(crate) claimed: Option<Claimed>,
}

/// A step that is ours.
pub(crate) struct Claimed {
    lock: Lock,
    pub(crate) entry: Entry,
    /// The statement whose mutation the server does not list.
    pub(crate) unlisted: Option<usize>,
    /// The database of names without one.
    pub(crate) database: String,
}

/// Stops what a session is doing.
pub(crate) struct Brake {
    http: Http,
    query: Mutex<Option<String>>,
    pulled: AtomicBool,
    wake: Notify,
}

impl Brake {
    /// Names the query that runs from now on.
    pub(crate) fn runs(&self, query: Option<String>) {
        *self.query.lock().unwrap_or_else(PoisonError::into_inner) = query;
    }

    pub(crate) fn is_pulled(&self) -> bool {
        self.pulled.load(Ordering::SeqCst)
    }

    /// Ends when it is pulled.
    pub(crate) async fn pulled(&self) {
        let woken = self.wake.notified();
        if !self.is_pulled() {
            woken.await;
        }
    }
}

#[async_trait]
impl Canceller for Brake {
    async fn cancel(&self) {
        self.pulled.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
        let query = self.query.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(query) = query {
            let kill = Ask::own(format!("KILL QUERY WHERE query_id = {} ASYNC", sql::text(&query)));
            tokio::time::timeout(Duration::from_secs(5), self.http.ask(kill)).await.ok();
        }
    }
}

impl ClickHouseSession {
    pub(crate) fn new(http: Http, server: Arc<Server>) -> Self {
        let brake =
            Brake { http: http.clone(), query: Mutex::default(), pulled: AtomicBool::new(false), wake: Notify::new() };
        Self { http, server, brake: Arc::new(brake), claimed: None }
    }

    pub(crate) fn scribe<'a>(&'a self, task: &'a StepTask<'_>) -> Scribe<'a> {
        Scribe { http: &self.http, server: &self.server, project: task.project }
    }

    /// The ledger that the step was planned for.
    async fn meta(&self, task: &StepTask<'_>) -> Result<Meta, Failure> {
        let Some(meta) = ledger::meta(&self.http).await? else {
            return Err(Failure::new(FailureClass::Rejected, "there is no ledger"));
        };
        let expected: Option<LedgerId> = (task.ledgers)(&task.step.target);
        match expected {
            Some(expected) if expected != meta.id => {
                let message = format!("the server at {} holds another ledger", self.http.address());
                let failure = Failure::new(FailureClass::Estranged, message);
                let hint = "the target's name leads to several servers: name one of them".to_owned();
                Err(Failure { hint: Some(hint), ..failure })
            }
            _ => Ok(meta),
        }
    }

    /// The row that follows from the one that is there, written down; none where nothing is to do.
    async fn take(&self, task: &StepTask<'_>) -> Result<Option<Entry>, Failure> {
        let meta = self.meta(task).await?;
        claim::quiet(&self.http, task).await?;
        let entries = ledger::entries(&self.http, &meta, task.project, None).await?;
        let Some(mut entry) = claim::claimed(task, &entries, &self.server.user)? else { return Ok(None) };
        self.scribe(task).write(&mut entry, &Event::of_run("claimed", task.run.as_str()), true).await?;
        Ok(Some(entry))
    }

    /// What is claimed, while its lock is held.
    pub(crate) fn held(&mut self) -> Result<&mut Claimed, Failure> {
        if self.claimed.as_ref().is_none_or(|claimed| !claimed.lock.is_held()) {
            self.claimed = None;
            return Err(Failure::new(FailureClass::Unknown, "this step's claim was lost with its connection"));
        }
        Ok(self.claimed.as_mut().expect("it was just looked at"))
    }

    /// Lets `change` move the claimed row, and writes that down.
    pub(crate) async fn write(
        &mut self,
        task: &StepTask<'_>,
        event: &Event<'_>,
        change: impl FnOnce(&mut Entry) + Send,
    ) -> Result<(), Failure> {
        let mut entry = self.held()?.entry.clone();
        change(&mut entry);
        self.scribe(task).write(&mut entry, event, false).await?;
        self.held()?.entry = entry;
        Ok(())
    }

    /// The mutations that the tables of a statement have already.
    async fn mutations(&mut self, task: &StepTask<'_>, index: usize) -> Result<Vec<String>, Failure> {
        let database = self.held()?.database.clone();
        let eyes = Eyes { http: &self.http, server: &self.server, database: &database };
        let mutated = mutated(&task.step.body, index);
        if mutated.is_empty() {
            return Ok(Vec::new());
        }
        let catalog = Catalog::of(&self.http, &self.server, cluster(&task.step.body, index)).await?;
        let mut known = Vec::new();
        for (table, _) in mutated {
            known.extend(mutations::known(&eyes, &catalog, eyes.place(table)).await?);
        }
        Ok(known)
    }

    async fn walk(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        let Claim::Taken { finished, pre, .. } = self.claim(task).await? else { return Ok(false) };
        let mut walk = Walk::new(&task.step.body, finished, pre);
        loop {
            match walk.action() {
                WalkAction::Probe(index) => {
                    let fact = self.probe(&task.step.body, index).await?;
                    walk.probed(fact);
                    continue;
                }
                WalkAction::Intend(index, seen) => self.intend(task, index, &seen).await?,
                WalkAction::Clean(index) => self.clean(task, index).await?,
                WalkAction::Execute(index) => self.execute(task, index).await?,
                WalkAction::ExecuteRecorded(index) => self.execute_recorded(task, index).await?,
                WalkAction::Advance(index) => self.advance(task, index).await?,
                WalkAction::Finish => return self.finish(task).await.map(|()| true),
                WalkAction::Stop(failure) => return Err(failure),
            }
            walk.done();
        }
    }
}

#[async_trait]
impl Session for ClickHouseSession {
    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::clone(&self.brake) as Arc<dyn Canceller>
    }

    /// A body without a statement, such as a seed's that is forgotten; any other is walked through as well.
    async fn apply(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        task.refuse_jobs()?;
        if task.pieces.is_some() {
            return Err(Failure::new(
                FailureClass::Rejected,
                "a file of this size needs a transaction, which ClickHouse has not",
            ));
        }
        let ended = self.walk(task).await;
        if ended.is_err() {
            self.release().await;
        }
        ended
    }

    async fn claim(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure> {
        self.release().await;
        let id = &task.step.id;
        let name = sql::lock_name(self.http.database(), task.project, id);
        let lock = Lock::take(&self.http, &self.server, &name, &format!("`{id}`")).await?;
        match self.take(task).await {
            Ok(Some(entry)) => {
                let pre = entry.pre.as_ref().map(|pre| pre.seen.clone());
                let claim = Claim::Taken { attempt: entry.row.attempt, finished: entry.row.step as usize, pre };
                let path = task.step.body.settings.search_path.as_deref();
                let database = path.unwrap_or_else(|| self.http.database()).to_owned();
                self.claimed = Some(Claimed { lock, entry, unlisted: None, database });
                Ok(claim)
            }
            ended => {
                lock.free().await;
                ended.map(|_| Claim::AlreadyDone)
            }
        }
    }

    async fn probe(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        let (pre, database) = match &self.claimed {
            Some(claimed) if claimed.unlisted == Some(index) => return Ok(ProbeFact::Unknown),
            Some(claimed) => (claimed.entry.pre.clone(), claimed.database.clone()),
            None => (None, self.http.database().to_owned()),
        };
        let eyes = Eyes { http: &self.http, server: &self.server, database: &database };
        let pre = pre.filter(|pre| pre.statement == index);
        let brake = Arc::clone(&self.brake);
        tokio::select! {
            fact = eyes.look(body, index, pre.as_ref()) => fact,
            () = brake.pulled() => Err(Failure::new(FailureClass::Interrupted, "the run was stopped while it looked")),
        }
    }

    async fn intend(&mut self, task: &StepTask<'_>, index: usize, seen: &ProbeFact) -> Result<(), Failure> {
        let mutations = self.mutations(task, index).await?;
        let pre = Pre { statement: index, seen: seen.clone(), mutations };
        self.write(task, &Event::of_run("begun", task.run.as_str()), |entry| entry.pre = Some(pre)).await
    }

    async fn clean(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let message = format!("statement {} of `{}` leaves nothing that could be cleaned up", index + 1, task.step.id);
        Err(Failure::new(FailureClass::Rejected, message))
    }

    async fn execute(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.run(task, index).await
    }

    async fn execute_recorded(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        debug_assert_eq!(task.step.body.statements[index].class, StatementClass::Transactional);
        let message =
            format!("statement {} of `{}` needs a transaction, which ClickHouse has not", index + 1, task.step.id);
        Err(Failure::new(FailureClass::Rejected, message))
    }

    async fn advance(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let step = u32::try_from(index + 1).unwrap_or(u32::MAX);
        self.write(task, &Event::of_run("advanced", task.run.as_str()), |entry| {
            (entry.row.step, entry.pre) = (step, None);
        })
        .await
    }

    async fn claim_batches(&mut self, _task: &StepTask<'_>, _size: u64) -> Result<BatchClaim, Failure> {
        Err(no_backfills())
    }

    async fn batch(&mut self, _task: &StepTask<'_>, _size: u64) -> Result<BatchFacts, Failure> {
        Err(no_backfills())
    }

    async fn pressure(&mut self) -> Result<Pressure, Failure> {
        Ok(Pressure::default())
    }

    async fn finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let state = match task.step.action {
            Action::Apply { .. } => RowState::Applied,
            Action::Revert { .. } => RowState::Reverted,
        };
        let event = Event { finished: true, ..Event::of_run(state.as_str(), task.run.as_str()) };
        self.write(task, &event, |entry| (entry.row.state, entry.pre) = (state, None)).await?;
        self.release().await;
        Ok(())
    }

    async fn release(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            claimed.lock.free().await;
        }
    }
}

fn no_backfills() -> Failure {
    let hint =
        "write the statement without `-- dunlin: batch`: ClickHouse rewrites a table part by part by itself".to_owned();
    let failure =
        Failure::new(FailureClass::Rejected, "ClickHouse has no transaction that could hold a range and its cursor");
    Failure { hint: Some(hint), ..failure }
}
