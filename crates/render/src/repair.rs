//! What waits for a person, with the commands to type; and what a repair is about to change, as far as it can be seen.

use dunlin_planner::{Body, LedgerRow, LogEntry, Migration, ProbeFact, Repairable, RowState, Settlement, TargetName};

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain};
use crate::style::{BAD, BOLD, DIM, NAME, WARN, count, paint};
use crate::when::moment;

/// Every migration that waits for a person, and what can be said of it.
#[must_use]
pub fn repairs(found: &[Repairable], width: usize) -> String {
    if found.is_empty() {
        return "Nothing waits for a person.\n".to_owned();
    }
    let one = |repairable: &Repairable| {
        let mut grid = Grid::new(2);
        for way in &repairable.ways {
            let when = format!("if {}", way.when);
            grid.row([cell(BOLD, way.repair.command(&repairable.id)), cell(DIM, when)]);
        }
        let head = format!("{}  {}", paint(NAME.bold(), &repairable.target), paint(BAD, one_line(&repairable.what)));
        format!("{head}\n{}", grid.render(width))
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What was looked at before a repair.
pub struct Seen<'s> {
    /// The database.
    pub target: &'s TargetName,
    /// The row.
    pub row: &'s LedgerRow,
    /// The migration, where a file has it.
    pub migration: Option<&'s Migration>,
    /// What the catalog shows of the statement that was begun, where it was asked.
    pub catalog: Option<ProbeFact>,
    /// The last lines of the log about it.
    pub log: Vec<LogEntry>,
}

/// What was seen, and what becomes of it.
#[must_use]
pub fn repair(seen: &Seen<'_>, settlement: &Settlement, width: usize) -> String {
    let row = seen.row;
    let mut grid = Grid::new(2);
    let mut fact = |name: &str, text: String| grid.row([cell(DIM, name), plain(text)]);
    fact("state", format!("{}, begun {} UTC by {}", row.state.as_str(), moment(row.started), one_line(&row.by)));
    fact("run", format!("{}, attempt {}", row.run, row.attempt));
    if let Some(holder) = &row.holder {
        fact("held by", one_line(&holder.to_string()));
    }
    let file = match seen.migration.map(|migration| migration.up.digest) {
        None => "; no file has it".to_owned(),
        Some(file) if file == row.checksum => String::new(),
        Some(file) => format!("; the file's is {}", file.short()),
    };
    fact("checksum", format!("{}{file}", row.checksum.short()));
    if !row.transactional && row.state.is_open() {
        fact("progress", progress(row, body(seen)));
    }
    if let Some(catalog) = &seen.catalog {
        fact("catalog", format!("statement {}: {}", row.step + 1, shown(catalog)));
    }
    for entry in &seen.log {
        fact("log", line(entry));
    }
    fact("becomes", becomes(settlement));
    format!("{} in {}\n{}", paint(BOLD, &row.id), paint(NAME, seen.target), grid.render(width))
}

/// The body that was being run.
fn body<'s>(seen: &Seen<'s>) -> Option<&'s Body> {
    let migration = seen.migration?;
    if seen.row.state == RowState::Reverting { migration.down.as_ref() } else { Some(&migration.up) }
}

/// `2 of 5 statements are finished, and the next one was begun`.
pub(crate) fn progress(row: &LedgerRow, body: Option<&Body>) -> String {
    let of = match body {
        Some(body) if body.batch.is_none() => format!("{} of {}", row.step, count(body.statements.len(), "statement")),
        _ => count(row.step as usize, "statement"),
    };
    let begun = if row.in_doubt() { ", and the next one was begun and may have been done" } else { "" };
    format!("{of} finished{begun}")
}

fn shown(fact: &ProbeFact) -> String {
    match fact {
        ProbeFact::Done => "its effect is there, whole".to_owned(),
        ProbeFact::Absent => "nothing of it is there".to_owned(),
        ProbeFact::Garbage { what } | ProbeFact::Other { what } => one_line(what),
        ProbeFact::Repeatable => "the catalog cannot tell, and running it again does no harm".to_owned(),
        ProbeFact::Unknown => "the catalog cannot tell".to_owned(),
    }
}

/// A line of the log: when, what, by whom, and what was said.
pub(crate) fn line(entry: &LogEntry) -> String {
    let state = entry.sqlstate.as_deref().map(|state| format!(" ({})", one_line(state))).unwrap_or_default();
    let said = entry.message.as_deref().map(|said| format!(": {}{state}", one_line(said))).unwrap_or_default();
    format!("{} UTC {} by {}{said}", moment(entry.at), one_line(&entry.what), one_line(&entry.by))
}

fn becomes(settlement: &Settlement) -> String {
    let (before, after) = (&settlement.before, &settlement.after);
    let mut parts = vec![after.state.as_str().to_owned()];
    if after.state.is_open() {
        parts.push(format!("with {} finished; the next run goes on behind", count(after.step as usize, "statement")));
    }
    if after.checksums.as_ref().is_some_and(|sums| sums.checksum != before.checksum) {
        parts.push("with the file's checksum".to_owned());
    }
    if after.state == RowState::Reverted {
        parts.push("so that `up` applies it again where a file has it".to_owned());
    }
    parts.join(", ")
}

/// What a repair changed.
#[must_use]
pub fn repaired(target: &TargetName, settlement: &Settlement) -> String {
    let id = paint(BOLD, &settlement.id);
    let said = becomes(settlement);
    format!("{id} in {}: {} before, now {}\n", paint(NAME, target), settlement.before.state.as_str(), paint(WARN, said))
}
