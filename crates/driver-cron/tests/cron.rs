//! The flavor on a real server, whose `cron.database_name` is `postgres`.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Template};
use dunlin_driver::conformance::{Database, Factory, run_all};
use dunlin_driver::{Driver, Jobs, Said, TargetUrl};
use dunlin_driver_cron::Cron;
use dunlin_driver_postgres::{ConnectOptions, PostgresDriver, PostgresSettings};
use dunlin_planner::{Failure, FailureClass, Feature, ProjectName, ResumptionEnd, RunId, TargetFacts, TargetName};

fn server() -> Cluster {
    let spec = ClusterSpec::temporary(Home::new(Home::default_dir()), Flavour::Full);
    Cluster::start(&spec, &|_| {}).expect("the server starts")
}

fn driver(server: &Cluster, database: &str) -> PostgresDriver {
    jobs_driver(&server.url(database))
}

fn jobs_driver(url: &str) -> PostgresDriver {
    let options = ConnectOptions::parse(&TargetUrl::new(url)).expect("the server's own URL");
    let target = TargetName::new("target").expect("it is a name");
    PostgresDriver::new(target, PostgresSettings::new(options), Arc::new(Cron)).expect("there is no TLS to set up")
}

/// The one database of jobs, made empty for each case.
struct Crontab(Arc<Cluster>);

#[async_trait]
impl Jobs for Crontab {
    async fn start(&self, name: &str) {
        self.sql(&format!("SELECT cron.schedule('{}', '0 0 1 1 *', 'SELECT 1')", name.replace('\'', "''")));
    }

    async fn stop(&self, name: &str) {
        self.sql(&format!("SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = '{name}'"));
    }

    async fn remove(&self, name: &str) {
        self.sql(&format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = '{name}'"));
    }

    async fn is_active(&self, name: &str) -> Option<bool> {
        let name = name.replace('\'', "''");
        match self.sql(&format!("SELECT active FROM cron.job WHERE jobname = '{name}'")).trim() {
            "" => None,
            active => Some(active == "t"),
        }
    }
}

impl Crontab {
    fn sql(&self, text: &str) -> String {
        self.0.psql("postgres", text).expect("the server answers")
    }
}

#[async_trait]
impl Database for Crontab {
    fn slow(&self) -> Option<Said> {
        Some(Said::plainly("SELECT pg_sleep(30)"))
    }

    fn notice(&self) -> Option<Said> {
        Some(Said::plainly("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"))
    }

    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(driver(&self.0, "postgres"))
    }

    async fn objects(&self) -> BTreeSet<String> {
        let query =
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')";
        self.0.psql("postgres", query).expect("the server answers").lines().map(str::to_owned).collect()
    }

    fn jobs(&self) -> Option<&dyn Jobs> {
        Some(self)
    }
}

struct Emptied(Arc<Cluster>);

#[async_trait]
impl Factory for Emptied {
    async fn fresh(&self) -> Box<dyn Database> {
        let empty = "SET client_min_messages = error; DROP SCHEMA IF EXISTS dunlin CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; \
                     CREATE EXTENSION IF NOT EXISTS pg_cron; SELECT cron.unschedule(jobid) FROM cron.job";
        self.0.psql("postgres", empty).expect("nobody uses it");
        Box::new(Crontab(Arc::clone(&self.0)))
    }
}

async fn inspected(server: &Cluster, database: &str) -> Result<TargetFacts, Failure> {
    driver(server, database).inspect(&ProjectName::new("p").expect("it is a name")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_jobs_conforms_and_no_other_is_taken_for_it() {
    let server = Arc::new(server());
    run_all(&Emptied(Arc::clone(&server))).await;

    let facts = inspected(&server, "postgres").await.expect("it is the database of jobs");
    assert!(facts.capabilities.offers(&Feature("pg_cron".to_owned())));
    assert!(facts.capabilities.server.contains("pg_cron 1."), "{}", facts.capabilities.server);

    who_does_not_see_a_job_does_not_take_it_for_gone(&server).await;
    server.create_database("other", Template::Plain).expect("it is new");
    let refused = inspected(&server, "other").await.expect_err("jobs are kept elsewhere");
    assert_eq!(refused.class, FailureClass::Rejected);
    assert_eq!(refused.message, "pg_cron keeps its jobs in database `postgres`, and the target names `other`");
}

/// A job that a superuser paused, and a role that may alter jobs, yet sees its own only; then the extension goes.
async fn who_does_not_see_a_job_does_not_take_it_for_gone(server: &Arc<Cluster>) {
    let run = |number: u8| RunId::new(&format!("0197a000-0000-7000-8000-0000000000{number:02}")).expect("it is a name");
    let project = ProjectName::new("p").expect("it is a name");
    Emptied(Arc::clone(server)).fresh().await;
    let (jobs, driver) = (Crontab(Arc::clone(server)), jobs_driver(&server.url("postgres")));
    driver.bootstrap(None).await.expect("the ledger can be made");
    jobs.start("nightly").await;
    let what = driver.inspect(&project).await.expect("it answers").pausing.pausable;
    drop(driver.pause(&project, &run(1), &what).await.expect("it can be paused"));
    jobs.sql(
        "CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA cron, dunlin TO clerk; GRANT ALL ON ALL TABLES IN SCHEMA dunlin TO clerk; \
         GRANT EXECUTE ON FUNCTION cron.alter_job TO clerk",
    );
    let clerk = jobs_driver(&server.url("postgres").replacen("postgres@", "clerk@", 1));
    let mut ended = Vec::new();
    while ended.is_empty() {
        // The connection that showed that the run lives takes a moment to end.
        ended = clerk.resume(&project, &run(2)).await.expect("it answers");
    }
    let ResumptionEnd::Failed { failure } = &ended[0].end else { panic!("{ended:?}") };
    assert_eq!(failure.message, "role `clerk` does not see job `nightly`, which role `postgres` paused");
    assert_eq!(jobs.is_active("nightly").await, Some(false));
    assert_eq!(driver.inspect(&project).await.expect("it answers").pausing.obligations.len(), 1);

    jobs.sql("DROP EXTENSION pg_cron");
    let ended = driver.resume(&project, &run(3)).await.expect("it answers");
    assert_eq!(ended.iter().map(|one| &one.end).collect::<Vec<_>>(), [&ResumptionEnd::Gone]);
}
