//! What a server says of its jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::{Digest, MigrationId, Timestamp};

/// A version of pg_cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct JobsVersion(pub u32, pub u32);

impl JobsVersion {
    /// The first version that knows schedules of seconds and the last day of a month, and names of any length.
    pub const SECONDS: Self = Self(1, 6);

    /// Reads `1.6`, or `1.6-1` as Debian's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| part.split(|digit: char| !digit.is_ascii_digit()).next()?.parse().ok();
        let (major, minor) = text.split_once('.')?;
        Some(Self(digits(major)?, digits(minor)?))
    }
}

impl fmt::Display for JobsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The jobs of a server, and what limits them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobFacts {
    /// The version of pg_cron that is installed, or would be.
    pub version: JobsVersion,
    /// Whether it is installed in this database.
    pub installed: bool,
    /// The database that the jobs are kept in.
    pub database: String,
    /// The role that asked.
    pub user: String,
    /// Whether that role may change everybody's jobs.
    pub superuser: bool,
    /// The functions of pg_cron that that role may not execute.
    pub denied: Vec<String>,
    /// The jobs that that role sees.
    pub live: Vec<LiveJob>,
    /// Every database of the server.
    pub databases: BTreeSet<String>,
    /// The roles of the server that may log in.
    pub roles: BTreeSet<String>,
    /// The zone of the clock that schedules go by.
    pub zone: String,
    /// That clock when it was asked, in seconds since 1970 as if it were UTC; none where the zone is not known.
    pub clock: Option<i64>,
    /// What Dunlin left behind when it last applied each set's jobs.
    pub applied: BTreeMap<MigrationId, Vec<AppliedJob>>,
    /// What a person said of a job, by its number.
    pub words: BTreeMap<u64, Word>,
}

/// A job as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveJob {
    /// Its number.
    pub id: u64,
    /// Its name; empty where it has none.
    pub name: String,
    /// When it runs.
    pub schedule: String,
    /// What it runs.
    pub command: String,
    /// Where.
    pub database: String,
    /// As whom.
    pub user: String,
    /// Whether it goes on. One that a run has paused does.
    pub active: bool,
}

/// A job as Dunlin last left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedJob {
    /// Its name.
    pub name: String,
    /// When it ran.
    pub schedule: String,
    /// SHA-256 of what it ran.
    pub sum: Digest,
    /// Where.
    pub database: String,
    /// As whom, where the file said it.
    pub user: Option<String>,
    /// Whether the file said that it goes on.
    pub active: bool,
}

/// A run of a job, as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRun {
    /// Its number.
    pub run: u64,
    /// The job's number.
    pub job: u64,
    /// The job's name.
    pub name: String,
    /// `starting`, `running`, `succeeded` or `failed`.
    pub status: String,
    /// What the server said.
    pub message: String,
    /// When it began, by that server's clock.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// What a person said of a job, which counts more than what is declared until the person says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Whether it is to go on.
    pub active: bool,
    /// Who said it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl JobFacts {
    /// Whether Dunlin left a job of this name behind, for whichever set.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.applied.values().flatten().any(|left| left.name == name)
    }
}
