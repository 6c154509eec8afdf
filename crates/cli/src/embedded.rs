//! `url = "embedded"`: one server of each kind on this machine per project, started when it is first needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Home, Life, Template};
use dunlin_planner::{Digest, Failure, FailureClass, ProjectName};
use tokio::sync::OnceCell;

use crate::terminal::Terminal;

/// A project's embedded server; started at most once, and stopped with its last owner.
pub(crate) struct Embedded {
    home: Home,
    name: String,
    flavour: Flavour,
    terminal: Terminal,
    cluster: OnceCell<Arc<Cluster>>,
}

impl Embedded {
    /// The server of the project at `root`. `DUNLIN_PREFIX` says where servers live, `DUNLIN_CLUSTER` what this one is called.
    pub(crate) fn new(project: &ProjectName, root: &Path, flavour: Flavour, terminal: Terminal) -> Self {
        let home = std::env::var_os("DUNLIN_PREFIX").map_or_else(|| Home::default_dir().to_owned(), PathBuf::from);
        let name = std::env::var("DUNLIN_CLUSTER").unwrap_or_else(|_| name(project, root));
        // One project can need the one in this environment and the other in that.
        let name = match flavour {
            Flavour::Full => name,
            Flavour::Plain => format!("{name}-plain"),
            Flavour::ClickHouse | Flavour::Chdb => format!("{name}-clickhouse"),
        };
        Self { home: Home::new(home), name, flavour, terminal, cluster: OnceCell::new() }
    }

    /// The URL of `database`, which is created where it is missing.
    pub(crate) async fn url(&self, database: &str) -> Result<String, Failure> {
        let cluster = self.start(Life::Session).await.map_err(|error| failure(&error))?;
        let name = database.to_owned();
        blocking(move || cluster.ensure_database(&name, Template::Plain).map(|()| cluster.url(&name)))
            .await
            .map_err(|error| failure(&error))
    }

    /// Starts the server, or joins it.
    pub(crate) async fn start(&self, life: Life) -> Result<Arc<Cluster>, DevdbError> {
        let start = || async {
            let spec = ClusterSpec { life, ..ClusterSpec::named(self.home.clone(), self.flavour, self.name.clone()) };
            let terminal = self.terminal;
            blocking(move || Cluster::start(&spec, &|progress| terminal.say(progress))).await.map(Arc::new)
        };
        self.cluster.get_or_try_init(start).await.cloned()
    }

    /// Stops the server, and removes its data where `delete` says so. False when there was nothing to stop.
    pub(crate) async fn stop(&self, delete: bool) -> Result<bool, DevdbError> {
        let (home, name) = (self.home.clone(), self.name.clone());
        let end = if delete { Cluster::destroy } else { Cluster::stop };
        blocking(move || end(&home, &name)).await.map(|departure| departure.is_some())
    }
}

/// A name that two checkouts of one project do not share.
fn name(project: &ProjectName, root: &Path) -> String {
    let place = Digest::of(root.as_os_str().as_encoded_bytes()).short();
    let readable: String = project
        .as_str()
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(24)
        .collect();
    format!("{readable}-{place}")
}

/// devdb waits for other programs: off the threads that drive connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DevdbError> + Send + 'static,
) -> Result<T, DevdbError> {
    tokio::task::spawn_blocking(work).await.expect("devdb does not panic")
}

fn failure(error: &DevdbError) -> Failure {
    Failure {
        detail: error.details().map(str::to_owned),
        hint: error.hint(),
        ..Failure::new(FailureClass::Rejected, format!("the embedded server cannot be used: {error}"))
    }
}
