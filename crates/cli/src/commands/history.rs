//! `dunlin history`: what was applied, what failed and what was repaired, when and by whom, as each database remembers it.

use dunlin_planner::{Databases, LedgerRow, MigrationId, TargetName};

use super::verify::verify;
use crate::args::{Format, Global, HistoryArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select, troubles};

/// Shows the ledgers' rows of what is selected; rows whose files are gone are shown with everything.
pub(crate) async fn run(global: &Global, args: &HistoryArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    if args.verify {
        return verify(&workspace, args, terminal).await;
    }
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let wanted = |row: &LedgerRow| graph.find(&row.id).is_none_or(|ix| selection.is_chosen(ix));
    let databases = Databases::of(&observed);
    let rows = databases.rows(workspace.catalog(), &observed).filter(|(_, row)| wanted(row));
    let rows: Vec<(TargetName, &LedgerRow)> = rows.map(|(target, row)| (target.clone(), row)).collect();
    let mut logs = workspace.logs(&observed).await;
    let told = |id: &MigrationId| graph.find(id).is_none_or(|ix| selection.is_chosen(ix));
    logs.values_mut().for_each(|log| log.retain(|entry| entry.id.as_ref().is_none_or(told)));
    match args.format {
        Format::Text => terminal.data(&dunlin_render::history(&rows, &logs, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::history_json(&rows, &logs)),
    }
    let troubles = troubles(&observed);
    terminal.findings(&troubles);
    Ok(exit_of(troubles.iter()).unwrap_or(Exit::Done))
}
