//! What is applied needs what it needed when it was applied. Where a ledger lacks it, some database went back in time.
//!
//! It goes by the dependencies that a row remembers, each with the ledger it was found in; what the files say today decides
//! about pending work only.

use std::collections::{BTreeMap, BTreeSet};

use crate::adopt::How;
use crate::check::Observations;
use crate::databases::Databases;
use crate::identity::Identities;
use crate::{
    Catalog, Class, Finding, Graph, Ledger, LedgerId, LedgerRow, MigrationId, Observed, RowState, Selection,
    StoredDependency, TargetFacts, TargetName,
};

/// An applied migration, and one that it needs and that is not applied any more.
pub(crate) struct Unmet<'o> {
    /// The database of the applied one.
    target: &'o TargetName,
    /// The applied one.
    id: &'o MigrationId,
    /// What it needs.
    pub(crate) needed: &'o MigrationId,
    /// The database where that should be.
    pub(crate) there: &'o TargetFacts,
}

/// Applied migrations, each with one that it needs and that is not applied.
#[must_use]
pub fn unmet(catalog: &Catalog, observed: &Observations) -> BTreeSet<(MigrationId, MigrationId)> {
    let databases = Databases::of(observed);
    all(catalog, observed, &databases).map(|unmet| (unmet.id.clone(), unmet.needed.clone())).collect()
}

pub(crate) fn all<'o>(
    catalog: &'o Catalog,
    observed: &'o Observations,
    databases: &'o Databases<'o>,
) -> impl Iterator<Item = Unmet<'o>> {
    let by_id: BTreeMap<&LedgerId, &TargetFacts> = observed
        .values()
        .filter_map(Observed::facts)
        .filter_map(|facts| match &facts.ledger {
            Ledger::Present { id, .. } => Some((id, facts)),
            Ledger::Absent => None,
        })
        .collect();
    // The ledger it was in, or, where nobody has that ledger any more, the one that stands in its place.
    let find = move |needed: &StoredDependency| {
        by_id.get(&needed.ledger).copied().or_else(|| {
            let set = catalog.sets.get(&needed.id.set)?;
            observed.get(&set.target)?.facts()
        })
    };
    let applied = databases.rows(catalog, observed).filter(|(_, row)| row.state == RowState::Applied);
    applied.flat_map(move |(target, row)| {
        let unmet = row.dependencies.iter().filter_map(|needed| {
            let there = find(needed)?;
            let is_applied = there.ledger.row(&needed.id).is_some_and(is_applied);
            (!is_applied).then_some(Unmet { target, id: &row.id, needed: &needed.id, there })
        });
        unmet.collect::<Vec<_>>()
    })
}

fn is_applied(row: &LedgerRow) -> bool {
    row.state == RowState::Applied
}

/// A finding for each that the selection concerns. One whose loss a person has acknowledged stops nothing where it is
/// `planned` to be applied again.
pub(crate) fn closure(
    graph: &Graph<'_>,
    observed: &Observations,
    selection: &Selection,
    planned: impl Fn(&MigrationId) -> bool,
) -> Vec<Finding> {
    let catalog = graph.catalog();
    let (databases, identities) = (Databases::of(observed), Identities::judge(catalog, observed));
    let stranger = |target| identities.is_stranger(databases.first(target));
    all(catalog, observed, &databases)
        .filter(|unmet| selection.concerns(&unmet.id.set))
        .filter(|unmet| !stranger(unmet.target) && !stranger(&unmet.there.target))
        .map(|unmet| match &unmet.there.ledger {
            Ledger::Present { lost, .. } if lost.contains(unmet.needed) => unmet.acknowledged(planned(unmet.needed)),
            _ => unmet.broken(),
        })
        .collect()
}

impl Unmet<'_> {
    fn broken(&self) -> Finding {
        let (id, needed, there) = (self.id, self.needed, &self.there.target);
        let message = format!(
            "`{id}` is applied in `{}` and needs `{needed}`, which is no longer applied in `{there}`",
            self.target
        );
        let hint = format!(
            "`{there}` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `{needed}` applied again, say {}",
            How::AfterRestore.command(there)
        );
        Finding::error("closure-broken", message).class(Class::Drift).hint(hint).of(id)
    }

    fn acknowledged(&self, planned: bool) -> Finding {
        let message = format!(
            "`{}` is applied in `{}` and needs `{}`, which `{}` lost in a restore",
            self.id, self.target, self.needed, self.there.target
        );
        if planned {
            return Finding::warning("closure-open", message + " and `up` applies again").of(self.id);
        }
        let hint = format!(
            "`{}` has to be in the plan: bring its file back, or run `dunlin up` without a selection",
            self.needed
        );
        Finding::error("closure-broken", message).class(Class::Drift).hint(hint).of(self.id)
    }
}
