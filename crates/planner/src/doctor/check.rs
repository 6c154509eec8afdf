//! What was found out of one thing, in a line with its weight and a way out.

use serde::Serialize;

use crate::{Class, Finding, Offers, TargetKind, TargetName};

/// What a check is about, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Hosts and logins.
    Reach,
    /// TLS.
    Encryption,
    /// A connection pooler, and the way past it.
    Pooler,
    /// Versions, extensions, preloading.
    Software,
    /// What the role may do.
    Privileges,
    /// Ownership, trust and seals.
    Ledger,
    /// Standbys, on either side.
    Replication,
    /// What a migration would wait for.
    Transactions,
    /// Transactions that wait for the second half of their commit.
    Prepared,
    /// Changes of rows that go on by themselves.
    Mutations,
    /// Indexes that no query uses.
    Indexes,
    /// Connections.
    Connections,
    /// The lock table.
    Locks,
    /// Background workers.
    Workers,
    /// Sizes and what is free.
    Disk,
    /// Settings that end what takes long.
    Timeouts,
    /// The age of transaction numbers.
    Freeze,
    /// The difference of the clocks.
    Clock,
}

impl Area {
    /// The word as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Encryption => "encryption",
            Self::Pooler => "pooler",
            Self::Software => "software",
            Self::Privileges => "privileges",
            Self::Ledger => "ledger",
            Self::Replication => "replication",
            Self::Transactions => "transactions",
            Self::Prepared => "prepared",
            Self::Mutations => "mutations",
            Self::Indexes => "indexes",
            Self::Connections => "connections",
            Self::Locks => "locks",
            Self::Workers => "workers",
            Self::Disk => "disk",
            Self::Timeouts => "timeouts",
            Self::Freeze => "freeze",
            Self::Clock => "clock",
        }
    }
}

/// How much a check's answer matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing, or not known.
    Info,
    /// A run may have to wait or fail.
    Warning,
    /// A run would fail.
    Error,
}

impl Level {
    /// The word as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub area: Area,
    /// How much it matters.
    pub level: Level,
    /// Of an error, what kind of trouble it is; decides the exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// One sentence in lower case without a full stop.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    fn new(area: Area, level: Level, message: impl Into<String>) -> Self {
        Self { area, level, class: None, message: message.into(), hint: None }
    }

    pub(crate) fn ok(area: Area, message: impl Into<String>) -> Self {
        Self::new(area, Level::Ok, message)
    }

    pub(crate) fn info(area: Area, message: impl Into<String>) -> Self {
        Self::new(area, Level::Info, message)
    }

    pub(crate) fn warning(area: Area, message: impl Into<String>) -> Self {
        Self::new(area, Level::Warning, message)
    }

    pub(crate) fn error(area: Area, class: Class, message: impl Into<String>) -> Self {
        Self { class: Some(class), ..Self::new(area, Level::Error, message) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What was found out about one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetDiagnosis {
    /// Its name.
    pub name: TargetName,
    /// What it must offer at least.
    pub kind: TargetKind,
    /// The server, for people, where it answered.
    pub server: Option<String>,
    /// The target that leads to the same database and stands for it.
    pub same_as: Option<TargetName>,
    /// What its kind can do at all; none where its configuration makes no driver.
    pub offers: Option<Offers>,
    /// The answers.
    pub checks: Vec<Check>,
}

/// What was found out about all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The targets that were asked.
    pub targets: Vec<TargetDiagnosis>,
    /// Targets that are switched off in this environment.
    pub off: Vec<TargetName>,
    /// What concerns their identity, and so often several of them.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The kinds of trouble that errors are.
    pub fn classes(&self) -> impl Iterator<Item = Class> {
        let checks = self.targets.iter().flat_map(|target| &target.checks).filter_map(|check| check.class);
        checks.chain(self.findings.iter().filter(|finding| finding.is_error()).map(|finding| finding.class))
    }
}
