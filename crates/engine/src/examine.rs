//! Examines every database at once: what a run reads of it, and what only a doctor asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{Catalog, Examination, Failure, FailureClass, RunsUnder, TargetName, audit};
use tokio::task::JoinSet;

use crate::Connectors;

/// A server that takes longer does not answer. Nothing is changed, so that nothing is left behind when it is given up.
const LIMIT: Duration = Duration::from_secs(30);

/// Examines `targets` in parallel; what is not known of one says nothing of the others.
pub async fn examine(
    connectors: &Arc<dyn Connectors>,
    catalog: &Catalog,
    targets: &BTreeSet<TargetName>,
) -> BTreeMap<TargetName, Examination> {
    let mut examining = JoinSet::new();
    for target in targets.clone() {
        let (connectors, project) = (Arc::clone(connectors), catalog.project.clone());
        let under = RunsUnder::of(catalog, &target);
        examining.spawn(async move {
            let driver = match connectors.driver(&target).await {
                Ok(driver) => driver,
                Err(failure) => {
                    let facts = Err(failure.clone());
                    return (target, Examination { offers: None, facts, health: Err(failure), log: Ok(None) });
                }
            };
            let (facts, health) = tokio::join!(in_time(driver.inspect(&project)), in_time(driver.examine(&under)));
            let log = match &facts {
                Ok(_) => in_time(driver.whole_log()).await.map(|log| log.map(|log| audit(&target, &log))),
                Err(_) => Ok(None),
            };
            (target, Examination { offers: Some(driver.offers()), facts, health, log })
        });
    }
    let mut examined = BTreeMap::new();
    while let Some(seen) = examining.join_next().await {
        let (target, seen) = seen.expect("examining does not panic, and nobody aborts it");
        examined.insert(target, seen);
    }
    examined
}

async fn in_time<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_| {
        let message = format!("the server accepted the connection, and gave no answer within {} s", LIMIT.as_secs());
        Err(Failure::new(FailureClass::Unreachable, message))
    })
}
