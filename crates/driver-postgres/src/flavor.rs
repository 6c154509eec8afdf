//! What is special about a kind of PostgreSQL database, as judgements over facts that were read already.
//!
//! A flavor opens no connection: it may name more queries for the inspection, and says from what was read whether the
//! database can be its kind of target and what it offers.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{Failure, Feature, JobFacts, Jobs, Offers, Place, ServerVersion};

use crate::offers::POSTGRES;

/// An extension that the server could install, or has installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The version that CREATE EXTENSION would take.
    pub default: String,
    /// The version in this database, where there is one.
    pub installed: Option<String>,
}

/// What an inspection read about the server, before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The database that the target names.
    pub database: String,
    /// Its version number.
    pub version: ServerVersion,
    /// Its version, for people.
    pub version_name: String,
    /// Whether it is a standby.
    pub standby: bool,
    /// The extensions that the server knows.
    pub extensions: BTreeMap<String, Extension>,
    /// What the flavor's own queries gave, name to value.
    pub extra: BTreeMap<String, String>,
}

impl ServerFacts {
    /// Every extension that the server knows, by its name.
    #[must_use]
    pub fn extension_features(&self) -> BTreeSet<Feature> {
        self.extensions.keys().cloned().map(Feature).collect()
    }

    /// The extensions that are in the database.
    #[must_use]
    pub fn installed(&self) -> BTreeSet<Feature> {
        let there = self.extensions.iter().filter(|(_, extension)| extension.installed.is_some());
        there.map(|(name, _)| Feature(name.clone())).collect()
    }
}

/// Something that goes on by itself, such as jobs: how it is found, paused and resumed. In the statements, `$1` stands for
/// its number.
#[derive(Debug, Clone, Copy)]
pub struct Pausing {
    /// What one of them is called.
    pub noun: &'static str,
    /// Whether there can be any, as the one value `present`.
    pub present: &'static str,
    /// Rows `key`, `name` (empty where it has none), `database` (an oid) and `active`.
    pub list: &'static str,
    /// The statement that pauses one.
    pub pause: &'static str,
    /// The query that resumes one; no row, where it is not there any more.
    pub resume: &'static str,
    /// Rows `key`, `pid` and `seconds`: which of those whose numbers `$1` lists are under way.
    pub busy: &'static str,
    /// Whether one of those whose numbers `$1` lists may still begin within the next moments although it was paused just now,
    /// as the one value `soon`.
    pub soon: &'static str,
    /// What lets the server itself run the statement whose text is `$1` every minute.
    pub watch: &'static str,
    /// What ends that.
    pub unwatch: &'static str,
}

impl Pausing {
    pub(crate) fn pause(self, key: u64) -> String {
        self.pause.replace("$1", &key.to_string())
    }

    pub(crate) fn resume(self, key: u64) -> String {
        self.resume.replace("$1", &key.to_string())
    }
}

/// How a person deals with jobs. In the statements, `$1` and `$2` stand for what is said beside each.
#[derive(Debug, Clone, Copy)]
pub struct Crontab {
    /// Whether there can be any, as the one value `present`.
    pub present: &'static str,
    /// Rows `run`, `job`, `name`, `status`, `message`, `started` and `ended` (microseconds), newest first: of the rows `d` that
    /// `$1` chooses, at most `$2` of each job.
    pub runs: &'static str,
    /// Lets the job numbered `$1` go on or rest, as the truth value `$2` says; no row where it is not there.
    pub alter: &'static str,
}

/// How what migrations declare is found in a database.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Whether there can be any, as the one value `present`.
    pub present: &'static str,
    /// Rows `kind` (`hypertable`, `aggregate` or `policy`), `schema` and `name` of the relation, and `procedure`, which runs a
    /// policy.
    pub list: &'static str,
}

/// One kind of PostgreSQL database.
pub trait Flavor: Send + Sync {
    /// What this kind of database can do at all.
    fn offers(&self) -> Offers {
        POSTGRES
    }

    /// Queries of rows `name`, `value` that the inspection asks as well; what the role may not ask stays unanswered.
    fn extra_queries(&self) -> &'static [&'static str] {
        &[]
    }

    /// Queries of rows `name`, `value` about what keeps this kind of database healthy, for `dunlin doctor`.
    fn health_queries(&self) -> &'static [&'static str] {
        &[]
    }

    /// What migrations declare of this kind of database and `dunlin verify` lists, where there is such a thing.
    fn listing(&self) -> Option<Listing> {
        None
    }

    /// What goes on by itself in the database and can be paused, where there is such a thing.
    fn pausing(&self) -> Option<Pausing> {
        None
    }

    /// How a person deals with the jobs that are kept in the database.
    fn crontab(&self) -> Option<Crontab> {
        None
    }

    /// The jobs that are kept in the database, where it is a place of jobs; what the ledger knows of them is added.
    fn jobs(&self, _facts: &ServerFacts) -> Option<JobFacts> {
        None
    }

    /// The statements that do what was planned for jobs, each with the place that asks for it.
    fn reconcile(&self, _jobs: &Jobs) -> Vec<(String, Option<Place>)> {
        Vec::new()
    }

    /// What people want to read behind the server's version, such as an extension's version.
    fn describe(&self, _facts: &ServerFacts) -> Option<String> {
        None
    }

    /// What the server does not tell this role, so that it may offer it or not.
    fn unknown(&self, _facts: &ServerFacts) -> BTreeSet<Feature> {
        BTreeSet::new()
    }

    /// What the database offers.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be this kind of target.
    fn features(&self, facts: &ServerFacts) -> Result<BTreeSet<Feature>, Failure>;
}

/// A PostgreSQL database and nothing more.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Flavor for Plain {
    fn features(&self, facts: &ServerFacts) -> Result<BTreeSet<Feature>, Failure> {
        Ok(facts.extension_features())
    }
}
