//! The flavor on a real server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Template};
use dunlin_driver::conformance::{Database, Factory, run_all};
use dunlin_driver::{Driver, Said, TargetUrl};
use dunlin_driver_postgres::{ConnectOptions, PostgresDriver, PostgresSettings};
use dunlin_driver_timescale::Timescale;
use dunlin_planner::{Feature, ProjectName, TargetName};

struct Fresh {
    server: Cluster,
    name: String,
}

impl Fresh {
    fn new(template: Template) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let spec = ClusterSpec {
            linger: Duration::from_secs(30),
            ..ClusterSpec::named(Home::new(Home::default_dir()), Flavour::Full, "driver-tests")
        };
        let server = Cluster::start(&spec, &|_| {}).expect("the server starts");
        let name = format!("ts_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        server.drop_database(&name).expect("nobody uses it");
        server.create_database(&name, template).expect("it is new");
        Self { server, name }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.server.drop_database(&self.name).ok();
    }
}

#[async_trait]
impl Database for Fresh {
    fn slow(&self) -> Option<Said> {
        Some(Said::plainly("SELECT pg_sleep(30)"))
    }

    fn notice(&self) -> Option<Said> {
        Some(Said::plainly("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"))
    }

    fn driver(&self) -> Arc<dyn Driver> {
        let url = TargetUrl::new(self.server.url(&self.name));
        let settings = PostgresSettings::new(ConnectOptions::parse(&url).expect("the server's own URL"));
        let target = TargetName::new("target").expect("it is a name");
        Arc::new(PostgresDriver::new(target, settings, Arc::new(Timescale)).expect("there is no TLS to set up"))
    }

    async fn objects(&self) -> BTreeSet<String> {
        let query =
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')";
        self.server.psql(&self.name, query).expect("the server answers").lines().map(str::to_owned).collect()
    }
}

struct Timescales;

#[async_trait]
impl Factory for Timescales {
    async fn fresh(&self) -> Box<dyn Database> {
        Box::new(Fresh::new(Template::Timescale))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timescale_conforms() {
    run_all(&Timescales).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_offers_is_told_before_and_after_the_extension_is_created() {
    for (template, describes) in [(Template::Plain, "available"), (Template::Timescale, "(apache)")] {
        let fresh = Fresh::new(template);
        let project = ProjectName::new("p").expect("it is a name");
        let facts = fresh.driver().inspect(&project).await.expect("the server is of this kind");
        assert!(facts.capabilities.server.contains("timescaledb 2."), "{}", facts.capabilities.server);
        assert!(facts.capabilities.server.contains(describes), "{}", facts.capabilities.server);
        assert!(facts.capabilities.offers(&Feature("timescaledb".to_owned())));
        assert!(!facts.capabilities.offers(&Feature("timescaledb-tsl".to_owned())));
    }
}
