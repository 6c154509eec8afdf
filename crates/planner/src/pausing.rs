//! What goes on by itself in a database and rests while a run changes what it works on, such as jobs of pg_cron.
//!
//! A pause is a debt: an obligation stands in the ledger before anything is paused, so that whoever comes next can resume it
//! when the run that owes it is gone. What is paused, and which debts of others are paid first, is part of the plan.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::check::Observations;
use crate::databases::Databases;
use crate::{Class, Failure, Finding, Graph, Identity, Observed, Plan, RunId, Step, Target, TargetFacts, TargetName};

/// What a database says of pauses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PauseFacts {
    /// What is paused by runs, and has to be resumed.
    pub obligations: Vec<Obligation>,
    /// What could be paused.
    pub pausable: Vec<Pausable>,
    /// Why nobody can say what could be paused.
    pub unreadable: Option<String>,
}

/// Something that a run paused and that has to be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obligation {
    /// Its number in the ledger.
    pub id: u64,
    /// The run that owes it.
    pub run: RunId,
    /// What is paused, for people: job `maintenance-vacuum`.
    pub what: String,
    /// For how long, in seconds of that database's clock.
    pub seconds: u64,
    /// Whether that run is still at work, and resumes it itself.
    pub held: bool,
}

/// Something that goes on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pausable {
    /// Its number on the server.
    pub key: u64,
    /// Its name; empty where it has none.
    pub name: String,
    /// What it is, for people.
    pub what: String,
    /// The database that it works in, by its oid on the same server; 0 where there is none.
    pub database: u32,
    /// Whether it goes on, or a run paused it. What somebody switched off stays as it is.
    pub active: bool,
}

/// What a plan pauses while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// The database whose ledger has the obligation.
    pub target: TargetName,
    /// What.
    #[serde(flatten)]
    pub pausable: Pausable,
    /// The databases of the plan that it works in.
    pub works_in: Vec<TargetName>,
    /// How long it is awaited where it is under way.
    #[serde(rename = "wait_ms", serialize_with = "milliseconds")]
    pub wait: Duration,
}

/// What an earlier run paused and did not resume: the next one does, before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftPaused {
    /// The database whose ledger has the obligation.
    pub target: TargetName,
    /// The obligation.
    #[serde(flatten)]
    pub obligation: Obligation,
}

/// What became of an obligation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resumption {
    /// The database whose ledger has it.
    pub target: TargetName,
    /// Its number there.
    pub id: u64,
    /// The run that owed it.
    pub owner: RunId,
    /// What was paused.
    pub what: String,
    /// What became of it.
    #[serde(flatten)]
    pub end: ResumptionEnd,
}

/// How resuming ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum ResumptionEnd {
    /// It goes on.
    Resumed,
    /// Another run keeps it paused, and resumes it.
    StillNeeded,
    /// It is not there any more.
    Gone,
    /// It is still paused, and the next run tries again.
    Failed {
        /// Why.
        failure: Failure,
    },
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_millis().serialize(serializer)
}

impl Plan {
    /// Whether running it would do anything.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.steps.is_empty() || !self.left_paused.is_empty()
    }
}

/// Whether `target` is the name of its database under which debts are shown and paid: the one that pauses there, or the first.
pub(crate) fn answers(graph: &Graph<'_>, databases: &Databases<'_>, target: &TargetName) -> bool {
    let mut names = graph.catalog().targets.values().filter(|other| databases.are_one(&other.name, target));
    let watching = names.find(|other| other.watches()).map(|other| &other.name);
    watching.unwrap_or_else(|| databases.first(target)) == target
}

/// What has to be resumed because whoever paused it is gone.
pub(crate) fn left_paused(graph: &Graph<'_>, observed: &Observations) -> Vec<LeftPaused> {
    let databases = Databases::of(observed);
    let facts = observed.values().filter_map(Observed::facts).filter(|one| answers(graph, &databases, &one.target));
    let open = facts.flat_map(|facts| facts.pausing.obligations.iter().map(|one| (&facts.target, one)));
    open.filter(|(_, obligation)| !obligation.held)
        .map(|(target, obligation)| LeftPaused { target: target.clone(), obligation: obligation.clone() })
        .collect()
}

/// What is paused while `steps` run, and why something cannot be.
pub(crate) fn pauses(graph: &Graph<'_>, observed: &Observations, steps: &[Step]) -> (Vec<Pause>, Vec<Finding>) {
    let (mut pauses, mut findings): (Vec<Pause>, Vec<Finding>) = (Vec::new(), Vec::new());
    let databases = Databases::of(observed);
    for target in graph.catalog().targets.values().filter(|target| target.watches()) {
        let Some(facts) = observed.get(&target.name).and_then(Observed::facts).filter(|_| !steps.is_empty()) else {
            continue;
        };
        findings.extend(unreadable(target, facts));
        let before = pauses.len();
        let fitting = facts.pausing.pausable.iter().filter(|one| one.active && fits(target, &one.name));
        for pausable in fitting {
            let works_in =
                works_in(observed, steps, &Identity { database: pausable.database, ..facts.identity.clone() });
            let twice =
                |pause: &Pause| pause.pausable.key == pausable.key && databases.are_one(&pause.target, &target.name);
            if !works_in.is_empty() && !pauses.iter().any(twice) {
                let wait = target.pause_wait;
                pauses.push(Pause { target: target.name.clone(), pausable: pausable.clone(), works_in, wait });
            }
        }
        findings.extend((pauses.len() > before && !facts.capabilities.sessions).then(|| without_session(target)));
    }
    (pauses, findings)
}

impl Target {
    /// Whether it takes part in every run, because something in it may have to be paused for other databases.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.enabled && !self.pause.is_empty()
    }
}

fn fits(target: &Target, name: &str) -> bool {
    target.pause.iter().any(|pattern| pattern.fits(name))
}

/// The targets with steps that are this database.
fn works_in(observed: &Observations, steps: &[Step], database: &Identity) -> Vec<TargetName> {
    let is_it =
        |facts: &&TargetFacts| facts.identity.system == database.system && facts.identity.database == database.database;
    let facts = observed.values().filter_map(Observed::facts).filter(is_it);
    facts.map(|facts| &facts.target).filter(|name| steps.iter().any(|step| step.target == **name)).cloned().collect()
}

fn unreadable(target: &Target, facts: &TargetFacts) -> Option<Finding> {
    let why = facts.pausing.unreadable.as_ref()?;
    let message = format!("what `pause` of target `{}` names cannot be read: {why}", target.name);
    let hint = "let the role that migrates read it, or take `pause` away from the target";
    Some(Finding::error("pause-unreadable", message).class(Class::Failed).at(target.place.clone()).hint(hint))
}

fn without_session(target: &Target) -> Finding {
    let name = &target.name;
    let message = format!(
        "`{name}` pauses jobs for the length of a run, and is reached through a connection pooler: nothing there shows that a run still lives"
    );
    let hint = format!("give `{name}` a `direct_url` that goes past the pooler");
    Finding::error("session-needed", message).at(target.place.clone()).hint(hint)
}
