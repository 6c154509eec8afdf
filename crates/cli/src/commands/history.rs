//! `dunlin history`: what was applied, when and by whom, as each database remembers it.

use dunlin_planner::{LedgerRow, Observed, TargetName};

use crate::args::{Format, Global, HistoryArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select};

/// Shows the ledgers' rows of what is selected; rows whose files are gone are shown with everything.
pub(crate) async fn run(global: &Global, args: &HistoryArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let wanted = |row: &LedgerRow| graph.find(&row.id).is_none_or(|ix| selection.is_chosen(ix));
    let rows: Vec<(TargetName, &LedgerRow)> = observed
        .iter()
        .filter_map(|(target, observed)| Some((target, observed.facts()?)))
        .flat_map(|(target, facts)| facts.ledger.rows().filter(|row| wanted(row)).map(move |row| (target.clone(), row)))
        .collect();
    match args.format {
        Format::Text => terminal.data(&dunlin_render::history(&rows, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::history_json(&rows)),
    }
    let troubles: Vec<_> = observed
        .values()
        .filter_map(|observed| match observed {
            Observed::Failed(finding) => Some(finding.clone()),
            Observed::Facts(_) => None,
        })
        .collect();
    terminal.findings(&troubles);
    Ok(exit_of(troubles.iter()).unwrap_or(Exit::Done))
}
