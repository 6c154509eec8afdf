//! The plan of `up`: what is pending, in which order, and what is held back and why.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use crate::check::{Observations, Standing, drift, resumes, row_of, standing, unreachable};
use crate::closure::closure;
use crate::cron;
use crate::databases::Databases;
use crate::graph::EdgeKind;
use crate::identity::standbys;
use crate::needs;
use crate::pausing::{left_paused, pauses};
use crate::through::Through;
use crate::{
    Action, Class, Dependency, Direction, Edge, Feature, Finding, Graph, Held, HeldReason, Kind, LaneKind, Ledger,
    Migration, MigrationId, MigrationIx, Missing, Observed, Plan, PlannedTarget, RowState, Selection, Set, SetName,
    Severity, Step, StepIx, TargetFacts, TargetName, Wait,
};

/// What `up` was asked for beside its selection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpRequest {
    /// Refuse to take along what was not selected.
    pub only: bool,
}

/// Plans the pending part of `selection` by what was observed in its databases.
///
/// The plan is complete even when it holds errors, so that everything wrong shows at once; it must not run then.
#[must_use]
pub fn plan_up(graph: &Graph<'_>, selection: &Selection, observed: &Observations, request: UpRequest) -> Plan {
    let mut planner = Planner {
        graph,
        selection,
        observed,
        databases: Databases::of(observed),
        steps: Vec::new(),
        step_of: BTreeMap::new(),
        held: BTreeMap::new(),
        between: Through::default(),
        refused: BTreeSet::new(),
        settled: 0,
    };
    let mut findings: Vec<_> = unreachable(observed).collect();
    findings.extend(standbys(graph.catalog(), observed));
    findings.extend(drift(graph, observed, selection));
    for ix in graph.order().iter().copied() {
        planner.place(ix, &mut findings);
    }
    let planned = |id: &MigrationId| graph.find(id).is_some_and(|ix| planner.step_of.contains_key(&ix));
    findings.extend(closure(graph, observed, selection, planned));
    findings.extend(planner.not_selected(request));
    findings.retain(|finding| finding.severity > Severity::Note);
    let remarks = graph.catalog().findings.iter().chain(graph.remarks());
    let warnings = remarks.filter(|finding| finding.severity == Severity::Warning);
    let of_a_step = |finding: &&Finding| finding.migration.as_ref().is_none_or(planned);
    findings.extend(warnings.filter(of_a_step).cloned().map(|finding| graph.catalog().policy.judge(finding)));
    weigh(&mut planner.steps);
    findings.extend(without_session(&planner.steps, observed));
    findings.extend(needs::unmet(graph, observed, &planner.steps));
    let (pauses, refused) = pauses(graph, observed, &planner.steps);
    findings.extend(refused);
    Plan {
        project: graph.catalog().project.clone(),
        environment: graph.catalog().environment.clone(),
        direction: Direction::Up,
        targets: planned_targets(graph, observed),
        steps: planner.steps,
        pauses,
        left_paused: left_paused(graph, observed),
        held: planner.held.into_values().collect(),
        settled: planner.settled,
        findings,
    }
}

/// The databases as they were observed, for the plan.
pub(crate) fn planned_targets(graph: &Graph<'_>, observed: &Observations) -> BTreeMap<TargetName, PlannedTarget> {
    let databases = Databases::of(observed);
    let planned = |facts: &TargetFacts| {
        let (ledger, upgrade) = match &facts.ledger {
            Ledger::Present { id, outdated, .. } => (Some(id.clone()), *outdated),
            Ledger::Absent => (None, false),
        };
        let server = facts.capabilities.server.clone();
        PlannedTarget {
            kind: graph.catalog().targets[&facts.target].kind,
            server,
            identity: facts.identity.clone(),
            ledger,
            upgrade,
            same_as: Some(databases.first(&facts.target)).filter(|first| **first != facts.target).cloned(),
        }
    };
    observed.iter().filter_map(|(name, observed)| Some((name.clone(), planned(observed.facts()?)))).collect()
}

/// Steps outside a transaction in databases where they cannot have the session that they need.
pub(crate) fn without_session(steps: &[Step], observed: &Observations) -> Vec<Finding> {
    let is_without = |step: &&Step| {
        let facts = observed.get(&step.target).and_then(Observed::facts);
        step.lane() == LaneKind::Long && facts.is_some_and(|facts| !facts.capabilities.sessions)
    };
    let finding = |step: &Step| {
        let (id, target) = (&step.id, &step.target);
        let message =
            format!("`{id}` runs outside a transaction, and `{target}` is reached through a connection pooler");
        let hint = format!("give `{target}` a `direct_url` that goes past the pooler");
        Finding::error("session-needed", message).class(Class::Invalid).hint(hint).of(id)
    };
    steps.iter().filter(is_without).map(finding).collect()
}

/// Gives every step the length of the longest path behind it.
pub(crate) fn weigh(steps: &mut [Step]) {
    for at in (0..steps.len()).rev() {
        let behind = steps[at].remaining + 1;
        for wait in 0..steps[at].waits.len() {
            let StepIx(earlier) = steps[at].waits[wait].step;
            steps[earlier].remaining = steps[earlier].remaining.max(behind);
        }
    }
}

fn refused_pull(by: &MigrationId, step: &Step) -> Finding {
    let message =
        format!("`{by}` needs `{}` of service `{}`, which is pending and was not selected", step.id, step.service);
    Finding::error("pull-in-refused", message)
        .hint(format!("run `dunlin up --service {}` first", step.service))
        .of(&step.id)
}

struct Planner<'p> {
    graph: &'p Graph<'p>,
    selection: &'p Selection,
    observed: &'p Observations,
    databases: Databases<'p>,
    steps: Vec<Step>,
    step_of: BTreeMap<MigrationIx, StepIx>,
    held: BTreeMap<MigrationIx, Held>,
    between: Through,
    /// Sets whose missing requirement is reported already.
    refused: BTreeSet<&'p SetName>,
    settled: usize,
}

impl<'p> Planner<'p> {
    /// Puts one migration where it belongs: among the settled, the held, the steps, or aside.
    fn place(&mut self, ix: MigrationIx, findings: &mut Vec<Finding>) {
        let edges: Vec<_> = self.graph.earlier(ix).collect();
        let earlier: Vec<_> = edges.iter().map(|edge| edge.earlier).collect();
        let nearest = self.between.nearest(&earlier, |ix| self.step_of.contains_key(&ix));
        match self.due(ix, findings) {
            Some(stands) => self.push(ix, stands, &edges, &nearest),
            None => self.between.pass(ix, nearest),
        }
    }

    /// Where a migration stands that is to become a step; the others are counted, held or passed over.
    fn due(&mut self, ix: MigrationIx, findings: &mut Vec<Finding>) -> Option<Standing> {
        if !self.selection.contains(ix) {
            return None;
        }
        let migration = self.graph.migration(ix);
        let stands = standing(migration, row_of(self.graph, self.observed, ix));
        let stands = if stands == Standing::Applied && self.differs(ix) { Standing::Changed } else { stands };
        if matches!(stands, Standing::Applied | Standing::Edited) {
            self.settled += 1;
            return None;
        }
        if matches!(stands, Standing::Dirty | Standing::GoingBack) {
            return None;
        }
        if let Some(reason) = self.hold(ix, findings) {
            let target = self.set(ix).target.clone();
            self.held.insert(ix, Held { id: migration.id.clone(), target, reason });
            return None;
        }
        if let Some((_, refused)) = cron::reconciled(self.graph, self.observed, ix, self.steps.is_empty()) {
            findings.extend(refused);
        }
        if stands == Standing::Pending {
            findings.extend(self.out_of_order(ix));
            findings.extend(self.no_way_back(migration));
        }
        Some(stands)
    }

    /// Whether the jobs of an applied set are not as its file says.
    fn differs(&self, ix: MigrationIx) -> bool {
        let jobs = cron::reconciled(self.graph, self.observed, ix, self.steps.is_empty());
        jobs.is_some_and(|(jobs, findings)| !jobs.changes.is_empty() || findings.iter().any(Finding::is_error))
    }

    fn set(&self, ix: MigrationIx) -> &'p Set {
        &self.graph.catalog().sets[self.graph.migration(ix).set()]
    }

    /// Why a pending migration cannot be in the plan, if it cannot.
    fn hold(&mut self, ix: MigrationIx, findings: &mut Vec<Finding>) -> Option<HeldReason> {
        let catalog = self.graph.catalog();
        let (migration, set) = (self.graph.migration(ix), self.set(ix));
        if !catalog.targets[&set.target].enabled {
            return Some(HeldReason::TargetOff);
        }
        if migration.kind == Kind::Seed && !catalog.policy.seeds {
            return Some(HeldReason::SeedsOff);
        }
        let facts = self.observed.get(&set.target).and_then(|observed| observed.facts());
        if let Some(feature) =
            facts.and_then(|facts| set.requires.iter().find(|feature| !facts.capabilities.offers(feature)))
        {
            if set.missing == Missing::Error && self.refused.insert(&set.name) {
                findings.push(missing_feature(set, feature));
            }
            return Some(HeldReason::Missing(feature.to_string()));
        }
        let needed = self.graph.earlier(ix).filter(|edge| *edge.kind != EdgeKind::After);
        needed.filter_map(|edge| self.held.get(&edge.earlier)).map(|held| HeldReason::Needs(held.id.clone())).next()
    }

    /// A migration without a down, where the policy asks for one.
    fn no_way_back(&self, migration: &Migration) -> Option<Finding> {
        let asked = self.graph.catalog().policy.require_down && migration.kind != Kind::Repeatable;
        (asked && migration.way_back().is_none()).then(|| {
            Finding::error(
                "down-required",
                format!("`{}` has no down, and this environment requires one", migration.id),
            )
            .at(migration.place.clone())
            .hint("write one, or set `require_down = false` under [policy]")
            .of(&migration.id)
        })
    }

    /// A version lower than one that is applied in its set already.
    fn out_of_order(&self, ix: MigrationIx) -> Option<Finding> {
        let (migration, set) = (self.graph.migration(ix), self.set(ix));
        if set.out_of_order || migration.kind != Kind::Versioned {
            return None;
        }
        let Ledger::Present { rows, .. } = &self.observed.get(&set.target)?.facts()?.ledger else { return None };
        let (higher, _) = rows
            .range((Bound::Excluded(&migration.id), Bound::Unbounded))
            .take_while(|(id, _)| id.set == set.name)
            .find(|(_, row)| row.kind == Kind::Versioned && row.state == RowState::Applied)?;
        let message = format!("`{}` is pending, and `{higher}` of its set is applied already", migration.id);
        let hint = "give it a version after that one, or set `out_of_order = true` for its set";
        Some(Finding::error("out-of-order", message).at(migration.place.clone()).hint(hint).of(&migration.id))
    }

    fn push(&mut self, ix: MigrationIx, stands: Standing, edges: &[Edge<'_>], nearest: &BTreeSet<MigrationIx>) {
        let migration = self.graph.migration(ix);
        let set = self.set(ix);
        // What lies behind applied migrations orders pending work only, as `after` does.
        let why: HashMap<_, _> = edges.iter().map(|edge| (edge.earlier, edge.kind)).collect();
        let why = |earlier| why.get(&earlier).map_or(EdgeKind::After, |kind| (*kind).clone());
        let waits = nearest.iter().map(|earlier| Wait { step: self.step_of[earlier], why: why(*earlier) }).collect();
        let after = edges
            .iter()
            .filter(|edge| *edge.kind != EdgeKind::After && !self.held.contains_key(&edge.earlier))
            .map(|edge| self.dependency(&set.target, edge.earlier, edge.kind))
            .collect();
        let pulled_in_by = self.selection.pulled_in_by(ix).map(|by| self.graph.migration(by).id.clone());
        let mut body = migration.up.clone();
        if let Some((jobs, _)) = cron::reconciled(self.graph, self.observed, ix, self.steps.is_empty()) {
            body.jobs = Some(jobs);
        }
        self.step_of.insert(ix, StepIx(self.steps.len()));
        self.steps.push(Step {
            id: migration.id.clone(),
            name: migration.name.clone(),
            service: set.service.clone(),
            target: set.target.clone(),
            kind: migration.kind,
            phase: migration.phase,
            action: Action::Apply { after, again: stands == Standing::Changed },
            checksum: migration.up.digest,
            body,
            waits,
            pulled_in_by,
            resumes: stands == Standing::Resumable && resumes(row_of(self.graph, self.observed, ix), &migration.up),
            estimate: None,
            remaining: 1,
        });
    }

    /// An error per step that was not selected, where the request or the policy refuses to take it along.
    fn not_selected(&self, request: UpRequest) -> Vec<Finding> {
        let policy = &self.graph.catalog().policy;
        let refusal = |(ix, step): (&MigrationIx, &StepIx)| {
            let by = self.selection.pulled_in_by(*ix)?;
            let step = &self.steps[step.0];
            let is_refused = request.only || (!policy.pull_in && self.set(by).service != step.service);
            is_refused.then(|| refused_pull(&self.graph.migration(by).id, step))
        };
        self.step_of.iter().filter_map(refusal).collect()
    }

    /// A predecessor as the claim checks it: applied with the checksum that its ledger row has, or will have.
    fn dependency(&self, of: &TargetName, earlier: MigrationIx, kind: &EdgeKind) -> Dependency {
        let migration = self.graph.migration(earlier);
        let applied = row_of(self.graph, self.observed, earlier)
            .filter(|row| row.state == RowState::Applied && !self.step_of.contains_key(&earlier))
            .map(|row| row.checksum);
        let target = &self.set(earlier).target;
        Dependency {
            id: migration.id.clone(),
            checksum: applied.unwrap_or(migration.up.digest),
            // The same database under another name is as near as its own.
            target: if self.databases.are_one(target, of) { of.clone() } else { target.clone() },
            declared: matches!(kind, EdgeKind::Declared { .. }),
        }
    }
}

fn missing_feature(set: &Set, feature: &Feature) -> Finding {
    let message =
        format!("set `{}` requires `{feature}`, which the server of `{}` does not offer", set.name, set.target);
    Finding::error("feature-missing", message)
        .class(Class::Invalid)
        .at(set.place.clone())
        .hint(format!("install `{feature}` there, or set `missing = \"hold\"` for set `{}`", set.name))
}
