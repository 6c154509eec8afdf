//! Reading the ledger: what stands in the last attempt of each migration, and which ledger it is.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    Digest, EnvironmentName, Failure, FailureClass, Identity, Kind, Ledger, LedgerId, LedgerRow, LogEntry, MigrationId,
    ProbeFact, ProjectName, RowState, RunId, StoredDependency, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::http::{Ask, Http};
use crate::rows::{Row, number, rows, text};
use crate::tables::PROTOCOL;
use crate::{lock, sql};

/// How many lines of the log are read of each migration, and of what is about none.
const LINES: usize = 10;

/// What a ledger is, and whose.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) n: u32,
    pub(crate) id: LedgerId,
    pub(crate) protocol: u32,
    pub(crate) environment: Option<EnvironmentName>,
    /// The database that it was made in, or adopted in last; none where that server did not tell.
    pub(crate) born: Option<Identity>,
    /// Identities that it had before it was forked.
    pub(crate) formerly: BTreeSet<LedgerId>,
    /// What was lost, as a person acknowledged it, with the attempt that was there then.
    pub(crate) lost: Vec<Loss>,
}

/// A migration that was lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Loss {
    pub(crate) project: String,
    pub(crate) id: String,
    pub(crate) attempt: u32,
}

/// What was written down before a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pre {
    pub(crate) statement: usize,
    pub(crate) seen: ProbeFact,
    /// The mutations that its table had by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mutations: Vec<String>,
}

/// A migration's row, with what only the driver needs of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) row: LedgerRow,
    /// The digest of the file that ran.
    pub(crate) raw: String,
    /// The digests of all statements.
    pub(crate) sums: Vec<Digest>,
    pub(crate) pre: Option<Pre>,
    /// The number of its last event in this attempt.
    pub(crate) n: u32,
    /// The token of that event.
    pub(crate) token: String,
}

impl Entry {
    /// The digests of what was finished or begun.
    pub(crate) fn begun(&self) -> &[Digest] {
        let begun = self.row.step as usize + usize::from(self.pre.is_some());
        &self.sums[..begun.min(self.sums.len())]
    }
}

/// A project's rows, by migration.
pub(crate) type Entries = BTreeMap<MigrationId, Entry>;

/// The ledger's meta row; none where there is no ledger.
pub(crate) async fn meta(http: &Http) -> Result<Option<Meta>, Failure> {
    let query = "SELECT * FROM dunlin_meta ORDER BY n DESC, token FORMAT JSONEachRow";
    let found = match http.ask(Ask::ledger(query)).await {
        Ok(answer) => rows(&answer)?,
        // No such table, or no such database.
        Err(refused) if matches!(refused.code, Some(60 | 81)) => return Ok(None),
        Err(refused) => return Err(refused.into()),
    };
    let Some(last) = found.first() else { return Ok(None) };
    let protocol = number(last, "protocol");
    if protocol > PROTOCOL {
        let message = format!("the ledger has protocol {protocol}, and this Dunlin knows {PROTOCOL}");
        let hint = "a newer Dunlin has upgraded it: use that version, or a later one".to_owned();
        return Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) });
    }
    let id = LedgerId::new(&text(last, "ledger")).map_err(unreadable)?;
    let environment = text(last, "environment");
    let environment = (!environment.is_empty()).then(|| EnvironmentName::new(&environment).map_err(unreadable));
    let born =
        Identity { system: text(last, "system"), database: number(last, "number"), timeline: number(last, "timeline") };
    let formerly = found.iter().filter_map(|row| LedgerId::new(&text(row, "ledger")).ok());
    let lost = text(last, "lost");
    let lost = if lost.is_empty() { Vec::new() } else { serde_json::from_str(&lost).map_err(unreadable)? };
    Ok(Some(Meta {
        n: number(last, "n"),
        protocol,
        environment: environment.transpose()?,
        born: Some(born).filter(Identity::is_known),
        formerly: formerly.filter(|former| *former != id).collect(),
        lost,
        id,
    }))
}

/// The rows of `project`, or only that of one migration.
pub(crate) async fn entries(
    http: &Http,
    meta: &Meta,
    project: &ProjectName,
    only: Option<&MigrationId>,
) -> Result<Entries, Failure> {
    let mut these = format!("project = {}", sql::text(project.as_str()));
    match only {
        Some(id) => these.push_str(&format!(" AND id = {}", sql::text(&id.to_string()))),
        None => these.push_str(" AND id != ''"),
    }
    let query = format!(
        "SELECT * FROM dunlin_event WHERE {these} AND (id, attempt) IN (SELECT id, max(attempt) FROM dunlin_event WHERE {these} GROUP BY id) \
         AND (n = 0 OR (id, attempt, n) IN (SELECT id, attempt, max(n) FROM dunlin_event WHERE {these} GROUP BY id, attempt)) \
         ORDER BY id, n, token FORMAT JSONEachRow"
    );
    let mut ask = Ask::ledger(query);
    // As many digests as statements stand in one row.
    ask.params.push(("max_result_rows".to_owned(), "0".to_owned()));
    let found = rows(&http.ask(ask).await?)?;
    let mut entries = Entries::new();
    for row in &found {
        let id: MigrationId = text(row, "id").parse().map_err(unreadable)?;
        match entries.get_mut(&id) {
            Some(entry) => moved(entry, row)?,
            None => drop(entries.insert(id.clone(), base(meta, id, row)?)),
        }
    }
    for entry in entries.values_mut() {
        entry.row.begun = entry.begun().to_vec();
    }
    Ok(entries)
}

/// The first event of an attempt.
fn base(meta: &Meta, id: MigrationId, row: &Row) -> Result<Entry, Failure> {
    let digest = |name: &str| text(row, name).parse::<Digest>().map_err(unreadable);
    let sums = text(row, "sums");
    let mut entry = Entry {
        row: LedgerRow {
            id,
            name: text(row, "name"),
            kind: kind(&text(row, "kind"))?,
            transactional: false,
            state: RowState::Running,
            checksum: digest("checksum")?,
            tokens: digest("tokens")?,
            step: 0,
            begun: Vec::new(),
            run: RunId::new(&text(row, "of_run")).map_err(unreadable)?,
            attempt: number(row, "attempt"),
            dependencies: dependencies(meta, &text(row, "deps"))?,
            started: Timestamp(number(row, "started")),
            finished: None,
            by: text(row, "of_user"),
            holder: None,
        },
        raw: text(row, "raw"),
        sums: sums.split_whitespace().map(|sum| sum.parse().map_err(unreadable)).collect::<Result<_, _>>()?,
        pre: None,
        n: 0,
        token: String::new(),
    };
    moved(&mut entry, row)?;
    Ok(entry)
}

/// What an event says of where the row stands.
fn moved(entry: &mut Entry, row: &Row) -> Result<(), Failure> {
    entry.row.state = state(&text(row, "state"))?;
    entry.row.step = number(row, "step");
    let finished: i64 = number(row, "finished");
    entry.row.finished = (finished != 0).then_some(Timestamp(finished));
    let pre = text(row, "pre");
    entry.pre = if pre.is_empty() { None } else { Some(serde_json::from_str(&pre).map_err(unreadable)?) };
    (entry.n, entry.token) = (number(row, "n"), text(row, "token"));
    Ok(())
}

/// The dependencies; those on what this ledger was before it was forked are on itself.
fn dependencies(meta: &Meta, json: &str) -> Result<Vec<StoredDependency>, Failure> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json).map_err(unreadable)?;
    let stored = |(id, ledger): (String, String)| {
        let ledger = LedgerId::new(&ledger).map_err(unreadable)?;
        let ledger = if meta.formerly.contains(&ledger) { meta.id.clone() } else { ledger };
        Ok(StoredDependency { id: id.parse().map_err(unreadable)?, ledger })
    };
    pairs.into_iter().map(stored).collect()
}

/// The whole ledger of one project.
pub(crate) async fn read(http: &Http, project: &ProjectName) -> Result<Ledger, Failure> {
    let Some(meta) = meta(http).await? else { return Ok(Ledger::Absent) };
    let mut entries = entries(http, &meta, project, None).await?;
    if entries.values().any(|entry| entry.row.state.is_open()) {
        let prefix = format!("dunlin-lock:{}:{project}:", http.database());
        for (name, holder) in lock::holders(http, &prefix).await? {
            let id = name[prefix.len()..].parse::<MigrationId>().ok();
            if let Some(entry) = id.and_then(|id| entries.get_mut(&id)).filter(|entry| entry.row.state.is_open()) {
                entry.row.holder = Some(holder);
            }
        }
    }
    let lost = lost(&meta, project, &entries);
    let rows = entries.into_iter().map(|(id, entry)| (id, entry.row)).collect();
    let Meta { id, protocol, environment, born, .. } = meta;
    Ok(Ledger::Present { id, protocol, outdated: protocol < PROTOCOL, environment, born, lost, rows })
}

/// What was lost and was not applied again since.
fn lost(meta: &Meta, project: &ProjectName, entries: &Entries) -> BTreeSet<MigrationId> {
    let of_project = meta.lost.iter().filter(|loss| loss.project == project.as_str());
    let again = |id: &MigrationId, attempt: u32| {
        entries.get(id).is_some_and(|entry| entry.row.attempt > attempt && entry.row.state == RowState::Applied)
    };
    let ids = of_project.filter_map(|loss| Some((loss.id.parse().ok()?, loss.attempt)));
    ids.filter(|(id, attempt)| !again(id, *attempt)).map(|(id, _)| id).collect()
}

/// The last lines of the log about each migration, and of those about none, oldest first.
pub(crate) async fn log(http: &Http, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
    if meta(http).await?.is_none() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT id, at, run, what, who, message FROM dunlin_event WHERE project = {} \
         AND what NOT IN ('claimed', 'begun', 'advanced') ORDER BY at, id, attempt, n FORMAT JSONEachRow",
        sql::text(project.as_str())
    );
    let found = rows(&http.ask(Ask::ledger(query)).await?)?;
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for row in found.iter().rev() {
        let left = left.entry(text(row, "id")).or_insert(LINES);
        if *left > 0 {
            *left -= 1;
            lines.push(line(row)?);
        }
    }
    lines.reverse();
    Ok(lines)
}

fn line(row: &Row) -> Result<LogEntry, Failure> {
    let some = |name: &str| Some(text(row, name)).filter(|text| !text.is_empty());
    Ok(LogEntry {
        id: some("id").map(|id| id.parse().map_err(unreadable)).transpose()?,
        at: Timestamp(number(row, "at")),
        run: some("run").and_then(|run| RunId::new(&run).ok()),
        what: text(row, "what"),
        by: text(row, "who"),
        message: some("message"),
        sqlstate: None,
    })
}

fn state(word: &str) -> Result<RowState, Failure> {
    let states = [RowState::Running, RowState::Applied, RowState::Reverting, RowState::Reverted];
    states.into_iter().find(|state| state.as_str() == word).ok_or_else(|| unreadable(format!("`{word}` is no state")))
}

pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Versioned => "versioned",
        Kind::Repeatable => "repeatable",
        Kind::Seed => "seed",
    }
}

fn kind(word: &str) -> Result<Kind, Failure> {
    let kinds = [Kind::Versioned, Kind::Repeatable, Kind::Seed];
    kinds.into_iter().find(|kind| kind_word(*kind) == word).ok_or_else(|| unreadable(format!("`{word}` is no kind")))
}

/// A ledger that somebody changed by hand.
pub(crate) fn unreadable(why: impl ToString) -> Failure {
    let failure = Failure::new(FailureClass::Estranged, "the ledger holds a row that cannot be read");
    let hint = "somebody changed it by hand; put it right, or restore it".to_owned();
    Failure { detail: Some(why.to_string()), hint: Some(hint), ..failure }
}
