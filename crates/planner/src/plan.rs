//! The plan: an inert value that is shown, rendered and executed as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::event::LaneKind;
use crate::graph::EdgeKind;
use crate::{
    Body, Digest, EnvironmentName, Finding, Identity, Kind, LedgerId, LeftPaused, MigrationId, Pause, Phase,
    ProjectName, ServiceName, TargetKind, TargetName,
};

/// A step's index in [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepIx(pub usize);

/// Whether a plan applies or takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Applies pending migrations.
    Up,
    /// Takes applied ones back.
    Down,
}

/// Which steps on which target in which order, with findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The project, part of every ledger key.
    pub project: ProjectName,
    /// The environment it was made for; stamped into every ledger it creates.
    pub environment: Option<EnvironmentName>,
    /// Up or down.
    pub direction: Direction,
    /// The databases that its steps touch or rely on.
    pub targets: BTreeMap<TargetName, PlannedTarget>,
    /// The steps; every step stands behind those it waits for.
    pub steps: Vec<Step>,
    /// What rests while the steps run.
    pub pauses: Vec<Pause>,
    /// What earlier runs paused and did not resume: it is resumed before anything else, even where there are no steps.
    pub left_paused: Vec<LeftPaused>,
    /// What is pending and selected, yet not in the plan, and why.
    pub held: Vec<Held>,
    /// How many of the selected migrations need nothing.
    pub settled: usize,
    /// What was found; an error means that the plan must not run.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// The step at `ix`.
    #[must_use]
    pub fn step(&self, ix: StepIx) -> &Step {
        &self.steps[ix.0]
    }

    /// The indexes of all steps, in order.
    pub fn indexes(&self) -> impl Iterator<Item = StepIx> + use<> {
        (0..self.steps.len()).map(StepIx)
    }

    /// The name that stands for the database of `target`; targets that are one database share it.
    #[must_use]
    pub fn database<'p>(&'p self, target: &'p TargetName) -> &'p TargetName {
        self.targets.get(target).and_then(|planned| planned.same_as.as_ref()).unwrap_or(target)
    }

    /// The databases in which it has steps, each by the name that stands for it.
    #[must_use]
    pub fn databases(&self) -> BTreeSet<&TargetName> {
        self.steps.iter().map(|step| self.database(&step.target)).collect()
    }

    /// The findings that forbid running it.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_error())
    }
}

/// A database as the plan found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedTarget {
    /// What it must offer at least.
    pub kind: TargetKind,
    /// The server, for people.
    pub server: String,
    /// Which database it is.
    pub identity: Identity,
    /// Its ledger; none yet means that the run creates it.
    pub ledger: Option<LedgerId>,
    /// Whether the run upgrades its ledger's tables.
    pub upgrade: bool,
    /// The target that leads to the same database and stands for it.
    pub same_as: Option<TargetName>,
}

/// One migration to apply or take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which migration.
    pub id: MigrationId,
    /// Its description.
    pub name: String,
    /// Its service.
    pub service: ServiceName,
    /// Its database.
    pub target: TargetName,
    /// Versioned, repeatable or seed.
    pub kind: Kind,
    /// Its phase.
    pub phase: Option<Phase>,
    /// What is done, and what the claim checks in the same transaction.
    pub action: Action,
    /// The checksum of the migration itself (its up body), as the ledger keeps it.
    pub checksum: Digest,
    /// What runs.
    pub body: Body,
    /// The earlier steps it waits for.
    pub waits: Vec<Wait>,
    /// The selected migration that needs it, where it was not selected itself.
    pub pulled_in_by: Option<MigrationId>,
    /// Whether an interrupted attempt is taken up again.
    pub resumes: bool,
    /// About how many rows its backfill walks over, where the server was asked.
    pub estimate: Option<u64>,
    /// Steps on the longest path from here to the end, itself included: longest first when several are ready.
    pub remaining: usize,
}

impl Step {
    /// Whether it runs statement by statement; what was begun so is finished so, whatever its file says now.
    #[must_use]
    pub fn lane(&self) -> LaneKind {
        if self.body.batch.is_some() {
            return LaneKind::Batch;
        }
        if self.resumes || !self.body.is_transactional() { LaneKind::Long } else { LaneKind::Main }
    }
}

/// What a step does to its migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Applies it; all of these must be applied.
    Apply {
        /// Every direct predecessor, of this and of other databases.
        after: Vec<Dependency>,
        /// Whether an applied row is expected: a repeatable whose text changed.
        again: bool,
    },
    /// Takes it back; none of these may be applied.
    Revert {
        /// Its direct dependents in the same database.
        dependents: Vec<MigrationId>,
    },
}

/// A migration that must be applied before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// Which migration.
    pub id: MigrationId,
    /// With this checksum.
    pub checksum: Digest,
    /// In this database; the step's own name for it where it is the same.
    pub target: TargetName,
    /// Whether it is stored in the row and keeps binding afterwards; sequence binds pending work only.
    pub declared: bool,
}

/// Why a step waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// The earlier step.
    pub step: StepIx,
    /// The edge's kind.
    pub why: EdgeKind,
}

/// A pending migration that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Which migration.
    pub id: MigrationId,
    /// Its database.
    pub target: TargetName,
    /// Why.
    pub reason: HeldReason,
}

/// Why a pending migration is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// Its set requires a feature that the server does not offer.
    Missing(String),
    /// Its target is switched off in this environment.
    TargetOff,
    /// The policy loads no seeds.
    SeedsOff,
    /// It needs this migration, which is held back itself.
    Needs(MigrationId),
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(feature) => write!(f, "the server does not offer `{feature}`"),
            Self::TargetOff => f.write_str("its target is switched off in this environment"),
            Self::SeedsOff => f.write_str("the policy loads no seeds"),
            Self::Needs(id) => write!(f, "it needs `{id}`, which is held back"),
        }
    }
}
