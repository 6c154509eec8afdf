//! What applied migrations say a database has, beside what it has: the part that the server can be asked about with certainty.
//!
//! The statements of all applied migrations are followed in their order; what a later one drops, removes or changes in a way
//! that only shows when it runs is no longer expected. What nobody knows is said to be unknown, and is no drift.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::Observations;
use crate::claim::Known;
use crate::databases::Databases;
use crate::undeclared::{Listed, undeclared};
use crate::{
    Claim, Claimed, Class, Failure, Finding, Graph, LiveJob, Migration, MigrationId, MigrationIx, Observed, Place,
    ProbeFact, Promise, RowState, Selection, StepSettings, TargetFacts, TargetKind, TargetName,
};

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

/// What applied migrations say of a database.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// What has to be so there, of a selection of them.
    pub expected: Vec<Expected>,
    /// What all of them say; none where that is told with another target, or of no interest.
    pub(crate) whole: Option<Known>,
}

impl Declared {
    /// Whether it is of interest what else is there.
    #[must_use]
    pub fn lists(&self) -> bool {
        self.whole.is_some()
    }
}

/// What a database answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of each thing that is expected, in order.
    pub facts: Vec<ProbeFact>,
    /// What is there of the kinds of things that migrations declare, where it is of interest.
    pub listed: Result<Vec<Listed>, Failure>,
}

/// What the applied migrations of a selection say of each database; and what in them hides something from view.
#[must_use]
pub fn expected(
    graph: &Graph<'_>,
    selection: &Selection,
    observed: &BTreeMap<TargetName, Observed>,
) -> (BTreeMap<TargetName, Declared>, Vec<Finding>) {
    let (mut known, mut findings) = (BTreeMap::<TargetName, Known>::new(), Vec::new());
    let is_of = |target: &TargetName, ix: MigrationIx| {
        let migration = graph.migration(ix);
        *target == graph.catalog().sets[migration.set()].target
            && state(observed, target, &migration.id) == Some(RowState::Applied)
    };
    for (target, claimed, migration) in observed.keys().flat_map(|target| said(graph, target, is_of)) {
        if claimed.claim == Claim::Obscures {
            let message =
                format!("what `{}` does to jobs shows only when it runs: policies are not verified", migration.id);
            findings.push(Finding::note("verify-unknown", message).at(claimed.place.clone()).of(&migration.id));
        }
        take(known.entry(target.clone()).or_default(), claimed, migration);
    }
    let selected = |one: &Expected| graph.find(&one.migration).is_some_and(|ix| selection.contains(ix));
    let mut declared: BTreeMap<_, _> = known
        .into_iter()
        .map(|(target, known)| {
            let expected = known.expected.into_iter().filter(selected).collect();
            (target, Declared { expected, whole: None })
        })
        .collect();
    for (target, expected) in called(graph, selection, observed) {
        declared.entry(target).or_default().expected.push(expected);
    }
    for target in listing(graph, observed) {
        // One database may be reached under several names, and has one ledger.
        let is_there = |target: &TargetName, ix: MigrationIx| {
            let state = state(observed, target, &graph.migration(ix).id);
            state.is_some_and(|state| state != RowState::Reverted)
        };
        let mut whole = Known::default();
        said(graph, target, is_there).for_each(|(_, claimed, migration)| take(&mut whole, claimed, migration));
        declared.entry(target.clone()).or_default().whole = Some(whole);
    }
    declared.retain(|_, declared| declared.lists() || !declared.expected.is_empty());
    (declared, findings)
}

/// What jobs call that go on and were scheduled by applied migrations, in the targets that are the databases they work in.
fn called(graph: &Graph<'_>, selection: &Selection, observed: &Observations) -> Vec<(TargetName, Expected)> {
    let catalog = graph.catalog();
    let mut called = Vec::new();
    for call in &catalog.called {
        let Some(ix) = graph.find(&call.by).filter(|ix| selection.contains(*ix)) else { continue };
        let home = &catalog.sets[graph.migration(ix).set()].target;
        if state(observed, home, &call.by) != Some(RowState::Applied) {
            continue;
        }
        let Some(here) = observed.get(home).and_then(Observed::facts) else { continue };
        let live = here.jobs.iter().flat_map(|jobs| &jobs.live);
        // A later migration may have given the job another command.
        let is_it = |live: &&LiveJob| live.active && live.name == call.job && live.command.contains(&call.name.name);
        for live in live.filter(is_it) {
            let is_there =
                |facts: &&TargetFacts| facts.database == live.database && facts.identity.system == here.identity.system;
            let Some(facts) = observed.values().filter_map(Observed::facts).find(is_there) else { continue };
            let promise = Promise::Routine { job: call.job.clone(), name: call.name.clone() };
            let (migration, place, settings) = (call.by.clone(), call.place.clone(), StepSettings::default());
            called.push((facts.target.clone(), Expected { promise, migration, place, settings }));
        }
    }
    called
}

/// The targets that are asked what else is there: the first of each database with TimescaleDB.
fn listing<'o>(graph: &Graph<'_>, observed: &'o Observations) -> Vec<&'o TargetName> {
    let databases = Databases::of(observed);
    let mut first = BTreeSet::new();
    let is_timescale = |target: &&TargetName| graph.catalog().targets[*target].kind == TargetKind::Timescale;
    let answered = observed.iter().filter(|(_, seen)| seen.facts().is_some()).map(|(target, _)| target);
    answered.filter(is_timescale).filter(|target| first.insert(databases.first(target).clone())).collect()
}

/// The claims that count for a target, in their order.
fn said<'g>(
    graph: &'g Graph<'_>,
    target: &'g TargetName,
    counts: impl Fn(&TargetName, MigrationIx) -> bool + 'g,
) -> impl Iterator<Item = (&'g TargetName, &'g Claimed, &'g Migration)> {
    let migrations = graph.order().iter().copied().filter(move |ix| counts(target, *ix)).map(|ix| graph.migration(ix));
    migrations
        .flat_map(move |migration| migration.up.needs.claims.iter().map(move |claimed| (target, claimed, migration)))
}

fn take(known: &mut Known, Claimed { claim, place }: &Claimed, migration: &Migration) {
    let settings = migration.up.settings.clone();
    let (id, at) = (migration.id.clone(), place.clone());
    let one = |promise| Expected { promise, migration: id, place: at, settings };
    known.follow(claim, one, (&migration.id, place));
}

fn state(observed: &Observations, target: &TargetName, id: &MigrationId) -> Option<RowState> {
    let facts = observed.get(target).and_then(Observed::facts)?;
    facts.ledger.row(id).map(|row| row.state)
}

impl Verification {
    /// Adds what a database answered.
    pub fn compare(&mut self, target: &TargetName, declared: &Declared, found: &Found) {
        declared.expected.iter().zip(&found.facts).for_each(|(one, fact)| self.add(target, one, fact));
        if let Some(whole) = &declared.whole {
            self.findings.extend(undeclared(target, whole, &found.listed));
        }
    }

    fn add(&mut self, target: &TargetName, expected: &Expected, fact: &ProbeFact) {
        let Expected { promise, migration, place, .. } = expected;
        let finding = match fact {
            // Much of what jobs call is the server's own.
            ProbeFact::Done if matches!(promise, Promise::Routine { .. }) => return,
            ProbeFact::Done => {
                let (target, what, migration) = (target.clone(), promise.to_string(), migration.clone());
                self.confirmed.push(Confirmed { target, what, migration });
                return;
            }
            ProbeFact::Absent if matches!(promise, Promise::Routine { .. }) => {
                Finding::error("job-orphan", format!("{promise} is not in `{target}`"))
                    .hint("each of its runs fails: make it again, or take the job back")
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
