//! The way between a process and its databases: messages that take time, get lost, or lose their answer.
//!
//! What a server says is up to the database in memory, also when it is made to refuse; what is lost is lost here. A
//! connection that is lost may keep its locks for a while, as one does whose server has not noticed yet.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::memory::{Act, Fault, MemoryDatabase};
use dunlin_driver::{BatchClaim, Canceller, Claim, Driver, Paused, Session, StepTask};
use dunlin_planner::{
    Adoption, BatchFacts, Body, EnvironmentName, Failure, FailureClass, Health, LaneKind, LedgerId, LogEntry, Offers,
    Pausable, Pressure, ProbeFact, ProjectName, Resumption, RunId, RunsUnder, Settlement, TargetFacts, TargetName,
};

use super::history::Effect;
use super::process::Process;
use super::weather::{Fate, failure};
use super::world::ANY;

/// A database, as a process reaches it.
pub(crate) struct Reached {
    target: TargetName,
    database: MemoryDatabase,
    process: Arc<Process>,
}

impl Reached {
    pub(crate) fn new(target: &TargetName, process: &Arc<Process>) -> Self {
        let database = process.world.databases[target].clone();
        Self { target: target.clone(), database, process: Arc::clone(process) }
    }

    async fn send(&self, act: Act) -> Result<Fate, Failure> {
        match self.process.send(&self.target, &act).await {
            Fate::Refused(class) => Err(failure(class)),
            fate => Ok(fate),
        }
    }

    async fn receive<T>(&self, fate: Fate, ended: Result<T, Failure>) -> Result<T, Failure> {
        if let Fate::Crash { locked, .. } = fate {
            self.process.die(locked).await;
        }
        self.process.pass().await;
        ended
    }
}

#[async_trait]
impl Driver for Reached {
    fn offers(&self) -> Offers {
        self.database.offers()
    }

    async fn examine(&self, under: &RunsUnder) -> Result<Health, Failure> {
        self.database.examine(under).await
    }

    async fn inspect(&self, project: &ProjectName) -> Result<TargetFacts, Failure> {
        let fate = self.send(Act::Inspect).await?;
        let ended = self.database.inspect(project).await;
        self.receive(fate, ended).await
    }

    async fn bootstrap(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        let fate = self.send(Act::Bootstrap).await?;
        let ended = self.database.bootstrap(environment).await;
        self.receive(fate, ended).await
    }

    async fn session(&self, lane: LaneKind) -> Result<Box<dyn Session>, Failure> {
        let fate = self.send(Act::Session(lane)).await?;
        let session = self.database.session(lane).await?;
        let (target, database, process) = (self.target.clone(), self.database.clone(), Arc::clone(&self.process));
        let connection = Connection { target, database, process, session: Some(session), armed: None };
        self.receive(fate, Ok(Box::new(connection) as Box<dyn Session>)).await
    }

    async fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
        self.database.settle(project, settlement).await
    }

    async fn adopt(&self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure> {
        self.database.adopt(project, adoption).await
    }

    async fn pause(&self, project: &ProjectName, run: &RunId, what: &[Pausable]) -> Result<Paused, Failure> {
        let fate = self.send(Act::Pause).await?;
        let ended = self.database.pause(project, run, what).await;
        self.receive(fate, ended).await
    }

    async fn resume(&self, project: &ProjectName, run: &RunId) -> Result<Vec<Resumption>, Failure> {
        let fate = self.send(Act::Resume).await?;
        let ended = self.database.resume(project, run).await;
        self.receive(fate, ended).await
    }

    async fn log(&self, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
        self.database.log(project).await
    }

    async fn estimate(&self, body: &Body) -> Result<Option<u64>, Failure> {
        self.database.estimate(body).await
    }
}

/// A session, for as long as its connection lasts.
struct Connection {
    target: TargetName,
    database: MemoryDatabase,
    process: Arc<Process>,
    session: Option<Box<dyn Session>>,
    /// The act that is to go wrong on its server.
    armed: Option<Act>,
}

fn gone() -> Failure {
    failure(FailureClass::Unknown)
}

impl Connection {
    /// Sends `act`; then its server does it, unless it was lost on its way.
    async fn send(&mut self, act: &Act) -> Result<(Fate, &mut Box<dyn Session>), Failure> {
        if self.session.is_none() {
            return Err(gone());
        }
        let fate = self.process.send(&self.target, act).await;
        match fate {
            Fate::Lost { done: false, locked } => {
                self.cut(locked);
                return Err(gone());
            }
            Fate::Half => self.arm(act, Fault::Halfway(gone())),
            Fate::Refused(class) => self.arm(act, Fault::Before(failure(class))),
            Fate::Fine | Fate::Lost { .. } | Fate::Crash { .. } => {}
        }
        self.database.set_latency(match act {
            Act::Apply(_) | Act::Execute(..) | Act::ExecuteRecorded(..) | Act::Batch(..) => self.process.latency(),
            _ => Duration::ZERO,
        });
        Ok((fate, self.session.as_mut().expect("it was there")))
    }

    /// Takes the answer, unless it was lost.
    async fn receive<T>(&mut self, fate: Fate, ended: Result<T, Failure>) -> Result<T, Failure> {
        self.disarm();
        match fate {
            Fate::Lost { locked, .. } => {
                self.cut(locked);
                return Err(gone());
            }
            Fate::Crash { locked, .. } => self.process.die(locked).await,
            Fate::Fine | Fate::Half | Fate::Refused(_) => {}
        }
        if ended.as_ref().is_err_and(|failure| failure.class == FailureClass::Unknown) {
            self.cut(Duration::ZERO);
        }
        self.process.pass().await;
        ended
    }

    fn arm(&mut self, act: &Act, fault: Fault) {
        self.process.world.arm(&self.target, act, fault);
        self.armed = Some(act.clone());
    }

    fn disarm(&mut self) {
        if let Some(act) = self.armed.take() {
            self.process.world.disarm(&self.target, &act);
        }
    }

    /// The connection is lost, and its server notices after a while.
    fn cut(&mut self, locked: Duration) {
        let session = self.session.take();
        if !locked.is_zero() && tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move {
                tokio::time::sleep(locked).await;
                drop(session);
            });
        }
    }

    fn record(&self, task: &StepTask<'_>, effect: Effect) {
        self.process.world.trace(|| format!("{effect:?} of {}", task.step.id));
        self.process.world.shared().history.record(&self.process.project, task.step, &task.text, effect);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disarm();
        self.cut(self.process.lingering());
    }
}

#[async_trait]
impl Session for Connection {
    fn canceller(&self) -> Arc<dyn Canceller> {
        struct Nobody;
        #[async_trait]
        impl Canceller for Nobody {
            async fn cancel(&self) {}
        }
        self.session.as_ref().map_or_else(|| Arc::new(Nobody) as Arc<dyn Canceller>, |session| session.canceller())
    }

    async fn apply(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        let act = Act::Apply(task.step.id.clone());
        let (fate, session) = self.send(&act).await?;
        let ended = session.apply(task).await;
        if ended == Ok(true) {
            self.record(task, Effect::Whole);
        }
        self.receive(fate, ended).await
    }

    async fn claim(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure> {
        let act = Act::Claim(task.step.id.clone());
        let (fate, session) = self.send(&act).await?;
        let ended = session.claim(task).await;
        self.receive(fate, ended).await
    }

    async fn probe(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        let act = Act::Probe(index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.probe(body, index).await;
        self.receive(fate, ended).await
    }

    async fn intend(&mut self, task: &StepTask<'_>, index: usize, seen: &ProbeFact) -> Result<(), Failure> {
        let act = Act::Intend(task.step.id.clone(), index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.intend(task, index, seen).await;
        self.receive(fate, ended).await
    }

    async fn clean(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let act = Act::Clean(task.step.id.clone(), index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.clean(task, index).await;
        self.receive(fate, ended).await
    }

    async fn execute(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let act = Act::Execute(task.step.id.clone(), index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.execute(task, index).await;
        if ended.is_ok() {
            self.record(task, Effect::Statement(index));
        }
        self.receive(fate, ended).await
    }

    async fn execute_recorded(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let act = Act::ExecuteRecorded(task.step.id.clone(), index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.execute_recorded(task, index).await;
        if ended.is_ok() {
            self.record(task, Effect::Statement(index));
        }
        self.receive(fate, ended).await
    }

    async fn advance(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let act = Act::Advance(task.step.id.clone(), index);
        let (fate, session) = self.send(&act).await?;
        let ended = session.advance(task, index).await;
        self.receive(fate, ended).await
    }

    async fn claim_batches(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure> {
        let act = Act::Claim(task.step.id.clone());
        let (fate, session) = self.send(&act).await?;
        let ended = session.claim_batches(task, size).await;
        self.receive(fate, ended).await
    }

    async fn batch(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure> {
        let act = Act::Batch(task.step.id.clone(), ANY);
        let (fate, session) = self.send(&act).await?;
        let ended = session.batch(task, size).await;
        if let Ok(facts) = &ended {
            self.record(task, Effect::Range { last: facts.last });
        }
        self.receive(fate, ended).await
    }

    async fn pressure(&mut self) -> Result<Pressure, Failure> {
        self.session.as_mut().ok_or_else(gone)?.pressure().await
    }

    async fn finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        let act = Act::Finish(task.step.id.clone());
        let (fate, session) = self.send(&act).await?;
        let ended = session.finish(task).await;
        if ended.is_ok() {
            self.record(task, Effect::Finish);
        }
        self.receive(fate, ended).await
    }

    async fn release(&mut self) {
        self.process.pass().await;
        if let Some(session) = &mut self.session {
            session.release().await;
        }
    }
}
