//! A server that all tests of this crate share, and databases on it that go away with their test.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Template};
use dunlin_driver::conformance::{Database, Factory};
use dunlin_driver::{Driver, Said, StepText, TargetUrl};
use dunlin_driver_postgres::{ConnectOptions, Plain, PostgresDriver, PostgresSettings};
use dunlin_planner::{Digest, Statement, StatementClass, TargetName};
use tokio_postgres::{Client, NoTls};

/// The shared server; it stays up a little, so that the next test finds it warm.
pub(crate) fn server() -> Cluster {
    let home = Home::new(Home::default_dir());
    let spec =
        ClusterSpec { linger: Duration::from_secs(30), ..ClusterSpec::named(home, Flavour::Full, "driver-tests") };
    Cluster::start(&spec, &|_| {}).unwrap()
}

/// A database of its own for one test.
#[derive(Clone)]
pub(crate) struct Fresh(Arc<Owned>);

struct Owned {
    server: Cluster,
    name: String,
}

impl Fresh {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let name = format!("t_{}_{}_{nanos:x}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let server = server();
        server.create_database(&name, Template::Plain).unwrap();
        Self(Arc::new(Owned { server, name }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// The same database, reached with other settings.
    pub(crate) fn with(&self, settings: PostgresSettings) -> Configured {
        Configured { fresh: self.clone(), settings }
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.server.port()
    }

    pub(crate) fn url(&self) -> String {
        self.0.server.url(&self.0.name)
    }

    /// The way to the same database through a proxy.
    pub(crate) fn url_through(&self, port: u16) -> String {
        format!("{}?sslmode=disable", self.url().replace(&format!(":{}/", self.port()), &format!(":{port}/")))
    }

    /// What psql prints for these statements.
    pub(crate) fn psql(&self, script: &str) -> String {
        self.0.server.psql(&self.0.name, script).unwrap()
    }

    /// A session of somebody else's, which has run this script.
    pub(crate) async fn session(&self, script: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(script).await.unwrap();
        client
    }

    pub(crate) fn settings(&self) -> PostgresSettings {
        PostgresSettings::new(options(&self.url()))
    }
}

pub(crate) fn options(url: &str) -> ConnectOptions {
    ConnectOptions::parse(&TargetUrl::new(url)).unwrap()
}

pub(crate) fn driver(settings: PostgresSettings) -> PostgresDriver {
    PostgresDriver::new(TargetName::new("target").unwrap(), settings, Arc::new(Plain)).unwrap()
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.server.drop_database(&self.name).ok();
    }
}

pub(crate) const OBJECTS: &str =
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')";

#[async_trait]
impl Database for Fresh {
    fn slow(&self) -> Option<Said> {
        Some(Said::plainly("SELECT pg_sleep(30)"))
    }

    fn notice(&self) -> Option<Said> {
        Some(Said::plainly("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"))
    }

    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(driver(self.settings()))
    }

    async fn objects(&self) -> BTreeSet<String> {
        self.psql(OBJECTS).lines().map(str::to_owned).collect()
    }
}

/// A database with settings of its own.
pub(crate) struct Configured {
    fresh: Fresh,
    settings: PostgresSettings,
}

#[async_trait]
impl Database for Configured {
    fn slow(&self) -> Option<Said> {
        Some(Said::plainly("SELECT pg_sleep(30)"))
    }

    fn notice(&self) -> Option<Said> {
        Some(Said::plainly("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"))
    }

    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(driver(self.settings.clone()))
    }

    async fn objects(&self) -> BTreeSet<String> {
        self.fresh.objects().await
    }
}

/// A step whose text is taken as it is: one statement per semicolon, whatever it means.
pub(crate) fn raw(id: &str, text: &str) -> StepText {
    let mut step = StepText::apply(id, &[]);
    let mut start = 0;
    for part in text.split_inclusive(';') {
        let begin = start + part.len() - part.trim_start().len();
        start += part.len();
        let range =
            begin..begin + text[begin..start].trim_end_matches(|char: char| char == ';' || char.is_whitespace()).len();
        if !range.is_empty() {
            let digest = Digest::of(&text.as_bytes()[range.clone()]);
            let class = StatementClass::Transactional;
            step.step.body.statements.push(Statement { range, line: 1, digest, class, copy: None });
        }
    }
    step.step.checksum = Digest::of(text.as_bytes());
    step.step.body.digest = step.step.checksum;
    step.text = Arc::from(text);
    step
}

/// Makes a fresh database per case.
pub(crate) struct Fleet;

#[async_trait]
impl Factory for Fleet {
    async fn fresh(&self) -> Box<dyn Database> {
        Box::new(Fresh::new())
    }
}
