//! Asks every database at once whether what migrations say of it is so, and what else is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::Driver;
use dunlin_planner::{Declared, Failure, Found, TargetName};

use crate::Connectors;
use crate::connect::{ask_each, in_time};

/// A server that takes longer for one thing does not answer.
const LIMIT: Duration = Duration::from_secs(65);

/// Asks about what is declared of each target; what cannot be said of one says nothing of the others.
pub async fn verify(
    connectors: &Arc<dyn Connectors>,
    declared: &BTreeMap<TargetName, Declared>,
) -> BTreeMap<TargetName, Result<Found, Failure>> {
    let questions = declared.iter().map(|(target, declared)| (target.clone(), declared.clone()));
    ask_each(connectors, questions, |driver, declared| async move { one(&*driver?, &declared).await }).await
}

async fn one(driver: &dyn Driver, declared: &Declared) -> Result<Found, Failure> {
    let facts = match u32::try_from(declared.expected.len()).unwrap_or(u32::MAX) {
        0 => Vec::new(),
        count => in_time(LIMIT.saturating_mul(count), driver.verify(&declared.expected)).await?,
    };
    let listed = if declared.lists() { in_time(LIMIT, driver.listed()).await } else { Ok(Vec::new()) };
    Ok(Found { facts, listed })
}
