//! One migration in full: what it is, how each statement runs, what it needs and why, what needs it, where it stands.

use dunlin_planner::{
    Body, Edge, EdgeKind, Graph, LedgerRow, LogEntry, Migration, MigrationIx, MigrationStatus, Probe, RowState,
    StatementClass, advice,
};

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain, wrapped};
use crate::jobs;
use crate::plan::phase_word;
use crate::repair::{line, progress};
use crate::status::style;
use crate::style::{BOLD, DIM, NAME, PLAIN, bytes, count, listed, paint};
use crate::when::{between, moment, span};

/// What a migration's database has of it.
pub struct Traces<'t> {
    /// Its ledger row, where there is one.
    pub row: Option<&'t LedgerRow>,
    /// The last lines of the log about it.
    pub log: Vec<LogEntry>,
}

/// The migration `ix` with what its database has of it, and its line of the status.
#[must_use]
pub fn explain(
    graph: &Graph<'_>,
    ix: MigrationIx,
    traces: &Traces<'_>,
    standing: &MigrationStatus,
    width: usize,
) -> String {
    let migration = graph.migration(ix);
    let mut parts = vec![head(graph, ix, standing, width), body("Runs", &migration.up, width)];
    parts.extend(migration.down.as_ref().map(|down| body("Is taken back by", down, width)));
    parts.push(edges(graph, "Needs", graph.earlier(ix), &|edge| edge.earlier, width));
    parts.push(edges(graph, "Is needed by", graph.later(ix), &|edge| edge.later, width));
    parts.push(ledger(traces.row, migration, width) + &log(&traces.log));
    parts.push(next(&advice(standing, Some(migration), traces.row), width));
    parts.join("\n")
}

fn head(graph: &Graph<'_>, ix: MigrationIx, standing: &MigrationStatus, width: usize) -> String {
    let migration = graph.migration(ix);
    let set = &graph.catalog().sets[migration.set()];
    let phase = migration.phase.map(|phase| format!(", {} phase", phase_word(phase))).unwrap_or_default();
    let mut grid = Grid::new(2);
    let mut fact = |name: &str, text: String| grid.row([cell(DIM, name), plain(text)]);
    let owner =
        if set.name.as_str() == set.service.as_str() { String::new() } else { format!(" of service {}", set.service) };
    fact("file", one_line(&migration.place.file));
    fact("set", format!("{}{owner}, {} files", set.name, one_line(&set.style)));
    fact("target", format!("{} ({})", set.target, graph.catalog().targets[&set.target].kind));
    fact("kind", format!("{}{phase}", migration.kind.as_str()));
    fact("checksum", migration.up.digest.to_string());
    let why = standing.reason.as_deref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
    let waits: Vec<_> = standing.waits_for.iter().map(ToString::to_string).collect();
    let waits = if waits.is_empty() { String::new() } else { format!(", waits for {}", waits.join(", ")) };
    grid.row([cell(DIM, "state"), cell(style(standing.state), format!("{}{why}{waits}", standing.state.as_str()))]);
    format!("{}  {}\n{}", paint(BOLD, &migration.id), one_line(&migration.name), grid.render(width))
}

fn body(title: &str, body: &Body, width: usize) -> String {
    if let Some(jobs) = &body.jobs {
        return jobs::declared(title, body, jobs, width);
    }
    let how = match body.statements.len() {
        _ if body.is_transactional() => " in one transaction",
        1 => " outside any transaction",
        _ => ", one after the other",
    };
    let number = body
        .streamed
        .map_or(body.statements.len(), |streamed| usize::try_from(streamed.statements).unwrap_or(usize::MAX));
    let number = count(number, "statement");
    let mut grid = Grid::new(2);
    if let Some(streamed) = body.streamed {
        grid.row([cell(DIM, "size"), plain(format!("{}, streamed", bytes(streamed.bytes)))]);
    } else if body.is_transactional() {
        let lines: Vec<_> = body.statements.iter().map(|statement| statement.line).collect();
        grid.row([cell(DIM, "lines"), plain(listed(&lines, 16))]);
    }
    for (number, statement) in body.statements.iter().enumerate().filter(|_| !body.is_transactional()) {
        let how = match &statement.class {
            StatementClass::Transactional => "in a transaction of its own".to_owned(),
            StatementClass::Alone { what, probe } => {
                format!("alone: {}; when interrupted, {}", one_line(what), resumed(probe))
            }
        };
        grid.row([plain(number + 1), cell(DIM, format!("line {}", statement.line)), plain(how)]);
    }
    let title = paint(BOLD, format!("{title} {}", one_line(&body.path)));
    format!("{title}: {number}{how}{}\n{}", surroundings(body), grid.render(width))
}

/// What its settings say, where they say anything.
fn surroundings(body: &Body) -> String {
    let settings = &body.settings;
    let mut parts = Vec::new();
    parts.extend(settings.isolation.as_deref().map(one_line));
    parts.extend(settings.role.as_deref().map(|role| format!("as role {}", one_line(role))));
    parts.extend(settings.search_path.as_deref().map(|path| format!("search path {}", one_line(path))));
    parts.extend(settings.lock_timeout.map(|limit| format!("waits {} for a lock", span(limit))));
    parts.extend(settings.timeout.map(|limit| {
        if limit.is_zero() { "no time limit".to_owned() } else { format!("at most {} a statement", span(limit)) }
    }));
    parts.extend(settings.settings.iter().map(|(name, value)| format!("{} = {}", one_line(name), one_line(value))));
    parts.iter().map(|part| format!(", {part}")).collect()
}

/// What happens with a statement after a crash.
fn resumed(probe: &Probe) -> String {
    match probe {
        Probe::IndexValid { index, table, .. } | Probe::ChunkIndex { index, table, .. } => {
            format!("done if index {} on {} is valid", one_line(index), one_line(&table.to_string()))
        }
        Probe::IndexAbsent(indexes) => {
            let names: Vec<_> = indexes.iter().map(|index| one_line(&index.to_string())).collect();
            format!("done if {} is gone", names.join(", "))
        }
        Probe::Effects { effects, cluster, .. } => {
            let everywhere = cluster.as_ref().map(|name| format!(", on all of cluster {}", one_line(name)));
            let effects: Vec<_> = effects.iter().map(|effect| one_line(&effect.to_string())).collect();
            format!("done if {}{}", effects.join(" and "), everywhere.unwrap_or_default())
        }
        Probe::Repeat | Probe::Refreshed(_) => "it runs again".to_owned(),
        Probe::Promised(promise) => format!("done if {} is there as it says", one_line(&promise.to_string())),
        Probe::Updated { extension, version } => match version {
            Some(version) => format!("done if extension {} has version {}", one_line(extension), one_line(version)),
            None => format!("done if extension {} has the server's version", one_line(extension)),
        },
        Probe::Query(query) => format!("done if true: {}", one_line(query)),
        Probe::Rebuilt(_) => "what it left is removed, and it runs again".to_owned(),
        Probe::Detached { table, partition } => {
            format!("done if {} is no part of {}", one_line(&partition.to_string()), one_line(&table.to_string()))
        }
        Probe::EnumValue { name, value } => {
            format!("done if {} has the value {}", one_line(&name.to_string()), one_line(value))
        }
        Probe::DatabaseThere(name) => format!("done if database {} is there", one_line(name)),
        Probe::DatabaseGone(name) => format!("done if database {} is gone", one_line(name)),
        Probe::Unknown | Probe::Piecemeal => "a person decides".to_owned(),
    }
}

fn edges<'g>(
    graph: &Graph<'_>,
    title: &str,
    edges: impl Iterator<Item = Edge<'g>>,
    other: &dyn Fn(&Edge<'_>) -> MigrationIx,
    width: usize,
) -> String {
    let mut grid = Grid::new(2);
    let mut any = false;
    for edge in edges {
        let migration = graph.migration(other(&edge));
        let why = match edge.kind {
            EdgeKind::Sequence => "by the order of the set".to_owned(),
            EdgeKind::Declared { place } => format!("declared at {}", one_line(&place.to_string())),
            EdgeKind::Inferred { place, routine } => {
                format!("inferred: a job calls {}, at {}", one_line(routine), one_line(&place.to_string()))
            }
            EdgeKind::After => "by `after` between the sets".to_owned(),
        };
        let target = &graph.catalog().sets[migration.set()].target;
        grid.row([cell(NAME, target), cell(PLAIN, &migration.id), cell(DIM, why)]);
        any = true;
    }
    let nothing = if any { "" } else { " nothing" };
    format!("{}{nothing}\n{}", paint(BOLD, format!("{title}:")), grid.render(width))
}

fn ledger(row: Option<&LedgerRow>, migration: &Migration, width: usize) -> String {
    let Some(row) = row else { return format!("{} no row\n", paint(BOLD, "Ledger:")) };
    let mut grid = Grid::new(2);
    let mut fact = |name: &str, text: String| grid.row([cell(DIM, name), plain(text)]);
    fact("state", row.state.as_str().to_owned());
    fact("started", format!("{} UTC by the database's clock", moment(row.started)));
    if let Some(finished) = row.finished {
        fact("finished", format!("{} UTC, after {}", moment(finished), span(between(row.started, finished))));
    }
    fact("by", one_line(&row.by));
    fact("run", format!("{}, attempt {}", row.run, row.attempt));
    fact("checksum", row.checksum.to_string());
    if !row.transactional {
        let down = migration.down.as_ref().filter(|_| row.state == RowState::Reverting);
        fact("progress", progress(row, Some(down.unwrap_or(&migration.up))));
    }
    if let Some(holder) = &row.holder {
        fact("held by", one_line(&holder.to_string()));
    }
    for needed in &row.dependencies {
        fact("needed", format!("{} in ledger {}", needed.id, needed.ledger));
    }
    format!("{}\n{}", paint(BOLD, "Ledger:"), grid.render(width))
}

fn log(entries: &[LogEntry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let lines: String = entries.iter().map(|entry| format!("  {}\n", line(entry))).collect();
    format!("\n{}\n{lines}", paint(BOLD, "Log:"))
}

fn next(advice: &str, width: usize) -> String {
    let lines = wrapped(advice, width.saturating_sub(2));
    format!("{}\n{}", paint(BOLD, "Next:"), lines.iter().map(|line| format!("  {line}\n")).collect::<String>())
}
