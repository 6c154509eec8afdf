//! `dunlin up`: plan, show, ask, apply, sum up.

use dunlin_planner::HeldReason;

use super::plan;
use crate::args::{Global, UpArgs};
use crate::exit::{Exit, Stop};
use crate::running::run as run_plan;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Applies what is pending.
pub(crate) async fn run(global: &Global, args: &UpArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let plan = plan::make(&workspace, &graph, &args.plan).await?;
    let incomplete = plan.held.iter().any(|held| !matches!(held.reason, HeldReason::SeedsOff | HeldReason::TargetOff));
    let ran = run_plan(&workspace, plan, &args.run, args.plan.format, terminal).await?;
    let exit = ran.map_or(Exit::Done, |(_, report)| report.verdict().into());
    Ok(if exit == Exit::Done && incomplete && args.require_complete { Exit::Blocked } else { exit })
}
