//! Asks every database at once what it is and what its ledger says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{Catalog, Class, Failure, Finding, Observed, Plan, TargetName, unmet};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Connectors, Patience};

/// Reads `targets` in parallel; one that does not answer becomes a finding, and the others are still read.
///
/// Another run may go on meanwhile, so that a migration shows in one database and what it needs not yet in another. Then
/// everything is read again: what is so in two readings is no matter of moments.
pub async fn observe(
    connectors: &Arc<dyn Connectors>,
    catalog: &Catalog,
    targets: &BTreeSet<TargetName>,
    patience: Patience,
) -> BTreeMap<TargetName, Observed> {
    let mut seen = BTreeSet::new();
    loop {
        let observed = read(connectors, catalog, targets, patience).await;
        let unmet = unmet(catalog, &observed);
        if unmet.is_empty() || !unmet.is_disjoint(&seen) {
            return observed;
        }
        seen.extend(unmet);
    }
}

async fn read(
    connectors: &Arc<dyn Connectors>,
    catalog: &Catalog,
    targets: &BTreeSet<TargetName>,
    patience: Patience,
) -> BTreeMap<TargetName, Observed> {
    let mut reading = JoinSet::new();
    for target in targets.clone() {
        let (connectors, project) = (Arc::clone(connectors), catalog.project.clone());
        reading.spawn(async move {
            let facts = patience
                .with(&CancellationToken::new(), Duration::ZERO, || async {
                    connectors.driver(&target).await?.inspect(&project).await
                })
                .await
                .map_or_else(|failure| Err(Box::new(failure)), Ok);
            (target, facts)
        });
    }
    let mut observed = BTreeMap::new();
    while let Some(read) = reading.join_next().await {
        let (target, facts) = read.expect("reading a target does not panic, and nobody aborts it");
        tracing::debug!(%target, answered = facts.is_ok(), "read");
        let seen = match facts {
            Ok(facts) => Observed::Facts(facts),
            Err(failure) => Observed::Failed(finding(catalog, &target, *failure)),
        };
        observed.insert(target, seen);
    }
    observed
}

/// Asks about how many rows the plan's backfills walk over. An estimate that cannot be had is none.
pub async fn estimate(connectors: &Arc<dyn Connectors>, plan: &mut Plan) {
    for step in plan.steps.iter_mut().filter(|step| step.body.batch.is_some()) {
        if let Ok(driver) = connectors.driver(&step.target).await {
            step.estimate = driver.estimate(&step.body).await.ok().flatten();
        }
    }
}

/// A target's failure as a finding at the place where the target is declared.
fn finding(catalog: &Catalog, target: &TargetName, failure: Failure) -> Finding {
    let class = failure.class.finding();
    let code = match class {
        Class::Blocked => "target-unreachable",
        Class::Invalid => "target-misconfigured",
        _ => "target-refused",
    };
    let sqlstate = failure.sqlstate.map(|state| format!(" (SQLSTATE {state})")).unwrap_or_default();
    let detail = failure.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    let mut finding =
        Finding::error(code, format!("target `{target}`: {}{sqlstate}{detail}", failure.message)).class(class);
    finding.place = failure.place.or_else(|| catalog.targets.get(target).map(|target| target.place.clone()));
    finding.hint = failure.hint;
    finding
}
