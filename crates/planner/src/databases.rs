//! Which targets are one database under two names, such as `core` and the target of its cron jobs.
//!
//! One database has one ledger, and one place where its migrations run; the names only say how it is reached. Two names are
//! one database when they lead to the same number on a server that was started at the same moment and hold the same ledger; where
//! it is yet to be made, to the same name there.

use std::collections::BTreeMap;

use crate::check::Observations;
use crate::{Catalog, Ledger, LedgerId, LedgerRow, Observed, TargetFacts, TargetName};

/// The databases behind the targets that were asked.
#[derive(Debug, Clone, Default)]
pub struct Databases<'o> {
    /// The first name of each target's database.
    first: BTreeMap<&'o TargetName, &'o TargetName>,
}

impl<'o> Databases<'o> {
    /// Tells which of `observed` are one database.
    #[must_use]
    pub fn of(observed: &'o Observations) -> Self {
        let mut known: BTreeMap<_, Vec<&TargetFacts>> = BTreeMap::new();
        let mut first = BTreeMap::new();
        for facts in observed.values().filter_map(Observed::facts) {
            let there = known.entry((facts.identity.database, facts.started)).or_default();
            let same = there.iter().find(|other| is_one(facts, other)).map_or(&facts.target, |same| &same.target);
            first.insert(&facts.target, same);
            if same == &facts.target {
                there.push(facts);
            }
        }
        Self { first }
    }

    /// The name that stands for the database of `target`: the first one.
    #[must_use]
    pub fn first<'t>(&self, target: &'t TargetName) -> &'t TargetName
    where
        'o: 't,
    {
        self.first.get(target).copied().unwrap_or(target)
    }

    /// Whether `target` stands for its database.
    #[must_use]
    pub fn is_first(&self, target: &TargetName) -> bool {
        self.first(target) == target
    }

    /// Whether both are one database.
    #[must_use]
    pub fn are_one(&self, one: &TargetName, other: &TargetName) -> bool {
        self.first(one) == self.first(other)
    }

    /// The rows of every ledger, once, each with the target that its set belongs to, or else the first of its database.
    pub fn rows<'s>(
        &'s self,
        catalog: &'s Catalog,
        observed: &'o Observations,
    ) -> impl Iterator<Item = (&'s TargetName, &'o LedgerRow)> {
        let ledgers = observed.values().filter_map(Observed::facts).filter(|facts| self.is_first(&facts.target));
        ledgers.flat_map(move |facts| {
            facts.ledger.rows().map(move |row| {
                let own = catalog.sets.get(&row.id.set).map(|set| &set.target);
                (own.filter(|own| self.are_one(own, &facts.target)).unwrap_or(&facts.target), row)
            })
        })
    }
}

fn is_one(left: &TargetFacts, right: &TargetFacts) -> bool {
    let (one, other) = (&left.identity, &right.identity);
    let same_server = one.system == other.system || !one.is_known() || !other.is_known();
    // Number 0 is a database that is not there yet: it will be the one of its name.
    let same_database = one.database == other.database && (one.database != 0 || left.database == right.database);
    same_database && same_server && ledger(left) == ledger(right)
}

fn ledger(facts: &TargetFacts) -> Option<&LedgerId> {
    match &facts.ledger {
        Ledger::Present { id, .. } => Some(id),
        Ledger::Absent => None,
    }
}
