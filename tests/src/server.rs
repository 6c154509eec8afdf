//! Servers and databases that go with the test.

use std::io::{BufRead, BufReader, Write};
use std::ops::Deref;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Home, Pooler, Template};

/// Where servers live; the same rule as the binary's.
#[must_use]
pub fn home() -> Home {
    std::env::var_os("DUNLIN_PREFIX").map_or_else(|| Home::new(Home::default_dir()), Home::new)
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    cluster: Option<Cluster>,
    is_own: bool,
}

impl Server {
    /// The one that all tests share; it stays up a little, so that the next test's process finds it warm.
    #[must_use]
    pub fn shared() -> Self {
        let spec = ClusterSpec {
            linger: Duration::from_secs(20),
            ..ClusterSpec::named(home(), Flavour::Full, "end-to-end-tests")
        };
        Self { cluster: Some(start(&spec)), is_own: false }
    }

    /// A new one for this test, which is removed with it.
    #[must_use]
    pub fn own() -> Self {
        // A scheduled job that comes due while a test compares databases would change them.
        let settings = vec![("cron.launch_active_jobs".to_owned(), "off".to_owned())];
        let spec = ClusterSpec { settings, ..ClusterSpec::temporary(home(), Flavour::Full) };
        Self { cluster: Some(start(&spec)), is_own: true }
    }

    /// The ClickHouse that an embedded target finds beside this server, for as long as the test has it.
    #[must_use]
    pub fn sidecar(&self) -> Self {
        let name = format!("{}-clickhouse", self.name());
        Self::of(&ClusterSpec { name, ..ClusterSpec::temporary(home(), Flavour::ClickHouse) })
    }

    pub(crate) fn of(spec: &ClusterSpec) -> Self {
        Self { cluster: Some(start(spec)), is_own: true }
    }

    /// Puts a pooler before it, with at most so many connections to each database.
    ///
    /// # Panics
    /// If it cannot be installed or started.
    #[must_use]
    pub fn pooler(&self, connections: u32) -> Pooler {
        Pooler::start(&home(), self, connections, &|_| {}).unwrap_or_else(|error| fail(&error))
    }

    /// Makes a database that goes with the test.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    pub fn scratch(&self) -> Scratch<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_nanos();
        let name = format!("t_{}_{}_{since:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.create_database(&name, Template::Plain).expect("a database can be made");
        Scratch { server: self, name }
    }

    /// What psql prints for these statements.
    ///
    /// # Panics
    /// If the server refuses one.
    #[must_use]
    #[track_caller]
    pub fn sql(&self, database: &str, script: &str) -> String {
        self.psql(database, script)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{script}", error.details().unwrap_or_default()))
    }

    /// Opens a session that goes on.
    ///
    /// # Panics
    /// If psql cannot be started.
    #[must_use]
    pub fn session(&self, database: &str) -> Sql {
        let mut psql = Command::new(self.bin("psql"));
        psql.args(["--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--dbname", &self.url(database)]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Sql { child, input, output: BufReader::new(output.expect("stdout is a pipe")) }
    }
}

fn start(spec: &ClusterSpec) -> Cluster {
    Cluster::start(spec, &|_| {}).unwrap_or_else(|error| fail(&error))
}

fn fail(error: &DevdbError) -> ! {
    panic!("{error}\n{}", error.details().unwrap_or_default())
}

impl Deref for Server {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.cluster.as_ref().expect("it is only taken at the end")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(cluster) = self.cluster.take().filter(|_| self.is_own) else { return };
        let name = cluster.name().to_owned();
        // A run that joined it has made it one that keeps its data: closing alone would leave those. What fails here is
        // swept away by whoever starts a temporary server next.
        drop(cluster);
        let _ = Cluster::destroy(&home(), &name);
    }
}

/// A database that goes with the test.
#[derive(Debug)]
pub struct Scratch<'s> {
    server: &'s Server,
    name: String,
}

impl Scratch<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What psql prints for these statements.
    ///
    /// # Panics
    /// If the server refuses one.
    #[must_use]
    #[track_caller]
    pub fn sql(&self, script: &str) -> String {
        self.server.sql(&self.name, script)
    }

    /// Opens a session that goes on.
    #[must_use]
    pub fn session(&self) -> Sql {
        self.server.session(&self.name)
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // The server's data are thrown away sooner or later; a database that is left harms nobody.
        let _ = self.server.drop_database(&self.name);
    }
}

/// A session of psql, open until this goes.
#[derive(Debug)]
pub struct Sql {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Sql {
    /// Runs a script and waits until it is done.
    ///
    /// # Panics
    /// If the session is over.
    pub fn run(&mut self, script: &str) {
        let input = self.input.as_mut().expect("it is only taken at the end");
        writeln!(input, "{script}\n\\echo -- done").expect("psql listens");
        let mut line = String::new();
        while line.trim_end() != "-- done" {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("psql writes"), 0, "psql ended at `{script}`");
        }
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        drop(self.input.take()); // psql ends with its input
        let _ = self.child.wait();
    }
}
