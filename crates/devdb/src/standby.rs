//! A hot standby of a cluster, for tests of what a failover does.
//!
//! It is a copy of the cluster's data with a server of its own, below the cluster's directory, and ends with who made it,
//! however that goes: a small shell waits for the end of a pipe that only the maker holds open, then stops the server and
//! removes its files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::account::Account;
use crate::cluster::Cluster;
use crate::database::url;
use crate::error::DevdbError;
use crate::program;
use crate::server::{self, Server};

const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Its arguments are the files and the command.
const SCRIPT: &str = "files=$1; shift; \"$@\" </dev/null >\"$files/log\" 2>&1 & pid=$!; read -r _; \
    kill -QUIT $pid; wait $pid; rm -rf \"$files\"";

/// A running standby, or what was one; it stops when this goes.
#[derive(Debug)]
pub struct Standby {
    server: Server,
    shell: Child,
    files: PathBuf,
}

impl Standby {
    /// Copies a cluster's data and follows it, asynchronously. Its name for the cluster is `standby`.
    ///
    /// # Errors
    /// If the copy cannot be made, or the server does not start.
    pub fn of(cluster: &Cluster) -> Result<Self, DevdbError> {
        let port = server::free_port()?;
        let files = cluster.run_dir().join(format!("standby-{port}"));
        let account = Account::of(&cluster.run_dir())?;
        for dir in [files.clone(), files.join("data")] {
            fs::create_dir(&dir)?;
            fs::set_permissions(&dir, PermissionsExt::from_mode(0o700))?;
            account.own(&dir)?;
        }
        let data = files.join("data");
        let mut copy = account.command(&cluster.bin("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--pgdata"]);
        program::run(copy.arg(&data).arg(format!("--dbname={}", cluster.url("postgres"))))?;
        let mut setsid = account.command(Path::new("setsid"));
        setsid.args(["sh", "-c", SCRIPT, "sh"]).arg(&files).arg(cluster.bin("postgres")).arg("-D").arg(data);
        for (name, value) in
            [("port", port.to_string()), ("unix_socket_directories", String::new()), ("cluster_name", "standby".into())]
        {
            setsid.arg("-c").arg(format!("{name}={value}"));
        }
        setsid.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = setsid.spawn().map_err(|source| DevdbError::Spawn { program: "setsid".to_owned(), source })?;
        let bindir = cluster.bin("");
        let standby = Self { server: Server { flavour: cluster.flavour(), bindir, port }, shell, files };
        standby.wait_ready()?;
        Ok(standby)
    }

    /// Makes it a primary, on a timeline of its own, and waits until it takes writes.
    ///
    /// # Errors
    /// If it does not become one.
    pub fn promote(&self) -> Result<(), DevdbError> {
        self.psql("postgres", "SELECT pg_promote(true, 60)").map(drop)
    }

    /// Receives nothing more of what the primary does.
    ///
    /// # Errors
    /// If the server refuses, or goes on to receive.
    pub fn cut_off(&self) -> Result<(), DevdbError> {
        self.psql("postgres", "ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf()")?;
        self.wait("SELECT count(*) = 0 FROM pg_stat_wal_receiver")
    }

    /// Waits until it has all that the cluster has done until now.
    ///
    /// # Errors
    /// If it does not catch up.
    pub fn catch_up(&self, cluster: &Cluster) -> Result<(), DevdbError> {
        let position = cluster.psql("postgres", "SELECT pg_current_wal_lsn()")?;
        self.wait(&format!("SELECT pg_last_wal_replay_lsn() >= '{position}'"))
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The URL of a database of it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.server.port, database)
    }

    /// Runs a script as [`Cluster::psql`] does.
    ///
    /// # Errors
    /// If a statement fails; the details are the server's message.
    pub fn psql(&self, database: &str, script: &str) -> Result<String, DevdbError> {
        self.server.psql(database, script)
    }

    fn wait(&self, query: &str) -> Result<(), DevdbError> {
        let since = Instant::now();
        while self.psql("postgres", query)? != "t" {
            if since.elapsed() > READY_TIMEOUT {
                return Err(self.failed());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn wait_ready(&self) -> Result<(), DevdbError> {
        let since = Instant::now();
        loop {
            let mut ready = program::clean(&self.server.bindir.join("pg_isready"));
            match program::run(ready.args(["--host=127.0.0.1", &format!("--port={}", self.server.port)])) {
                Err(DevdbError::Program { .. }) if since.elapsed() < READY_TIMEOUT => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(DevdbError::Program { .. }) => return Err(self.failed()),
                done => return done.map(drop),
            }
        }
    }

    fn failed(&self) -> DevdbError {
        let log = self.files.join("log");
        let output = program::tail(&fs::read_to_string(&log).unwrap_or_default());
        DevdbError::Start { name: "standby".to_owned(), log, output }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        drop(self.shell.stdin.take()); // what the shell waits for
        let _ = self.shell.wait();
    }
}
