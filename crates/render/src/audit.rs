//! Whether logs are as they were sealed, and rows as logs say, database by database.

use dunlin_planner::Audit;

use crate::grid::{Grid, cell, plain};
use crate::style::{BAD, DIM, GOOD, NAME, WARN, count};

/// One line a database, with the whole head for keeping; what is wrong is told elsewhere, as findings.
#[must_use]
pub fn audits(audits: &[Audit], width: usize) -> String {
    if audits.is_empty() {
        return "No log is sealed yet.\n".to_owned();
    }
    let mut grid = Grid::new(0);
    for audit in audits {
        let (style, word) = match (audit.findings.is_empty(), audit.head) {
            (false, _) => (BAD, "changed"),
            (true, Some(_)) => (GOOD, "ok"),
            (true, None) => (WARN, "not sealed yet"),
        };
        grid.row([cell(NAME, &audit.target), cell(style, word), plain(counted(audit))]);
        if let Some(head) = audit.head {
            grid.row([plain(""), plain(""), cell(DIM, format!("head {head}"))]);
        }
    }
    grid.render(width)
}

fn counted(audit: &Audit) -> String {
    let sealed = format!("{} under {}", count(audit.sealed, "line"), count(audit.heads.len(), "seal"));
    let unsealed = match audit.unsealed {
        0 => String::new(),
        unsealed => format!(
            ", {} not sealed: of a run that goes on or was killed, or of an older version; the next run seals them",
            count(unsealed, "line")
        ),
    };
    let unexplained = match audit.unexplained {
        0 => String::new(),
        rows => format!(", {} of an older version not compared", count(rows, "row")),
    };
    sealed + &unsealed + &unexplained
}
