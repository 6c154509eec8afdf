//! Owners in processes of their own, and what is left of a cluster.

#![expect(clippy::unwrap_used, reason = "only tests call this")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home};

pub(crate) fn home() -> Home {
    match std::env::var_os("DUNLIN_PREFIX") {
        Some(dir) => Home::new(dir),
        None => Home::new(Home::default_dir()),
    }
}

pub(crate) fn start(spec: &ClusterSpec) -> Cluster {
    Cluster::start(spec, &|_| ()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A named cluster that is removed when the test ends, however it ends.
pub(crate) struct Named {
    pub(crate) spec: ClusterSpec,
}

impl Named {
    pub(crate) fn new(test: &str, flavour: Flavour) -> Self {
        let name = format!("test-{test}-{}", std::process::id());
        Self { spec: ClusterSpec::named(home(), flavour, name) }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        Cluster::destroy(&self.spec.home, &self.spec.name).expect("the cluster can be removed");
    }
}

/// Another process that owns a cluster: the example `hold`.
pub(crate) struct Owner {
    process: Child,
}

impl Owner {
    /// Starts the process; the cluster need not run yet.
    pub(crate) fn spawn(spec: &ClusterSpec) -> Self {
        Self::with(spec, &[])
    }

    /// As [`Owner::spawn`], with a pooler, whose URL it tells.
    pub(crate) fn spawn_pooled(spec: &ClusterSpec) -> Self {
        Self::with(spec, &["pooled"])
    }

    fn with(spec: &ClusterSpec, more: &[&str]) -> Self {
        let mut hold = Command::new(hold_program());
        hold_arguments(&mut hold, spec).args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { process: hold.spawn().expect("the example is built with the tests") }
    }

    /// Waits until the cluster runs, and returns the URL.
    pub(crate) fn url(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.process.stdout.as_mut().expect("stdout is a pipe")).read_line(&mut line).unwrap();
        assert!(line.contains("://"), "the owner did not start: `{line}`");
        line.trim_end().to_owned()
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets the owner leave in order.
    pub(crate) fn leave(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

pub(crate) fn hold_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).expect("tests are in target/PROFILE/deps").join("examples/hold")
}

pub(crate) fn hold_arguments<'a>(hold: &'a mut Command, spec: &ClusterSpec) -> &'a mut Command {
    let flavour = format!("{:?}", spec.flavour).to_lowercase();
    hold.arg(spec.home.dir()).args([&flavour, &spec.name, &spec.life.to_string()])
}

pub(crate) fn dir(spec: &ClusterSpec) -> PathBuf {
    spec.home.dir().join("clusters").join(&spec.name)
}

/// The number of the cluster's server process.
pub(crate) fn server_pid(spec: &ClusterSpec) -> i32 {
    let file = if matches!(spec.flavour, Flavour::Full | Flavour::Plain) { "postmaster.pid" } else { "server.pid" };
    let file = std::fs::read_to_string(dir(spec).join("data").join(file)).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

/// The command lines of all processes that work for a cluster: server, watchdog, or a program that prepares it.
pub(crate) fn processes(spec: &ClusterSpec) -> Vec<(i32, String)> {
    let needle = format!("clusters/{}/", spec.name);
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let bytes = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        if line.contains(&needle) {
            found.push((pid, line));
        }
    }
    found
}

/// Waits until no process works for a cluster any more.
pub(crate) fn assert_gone(spec: &ClusterSpec) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let left = processes(spec);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still there: {left:?}");
        sleep(Duration::from_millis(50));
    }
}
