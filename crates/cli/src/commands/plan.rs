//! `dunlin plan`: what `up` would do, as data.

use dunlin_engine::estimate;
use dunlin_planner::{Graph, Plan, UpRequest, plan_up};

use crate::args::{Format, Global, PlanArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Shows the plan.
pub(crate) async fn run(global: &Global, args: &PlanArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let plan = make(&workspace, &graph, args).await?;
    match args.format {
        Format::Text => terminal.data(&dunlin_render::plan(&plan, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::plan_json(&plan)),
    }
    Ok(exit_of(plan.findings.iter()).unwrap_or(Exit::Done))
}

/// Makes the plan that `args` ask for.
pub(crate) async fn make(workspace: &Workspace, graph: &Graph<'_>, args: &PlanArgs) -> Result<Plan, Stop> {
    let selection = select(graph, &args.scope, args.to.as_deref())?;
    let observed = workspace.observe(graph, &selection).await?;
    let mut plan = plan_up(graph, &selection, &observed, UpRequest { only: args.only });
    estimate(&workspace.connectors(), &mut plan).await;
    Ok(plan)
}
