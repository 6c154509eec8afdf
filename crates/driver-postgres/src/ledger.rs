//! Reading the ledger, and deciding whether it can be trusted at all.
//!
//! Someone else may have prepared a schema `dunlin` whose triggers, rules or defaults run as whoever migrates, or whose row
//! security hides what is applied. So the catalogs are read first, and the tables only when the catalogs show nothing odd.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    EnvironmentName, Failure, FailureClass, Holder, Identity, Kind, Ledger, LedgerId, LedgerRow, MigrationId,
    ProjectName, RowState, RunId, StoredDependency, Timestamp,
};
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryRow};

use crate::rows::{field, one_row, rows, truth};
use crate::{failure, roles, sql};

/// The version of the ledger's tables that this program reads and writes.
pub(crate) const PROTOCOL: u32 = 3;

pub(crate) const DANGERS: &str = include_str!("dangers.sql");
pub(crate) const SHAPE: &str = include_str!("shape.sql");
pub(crate) const EXPECTED_SHAPE: &str = include_str!("ledger.shape");

const META: &str = "SELECT ledger_id, protocol, environment, sysid, dboid, timeline FROM dunlin.meta";

/// Every row, as [`row`] reads it.
pub(crate) const ROWS: &str = "SELECT id, name, kind, transactional, state, encode(checksum, 'hex') AS checksum, encode(tokens, 'hex') AS tokens, step, \
    (SELECT pg_catalog.string_agg(encode(sum, 'hex'), ' ' ORDER BY n) FROM unnest(stmt_sums[1:step + (pre IS NOT NULL)::int4]) WITH ORDINALITY AS begun(sum, n)) AS begun, run_id, \
    attempt, deps, (extract(epoch FROM started) * 1000000)::int8 AS started, (extract(epoch FROM finished) * 1000000)::int8 AS finished, \
    by_user FROM dunlin.ledger";

/// The one row of `dunlin.meta`.
pub(crate) struct Meta {
    pub(crate) id: LedgerId,
    pub(crate) protocol: u32,
    pub(crate) environment: Option<EnvironmentName>,
    /// The database that it was made in, or adopted in last; none where that server did not tell.
    pub(crate) born: Option<Identity>,
}

/// What a ledger is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whoever owns it may be read.
    Read,
    /// An owner other than the role itself could make later writes run code.
    Write,
}

/// The ledger's meta row, after checking that its tables can be trusted; none where there is no ledger. The search path must
/// be `pg_catalog` already.
pub(crate) async fn trusted_meta(client: &Client, purpose: Purpose) -> Result<Option<Meta>, Failure> {
    // Out of the table: `to_regnamespace` would answer from what this connection remembers of before it waited for the lock.
    let present =
        one_row(client, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dunlin') AS present").await?;
    if !truth(&present, "present") {
        return Ok(None);
    }
    let dangers = rows(client, DANGERS).await.map_err(|error| failure::of(&error))?;
    let counts = |row: &&SimpleQueryRow| purpose == Purpose::Write || !truth(row, "by_owner");
    if let Some(danger) = dangers.iter().find(counts).and_then(|row| row.get("danger")) {
        let hint = "find out who made it; nothing was read from it. A schema that belongs to the role that migrates, and tables as Dunlin makes them, are trusted";
        return Err(estranged(format!("the ledger cannot be trusted: {danger}"), hint));
    }
    let row = one_row(client, META).await.map_err(denied)?;
    let environment = row.get("environment").map(|name| EnvironmentName::new(name).map_err(unreadable)).transpose()?;
    let id = LedgerId::new(row.get("ledger_id").unwrap_or_default()).map_err(unreadable)?;
    let born =
        Identity { system: field(&row, "sysid")?, database: field(&row, "dboid")?, timeline: field(&row, "timeline")? };
    let meta =
        Meta { id, protocol: field(&row, "protocol")?, environment, born: Some(born).filter(Identity::is_known) };
    if meta.protocol > PROTOCOL {
        let message = format!("the ledger has protocol {}, and this Dunlin knows {PROTOCOL}", meta.protocol);
        let hint = "a newer Dunlin has upgraded it: use that version, or a later one".to_owned();
        return Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) });
    }
    if meta.protocol == PROTOCOL {
        check_shape(client).await?;
    }
    Ok(Some(meta))
}

/// Who may not even look is told how that comes about.
fn denied(failure: Failure) -> Failure {
    let denied = failure.sqlstate.as_deref() == Some("42501");
    if denied { Failure { hint: Some(roles::MEMBERS.to_owned()), ..failure } } else { failure }
}

async fn check_shape(client: &Client) -> Result<(), Failure> {
    let mut found = column(client, SHAPE).await?;
    let mut expected: Vec<&str> = EXPECTED_SHAPE.lines().collect();
    found.sort_unstable();
    expected.sort_unstable();
    let missing = expected.iter().find(|line| !found.iter().any(|found| found == *line));
    let odd = found.iter().find(|line| !expected.contains(&line.as_str()));
    let what = match (odd, missing) {
        (Some(odd), _) => format!("has `{odd}`"),
        (None, Some(missing)) => format!("lacks `{missing}`"),
        (None, None) => return Ok(()),
    };
    Err(estranged(
        format!("the ledger cannot be trusted: it {what}"),
        "somebody changed the tables in schema `dunlin`; make them as they were",
    ))
}

async fn column(client: &Client, query: &str) -> Result<Vec<String>, Failure> {
    let found = rows(client, query).await.map_err(|error| failure::of(&error))?;
    Ok(found.iter().filter_map(|row| row.get(0)).map(str::to_owned).collect())
}

fn estranged(message: String, hint: &str) -> Failure {
    Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Estranged, message) }
}

/// The whole ledger of one project.
pub(crate) async fn read(client: &Client, project: &ProjectName) -> Result<Ledger, Failure> {
    let Some(meta) = trusted_meta(client, Purpose::Read).await? else { return Ok(Ledger::Absent) };
    let query = format!("{ROWS} WHERE project = {}", sql::text(project.as_str()));
    let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
    let rows = found.iter().map(|found| row(found).map(|row| (row.id.clone(), row)));
    let mut rows = rows.collect::<Result<BTreeMap<MigrationId, LedgerRow>, Failure>>()?;
    if rows.values().any(|row| row.state.is_open()) {
        name_holders(client, project, &mut rows).await?;
    }
    let outdated = meta.protocol < PROTOCOL;
    let lost = lost(client, project).await?;
    let Meta { id, protocol, environment, born } = meta;
    Ok(Ledger::Present { id, protocol, outdated, environment, born, lost, rows })
}

/// What was lost in a restore, as a person acknowledged it, and was not applied again since.
async fn lost(client: &Client, project: &ProjectName) -> Result<BTreeSet<MigrationId>, Failure> {
    let query = format!(
        "SELECT DISTINCT lost #>> '{{}}' AS id FROM dunlin.event e, jsonb_path_query(e.detail, '$.lost[*]') AS lost \
         WHERE e.project = {project} AND e.what = 'adopted' AND NOT EXISTS (SELECT FROM dunlin.event a WHERE a.project = {project} \
         AND a.id = lost #>> '{{}}' AND a.what = 'applied' AND a.seq > e.seq)",
        project = sql::text(project.as_str())
    );
    let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
    found.iter().map(|row| field(row, "id")).collect()
}

/// Tells the rows that somebody works on from those of interrupted runs: by the lock, or, of a backfill between two of its
/// transactions, by the process that moved the cursor last.
async fn name_holders(
    client: &Client,
    project: &ProjectName,
    rows: &mut BTreeMap<MigrationId, LedgerRow>,
) -> Result<(), Failure> {
    let query = format!(
        "SELECT h.lock, h.id, h.pid, COALESCE(NULLIF(a.application_name, ''), 'unnamed') AS application, \
         GREATEST(extract(epoch FROM clock_timestamp() - COALESCE(a.xact_start, a.query_start, a.backend_start))::int8, 0) AS seconds \
         FROM (SELECT l.objid::int8 AS lock, NULL AS id, l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = {} AND l.granted \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         UNION ALL SELECT NULL, r.id, b.pid FROM dunlin.ledger r JOIN pg_stat_activity b ON b.pid = r.pid AND b.datname = current_database() \
         AND b.backend_start <= (to_jsonb(r)->'cursor'->>'at')::timestamptz \
         WHERE r.project = {} AND r.state IN ('running', 'reverting')) AS h \
         LEFT JOIN pg_stat_activity a ON a.pid = h.pid WHERE h.pid <> pg_backend_pid()",
        sql::LOCK_CLASS.cast_unsigned(),
        sql::text(project.as_str())
    );
    let holders = crate::rows::rows(client, &query).await.map_err(|error| failure::of(&error))?;
    for row in rows.values_mut().filter(|row| row.state.is_open()) {
        let lock = sql::lock_key(project, &row.id).cast_unsigned().to_string();
        let id = row.id.to_string();
        let holds = |holder: &&SimpleQueryRow| {
            holder.get("lock") == Some(lock.as_str()) || holder.get("id") == Some(id.as_str())
        };
        let holder = |held: &SimpleQueryRow| {
            let (pid, seconds) = (field(held, "pid")?, field(held, "seconds").unwrap_or_default());
            Ok(Holder { pid, application: field(held, "application")?, seconds })
        };
        row.holder = holders.iter().find(holds).map(holder).transpose()?;
    }
    Ok(())
}

pub(crate) fn row(row: &SimpleQueryRow) -> Result<LedgerRow, Failure> {
    let run: String = field(row, "run_id")?;
    Ok(LedgerRow {
        id: field(row, "id")?,
        name: field(row, "name")?,
        kind: kind(row.get("kind").unwrap_or_default())?,
        transactional: truth(row, "transactional"),
        state: state(row.get("state").unwrap_or_default())?,
        checksum: field(row, "checksum")?,
        tokens: field(row, "tokens")?,
        step: field(row, "step")?,
        begun: row
            .get("begun")
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(|sum| sum.parse().map_err(unreadable))
            .collect::<Result<_, _>>()?,
        run: RunId::new(&run).map_err(unreadable)?,
        attempt: field(row, "attempt")?,
        dependencies: dependencies(row.get("deps").unwrap_or_default())?,
        started: Timestamp(field(row, "started")?),
        finished: row.get("finished").map(|_| field(row, "finished").map(Timestamp)).transpose()?,
        by: field(row, "by_user")?,
        holder: None,
    })
}

fn dependencies(text: &str) -> Result<Vec<StoredDependency>, Failure> {
    let value: Value = serde_json::from_str(text).map_err(unreadable)?;
    let entry = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let id = text("id").parse().map_err(unreadable)?;
        Ok(StoredDependency { id, ledger: LedgerId::new(&text("ledger")).map_err(unreadable)? })
    };
    value.as_array().into_iter().flatten().map(entry).collect()
}

pub(crate) fn state(word: &str) -> Result<RowState, Failure> {
    Ok(match word {
        "running" => RowState::Running,
        "applied" => RowState::Applied,
        "reverting" => RowState::Reverting,
        "reverted" => RowState::Reverted,
        _ => return Err(unreadable(format!("`{word}` is no state"))),
    })
}

fn kind(word: &str) -> Result<Kind, Failure> {
    Ok(match word {
        "versioned" => Kind::Versioned,
        "repeatable" => Kind::Repeatable,
        "seed" => Kind::Seed,
        _ => return Err(unreadable(format!("`{word}` is no kind"))),
    })
}

fn unreadable(why: impl ToString) -> Failure {
    let failure = estranged(
        "the ledger holds a row that cannot be read".to_owned(),
        "somebody changed it by hand; put it right, or restore it",
    );
    Failure { detail: Some(why.to_string()), ..failure }
}
