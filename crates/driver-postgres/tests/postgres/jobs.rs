//! A set of jobs that was applied and is run once more, since the server's jobs are otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use dunlin_driver::conformance::Database;
use dunlin_driver::{Bench, Driver, StepText};
use dunlin_driver_postgres::{Flavor, POSTGRES, Plain, PostgresDriver, ServerFacts};
use dunlin_planner::{Failure, Feature, Jobs, Offers, Support, TargetName};

use crate::support::Fresh;

/// A kind of database that has jobs, and none to change.
struct WithJobs;

impl Flavor for WithJobs {
    fn offers(&self) -> Offers {
        Offers { jobs: Support::Yes, ..POSTGRES }
    }

    fn features(&self, facts: &ServerFacts) -> Result<BTreeSet<Feature>, Failure> {
        Plain.features(facts)
    }
}

struct Scheduler(Fresh);

#[async_trait]
impl Database for Scheduler {
    fn driver(&self) -> Arc<dyn Driver> {
        let target = TargetName::new("target").unwrap();
        Arc::new(PostgresDriver::new(target, self.0.settings(), Arc::new(WithJobs)).unwrap())
    }

    async fn objects(&self) -> BTreeSet<String> {
        self.0.objects().await
    }
}

/// Of two runs that saw the same row, the second finds another attempt, and nothing left to do.
#[tokio::test(flavor = "multi_thread")]
async fn the_row_that_was_seen_is_claimed_once_more() {
    let bench = Bench::new("jobs", Box::new(Scheduler(Fresh::new())));
    bench.bootstrap().await;
    let step = |again| {
        let mut step = StepText::apply("cron/1", &[]);
        step.step.body.jobs = Some(Jobs { again, ..Jobs::default() });
        step
    };
    for (again, runs, attempt) in
        [(None, true, 1), (None, false, 1), (Some(1), true, 2), (Some(1), false, 2), (Some(2), true, 3)]
    {
        let step = step(again);
        assert_eq!(bench.apply(&step).await, Ok(runs), "{again:?}");
        assert_eq!(bench.row(&step).await.map(|row| row.attempt), Some(attempt), "{again:?}");
    }
}
