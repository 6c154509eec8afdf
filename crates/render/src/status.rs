//! Where everything stands: per database and set, short where all is well, with every migration where it is not.

use std::collections::BTreeMap;

use anstyle::Style;
use dunlin_planner::{MigrationStatus, SetName, StateWord, Status, TargetName, TargetStatus};

use crate::clean::one_line;
use crate::diagnostic::findings;
use crate::grid::{Cell, Grid, cell, plain, shorten};
use crate::pausing;
use crate::plan::NAME_WIDTH;
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, PLAIN, WARN, count, listed, paint};
use crate::when::moment;

type Sets<'s> = BTreeMap<&'s SetName, Vec<&'s MigrationStatus>>;

/// The whole status in lines of about `width`; `verbose` lists the applied migrations too.
#[must_use]
pub fn status(status: &Status, verbose: bool, width: usize) -> String {
    let mut parts = Vec::new();
    for target in &status.targets {
        let sets = sets_of(status, &target.name);
        if !sets.is_empty() || target.server.is_some() || target.trouble.is_some() {
            let listed = |migration: &MigrationStatus| verbose || (target.enabled && tells_more(migration));
            parts.push(head(target) + &pausing::standing(&target.paused) + &table(&sets, &listed, width));
        }
    }
    let troubles = status.targets.iter().filter_map(|target| target.trouble.as_ref());
    let found: Vec<_> = troubles.chain(&status.findings).cloned().collect();
    if !found.is_empty() {
        parts.push(findings(&found));
    }
    parts.push(totals(status));
    parts.join("\n")
}

fn sets_of<'s>(status: &'s Status, target: &TargetName) -> Sets<'s> {
    let mut sets = Sets::new();
    for migration in status.migrations.iter().filter(|migration| migration.target == *target) {
        sets.entry(&migration.id.set).or_default().push(migration);
    }
    sets
}

fn head(target: &TargetStatus) -> String {
    let server = match (&target.server, &target.trouble) {
        _ if !target.enabled => paint(WARN, "switched off in this environment"),
        (_, Some(_)) => paint(BAD, "not read, see below"),
        (Some(_), None) if target.same_as.is_some() => {
            let same = target.same_as.as_ref().map(ToString::to_string).unwrap_or_default();
            paint(DIM, format!("the same database as {same}"))
        }
        (Some(server), None) if target.has_ledger => paint(DIM, one_line(server)),
        (Some(server), None) => format!("{} {}", paint(DIM, one_line(server)), paint(WARN, "no ledger yet")),
        (None, None) => paint(DIM, "not asked"),
    };
    format!("{}  {}  {server}\n", paint(NAME.bold(), &target.name), paint(DIM, target.kind))
}

/// Whether a migration's own line says more than the counts of its set do.
fn tells_more(migration: &MigrationStatus) -> bool {
    !matches!(migration.state, StateWord::Applied | StateWord::Unknown)
}

/// A line per set; below it those of its migrations that are to be `listed`.
fn table(sets: &Sets<'_>, listed: &dyn Fn(&MigrationStatus) -> bool, width: usize) -> String {
    let mut text = String::new();
    let mut heads = Grid::new(2);
    for (set, members) in sets {
        heads.row(set_line(set, members));
        let shown: Vec<_> = members.iter().filter(|migration| listed(migration)).collect();
        if !shown.is_empty() {
            text.push_str(&heads.render(width));
            heads = Grid::new(2);
            let mut lines = Grid::new(4);
            shown.iter().for_each(|migration| lines.row(line(migration)));
            text.push_str(&lines.render(width));
        }
    }
    text + &heads.render(width)
}

fn set_line(set: &SetName, members: &[&MigrationStatus]) -> [Cell; 3] {
    let service = members.iter().find_map(|migration| migration.service.as_ref());
    let owner = match service {
        Some(service) if service.as_str() != set.as_str() => service.to_string(),
        Some(_) => String::new(),
        None => "no longer declared".to_owned(),
    };
    let counts = counts(members.iter().copied());
    let style = counts.iter().map(|(state, _)| *state).max_by_key(|state| gravity(*state)).map_or(PLAIN, style);
    [cell(BOLD, set), cell(DIM, owner), cell(style, in_words(&counts))]
}

fn line(migration: &MigrationStatus) -> [Cell; 6] {
    let by = migration.by.as_deref().map(one_line).unwrap_or_default();
    let mut notes = Vec::new();
    notes.extend(migration.reason.as_deref().map(one_line));
    if !migration.waits_for.is_empty() && migration.reason.is_none() {
        notes.push(format!("waits for {}", listed(&migration.waits_for, 3)));
    }
    if migration.has_down && migration.finished.is_some() {
        notes.push("has a down".to_owned());
    }
    let finished = migration.finished.map(|at| format!("{} UTC", moment(at))).unwrap_or_default();
    [
        cell(BOLD, &migration.id.version),
        cell(style(migration.state), migration.state.as_str()),
        plain(shorten(&one_line(&migration.name), NAME_WIDTH)),
        plain(finished),
        plain(shorten(&by, 20)),
        cell(DIM, notes.join("; ")),
    ]
}

fn counts<'s>(migrations: impl Iterator<Item = &'s MigrationStatus>) -> Vec<(StateWord, usize)> {
    let mut counts: BTreeMap<StateWord, usize> = BTreeMap::new();
    for migration in migrations {
        *counts.entry(migration.state).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn in_words(counts: &[(StateWord, usize)]) -> String {
    let word = |(state, number): &(StateWord, usize)| format!("{number} {}", state.as_str());
    counts.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// How urgently a person has to look.
fn gravity(state: StateWord) -> u8 {
    match state {
        StateWord::Applied => 0,
        StateWord::Held | StateWord::Pending | StateWord::Changed => 1,
        StateWord::Running | StateWord::Reverting | StateWord::Unknown => 2,
        StateWord::OutOfOrder | StateWord::Edited | StateWord::Missing | StateWord::Dirty => 3,
    }
}

/// The colour of a state.
pub(crate) fn style(state: StateWord) -> Style {
    match gravity(state) {
        0 => GOOD,
        1 => NAME,
        2 => WARN,
        _ => BAD,
    }
}

fn totals(status: &Status) -> String {
    if status.migrations.is_empty() {
        return "No migration is selected.\n".to_owned();
    }
    let total = count(status.migrations.len(), "migration");
    format!("{}: {}\n", paint(BOLD, total), in_words(&counts(status.migrations.iter())))
}
