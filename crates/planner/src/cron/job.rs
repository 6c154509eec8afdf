//! Jobs as they are declared, and what is done to a server's jobs.

use std::fmt;

use serde::Serialize;

use crate::{Digest, Place};

/// One job of a `jobs.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// When it runs, as pg_cron takes it.
    pub schedule: String,
    /// The SQL that it runs.
    pub command: String,
    /// The database that it runs in: a target of the project, or a database of the same server; its target's own without one.
    pub database: Option<String>,
    /// The role that it runs as; whoever schedules it without one.
    pub user: Option<String>,
    /// Whether it goes on.
    pub active: bool,
    /// Where it is declared.
    pub place: Place,
}

impl Job {
    /// SHA-256 of what it runs, by which the log remembers it: a command may hold what is nobody's business.
    #[must_use]
    pub fn sum(&self) -> Digest {
        Digest::of(self.command.as_bytes())
    }
}

/// What a set declares, and, in a plan, what is done to get there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Jobs {
    /// Every job that is to be there; in a plan with the names of real databases.
    pub declared: Vec<Job>,
    /// What is done, in order. Empty until it was planned, and where nothing but the ledger changes.
    pub changes: Vec<JobChange>,
    /// The attempt of an applied row of the same text that is run once more, since the server's jobs are otherwise.
    pub again: Option<u32>,
}

/// One thing that is done to a server's jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum JobChange {
    /// It is scheduled.
    Create {
        /// As it is to be.
        job: Job,
        /// Whether it was there, and somebody removed it.
        by_hand: bool,
    },
    /// It is changed, or taken over from whoever made it.
    Alter {
        /// Its number on the server.
        id: u64,
        /// As it is to be.
        job: Job,
        /// Whether it was there before Dunlin knew of it.
        adopted: bool,
        /// What changes.
        what: Vec<Alteration>,
    },
    /// It is unscheduled: Dunlin made it, and it is declared no longer.
    Remove {
        /// Its number on the server.
        id: u64,
        /// Its name.
        name: String,
    },
}

/// A job's attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKey {
    /// When it runs.
    Schedule,
    /// What it runs.
    Command,
    /// Where it runs.
    Database,
    /// As whom it runs.
    User,
    /// Whether it goes on.
    Active,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Schedule => "schedule",
            Self::Command => "command",
            Self::Database => "database",
            Self::User => "user",
            Self::Active => "active",
        })
    }
}

/// One attribute that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alteration {
    /// Which.
    pub key: JobKey,
    /// As it is.
    pub from: String,
    /// As it is to be.
    pub to: String,
    /// Whether somebody changed it since Dunlin did: the file says what it said.
    pub by_hand: bool,
}

impl JobChange {
    /// The job's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Create { job, .. } | Self::Alter { job, .. } => &job.name,
            Self::Remove { name, .. } => name,
        }
    }

    /// Whether it puts right what somebody did by hand.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        match self {
            Self::Create { by_hand, .. } => *by_hand,
            Self::Alter { what, .. } => what.iter().any(|one| one.by_hand),
            Self::Remove { .. } => false,
        }
    }
}
