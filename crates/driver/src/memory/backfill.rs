//! Backfills in memory: a range of keys and the cursor behind it change together, or not at all.

use std::ops::Bound::{Excluded, Unbounded};

use dunlin_planner::FailureClass::{Estranged, Unknown};
use dunlin_planner::{BatchFacts, Begun, Failure};

use super::database::{Row, State};
use super::fault::Act;
use super::session::{MemorySession, claim, end_state, finished};
use crate::{BatchClaim, StepTask};

/// The next range: its last key, its rows, and the row of the ledger that it goes on from.
pub(super) struct Ahead {
    row: Row,
    /// None where there are no rows.
    upto: Option<u64>,
    rows: u64,
    last: bool,
}

impl Ahead {
    /// The range of `size` rows behind the row's cursor.
    fn find(state: &State, table: &str, row: Row, size: u64) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let after = row.cursor.0.map_or(Unbounded, Excluded);
        let keys = state.tables.get(table).into_iter().flat_map(|rows| rows.range((after, Unbounded)));
        let keys: Vec<u64> = keys.map(|(key, _)| *key).take(size).collect();
        Self { row, upto: keys.last().copied(), rows: keys.len() as u64, last: keys.len() < size }
    }
}

fn table(task: &StepTask<'_>) -> String {
    task.step.body.batch.as_ref().map(|batch| batch.table.name.clone()).unwrap_or_default()
}

impl MemorySession {
    pub(super) fn claim_ranges(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure> {
        let key = Self::key(task);
        self.try_lock(&key)?;
        let table = table(task);
        let found = self.act(
            &Act::Claim(key.1.clone()),
            |state| {
                let Some(row) = claim(state, task, false)? else { return Ok(None) };
                let begun = Begun {
                    batches: row.row.step,
                    rows: row.cursor.1,
                    total: state.tables.get(&table).map(|rows| rows.len() as u64),
                };
                Ok(Some((Ahead::find(state, &table, row, size), begun)))
            },
            |_| (),
        );
        match found {
            Ok(Some((ahead, begun))) => {
                self.ahead = Some(ahead);
                Ok(BatchClaim::Taken(begun))
            }
            ended => {
                self.unlock_all();
                ended.map(|_| BatchClaim::AlreadyDone)
            }
        }
    }

    pub(super) fn run_range(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure> {
        let lost = || Failure::new(Unknown, "this step's claim was lost with its connection");
        let Ahead { row, upto, rows, last } = self.ahead.take().ok_or_else(lost)?;
        let (key, table, number) = (Self::key(task), table(task), row.row.step);
        let ended = self.act(
            &Act::Batch(key.1.clone(), number),
            |state| {
                if state.rows.get(&key).is_some_and(|now| now.row.attempt > row.row.attempt) {
                    return Err(Failure::new(Estranged, format!("another attempt has taken over `{}`", key.1)));
                }
                let hit = state.tables.entry(table.clone()).or_default();
                let hit = hit.range_mut((row.cursor.0.map_or(Unbounded, Excluded), Unbounded));
                let hit = hit.take_while(|(key, _)| upto.is_some_and(|upto| **key <= upto));
                let changed = hit.map(|(_, count)| *count += 1).count() as u64;
                let mut row = row.clone();
                (row.row.step, row.cursor) = (number + 1, (upto.or(row.cursor.0), row.cursor.1 + rows));
                if last {
                    finished(state, &key, &mut row, end_state(&task.step.action));
                }
                state.rows.insert(key.clone(), row.clone());
                let ahead = (!last).then(|| Ahead::find(state, &table, row, size));
                Ok((ahead, BatchFacts { rows, changed, last }))
            },
            |_| (),
        );
        match ended {
            Ok((Some(ahead), facts)) => {
                self.ahead = Some(ahead);
                Ok(facts)
            }
            Ok((None, facts)) => {
                self.unlock_all();
                Ok(facts)
            }
            Err(failure) => {
                // Nothing of it happened, unless the connection is gone: the range stays the next one.
                if failure.class != Unknown {
                    self.ahead = Some(Ahead { row, upto, rows, last });
                }
                Err(failure)
            }
        }
    }
}
