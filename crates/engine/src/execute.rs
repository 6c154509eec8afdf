//! Executes a plan: every lane of every database at once, as the run decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::{Driver, Session};
use dunlin_planner::{
    Bodies, EventKind, Failover, Failure, FailureClass, LaneKind, LedgerId, Limits, Next, Outcome, Plan, Run, RunId,
    RunReport, StepIx, TargetName,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::pausing::{self, Pauses};
use crate::replication;
use crate::step::{Context, attempt};
use crate::{Connectors, EventSink, Patience, sealing};

/// What a run needs beside its plan.
pub struct Execution {
    /// Reaches the databases.
    pub connectors: Arc<dyn Connectors>,
    /// Fetches the texts.
    pub bodies: Arc<dyn Bodies>,
    /// How long and how often things are tried.
    pub limits: Limits,
    /// Set to stop: nothing new starts, and what runs finishes or is cancelled.
    pub stop: CancellationToken,
    /// Takes the events.
    pub events: EventSink,
}

type Lane = (TargetName, LaneKind);
type Sessions = BTreeMap<Lane, Box<dyn Session>>;

/// What a finished attempt brings back; the session only where it can be used again.
struct Attempted {
    step: StepIx,
    lane: LaneKind,
    session: Option<Box<dyn Session>>,
    outcome: Outcome,
    /// Rows that a backfill changed.
    rows: Option<u64>,
}

/// Runs `plan` to its end and reports how every step ended.
pub async fn execute(plan: Arc<Plan>, execution: Execution) -> RunReport {
    let began = Instant::now();
    let run_id = RunId::new(&uuid::Uuid::now_v7().to_string()).expect("a UUID is a name");
    let mut databases = prepare(&plan, &execution).await;
    let mut run = Run::new(Arc::clone(&plan), run_id.clone(), execution.limits);
    for (target, timeline) in timelines(&plan, &databases).await {
        run.knows(&target, timeline);
    }
    let context = Arc::new(Context {
        plan: Arc::clone(&plan),
        run: run_id.clone(),
        bodies: execution.bodies,
        ledgers: databases
            .iter()
            .filter_map(|(name, ready)| Some((name.clone(), ready.as_ref().ok()?.1.clone())))
            .collect(),
        events: execution.events,
        stop: execution.stop,
    });
    context.emit(EventKind::RunStarted { run: run_id.clone(), steps: plan.steps.len() });
    for target in ready_now(&plan, &databases) {
        context.emit(EventKind::LedgerReady { target });
    }
    let waiting = replication::unreplicated(&context, &databases).await;
    let pauses = Pauses::begin(&context, &mut databases).await;
    let mut shell = Shell { context, databases, waiting, began, run, sessions: Sessions::new(), tasks: JoinSet::new() };
    shell.drive().await;
    let resumptions = pauses.end(&shell.context, &shell.databases).await;
    let heads = sealing::seal(&shell.context, &shell.databases).await;
    let took = began.elapsed();
    shell.context.emit(EventKind::RunEnded { took });
    RunReport { resumptions, heads, ..shell.run.report(took) }
}

type Ready = Result<(Arc<dyn Driver>, LedgerId), Failure>;

/// The databases of a run, or why nothing can be done in them.
pub(crate) type Databases = BTreeMap<TargetName, Ready>;

/// How long preparing may still take once the run is asked to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Creates missing ledgers and checks the others, on every database that has a step or something to pause, at once.
async fn prepare(plan: &Arc<Plan>, execution: &Execution) -> Databases {
    let stepped = plan.steps.iter().map(|step| step.target.clone());
    let targets: BTreeSet<_> = stepped.chain(pausing::targets(plan)).collect();
    let patience = Patience(execution.limits.unreachable);
    let mut tasks = JoinSet::new();
    for target in targets {
        let (plan, connectors) = (Arc::clone(plan), Arc::clone(&execution.connectors));
        let stop = execution.stop.clone();
        tasks.spawn(async move {
            let ready = patience.with(&stop, GRACE, || bootstrap(&plan, &connectors, &target)).await;
            (target, ready)
        });
    }
    let mut ready: BTreeMap<_, _> = tasks.join_all().await.into_iter().collect();
    // Databases without a step of their own are still named by dependencies that lie in them.
    for (name, target) in plan.targets.iter().filter(|(name, _)| !ready.contains_key(*name)).collect::<Vec<_>>() {
        if let (Ok(driver), Some(ledger)) = (execution.connectors.driver(name).await, target.ledger.clone()) {
            ready.insert(name.clone(), Ok((driver, ledger)));
        }
    }
    ready
}

async fn bootstrap(plan: &Plan, connectors: &Arc<dyn Connectors>, target: &TargetName) -> Ready {
    let driver = connectors.driver(target).await?;
    let ledger = driver.bootstrap(plan.environment.as_ref()).await?;
    match plan.targets.get(target).and_then(|planned| planned.ledger.as_ref()) {
        Some(planned) if *planned != ledger => {
            let message = format!("the ledger of `{target}` is `{ledger}`, and the plan was made for `{planned}`");
            Err(Failure { hint: Some("plan again".to_owned()), ..Failure::new(FailureClass::Estranged, message) })
        }
        _ => Ok((driver, ledger)),
    }
}

/// On which timelines the servers write; those that do not tell are left out.
async fn timelines(plan: &Plan, databases: &Databases) -> BTreeMap<TargetName, u32> {
    let mut tasks = JoinSet::new();
    for target in plan.steps.iter().map(|step| step.target.clone()).collect::<BTreeSet<_>>() {
        let Some(Ok((driver, _))) = databases.get(&target).cloned() else { continue };
        tasks.spawn(async move { Some((target, driver.timeline().await.ok()??)) });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Looks at a server that took over, and makes sure of its ledger: even that may have been lost.
async fn failed_over(context: &Context, driver: &dyn Driver, step: StepIx, failure: Failure) -> Outcome {
    let target = &context.plan.step(step).target;
    let ledger = match driver.bootstrap(context.plan.environment.as_ref()).await {
        Ok(ledger) => ledger,
        Err(failure) => return Outcome::Failed(failure),
    };
    if context.ledgers.get(target) != Some(&ledger) {
        let message = format!("the server of `{target}` failed over to one without its ledger");
        let hint = Some("everything in that database was lost: plan again only when you know why".to_owned());
        return Outcome::Failed(Failure { hint, ..Failure::new(FailureClass::Estranged, message) });
    }
    match driver.timeline().await {
        Ok(Some(timeline)) => Outcome::FailedOver { timeline, failure },
        Ok(None) => Outcome::Failed(Failure::new(FailureClass::Unreachable, failure.message)),
        Err(failure) => Outcome::Failed(failure),
    }
}

fn ready_now(plan: &Plan, databases: &Databases) -> Vec<TargetName> {
    let fresh =
        |name: &TargetName| plan.targets.get(name).is_some_and(|target| target.ledger.is_none() || target.upgrade);
    let ready = databases.iter().filter_map(|(name, ready)| Some((name, &ready.as_ref().ok()?.1)));
    // One database may have two names.
    let mut told = BTreeSet::new();
    ready.filter(|(name, ledger)| fresh(name) && told.insert(*ledger)).map(|(name, _)| name.clone()).collect()
}

/// The loop between the run's decisions and the tasks that carry them out.
struct Shell {
    context: Arc<Context>,
    databases: Databases,
    /// Steps that rely on what is not yet replicated.
    waiting: BTreeMap<StepIx, Failure>,
    began: Instant,
    run: Run,
    sessions: Sessions,
    tasks: JoinSet<Attempted>,
}

impl Shell {
    async fn drive(&mut self) {
        loop {
            if self.context.stop.is_cancelled() && !self.run.is_interrupted() {
                self.context.emit(EventKind::Stopping);
                self.run.stop();
                self.emit_ends();
            }
            match self.run.next(self.began.elapsed()) {
                Next::Start { step, lane, attempt } => self.start(step, lane, attempt),
                Next::Wait { until } => self.wait(until).await,
                Next::Finished => return,
            }
        }
    }

    fn start(&mut self, step: StepIx, lane: LaneKind, number: u32) {
        self.context.emit(EventKind::StepStarted { step, lane, attempt: number });
        let target = self.context.plan.step(step).target.clone();
        let session = self.sessions.remove(&(target.clone(), lane));
        let ready = self.databases.get(&target).cloned();
        let context = Arc::clone(&self.context);
        let timeline = self.run.timeline(step);
        let waits = self.waiting.get(&step).cloned();
        self.tasks.spawn(async move {
            let driver = ready.as_ref().and_then(|ready| Some(Arc::clone(&ready.as_ref().ok()?.0)));
            let opened = match (session, ready) {
                _ if waits.is_some() => Err(Outcome::Refused(waits.expect("it was looked at just now"))),
                (Some(session), _) => Ok(session),
                (None, Some(Ok((driver, _)))) => driver.session(lane).await.map_err(Outcome::Failed),
                (None, Some(Err(failure))) => Err(Outcome::Refused(failure)),
                (None, None) => {
                    let message = format!("target `{target}` is not part of the plan");
                    Err(Outcome::Refused(Failure::new(FailureClass::Rejected, message)))
                }
            };
            let mut session = match opened {
                Ok(session) => session,
                Err(outcome) => return Attempted { step, lane, session: None, outcome, rows: None },
            };
            let mut rows = None;
            let mut outcome = attempt(&context, session.as_mut(), (step, lane), timeline, &mut rows).await;
            // After a failure nothing is known of the connection, and after work outside transactions it may hold state.
            let keep = lane == LaneKind::Main && matches!(outcome, Outcome::Done | Outcome::AlreadyDone);
            if let (Outcome::Failed(failure), Some(driver)) = (&outcome, driver)
                && failure.class == FailureClass::FailedOver
            {
                outcome = failed_over(&context, driver.as_ref(), step, failure.clone()).await;
            }
            Attempted { step, lane, session: keep.then_some(session), outcome, rows }
        });
    }

    /// Waits for a task, for a rest to be over, or for the request to stop.
    async fn wait(&mut self, until: Option<Duration>) {
        let rest = until.map(|until| self.began + until);
        let stop = self.context.stop.clone();
        let stopping = self.run.is_interrupted();
        // In this order where several are there at once: what a run does follows from what happens to it.
        tokio::select! {
            biased;
            Some(joined) = self.tasks.join_next() => {
                self.ended(joined.expect("an attempt does not panic, and nobody aborts it"));
            }
            () = async { tokio::time::sleep_until(rest.expect("guarded")).await }, if rest.is_some() => {}
            () = stop.cancelled(), if !stopping => {}
        }
    }

    fn ended(&mut self, attempted: Attempted) {
        let Attempted { step, lane, session, outcome, rows } = attempted;
        if let Some(rows) = rows {
            self.run.count(step, rows);
        }
        if let Some(session) = session {
            self.sessions.insert((self.context.plan.step(step).target.clone(), lane), session);
        }
        let failure = match &outcome {
            Outcome::Failed(failure) | Outcome::Refused(failure) | Outcome::FailedOver { failure, .. } => {
                Some(failure.clone())
            }
            Outcome::Done | Outcome::AlreadyDone => None,
        };
        let rest = self.run.on(step, outcome, self.began.elapsed());
        if let (Some(rest), Some(failure)) = (rest, failure) {
            self.context.emit(EventKind::StepRetried { step, failure, rest });
        }
        for Failover { target, from, to, again } in self.run.take_failovers() {
            self.context.emit(EventKind::FailedOver { target, from, to, again: again.len() });
        }
        self.emit_ends();
    }

    /// One event for every step that came to its end.
    fn emit_ends(&mut self) {
        for line in self.run.take_ended() {
            self.context.emit(EventKind::StepEnded { step: line.step, end: line.end, took: line.took });
        }
    }
}
