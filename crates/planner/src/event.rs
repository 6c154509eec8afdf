//! What happens while a plan runs, as one closed enum: terminal, log and report all fold this stream.

use std::time::Duration;

use serde::Serialize;

use crate::{BackfillProgress, Failure, Resumption, RunId, StepEnd, StepIx, TargetName, Timestamp};

/// One thing that happened, stamped by the engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When, by the clock of the machine that runs Dunlin.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Which of a database's lanes a step runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneKind {
    /// Transactional steps, one after another.
    Main,
    /// Steps that run statement by statement, such as index builds, so that a long one blocks nobody else's.
    Long,
    /// Backfills, which hold nothing between two of their transactions.
    Batch,
}

/// A notice or warning of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The server's word: NOTICE, WARNING, INFO, LOG.
    pub severity: String,
    /// What it says.
    pub message: String,
    /// What it adds.
    pub detail: Option<String>,
    /// What it advises.
    pub hint: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// The run's identity.
        run: RunId,
        /// How many steps its plan has.
        steps: usize,
    },
    /// A ledger was created or upgraded.
    LedgerReady {
        /// Where.
        target: TargetName,
    },
    /// Something that goes on by itself was paused.
    Paused {
        /// The database whose ledger says so.
        target: TargetName,
        /// What, for people.
        what: String,
    },
    /// What was paused is still under way, and awaited.
    Awaited {
        /// The database whose ledger says that it is paused.
        target: TargetName,
        /// What, for people.
        what: Vec<String>,
    },
    /// Something that was paused came to its end as that.
    Resumed {
        /// What became of it.
        #[serde(flatten)]
        resumption: Resumption,
    },
    /// A step was handed to its database.
    StepStarted {
        /// Which.
        step: StepIx,
        /// In which lane.
        lane: LaneKind,
        /// Which attempt of this run, from 1.
        attempt: u32,
    },
    /// One statement of a step that runs statement by statement begins.
    StatementStarted {
        /// Which step.
        step: StepIx,
        /// The statement, from 0.
        index: usize,
        /// How many there are.
        of: usize,
    },
    /// One range of a backfill is done.
    BatchDone {
        /// Which step.
        step: StepIx,
        /// How far it is.
        #[serde(flatten)]
        progress: BackfillProgress,
    },
    /// A backfill rests before it goes on.
    BackfillRests {
        /// Which step.
        step: StepIx,
        /// How long.
        #[serde(serialize_with = "seconds")]
        rest: Duration,
        /// Why, for people.
        why: String,
    },
    /// The server said something while a step ran.
    Noticed {
        /// Which step.
        step: StepIx,
        /// What it said.
        notice: Notice,
    },
    /// Another server has taken over.
    FailedOver {
        /// Its database.
        target: TargetName,
        /// The timeline before.
        from: u32,
        /// The timeline now.
        to: u32,
        /// How many steps were done there and are looked up again.
        again: usize,
    },
    /// A step will be tried again.
    StepRetried {
        /// Which.
        step: StepIx,
        /// What stood in its way.
        failure: Failure,
        /// How long it rests before.
        #[serde(serialize_with = "seconds")]
        rest: Duration,
    },
    /// A step came to its end.
    StepEnded {
        /// Which.
        step: StepIx,
        /// How.
        end: StepEnd,
        /// From its first start to its end.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// Nothing new is started from here on.
    Stopping,
    /// The run is over.
    RunEnded {
        /// From its beginning.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
}

pub(crate) fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
