//! Every migration of every database, and where it stands.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::advice::unfinished;
use crate::check::{Observations, Standing, drift, row_of, standing};
use crate::closure::closure;
use crate::cron::{drifts, orphans};
use crate::databases::Databases;
use crate::graph::EdgeKind;
use crate::pausing::answers;
use crate::{
    Finding, Graph, Held, Kind, Ledger, LedgerRow, MigrationId, MigrationIx, Obligation, Observed, RowState, Selection,
    ServiceName, TargetKind, TargetName, Timestamp, UpRequest, plan_up,
};

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The databases.
    pub targets: Vec<TargetStatus>,
    /// The selected migrations, in dependency order.
    pub migrations: Vec<MigrationStatus>,
    /// What of the past does not fit.
    pub findings: Vec<Finding>,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetStatus {
    /// Its name.
    pub name: TargetName,
    /// What it must offer at least.
    pub kind: TargetKind,
    /// Whether it takes part in this environment.
    pub enabled: bool,
    /// The server, for people, where it answered.
    pub server: Option<String>,
    /// The target that leads to the same database and stands for it.
    pub same_as: Option<TargetName>,
    /// Whether it has a ledger.
    pub has_ledger: bool,
    /// What runs have paused there, and the next one resumes where they are gone.
    pub paused: Vec<Obligation>,
    /// Why it did not answer.
    pub trouble: Option<Finding>,
}

/// Where one migration stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateWord {
    /// Applied as the file says.
    Applied,
    /// Not applied; the next `up` takes it.
    Pending,
    /// Not applied, and held back.
    Held,
    /// A repeatable whose text changed; the next `up` runs it again.
    Changed,
    /// In progress, or interrupted and taken up by the next `up`.
    Running,
    /// Being taken back, or that was interrupted and `down` resumes it.
    Reverting,
    /// Stopped half way; needs a decision.
    Dirty,
    /// Applied, and its file was edited since.
    Edited,
    /// Applied, and its file is gone.
    Missing,
    /// Pending behind a later version that is applied.
    OutOfOrder,
    /// Its database did not answer.
    Unknown,
}

impl StateWord {
    /// The word as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Changed => "changed",
            Self::Running => "running",
            Self::Reverting => "reverting",
            Self::Dirty => "dirty",
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::OutOfOrder => "out-of-order",
            Self::Unknown => "unknown",
        }
    }
}

/// One migration's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// Which.
    pub id: MigrationId,
    /// Its description.
    pub name: String,
    /// Its service; none when its set is gone.
    pub service: Option<ServiceName>,
    /// Its database.
    pub target: TargetName,
    /// Where it stands.
    pub state: StateWord,
    /// When it was finished, by its database's clock.
    pub finished: Option<Timestamp>,
    /// Which role ran it.
    pub by: Option<String>,
    /// Whether it can be taken back.
    pub has_down: bool,
    /// The migrations it waits for that are not applied.
    pub waits_for: Vec<MigrationId>,
    /// Why it is held back.
    pub reason: Option<String>,
}

/// Where the selected migrations stand by what was observed.
#[must_use]
pub fn status(graph: &Graph<'_>, selection: &Selection, observed: &Observations) -> Status {
    let plan = plan_up(graph, selection, observed, UpRequest::default());
    let out_of_order: Vec<_> = plan.findings.into_iter().filter(|finding| finding.code == "out-of-order").collect();
    let lines = Lines {
        graph,
        observed,
        held: plan.held.iter().map(|held| (&held.id, held)).collect(),
        out_of_order: out_of_order.iter().filter_map(|finding| finding.migration.as_ref()).collect(),
    };
    let known = graph.order().iter().copied().filter(|ix| selection.is_chosen(*ix));
    let mut migrations: Vec<_> = known.map(|ix| lines.line(ix)).collect();
    let databases = Databases::of(observed);
    let rows = databases.rows(graph.catalog(), observed).filter(|(_, row)| selection.concerns(&row.id.set));
    migrations.extend(rows.filter_map(|(target, row)| gone(graph, target, row)));
    let findings = drift(graph, observed, selection).into_iter();
    let findings = findings.chain(closure(graph, observed, selection, |_| true)).chain(out_of_order);
    let findings =
        findings.chain(drifts(graph, observed, selection)).chain(orphans(graph, observed, selection)).collect();
    Status { targets: targets(graph, observed), migrations, findings }
}

fn targets(graph: &Graph<'_>, observed: &Observations) -> Vec<TargetStatus> {
    let databases = Databases::of(observed);
    let paused = |facts: &crate::TargetFacts| facts.pausing.obligations.clone();
    let one = |target: &crate::Target| {
        let observed = observed.get(&target.name);
        let facts = observed.and_then(Observed::facts);
        TargetStatus {
            name: target.name.clone(),
            kind: target.kind,
            enabled: target.enabled,
            server: facts.map(|facts| facts.capabilities.server.clone()),
            same_as: Some(databases.first(&target.name)).filter(|first| **first != target.name).cloned(),
            has_ledger: facts.is_some_and(|facts| matches!(facts.ledger, Ledger::Present { .. })),
            paused: facts.filter(|_| answers(graph, &databases, &target.name)).map(paused).unwrap_or_default(),
            trouble: match observed {
                Some(Observed::Failed(finding)) => Some(finding.clone()),
                _ => None,
            },
        }
    };
    graph.catalog().targets.values().map(one).collect()
}

/// What a migration's line is made of.
struct Lines<'s> {
    graph: &'s Graph<'s>,
    observed: &'s Observations,
    held: HashMap<&'s MigrationId, &'s Held>,
    out_of_order: HashSet<&'s MigrationId>,
}

impl Lines<'_> {
    fn line(&self, ix: MigrationIx) -> MigrationStatus {
        let migration = self.graph.migration(ix);
        let set = &self.graph.catalog().sets[migration.set()];
        let row = row_of(self.graph, self.observed, ix);
        let state = self.state(ix, row);
        let applied = row.filter(|row| row.state == RowState::Applied);
        MigrationStatus {
            id: migration.id.clone(),
            name: migration.name.clone(),
            service: Some(set.service.clone()),
            target: set.target.clone(),
            state,
            finished: applied.and_then(|row| row.finished),
            by: applied.map(|row| row.by.clone()),
            has_down: migration.down.is_some(),
            waits_for: match state {
                StateWord::Applied | StateWord::Unknown => Vec::new(),
                _ => self.unmet(ix),
            },
            reason: match state {
                StateWord::Running | StateWord::Reverting => row.map(|row| unfinished(migration, row)),
                _ => self.held.get(&migration.id).map(|held| held.reason.to_string()),
            },
        }
    }

    fn state(&self, ix: MigrationIx, row: Option<&LedgerRow>) -> StateWord {
        let migration = self.graph.migration(ix);
        let target = &self.graph.catalog().targets[&self.graph.catalog().sets[migration.set()].target];
        let answered = self.observed.get(&target.name).and_then(Observed::facts).is_some();
        match standing(migration, row) {
            _ if !answered && target.enabled => StateWord::Unknown,
            Standing::Applied => StateWord::Applied,
            Standing::Edited => StateWord::Edited,
            Standing::Dirty => StateWord::Dirty,
            Standing::Resumable => StateWord::Running,
            Standing::GoingBack => StateWord::Reverting,
            _ if self.held.contains_key(&migration.id) => StateWord::Held,
            Standing::Changed => StateWord::Changed,
            Standing::Pending if self.out_of_order.contains(&migration.id) => StateWord::OutOfOrder,
            Standing::Pending => StateWord::Pending,
        }
    }

    fn unmet(&self, ix: MigrationIx) -> Vec<MigrationId> {
        let is_applied = |earlier: MigrationIx| {
            row_of(self.graph, self.observed, earlier).is_some_and(|row| row.state == RowState::Applied)
        };
        let needed = self.graph.earlier(ix).filter(|edge| *edge.kind != EdgeKind::After).map(|edge| edge.earlier);
        needed.filter(|earlier| !is_applied(*earlier)).map(|earlier| self.graph.migration(earlier).id.clone()).collect()
    }
}

/// An applied row whose file is gone.
fn gone(graph: &Graph<'_>, target: &TargetName, row: &LedgerRow) -> Option<MigrationStatus> {
    if row.state == RowState::Reverted || graph.find(&row.id).is_some() {
        return None;
    }
    Some(MigrationStatus {
        id: row.id.clone(),
        name: row.name.clone(),
        service: graph.catalog().sets.get(&row.id.set).map(|set| set.service.clone()),
        target: target.clone(),
        state: StateWord::Missing,
        finished: row.finished,
        by: Some(row.by.clone()),
        has_down: false,
        waits_for: Vec::new(),
        reason: None,
    })
}

impl MigrationStatus {
    /// Whether the next `up` would take it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, StateWord::Pending | StateWord::Changed | StateWord::Running | StateWord::OutOfOrder)
    }
}

impl Kind {
    /// The word as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Versioned => "versioned",
            Self::Repeatable => "repeatable",
            Self::Seed => "seed",
        }
    }
}
