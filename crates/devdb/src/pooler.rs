//! PgBouncer in transaction mode before a cluster, for tests of what does not survive pooling.
//!
//! It runs as the cluster's account, below the cluster's directory, and ends with who made it, however that goes: a small
//! shell waits for the end of a pipe that only the maker holds open, then kills it and removes its files. A line in that
//! pipe makes it kill PgBouncer and start another.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::account::Account;
use crate::bouncer::Bouncer;
use crate::cluster::Cluster;
use crate::database::url;
use crate::error::DevdbError;
use crate::home::Home;
use crate::{program, server};

const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Another program may take the port between our look and PgBouncer's.
const ATTEMPTS: u32 = 5;

/// Its arguments are the files and the command.
const SCRIPT: &str = "files=$1; shift; start() { \"$@\" </dev/null >\"$files/log\" 2>&1 & pid=$!; }; \
    end() { kill -KILL $pid; wait $pid; }; start \"$@\"; while read -r _; do end; start \"$@\"; echo; done; \
    end; rm -rf \"$files\"";

/// A running pooler; it stops when this goes.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    shell: Child,
    files: PathBuf,
}

impl Pooler {
    /// Starts a pooler with at most `connections` to each database of the cluster, after installing PgBouncer if need be.
    ///
    /// # Errors
    /// If PgBouncer can neither be found nor installed, or does not start.
    pub fn start(
        home: &Home,
        cluster: &Cluster,
        connections: u32,
        progress: &dyn Fn(&str),
    ) -> Result<Self, DevdbError> {
        let bouncer = Bouncer::provide(home, progress)?;
        let account = Account::of(&cluster.run_dir())?;
        let mut attempt = 1;
        loop {
            match launch(&bouncer, &account, cluster, connections) {
                Err(DevdbError::Pooler { .. }) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database through it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Kills PgBouncer, with every connection through it, and starts it again at the same port.
    ///
    /// # Errors
    /// If it does not start.
    pub fn crash(&mut self) -> Result<(), DevdbError> {
        let (input, output) = (self.shell.stdin.as_mut(), self.shell.stdout.as_mut());
        input.expect("it is only taken at the end").write_all(b"\n")?;
        output.expect("stdout is a pipe").read_exact(&mut [0])?;
        wait_ready(self)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.shell.stdin.take()); // what the shell waits for
        let _ = self.shell.wait();
    }
}

fn launch(bouncer: &Bouncer, account: &Account, cluster: &Cluster, connections: u32) -> Result<Pooler, DevdbError> {
    let port = server::free_port()?;
    let files = cluster.run_dir().join(format!("pooler-{port}"));
    fs::create_dir(&files)?;
    account.own(&files)?;
    let config = files.join("pgbouncer.ini");
    fs::write(&config, configuration(&files, port, cluster.port(), connections))?;
    fs::write(files.join("users"), "\"postgres\" \"\"\n")?;
    let mut setsid = bouncer.command(account, Path::new("setsid"));
    setsid.args(["sh", "-c", SCRIPT, "sh"]).arg(&files).arg(bouncer.program()).arg(&config);
    setsid.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let shell = setsid.spawn().map_err(|source| DevdbError::Spawn { program: "setsid".to_owned(), source })?;
    let pooler = Pooler { port, shell, files };
    wait_ready(&pooler)?;
    Ok(pooler)
}

fn configuration(files: &Path, port: u16, server: u16, connections: u32) -> String {
    format!(
        "[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 1000
server_idle_timeout = 5
",
        users = files.join("users").display()
    )
}

/// Waits until the pooler listens. One that cannot, because the port was taken meanwhile, says so in its log.
fn wait_ready(pooler: &Pooler) -> Result<(), DevdbError> {
    let since = Instant::now();
    let log = pooler.files.join("log");
    loop {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("process up") && TcpStream::connect((Ipv4Addr::LOCALHOST, pooler.port)).is_ok() {
            return Ok(());
        }
        if said.contains("FATAL") || since.elapsed() > READY_TIMEOUT {
            return Err(DevdbError::Pooler { output: program::tail(&said) });
        }
        thread::sleep(Duration::from_millis(10));
    }
}
