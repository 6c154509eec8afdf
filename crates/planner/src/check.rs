//! Compares ledgers with files: where each migration stands, and what of the past no longer fits.

use std::collections::BTreeMap;

use crate::{
    Class, Finding, Graph, Kind, Ledger, LedgerId, LedgerRow, Migration, MigrationId, MigrationIx, Observed, RowState,
    Selection, StoredDependency, TargetName,
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
    /// Begun in one transaction that its body left, or interrupted while being taken back.
    Dirty,
}

/// Where `migration` stands by its ledger row.
pub(crate) fn standing(migration: &Migration, row: Option<&LedgerRow>) -> Standing {
    let Some(row) = row else { return Standing::Pending };
    match row.state {
        RowState::Reverted => Standing::Pending,
        RowState::Running if row.transactional => Standing::Dirty,
        RowState::Running if row.checksum != migration.up.digest => Standing::Edited,
        RowState::Running => Standing::Resumable,
        RowState::Reverting => Standing::Dirty,
        RowState::Applied if row.checksum == migration.up.digest => Standing::Applied,
        RowState::Applied if migration.kind == Kind::Repeatable => Standing::Changed,
        RowState::Applied if row.tokens == migration.up.tokens => Standing::Applied,
        RowState::Applied => Standing::Edited,
    }
}

/// A migration's row, where its database was asked and has one.
pub(crate) fn row_of<'o>(graph: &Graph<'_>, observed: &'o Observations, ix: MigrationIx) -> Option<&'o LedgerRow> {
    let migration = graph.migration(ix);
    let target = &graph.catalog().sets[migration.set()].target;
    observed.get(target)?.facts()?.ledger.row(&migration.id)
}

/// Every disagreement between the ledgers and the files, for the sets that the selection concerns.
pub(crate) fn drift(graph: &Graph<'_>, observed: &Observations, selection: &Selection) -> Vec<Finding> {
    let catalog = graph.catalog();
    let ledgers = Ledgers { graph, observed, by_id: ledgers(observed) };
    let mut findings = Vec::new();
    for (target, facts) in observed.iter().filter_map(|(target, observed)| Some((target, observed.facts()?))) {
        for row in facts.ledger.rows().filter(|row| selection.concerns(&row.id.set) && row.state != RowState::Reverted)
        {
            match graph.find(&row.id).map(|ix| graph.migration(ix)) {
                None => findings.push(missing_file(target, row)),
                Some(migration) if catalog.sets[migration.set()].target != *target => {
                    findings.push(moved(target, &catalog.sets[migration.set()].target, migration));
                }
                Some(migration) => findings.extend(row_findings(target, migration, row)),
            }
            if row.state == RowState::Applied {
                findings.extend(ledgers.unmet(target, row));
            }
        }
    }
    findings
}

/// Rows by the identity of the ledger they are in.
fn ledgers(observed: &Observations) -> BTreeMap<&LedgerId, (&TargetName, &Ledger)> {
    observed
        .iter()
        .filter_map(|(target, observed)| match &observed.facts()?.ledger {
            ledger @ Ledger::Present { id, .. } => Some((id, (target, ledger))),
            Ledger::Absent => None,
        })
        .collect()
}

fn row_findings(target: &TargetName, migration: &Migration, row: &LedgerRow) -> Option<Finding> {
    let id = &migration.id;
    let finding = match standing(migration, Some(row)) {
        Standing::Edited if row.state == RowState::Running => {
            let message = format!(
                "`{id}` was interrupted in `{target}` after statement {}, and its file was edited since",
                row.step
            );
            Finding::error("migration-edited", message)
                .class(Class::Drift)
                .hint("put the file back as it was, so that it can be finished")
        }
        Standing::Edited => {
            let message = format!("`{id}` is applied in `{target}` with checksum {}, and its file was edited since", row.checksum.short());
            Finding::error("migration-edited", message)
                .class(Class::Drift)
                .hint("put the file back as it was, and write the change as a new migration")
        }
        Standing::Dirty if row.state == RowState::Reverting => {
            Finding::error("migration-dirty", format!("`{id}` was interrupted while it was taken back from `{target}`"))
                .class(Class::Dirty)
                .hint("look at the database; then finish by hand and correct its row in dunlin.ledger")
        }
        Standing::Dirty => Finding::error("migration-dirty", format!("`{id}` left its transaction in `{target}` and is applied in part"))
            .class(Class::Dirty)
            .hint("its text commits or rolls back by itself: look at the database, finish by hand, then correct its row in dunlin.ledger"),
        Standing::Applied if row.checksum != migration.up.digest => {
            Finding::note("migration-reworded", format!("only comments or white space of `{id}` changed since it was applied"))
        }
        Standing::Pending | Standing::Applied | Standing::Changed | Standing::Resumable => return None,
    };
    Some(finding.at(migration.place.clone()).of(id))
}

fn missing_file(target: &TargetName, row: &LedgerRow) -> Finding {
    Finding::error("migration-missing", format!("`{}` is applied in `{target}`, and no file has it any more", row.id))
        .class(Class::Drift)
        .hint("bring the file back from version control")
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

/// The ledgers that were read, by their identity and by their database.
struct Ledgers<'o> {
    graph: &'o Graph<'o>,
    observed: &'o Observations,
    by_id: BTreeMap<&'o LedgerId, (&'o TargetName, &'o Ledger)>,
}

impl Ledgers<'_> {
    /// What an applied row remembers to have needed and is no longer applied: some database went back in time.
    fn unmet(&self, target: &TargetName, row: &LedgerRow) -> Vec<Finding> {
        let broken = |needed: &StoredDependency| {
            let (there, ledger) = self.of(needed)?;
            let applied = ledger.row(&needed.id).is_some_and(|row| row.state == RowState::Applied);
            (!applied).then(|| closure_broken(&row.id, target, &needed.id, there))
        };
        row.dependencies.iter().filter_map(broken).collect()
    }

    /// The ledger it was in, or, where nobody has that ledger any more, the one that stands in its place.
    fn of(&self, needed: &StoredDependency) -> Option<(&TargetName, &Ledger)> {
        self.by_id.get(&needed.ledger).copied().or_else(|| {
            let set = self.graph.migration(self.graph.find(&needed.id)?).set();
            let facts = self.observed.get(&self.graph.catalog().sets[set].target)?.facts()?;
            Some((&facts.target, &facts.ledger))
        })
    }
}

fn closure_broken(id: &MigrationId, target: &TargetName, needed: &MigrationId, there: &TargetName) -> Finding {
    let message =
        format!("`{id}` is applied in `{target}` and needs `{needed}`, which is no longer applied in `{there}`");
    let hint =
        format!("`{there}` was restored to an earlier state or changed by hand; restore the databases to one moment");
    Finding::error("closure-broken", message).class(Class::Drift).hint(hint).of(id)
}

/// A finding per asked database that did not answer with facts.
pub(crate) fn unreachable(observed: &Observations) -> impl Iterator<Item = Finding> {
    observed.values().filter_map(|observed| match observed {
        Observed::Failed(finding) => Some(finding.clone()),
        Observed::Facts(_) => None,
    })
}
