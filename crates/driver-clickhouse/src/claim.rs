//! Taking up a migration: which row follows from the one that is there, and who may go on.
//!
//! Two things keep runs apart. The lock (see [`lock`](crate::lock)) ends with its connection. Should somebody lose it without
//! noticing, the attempt tells: it grows with every claim, every row is written only where no later attempt stands, and is read
//! back before a statement is sent. What cannot be kept away is a statement that is on its way already while its run loses the
//! lock; that is why a claim waits until no statement of an earlier attempt is among the server's processes.

use dunlin_driver::StepTask;
use dunlin_planner::{Action, Failure, FailureClass, MigrationId, Start, Timestamp};

use crate::http::Http;
use crate::ledger::{Entries, Entry};
use crate::{lock, sql};

/// Refuses to go on while the server still works on a statement of an earlier attempt.
pub(crate) async fn quiet(http: &Http, task: &StepTask<'_>) -> Result<(), Failure> {
    let prefix = sql::work_name(http.database(), task.project, &task.step.id);
    let Some((name, holder)) = lock::holders(http, &prefix).await?.into_iter().next() else { return Ok(()) };
    let statement = name.rsplit(':').next().and_then(|index| index.parse::<usize>().ok()).map_or(0, |index| index + 1);
    let message = format!(
        "statement {statement} of an earlier attempt at `{}` still runs, for {} s",
        task.step.id, holder.seconds
    );
    let hint = format!("it is awaited; `KILL QUERY WHERE query_id = '{name}'` ends it");
    Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Busy, message) })
}

/// The row after the claim; none where the step is where it is wanted already.
pub(crate) fn claimed(task: &StepTask<'_>, entries: &Entries, user: &str) -> Result<Option<Entry>, Failure> {
    let old = entries.get(&task.step.id);
    let find = |id: &MigrationId| entries.get(id).map(|entry| &entry.row);
    let rows = entries.values().map(|entry| &entry.row);
    let now = old.map(|old| &old.row);
    let Some(start) = task.step.claim(false, now, find, rows)? else { return Ok(None) };
    // The server's clock tells when, as it writes the row.
    let row = task.row(start, false, now, (user, Timestamp(0)));
    let raw = match (&task.step.action, old) {
        (Action::Revert { .. }, Some(old)) => old.raw.clone(),
        _ => task.step.body.raw.to_string(),
    };
    let pre = old.filter(|_| start == Start::Resumed).and_then(|old| old.pre.clone());
    Ok(Some(Entry { row, raw, sums: task.step.body.sums(), pre, n: 0, token: String::new() }))
}
