//! Servers with pg_cron, of the versions that differ.

use std::path::Path;
use std::process::Command;

use dunlin_devdb::{ClusterSpec, Flavour};

use crate::server::{Server, home};

const LIBRARY: &str = "/usr/lib/postgresql/15/lib/pg_cron.so";

impl Server {
    /// A server of this test's own with pg_cron 1.6, whose jobs come due.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn with_jobs() -> Self {
        Self::of(&ClusterSpec::temporary(home(), Flavour::Full))
    }

    /// Servers of this test's own whose jobs never come due, each with its version of pg_cron: 1.6, and 1.4 where the machine's
    /// release has the package.
    ///
    /// # Panics
    /// If one cannot be started.
    #[must_use]
    pub fn crontabs() -> Vec<(&'static str, Self)> {
        let mut servers = vec![("1.6", Self::own())];
        if is_there() {
            let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let settings = vec![
                setting("shared_preload_libraries", "pg_cron"),
                setting("cron.database_name", "postgres"),
                setting("cron.use_background_workers", "on"),
                setting("cron.launch_active_jobs", "off"),
            ];
            let old = Self::of(&ClusterSpec { settings, ..ClusterSpec::temporary(home(), Flavour::Plain) });
            let _ = old.sql("postgres", "CREATE EXTENSION pg_cron");
            servers.push(("1.4", old));
        }
        servers
    }
}

/// Whether PostgreSQL 15 has pg_cron, which is installed where it can be.
#[expect(clippy::print_stderr, reason = "only tests call this, and what they skip is to be seen")]
fn is_there() -> bool {
    if Path::new(LIBRARY).exists() {
        return true;
    }
    if nix::unistd::geteuid().is_root() && Path::new("/usr/lib/postgresql/15/bin/initdb").exists() {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args([
            "--quiet",
            "--yes",
            "--no-install-recommends",
            "--no-upgrade",
        ]);
        let _ = apt.args(["-o", "DPkg::Lock::Timeout=120", "install", "postgresql-15-cron"]).output();
    }
    let there = Path::new(LIBRARY).exists();
    if !there {
        eprintln!("skipped: pg_cron 1.4 on PostgreSQL 15, which this machine's release does not have");
    }
    there
}
