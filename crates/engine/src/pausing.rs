//! Pauses what the plan says for as long as a run works, and resumes it whatever became of the run; what runs that are gone
//! left paused is resumed before anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dunlin_driver::{Driver, Paused, UnderWay};
use dunlin_planner::{
    EventKind, Failure, FailureClass, Obligation, Pausable, Plan, Resumption, ResumptionEnd, TargetName,
};

use crate::Patience;
use crate::execute::Databases;
use crate::step::Context;

/// How long pausing and resuming are tried.
const PATIENCE: Patience = Patience(Duration::from_secs(30));
/// How often it is looked whether what is under way is over.
const LOOK: Duration = Duration::from_millis(150);
/// How long resuming is still tried once the run is asked to stop.
const LAST_TRY: Duration = Duration::from_secs(6);

/// What this run has paused, and what became of everything that was.
#[derive(Default)]
pub(crate) struct Pauses {
    held: BTreeMap<TargetName, Paused>,
    /// Where something may be paused in this run's name, or was not resumed yet.
    open: BTreeSet<TargetName>,
    ended: BTreeMap<(TargetName, u64), Resumption>,
}

impl Pauses {
    /// Resumes what was left, then pauses. A database in which something goes on that should rest is refused to its steps.
    pub(crate) async fn begin(context: &Context, databases: &mut Databases) -> Self {
        let mut this = Self::default();
        for target in targets(&context.plan) {
            let wanted = wanted(&context.plan, &target);
            let paused = match databases.get(&target).cloned() {
                Some(Ok((driver, _))) => this.turn(context, &target, &driver, &wanted).await,
                Some(Err(failure)) => {
                    this.not_resumed(context, &target, left(&context.plan, &target), &failure);
                    Err(failure)
                }
                None => Ok(()),
            };
            if let Err(failure) = paused {
                refuse(&context.plan, databases, &target, &failure);
            }
        }
        this
    }

    async fn turn(
        &mut self,
        context: &Context,
        target: &TargetName,
        driver: &Arc<dyn Driver>,
        wanted: &[Pausable],
    ) -> Result<(), Failure> {
        self.resume(context, target, driver, left(&context.plan, target)).await;
        if wanted.is_empty() || context.stop.is_cancelled() {
            return Ok(());
        }
        // A job that is paused while it is under way is ended by its scheduler.
        self.rest(context, target, &**driver, (wanted, false)).await?;
        // Where it failed on the way to its end, something may be paused all the same.
        self.open.insert(target.clone());
        let (project, run) = (&context.plan.project, &context.run);
        let paused = PATIENCE.with(&context.stop, LAST_TRY, || driver.pause(project, run, wanted)).await?;
        for one in &paused.obligations {
            context.emit(EventKind::Paused { target: target.clone(), what: one.what.clone() });
        }
        self.held.insert(target.clone(), paused);
        self.rest(context, target, &**driver, (wanted, true)).await
    }

    /// Waits until nothing of `wanted` is under way, and where it was `paused`, until nothing of it can begin.
    async fn rest(
        &self,
        context: &Context,
        target: &TargetName,
        driver: &dyn Driver,
        (wanted, paused): (&[Pausable], bool),
    ) -> Result<(), Failure> {
        let limits = context.plan.pauses.iter().filter(|pause| pause.target == *target).map(|pause| pause.wait);
        let (limit, began) = (limits.max().unwrap_or_default(), Instant::now());
        let mut told = false;
        loop {
            let busy = PATIENCE.with(&context.stop, LAST_TRY, || driver.under_way(wanted, paused)).await?;
            let Some(first) = busy.first() else { return Ok(()) };
            if context.stop.is_cancelled() || began.elapsed() >= limit {
                return Err(overdue(first, limit, context.stop.is_cancelled()));
            }
            if !told {
                let what = busy.iter().map(|one| one.what.clone()).collect();
                context.emit(EventKind::Awaited { target: target.clone(), what });
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = context.stop.cancelled() => {}
            }
        }
    }

    /// Resumes what this run paused; the proof that it lives is given up after that.
    pub(crate) async fn end(mut self, context: &Context, databases: &Databases) -> Vec<Resumption> {
        for target in std::mem::take(&mut self.open) {
            let Some(Ok((driver, _))) = databases.get(&target) else { continue };
            let owed = self.held.get(&target).map(|paused| paused.obligations.clone()).unwrap_or_default();
            self.resume(context, &target, &Arc::clone(driver), owed).await;
        }
        self.ended.into_values().collect()
    }

    /// Resumes what there is; of what is `owed` nothing is left unsaid.
    async fn resume(
        &mut self,
        context: &Context,
        target: &TargetName,
        driver: &Arc<dyn Driver>,
        owed: Vec<Obligation>,
    ) {
        let (project, run) = (&context.plan.project, &context.run);
        match PATIENCE.with(&context.stop, LAST_TRY, || driver.resume(project, run)).await {
            Ok(ended) => ended.into_iter().for_each(|one| self.note(context, one)),
            Err(failure) => self.not_resumed(context, target, owed, &failure),
        }
    }

    fn not_resumed(&mut self, context: &Context, target: &TargetName, owed: Vec<Obligation>, failure: &Failure) {
        for one in owed {
            let end = ResumptionEnd::Failed { failure: failure.clone() };
            let (target, id, owner, what) = (target.clone(), one.id, one.run, one.what);
            self.note(context, Resumption { target, id, owner, what, end });
        }
    }

    fn note(&mut self, context: &Context, resumption: Resumption) {
        // After the steps it may be otherwise.
        if matches!(resumption.end, ResumptionEnd::Failed { .. }) && !context.plan.steps.is_empty() {
            self.open.insert(resumption.target.clone());
        }
        context.emit(EventKind::Resumed { resumption: resumption.clone() });
        self.ended.insert((resumption.target.clone(), resumption.id), resumption);
    }
}

/// Nothing happened: the same run may be tried when the job is over.
fn overdue(busy: &UnderWay, limit: Duration, stopping: bool) -> Failure {
    let UnderWay { what, pid, seconds } = busy;
    let pid = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    let message = if stopping {
        format!("the run was stopped while {what}{pid} was under way")
    } else {
        format!("{what}{pid} is under way for {seconds} s, and was awaited for {} s", limit.as_secs())
    };
    let hint = (!stopping).then(|| "run it again when the job is over, or raise `pause_wait` of the target".to_owned());
    Failure { hint, ..Failure::new(FailureClass::Interrupted, message) }
}

/// Where anything is paused or resumed.
pub(crate) fn targets(plan: &Plan) -> BTreeSet<TargetName> {
    let left = plan.left_paused.iter().map(|left| &left.target);
    plan.pauses.iter().map(|pause| &pause.target).chain(left).cloned().collect()
}

fn wanted(plan: &Plan, target: &TargetName) -> Vec<Pausable> {
    plan.pauses.iter().filter(|pause| pause.target == *target).map(|pause| pause.pausable.clone()).collect()
}

fn left(plan: &Plan, target: &TargetName) -> Vec<Obligation> {
    plan.left_paused.iter().filter(|left| left.target == *target).map(|left| left.obligation.clone()).collect()
}

fn refuse(plan: &Plan, databases: &mut Databases, target: &TargetName, failure: &Failure) {
    for pause in plan.pauses.iter().filter(|pause| pause.target == *target) {
        let what = &pause.pausable.what;
        let why = if failure.class == FailureClass::Interrupted { "does not" } else { "cannot be paused" };
        let message = format!("{what} of `{target}` has to rest meanwhile, and {why}: {}", failure.message);
        for database in &pause.works_in {
            databases.insert(database.clone(), Err(Failure { message: message.clone(), ..failure.clone() }));
        }
    }
}
