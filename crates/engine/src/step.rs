//! One attempt of one step in one session.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_driver::{Claim, OpenPieces, Session, StepTask};
use dunlin_planner::Bodies;
use dunlin_planner::{
    Event, EventKind, Failure, FailureClass, LaneKind, LedgerId, Notice, Outcome, Plan, RunId, Statement,
    StatementClass, StepIx, TargetName, Timestamp, Walk, WalkAction, doubt,
};
use tokio_util::sync::CancellationToken;

use crate::backfill::backfill;
use crate::stop::until_stopped;

/// Takes the events of a run, in order.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// What every attempt of a run shares.
pub(crate) struct Context {
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: RunId,
    pub(crate) bodies: Arc<dyn Bodies>,
    pub(crate) ledgers: BTreeMap<TargetName, LedgerId>,
    pub(crate) events: EventSink,
    pub(crate) stop: CancellationToken,
}

impl Context {
    /// Stamps an event and hands it on.
    pub(crate) fn emit(&self, kind: EventKind) {
        tracing::debug!(run = %self.run, event = ?kind);
        (self.events)(Event { at: Timestamp(jiff::Timestamp::now().as_microsecond()), kind });
    }
}

/// Runs a step of a lane in `session` once, on a server that writes on `timeline`; `rows` counts what a backfill changes.
pub(crate) async fn attempt(
    context: &Arc<Context>,
    session: &mut dyn Session,
    (ix, lane): (StepIx, LaneKind),
    timeline: Option<u32>,
    rows: &mut Option<u64>,
) -> Outcome {
    let step = context.plan.step(ix);
    let (path, digest) = (&step.body.path, &step.body.digest);
    let is_streamed = step.body.streamed.is_some();
    let text = match context.bodies.open(path, digest) {
        Ok(text) => text,
        Err(_) if is_streamed || step.body.is_empty() => Arc::from(""),
        Err(gone) => return Outcome::Failed(Failure::new(FailureClass::Estranged, gone.to_string())),
    };
    let open = || context.bodies.pieces(path, digest);
    let pieces: Option<OpenPieces<'_>> = is_streamed.then_some(&open);
    let notices = {
        let context = Arc::clone(context);
        Arc::new(move |notice: Notice| context.emit(EventKind::Noticed { step: ix, notice }))
    };
    let ledgers = |target: &TargetName| context.ledgers.get(target).cloned();
    let (project, run, ledgers) = (&context.plan.project, &context.run, &ledgers);
    let task = StepTask { project, run, step, text, pieces, timeline, ledgers, notices };
    let canceller = session.canceller();
    let done = match lane {
        LaneKind::Main => until_stopped(session.apply(&task), canceller, &context.stop).await,
        LaneKind::Long => until_stopped(walk(context, session, &task, ix), canceller, &context.stop).await,
        LaneKind::Batch => {
            let work = backfill(context, session, &task, ix, rows.insert(0));
            until_stopped(work, canceller, &context.stop).await
        }
    };
    match done {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::AlreadyDone,
        Err(failure) => Outcome::Failed(interrupted(failure, context.stop.is_cancelled())),
    }
}

/// A statement that was cancelled because the run stops is no failure of its own.
fn interrupted(failure: Failure, stopping: bool) -> Failure {
    if stopping && failure.sqlstate.as_deref() == Some("57014") {
        return Failure { class: FailureClass::Interrupted, ..failure };
    }
    failure
}

/// Walks through a step statement by statement.
async fn walk(context: &Context, session: &mut dyn Session, task: &StepTask<'_>, ix: StepIx) -> Result<bool, Failure> {
    let (finished, pre) = match session.claim(task).await? {
        Claim::AlreadyDone => return Ok(false),
        Claim::Taken { finished, pre, .. } => (finished, pre),
    };
    let statements = &task.step.body.statements;
    let mut walk = Walk::new(&task.step.body, finished, pre);
    loop {
        let action = walk.action();
        if let WalkAction::Execute(index) | WalkAction::ExecuteRecorded(index) = action {
            context.emit(EventKind::StatementStarted { step: ix, index, of: statements.len() });
        }
        match take(session, task, &mut walk, action).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(failure) => {
                session.release().await;
                return Err(failure);
            }
        }
    }
}

/// Takes one action; true once the walk is over.
async fn take(
    session: &mut dyn Session,
    task: &StepTask<'_>,
    walk: &mut Walk<'_>,
    action: WalkAction,
) -> Result<bool, Failure> {
    let body = &task.step.body;
    match action {
        WalkAction::Probe(index) => {
            let fact = match settled(&body.statements[index]) {
                Some(fact) => fact,
                None => session.probe(body, index).await?,
            };
            walk.probed(fact);
            return Ok(false);
        }
        WalkAction::Finish => return session.finish(task).await.map(|()| true),
        WalkAction::Stop(failure) if failure.class == FailureClass::Dirty => {
            let hint = Some(doubt(&task.step.id, walk.statement()));
            return Err(Failure { hint, ..failure });
        }
        WalkAction::Stop(failure) => return Err(failure),
        WalkAction::Intend(index, seen) => session.intend(task, index, &seen).await?,
        WalkAction::Clean(index) => session.clean(task, index).await?,
        WalkAction::Execute(index) => session.execute(task, index).await?,
        WalkAction::ExecuteRecorded(index) => session.execute_recorded(task, index).await?,
        WalkAction::Advance(index) => session.advance(task, index).await?,
    }
    walk.done();
    Ok(false)
}

fn settled(statement: &Statement) -> Option<dunlin_planner::ProbeFact> {
    match &statement.class {
        StatementClass::Alone { probe, .. } => probe.settled(),
        StatementClass::Transactional => None,
    }
}
