//! A server that waits for a synchronous standby which is not there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home};
use dunlin_driver::conformance::Database;
use dunlin_driver::{Bench, Driver, StepText};
use dunlin_driver_postgres::PostgresSettings;
use dunlin_planner::{FailureClass, LaneKind};

use crate::support::{driver, options};

struct Own(Arc<Cluster>);

#[async_trait]
impl Database for Own {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(driver(PostgresSettings::new(options(&self.0.url("postgres")))))
    }

    async fn objects(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

/// What is done already is only done when the standby has it: whatever way it ran, the run waits, and says so when it is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_already_waits_for_its_standby() {
    let spec = ClusterSpec::temporary(Home::new(Home::default_dir()), Flavour::Plain);
    let server = Arc::new(Cluster::start(&spec, &|_| {}).unwrap());
    let psql = |script: &str| server.psql("postgres", script).unwrap();
    let bench = Bench::new("ghost", Box::new(Own(Arc::clone(&server))));
    bench.bootstrap().await;
    psql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let alone = StepText::apply("a/1", &["CREATE INDEX CONCURRENTLY t_id ON t (id)"]);
    let batches = StepText::backfill("a/2", "t", &["id"], 10, "UPDATE t SET id = id WHERE :batch");
    let mut session = bench.session(LaneKind::Long).await;
    assert_eq!(bench.walk(&mut *session, &alone).await.map(|done| done.is_empty()), Ok(false));
    assert_eq!(bench.backfill(&mut *session, &batches).await, Ok(vec![1]));
    psql("ALTER SYSTEM SET synchronous_standby_names = 'ghost'");
    psql("SELECT pg_reload_conf()");
    for step in [alone, batches] {
        let (task, canceller) = (bench.task(&step), session.canceller());
        let stop = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                canceller.cancel().await;
            }
        };
        let claim = async {
            match step.step.body.batch {
                Some(_) => session.claim_batches(&task, 10).await.map(drop),
                None => session.claim(&task).await.map(drop),
            }
        };
        let ended = tokio::select! { ended = claim => ended, () = stop => panic!("it does not stop") };
        assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Unreplicated), "{}", step.step.id);
    }
}
