//! What to do next about one migration: the safe thing, in a sentence.

use crate::repair::{commands, ways};
use crate::{LedgerRow, Migration, MigrationStatus, RowState, StateWord};

/// The next safe action for a migration that stands as `standing` says; `migration` where a file has it.
#[must_use]
pub fn advice(standing: &MigrationStatus, migration: Option<&Migration>, row: Option<&LedgerRow>) -> String {
    let id = &standing.id;
    let waits: Vec<_> = standing.waits_for.iter().map(|id| format!("`{id}`")).collect();
    let by_hand = || row.map(|row| format!("look at the database, then say {}", commands(migration, row)));
    let decide = || by_hand().unwrap_or_default();
    match standing.state {
        StateWord::Applied => "nothing is left to do".to_owned(),
        StateWord::Unknown => "its database was not asked, or did not answer".to_owned(),
        StateWord::Held => "nothing to do here: `dunlin up` takes it once what holds it back is settled".to_owned(),
        StateWord::Running | StateWord::Reverting => match row {
            Some(row) if row.holder.is_some() => "wait: it is in progress".to_owned(),
            Some(row) if !ways(migration, row).is_empty() => decide(),
            _ if standing.state == StateWord::Running => "`dunlin up` goes on where it stopped".to_owned(),
            _ => format!("`dunlin down --version {id}` goes on where it stopped"),
        },
        StateWord::Dirty => decide(),
        StateWord::Edited => format!("put the file back as it was; or {}", decide()),
        StateWord::Missing => format!("bring its file back; or {}", decide()),
        StateWord::OutOfOrder => "give it a later version, or set `out_of_order = true` for its set".to_owned(),
        StateWord::Pending | StateWord::Changed if waits.is_empty() => "`dunlin up` applies it".to_owned(),
        StateWord::Pending | StateWord::Changed => format!("`dunlin up` applies it, after {}", waits.join(", ")),
    }
}

/// Why a row that was begun is not finished, as far as ledger and locks tell.
pub(crate) fn unfinished(migration: &Migration, row: &LedgerRow) -> String {
    let up = row.state == RowState::Running;
    match &row.holder {
        Some(holder) => format!("in progress: {holder}"),
        None if !ways(Some(migration), row).is_empty() => {
            format!("interrupted in statement {}, which may have been done: see `dunlin repair`", row.step + 1)
        }
        None if up => "interrupted; the next `up` resumes it".to_owned(),
        None => "interrupted while it was taken back; the same `down` finishes it".to_owned(),
    }
}
