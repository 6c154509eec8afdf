//! A server of ClickHouse that the tests of this file share, and projects with a database of their own there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Template};
use dunlin_tests::{Dunlin, Project, Workspace, home};

/// One database, which goes with the test.
pub(crate) struct Column {
    pub(crate) server: Cluster,
    pub(crate) name: String,
}

impl Column {
    /// None where this machine cannot have such a server, which is told.
    #[expect(clippy::print_stdout, reason = "a test tells that it was skipped")]
    pub(crate) fn new(flavour: Flavour) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = if flavour == Flavour::Chdb { "e2e-chdb" } else { "e2e-clickhouse" };
        let spec = ClusterSpec { linger: Duration::from_secs(30), ..ClusterSpec::named(home(), flavour, name) };
        let server = match Cluster::start(&spec, &|_| {}) {
            Ok(server) => server,
            Err(error @ DevdbError::Unsupported { .. }) => {
                println!("skipped: {error}");
                return None;
            }
            Err(error) => panic!("the server starts: {error}"),
        };
        let this =
            Self { server, name: format!("e2e_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst)) };
        this.clear();
        Some(this)
    }

    /// Makes it empty, also of its ledger.
    pub(crate) fn clear(&self) {
        self.server.drop_database(&self.name).expect("nobody uses it");
        self.server.create_database(&self.name, Template::Plain).expect("it is gone");
    }

    /// The project of `fixture` with this database behind `CORE`.
    pub(crate) fn project(&self, fixture: &str) -> Project {
        Project::of(fixture).with("CORE", self.url(self.server.port())).hiding(&self.name, "DATABASE")
    }

    pub(crate) fn query(&self, statement: &str) -> String {
        self.server.query(&self.name, statement).expect("the server answers")
    }

    /// The URL by a way that begins at `port`.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("http://default@127.0.0.1:{port}/{}", self.name)
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        self.server.drop_database(&self.name).ok();
    }
}

/// A project with one set of ClickHouse, whose files lie in `migrations/events`.
pub(crate) fn project(url: &str, files: &[(&str, &str)]) -> Workspace {
    let config = format!(
        "[project]\nname = \"small\"\n\n[targets.events]\nkind = \"clickhouse\"\nurl = \"{url}\"\n\n\
         [services.events]\ntarget = \"events\"\npath = \"migrations/events\"\n"
    );
    let workspace = Workspace::of(&[("dunlin.toml", &config)]);
    files.iter().for_each(|(name, text)| workspace.write(&format!("migrations/events/{name}"), text));
    workspace
}

pub(crate) fn dunlin(workspace: &Workspace) -> Dunlin {
    Dunlin::at(workspace.dir())
}

/// The configuration of a project of one set of ClickHouse in `events`.
pub(crate) const ALONE: &str = "//- dunlin.toml
[project]
name = \"acme\"
[targets.core]
kind = \"clickhouse\"
url = \"${CORE}\"
[services.events]
target = \"core\"
path = \"events\"
";
