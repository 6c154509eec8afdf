//! [`StepTask`]: a step of the plan as a session takes it, and the row that a claim of it leaves.

use std::sync::Arc;

use dunlin_planner::{
    Action, BodyGone, Dependency, Failure, FailureClass, LedgerId, LedgerRow, Pieces, ProjectName, RowState, RunId,
    Start, Step, StoredDependency, TargetName, Timestamp,
};

use crate::NoticeSink;

/// Begins to read a text that comes in pieces.
pub type OpenPieces<'a> = &'a (dyn Fn() -> Result<Pieces, BodyGone> + Send + Sync);

/// Everything a session needs to know of a step.
pub struct StepTask<'a> {
    /// The project, part of the ledger's key.
    pub project: &'a ProjectName,
    /// The run.
    pub run: &'a RunId,
    /// The step of the plan.
    pub step: &'a Step,
    /// The text that runs; empty where it comes in pieces.
    pub text: Arc<str>,
    /// That text, where it comes in pieces.
    pub pieces: Option<OpenPieces<'a>>,
    /// The timeline that its server was last known to write on: on another one nothing is begun
    /// ([`FailureClass::FailedOver`](dunlin_planner::FailureClass::FailedOver)).
    pub timeline: Option<u32>,
    /// The ledgers of the databases that the step's dependencies are in.
    pub ledgers: &'a (dyn Fn(&TargetName) -> Option<LedgerId> + Send + Sync),
    /// Takes the server's notices.
    pub notices: NoticeSink,
}

impl StepTask<'_> {
    /// What the row is to remember of the step's dependencies: those that keep binding, each with its ledger.
    #[must_use]
    pub fn dependencies(&self) -> Vec<StoredDependency> {
        let Action::Apply { after, .. } = &self.step.action else { return Vec::new() };
        let stored =
            |need: &Dependency| Some(StoredDependency { id: need.id.clone(), ledger: (self.ledgers)(&need.target)? });
        after.iter().filter(|need| need.declared).filter_map(stored).collect()
    }

    /// The row behind a claim that begins at `start`, where `old` was the row before; an attempt that is `whole` runs in one
    /// transaction. A first attempt is `by` this user, and begins `now`.
    #[must_use]
    pub fn row(&self, start: Start, whole: bool, old: Option<&LedgerRow>, (by, now): (&str, Timestamp)) -> LedgerRow {
        let row = match (&self.step.action, old) {
            (Action::Revert { .. }, Some(old)) => {
                LedgerRow { state: RowState::Reverting, run: self.run.clone(), ..old.clone() }
            }
            _ => self.first_row(by, now),
        };
        let step = old.filter(|_| start == Start::Resumed).map_or(0, |old| old.step);
        let attempt = old.map_or(0, |old| old.attempt) + 1;
        LedgerRow { transactional: whole, step, attempt, finished: None, ..row }
    }

    fn first_row(&self, by: &str, now: Timestamp) -> LedgerRow {
        let step = self.step;
        LedgerRow {
            id: step.id.clone(),
            name: step.name.clone(),
            kind: step.kind,
            transactional: false,
            state: RowState::Running,
            checksum: step.checksum,
            tokens: step.body.tokens,
            step: 0,
            begun: Vec::new(),
            run: self.run.clone(),
            attempt: 0,
            dependencies: self.dependencies(),
            started: now,
            finished: None,
            by: by.to_owned(),
            holder: None,
        }
    }

    /// For a database that keeps no jobs.
    ///
    /// # Errors
    /// A [`Failure`] of class [`FailureClass::Rejected`](dunlin_planner::FailureClass::Rejected), where the step declares jobs.
    pub fn refuse_jobs(&self) -> Result<(), Failure> {
        let Step { id, target, .. } = self.step;
        match self.step.body.jobs {
            None => Ok(()),
            Some(_) => {
                let message = format!("`{id}` declares jobs, and `{target}` keeps none");
                Err(Failure::new(FailureClass::Rejected, message))
            }
        }
    }
}
