//! From what is declared and what the server has to what is done.

use std::collections::BTreeSet;

use super::facts::{AppliedJob, JobFacts, LiveJob};
use super::job::{Alteration, Job, JobChange, JobKey, Jobs};
use super::judge;
use crate::check::{Observations, row_of};
use crate::{Catalog, Finding, Graph, Migration, MigrationId, MigrationIx, Observed, RowState, TargetFacts};

/// What applying a set's jobs does now; none where `ix` is none, or its database does not say what jobs it has. What cannot be
/// is among the findings; where `sure` is false, something that runs before may still make what is missing.
pub(crate) fn reconciled(
    graph: &Graph<'_>,
    observed: &Observations,
    ix: MigrationIx,
    sure: bool,
) -> Option<(Jobs, Vec<Finding>)> {
    let migration = graph.migration(ix);
    let declared = &migration.up.jobs.as_ref()?.declared;
    let (facts, jobs) = facts_of(graph.catalog(), observed, migration)?;
    let (mut resolved, mut findings) = (Vec::new(), Vec::new());
    for job in declared {
        match judge::database(graph.catalog(), observed, facts, job, sure) {
            Ok((database, finding)) => {
                findings.extend(finding);
                resolved.push(Job { database: Some(database), ..job.clone() });
            }
            Err(finding) => findings.push(finding),
        }
    }
    let mut changes = Vec::new();
    for job in &resolved {
        match change(&migration.id, job, jobs) {
            Ok(change) => changes.extend(change),
            Err(finding) => findings.push(finding),
        }
    }
    changes.extend(gone(graph.catalog(), migration, declared, jobs));
    findings.extend(judge::permitted(jobs, &resolved, &changes, sure));
    let row = row_of(graph, observed, ix);
    let same = row.filter(|row| row.state == RowState::Applied && row.checksum == migration.up.digest);
    let again = same.filter(|_| !changes.is_empty()).map(|row| row.attempt);
    let findings = findings.into_iter().map(|finding| finding.of(&migration.id)).collect();
    Some((Jobs { declared: resolved, changes, again }, findings))
}

/// What taking a set's jobs back does: each that Dunlin left behind goes.
pub(crate) fn removed(graph: &Graph<'_>, observed: &Observations, ix: MigrationIx) -> Option<Jobs> {
    let migration = graph.migration(ix);
    migration.up.jobs.as_ref()?;
    let changes = facts_of(graph.catalog(), observed, migration)
        .map(|(_, jobs)| gone(graph.catalog(), migration, &[], jobs))
        .unwrap_or_default();
    Some(Jobs { changes, ..Jobs::default() })
}

/// What the database of a set's jobs says.
pub(super) fn facts_of<'o>(
    catalog: &Catalog,
    observed: &'o Observations,
    migration: &Migration,
) -> Option<(&'o TargetFacts, &'o JobFacts)> {
    let facts = observed.get(&catalog.sets.get(migration.set())?.target).and_then(Observed::facts)?;
    Some((facts, facts.jobs.as_deref()?))
}

/// The server's job that is this one: its user's, that of the role that asks, or the only one of its name.
fn find<'f>(facts: &'f JobFacts, name: &str, user: Option<&str>) -> Result<Option<&'f LiveJob>, Vec<&'f LiveJob>> {
    let named: Vec<_> = facts.live.iter().filter(|live| live.name == name).collect();
    let own = |user: &str| named.iter().copied().find(|live| live.user == user);
    match (own(user.unwrap_or(&facts.user)), named.as_slice()) {
        (Some(live), _) => Ok(Some(live)),
        (None, [live]) => Ok(Some(live)),
        (None, []) => Ok(None),
        _ => Err(named),
    }
}

fn change(id: &MigrationId, job: &Job, facts: &JobFacts) -> Result<Option<JobChange>, Finding> {
    let left = facts.applied.get(id).and_then(|jobs| jobs.iter().find(|left| left.name == job.name));
    let live = find(facts, &job.name, job.user.as_deref()).map_err(|several| ambiguous(job, &several))?;
    let Some(live) = live else {
        let by_hand = left.is_some_and(|left| is_as_declared(left, job));
        return Ok(Some(JobChange::Create { job: job.clone(), by_hand }));
    };
    let word = facts.words.get(&live.id);
    let active = word.map_or(job.active, |word| word.active);
    let mut what = Vec::new();
    let mut compare = |key: JobKey, from: &str, to: &str, before: Option<bool>| {
        if from != to {
            what.push(Alteration { key, from: from.to_owned(), to: to.to_owned(), by_hand: before == Some(true) });
        }
    };
    let database = job.database.as_deref().unwrap_or(&facts.database);
    compare(JobKey::Schedule, &live.schedule, &job.schedule, left.map(|left| left.schedule == job.schedule));
    compare(JobKey::Command, &live.command, &job.command, left.map(|left| left.sum == job.sum()));
    compare(JobKey::Database, &live.database, database, left.map(|left| left.database == database));
    let user = job.user.as_deref().unwrap_or(&live.user);
    compare(JobKey::User, &live.user, user, left.map(|left| left.user == job.user));
    let before = left.map(|left| word.is_some() || left.active == job.active);
    compare(JobKey::Active, &live.active.to_string(), &active.to_string(), before);
    let adopted = !facts.knows(&job.name);
    let is_change = adopted || !what.is_empty();
    Ok(is_change.then(|| JobChange::Alter { id: live.id, job: job.clone(), adopted, what }))
}

fn is_as_declared(left: &AppliedJob, job: &Job) -> bool {
    (&left.schedule, left.sum, Some(&left.database), &left.user, left.active)
        == (&job.schedule, job.sum(), job.database.as_ref(), &job.user, job.active)
}

fn ambiguous(job: &Job, several: &[&LiveJob]) -> Finding {
    let users: Vec<_> = several.iter().map(|live| format!("`{}`", live.user)).collect();
    let message = format!("the server has several jobs `{}`, of {}", job.name, users.join(" and "));
    Finding::error("job-ambiguous", message).at(job.place.clone()).hint("say which is meant: user = \"…\"")
}

/// What Dunlin left behind and nobody declares any more.
fn gone(catalog: &Catalog, migration: &Migration, declared: &[Job], facts: &JobFacts) -> Vec<JobChange> {
    let target = |migration: &Migration| catalog.sets.get(migration.set()).map(|set| &set.target);
    let others =
        catalog.migrations.iter().filter(|other| other.id != migration.id && target(other) == target(migration));
    let elsewhere = others.filter_map(|other| other.up.jobs.as_ref()).flat_map(|jobs| &jobs.declared);
    let kept: BTreeSet<&str> = declared.iter().chain(elsewhere).map(|job| job.name.as_str()).collect();
    let left = facts.applied.get(&migration.id).into_iter().flatten();
    let left = left.filter(|left| !kept.contains(left.name.as_str()));
    let found = left.filter_map(|left| find(facts, &left.name, left.user.as_deref()).ok().flatten());
    found.map(|live| JobChange::Remove { id: live.id, name: live.name.clone() }).collect()
}
