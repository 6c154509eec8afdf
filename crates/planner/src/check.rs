//! Compares ledgers with files: where each migration stands, and what of the past no longer fits.

use std::collections::BTreeMap;

use crate::databases::Databases;
use crate::identity::Identities;
use crate::repair::{commands, doubt, in_doubt, is_for_a_person};
use crate::{
    Body, Class, Finding, Graph, Kind, LedgerRow, Migration, MigrationIx, Observed, RowState, Selection, TargetName,
};

/// What was read from each database that was asked.
pub(crate) type Observations = BTreeMap<TargetName, Observed>;

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing of it is there.
    Pending,
    /// It is applied as the file says.
    Applied,
    /// It is applied, or interrupted between two statements, and its file says something else now.
    Edited,
    /// It is a repeatable whose text changed.
    Changed,
    /// Statement by statement, interrupted or in progress.
    Resumable,
    /// Statement by statement, interrupted while being taken back, or on its way.
    GoingBack,
    /// Its body left its transaction half way.
    Dirty,
}

/// Where `migration` stands by its ledger row.
pub(crate) fn standing(migration: &Migration, row: Option<&LedgerRow>) -> Standing {
    let Some(row) = row else { return Standing::Pending };
    match row.state {
        RowState::Reverted => Standing::Pending,
        RowState::Running | RowState::Reverting if row.transactional => Standing::Dirty,
        RowState::Running if row.fits(&migration.up) => Standing::Resumable,
        RowState::Reverting if migration.way_back().is_some_and(|down| row.fits(&down)) => Standing::GoingBack,
        RowState::Running | RowState::Reverting => Standing::Edited,
        RowState::Applied if row.checksum == migration.up.digest => Standing::Applied,
        RowState::Applied if migration.kind == Kind::Repeatable => Standing::Changed,
        RowState::Applied if row.tokens == migration.up.tokens => Standing::Applied,
        RowState::Applied => Standing::Edited,
    }
}

/// Whether `body` is taken up where an interrupted attempt of it stopped. One that never began a statement starts anew.
pub(crate) fn resumes(row: Option<&LedgerRow>, body: &Body) -> bool {
    row.is_some_and(|row| !row.begun.is_empty() || !body.is_transactional())
}

/// A migration's row, where its database was asked and has one.
pub(crate) fn row_of<'o>(graph: &Graph<'_>, observed: &'o Observations, ix: MigrationIx) -> Option<&'o LedgerRow> {
    let migration = graph.migration(ix);
    let target = &graph.catalog().sets[migration.set()].target;
    observed.get(target)?.facts()?.ledger.row(&migration.id)
}

/// Every disagreement between the ledgers and the files, for the sets that the selection concerns. What a ledger says that
/// belongs elsewhere is none.
pub(crate) fn drift(graph: &Graph<'_>, observed: &Observations, selection: &Selection) -> Vec<Finding> {
    let catalog = graph.catalog();
    let identities = Identities::judge(catalog, observed);
    let databases = Databases::of(observed);
    let mut findings = Vec::new();
    for (target, row) in databases.rows(catalog, observed) {
        let concerns = selection.concerns(&row.id.set) && row.state != RowState::Reverted;
        if !concerns || identities.is_stranger(databases.first(target)) {
            continue;
        }
        findings.extend(of_row(graph, target, row));
    }
    identities.findings.into_iter().chain(findings).collect()
}

/// What of a row in the ledger of `target` disagrees with the files.
pub(crate) fn of_row(graph: &Graph<'_>, target: &TargetName, row: &LedgerRow) -> Option<Finding> {
    let Some(migration) = graph.find(&row.id).map(|ix| graph.migration(ix)) else {
        return Some(missing_file(target, row));
    };
    let home = &graph.catalog().sets[migration.set()].target;
    if home == target { at_home(target, migration, row) } else { Some(moved(target, home, migration)) }
}

fn at_home(target: &TargetName, migration: &Migration, row: &LedgerRow) -> Option<Finding> {
    let id = &migration.id;
    let finding = match standing(migration, Some(row)) {
        Standing::Edited if matches!(row.state, RowState::Running | RowState::Reverting) => {
            interrupted_and_edited(target, migration, row)
        }
        Standing::Edited => {
            let message = format!(
                "`{id}` is applied in `{target}` with checksum {}, and its file was edited since",
                row.checksum.short()
            );
            Finding::error("migration-edited", message).class(Class::Drift).hint(format!(
                "put the file back as it was, and write the change as a new migration; or say {}",
                commands(Some(migration), row)
            ))
        }
        Standing::GoingBack => {
            let message = format!(
                "`{id}` is being taken back from `{target}`, or that was interrupted after {} of the statements of its down",
                row.step
            );
            Finding::error("migration-going-back", message)
                .class(Class::Dirty)
                .hint(format!("finish that first: dunlin down --version {id}"))
        }
        Standing::Dirty if row.state == RowState::Reverting => Finding::error(
            "migration-dirty",
            format!("the down of `{id}` left its transaction in `{target}` and is done in part"),
        )
        .class(Class::Dirty)
        .hint(decide(migration, row)),
        Standing::Dirty => Finding::error(
            "migration-dirty",
            format!("`{id}` left its transaction in `{target}` and is applied in part"),
        )
        .class(Class::Dirty)
        .hint(decide(migration, row)),
        Standing::Resumable if row.holder.is_none() && is_for_a_person(migration, row) => {
            Finding::error("statement-in-doubt", in_doubt(row))
                .class(Class::Dirty)
                .hint(doubt(id, row.step as usize + 1))
        }
        Standing::Applied if row.checksum != migration.up.digest => Finding::note(
            "migration-reworded",
            format!("only comments or white space of `{id}` changed since it was applied"),
        ),
        Standing::Pending | Standing::Applied | Standing::Changed | Standing::Resumable => return None,
    };
    Some(finding.at(migration.place.clone()).of(id))
}

/// A person decides; Dunlin knows neither what is there nor what should be.
fn decide(migration: &Migration, row: &LedgerRow) -> String {
    format!(
        "its text commits or rolls back by itself: look at the database, then say {}",
        commands(Some(migration), row)
    )
}

/// What was begun has to stay as it was: nobody could tell what of the new text is there.
fn interrupted_and_edited(target: &TargetName, migration: &Migration, row: &LedgerRow) -> Finding {
    let down = migration.way_back().filter(|_| row.state == RowState::Reverting);
    let now = down.as_ref().unwrap_or(&migration.up);
    let same = row.begun.iter().zip(&now.sums()).take_while(|(then, now)| then == now).count();
    let word = if row.state == RowState::Reverting { "taken back from" } else { "interrupted in" };
    let message = format!(
        "`{}` was {word} `{target}` up to statement {}, and its statement {} was edited since",
        migration.id,
        row.begun.len(),
        same + 1
    );
    Finding::error("migration-edited", message)
        .class(Class::Drift)
        .hint(format!(
            "put that statement back as it was, so that the rest can be finished; what comes after it may change. Or look at the database, then say {}",
            commands(Some(migration), row)
        ))
}

fn missing_file(target: &TargetName, row: &LedgerRow) -> Finding {
    Finding::error("migration-missing", format!("`{}` is applied in `{target}`, and no file has it any more", row.id))
        .class(Class::Drift)
        .hint(format!("bring the file back from version control; or say {}", commands(None, row)))
        .of(&row.id)
}

fn moved(was: &TargetName, now: &TargetName, migration: &Migration) -> Finding {
    let message = format!("`{}` is applied in `{was}`, and its set now belongs to the target `{now}`", migration.id);
    Finding::error("migration-moved", message)
        .class(Class::Drift)
        .at(migration.place.clone())
        .hint(format!("give the set its target `{was}` back, or use a new set for `{now}`"))
        .of(&migration.id)
}

/// A finding per asked database that did not answer with facts.
pub(crate) fn unreachable(observed: &Observations) -> impl Iterator<Item = Finding> {
    observed.values().filter_map(|observed| match observed {
        Observed::Failed(finding) => Some(finding.clone()),
        Observed::Facts(_) => None,
    })
}
