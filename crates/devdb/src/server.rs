//! Starts the server of a cluster and talks to it through `psql`.
//!
//! Stopping is the [`watchdog`](crate::watchdog)'s.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{io, thread};

use fs_err as fs;
use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::account::Account;
use crate::clickhouse::ClickHouse;
use crate::database::url;
use crate::error::DevdbError;
use crate::http;
use crate::lock::Lock;
use crate::place::{Place, write_whole};
use crate::program;
use crate::recipe::Flavour;
use crate::spec::ClusterSpec;
use crate::state::State;
use crate::wheels::Wheels;

/// Ports are taken from below the range that the system gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const ATTEMPTS: u32 = 20;
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// What every cluster has; room for many databases, each with background workers of its extensions.
const COMMON: &str = "\
listen_addresses = '127.0.0.1'
timezone = 'UTC'
log_timezone = 'UTC'
max_connections = 200
max_worker_processes = 48
max_locks_per_transaction = 256
jit = off
";

/// pg_cron's jobs are in `postgres`, what they do is in other databases; background workers need no password file.
const FULL: &str = "\
shared_preload_libraries = 'timescaledb,pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
cron.max_running_jobs = 8
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 16
";

/// The rest stays on at hardly any cost: what was committed before the server was killed has to be there afterwards, or
/// no test of a crash would mean anything.
const NOT_DURABLE: &str = "fsync = off\n";

/// Starts a program that does not go to the background by itself. The shell is what holds the cluster's lock until the
/// number of the process is written down.
const BEHIND: &str = "log=$1; shift; \"$@\" </dev/null >>\"$log\" 2>&1 & echo $! >server.pid";

/// Whether the cluster's server process lives. The number in its file alone proves nothing, as the system uses it
/// again.
pub(crate) fn is_running(place: &Place) -> bool {
    pid(place).is_some()
}

/// The number of the cluster's server process, if it lives.
pub(crate) fn pid(place: &Place) -> Option<i32> {
    process(place).filter(|(_, cwd)| *cwd == place.data()).map(|(pid, _)| pid)
}

/// The process with the number in the cluster's file, and where it works.
fn process(place: &Place) -> Option<(i32, PathBuf)> {
    let file = |name| fs::read_to_string(place.data().join(name));
    let text = file("postmaster.pid").or_else(|_| file("server.pid")).ok()?;
    let pid = text.lines().next()?.parse().ok()?;
    Some((pid, fs::read_link(format!("/proc/{pid}/cwd")).ok()?))
}

/// Starts the server, which does not run, and returns its port: the wanted one if it is free.
pub(crate) fn start(place: &Place, state: &State, spec: &ClusterSpec, lock: &Lock) -> Result<u16, DevdbError> {
    let mut wanted = Some(state.port).filter(|port| is_free(*port));
    let mut attempt = 1;
    loop {
        let port = wanted.take().map_or_else(free_port, Ok)?;
        let server = Server { port, ..state.server() };
        server.configure(place, spec)?;
        remove_traces(place)?;
        let log_start = fs::metadata(place.log()).map_or(0, |meta| meta.len());
        match server.launch(place, lock) {
            Ok(()) => return Ok(port),
            Err(DevdbError::Program { output, .. } | DevdbError::Start { output, .. }) => {
                let log = read_from(&place.log(), log_start)?;
                if attempt == ATTEMPTS || !is_passing(&log) {
                    let output = if log.is_empty() { output } else { program::tail(&log) };
                    return Err(DevdbError::Start { name: place.name.clone(), log: place.log(), output });
                }
            }
            Err(other) => return Err(other),
        }
        attempt += 1;
        thread::sleep(Duration::from_millis(100));
    }
}

/// Stops the server without a checkpoint and starts it again as it was.
pub(crate) fn crash(place: &Place, server: &Server, lock: &Lock) -> Result<(), DevdbError> {
    if !server.flavour.is_postgres() {
        halt(place, server, lock)?;
        return server.launch(place, lock);
    }
    at_once(place, server, lock, "restart")
}

/// Stops the server without a checkpoint.
pub(crate) fn halt(place: &Place, server: &Server, lock: &Lock) -> Result<(), DevdbError> {
    if !server.flavour.is_postgres() {
        return kill(place);
    }
    at_once(place, server, lock, "stop")
}

fn at_once(place: &Place, server: &Server, lock: &Lock, what: &str) -> Result<(), DevdbError> {
    let mut pg_ctl = Account::of(&place.data())?.command(&server.bindir.join("pg_ctl"));
    pg_ctl.arg("--pgdata").arg(place.data());
    if what == "restart" {
        pg_ctl.arg("--log").arg(place.log());
    }
    program::run_locked(pg_ctl.args(["--wait", "--timeout=60", "--mode=immediate", what]), lock).map(drop)
}

/// Ends a server that has no command for it, and waits until it is gone.
fn kill(place: &Place) -> Result<(), DevdbError> {
    while let Some(pid) = pid(place) {
        match signal::kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Err(Errno::ESRCH) | Ok(()) => thread::sleep(Duration::from_millis(5)),
            Err(other) => return Err(io::Error::from(other).into()),
        }
        // Its first thread may be gone before the others, which have its ports.
        while has_threads(pid) {
            thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// Whether a process has more than what is left of it for its parent.
fn has_threads(pid: i32) -> bool {
    fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1)
}

/// Whether the server failed for a reason that goes away: another took the port a moment ago, or the processes of a
/// killed server are not quite gone.
fn is_passing(log: &str) -> bool {
    ["Address already in use", "shared memory block"].iter().any(|reason| log.contains(reason))
}

fn configuration(place: &Place, spec: &ClusterSpec, port: u16) -> String {
    let mut text = format!("port = {port}\nunix_socket_directories = '{}'\n{COMMON}", place.run().display());
    if spec.flavour == Flavour::Full {
        text.push_str(FULL);
    }
    if !spec.durable {
        text.push_str(NOT_DURABLE);
    }
    for (name, value) in &spec.settings {
        text.push_str(&format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''")));
    }
    text
}

pub(crate) fn free_port() -> io::Result<u16> {
    let span = u64::from(PORTS.end - PORTS.start);
    for nth in 0..1000_u64 {
        let offset = RandomState::new().hash_one(nth) % span;
        let port = PORTS.start + u16::try_from(offset).expect("smaller than the range");
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port on 127.0.0.1"))
}

fn is_free(port: u16) -> bool {
    port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn read_from(file: &Path, start: u64) -> Result<String, DevdbError> {
    let Ok(mut file) = fs::File::open(file) else {
        return Ok(String::new());
    };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Removes the files that a killed server left. They name its process, and would keep a server from starting when
/// something else has got that number; processes of the killed one that still use the data are found by other means.
fn remove_traces(place: &Place) -> Result<(), DevdbError> {
    let mut traces = vec![place.data().join("postmaster.pid"), place.data().join("server.pid")];
    for entry in fs::read_dir(place.run())? {
        let entry = entry?;
        traces.extend(entry.file_name().to_string_lossy().starts_with(".s.PGSQL.").then(|| entry.path()));
    }
    for trace in traces {
        match fs::remove_file(trace) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// A server that can be spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) flavour: Flavour,
    pub(crate) bindir: PathBuf,
    pub(crate) port: u16,
}

impl Server {
    fn configure(&self, place: &Place, spec: &ClusterSpec) -> Result<(), DevdbError> {
        match self.flavour {
            Flavour::Full | Flavour::Plain => write_whole(&place.conf(), &configuration(place, spec, self.port)),
            Flavour::ClickHouse => ClickHouse::configure(place, self.port, &spec.settings),
            Flavour::Chdb => Wheels::configure(place, &self.bindir, self.port, &spec.settings),
        }
    }

    /// Starts it as it is configured, and waits until it takes connections.
    fn launch(&self, place: &Place, lock: &Lock) -> Result<(), DevdbError> {
        let account = Account::of(&place.data())?;
        let server = match self.flavour {
            Flavour::Full | Flavour::Plain => {
                let mut pg_ctl = account.command(&self.bindir.join("pg_ctl"));
                pg_ctl.arg("--pgdata").arg(place.data()).arg("--log").arg(place.log());
                return program::run_locked(pg_ctl.args(["--wait", "--timeout=60", "start"]), lock).map(drop);
            }
            Flavour::ClickHouse => ClickHouse::command(place, &self.bindir, &account)?,
            Flavour::Chdb => Wheels::command(place, &self.bindir, &account)?,
        };
        let mut shell = account.command(Path::new("sh"));
        shell.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(place.data());
        shell.args(["-c", BEHIND, "sh"]).arg(place.log()).arg(server.get_program()).args(server.get_args());
        program::run_locked(&mut shell, lock)?;
        // The number is fresh, and an engine may work elsewhere while it starts.
        if self.await_ready(|| process(place).is_some())? {
            return Ok(());
        }
        let output = String::new();
        Err(DevdbError::Start { name: place.name.clone(), log: place.log(), output })
    }

    /// Waits until the server takes connections, as it may be recovering from a crash. False if it does not run.
    pub(crate) fn wait_ready(&self, place: &Place) -> Result<bool, DevdbError> {
        self.await_ready(|| is_running(place))
    }

    fn await_ready(&self, lives: impl Fn() -> bool) -> Result<bool, DevdbError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while lives() {
            match self.check_ready() {
                Err(DevdbError::Program { .. } | DevdbError::Refused { .. }) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(if self.flavour.is_postgres() { 50 } else { 10 }));
                }
                done => return done.map(|()| true),
            }
        }
        Ok(false)
    }

    fn check_ready(&self) -> Result<(), DevdbError> {
        if !self.flavour.is_postgres() {
            return http::check_ready(self.port);
        }
        let mut ready = program::clean(&self.bindir.join("pg_isready"));
        program::run(ready.args(["--host=127.0.0.1", &format!("--port={}", self.port)])).map(drop)
    }

    /// Runs a script, each statement on its own, and returns what it wrote, unaligned and without headers.
    pub(crate) fn psql(&self, database: &str, script: &str) -> Result<String, DevdbError> {
        let mut psql = program::clean(&self.bindir.join("psql"));
        psql.args(["--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--no-password").arg(format!("--dbname={}", url(self.port, database)));
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().map_err(|source| DevdbError::Spawn { program: "psql".to_owned(), source })?;
        let mut input = child.stdin.take().expect("stdin is a pipe");
        let output = thread::scope(|scope| {
            // A script that fails half-way is not read to its end; the failure is in the exit status.
            scope.spawn(move || input.write_all(script.as_bytes()));
            child.wait_with_output()
        })?;
        program::check(&psql, output).map(|text| text.trim_end().to_owned())
    }
}
