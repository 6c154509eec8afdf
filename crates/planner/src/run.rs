//! The run as a state machine: which step starts next, what follows from how one ended. No clock, no threads.
//!
//! The engine asks [`Run::next`] until it says to wait, does what it is told, and reports with [`Run::on`]. Time comes in as
//! durations since the run began, so that a simulation can run it as fast as it likes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::event::LaneKind;
use crate::{Class, Failover, Lost, Place, Plan, RunId, RunReport, StepEnd, StepIx, StepReport, TargetName};

/// How many steps that run statement by statement go on side by side in one database: each has a connection, and index builds
/// are work for the server's disks.
pub(crate) const LONG_LANES: usize = 4;

/// What a failure means for the step and for the run (PROTOCOL.md 7.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// Something held a lock, or two transactions collided: nothing happened, and it is tried again.
    Busy,
    /// The server could not be reached: nothing happened, and it is tried again.
    Unreachable,
    /// The connection was lost: the next claim finds out what happened.
    Unknown,
    /// Another server has taken over: nothing happened, and what the run did before may be lost.
    FailedOver,
    /// The run was asked to stop, and the statement was cancelled: nothing happened.
    Interrupted,
    /// It is done, and was not yet replicated to the synchronous standbys when the run was asked to stop.
    Unreplicated,
    /// The server, or Dunlin on its behalf, said no; nothing happened, and trying again would not help.
    Rejected,
    /// The database is not the one that was planned for, or its past differs from the plan's.
    Estranged,
    /// The migration stopped half way; a person has to decide.
    Dirty,
    /// The configuration of the target cannot be used: no server was asked.
    Misconfigured,
}

impl FailureClass {
    /// What it means where it keeps anything from being planned.
    #[must_use]
    pub fn finding(self) -> Class {
        match self {
            Self::Busy
            | Self::Unreachable
            | Self::Unknown
            | Self::FailedOver
            | Self::Interrupted
            | Self::Unreplicated => Class::Blocked,
            Self::Rejected => Class::Failed,
            Self::Estranged => Class::Drift,
            Self::Dirty => Class::Dirty,
            Self::Misconfigured => Class::Invalid,
        }
    }
}

/// Why a step did not get done, with everything a person needs to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it means.
    pub class: FailureClass,
    /// One sentence; a server's message as it came.
    pub message: String,
    /// The SQLSTATE, where the server gave one.
    pub sqlstate: Option<String>,
    /// The server's detail.
    pub detail: Option<String>,
    /// The server's hint, or ours.
    pub hint: Option<String>,
    /// The server's context, such as the lines of a function.
    pub context: Option<String>,
    /// The place in the user's file.
    pub place: Option<Place>,
}

impl Failure {
    /// A failure with a message alone.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), sqlstate: None, detail: None, hint: None, context: None, place: None }
    }
}

/// How long and how often things are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a step may be kept waiting by locks, all attempts together.
    pub busy: Duration,
    /// How long a server may be out of reach.
    pub unreachable: Duration,
    /// How often a lost connection is followed up.
    pub unknown: u32,
    /// Whether the first failure starts nothing new.
    pub fail_fast: bool,
    /// Seed of the jitter between attempts.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            busy: Duration::from_mins(15),
            unreachable: Duration::from_mins(5),
            unknown: 10,
            fail_fast: false,
            seed: 0,
        }
    }
}

/// What the engine is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Start this step.
    Start {
        /// Which.
        step: StepIx,
        /// In which lane of its database.
        lane: LaneKind,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// Wait for a running step, or until this time when it comes first.
    Wait {
        /// Time since the run began.
        until: Option<Duration>,
    },
    /// Every step has come to its end.
    Finished,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This attempt did it.
    Done,
    /// It was done already.
    AlreadyDone,
    /// It did not get done.
    Failed(Failure),
    /// Its server writes on this timeline, and not on the one that the run knew: nothing was begun.
    FailedOver {
        /// The timeline now.
        timeline: u32,
        /// For whoever is stopped now.
        failure: Failure,
    },
    /// Its database was waited for long enough before the run: it does not get done in this run.
    Refused(Failure),
}

#[derive(Debug, Default)]
pub(crate) struct StepState {
    pub(crate) open_waits: usize,
    attempts: u32,
    began: Option<Duration>,
    troubles: BTreeMap<FailureClass, Trouble>,
    took: Duration,
    rows: Option<u64>,
    pub(crate) end: Option<StepEnd>,
    /// How it ended on a server that another one took over from.
    pub(crate) before: Option<StepEnd>,
    pub(crate) lost: Option<Lost>,
}

/// How one class of failure kept a step from getting done; each has a patience of its own.
#[derive(Debug)]
struct Trouble {
    since: Duration,
    times: u32,
}

type Lane = (TargetName, LaneKind);

/// The tables that a step works on outside transactions; none where they are not known. Without schemas: a name without one
/// may be in any.
type Tables = Option<BTreeSet<String>>;

/// Steps that could start, the one with the longest path behind it first.
type Queue = BinaryHeap<(usize, Reverse<StepIx>)>;

/// One execution of a plan.
#[derive(Debug)]
pub struct Run {
    pub(crate) plan: Arc<Plan>,
    id: RunId,
    limits: Limits,
    pub(crate) steps: Vec<StepState>,
    pub(crate) dependents: Vec<Vec<StepIx>>,
    tables: Vec<Tables>,
    pub(crate) ready: BTreeMap<(Lane, Tables), Queue>,
    resting: BTreeSet<(Duration, StepIx)>,
    busy: BTreeMap<Lane, BTreeSet<StepIx>>,
    pub(crate) timelines: BTreeMap<TargetName, u32>,
    pub(crate) failovers: Vec<Failover>,
    pub(crate) open: usize,
    ended: Vec<StepIx>,
    pub(crate) stopping: bool,
    interrupted: bool,
}

impl Run {
    /// A run of `plan` that has not started anything.
    #[must_use]
    pub fn new(plan: Arc<Plan>, id: RunId, limits: Limits) -> Self {
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        let mut steps = Vec::with_capacity(plan.steps.len());
        for ix in plan.indexes() {
            let waits = &plan.step(ix).waits;
            waits.iter().for_each(|wait| dependents[wait.step.0].push(ix));
            steps.push(StepState { open_waits: waits.len(), ..StepState::default() });
        }
        let tables = |ix: StepIx| {
            let step = plan.step(ix);
            let tables = step.body.tables().filter(|_| step.lane() == LaneKind::Long)?;
            Some(tables.into_iter().map(|table| table.name.clone()).collect())
        };
        let tables = plan.indexes().map(tables).collect();
        let open = steps.len();
        let mut run = Self {
            plan,
            id,
            limits,
            tables,
            steps,
            dependents,
            ready: BTreeMap::new(),
            resting: BTreeSet::new(),
            busy: BTreeMap::new(),
            timelines: BTreeMap::new(),
            failovers: Vec::new(),
            open,
            ended: Vec::new(),
            stopping: false,
            interrupted: false,
        };
        for ix in run.plan.indexes() {
            if run.steps[ix.0].open_waits == 0 {
                run.enqueue(ix);
            }
        }
        run
    }

    /// What to do at `now`, the time since the run began.
    pub fn next(&mut self, now: Duration) -> Next {
        while let Some((_, ix)) = self.resting.first().copied().filter(|(until, _)| *until <= now) {
            self.resting.pop_first();
            self.offer(ix);
        }
        if let Some((lane, ix)) = self.pick() {
            let state = &mut self.steps[ix.0];
            state.attempts += 1;
            state.began.get_or_insert(now);
            let next = Next::Start { step: ix, lane: lane.1, attempt: state.attempts };
            self.busy.entry(lane).or_default().insert(ix);
            return next;
        }
        if self.open == 0 {
            return Next::Finished;
        }
        Next::Wait { until: self.resting.first().map(|(until, _)| *until) }
    }

    /// An attempt of `step` ended at `now`; says how long the step rests when it is to be tried again.
    pub fn on(&mut self, step: StepIx, outcome: Outcome, now: Duration) -> Option<Duration> {
        let lane = self.lane(step);
        self.busy.entry(lane).or_default().remove(&step);
        match outcome {
            Outcome::Done => {
                self.mark_lost(step);
                self.end(step, StepEnd::Done, now);
            }
            Outcome::AlreadyDone => {
                let end = self.steps[step.0].before.take().unwrap_or(StepEnd::AlreadyDone);
                self.end(step, end, now);
            }
            Outcome::Refused(failure) => self.end(step, StepEnd::Failed { failure }, now),
            Outcome::Failed(failure) => return self.fail(step, failure, now),
            Outcome::FailedOver { timeline, failure } => {
                let rest = self.fail(step, failure, now);
                self.fail_over(step, timeline);
                return rest;
            }
        }
        None
    }

    fn fail(&mut self, step: StepIx, failure: Failure, now: Duration) -> Option<Duration> {
        let rest = self.rest(step, failure.class, now);
        match (rest, self.blocked_by(step)) {
            (Some(rest), None) => {
                self.resting.insert((now + rest, step));
                return Some(rest);
            }
            (Some(_), Some(by)) => self.end(step, StepEnd::Blocked { by }, now),
            (None, _) => self.end(step, StepEnd::Failed { failure }, now),
        }
        None
    }

    /// The backfill of `step` changed this many rows, beside those of its earlier attempts.
    pub fn count(&mut self, step: StepIx, rows: u64) {
        *self.steps[step.0].rows.get_or_insert(0) += rows;
    }

    /// Starts nothing new from here on; what runs is still waited for.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.interrupted = true;
        self.abandon();
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// The steps that came to their end since this was asked last, in that order.
    pub fn take_ended(&mut self) -> Vec<StepReport> {
        std::mem::take(&mut self.ended).into_iter().map(|step| self.line(step)).collect()
    }

    /// The report, at `now`; steps without an end count as not started.
    #[must_use]
    pub fn report(&self, now: Duration) -> RunReport {
        let steps = self.plan.indexes().map(|step| self.line(step)).collect();
        RunReport {
            run: self.id.clone(),
            steps,
            resumptions: Vec::new(),
            heads: Vec::new(),
            took: now,
            interrupted: self.interrupted,
        }
    }

    fn line(&self, step: StepIx) -> StepReport {
        let state = &self.steps[step.0];
        let end = state.end.clone().unwrap_or(StepEnd::NotStarted);
        StepReport { step, end, took: state.took, attempts: state.attempts, rows: state.rows, lost: state.lost }
    }

    pub(crate) fn close(&mut self, step: StepIx, end: StepEnd) {
        self.steps[step.0].end = Some(end);
        self.open -= 1;
        self.ended.push(step);
    }

    fn lane(&self, ix: StepIx) -> Lane {
        let step = self.plan.step(ix);
        (self.plan.database(&step.target).clone(), step.lane())
    }

    /// Makes a step ready if nothing is left that it waits for, and it neither runs nor rests.
    pub(crate) fn offer(&mut self, ix: StepIx) {
        let state = &self.steps[ix.0];
        let idle = state.open_waits == 0 && state.end.is_none();
        if idle && !self.is_busy(ix) && !self.resting.iter().any(|(_, resting)| *resting == ix) {
            self.enqueue(ix);
        }
    }

    pub(crate) fn is_busy(&self, ix: StepIx) -> bool {
        self.busy.get(&self.lane(ix)).is_some_and(|running| running.contains(&ix))
    }

    fn enqueue(&mut self, ix: StepIx) {
        let remaining = self.plan.step(ix).remaining;
        let queue = (self.lane(ix), self.tables[ix.0].clone());
        self.ready.entry(queue).or_default().push((remaining, Reverse(ix)));
    }

    /// The ready step with the longest path behind it, among those that their lanes have room for.
    fn pick(&mut self) -> Option<(Lane, StepIx)> {
        let firsts = self.ready.iter().filter_map(|(queue, heap)| Some((*heap.peek()?, queue)));
        let fitting = firsts.filter(|(_, (lane, tables))| self.has_room(lane, tables.as_ref()));
        let ((_, Reverse(ix)), queue) = fitting.max_by_key(|(first, _)| *first)?;
        let queue = queue.clone();
        let heap = self.ready.get_mut(&queue)?;
        heap.pop();
        if heap.is_empty() {
            self.ready.remove(&queue);
        }
        Some((queue.0, ix))
    }

    /// Whether `lane` has room for a step on `tables` beside what runs there: two index builds on one table would wait for
    /// each other, and one of them would die of it.
    fn has_room(&self, lane: &Lane, tables: Option<&BTreeSet<String>>) -> bool {
        let Some(running) = self.busy.get(lane).filter(|running| !running.is_empty()) else { return true };
        let Some(tables) = tables.filter(|_| lane.1 == LaneKind::Long && running.len() < LONG_LANES) else {
            return false;
        };
        running.iter().all(|other| self.tables[other.0].as_ref().is_some_and(|other| tables.is_disjoint(other)))
    }

    fn end(&mut self, step: StepIx, end: StepEnd, now: Duration) {
        let state = &mut self.steps[step.0];
        state.took = now.saturating_sub(state.began.unwrap_or(now));
        let done = end.is_done();
        self.close(step, end);
        if done {
            self.release(step);
        } else {
            self.block_descendants(step, step);
            if self.limits.fail_fast {
                self.stopping = true;
            }
        }
        if self.stopping {
            self.abandon();
        }
    }

    fn release(&mut self, step: StepIx) {
        for dependent in self.dependents[step.0].clone() {
            let state = &mut self.steps[dependent.0];
            state.open_waits -= 1;
            self.offer(dependent);
        }
    }

    /// What waits for `step` does not get done, since `by` failed.
    pub(crate) fn block_descendants(&mut self, step: StepIx, by: StepIx) {
        let mut stack = self.dependents[step.0].clone();
        while let Some(ix) = stack.pop() {
            if self.steps[ix.0].end.is_some() {
                continue;
            }
            // One that runs was begun upon what is being done again after a failover: it is let to its own end.
            if !self.is_busy(ix) {
                self.close(ix, StepEnd::Blocked { by });
            }
            stack.extend(&self.dependents[ix.0]);
        }
    }

    /// Ends every step that is not running at this moment.
    fn abandon(&mut self) {
        self.ready.clear();
        self.resting.clear();
        for ix in self.plan.indexes() {
            if self.steps[ix.0].end.is_none() && !self.is_busy(ix) {
                self.close(ix, StepEnd::NotStarted);
            }
        }
    }

    /// How long the step rests before its next attempt; none means that there is no next one.
    fn rest(&mut self, step: StepIx, class: FailureClass, now: Duration) -> Option<Duration> {
        let stopping = self.stopping;
        let state = &mut self.steps[step.0];
        let trouble = state.troubles.entry(class).or_insert(Trouble { since: now, times: 0 });
        trouble.times += 1;
        let since = now.saturating_sub(trouble.since);
        let again = match class {
            FailureClass::Busy => since < self.limits.busy,
            FailureClass::Unreachable => since < self.limits.unreachable,
            FailureClass::Unknown | FailureClass::FailedOver => trouble.times <= self.limits.unknown,
            FailureClass::Interrupted
            | FailureClass::Unreplicated
            | FailureClass::Rejected
            | FailureClass::Estranged
            | FailureClass::Dirty
            | FailureClass::Misconfigured => false,
        };
        (again && !stopping).then(|| backoff(state.attempts, self.limits.seed ^ step.0 as u64))
    }
}

/// Full jitter between 50 ms and a bound that doubles from 100 ms to a minute (AWS's "full jitter").
fn backoff(attempt: u32, seed: u64) -> Duration {
    let bound = 100u64.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(60_000);
    Duration::from_millis(50 + mix(seed.wrapping_add(u64::from(attempt) << 32)) % bound)
}

/// SplitMix64, the mixing function of Steele, Lea and Flood (2014): enough randomness for jitter, repeatable from its seed.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
