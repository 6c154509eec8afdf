//! What a person may say of a migration where files and ledger alone do not tell, and what becomes of its row then.
//!
//! Nothing here looks at a database: whoever repairs has looked, and says what is so. A repair changes the ledger and
//! nothing else, takes effect only on the row that was shown, and is written down with its reason.

use serde::Serialize;

use crate::check::{Observations, Standing, of_row, standing};
use crate::databases::Databases;
use crate::{
    Body, Class, Digest, Finding, Graph, Kind, LedgerRow, Migration, MigrationId, Observed, Probe, RowState, Selection,
    StatementClass, TargetName,
};

/// What a person says of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "repair", rename_all = "kebab-case")]
pub enum Repair {
    /// Its file, as it is now, counts as what was applied.
    Accept,
    /// What was begun is done.
    Done {
        /// Only up to this statement, counted from 1.
        statement: Option<u32>,
    },
    /// Nothing of what was begun is there.
    Undone {
        /// Only from this statement on, counted from 1.
        statement: Option<u32>,
    },
    /// Nothing of it is there any more: somebody took it back by hand, or its file is gone with it.
    Forget,
}

impl Repair {
    /// The word as it is typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Done { .. } => "done",
            Self::Undone { .. } => "undone",
            Self::Forget => "forget",
        }
    }

    /// The command that says it of `id`, as it is typed; its reason is for the person to give.
    #[must_use]
    pub fn command(self, id: &MigrationId) -> String {
        let statement = match self {
            Self::Done { statement: Some(number) } | Self::Undone { statement: Some(number) } => {
                format!(" --statement {number}")
            }
            _ => String::new(),
        };
        format!("dunlin repair {} {id}{statement} --reason TEXT", self.word())
    }
}

/// A repair that may be made, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The repair.
    #[serde(flatten)]
    pub repair: Repair,
    /// When it is the right one, for people.
    pub when: &'static str,
}

/// A migration that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repairable {
    /// Which.
    pub id: MigrationId,
    /// In which database.
    pub target: TargetName,
    /// What is wrong, for people.
    pub what: String,
    /// What can be said of it.
    pub ways: Vec<Way>,
}

/// A row as it was shown to whoever decided: a repair takes effect on nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowMark {
    /// Its state.
    pub state: RowState,
    /// Its checksum.
    pub checksum: Digest,
    /// Its attempt.
    pub attempt: u32,
    /// Its finished statements.
    pub step: u32,
    /// Whether the next one was begun too.
    pub in_doubt: bool,
}

impl RowMark {
    /// The mark of `row`.
    #[must_use]
    pub fn of(row: &LedgerRow) -> Self {
        let LedgerRow { state, checksum, attempt, step, .. } = *row;
        Self { state, checksum, attempt, step, in_doubt: row.in_doubt() }
    }
}

/// The digests of a file that counts as what ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checksums {
    /// SHA-256 of what runs.
    pub checksum: Digest,
    /// SHA-256 of the file.
    pub raw: Digest,
    /// SHA-256 of its bare tokens.
    pub tokens: Digest,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Becomes {
    /// Its state.
    pub state: RowState,
    /// Its finished statements.
    pub step: u32,
    /// Its checksums, where they change.
    pub checksums: Option<Checksums>,
    /// The digests of its statements, where they change.
    pub sums: Option<Vec<Digest>>,
}

/// A repair of one row, decided and justified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// Whose row.
    pub id: MigrationId,
    /// What is said of it.
    #[serde(flatten)]
    pub repair: Repair,
    /// Why.
    pub reason: String,
    /// The row as it was shown.
    pub before: RowMark,
    /// What becomes of it.
    pub after: Becomes,
}

impl Settlement {
    /// Whether what was applied is so no longer, so that nothing applied may need it.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        self.before.state == RowState::Applied && self.after.state == RowState::Reverted
    }

    /// Whether it takes away what this row needs.
    pub(crate) fn is_missed_by(&self, row: &LedgerRow) -> bool {
        self.takes_away() && row.state != RowState::Reverted && row.needs(&self.id)
    }
}

/// Decides whether `repair` fits `row`, whose migration is `migration` where a file has it.
///
/// # Errors
/// A finding that says why it does not, and what does.
pub fn settle(
    migration: Option<&Migration>,
    row: &LedgerRow,
    repair: Repair,
    reason: &str,
) -> Result<Settlement, Finding> {
    let after = match repair {
        _ if reason.trim().is_empty() => Err("it needs a reason".to_owned()),
        Repair::Accept => accept(migration, row),
        Repair::Done { statement: None } => done(migration, row),
        Repair::Undone { statement: None } => undone(row),
        Repair::Done { statement: Some(number) } => done_up_to(migration, row, number),
        Repair::Undone { statement: Some(number) } => undone_from(migration, row, number),
        Repair::Forget => forget(migration, row),
    };
    let (id, before) = (row.id.clone(), RowMark::of(row));
    let after = after.map_err(|why| refused(migration, row, repair, &why))?;
    Ok(Settlement { id, repair, reason: reason.trim().to_owned(), before, after })
}

fn refused(migration: Option<&Migration>, row: &LedgerRow, repair: Repair, why: &str) -> Finding {
    let commands = ways(migration, row).into_iter().map(|way| format!("`{}`", way.repair.command(&row.id)));
    let commands: Vec<_> = commands.collect();
    let hint = match commands.is_empty() {
        true => "`dunlin repair` lists what needs a person".to_owned(),
        false => format!("what fits it: {}", commands.join(" or ")),
    };
    let message = format!("`repair {}` does not fit `{}`: {why}", repair.word(), row.id);
    Finding::error("repair-refused", message).hint(hint).of(&row.id)
}

type Decided = Result<Becomes, String>;

fn becomes(state: RowState, row: &LedgerRow) -> Becomes {
    Becomes { state, step: row.step, checksums: None, sums: None }
}

fn checksums(body: &Body) -> Checksums {
    Checksums { checksum: body.digest, raw: body.raw, tokens: body.tokens }
}

/// Why a row that is at rest has nothing in doubt.
fn at_rest(row: &LedgerRow) -> String {
    let word = if row.state == RowState::Applied { "applied" } else { "not applied" };
    format!("it is {word}, and nothing of it is in doubt")
}

fn accept(migration: Option<&Migration>, row: &LedgerRow) -> Decided {
    let Some(migration) = migration else { return Err("no file has it any more".to_owned()) };
    match row.state {
        RowState::Applied if row.checksum == migration.up.digest => Err("its file is what was applied".to_owned()),
        RowState::Applied if migration.kind == Kind::Repeatable => {
            Err("a repeatable whose text changed runs again with the next `up`".to_owned())
        }
        RowState::Applied => {
            Ok(Becomes { checksums: Some(checksums(&migration.up)), ..becomes(RowState::Applied, row) })
        }
        RowState::Running | RowState::Reverting => Err("it was begun and never finished".to_owned()),
        RowState::Reverted => Err("it is not applied".to_owned()),
    }
}

/// The file counts as what was applied: otherwise it would be an edited one from the start.
fn done(migration: Option<&Migration>, row: &LedgerRow) -> Decided {
    match row.state {
        RowState::Running => {
            let checksums = migration.map(|migration| checksums(&migration.up));
            Ok(Becomes { checksums, ..becomes(RowState::Applied, row) })
        }
        RowState::Reverting => Ok(becomes(RowState::Reverted, row)),
        RowState::Applied | RowState::Reverted => Err(at_rest(row)),
    }
}

fn undone(row: &LedgerRow) -> Decided {
    match row.state {
        RowState::Running => Ok(becomes(RowState::Reverted, row)),
        RowState::Reverting => Ok(becomes(RowState::Applied, row)),
        RowState::Applied | RowState::Reverted => Err(at_rest(row)),
    }
}

fn forget(migration: Option<&Migration>, row: &LedgerRow) -> Decided {
    match row.state {
        RowState::Applied => Ok(becomes(RowState::Reverted, row)),
        RowState::Running | RowState::Reverting if migration.is_none() => Ok(becomes(RowState::Reverted, row)),
        RowState::Running | RowState::Reverting => Err("it was begun and never finished".to_owned()),
        RowState::Reverted => Err("it is not applied".to_owned()),
    }
}

/// The body that was being run, where its statements can be told apart.
fn walked(migration: Option<&Migration>, row: &LedgerRow) -> Result<Body, String> {
    let body = match row.state {
        RowState::Applied | RowState::Reverted => return Err(at_rest(row)),
        RowState::Running => migration.map(|migration| migration.up.clone()),
        RowState::Reverting => migration.and_then(Migration::way_back),
    };
    match body {
        None => Err("no file has its statements any more".to_owned()),
        Some(body) if row.transactional || body.batch.is_some() => {
            Err("it does not run statement by statement".to_owned())
        }
        Some(body) => Ok(body),
    }
}

fn done_up_to(migration: Option<&Migration>, row: &LedgerRow, number: u32) -> Decided {
    let body = walked(migration, row)?;
    let last = u32::try_from(body.statements.len()).unwrap_or(u32::MAX);
    if number <= row.step {
        return Err(format!("statement {number} is done already"));
    }
    if number > last {
        return Err(format!("it has {last} statements"));
    }
    Ok(Becomes { step: number, sums: Some(body.sums()), ..becomes(row.state, row) })
}

fn undone_from(migration: Option<&Migration>, row: &LedgerRow, number: u32) -> Decided {
    walked(migration, row)?;
    let begun = row.step + u32::from(row.in_doubt());
    if number == 0 || number > begun {
        return Err(format!("statement {number} was not begun"));
    }
    Ok(Becomes { step: number - 1, ..becomes(row.state, row) })
}

/// What can be said of a row that waits for a person; nothing where none is needed.
#[must_use]
pub fn ways(migration: Option<&Migration>, row: &LedgerRow) -> Vec<Way> {
    let open = matches!(row.state, RowState::Running | RowState::Reverting);
    let Some(migration) = migration else {
        let gone = Way { repair: Repair::Forget, when: "nothing of it is there any more, or it no longer matters" };
        return if row.state == RowState::Reverted { Vec::new() } else { vec![gone] };
    };
    let next = Some(row.step + 1);
    match standing(migration, Some(row)) {
        Standing::Edited if open => {
            let mut ways = whole(row.state);
            ways.extend(first_edited(migration, row).map(|number| Way {
                repair: Repair::Undone { statement: Some(number) },
                when: "the edited statement and those behind it have to run",
            }));
            ways
        }
        Standing::Edited => vec![Way { repair: Repair::Accept, when: "the database is as the file says now" }],
        Standing::Dirty => whole(row.state),
        Standing::Resumable | Standing::GoingBack if is_for_a_person(migration, row) => vec![
            Way { repair: Repair::Done { statement: next }, when: "the statement was done" },
            Way { repair: Repair::Undone { statement: next }, when: "the statement was not done, and has to run" },
        ],
        _ => Vec::new(),
    }
}

fn whole(state: RowState) -> Vec<Way> {
    let (done, undone) = match state {
        RowState::Reverting => ("all of it is gone", "all of it is there"),
        _ => ("all of it is there", "nothing of it is there"),
    };
    vec![
        Way { repair: Repair::Done { statement: None }, when: done },
        Way { repair: Repair::Undone { statement: None }, when: undone },
    ]
}

/// The first statement of what was begun that is another one now.
fn first_edited(migration: &Migration, row: &LedgerRow) -> Option<u32> {
    let body = walked(Some(migration), row).ok()?;
    let same = row.begun.iter().zip(&body.sums()).take_while(|(then, now)| then == now).count();
    u32::try_from(same + 1).ok()
}

/// Whether the statement that was begun leaves no trace that a probe could find.
pub(crate) fn is_for_a_person(migration: &Migration, row: &LedgerRow) -> bool {
    let Ok(body) = walked(Some(migration), row) else { return false };
    let statement = body.statements.get(row.step as usize).filter(|_| row.in_doubt());
    statement.is_some_and(|statement| {
        matches!(statement.class, StatementClass::Alone { probe: Probe::Unknown | Probe::Piecemeal, .. })
    })
}

/// The commands that fit, as the end of a hint.
pub(crate) fn commands(migration: Option<&Migration>, row: &LedgerRow) -> String {
    let command = |way: Way| format!("`{}` if {}", way.repair.command(&row.id), way.when);
    ways(migration, row).into_iter().map(command).collect::<Vec<_>>().join(", ")
}

/// What to do about a migration that stopped somewhere on its way, nobody knows where.
#[must_use]
pub fn halfway(id: &MigrationId) -> String {
    format!(
        "look at the database, then say `{}` if all of it is there, `{}` if nothing of it is there",
        Repair::Done { statement: None }.command(id),
        Repair::Undone { statement: None }.command(id),
    )
}

/// What to do about a statement that nobody but a person can settle.
#[must_use]
pub fn doubt(id: &MigrationId, statement: usize) -> String {
    let statement = u32::try_from(statement).ok();
    format!(
        "look at the database, then say `{}` or `{}`; `-- dunlin: probe SELECT …` above it would tell the next time",
        Repair::Done { statement }.command(id),
        Repair::Undone { statement }.command(id),
    )
}

/// Everything selected that waits for a person.
#[must_use]
pub fn repairs(graph: &Graph<'_>, selection: &Selection, observed: &Observations) -> Vec<Repairable> {
    let told = |target: &TargetName, row: &LedgerRow| {
        let wrong = of_row(graph, target, row).filter(Finding::is_error);
        wrong.map_or_else(|| in_doubt(row), |finding| finding.message)
    };
    let databases = Databases::of(observed);
    let rows = databases.rows(graph.catalog(), observed);
    rows.filter(|(_, row)| selection.concerns(&row.id.set))
        .filter_map(|(target, row)| {
            let ways = ways(in_target(graph, target, row), row);
            let repairable = || Repairable {
                id: row.id.clone(),
                target: target.clone(),
                what: told(target, row),
                ways: ways.clone(),
            };
            (!ways.is_empty()).then(repairable)
        })
        .collect()
}

/// The migration of a row, where a file has it and its set belongs to that database.
fn in_target<'g>(graph: &'g Graph<'_>, target: &TargetName, row: &LedgerRow) -> Option<&'g Migration> {
    let migration = graph.migration(graph.find(&row.id)?);
    (graph.catalog().sets[migration.set()].target == *target).then_some(migration)
}

pub(crate) fn in_doubt(row: &LedgerRow) -> String {
    format!("`{}` was interrupted in statement {}, and nothing tells whether it was done", row.id, row.step + 1)
}

/// The row that a repair is about: the migration `text`, an id, in any database that was asked, or in `target`.
///
/// # Errors
/// A finding where no ledger or several have it.
pub fn repaired<'o>(
    graph: &'o Graph<'_>,
    observed: &'o Observations,
    text: &str,
    target: Option<&TargetName>,
) -> Result<(&'o TargetName, &'o LedgerRow, Option<&'o Migration>), Finding> {
    let id = match graph.named(text) {
        Ok(ix) => graph.migration(ix).id.clone(),
        Err(unknown) => text.parse::<MigrationId>().map_err(|_| unknown)?,
    };
    let databases = Databases::of(observed);
    let facts = observed.values().filter_map(Observed::facts);
    let facts = facts.filter(|facts| match target {
        Some(name) => *name == facts.target,
        None => databases.is_first(&facts.target),
    });
    let home = |facts: &'o crate::TargetFacts| {
        let own = graph.catalog().sets.get(&id.set).map(|set| &set.target);
        own.filter(|own| databases.are_one(own, &facts.target)).unwrap_or(&facts.target)
    };
    let mut found: Vec<_> = facts.filter_map(|facts| Some((home(facts), facts.ledger.row(&id)?))).collect();
    if found.len() > 1 {
        found.retain(|(_, row)| row.state != RowState::Reverted);
    }
    match found.as_slice() {
        [(target, row)] => Ok((target, row, in_target(graph, target, row))),
        [] => Err(Finding::error("repair-refused", format!("no ledger has a row of `{id}`"))
            .class(Class::Invalid)
            .hint("`dunlin status` shows where it stands")
            .of(&id)),
        several => {
            let targets: Vec<_> = several.iter().map(|(target, _)| target.to_string()).collect();
            let message = format!("`{id}` is in the ledgers of {}", targets.join(" and "));
            Err(Finding::error("repair-refused", message).hint("say which with --target").of(&id))
        }
    }
}

/// Refuses to forget what applied migrations, in any database that was asked, need.
///
/// # Errors
/// A finding that names them.
pub fn free_to_go(observed: &Observations, settlement: &Settlement) -> Result<(), Finding> {
    let id = &settlement.id;
    let needs = |row: &&LedgerRow| settlement.is_missed_by(row);
    let databases = Databases::of(observed);
    let facts = observed.values().filter_map(Observed::facts).filter(|facts| databases.is_first(&facts.target));
    let needing: Vec<_> =
        facts.flat_map(|facts| facts.ledger.rows()).filter(needs).map(|row| format!("`{}`", row.id)).collect();
    if needing.is_empty() {
        return Ok(());
    }
    let message = format!("`{id}` cannot be forgotten, applied migrations need it: {}", needing.join(", "));
    Err(Finding::error("repair-refused", message).hint("take those back, or forget them, first").of(id))
}
