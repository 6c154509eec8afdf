//! What ran where and when, out of the ledgers.
//!
//! Times are those of each database's own clock, so that rows of one database stand in order, and no order is claimed
//! between two databases.

use std::collections::BTreeMap;

use dunlin_planner::{LedgerRow, RowState, TargetName};

use crate::clean::one_line;
use crate::explain::state_word;
use crate::grid::{Grid, cell, plain, shorten};
use crate::plan::NAME_WIDTH;
use crate::style::{BOLD, DIM, GOOD, NAME, WARN, count, paint};
use crate::when::{between, moment, span};

/// The rows by database, oldest first, under the run that wrote them.
#[must_use]
pub fn history(rows: &[(TargetName, &LedgerRow)], width: usize) -> String {
    if rows.is_empty() {
        return "No ledger holds anything yet.\n".to_owned();
    }
    by_target(rows).into_iter().map(|(target, rows)| one_target(target, &rows, width)).collect::<Vec<_>>().join("\n")
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
    let number = count(rows.len(), "migration");
    let mut text = format!("{}  {}\n", paint(NAME.bold(), target), paint(DIM, format!("{number}, times in UTC")));
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
                cell(style, state_word(row.state)),
                cell(BOLD, &row.id),
                plain(shorten(&one_line(&row.name), NAME_WIDTH)),
                cell(DIM, took),
            ]);
        });
        text.push_str(&grid.render(width));
    }
    text
}
