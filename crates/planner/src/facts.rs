//! What was read from a database: who it is, what it can do, and what its ledger says. Facts only, no judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::{
    Body, Digest, EnvironmentName, Finding, JobFacts, Kind, LedgerId, MigrationId, PauseFacts, RunId, TargetName,
    Timestamp,
};

/// Something a server may or may not offer, by the name that `requires` uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Feature(pub String);

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A server's version number in the form of `server_version_num`, such as 170011.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ServerVersion(pub u32);

/// What a target can do; what drivers differ in is data here, not forks in the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// The server, for people: `PostgreSQL 17.11, timescaledb 2.19.3 (apache)`.
    pub server: String,
    /// The server's version number.
    pub version: ServerVersion,
    /// Whether schema changes roll back.
    pub transactional_ddl: bool,
    /// Whether a step can have a session of its own; behind a connection pooler it has not.
    pub sessions: bool,
    /// What it offers, by the names that `requires` uses.
    pub features: BTreeSet<Feature>,
    /// What nobody can tell of it, such as a library that only a superuser may look for.
    pub unknown: BTreeSet<Feature>,
    /// The extensions that are in the database already.
    pub installed: BTreeSet<Feature>,
}

impl Capabilities {
    /// Whether the server offers `feature`.
    #[must_use]
    pub fn offers(&self, feature: &Feature) -> bool {
        self.features.contains(feature)
    }
}

/// Which database this is, whatever name it was reached by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Identity {
    /// The cluster's system identifier.
    pub system: String,
    /// The database's oid in the cluster.
    pub database: u32,
    /// The timeline; it grows with every failover and restore. 0 where the server does not tell: then its address stands for
    /// the system.
    pub timeline: u32,
}

/// What stands in a target's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Ledger {
    /// There is none yet.
    Absent,
    /// There is one.
    Present {
        /// Its identity.
        id: LedgerId,
        /// The version of the ledger's own tables.
        protocol: u32,
        /// Whether its tables are older than what this program writes, so that the next run upgrades them.
        outdated: bool,
        /// The environment it belongs to.
        environment: Option<EnvironmentName>,
        /// The database that it was made in, or adopted in last; none where that server did not tell.
        born: Option<Identity>,
        /// What was lost in a restore that a person has acknowledged, and was not applied again since.
        lost: BTreeSet<MigrationId>,
        /// Its rows for this project, by migration.
        rows: BTreeMap<MigrationId, LedgerRow>,
    },
}

impl Ledger {
    /// The rows; none where there is no ledger.
    pub fn rows(&self) -> impl Iterator<Item = &LedgerRow> {
        let rows = match self {
            Self::Absent => None,
            Self::Present { rows, .. } => Some(rows.values()),
        };
        rows.into_iter().flatten()
    }

    /// The row of one migration.
    #[must_use]
    pub fn row(&self, id: &MigrationId) -> Option<&LedgerRow> {
        match self {
            Self::Absent => None,
            Self::Present { rows, .. } => rows.get(id),
        }
    }
}

/// The state of a ledger row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// Begun and not finished: in progress or interrupted, or its body left its transaction.
    Running,
    /// Done.
    Applied,
    /// Being taken back.
    Reverting,
    /// Taken back.
    Reverted,
}

impl RowState {
    /// The word as it stands in a ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Applied => "applied",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
        }
    }

    /// Whether it was begun and not finished.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Reverting)
    }
}

/// The connection that works on a migration at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Its process on the server.
    pub pid: u32,
    /// What it calls itself.
    pub application: String,
    /// For how long, in seconds.
    pub seconds: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({}) for {} s", self.pid, self.application, self.seconds)
    }
}

/// One migration's row in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// Which migration.
    pub id: MigrationId,
    /// Its description when it ran.
    pub name: String,
    /// Its kind when it ran.
    pub kind: Kind,
    /// Whether it ran in one transaction.
    pub transactional: bool,
    /// Where it stands.
    pub state: RowState,
    /// SHA-256 of what ran.
    pub checksum: Digest,
    /// SHA-256 of the bare tokens of what ran.
    pub tokens: Digest,
    /// Finished statements, of one that runs statement by statement.
    pub step: u32,
    /// The digests of those statements, and of the next one where it was begun: what may not change any more.
    pub begun: Vec<Digest>,
    /// The run that wrote it.
    pub run: RunId,
    /// How often it was taken up.
    pub attempt: u32,
    /// What it needed when it ran.
    pub dependencies: Vec<StoredDependency>,
    /// When it began, by that database's clock.
    pub started: Timestamp,
    /// When it was finished, by that database's clock.
    pub finished: Option<Timestamp>,
    /// The role that ran it.
    pub by: String,
    /// Who works on it at this moment, of one that is not finished. Without one it was interrupted.
    pub holder: Option<Holder>,
}

impl LedgerRow {
    /// Whether `body` begins with what was begun, so that the rest of it can follow.
    #[must_use]
    pub fn fits(&self, body: &Body) -> bool {
        body.sums().starts_with(&self.begun)
    }

    /// Whether it remembers to need that migration.
    #[must_use]
    pub fn needs(&self, id: &MigrationId) -> bool {
        self.dependencies.iter().any(|needed| needed.id == *id)
    }

    /// Whether the statement behind the finished ones was begun, and may have been done.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.begun.len() > self.step as usize
    }
}

/// A dependency as an applied row remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredDependency {
    /// The migration that had to be applied.
    pub id: MigrationId,
    /// The ledger it was in.
    pub ledger: LedgerId,
}

/// A line of a ledger's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Which migration; none where it is about a run as a whole.
    pub id: Option<MigrationId>,
    /// When, by that database's clock.
    pub at: Timestamp,
    /// In which run, where it was one.
    pub run: Option<RunId>,
    /// What happened, in one word: applied, reverted, failed, repaired, paused, resumed.
    pub what: String,
    /// The role that logged in.
    pub by: String,
    /// The server's message, the reason of a repair, or what was paused.
    pub message: Option<String>,
    /// The SQLSTATE of a failure.
    pub sqlstate: Option<String>,
}

/// Everything read from one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetFacts {
    /// Which target.
    pub target: TargetName,
    /// Which database it is.
    pub identity: Identity,
    /// When its server was started, by its own clock: tells another name of a server from a copy of it.
    pub started: Timestamp,
    /// Whether its server follows another one, and takes no writes.
    pub standby: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What is applied there.
    pub ledger: Ledger,
    /// What is paused there, and what could be.
    pub pausing: PauseFacts,
    /// The name of the database on its server.
    pub database: String,
    /// The jobs that are kept there, where it is a place of jobs.
    pub jobs: Option<Box<JobFacts>>,
}

/// What came of asking a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Observed {
    /// It answered.
    Facts(TargetFacts),
    /// It did not, or what it said cannot be worked with.
    Failed(Finding),
}

impl Observed {
    /// The facts, where there are any.
    #[must_use]
    pub fn facts(&self) -> Option<&TargetFacts> {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Failed(_) => None,
        }
    }
}
