//! `dunlin explain`: everything about one migration.

use std::collections::BTreeMap;

use dunlin_planner::{Scope, Selection, status};
use dunlin_render::Traces;

use crate::args::{ExplainArgs, Format, Global};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Tells where it is, what it runs, what it needs and what needs it, and where it stands.
pub(crate) async fn run(global: &Global, args: &ExplainArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let ix = graph.named(&args.id).map_err(|finding| Stop::Findings(vec![finding]))?;
    let id = &graph.migration(ix).id;
    let scope = Scope { sets: vec![id.set.to_string()], ..Scope::default() };
    let selection = Selection::of(&graph, &scope)?;
    let observed = if args.offline { BTreeMap::new() } else { workspace.observe(&graph, &selection).await? };
    let status = status(&graph, &selection, &observed);
    let line = status.migrations.iter().find(|line| line.id == *id).expect("the set of the migration was selected");
    let row = observed.values().filter_map(|observed| observed.facts()).find_map(|facts| facts.ledger.row(id));
    let mut logs = workspace.logs(&observed).await;
    let log = logs
        .remove(&line.target)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.id.as_ref() == Some(id))
        .collect();
    let traces = Traces { row, log };
    match args.format {
        Format::Text => terminal.data(&dunlin_render::explain(&graph, ix, &traces, line, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::explain_json(&graph, ix, &traces, line)),
    }
    let troubles: Vec<_> = status.targets.into_iter().filter_map(|target| target.trouble).collect();
    terminal.findings(&troubles);
    Ok(exit_of(troubles.iter()).unwrap_or(Exit::Done))
}
