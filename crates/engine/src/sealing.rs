//! Seals the logs of the databases in which a run worked, at its end. It is a help and no more: what is left out is sealed by
//! the next run, and a server that does not answer is not waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use dunlin_planner::{Failure, FailureClass, Head};
use tokio::task::JoinSet;

use crate::execute::Databases;
use crate::pausing;
use crate::step::Context;

/// How long one database is given.
const LIMIT: Duration = Duration::from_secs(6);
/// How long once the run is asked to stop.
const BRIEF: Duration = Duration::from_secs(2);

/// The heads of the chains then, by target.
pub(crate) async fn seal(context: &Context, databases: &Databases) -> Vec<Head> {
    let stepped = context.plan.steps.iter().map(|step| step.target.clone());
    let targets: BTreeSet<_> = stepped.chain(pausing::targets(&context.plan)).collect();
    let limit = if context.stop.is_cancelled() { BRIEF } else { LIMIT };
    let mut tasks = JoinSet::new();
    for target in targets {
        let Some(Ok((driver, _))) = databases.get(&target).cloned() else { continue };
        let (project, run) = (context.plan.project.clone(), context.run.clone());
        tasks.spawn(async move {
            let sealed = tokio::time::timeout(limit, driver.seal(&project, Some(&run))).await.unwrap_or_else(|_| {
                let message = format!("no answer within {} s", limit.as_secs());
                Err(Failure::new(FailureClass::Unreachable, message))
            });
            match sealed {
                Ok(hash) => hash.map(|hash| Head { target, hash: Some(hash), failure: None }),
                Err(failure) => Some(Head { target, hash: None, failure: Some(failure) }),
            }
        });
    }
    let mut heads: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    heads.sort_by(|left, right| left.target.cmp(&right.target));
    heads
}
