//! Servers of both ages, and a database of each for one test.

#![expect(clippy::print_stdout, reason = "a test tells that it was skipped")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Home, Template};
use dunlin_driver::conformance::Database;
use dunlin_driver::{Driver, Said, TargetUrl};
use dunlin_driver_clickhouse::{ClickHouseDriver, ClickHouseSettings, ConnectOptions};
use dunlin_planner::{Effect, Failure, Probe, QualifiedName, StatementClass, TargetName, Thing};

/// A database that goes with the test.
pub(crate) struct Fresh {
    server: Cluster,
    flavour: Flavour,
    name: String,
    is_own: bool,
}

impl Fresh {
    /// None where this machine cannot have such a server, which is told.
    pub(crate) fn new(flavour: Flavour) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::called(&format!("ch_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst)), flavour)
    }

    /// With a name that the server's configuration knows.
    pub(crate) fn called(name: &str, flavour: Flavour) -> Option<Self> {
        let (server, name) = (server(flavour)?, name.to_owned());
        server.drop_database(&name).expect("nobody uses it");
        server.create_database(&name, Template::Plain).expect("it is new");
        Some(Self { server, flavour, name, is_own: true })
    }

    /// The same database, which goes with the first.
    pub(crate) fn same(&self) -> Self {
        let server = server(self.flavour).expect("it runs");
        Self { server, flavour: self.flavour, name: self.name.clone(), is_own: false }
    }

    pub(crate) fn query(&self, statement: &str) -> String {
        self.server.query(&self.name, statement).expect("the server answers")
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn driver_at(&self, url: &str) -> Result<Arc<dyn Driver>, Failure> {
        let options = ConnectOptions::parse(&TargetUrl::new(url)).expect("it can be read");
        let target = TargetName::new("target").expect("it is a name");
        let settings = ClickHouseSettings { options, create: false };
        Ok(Arc::new(ClickHouseDriver::new(target, settings)?))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.is_own {
            self.server.drop_database(&self.name).ok();
        }
    }
}

fn server(flavour: Flavour) -> Option<Cluster> {
    let name = if flavour == Flavour::Chdb { "driver-tests-engine" } else { "driver-tests-clickhouse" };
    let spec = ClusterSpec {
        linger: Duration::from_secs(30),
        settings: settings(flavour),
        ..ClusterSpec::named(Home::new(Home::default_dir()), flavour, name)
    };
    match Cluster::start(&spec, &|_| {}) {
        Ok(server) => Some(server),
        Err(error @ DevdbError::Unsupported { .. }) => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("the server starts: {error}"),
    }
}

/// The engine of today is both replicas of the cluster `twice`, and one of those of `half`; nobody is the other.
fn settings(flavour: Flavour) -> Vec<(String, String)> {
    const CLUSTERS: &str = "<twice><shard><replica><host>127.0.0.1</host><port>9000</port></replica>\
        <replica><host>localhost</host><port>9000</port></replica></shard></twice>\
        <half><shard><replica><host>127.0.0.1</host><port>9000</port></replica>\
        <replica><host>127.0.0.1</host><port>1</port></replica></shard></half>";
    if flavour != Flavour::Chdb {
        return Vec::new();
    }
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![of("tcp_port", "9000"), of("macros", "<pair>twice</pair>"), of("remote_servers", CLUSTERS)]
}

#[async_trait]
impl Database for Fresh {
    fn driver(&self) -> Arc<dyn Driver> {
        self.driver_at(&self.server.url(&self.name)).expect("there is no TLS to set up")
    }

    fn say(&self, statement: &str) -> Said {
        say(statement)
    }

    /// The bridge to the library runs one statement after the other.
    fn slow(&self) -> Option<Said> {
        let text = "SELECT sleep(1) FROM system.numbers LIMIT 30 SETTINGS max_block_size = 1".to_owned();
        let class = StatementClass::Alone { what: "SELECT".to_owned(), probe: Probe::Repeat };
        (self.flavour == Flavour::ClickHouse).then_some(Said { text, class })
    }

    async fn objects(&self) -> BTreeSet<String> {
        let tables = self.query("SHOW TABLES");
        tables.lines().filter(|table| !table.starts_with("dunlin_")).map(str::to_owned).collect()
    }
}

/// An index of its own is nothing that an old server has: a table stands for it.
pub(crate) fn say(statement: &str) -> Said {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let name = |name: &str| Thing::Table(QualifiedName { schema: None, name: name.to_owned() });
    let (text, effect) = match words.as_slice() {
        ["CREATE", "TABLE", table, "(id", kind] => {
            let kind = if *kind == "int)" { "Int32" } else { "Int64" };
            (
                format!("CREATE TABLE {table} (id {kind}) ENGINE = MergeTree ORDER BY id"),
                Some(Effect::There(name(table))),
            )
        }
        ["CREATE", "INDEX", "CONCURRENTLY", index, ..] => {
            (format!("CREATE TABLE {index} (id Int32) ENGINE = Memory"), Some(Effect::There(name(index))))
        }
        ["DROP", "TABLE", table] => (statement.to_owned(), Some(Effect::Gone(name(table)))),
        ["DROP", "INDEX", "CONCURRENTLY", index] => (format!("DROP TABLE {index}"), Some(Effect::Gone(name(index)))),
        _ => ("SELECT * FROM there_is_no_such_table".to_owned(), None),
    };
    let probe = match effect {
        Some(effect) => Probe::Effects { effects: vec![effect], again: false, cluster: None },
        None => Probe::Unknown,
    };
    Said { text, class: StatementClass::Alone { what: words[..2].join(" "), probe } }
}
