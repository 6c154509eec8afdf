//! How a run ended, step by step: what the summary shows and the exit code follows from.

use std::time::Duration;

use serde::Serialize;

use crate::event::seconds;
use crate::{Digest, Failure, FailureClass, Resumption, ResumptionEnd, RunId, StepIx, TargetName};

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum StepEnd {
    /// This run did it.
    Done,
    /// Another run had done it in the meantime.
    AlreadyDone,
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// A step it waits for did not get done.
    Blocked {
        /// The failed step at the beginning of that chain.
        by: StepIx,
    },
    /// The run was stopped before its turn came.
    NotStarted,
}

impl StepEnd {
    /// Whether the migration is where the step wanted it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone)
    }
}

/// One step's line in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Which step of the plan.
    pub step: StepIx,
    /// How it ended.
    #[serde(flatten)]
    pub end: StepEnd,
    /// From its first start to its end; zero when it was not started.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// How often it was tried.
    pub attempts: u32,
    /// Rows that its backfill changed in this run.
    pub rows: Option<u64>,
    /// What a failover did to it.
    pub lost: Option<Lost>,
}

/// What became of a step when another server took over and lacked the last transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lost {
    /// It was lost, and done again.
    Redone,
    /// What it needs in another database was lost after it was done, and done again.
    Undercut,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Which run.
    pub run: RunId,
    /// Every step of the plan, in its order.
    pub steps: Vec<StepReport>,
    /// What was paused, by this run or by earlier ones, and what became of it.
    pub resumptions: Vec<Resumption>,
    /// The heads of the chains over the logs of the databases it worked in; kept elsewhere, they show later whether a log was
    /// written anew.
    pub heads: Vec<Head>,
    /// From its beginning to its end.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// Whether it was asked to stop.
    pub interrupted: bool,
}

/// How far a database's log is sealed at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The database.
    pub target: TargetName,
    /// The hash of the last seal.
    pub hash: Option<Digest>,
    /// Why it was not sealed; the next run does.
    pub failure: Option<Failure>,
}

/// What a run's end means for whoever started it; the command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All steps are done.
    Done,
    /// Something stood in the way that may be gone the next time, or the run was interrupted.
    Blocked,
    /// A step failed.
    Failed,
    /// A database is not the one it was.
    Drift,
    /// A migration stopped half way and needs a decision.
    Dirty,
}

impl RunReport {
    /// The gravest of what happened.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let steps = self.steps.iter().map(|step| match &step.end {
            StepEnd::Done | StepEnd::AlreadyDone => Verdict::Done,
            StepEnd::Blocked { .. } | StepEnd::NotStarted => Verdict::Blocked,
            StepEnd::Failed { failure } => Verdict::of(failure.class),
        });
        let resumptions = self.resumptions.iter().map(|resumption| match &resumption.end {
            ResumptionEnd::Resumed | ResumptionEnd::StillNeeded | ResumptionEnd::Gone => Verdict::Done,
            ResumptionEnd::Failed { failure } => Verdict::of(failure.class),
        });
        steps.chain(resumptions).max().unwrap_or(Verdict::Done)
    }
}

impl Verdict {
    fn of(class: FailureClass) -> Self {
        match class {
            FailureClass::Busy
            | FailureClass::Unreachable
            | FailureClass::Unknown
            | FailureClass::FailedOver
            | FailureClass::Interrupted
            | FailureClass::Unreplicated => Self::Blocked,
            FailureClass::Rejected | FailureClass::Misconfigured => Self::Failed,
            FailureClass::Estranged => Self::Drift,
            FailureClass::Dirty => Self::Dirty,
        }
    }
}
