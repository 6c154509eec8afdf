//! Taking up a migration: which row follows from the one that is there, and who may go on.
//!
//! Two things keep runs apart. The lock (see [`lock`](crate::lock)) ends with its connection. Should somebody lose it without
//! noticing, the attempt tells: it grows with every claim, every row is written only where no later attempt stands, and is read
//! back before a statement is sent. What cannot be kept away is a statement that is on its way already while its run loses the
//! lock; that is why a claim waits until no statement of an earlier attempt is among the server's processes.

use dunlin_driver::StepTask;
use dunlin_planner::{
    Action, Dependency, Digest, Failure, FailureClass, Kind, LedgerRow, MigrationId, RowState, StoredDependency,
    Timestamp,
};

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
    match &task.step.action {
        Action::Apply { after, .. } => apply(task, entries, old, (after, user)),
        Action::Revert { dependents } => revert(task, entries, old, dependents),
    }
}

fn apply(
    task: &StepTask<'_>,
    entries: &Entries,
    old: Option<&Entry>,
    (after, user): (&[Dependency], &str),
) -> Result<Option<Entry>, Failure> {
    for need in after.iter().filter(|need| need.target == task.step.target) {
        let row = entries.get(&need.id).map(|entry| &entry.row);
        if row.is_none_or(|row| row.state != RowState::Applied || row.checksum != need.checksum) {
            let message = format!("`{}` cannot be applied while `{}` is not applied", task.step.id, need.id);
            return Err(estranged(message));
        }
    }
    let mut new = fresh(task, after, user);
    let Some(old) = old else { return Ok(Some(new)) };
    new.row.attempt = old.row.attempt + 1;
    let again = old.row.kind == Kind::Repeatable && old.row.checksum != new.row.checksum;
    match old.row.state {
        RowState::Reverted => Ok(Some(new)),
        RowState::Applied if again => Ok(Some(new)),
        RowState::Applied if old.row.checksum == new.row.checksum => Ok(None),
        RowState::Applied => Err(estranged(format!("`{}` is applied with another checksum", task.step.id))),
        RowState::Running if new.sums.starts_with(old.begun()) => {
            (new.row.step, new.pre) = (old.row.step, old.pre.clone());
            Ok(Some(new))
        }
        RowState::Running | RowState::Reverting => Err(unfinished(&task.step.id)),
    }
}

fn revert(
    task: &StepTask<'_>,
    entries: &Entries,
    old: Option<&Entry>,
    dependents: &[MigrationId],
) -> Result<Option<Entry>, Failure> {
    let Some(old) = old else { return Ok(None) };
    let mut new = old.clone();
    let sums = task.step.body.sums();
    match old.row.state {
        RowState::Reverted => return Ok(None),
        RowState::Applied => (new.row.step, new.pre) = (0, None),
        RowState::Reverting if sums.starts_with(old.begun()) => {}
        RowState::Running | RowState::Reverting => return Err(unfinished(&task.step.id)),
    }
    let id = &task.step.id;
    let depends = |row: &&LedgerRow| {
        row.state != RowState::Reverted
            && row.id != *id
            && (dependents.contains(&row.id) || row.dependencies.iter().any(|stored| stored.id == *id))
    };
    if let Some(dependent) = entries.values().map(|entry| &entry.row).find(depends) {
        return Err(estranged(format!("`{id}` cannot be taken back while `{}` is applied", dependent.id)));
    }
    new.sums = sums;
    (new.row.state, new.row.finished) = (RowState::Reverting, None);
    new.row.attempt += 1;
    new.row.run = task.run.clone();
    Ok(Some(new))
}

fn fresh(task: &StepTask<'_>, after: &[Dependency], user: &str) -> Entry {
    let step = task.step;
    let declared = after.iter().filter(|need| need.declared);
    let stored = declared
        .filter_map(|need| Some(StoredDependency { id: need.id.clone(), ledger: (task.ledgers)(&need.target)? }));
    let row = LedgerRow {
        id: step.id.clone(),
        name: step.name.clone(),
        kind: step.kind,
        transactional: false,
        state: RowState::Running,
        checksum: step.checksum,
        tokens: step.body.tokens,
        step: 0,
        begun: Vec::new(),
        run: task.run.clone(),
        attempt: 1,
        dependencies: stored.collect(),
        started: Timestamp(0),
        finished: None,
        by: user.to_owned(),
        holder: None,
    };
    let sums: Vec<Digest> = step.body.sums();
    Entry { row, raw: step.body.raw.to_string(), sums, pre: None, n: 0, token: String::new() }
}

pub(crate) fn estranged(message: String) -> Failure {
    Failure::new(FailureClass::Estranged, message)
}

fn unfinished(id: &MigrationId) -> Failure {
    Failure::new(FailureClass::Dirty, format!("`{id}` was begun and never finished"))
}
