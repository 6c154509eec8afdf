//! `dunlin graph`: the dependency graph as a picture.

use dunlin_render::Level;

use crate::args::{Global, GraphArgs, GraphFormat, GraphLevel};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Draws the graph of what is selected.
pub(crate) fn run(global: &Global, args: &GraphArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let level = match args.level {
        GraphLevel::Sets => Level::Sets,
        GraphLevel::Migrations => Level::Migrations,
    };
    terminal.data(&match args.format {
        GraphFormat::Text => dunlin_render::graph_text(&graph, &selection, level, terminal.width),
        GraphFormat::Dot => dunlin_render::graph_dot(&graph, &selection, level),
        GraphFormat::Mermaid => dunlin_render::graph_mermaid(&graph, &selection, level),
        GraphFormat::Svg => dunlin_render::graph_svg(&graph, &selection, level),
        GraphFormat::Json => dunlin_render::graph_json(&graph, &selection, level),
    });
    Ok(Exit::Done)
}
