//! Edges that nobody declared: a job that calls a function waits for the migration that makes it, in whichever database.
//!
//! They are the weakest. One that contradicts what is declared, or the order of a set, gives way, and a finding tells.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::graph::{EdgeKind, Edges, MigrationIx};
use crate::{Catalog, Finding, Kind, MigrationId, Place, QualifiedName, SetName, TargetName};

/// A function or procedure that a migration makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeRoutine {
    /// The migration.
    pub by: MigrationId,
    /// The routine; the schema is the first of the search path where none is written.
    pub name: QualifiedName,
}

/// A function or procedure that a job calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalledRoutine {
    /// The migration that schedules the job.
    pub by: MigrationId,
    /// The job's name, where it has one.
    pub job: String,
    /// The database that the job works in, as it is written: a target's name or a real one; none is that of the jobs.
    pub database: Option<String>,
    /// The routine.
    pub name: QualifiedName,
    /// Where the job is written.
    pub place: Place,
}

/// Adds every inferred edge that contradicts none of `edges`; what gives way is among the findings that come back.
pub(crate) fn infer(catalog: &Catalog, edges: &mut Edges) -> Vec<Finding> {
    let index: BTreeMap<&MigrationId, MigrationIx> =
        catalog.migrations.iter().enumerate().map(|(number, one)| (&one.id, MigrationIx(number))).collect();
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for call in &catalog.called {
        let Some(later) = index.get(&call.by).copied() else { continue };
        for made in makers(catalog, call) {
            let Some(earlier) = index.get(made).copied().filter(|earlier| *earlier != later) else { continue };
            if edges.contains_key(&(earlier, later)) {
                continue;
            }
            if leads(edges, later, earlier) {
                if told.insert((earlier, later)) {
                    findings.push(gives_way(call, made));
                }
                continue;
            }
            let (place, routine) = (call.place.clone(), call.name.to_string());
            edges.insert((earlier, later), EdgeKind::Inferred { place, routine });
        }
    }
    findings
}

/// The first migration of each set that makes what is called, in the databases that are meant.
pub(crate) fn makers<'c>(catalog: &'c Catalog, call: &CalledRoutine) -> Vec<&'c MigrationId> {
    let target_of = |id: &MigrationId| catalog.sets.get(&id.set).map(|set| &set.target);
    let named = call.database.as_deref().and_then(|name| catalog.targets.keys().find(|target| target.as_str() == name));
    let meant = |target: &TargetName| match (named, &call.database) {
        (Some(named), _) => target == named,
        (None, None) => Some(target) == target_of(&call.by),
        // A real database's name: which target it is shows only when it is asked.
        (None, Some(_)) => Some(target) != target_of(&call.by),
    };
    let mut first: BTreeMap<&SetName, (bool, &'c MigrationId)> = BTreeMap::new();
    let mut targets = BTreeSet::new();
    for made in catalog.made.iter().filter(|made| made.name == call.name) {
        let Some(target) = target_of(&made.by).filter(|target| meant(target)) else { continue };
        targets.insert(target);
        let is_repeatable = catalog.migrations.iter().any(|one| one.id == made.by && one.kind == Kind::Repeatable);
        let here = (is_repeatable, &made.by);
        let known = first.entry(&made.by.set).or_insert(here);
        *known = here.min(*known);
    }
    // Of several databases that have it, nobody knows which is meant.
    if targets.len() > 1 { Vec::new() } else { first.into_values().map(|(_, id)| id).collect() }
}

/// Whether a way leads from one to the other.
fn leads(edges: &Edges, from: MigrationIx, to: MigrationIx) -> bool {
    let (mut seen, mut stack) = (BTreeSet::from([from]), vec![from]);
    while let Some(at) = stack.pop() {
        if at == to {
            return true;
        }
        let next = edges.range((at, MigrationIx(0))..=(at, MigrationIx(usize::MAX))).map(|((_, next), _)| *next);
        stack.extend(next.filter(|next| seen.insert(*next)));
    }
    false
}

fn gives_way(call: &CalledRoutine, made: &MigrationId) -> Finding {
    let message = format!(
        "job `{}` of `{}` calls `{}`, which `{made}` makes, and what is declared has `{made}` come later",
        call.job, call.by, call.name
    );
    let hint = "what is declared counts; the job fails until the other one is applied";
    Finding::warning("edge-gives-way", message).at(call.place.clone()).hint(hint).of(&call.by)
}
