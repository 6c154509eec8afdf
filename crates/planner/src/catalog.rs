//! Everything that was read from files, as one value: the planner's input.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::facts::Feature;
use crate::{
    CalledRoutine, EnvironmentName, Finding, MadeRoutine, Migration, Pattern, Place, ProjectName, ServiceName, SetName,
    Severity, TargetName,
};

/// What the files say: targets, services, sets, migrations, dependency files, and what was found wrong while reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// The project's name.
    pub project: ProjectName,
    /// The environment whose files were laid over the base.
    pub environment: Option<EnvironmentName>,
    /// The databases.
    pub targets: BTreeMap<TargetName, Target>,
    /// The services.
    pub services: BTreeMap<ServiceName, Service>,
    /// The migration sets.
    pub sets: BTreeMap<SetName, Set>,
    /// The migrations, in any order.
    pub migrations: Vec<Migration>,
    /// The dependency files.
    pub dependencies: Vec<DependencyFile>,
    /// The functions and procedures that migrations make.
    pub made: Vec<MadeRoutine>,
    /// The functions and procedures that jobs call.
    pub called: Vec<CalledRoutine>,
    /// What this environment asks for.
    pub policy: Policy,
    /// What was found while reading.
    pub findings: Vec<Finding>,
}

/// What a target has to offer at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A PostgreSQL database.
    Postgres,
    /// A PostgreSQL database with TimescaleDB.
    Timescale,
    /// The database of pg_cron's jobs.
    Cron,
    /// A ClickHouse database.
    Clickhouse,
}

impl TargetKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Timescale, Self::Cron, Self::Clickhouse];

    /// The word used in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Timescale => "timescale",
            Self::Cron => "cron",
            Self::Clickhouse => "clickhouse",
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// What it must offer at least.
    pub kind: TargetKind,
    /// Whether it takes part in this environment.
    pub enabled: bool,
    /// Whether its content may be thrown away.
    pub disposable: bool,
    /// The names of the jobs in it that rest while a database is migrated that they work in.
    pub pause: Vec<Pattern>,
    /// How long those of them that are under way are awaited.
    pub pause_wait: Duration,
    /// Where it is declared.
    pub place: Place,
}

/// What one team owns and deploys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Other names that files, headers and `--service` may use.
    pub aliases: Vec<ServiceName>,
    /// Where it is declared.
    pub place: Place,
}

/// One directory tree of migrations of one service for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Its name.
    pub name: SetName,
    /// Its owner.
    pub service: ServiceName,
    /// The database it migrates.
    pub target: TargetName,
    /// Sets whose pending migrations come first.
    pub after: Vec<(SetName, Place)>,
    /// What the server must offer for this set.
    pub requires: Vec<Feature>,
    /// What happens where the server does not offer it.
    pub missing: Missing,
    /// Whether a version lower than an applied one may still be applied.
    pub out_of_order: bool,
    /// The naming style its files follow.
    pub style: String,
    /// Where it is declared.
    pub place: Place,
}

/// What happens to a set whose requirement the server does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// It is held back, and the plan says so.
    Hold,
    /// The plan is refused.
    Error,
}

/// What this environment asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Whether seeds are loaded.
    pub seeds: bool,
    /// Whether a selection may take along other services' pending migrations.
    pub pull_in: bool,
    /// Whether every migration must have a down before it is applied.
    pub require_down: bool,
    /// Whether a warning about a migration keeps it from being applied.
    pub deny_warnings: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { seeds: false, pull_in: true, require_down: false, deny_warnings: false }
    }
}

impl Policy {
    /// The finding with the severity that it has under this policy.
    #[must_use]
    pub fn judge(&self, finding: Finding) -> Finding {
        let refused = self.deny_warnings && finding.severity == Severity::Warning && finding.migration.is_some();
        if refused { Finding { severity: Severity::Error, ..finding } } else { finding }
    }
}

/// A dependency as it was written, not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// `set/version`, `service/version` or a bare version.
    pub text: String,
    /// Where it is written.
    pub place: Place,
}

/// One file of declared dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyFile {
    /// The file, relative to the project's root.
    pub path: String,
    /// Its entries in order.
    pub entries: Vec<DependencyEntry>,
}

/// One entry of a dependency file: this migration of that service needs these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyEntry {
    /// The version, as written.
    pub version: String,
    /// The service or set, as written.
    pub service: String,
    /// Where the version is written.
    pub place: Place,
    /// What it needs.
    pub dependencies: Vec<Reference>,
}
