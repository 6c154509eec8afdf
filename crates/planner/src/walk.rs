//! The protocol of a step that cannot be one transaction, as a state machine: statement by statement, each with its
//! intent written before it and its progress after it (PROTOCOL.md 7.4).
//!
//! The driver answers facts (what the ledger row said, what the catalog shows); this module decides what follows. After a
//! crash at any point the next walk begins with the claim's facts and reaches the same end.

use serde::{Deserialize, Serialize};

use crate::{Body, Failure, FailureClass, Probe, StatementClass};

/// What the catalog shows of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeFact {
    /// Its effect is there, whole.
    Done,
    /// It left something unusable behind, which has to go first.
    Garbage {
        /// What, for people: "index `i` is not valid".
        what: String,
    },
    /// Nothing of it is there.
    Absent,
    /// Something else bears its name.
    Other {
        /// What, for people.
        what: String,
    },
    /// The catalog cannot tell, and doing it again does no harm.
    Repeatable,
    /// The catalog cannot tell.
    Unknown,
}

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkAction {
    /// Look at the catalog for statement `0`, and answer with [`Walk::probed`].
    Probe(usize),
    /// Write down that statement `0` is about to run, and what was seen before it, then [`Walk::done`].
    Intend(usize, ProbeFact),
    /// Remove, or complete, what was left behind of statement `0`, then [`Walk::done`].
    Clean(usize),
    /// Run statement `0` by itself, then [`Walk::done`].
    Execute(usize),
    /// Run statement `0` and record its progress in one transaction, then [`Walk::done`].
    ExecuteRecorded(usize),
    /// Record that statement `0` is finished, then [`Walk::done`].
    Advance(usize),
    /// Mark the migration as finished; the walk ends.
    Finish,
    /// Stop: a person has to decide.
    Stop(Failure),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Enter,
    Look,
    Intend,
    Clean,
    Execute,
    Verify,
    Advance,
}

/// One walk through a body's statements.
#[derive(Debug)]
pub struct Walk<'a> {
    body: &'a Body,
    index: usize,
    phase: Phase,
    /// What an earlier attempt saw before it began the current statement, which may have run since.
    pre: Option<ProbeFact>,
    /// What this attempt saw before it.
    seen: ProbeFact,
    /// Whether this attempt has cleaned up already.
    cleaned: bool,
    stopped: Option<Failure>,
}

impl<'a> Walk<'a> {
    /// Begins behind `finished` statements; `pre` is what an earlier attempt saw before the next one, where its intent is
    /// on record: it may have run since.
    #[must_use]
    pub fn new(body: &'a Body, finished: usize, pre: Option<ProbeFact>) -> Self {
        let (phase, seen) = (Phase::Enter, ProbeFact::Unknown);
        Self { body, index: finished, phase, pre, seen, cleaned: false, stopped: None }
    }

    /// What to do now; asking again without an answer gives the same action.
    #[must_use]
    pub fn action(&mut self) -> WalkAction {
        if let Some(failure) = &self.stopped {
            return WalkAction::Stop(failure.clone());
        }
        let Some(statement) = self.body.statements.get(self.index) else { return WalkAction::Finish };
        if self.phase == Phase::Enter {
            self.phase = match statement.class {
                StatementClass::Transactional => Phase::Execute,
                StatementClass::Alone { .. } => Phase::Look,
            };
        }
        match self.phase {
            Phase::Enter | Phase::Look | Phase::Verify => WalkAction::Probe(self.index),
            Phase::Intend => WalkAction::Intend(self.index, self.seen.clone()),
            Phase::Clean => WalkAction::Clean(self.index),
            Phase::Execute if self.is_recorded() => WalkAction::ExecuteRecorded(self.index),
            Phase::Execute => WalkAction::Execute(self.index),
            Phase::Advance => WalkAction::Advance(self.index),
        }
    }

    /// The current statement, counted from 1.
    #[must_use]
    pub fn statement(&self) -> usize {
        self.index + 1
    }

    /// The last action, other than a probe, succeeded.
    pub fn done(&mut self) {
        self.phase = match self.phase {
            Phase::Clean => Phase::Look,
            Phase::Intend => Phase::Execute,
            Phase::Execute if !self.is_recorded() => Phase::Verify,
            _ => {
                self.index += 1;
                (self.pre, self.cleaned) = (None, false);
                Phase::Enter
            }
        };
    }

    /// The catalog shows `fact`.
    pub fn probed(&mut self, fact: ProbeFact) {
        let before = self.phase != Phase::Verify;
        let in_doubt = self.pre.is_some();
        self.phase = match (before, &fact) {
            (true, ProbeFact::Done) if self.is_ours() => Phase::Advance,
            (true, ProbeFact::Done | ProbeFact::Absent | ProbeFact::Repeatable) if in_doubt => Phase::Execute,
            (true, ProbeFact::Done | ProbeFact::Absent | ProbeFact::Repeatable) => Phase::Intend,
            (true, ProbeFact::Garbage { .. }) if !self.cleaned => {
                self.cleaned = true;
                Phase::Clean
            }
            (true, ProbeFact::Unknown) if !in_doubt => Phase::Intend,
            (false, ProbeFact::Done | ProbeFact::Repeatable | ProbeFact::Unknown) => Phase::Advance,
            (_, fact) => return self.stop(fact, before),
        };
        self.seen = fact;
    }

    /// Whether an effect that is there is that of this statement. What was there before it was begun is not: then the
    /// server judges, and IF NOT EXISTS passes where others fail.
    fn is_ours(&self) -> bool {
        let Some(probe) = self.probe() else { return false };
        match &self.pre {
            _ if self.cleaned && matches!(probe, Probe::Detached { .. }) => true,
            Some(ProbeFact::Done) => !probe.is_judged_by_server(),
            Some(_) => true,
            None => false,
        }
    }

    fn probe(&self) -> Option<&Probe> {
        match &self.body.statements[self.index].class {
            StatementClass::Alone { probe, .. } => Some(probe),
            StatementClass::Transactional => None,
        }
    }

    fn is_recorded(&self) -> bool {
        self.body.statements[self.index].class == StatementClass::Transactional
    }

    fn stop(&mut self, fact: &ProbeFact, before: bool) {
        let statement = self.index + 1;
        let message = match fact {
            ProbeFact::Other { what } if before => format!("statement {statement} cannot run: {what}"),
            ProbeFact::Other { what } => {
                format!("statement {statement} ran, and something else bears its name: {what}")
            }
            ProbeFact::Garbage { what } if before => {
                format!("statement {statement} cannot run, for what is in its way does not go: {what}")
            }
            ProbeFact::Garbage { what } => format!("statement {statement} ran and left something unusable: {what}"),
            ProbeFact::Absent => format!("statement {statement} ran and its effect is not there"),
            _ => format!(
                "an earlier attempt was interrupted in statement {statement}, and nothing tells whether it was done"
            ),
        };
        let class = if before && *fact == ProbeFact::Unknown { FailureClass::Dirty } else { FailureClass::Rejected };
        let hint = match class {
            FailureClass::Dirty => {
                "look at the database, then add `-- dunlin: probe SELECT …` that says whether it is done"
            }
            _ if matches!(self.probe(), Some(Probe::Query(_))) => {
                "see why the query of `-- dunlin: probe …` says so, and correct it or the database, then run again"
            }
            _ => "look at the object with that name; rename or drop it, then run again",
        };
        let place = Some(self.body.place(self.index));
        self.stopped = Some(Failure { hint: Some(hint.to_owned()), place, ..Failure::new(class, message) });
    }
}

impl Probe {
    /// The answer that needs no look at the catalog, if there is one.
    #[must_use]
    pub fn settled(&self) -> Option<ProbeFact> {
        match self {
            Self::Repeat | Self::Refreshed(_) => Some(ProbeFact::Repeatable),
            Self::Unknown | Self::Piecemeal => Some(ProbeFact::Unknown),
            _ => None,
        }
    }
}
