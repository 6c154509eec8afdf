//! Examines every database at once: what a run reads of it, and what only a doctor asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::Driver;
use dunlin_planner::{Catalog, Examination, ProjectName, RunsUnder, TargetName, audit};

use crate::Connectors;
use crate::connect::{ask_each, in_time};

/// A server that takes longer does not answer.
const LIMIT: Duration = Duration::from_secs(30);

/// Examines `targets` in parallel; what is not known of one says nothing of the others.
pub async fn examine(
    connectors: &Arc<dyn Connectors>,
    catalog: &Catalog,
    targets: &BTreeSet<TargetName>,
) -> BTreeMap<TargetName, Examination> {
    let question = |target: &TargetName| (target.clone(), catalog.project.clone(), RunsUnder::of(catalog, target));
    let questions = targets.iter().map(|target| (target.clone(), question(target)));
    ask_each(connectors, questions, |driver, (target, project, under)| async move {
        match driver {
            Ok(driver) => one(&*driver, &target, &project, &under).await,
            Err(failure) => {
                let facts = Err(failure.clone());
                Examination { offers: None, facts, health: Err(failure), log: Ok(None) }
            }
        }
    })
    .await
}

async fn one(driver: &dyn Driver, target: &TargetName, project: &ProjectName, under: &RunsUnder) -> Examination {
    let (facts, health) = tokio::join!(in_time(LIMIT, driver.inspect(project)), in_time(LIMIT, driver.examine(under)));
    let log = match &facts {
        Ok(_) => in_time(LIMIT, driver.whole_log()).await.map(|log| log.map(|log| audit(target, &log))),
        Err(_) => Ok(None),
    };
    Examination { offers: Some(driver.offers()), facts, health, log }
}
