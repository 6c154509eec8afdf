//! `dunlin status`: where every migration stands.

use dunlin_planner::status;

use crate::args::{Format, Global, StatusArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Shows where everything stands; drift, dirt and servers out of reach show in the exit code.
pub(crate) async fn run(global: &Global, args: &StatusArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let status = status(&graph, &selection, &observed);
    match args.format {
        Format::Text => {
            terminal.data(&dunlin_render::status(&status, args.all || terminal.verbose > 0, terminal.width))
        }
        Format::Json => terminal.data(&dunlin_render::status_json(&status)),
    }
    let troubles = status.targets.iter().filter_map(|target| target.trouble.as_ref());
    Ok(exit_of(status.findings.iter().chain(troubles)).unwrap_or(Exit::Done))
}
