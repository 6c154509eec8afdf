//! Tries rows with psql and with Dunlin, in the same surroundings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use dunlin_driver::{Driver, TargetUrl};
use dunlin_driver_postgres::{ConnectOptions, Plain, PostgresDriver, PostgresSettings, Surroundings};
use dunlin_planner::{Failure, ProjectName, TargetName};
use futures_util::stream::{self, StreamExt};
use nix::unistd::{User, geteuid};

use crate::rows::Row;
use crate::servers::Servers;

/// What came of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Primary,
    Standby,
    Refused,
}

/// An outcome, and what was said.
pub(crate) struct Ended {
    pub(crate) kind: Outcome,
    said: String,
    hint: bool,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.said.trim_end())
    }
}

impl Ended {
    /// What Dunlin must not do, however right the outcome is.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        if self.said.contains("canary") {
            return Some("a password is told");
        }
        (self.kind == Outcome::Refused && !self.hint).then_some("nothing says what to do")
    }

    fn refused(failure: Failure) -> Self {
        let hint = failure.hint.is_some();
        Self { kind: Outcome::Refused, said: format!("{failure:?}"), hint }
    }
}

/// Knows the servers, and what placeholders stand for.
pub(crate) struct Judge {
    dir: PathBuf,
    psql: PathBuf,
    values: BTreeMap<&'static str, String>,
    user: String,
}

impl Judge {
    pub(crate) fn new(servers: &Servers) -> Self {
        let user = User::from_uid(geteuid()).unwrap().unwrap().name;
        Self { dir: servers.dir().to_owned(), psql: servers.psql(), values: servers.values(), user }
    }

    /// Both outcomes of every row, several rows at a time.
    pub(crate) async fn try_all(&self, rows: &[Row]) -> Vec<(Ended, Ended)> {
        let tried = rows.iter().map(|row| async {
            let (text, env) = (self.filled(row.text), self.env(row));
            let mut psql = self.psql(&text, &env);
            let psql = tokio::task::spawn_blocking(move || asked(&mut psql));
            let dunlin = self.dunlin(&text, &env).await;
            (psql.await.unwrap(), dunlin)
        });
        stream::iter(tried).buffered(4).collect().await
    }

    fn filled(&self, text: &str) -> String {
        let mut parts = text.split('{');
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            match self.values.get(name) {
                Some(value) => filled += value,
                None => filled += self.dir.join(name).to_str().unwrap(),
            }
            filled += rest;
        }
        filled
    }

    /// The row's own variables over those that make every row find the server.
    fn env(&self, row: &Row) -> BTreeMap<&'static str, String> {
        let usual = [("HOME", "{home-empty}"), ("PGPORT", "{port}"), ("PGDATABASE", "postgres")];
        usual.iter().chain(&row.env).map(|(name, value)| (*name, self.filled(value))).collect()
    }

    fn psql(&self, text: &str, env: &BTreeMap<&'static str, String>) -> Command {
        let mut psql = Command::new(&self.psql);
        psql.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").envs(env).current_dir("/");
        psql.args(["-X", "-w", "-A", "-t", "-q", "-d", text, "-c", "SELECT pg_is_in_recovery()"]);
        psql
    }

    async fn dunlin(&self, text: &str, env: &BTreeMap<&'static str, String>) -> Ended {
        let variable = |name: &str| env.get(name).cloned();
        let around = Surroundings { variable: &variable, user: Some(&self.user), names_server: true };
        let options = match ConnectOptions::read(&TargetUrl::new(text), &around) {
            Ok(options) => options,
            Err(error) => {
                let hint = !error.hint().is_empty();
                return Ended { kind: Outcome::Refused, said: error.to_string(), hint };
            }
        };
        let target = TargetName::new("target").unwrap();
        let driver = PostgresDriver::new(target, PostgresSettings::new(options), Arc::new(Plain));
        let driver = match driver {
            Ok(driver) => driver,
            // The command line tells what to do by the message itself: which file, and why.
            Err(failure) => return Ended { hint: true, ..Ended::refused(failure) },
        };
        match driver.inspect(&ProjectName::new("p").unwrap()).await {
            Ok(facts) if facts.standby => Ended::connected(Outcome::Standby),
            Ok(_) => Ended::connected(Outcome::Primary),
            Err(failure) => Ended::refused(failure),
        }
    }
}

impl Ended {
    fn connected(kind: Outcome) -> Self {
        Self { kind, said: String::new(), hint: false }
    }
}

fn asked(psql: &mut Command) -> Ended {
    let output = psql.output().unwrap();
    let kind = match (output.status.success(), output.stdout.trim_ascii()) {
        (true, b"f") => Outcome::Primary,
        (true, b"t") => Outcome::Standby,
        _ => Outcome::Refused,
    };
    Ended { kind, said: String::from_utf8_lossy(&output.stderr).into_owned(), hint: false }
}
