//! `dunlin down`: take applied migrations back, dependents first.

use dunlin_engine::estimate;
use dunlin_planner::{DownRequest, DownScope, RunId, Scope, Selection, plan_down};

use crate::args::{DownArgs, Global};
use crate::exit::{Exit, Stop};
use crate::running::run as run_plan;
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Takes back what `args` name.
pub(crate) async fn run(global: &Global, args: &DownArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    // Dependents can be in any database, whatever was selected.
    let everything = Selection::of(&graph, &Scope::default())?;
    let observed = workspace.observe(&graph, &everything).await?;
    let request = DownRequest { scope: scope(args)?, cascade: args.cascade };
    let mut plan = plan_down(&graph, &selection, &observed, &request);
    estimate(&workspace.connectors(), &mut plan).await;
    let ran = run_plan(&workspace, plan, &args.how, args.format, terminal).await?;
    Ok(ran.map_or(Exit::Done, |(_, report)| report.verdict().into()))
}

fn scope(args: &DownArgs) -> Result<DownScope, Stop> {
    Ok(match (&args.version, &args.to, &args.run) {
        (Some(version), _, _) => DownScope::Version(version.clone()),
        (_, Some(to), _) => DownScope::To(to.clone()),
        (_, _, Some(run)) => DownScope::Run(
            RunId::new(run)
                .map_err(|error| Stop::because("run-unknown", error.to_string(), "`dunlin history` lists the runs"))?,
        ),
        _ => DownScope::Last,
    })
}
