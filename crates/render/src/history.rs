//! What ran where and when, out of the ledgers.
//!
//! Times are those of each database's own clock, so that rows of one database stand in order, and no order is claimed
//! between two databases.

use std::collections::BTreeMap;

use dunlin_planner::{LedgerRow, LogEntry, RowState, TargetName};

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain, shorten};
use crate::pausing;
use crate::plan::NAME_WIDTH;
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARN, count, paint};
use crate::when::{between, moment, span};

/// The lines of the logs, by database.
pub type Logs = BTreeMap<TargetName, Vec<LogEntry>>;

/// The rows by database, oldest first, under the run that wrote them; below them what failed, and what a person repaired.
#[must_use]
pub fn history(rows: &[(TargetName, &LedgerRow)], logs: &Logs, width: usize) -> String {
    let rows = by_target(rows);
    let troubles = |target: &TargetName| {
        logs.get(target).map(|log| troubles(log, width) + &pausing::logged(log, width)).unwrap_or_default()
    };
    let failed = logs.keys().filter(|target| !rows.contains_key(target) && !troubles(target).is_empty());
    let failed = failed.map(|target| head(target, 0) + &troubles(target));
    let applied = rows.iter().map(|(target, rows)| one_target(target, rows, width) + &troubles(target));
    let parts: Vec<_> = applied.chain(failed).collect();
    if parts.is_empty() { "No ledger holds anything yet.\n".to_owned() } else { parts.join("\n") }
}

fn head(target: &TargetName, rows: usize) -> String {
    let number = count(rows, "migration");
    format!("{}  {}\n", paint(NAME.bold(), target), paint(DIM, format!("{number}, times in UTC")))
}

/// What is told beside the migrations.
const TOLD: [&str; 4] = ["failed", "repaired", "adopted", "timeline"];

/// What failed, and what was repaired.
fn troubles(log: &[LogEntry], width: usize) -> String {
    let mut grid = Grid::new(4);
    let told: Vec<_> = log.iter().filter(|entry| TOLD.contains(&entry.what.as_str())).collect();
    if told.is_empty() {
        return String::new();
    }
    for entry in told {
        let state = entry.sqlstate.as_deref().map(|state| format!(" ({})", one_line(state))).unwrap_or_default();
        let said = entry.message.as_deref().map(one_line).unwrap_or_default();
        grid.row([
            plain(moment(entry.at)),
            cell(if entry.what == "failed" { BAD } else { WARN }, one_line(&entry.what)),
            cell(BOLD, entry.id.as_ref().map(ToString::to_string).unwrap_or_default()),
            plain(format!("{said}{state}")),
            cell(DIM, format!("by {}", one_line(&entry.by))),
        ]);
    }
    format!("  {}\n{}", paint(BOLD, "failures and repairs"), grid.render(width))
}

/// Every database's rows, oldest first by its own clock.
pub(crate) fn by_target<'r>(rows: &'r [(TargetName, &'r LedgerRow)]) -> BTreeMap<&'r TargetName, Vec<&'r LedgerRow>> {
    let mut by_target: BTreeMap<&TargetName, Vec<&LedgerRow>> = BTreeMap::new();
    for (target, row) in rows {
        by_target.entry(target).or_default().push(row);
    }
    by_target.values_mut().for_each(|rows| rows.sort_by_key(|row| (row.finished.unwrap_or(row.started), &row.id)));
    by_target
}

fn one_target(target: &TargetName, rows: &[&LedgerRow], width: usize) -> String {
    let mut text = head(target, rows.len());
    for run in rows.chunk_by(|left, right| left.run == right.run) {
        let by = one_line(&run[0].by);
        text.push_str(&format!(
            "  {} {}\n",
            paint(BOLD, format!("run {}", run[0].run)),
            paint(DIM, format!("by {by}"))
        ));
        let mut grid = Grid::new(4);
        run.iter().for_each(|row| {
            let at = row.finished.unwrap_or(row.started);
            let took = row.finished.map(|finished| span(between(row.started, finished))).unwrap_or_default();
            let style = if row.state == RowState::Applied { GOOD } else { WARN };
            grid.row([
                plain(moment(at)),
                cell(style, row.state.as_str()),
                cell(BOLD, &row.id),
                plain(shorten(&one_line(&row.name), NAME_WIDTH)),
                cell(DIM, took),
            ]);
        });
        text.push_str(&grid.render(width));
    }
    text
}
