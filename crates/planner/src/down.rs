//! The plan of `down`: what is taken back, in reverse topological order over all databases.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::check::{Observations, Standing, resumes, row_of, standing, unreachable};
use crate::cron::removed;
use crate::databases::Databases;
use crate::graph::EdgeKind;
use crate::identity::{Identities, standbys};
use crate::needs;
use crate::pausing::{left_paused, pauses};
use crate::repair::commands;
use crate::select::named;
use crate::through::Through;
use crate::up::{planned_targets, weigh, without_session};
use crate::{
    Action, Body, Class, Direction, Finding, Graph, Kind, LedgerRow, Migration, MigrationId, MigrationIx, Plan,
    RowState, RunId, Selection, Step, StepIx, TargetName, Wait,
};

/// Which applied migrations are to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DownScope {
    /// The last applied one of the one selected set.
    Last,
    /// This one: an id, or a version that only one applied migration of the selection bears.
    Version(String),
    /// Everything of its set after this one, which stays.
    To(String),
    /// What this run applied.
    Run(RunId),
}

/// What `down` was asked for beside its selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownRequest {
    /// Which migrations.
    pub scope: DownScope,
    /// Whether applied dependents are taken back too.
    pub cascade: bool,
}

/// Plans to take back what `request` names of `selection`.
///
/// Refuses as a whole, by findings of severity error, what has no down, what others depend on (without `cascade`), and what
/// was edited since it was applied.
#[must_use]
pub fn plan_down(graph: &Graph<'_>, selection: &Selection, observed: &Observations, request: &DownRequest) -> Plan {
    let mut findings: Vec<_> = unreachable(observed).collect();
    findings.extend(standbys(graph.catalog(), observed));
    findings.extend(Identities::judge(graph.catalog(), observed).findings.into_iter().filter(Finding::is_error));
    let applied = Applied::read(graph, observed);
    let named = applied.named(selection, &request.scope).unwrap_or_else(|finding| {
        findings.push(finding);
        BTreeSet::new()
    });
    let taken = applied.with_dependents(&named);
    findings.extend(applied.without_file(&taken));
    if !request.cascade {
        findings.extend(applied.refuse_dependents(&named, &taken));
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut step_of = BTreeMap::new();
    for ix in graph.order().iter().rev().copied().filter(|ix| taken.contains(ix)) {
        findings.extend(applied.refusals(ix));
        let requested = named.first().filter(|_| !named.contains(&ix)).map(|first| graph.migration(*first).id.clone());
        if let Some(step) = applied.step(ix, &step_of, requested) {
            step_of.insert(ix, StepIx(steps.len()));
            steps.push(step);
        }
    }
    weigh(&mut steps);
    findings.extend(without_session(&steps, observed));
    findings.extend(needs::unmet(graph, observed, &steps));
    let (pauses, refused) = pauses(graph, observed, &steps);
    findings.extend(refused);
    Plan {
        project: graph.catalog().project.clone(),
        environment: graph.catalog().environment.clone(),
        direction: Direction::Down,
        targets: planned_targets(graph, observed),
        steps,
        pauses,
        left_paused: left_paused(graph, observed),
        held: Vec::new(),
        settled: 0,
        findings,
    }
}

/// The applied migrations and who among them needs whom.
struct Applied<'p> {
    graph: &'p Graph<'p>,
    observed: &'p Observations,
    databases: Databases<'p>,
    members: BTreeSet<MigrationIx>,
    dependents: BTreeMap<MigrationIx, BTreeMap<MigrationIx, EdgeKind>>,
}

impl<'p> Applied<'p> {
    fn read(graph: &'p Graph<'p>, observed: &'p Observations) -> Self {
        let takes_part =
            |ix: &MigrationIx| row_of(graph, observed, *ix).is_some_and(|row| row.state != RowState::Reverted);
        let members: BTreeSet<_> = graph.order().iter().copied().filter(takes_part).collect();
        let mut dependents: BTreeMap<MigrationIx, BTreeMap<_, _>> = BTreeMap::new();
        let mut between = Through::default();
        for later in graph.order().iter().copied() {
            let why: HashMap<_, _> = graph
                .earlier(later)
                .filter(|edge| binds(graph.migration(later), edge.kind))
                .map(|edge| (edge.earlier, edge.kind.clone()))
                .collect();
            let mut earlier: Vec<_> = why.keys().copied().collect();
            let row = row_of(graph, observed, later).filter(|_| members.contains(&later));
            let by_ledger =
                row.into_iter().flat_map(|row| &row.dependencies).filter_map(|needed| graph.find(&needed.id));
            earlier.extend(by_ledger);
            let nearest = between.nearest(&earlier, |ix| members.contains(&ix));
            if !members.contains(&later) {
                between.pass(later, nearest);
                continue;
            }
            for needed in nearest.iter() {
                let why = why.get(needed).cloned().unwrap_or(EdgeKind::Sequence);
                dependents.entry(*needed).or_default().insert(later, why);
            }
        }
        Self { graph, observed, databases: Databases::of(observed), members, dependents }
    }

    /// The migrations that the request names.
    fn named(&self, selection: &Selection, scope: &DownScope) -> Result<BTreeSet<MigrationIx>, Finding> {
        let selected: BTreeSet<_> = self.members.iter().copied().filter(|ix| selection.is_chosen(*ix)).collect();
        match scope {
            DownScope::Last => self.last(&selected),
            DownScope::Version(text) => match named(self.graph, &selected, text, "applied migration") {
                Ok(ix) => Ok(BTreeSet::from([ix])),
                // The same `down` again, after it was done.
                Err(_) if self.is_back(selection, text) => Ok(BTreeSet::new()),
                Err(unknown) => Err(unknown),
            },
            DownScope::To(text) => {
                let stays = named(self.graph, &selected, text, "applied migration")?;
                let stays = &self.graph.migration(stays).id;
                let after = |id: &MigrationId| id.set == stays.set && id.version > stays.version;
                Ok(selected
                    .into_iter()
                    .filter(|ix| after(&self.graph.migration(*ix).id) && self.goes_back(*ix))
                    .collect())
            }
            DownScope::Run(run) => {
                let by_run =
                    |ix: &MigrationIx| row_of(self.graph, self.observed, *ix).is_some_and(|row| row.run == *run);
                let found: BTreeSet<_> = selected.into_iter().filter(by_run).filter(|ix| self.goes_back(*ix)).collect();
                if found.is_empty() {
                    return Err(Finding::error(
                        "run-unknown",
                        format!("no applied migration was applied by run `{run}`"),
                    )
                    .hint("`dunlin history` lists the runs"));
                }
                Ok(found)
            }
        }
    }

    /// Whether `text` names one migration of the selection, and that one is not applied.
    fn is_back(&self, selection: &Selection, text: &str) -> bool {
        let chosen = self.graph.order().iter().copied().filter(|ix| selection.is_chosen(*ix)).collect();
        named(self.graph, &chosen, text, "migration").is_ok_and(|ix| !self.members.contains(&ix))
    }

    fn last(&self, selected: &BTreeSet<MigrationIx>) -> Result<BTreeSet<MigrationIx>, Finding> {
        let mut last_of = BTreeMap::new();
        for ix in selected.iter().copied().filter(|ix| self.goes_back(*ix)) {
            let id = &self.graph.migration(ix).id;
            let last = last_of.entry(&id.set).or_insert(ix);
            if id.version > self.graph.migration(*last).id.version {
                *last = ix;
            }
        }
        let lasts: Vec<_> = last_of.into_values().collect();
        match lasts.as_slice() {
            [] => Ok(BTreeSet::new()),
            [only] => Ok(BTreeSet::from([*only])),
            several => {
                let list: Vec<_> = several.iter().map(|ix| format!("`{}`", self.graph.migration(*ix).id)).collect();
                let message = format!("several sets have a last applied migration: {}", list.join(", "));
                Err(Finding::error("down-ambiguous", message)
                    .hint(format!("choose one with --set, --service or --version {}", list[0].trim_matches('`'))))
            }
        }
    }

    /// Repeatables are replaced, never taken back, but for declared jobs, which go; a seed without a down goes when what it needs goes.
    fn goes_back(&self, ix: MigrationIx) -> bool {
        let migration = self.graph.migration(ix);
        !is_replaced(migration) && !self.is_forgotten(ix)
    }

    fn is_forgotten(&self, ix: MigrationIx) -> bool {
        let migration = self.graph.migration(ix);
        migration.kind == Kind::Seed && migration.down.is_none()
    }

    /// It was asked for before, and interrupted.
    fn is_going_back(&self, ix: MigrationIx) -> bool {
        standing(self.graph.migration(ix), row_of(self.graph, self.observed, ix)) == Standing::GoingBack
    }

    fn with_dependents(&self, named: &BTreeSet<MigrationIx>) -> BTreeSet<MigrationIx> {
        let mut taken = named.clone();
        let mut stack: Vec<_> = named.iter().copied().collect();
        while let Some(ix) = stack.pop() {
            stack.extend(
                self.dependents
                    .get(&ix)
                    .into_iter()
                    .flat_map(BTreeMap::keys)
                    .copied()
                    .filter(|later| taken.insert(*later)),
            );
        }
        taken
    }

    fn refuse_dependents(&self, named: &BTreeSet<MigrationIx>, taken: &BTreeSet<MigrationIx>) -> Option<Finding> {
        let others = taken.difference(named).filter(|ix| !self.is_forgotten(**ix) && !self.is_going_back(**ix));
        let others: Vec<_> = others.map(|ix| format!("`{}`", self.graph.migration(*ix).id)).collect();
        let first = self.graph.migration(*named.first()?);
        let message = format!("`{}` cannot go alone, applied migrations need it: {}", first.id, others.join(", "));
        (!others.is_empty()).then(|| {
            Finding::error("down-has-dependents", message).hint("take them back too with --cascade").of(&first.id)
        })
    }

    /// Applied migrations without a file that stand behind what is taken: nobody knows how to take them back first.
    fn without_file(&self, taken: &BTreeSet<MigrationIx>) -> Vec<Finding> {
        let taken: BTreeSet<_> = taken.iter().map(|ix| &self.graph.migration(*ix).id).collect();
        let first_of: HashMap<_, _> = taken.iter().rev().map(|id| (&id.set, *id)).collect();
        let behind = |row: &LedgerRow| {
            let in_sequence = first_of.get(&row.id.set).copied().filter(|first| first.version < row.id.version);
            row.dependencies.iter().map(|needed| &needed.id).find(|id| taken.contains(id)).or(in_sequence).cloned()
        };
        let rows = self.databases.rows(self.graph.catalog(), self.observed);
        rows.filter(|(_, row)| row.state != RowState::Reverted && self.graph.find(&row.id).is_none())
            .filter_map(|(target, row)| Some(orphan(target, row, &behind(row)?)))
            .collect()
    }

    /// Why this migration cannot be taken back, if it cannot.
    fn refusals(&self, ix: MigrationIx) -> Option<Finding> {
        let migration = self.graph.migration(ix);
        let id = &migration.id;
        let row = row_of(self.graph, self.observed, ix);
        let finding = match standing(migration, row) {
            Standing::Edited if row.is_some_and(|row| row.state == RowState::Reverting) => Finding::error(
                "migration-edited",
                format!("`{id}` was taken back in part, and what was done of its down was edited since"),
            )
            .class(Class::Drift)
            .hint("put the down's file back as it was, so that it can be finished"),
            Standing::Edited => Finding::error("migration-edited", format!("`{id}` was edited since it was applied"))
                .class(Class::Drift)
                .hint("put the file back as it was: its down belongs to what was applied"),
            Standing::Dirty => Finding::error("migration-dirty", format!("`{id}` stopped half way"))
                .class(Class::Dirty)
                .hint(format!("look at the database, then say {}", commands(Some(migration), row?))),
            Standing::Resumable => {
                Finding::error("migration-unfinished", format!("`{id}` was interrupted and is not finished"))
                    .class(Class::Dirty)
                    .hint("finish it with `dunlin up` first")
            }
            _ if migration.way_back().is_none() => Finding::error("down-missing", format!("`{id}` has no down"))
                .hint("write one, or go forward with a new migration"),
            _ => return None,
        };
        Some(finding.at(migration.place.clone()).of(id))
    }

    fn step(
        &self,
        ix: MigrationIx,
        step_of: &BTreeMap<MigrationIx, StepIx>,
        requested: Option<MigrationId>,
    ) -> Option<Step> {
        let migration = self.graph.migration(ix);
        let set = &self.graph.catalog().sets[migration.set()];
        let dependents = || self.dependents.get(&ix).into_iter().flatten();
        let here = |later: &MigrationIx| {
            let target = &self.graph.catalog().sets[self.graph.migration(*later).set()].target;
            self.databases.are_one(target, &set.target)
        };
        Some(Step {
            id: migration.id.clone(),
            name: migration.name.clone(),
            service: set.service.clone(),
            target: set.target.clone(),
            kind: migration.kind,
            phase: migration.phase,
            action: Action::Revert {
                dependents: dependents()
                    .map(|(later, _)| later)
                    .filter(|later| here(later))
                    .map(|later| self.graph.migration(*later).id.clone())
                    .collect(),
            },
            checksum: row_of(self.graph, self.observed, ix)?.checksum,
            body: Body { jobs: removed(self.graph, self.observed, ix), ..migration.way_back()? },
            waits: dependents()
                .filter_map(|(later, why)| Some(Wait { step: *step_of.get(later)?, why: why.clone() }))
                .collect(),
            pulled_in_by: requested,
            resumes: self.is_going_back(ix) && resumes(row_of(self.graph, self.observed, ix), &migration.way_back()?),
            estimate: None,
            remaining: 1,
        })
    }
}

fn orphan(target: &TargetName, row: &LedgerRow, before: &MigrationId) -> Finding {
    let message = format!("`{}` is applied in `{target}` behind `{before}`, and no file has it any more", row.id);
    Finding::error("migration-missing", message)
        .class(Class::Drift)
        .hint("bring the file back from version control, so that it can be taken back first")
        .of(&row.id)
}

/// Whether an edge keeps an applied migration from going while `later` is applied: repeatables follow, they do not bind.
fn binds(later: &Migration, kind: &EdgeKind) -> bool {
    match kind {
        EdgeKind::Declared { .. } | EdgeKind::Inferred { .. } => true,
        EdgeKind::Sequence => !is_replaced(later),
        EdgeKind::After => false,
    }
}

fn is_replaced(migration: &Migration) -> bool {
    migration.kind == Kind::Repeatable && migration.up.jobs.is_none()
}
