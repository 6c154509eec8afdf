//! The seals over the log: made at the end of a run, and read again to be checked (PROTOCOL.md, "The log and its seals").
//!
//! What a seal covers and what its hash is are the planner's to say. Here is how it is written: one short transaction under
//! one advisory lock, so that seals of a database come one after the other, each with the one before in view.

use dunlin_planner::{
    Cover, Digest, Failure, Log, LogLine, LogRow, ProjectName, RunId, Seal, SealStamp, StepSettings, Timestamp,
};
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::Connector;
use crate::inspect::{BEGIN, execute};
use crate::ledger::{self, Purpose};
use crate::rows::{field, one_row, rows};
use crate::{failure, messages, sql};

/// What a seal's line is called.
const SEALED: &str = "sealed";

/// A line with everything that is sealed of it.
const LINE: &str = "SELECT seq, (extract(epoch FROM at) * 1000000)::int8 AS at, project, id, run_id, what, who, detail, \
    encode(prev, 'hex') AS prev, encode(hash, 'hex') AS hash FROM dunlin.event";

/// Covers what no seal has covered; the hash of the last seal then, where there is any.
pub(crate) async fn seal(
    connector: &Connector,
    project: &ProjectName,
    run: Option<&RunId>,
) -> Result<Option<Digest>, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    let lock = format!(
        "{}{}SELECT pg_catalog.pg_advisory_xact_lock({}, 0)",
        messages::begin(&StepSettings { lock_timeout: Some(PATIENCE), ..StepSettings::default() }, false)?,
        messages::HERE,
        sql::SEAL_CLASS
    );
    execute(client, &lock).await?;
    let last = last(client).await?;
    let lines = open_lines(client, last.as_ref().map(|last| &last.cover)).await?;
    let (stamp, at) = stamp(client, project, run).await?;
    let next = Seal::next(last.as_ref(), &stamp, &lines);
    if let Some(next) = &next {
        write(client, last.as_ref(), next, &stamp, &at).await?;
    }
    execute(client, "COMMIT").await?;
    connection.give_back();
    Ok(next.or(last).map(|seal| seal.hash))
}

/// How long others' seals are waited for: one takes milliseconds.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

async fn last(client: &Client) -> Result<Option<Seal>, Failure> {
    let query = format!("{LINE} WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1");
    let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
    let Some(row) = found.first() else { return Ok(None) };
    let line = line(row)?;
    // One that cannot be read covers nothing that could be told: the next one begins anew, which checking shows.
    Ok(line.hash.map(|hash| Seal { hash, cover: line.cover.unwrap_or_default() }))
}

async fn open_lines(client: &Client, cover: Option<&Cover>) -> Result<Vec<LogLine>, Failure> {
    let place = cover.map_or_else(
        || "true".to_owned(),
        |cover| {
            let open = cover.open.iter().map(|(from, to)| format!(" OR seq BETWEEN {from} AND {to}"));
            format!("seq > {}{}", cover.through, open.collect::<String>())
        },
    );
    read(client, &format!("{LINE} WHERE {place} ORDER BY seq")).await
}

/// What is known of a seal's line before it is written, and its moment as the server reads it.
async fn stamp(client: &Client, project: &ProjectName, run: Option<&RunId>) -> Result<(SealStamp, String), Failure> {
    let query = "SELECT (extract(epoch FROM at) * 1000000)::int8 AS micros, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS at, \
                 session_user AS who FROM (SELECT clock_timestamp() AS at) AS now";
    let row = one_row(client, query).await?;
    let run = run.map(messages::run).transpose()?.map(|run| run.to_string());
    let stamp = SealStamp {
        project: project.to_string(),
        run,
        at: Timestamp(field(&row, "micros")?),
        who: field(&row, "who")?,
    };
    Ok((stamp, field(&row, "at")?))
}

async fn write(client: &Client, last: Option<&Seal>, seal: &Seal, stamp: &SealStamp, at: &str) -> Result<(), Failure> {
    let detail = serde_json::to_value(&seal.cover).expect("numbers and texts are JSON");
    let insert = format!(
        "INSERT INTO dunlin.event (at, project, run_id, what, detail, prev, hash) \
         VALUES ('{at}+00', {}, {}, '{SEALED}', {}, {}, {})",
        sql::text(&stamp.project),
        stamp.run.as_ref().map_or_else(|| "NULL".to_owned(), |run| format!("'{run}'")),
        sql::json(&detail),
        last.map_or_else(|| "NULL".to_owned(), |last| sql::digest(&last.hash)),
        sql::digest(&seal.hash),
    );
    execute(client, &insert).await
}

/// The whole log and the rows beside it, of one moment; none where there is no ledger.
pub(crate) async fn log(connector: &Connector) -> Result<Option<Log>, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    execute(client, BEGIN).await?;
    let mut log = None;
    if ledger::trusted_meta(client, Purpose::Read).await?.is_some() {
        let lines = read(client, &format!("{LINE} ORDER BY seq")).await?;
        let query = "SELECT project, id, state, encode(checksum, 'hex') AS checksum, encode(tokens, 'hex') AS tokens, attempt FROM dunlin.ledger";
        let found = rows(client, query).await.map_err(|error| failure::of(&error))?;
        let row = |row: &SimpleQueryRow| {
            let said = LogRow {
                state: ledger::state(row.get("state").unwrap_or_default())?,
                checksum: field(row, "checksum")?,
                tokens: field(row, "tokens")?,
                attempt: field(row, "attempt")?,
            };
            Ok(((field(row, "project")?, field(row, "id")?), said))
        };
        log = Some(Log { lines, rows: found.iter().map(row).collect::<Result<_, Failure>>()? });
    }
    execute(client, "ROLLBACK").await?;
    connection.give_back();
    Ok(log)
}

async fn read(client: &Client, query: &str) -> Result<Vec<LogLine>, Failure> {
    let found = rows(client, query).await.map_err(|error| failure::of(&error))?;
    found.iter().map(line).collect()
}

fn line(row: &SimpleQueryRow) -> Result<LogLine, Failure> {
    let text = |name: &str| row.get(name).map(str::to_owned);
    let hash = |name: &str| row.get(name).and_then(|text| text.parse().ok());
    let detail = text("detail");
    let value: Value = detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let hash_of_seal = hash("hash");
    Ok(LogLine {
        seq: field(row, "seq")?,
        at: Timestamp(field(row, "at")?),
        project: field(row, "project")?,
        id: text("id"),
        run: text("run_id"),
        what: field(row, "what")?,
        who: field(row, "who")?,
        prev: hash("prev"),
        hash: hash_of_seal,
        row: said(&value["row"]),
        cover: hash_of_seal.and_then(|_| serde_json::from_value(value).ok()),
        detail,
    })
}

/// What a line says of the row that it left.
fn said(row: &Value) -> Option<LogRow> {
    let digest = |name: &str| row[name].as_str()?.parse().ok();
    Some(LogRow {
        state: ledger::state(row["state"].as_str()?).ok()?,
        checksum: digest("checksum")?,
        tokens: digest("tokens")?,
        attempt: u32::try_from(row["attempt"].as_u64()?).ok()?,
    })
}
