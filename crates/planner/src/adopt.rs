//! What a person says of a database that is not the one its ledger was made in, or that lost what others need.
//!
//! An adoption changes the ledger's identity and nothing else, takes effect only on the ledger that was shown, and is written
//! down with its reason.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::check::Observations;
use crate::closure;
use crate::databases::Databases;
use crate::identity::{Kinship, standbys};
use crate::{
    EnvironmentName, Finding, Graph, Identity, Ledger, LedgerId, MigrationId, Observed, TargetFacts, TargetName,
};

/// What a person says of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is a copy that goes its own way from here: its ledger gets a new identity.
    Fork,
    /// It stands in the place of the one that its ledger was made in: the ledger stays the one that others refer to.
    AfterRestore,
}

impl How {
    /// The word as it is typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::AfterRestore => "after-restore",
        }
    }

    /// The command, as part of a hint.
    #[must_use]
    pub fn command(self, target: &TargetName) -> String {
        format!("`dunlin adopt --{} --target {target} --reason TEXT`", self.word())
    }
}

/// Which database a ledger belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Belonging {
    /// The database; none where its server does not tell.
    pub identity: Option<Identity>,
    /// The environment.
    pub environment: Option<EnvironmentName>,
}

/// An adoption of one database, decided and justified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// The target.
    pub target: TargetName,
    /// What is said of it.
    pub how: How,
    /// Why.
    pub reason: String,
    /// The ledger as it was shown.
    pub ledger: LedgerId,
    /// What it belonged to.
    pub before: Belonging,
    /// What it belongs to from now on.
    pub after: Belonging,
    /// What applied migrations need and it does not have: the next `up` applies it again.
    pub lost: Vec<MigrationId>,
}

/// Decides whether the database of `target` can be adopted.
///
/// # Errors
/// A finding that says why not.
pub fn adopt(
    graph: &Graph<'_>,
    observed: &Observations,
    target: &TargetName,
    how: How,
    reason: &str,
) -> Result<Adoption, Finding> {
    let refused = |why: &str, hint: &str| {
        Err(Finding::error("adopt-refused", format!("`{target}` cannot be adopted: {why}")).hint(hint))
    };
    if reason.trim().is_empty() {
        return refused("it needs a reason", "say why with --reason; it is kept in the ledger's log");
    }
    let Some(facts) = observed.get(target).and_then(Observed::facts) else {
        return refused("it was not asked", "see that it is switched on in this environment");
    };
    let catalog = graph.catalog();
    if let Some(standby) = standbys(catalog, observed).into_iter().next().filter(|_| facts.standby) {
        return Err(standby);
    }
    let Ledger::Present { id, environment, born, lost: known, .. } = &facts.ledger else {
        return refused("it has no ledger", "the first `dunlin up` makes one");
    };
    let databases = Databases::of(observed);
    let lost: BTreeSet<_> = closure::all(catalog, observed, &databases)
        .filter(|unmet| databases.are_one(&unmet.there.target, target))
        .map(|unmet| unmet.needed.clone())
        .collect();
    let identity = facts.identity.is_known().then(|| facts.identity.clone());
    let before = Belonging { identity: born.clone(), environment: environment.clone() };
    let after = Belonging { identity, environment: catalog.environment.clone() };
    if how == How::AfterRestore {
        if let Some(stamped) = environment.as_ref().filter(|_| before.environment != after.environment) {
            let why = format!("it belongs to environment `{stamped}`");
            return refused(&why, &format!("say `--env {stamped}`; a copy that goes its own way is a --fork"));
        }
        if let Some(other) = others(observed, &databases, facts, id).next() {
            let why = format!("`{other}` holds the same ledger, and only one of them can be that database");
            return refused(&why, &format!("if `{target}` is a copy: {}", How::Fork.command(target)));
        }
        if facts.identity.kinship(born.as_ref()) == Kinship::Same && lost.is_subset(known) {
            return refused("it is the database it was, and lacks nothing", "there is nothing to do");
        }
    }
    Ok(Adoption {
        target: target.clone(),
        how,
        reason: reason.trim().to_owned(),
        ledger: id.clone(),
        before,
        after,
        lost: lost.into_iter().collect(),
    })
}

/// Other databases with the same ledger.
fn others<'o>(
    observed: &'o Observations,
    databases: &'o Databases<'o>,
    facts: &'o TargetFacts,
    ledger: &'o LedgerId,
) -> impl Iterator<Item = &'o TargetName> {
    let same = move |other: &&TargetFacts| matches!(&other.ledger, Ledger::Present { id, .. } if id == ledger);
    let facts_of = observed.values().filter_map(Observed::facts);
    let others = facts_of.filter(same).map(|other| &other.target);
    others.filter(move |other| !databases.are_one(other, &facts.target))
}
