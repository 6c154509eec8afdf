//! How a target is reached: what the configuration says, and what it comes to when a connection is opened.
//!
//! A missing variable is kept here instead of failing the reading, so that what needs only other targets, or none, works.
//! Connection strings are not taken apart: that, and TLS, belongs to the drivers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{Finding, Place, StepSettings, TargetName};
use secrecy::SecretString;

use crate::secret::Secret;

/// How one target is reached, as far as that is known before anything is opened.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The target.
    pub target: TargetName,
    /// Whether a missing database is made.
    pub create: bool,
    /// After how long the server itself resumes what a run left paused, where it is said.
    pub pause_deadline: Option<Duration>,
    /// What surrounds migration bodies on this target; already part of every body's own settings.
    pub defaults: StepSettings,
    /// Where the target is declared.
    pub place: Place,
    /// Whether it is the project's only target, so that variables such as `PGHOST` mean its server.
    pub alone: bool,
    pub(crate) server: Option<Server>,
    pub(crate) direct_url: Option<Secret>,
    pub(crate) problems: Vec<Finding>,
    pub(crate) root: Arc<Path>,
}

/// Where the server is, with secrets unread.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    Embedded { database: String },
    Url(Secret),
    Parts { parameters: BTreeMap<String, String>, password: Option<Secret> },
}

/// Parts that are files, and lie where the project does unless they say otherwise.
const FILES: [&str; 6] = ["sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "passfile"];

/// How one target is reached, with everything looked up.
#[derive(Debug)]
pub struct Resolved {
    /// Where.
    pub endpoint: Endpoint,
    /// The way past a connection pooler.
    pub direct_url: Option<SecretString>,
}

/// Where a target is.
#[derive(Debug)]
pub enum Endpoint {
    /// A server that Dunlin starts on this machine.
    Embedded {
        /// The database to make in it.
        database: String,
    },
    /// A connection string.
    Url(SecretString),
    /// A server part by part.
    Parts {
        /// All but the password, in libpq's words: `host`, `port`, `dbname` and so on.
        parameters: BTreeMap<String, String>,
        /// The password.
        password: Option<SecretString>,
    },
}

impl Connection {
    /// Whether the target is a server that Dunlin starts on this machine.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self.server, Some(Server::Embedded { .. }))
    }

    /// What is already known to be missing, such as variables; empty when [`resolve`](Self::resolve) can be tried.
    #[must_use]
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }

    /// Looks up what is left: reads the files and runs the commands that secrets name. Blocks while it does.
    ///
    /// # Errors
    /// What is missing, with the place in the configuration that asks for it.
    pub fn resolve(&self) -> Result<Resolved, Vec<Finding>> {
        let Some(server) = self.server.as_ref().filter(|_| self.problems.is_empty()) else {
            return Err(self.problems.clone());
        };
        let mut findings = Vec::new();
        let mut reveal = |secret: &Secret| match secret.reveal(&self.root) {
            Ok(text) => Some(text),
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        let endpoint = match server {
            Server::Embedded { database } => Some(Endpoint::Embedded { database: database.clone() }),
            Server::Url(url) => reveal(url).map(Endpoint::Url),
            Server::Parts { parameters, password } => Some(Endpoint::Parts {
                parameters: parameters.iter().map(|(key, value)| (key.clone(), self.placed(key, value))).collect(),
                password: password.as_ref().and_then(&mut reveal),
            }),
        };
        let direct_url = self.direct_url.as_ref().and_then(&mut reveal);
        match endpoint {
            Some(endpoint) if findings.is_empty() => Ok(Resolved { endpoint, direct_url }),
            _ => Err(findings),
        }
    }

    /// A part's value, with the name of a file made complete.
    fn placed(&self, key: &str, value: &str) -> String {
        if !FILES.contains(&key) || value.is_empty() || (key == "sslrootcert" && value == "system") {
            return value.to_owned();
        }
        self.root.join(value).display().to_string()
    }
}
