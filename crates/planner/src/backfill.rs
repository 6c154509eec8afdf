//! A backfill as a state machine: one statement, run over one range of keys after another, each range in a transaction of its
//! own that also moves the cursor in the ledger.
//!
//! What makes every row count exactly once is the driver's transaction alone; this module decides how large the next range
//! is, when to look at how the server bears it, when to rest, and when to give up for now. Time comes in as durations, so that
//! the tests can run it as fast as they like.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use crate::migration::milliseconds;
use crate::{Failure, FailureClass, QualifiedName};

/// Fewer rows at a time would pay for more round trips than for work.
const LEAST: u64 = 100;
/// More rows at a time would hold too many locks.
const MOST: u64 = 100_000;
/// How often the server is asked how it bears the work.
const LOOK: Duration = Duration::from_secs(1);
/// How long it rests before it asks again.
const REST: Duration = Duration::from_secs(1);
/// How long it is kept from going on, by one cause, before it gives up for now.
const PATIENCE: Duration = Duration::from_mins(15);

/// How a body is cut into ranges of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// The table whose rows are walked.
    pub table: QualifiedName,
    /// The columns that order them.
    pub key: Vec<String>,
    /// Where the range stands in the text, at least once.
    pub places: Vec<BatchPlace>,
    /// How fast it goes.
    #[serde(flatten)]
    pub pace: Pace,
}

/// A placeholder for the range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchPlace {
    /// Its bytes in the text that runs.
    pub range: Range<usize>,
    /// The table's alias in the statement, where one is written.
    pub alias: Option<String>,
}

/// How fast a backfill goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// Rows in the first range.
    pub size: u64,
    /// How long a range is to take; without it every range has [`Pace::size`] rows.
    #[serde(serialize_with = "milliseconds")]
    pub time: Option<Duration>,
    /// It rests while a replica lags behind by more than this.
    #[serde(serialize_with = "milliseconds")]
    pub lag: Option<Duration>,
    /// It rests while a transaction is older than this: what it leaves behind could not be cleaned up.
    #[serde(serialize_with = "milliseconds")]
    pub age: Option<Duration>,
}

impl Pace {
    /// The usual limits, beginning with ranges of `size` rows.
    #[must_use]
    pub fn of(size: u64) -> Self {
        Self {
            size,
            time: Some(Duration::from_millis(200)),
            lag: Some(Duration::from_secs(5)),
            age: Some(Duration::from_mins(15)),
        }
    }
}

/// Where a backfill stood when it was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begun {
    /// Ranges that are done.
    pub batches: u32,
    /// Rows in them.
    pub rows: u64,
    /// About how many rows the table has.
    pub total: Option<u64>,
}

/// What one range came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchFacts {
    /// Rows in it.
    pub rows: u64,
    /// Rows that the statement changed.
    pub changed: u64,
    /// Whether it was the last one: the step is done.
    pub last: bool,
}

/// How the server bears the work, as far as the role may see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pressure {
    /// The replica that is furthest behind, and by how much.
    pub lag: Option<(String, Duration)>,
    /// The oldest transaction of others in this database, and its age.
    pub oldest: Option<(String, Duration)>,
}

/// How far a backfill is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BackfillProgress {
    /// Ranges that are done.
    pub batch: u32,
    /// Rows in them.
    pub rows: u64,
    /// Rows that this attempt changed.
    pub changed: u64,
    /// About how many rows the table has.
    pub total: Option<u64>,
    /// Rows in the next range.
    pub size: u64,
    /// Rows per second in this attempt.
    pub rate: f64,
}

impl BackfillProgress {
    /// How long the rest takes at this rate, where the number of rows is known.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "this is an estimate")]
        let rest = self.total?.saturating_sub(self.rows) as f64;
        // Without a rate the quotient is no time.
        Duration::try_from_secs_f64(rest / self.rate).ok()
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillAction {
    /// Ask the server, and answer with [`Backfill::measured`].
    Measure,
    /// Rest, then [`Backfill::rested`].
    Rest {
        /// How long.
        rest: Duration,
        /// Why, for people.
        why: String,
    },
    /// Run the range that was found, and find the one behind it, of `size` rows; answer with [`Backfill::ran`], or with
    /// [`Backfill::collided`].
    Batch {
        /// Rows in the next range.
        size: u64,
    },
    /// Every range is done.
    Done,
    /// It gives up for now; what is done stays done.
    Stop(Failure),
}

/// One attempt at a backfill.
#[derive(Debug)]
pub struct Backfill {
    pace: Pace,
    next: BackfillAction,
    size: u64,
    begun: Begun,
    batches: u32,
    rows: u64,
    changed: u64,
    /// Time since the attempt began, rests included.
    took: Duration,
    unmeasured: Duration,
    /// Since when, and for which reason, nothing went on.
    held: Duration,
    collisions: u32,
}

impl Backfill {
    /// An attempt that goes on where an earlier one stopped.
    #[must_use]
    pub fn new(batch: &Batch, begun: Begun) -> Self {
        Self {
            size: batch.pace.size,
            pace: batch.pace.clone(),
            next: BackfillAction::Measure,
            begun,
            batches: 0,
            rows: 0,
            changed: 0,
            took: Duration::ZERO,
            unmeasured: Duration::ZERO,
            held: Duration::ZERO,
            collisions: 0,
        }
    }

    /// What to do now; asking again without an answer gives the same action.
    #[must_use]
    pub fn action(&self) -> BackfillAction {
        self.next.clone()
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> BackfillProgress {
        #[expect(clippy::cast_precision_loss, reason = "this is an estimate")]
        let rows = self.rows as f64;
        let seconds = self.took.as_secs_f64();
        BackfillProgress {
            batch: self.begun.batches + self.batches,
            rows: self.begun.rows + self.rows,
            changed: self.changed,
            total: self.begun.total,
            size: self.size,
            rate: if seconds > 0.0 { rows / seconds } else { 0.0 },
        }
    }

    /// The server bears it like this.
    pub fn measured(&mut self, pressure: &Pressure) {
        self.unmeasured = Duration::ZERO;
        let strain = self.strain(pressure);
        if strain.is_none() {
            self.held = Duration::ZERO;
        }
        self.next = match strain {
            None => BackfillAction::Batch { size: self.size },
            Some(why) if self.held >= PATIENCE => give_up(&why),
            Some(why) => BackfillAction::Rest { rest: REST, why },
        };
    }

    fn strain(&self, pressure: &Pressure) -> Option<String> {
        let over = |limit: Option<Duration>, seen: &Option<(String, Duration)>| {
            let (who, by) = seen.as_ref()?;
            limit.is_some_and(|limit| *by > limit).then(|| (who.clone(), by.as_secs()))
        };
        if let Some((who, by)) = over(self.pace.lag, &pressure.lag) {
            return Some(format!("replica {who} is {by} s behind"));
        }
        let (who, by) = over(self.pace.age, &pressure.oldest)?;
        Some(format!("the transaction of {who} is {by} s old"))
    }

    /// The rest is over.
    pub fn rested(&mut self) {
        if let BackfillAction::Rest { rest, .. } = self.next {
            self.held += rest;
            self.took += rest;
        }
        self.next =
            if self.collisions > 0 { BackfillAction::Batch { size: self.size } } else { BackfillAction::Measure };
    }

    /// A range is done, `took` after it was begun.
    pub fn ran(&mut self, facts: BatchFacts, took: Duration) {
        self.batches += 1;
        self.rows += facts.rows;
        self.changed += facts.changed;
        self.took += took;
        self.unmeasured += took;
        (self.collisions, self.held) = (0, Duration::ZERO);
        self.adapt(facts.rows, took);
        self.next = match facts.last {
            true => BackfillAction::Done,
            false if self.unmeasured >= LOOK => BackfillAction::Measure,
            false => BackfillAction::Batch { size: self.size },
        };
    }

    /// Towards as many rows as fit into the time that a range is to take, by no more than half or double at once.
    fn adapt(&mut self, rows: u64, took: Duration) {
        let Some(time) = self.pace.time else { return };
        let fitting = u128::from(rows) * time.as_micros() / took.as_micros().max(1);
        let fitting = u64::try_from(fitting).unwrap_or(u64::MAX).clamp(self.size / 2, self.size.saturating_mul(2));
        self.size = fitting.clamp(LEAST.min(self.pace.size), MOST.max(self.pace.size));
    }

    /// Nothing of the range happened, because something of others was in the way; it is tried again, and what follows it
    /// is smaller.
    pub fn collided(&mut self, failure: Failure, took: Duration) {
        self.took += took;
        self.held += took;
        if self.held >= PATIENCE {
            self.next = BackfillAction::Stop(failure);
            return;
        }
        if self.pace.time.is_some() {
            self.size = (self.size / 2).max(LEAST.min(self.pace.size));
        }
        let rest = Duration::from_millis(100 << self.collisions.min(6));
        self.collisions += 1;
        self.next = BackfillAction::Rest { rest, why: failure.message };
    }
}

fn give_up(why: &str) -> BackfillAction {
    let message = format!("the backfill waited {} minutes because {why}", PATIENCE.as_secs() / 60);
    let hint =
        "what is done stays done: run again when that is over, or change `lag=…` or `age=…` in `-- dunlin: batch`";
    BackfillAction::Stop(Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Busy, message) })
}
