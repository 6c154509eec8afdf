//! The two traits every database implements: [`Driver`] for reading and preparing, [`Session`] for executing.

use std::sync::Arc;

use async_trait::async_trait;
use dunlin_planner::{
    Adoption, BatchFacts, Begun, Body, Digest, EnvironmentName, Expected, Failure, FailureClass, Health, JobRun,
    LaneKind, LedgerId, Listed, LiveJob, Log, LogEntry, Notice, Obligation, Offers, Pausable, Pressure, ProbeFact,
    ProjectName, Resumption, RunId, RunsUnder, Settlement, TargetFacts,
};

use crate::StepTask;

/// Receives what the server says while a step runs.
pub type NoticeSink = Arc<dyn Fn(Notice) + Send + Sync>;

/// One database. Reading never writes: only [`Driver::bootstrap`] and sessions change anything.
#[async_trait]
pub trait Driver: Send + Sync {
    /// What this kind of database can do at all. The conformance suite holds the driver to it.
    fn offers(&self) -> Offers;

    /// Reads identity, capabilities and ledger; creates nothing.
    ///
    /// # Errors
    /// A [`Failure`] whose class tells an unreachable server from one that refuses.
    async fn inspect(&self, project: &ProjectName) -> Result<TargetFacts, Failure>;

    /// Creates the ledger where there is none, or upgrades an older one, after checking that it can be trusted.
    ///
    /// # Errors
    /// A [`Failure`]; [`FailureClass::Estranged`](dunlin_planner::FailureClass::Estranged) when the ledger cannot be trusted.
    async fn bootstrap(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure>;

    /// The timeline that the server writes on; none where there are no such, or it cannot tell. It grows when another server
    /// takes over, which may lack the last transactions of the one before.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn timeline(&self) -> Result<Option<u32>, Failure> {
        Ok(None)
    }

    /// Whether everything that is committed here has reached the servers that have to have it.
    ///
    /// # Errors
    /// A [`Failure`], `Busy` where it has not: why what relies on it has to wait.
    async fn replicated(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Reads what may stand in the way of a run by bodies that run `under` these roles and search paths, and more that helps
    /// people: locks nothing, creates nothing, and takes seconds at most. A driver that cannot tell something says so.
    ///
    /// # Errors
    /// A [`Failure`] when nothing can be said at all.
    async fn examine(&self, under: &RunsUnder) -> Result<Health, Failure> {
        let _ = under;
        Ok(Health::default())
    }

    /// Whether each of these is so. Nothing that is made for the comparison stays. A driver that cannot tell says so.
    ///
    /// # Errors
    /// A [`Failure`] when nothing can be said at all.
    async fn verify(&self, expected: &[Expected]) -> Result<Vec<ProbeFact>, Failure> {
        Ok(vec![ProbeFact::Unknown; expected.len()])
    }

    /// What is there of the kinds of things that migrations declare, whoever made it. A driver that knows of no such things
    /// lists none.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be listed.
    async fn listed(&self) -> Result<Vec<Listed>, Failure> {
        Ok(Vec::new())
    }

    /// Opens a session for one lane; it keeps its connection until it is dropped.
    ///
    /// # Errors
    /// A [`Failure`] of class [`FailureClass::Unreachable`](dunlin_planner::FailureClass::Unreachable) or
    /// [`FailureClass::Rejected`](dunlin_planner::FailureClass::Rejected).
    async fn session(&self, lane: LaneKind) -> Result<Box<dyn Session>, Failure>;

    /// Makes of a row what a person says that it is, and writes that down: one transaction under the migration's own lock.
    ///
    /// # Errors
    /// A [`Failure`]: `Busy` while somebody works on the migration, `Estranged` when the row is not the one that was shown
    /// or something applied needs what is taken away.
    async fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure>;

    /// Gives the ledger the identity that a person says it has, and writes that down: one transaction under the lock under
    /// which ledgers are made. The ledger's identity from then on.
    ///
    /// # Errors
    /// A [`Failure`]: `Estranged` when ledger or database are not the ones that were shown.
    async fn adopt(&self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure>;

    /// Pauses `what` for the length of `run`: one transaction writes down how each is resumed, and pauses it. What went away
    /// in the meantime, or was switched off by somebody, is left out; what another run has paused is owed by both.
    ///
    /// # Errors
    /// A [`Failure`]; of class `Unknown` where it may have happened. [`Driver::resume`] settles either.
    async fn pause(&self, project: &ProjectName, run: &RunId, what: &[Pausable]) -> Result<Paused, Failure>;

    /// Resumes what `run` has paused, and what any run has that no longer lives: one transaction each. What another run
    /// needs paused stays so, and is resumed by that one.
    ///
    /// # Errors
    /// A [`Failure`] when nothing can be said of any; one that cannot be resumed is among the answers.
    async fn resume(&self, project: &ProjectName, run: &RunId) -> Result<Vec<Resumption>, Failure>;

    /// The last lines of the log about each migration, and of those about none, oldest first.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn log(&self, project: &ProjectName) -> Result<Vec<LogEntry>, Failure>;

    /// Seals what no seal covers in the log, at the end of `run` or after a repair: the head of the chain then. None where the
    /// database keeps no chain, or nothing was ever written.
    ///
    /// # Errors
    /// A [`Failure`]; whoever seals next covers the same.
    async fn seal(&self, project: &ProjectName, run: Option<&RunId>) -> Result<Option<Digest>, Failure> {
        let _ = (project, run);
        Ok(None)
    }

    /// The whole log of every project, and the rows beside it; none where there is no ledger, or the database keeps no chain.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn whole_log(&self) -> Result<Option<Log>, Failure> {
        Ok(None)
    }

    /// Runs of jobs, newest first: at most `most` of one, or of each.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn job_runs(&self, job: Option<u64>, most: u32) -> Result<Vec<JobRun>, Failure> {
        let _ = (job, most);
        Ok(Vec::new())
    }

    /// Lets a job go on or rest because a person says so, with a line in the log.
    ///
    /// # Errors
    /// A [`Failure`]; `Rejected` where there are no jobs.
    async fn say_of_job(&self, project: &ProjectName, job: &LiveJob, word: &JobWord) -> Result<(), Failure> {
        let _ = (project, job, word);
        Err(Failure::new(FailureClass::Rejected, "there are no jobs"))
    }

    /// Runs a job's command now, once, in its database and as its user, and awaits its end.
    ///
    /// # Errors
    /// A [`Failure`]; that of the command, where it is one.
    async fn run_job(&self, project: &ProjectName, job: &LiveJob) -> Result<(), Failure> {
        let _ = (project, job);
        Err(Failure::new(FailureClass::Rejected, "there are no jobs"))
    }

    /// What of `what` is at work. Where it was `paused` just now, nothing of it begins any more after this.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn under_way(&self, what: &[Pausable], paused: bool) -> Result<Vec<UnderWay>, Failure> {
        let _ = (what, paused);
        Ok(Vec::new())
    }

    /// About how many rows the backfill `body` walks over; none where the table is not there yet or was never analysed.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn estimate(&self, body: &Body) -> Result<Option<u64>, Failure>;
}

/// A person's word on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWord {
    /// Whether it is to go on.
    pub active: bool,
    /// Why.
    pub reason: Option<String>,
}

/// Something that was paused while it was at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// What, for people.
    pub what: String,
    /// The server's process, where it has one already.
    pub pid: Option<u32>,
    /// For how long, in seconds.
    pub seconds: u64,
}

/// What [`Driver::pause`] paused.
pub struct Paused {
    /// What the run owes now.
    pub obligations: Vec<Obligation>,
    /// Shows to others that the run lives, until it is dropped: then whoever comes next resumes.
    pub proof: Box<dyn Send + Sync>,
}

/// What claiming a step that runs statement by statement found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Taken {
        /// How often it was taken up, this time included: the fencing token.
        attempt: u32,
        /// Statements that are finished.
        finished: usize,
        /// What an earlier attempt saw before the next statement, where its intent is on record: it may have run since.
        pre: Option<ProbeFact>,
    },
    /// It is where the step wants it already.
    AlreadyDone,
}

/// What claiming a backfill found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchClaim {
    /// It is ours, and the next range was found. Nothing is written before that range has run.
    Taken(Begun),
    /// It is where the step wants it already.
    AlreadyDone,
}

/// One connection that executes steps, one at a time.
///
/// Dropping the future of a statement does not stop a server: to stop, call the [`Canceller::cancel`] handle and await the
/// future, which then ends with [`FailureClass::Interrupted`](dunlin_planner::FailureClass::Interrupted).
#[async_trait]
pub trait Session: Send {
    /// A handle that cancels whatever this session is doing, from another task.
    fn canceller(&self) -> Arc<dyn Canceller>;

    /// Runs a transactional step: claim, body and finish in one transaction (PROTOCOL.md 7.3).
    /// `Ok(true)` when this call did it, `Ok(false)` when it was done already.
    ///
    /// # Errors
    /// A [`Failure`]; nothing happened unless its class says otherwise.
    async fn apply(&mut self, task: &StepTask<'_>) -> Result<bool, Failure>;

    /// Claims a step that runs statement by statement (PROTOCOL.md 7.4, N0 and N1).
    ///
    /// # Errors
    /// A [`Failure`]; class `Busy` when another session holds it, with that session's pid and age in the message.
    async fn claim(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure>;

    /// Looks at the catalog for the statement at `index`.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn probe(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure>;

    /// Writes down that the statement at `index` is about to run, and what was seen before it.
    ///
    /// # Errors
    /// A [`Failure`]; `Estranged` when another attempt has taken the step over.
    async fn intend(&mut self, task: &StepTask<'_>, index: usize, seen: &ProbeFact) -> Result<(), Failure>;

    /// Removes, or completes, what was left behind of the statement at `index`.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn clean(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure>;

    /// Runs the statement at `index` by itself.
    ///
    /// # Errors
    /// A [`Failure`].
    async fn execute(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure>;

    /// Runs the statement at `index` and records its progress in one transaction.
    ///
    /// # Errors
    /// A [`Failure`]; nothing happened unless its class says otherwise.
    async fn execute_recorded(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure>;

    /// Records that the statement at `index` is finished.
    ///
    /// # Errors
    /// A [`Failure`]; `Estranged` when another attempt has taken the step over.
    async fn advance(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure>;

    /// Claims a backfill, checks that its table can be walked by its key, and finds the range behind the cursor, of `size` rows.
    ///
    /// # Errors
    /// A [`Failure`]; `Busy` when another session works on it, `Rejected` when the key has no index or may be null.
    async fn claim_batches(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure>;

    /// Runs the statement over the range that was found, moves the cursor behind it, and finds the next range, of `size`
    /// rows: one transaction. The last one also marks the step as finished and gives it back.
    ///
    /// # Errors
    /// A [`Failure`]; nothing of this range happened unless its class says otherwise, and the range stays the next one.
    async fn batch(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure>;

    /// How the server bears the work, as far as this role may see it.
    ///
    /// # Errors
    /// A [`Failure`] when the connection was lost.
    async fn pressure(&mut self) -> Result<Pressure, Failure>;

    /// Marks the claimed step as finished and gives it back.
    ///
    /// # Errors
    /// A [`Failure`]; `Estranged` when another attempt has taken the step over.
    async fn finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure>;

    /// Gives a claimed step back unfinished, as far as the connection still allows; its progress stays.
    async fn release(&mut self);
}

/// Cancels what a session is doing.
#[async_trait]
pub trait Canceller: Send + Sync {
    /// Sends one cancel request; the session's future ends soon after, or the request hit nothing.
    async fn cancel(&self);
}
