//! What steps need in other databases from before the run, and whether it is where synchronous replication has to have it.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{Action, Dependency, Failure, FailureClass, MigrationId, StepIx, TargetName};
use tokio::task::JoinSet;

use crate::execute::Databases;
use crate::step::Context;

/// The steps that have to wait, each with the reason. A database that does not answer has said what is applied there just
/// before.
pub(crate) async fn unreplicated(context: &Context, databases: &Databases) -> BTreeMap<StepIx, Failure> {
    let plan = &context.plan;
    let planned: BTreeSet<&MigrationId> = plan.steps.iter().map(|step| &step.id).collect();
    let needed: Vec<(StepIx, &TargetName)> = plan
        .indexes()
        .flat_map(|ix| {
            let step = plan.step(ix);
            let elsewhere = move |needed: &&Dependency| plan.database(&needed.target) != plan.database(&step.target);
            let before = after(&step.action).iter().filter(elsewhere).filter(|needed| !planned.contains(&needed.id));
            before.map(move |needed| (ix, &needed.target)).collect::<Vec<_>>()
        })
        .collect();
    let mut tasks = JoinSet::new();
    for target in needed.iter().map(|(_, target)| *target).collect::<BTreeSet<_>>() {
        let Some(Ok((driver, _))) = databases.get(target).cloned() else { continue };
        let target = target.clone();
        tasks.spawn(async move { Some((target, driver.replicated().await.err()?)) });
    }
    let failures: BTreeMap<TargetName, Failure> = tasks.join_all().await.into_iter().flatten().collect();
    let waits = |(ix, target): (StepIx, &TargetName)| {
        let failure = failures.get(target).filter(|failure| failure.class == FailureClass::Busy)?;
        Some((ix, failure.clone()))
    };
    needed.into_iter().filter_map(waits).collect()
}

fn after(action: &Action) -> &[Dependency] {
    match action {
        Action::Apply { after, .. } => after,
        Action::Revert { .. } => &[],
    }
}
