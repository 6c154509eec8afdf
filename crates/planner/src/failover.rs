//! What a run does when another server takes over from a database's server: the last transactions may be lost with the old one, so
//! everything that the run did there is looked up again. A claim finds what is there, and does again what is not.

use std::sync::Arc;

use crate::run::Run;
use crate::{Lost, StepEnd, StepIx, TargetName};

/// A server that took over from another one during a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// Its database.
    pub target: TargetName,
    /// The timeline before.
    pub from: u32,
    /// The timeline now.
    pub to: u32,
    /// The steps that were done there and are looked up again.
    pub again: Vec<StepIx>,
}

impl Run {
    /// The server of `target` is known to write on `timeline`.
    pub fn knows(&mut self, target: &TargetName, timeline: u32) {
        self.timelines.insert(self.plan.database(target).clone(), timeline);
    }

    /// The timeline that the server of a step is known to write on.
    #[must_use]
    pub fn timeline(&self, step: StepIx) -> Option<u32> {
        self.timelines.get(self.plan.database(&self.plan.step(step).target)).copied()
    }

    /// The failovers since this was asked last.
    pub fn take_failovers(&mut self) -> Vec<Failover> {
        std::mem::take(&mut self.failovers)
    }

    /// The server of `step` writes on `timeline` now.
    pub(crate) fn fail_over(&mut self, step: StepIx, timeline: u32) {
        let target = self.plan.step(step).target.clone();
        let Some(from) = self.timeline(step).filter(|known| *known != timeline) else { return };
        self.knows(&target, timeline);
        // Once it stops, the next run looks.
        if self.stopping {
            return;
        }
        let again = self.reopen(&target);
        self.failovers.push(Failover { target, from, to: timeline, again });
    }

    /// Everything done in a database is to be done, and what waits for it waits again.
    fn reopen(&mut self, target: &TargetName) -> Vec<StepIx> {
        let plan = Arc::clone(&self.plan);
        let database = plan.database(target);
        let mut again = Vec::new();
        for ix in plan.indexes().filter(|ix| plan.database(&plan.step(*ix).target) == database) {
            let state = &mut self.steps[ix.0];
            if let Some(end) = state.end.take_if(|end| end.is_done()) {
                state.before = Some(end);
                again.push(ix);
            }
        }
        self.open += again.len();
        // What they stand on may have failed since, when it was to be done again elsewhere.
        for ix in again.clone() {
            if let Some(by) = self.blocked_by(ix).filter(|_| self.steps[ix.0].end.is_none()) {
                self.close(ix, StepEnd::Blocked { by });
                self.block_descendants(ix, by);
            }
        }
        self.ready.clear();
        for ix in plan.indexes() {
            self.steps[ix.0].open_waits = plan.step(ix).waits.iter().filter(|wait| !self.is_done(wait.step)).count();
        }
        plan.indexes().for_each(|ix| self.offer(ix));
        again
    }

    /// The failed step behind what a step waits for, where that failed when it was to be done again.
    pub(crate) fn blocked_by(&self, step: StepIx) -> Option<StepIx> {
        self.plan.step(step).waits.iter().find_map(|wait| match self.steps[wait.step.0].end.as_ref()? {
            StepEnd::Done | StepEnd::AlreadyDone => None,
            StepEnd::Blocked { by } => Some(*by),
            StepEnd::Failed { .. } | StepEnd::NotStarted => Some(wait.step),
        })
    }

    fn is_done(&self, step: StepIx) -> bool {
        self.steps[step.0].end.as_ref().is_some_and(StepEnd::is_done)
    }

    /// A step was done just now: if it had been done before, that was lost, and what was done upon it stands on what it is now.
    pub(crate) fn mark_lost(&mut self, step: StepIx) {
        if self.steps[step.0].before.take().is_none() {
            return;
        }
        self.steps[step.0].lost = Some(Lost::Redone);
        let plan = Arc::clone(&self.plan);
        let database = |ix: StepIx| plan.database(&plan.step(ix).target);
        for dependent in self.dependents[step.0].clone() {
            let is_begun = self.is_busy(dependent) || self.is_done(dependent);
            if is_begun && database(dependent) != database(step) {
                self.steps[dependent.0].lost.get_or_insert(Lost::Undercut);
            }
        }
    }
}
