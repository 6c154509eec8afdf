//! A database of ClickHouse: of 18.16, or of the engine of today behind an HTTP interface of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Template};

use crate::project::Project;
use crate::server::home;

/// A database of a server that all tests share. It goes with the test.
#[derive(Debug)]
pub struct Column {
    server: Arc<Cluster>,
    name: String,
}

impl Column {
    /// None where this machine cannot have such a server, which is told.
    ///
    /// # Panics
    /// If the server does not start.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "a test tells that it was skipped")]
    pub fn new(flavour: Flavour) -> Option<Self> {
        let name = if flavour == Flavour::Chdb { "e2e-chdb" } else { "e2e-clickhouse" };
        let spec = ClusterSpec { linger: Duration::from_secs(30), ..ClusterSpec::named(home(), flavour, name) };
        match Cluster::start(&spec, &|_| {}) {
            Ok(server) => Some(Self::on(Arc::new(server))),
            Err(error @ DevdbError::Unsupported { .. }) => {
                println!("skipped: {error}");
                None
            }
            Err(error) => panic!("the server starts: {error}"),
        }
    }

    /// Another one on the same server.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::on(Arc::clone(&self.server))
    }

    fn on(server: Arc<Cluster>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("e2e_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let this = Self { server, name };
        this.clear();
        this
    }

    /// Makes it empty, also of its ledger.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn clear(&self) {
        self.server.drop_database(&self.name).expect("nobody uses it");
        self.server.create_database(&self.name, Template::Plain).expect("it is gone");
    }

    /// The project of `fixture` with this database behind `CORE`.
    #[must_use]
    pub fn project(&self, fixture: &str) -> Project {
        Project::of(fixture).with("CORE", self.url(self.port())).hiding(&self.name, "DATABASE")
    }

    /// What the server answers.
    ///
    /// # Panics
    /// If it refuses.
    #[must_use]
    #[track_caller]
    pub fn query(&self, statement: &str) -> String {
        self.server.query(&self.name, statement).expect("the server answers")
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The URL by a way that begins at `port`.
    #[must_use]
    pub fn url(&self, port: u16) -> String {
        format!("http://default@127.0.0.1:{port}/{}", self.name)
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        self.server.drop_database(&self.name).ok();
    }
}
