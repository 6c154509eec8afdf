//! `dunlin doctor`: whether every database is fit for a run.

use std::collections::BTreeSet;

use dunlin_engine::examine;
use dunlin_planner::{TargetName, diagnose};

use crate::args::{DoctorArgs, Format, Global};
use crate::exit::{Exit, Stop, gravest};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Examines the databases and says what was found; an error of a check shows in the exit code, a warning does not.
pub(crate) async fn run(global: &Global, args: &DoctorArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let targets = targets(&workspace, args)?;
    let connectors = workspace.connectors();
    let examined = examine(&connectors, workspace.catalog(), &targets).await;
    let mut diagnosis = diagnose(workspace.catalog(), &examined, args.long);
    diagnosis.off.retain(|name| args.scope.is_everything() || args.scope.target.contains(&name.to_string()));
    match args.format {
        Format::Text => terminal.data(&dunlin_render::diagnosis(&diagnosis, terminal.verbose > 0, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::diagnosis_json(&diagnosis)),
    }
    Ok(gravest(diagnosis.classes()).unwrap_or(Exit::Done))
}

/// Without a scope every target that takes part: files that cannot be planned keep nobody from looking at databases.
fn targets(workspace: &Workspace, args: &DoctorArgs) -> Result<BTreeSet<TargetName>, Stop> {
    let catalog = workspace.catalog();
    let enabled = catalog.targets.values().filter(|target| target.enabled);
    if args.scope.is_everything() {
        return Ok(enabled.map(|target| target.name.clone()).collect());
    }
    let named = args.scope.target.iter().map(|name| workspace.target(name)).collect::<Result<Vec<_>, Stop>>()?;
    let mut targets: BTreeSet<_> = named.into_iter().filter(|name| catalog.targets[name].enabled).collect();
    if !args.scope.service.is_empty() || !args.scope.set.is_empty() {
        let graph = workspace.graph()?;
        let selection = select(&graph, &args.scope, None)?;
        targets.extend(selection.targets(&graph));
    }
    Ok(targets)
}
