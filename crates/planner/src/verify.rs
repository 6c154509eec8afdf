//! What applied migrations say a database has, beside what it has: the part that the server can be asked about with certainty.
//!
//! The statements of all applied migrations are followed in their order; what a later one drops, removes or changes in a way
//! that only shows when it runs is no longer expected. What nobody knows is said to be unknown, and is no drift.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::Observations;
use crate::{
    Class, Finding, Graph, MigrationId, Observed, Place, ProbeFact, Promise, RowState, Selection, StepSettings,
    TargetName,
};

/// What a statement says of the database from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// This is there.
    Makes(Promise),
    /// A hypertable's chunks have this interval; none where that is not known.
    Interval {
        /// The hypertable, as the file writes it.
        relation: String,
        /// The interval, as an expression.
        interval: Option<String>,
    },
    /// A policy is gone.
    Removes {
        /// What ran it.
        procedure: String,
        /// Its hypertable or continuous aggregate.
        relation: String,
    },
    /// A hypertable is compressed no longer.
    Decompresses {
        /// The hypertable, as SQL takes it.
        relation: String,
    },
    /// A relation is gone, with all that belongs to it.
    Drops {
        /// Its name without a schema.
        name: String,
    },
    /// What it does to jobs shows when it runs.
    Obscures,
}

/// A claim and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// What is claimed.
    pub claim: Claim,
    /// Where.
    pub place: Place,
}

/// Something that has to be so in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What.
    pub promise: Promise,
    /// The migration that says so.
    pub migration: MigrationId,
    /// Where it says so.
    pub place: Place,
    /// What names mean there.
    #[serde(skip)]
    pub settings: StepSettings,
}

/// What comes of comparing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// What is as the migrations say.
    pub confirmed: Vec<Confirmed>,
    /// What is not, what nobody could tell, and what could not be asked.
    pub findings: Vec<Finding>,
}

/// Something that is as its migration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// The database.
    pub target: TargetName,
    /// What, for people.
    pub what: String,
    /// The migration that says so.
    pub migration: MigrationId,
}

/// What the applied migrations of a selection say of each database; and what in them hides something from view.
#[must_use]
pub fn expected(
    graph: &Graph<'_>,
    selection: &Selection,
    observed: &BTreeMap<TargetName, Observed>,
) -> (BTreeMap<TargetName, Vec<Expected>>, Vec<Finding>) {
    let (mut known, mut findings) = (BTreeMap::<TargetName, Vec<Expected>>::new(), Vec::new());
    for ix in graph.order().iter().copied() {
        let migration = graph.migration(ix);
        let target = &graph.catalog().sets[migration.set()].target;
        if !is_applied(observed, target, &migration.id) {
            continue;
        }
        let expected = known.entry(target.clone()).or_default();
        for Claimed { claim, place } in &migration.up.needs.claims {
            if *claim == Claim::Obscures {
                let message =
                    format!("what `{}` does to jobs shows only when it runs: policies are not verified", migration.id);
                findings.push(Finding::note("verify-unknown", message).at(place.clone()).of(&migration.id));
            }
            let (migration, place) = (migration.id.clone(), place.clone());
            let settings = graph.migration(ix).up.settings.clone();
            follow(expected, claim, |promise| Expected { promise, migration, place, settings });
        }
    }
    for expected in known.values_mut() {
        expected.retain(|one| graph.find(&one.migration).is_some_and(|ix| selection.contains(ix)));
    }
    known.retain(|_, expected| !expected.is_empty());
    (known, findings)
}

fn is_applied(observed: &Observations, target: &TargetName, id: &MigrationId) -> bool {
    let facts = observed.get(target).and_then(Observed::facts);
    facts.and_then(|facts| facts.ledger.row(id)).is_some_and(|row| row.state == RowState::Applied)
}

fn follow(expected: &mut Vec<Expected>, claim: &Claim, one: impl FnOnce(Promise) -> Expected) {
    match claim {
        Claim::Makes(promise) => {
            // What says IF NOT EXISTS was compared when it ran: the first to say so is as good as the last.
            expected.retain(|known| !known.promise.is_about_the_same(promise));
            expected.push(one(promise.clone()));
        }
        Claim::Interval { relation, interval } => {
            for known in expected.iter_mut() {
                if let Promise::Hypertable { relation: of, interval: old, .. } = &mut known.promise
                    && bare(of) == bare(relation)
                {
                    old.clone_from(interval);
                }
            }
        }
        Claim::Removes { procedure, relation } => expected.retain(|known| {
            !matches!(&known.promise, Promise::Policy(policed) if policed.procedure == *procedure && bare(&policed.relation) == bare(relation))
        }),
        Claim::Decompresses { relation } => expected.retain(|known| {
            !matches!(&known.promise, Promise::Compression { relation: of } if bare(of) == bare(relation))
        }),
        Claim::Drops { name } if name == "*" => expected.clear(),
        Claim::Drops { name } => expected.retain(|known| bare(known.promise.relation()) != bare(name)),
        Claim::Obscures => expected.retain(|known| !matches!(known.promise, Promise::Policy(_))),
    }
}

impl Promise {
    /// The relation that it is about, as the file writes it.
    #[must_use]
    pub fn relation(&self) -> &str {
        match self {
            Self::Policy(policed) => &policed.relation,
            Self::Hypertable { relation, .. } | Self::Compression { relation } => relation,
            Self::Aggregate(shape) => &shape.name.name,
        }
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        let same_kind = match (self, other) {
            (Self::Policy(this), Self::Policy(that)) => this.procedure == that.procedure,
            (Self::Hypertable { .. }, Self::Hypertable { .. })
            | (Self::Compression { .. }, Self::Compression { .. })
            | (Self::Aggregate(_), Self::Aggregate(_)) => true,
            _ => false,
        };
        same_kind && self.relation() == other.relation()
    }
}

/// A name without its schema and quotes.
fn bare(relation: &str) -> String {
    relation.rsplit('.').next().unwrap_or_default().trim_matches('"').to_lowercase()
}

impl Verification {
    /// Adds what was found of `expected` in a database.
    pub fn add(&mut self, target: &TargetName, expected: &Expected, fact: &ProbeFact) {
        let Expected { promise, migration, place, .. } = expected;
        let finding = match fact {
            ProbeFact::Done => {
                let (target, what, migration) = (target.clone(), promise.to_string(), migration.clone());
                self.confirmed.push(Confirmed { target, what, migration });
                return;
            }
            ProbeFact::Absent => {
                let message = format!("{promise} is not in `{target}`, and `{migration}` made it");
                Finding::error("verify-missing", message)
                    .hint("make it again, by hand or in a new migration; or write a migration that removes it")
            }
            ProbeFact::Other { what } => {
                let what = what.replace(" is there already, and is another one: ", " is not as its migration says: ");
                Finding::error("verify-differs", format!("in `{target}`, {what}"))
                    .hint("put it back, by hand or in a new migration; or write a migration that says what it is now")
            }
            _ => Finding::note("verify-unknown", format!("nobody can tell whether {promise} is as its migration says")),
        };
        self.findings.push(finding.class(Class::Drift).at(place.clone()).of(migration));
    }
}
