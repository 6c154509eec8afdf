//! Databases on a server that somebody else has started, which can do what those that tests start cannot.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::server::Server;

/// The variable that names a server with TimescaleDB under the Timescale License.
const TSL: &str = "DUNLIN_TEST_TSL_URL";

/// A database there, which goes with the test.
#[derive(Debug)]
pub struct Foreign {
    psql: PathBuf,
    server: String,
    name: String,
}

impl Foreign {
    /// A new database on the server with TimescaleDB's TSL module. None where no server is named: then it says by name which
    /// test is skipped.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "only tests call this, and what they skip is to be seen")]
    pub fn tsl(test: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(TSL) else {
            eprintln!("skipped: {test}, for {TSL} names no server with TimescaleDB under the Timescale License");
            return None;
        };
        let psql = Server::shared().bin("psql");
        let name = format!("dunlin_t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let this = Self { psql, server, name };
        let _ = this.at(&this.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", this.name));
        let _ = this.at(&this.server, &format!("CREATE DATABASE {}", this.name));
        Some(this)
    }

    /// A version of TimescaleDB before the one that the server would install. None where it has none: then it says by name which
    /// test is skipped.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "only tests call this, and what they skip is to be seen")]
    pub fn older(&self, test: &str) -> Option<String> {
        let version = self.sql(
            "SELECT v.version FROM pg_available_extension_versions v JOIN pg_available_extensions e USING (name) \
             WHERE name = 'timescaledb' AND v.version <> e.default_version AND EXISTS (SELECT FROM pg_extension_update_paths(name) \
             WHERE source = v.version AND target = e.default_version AND path IS NOT NULL) ORDER BY 1 DESC LIMIT 1",
        );
        if version.is_empty() {
            eprintln!("skipped: {test}, for the server that {TSL} names has one version of TimescaleDB alone");
            return None;
        }
        Some(version)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (head, _) = self.server.rsplit_once('/').expect("a URL of a server ends in a database");
        format!("{head}/{}", self.name)
    }

    /// What psql prints for these statements.
    ///
    /// # Panics
    /// If the server refuses one.
    #[must_use]
    #[track_caller]
    pub fn sql(&self, script: &str) -> String {
        self.at(&self.url(), script)
    }

    #[track_caller]
    fn at(&self, url: &str, script: &str) -> String {
        let mut psql = Command::new(&self.psql);
        psql.args([
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--no-psqlrc",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            url,
        ]);
        let output = psql.args(["--command", script]).output().expect("psql runs");
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let mut psql = Command::new(&self.psql);
        let _ = psql.args(["--no-psqlrc", "--dbname", &self.server, "--command", &drop]).output();
    }
}
