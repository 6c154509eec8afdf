//! What goes on by itself in a database: pausing it, and resuming it whatever becomes of the run that did (PROTOCOL.md,
//! "Obligations"). What there is to pause, and how, is the flavor's to say.

use std::time::Duration;

use dunlin_driver::Paused;
use dunlin_planner::{
    Failure, FailureClass, Ledger, Obligation, Pausable, PauseFacts, ProjectName, Resumption, ResumptionEnd, RunId,
    TargetName,
};
use serde_json::json;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::{Connection, Connector};
use crate::deadline;
use crate::flavor::Pausing;
use crate::inspect::execute;
use crate::ledger::{self, Purpose};
use crate::rows::{field, one_row, rows, truth};
use crate::{failure, messages, sql};

/// The version of the ledger's tables that began to keep obligations of runs.
const SINCE: u32 = 3;

/// What stands in the ledger of something that is paused.
struct Owed {
    obligation: Obligation,
    undo: String,
    /// The role that paused it.
    by: String,
}

/// What is owed, and what could be paused, within the transaction of an inspection.
pub(crate) async fn read(client: &Client, ledger: &Ledger, pausing: Option<Pausing>) -> Result<PauseFacts, Failure> {
    let mut facts = PauseFacts::default();
    let keeps = matches!(ledger, Ledger::Present { protocol, .. } if *protocol >= SINCE);
    execute(client, "SAVEPOINT pausing; SET LOCAL row_security = on").await?;
    match look(client, keeps, pausing).await {
        Ok((owed, pausable)) => {
            facts.obligations = owed.into_iter().map(|owed| owed.obligation).collect();
            facts.pausable = pausable;
        }
        Err(refused) if refused.sqlstate.is_some() => facts.unreadable = Some(refused.message),
        Err(lost) => return Err(lost),
    }
    execute(client, "ROLLBACK TO SAVEPOINT pausing").await?;
    Ok(facts)
}

async fn look(client: &Client, keeps: bool, pausing: Option<Pausing>) -> Result<(Vec<Owed>, Vec<Pausable>), Failure> {
    let owed = if keeps { open(client).await? } else { Vec::new() };
    let pausable = match pausing {
        Some(pausing) => pausable(client, pausing, &owed).await?,
        None => Vec::new(),
    };
    Ok((owed, pausable))
}

/// What was not resumed yet, oldest first. The locks are read after the rows: whoever wrote one had its lock before.
async fn open(client: &Client) -> Result<Vec<Owed>, Failure> {
    let query = "SELECT seq, run_id, what, undo_sql, by_user, GREATEST(extract(epoch FROM clock_timestamp() - since)::int8, 0) AS seconds \
                 FROM dunlin.obligation WHERE done IS NULL ORDER BY seq";
    let found = rows(client, query).await.map_err(|error| failure::of(&error))?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = {} AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        sql::RUN_CLASS.cast_unsigned()
    );
    let locks = rows(client, &query).await.map_err(|error| failure::of(&error))?;
    let living: Vec<u32> = locks.iter().map(|row| field(row, "objid")).collect::<Result<_, _>>()?;
    let owed = |row: &SimpleQueryRow| {
        let run: RunId = field(row, "run_id")?;
        let held = living.contains(&sql::run_key(&run).cast_unsigned());
        let (id, what, seconds) = (field(row, "seq")?, field(row, "what")?, field(row, "seconds")?);
        let obligation = Obligation { id, run, what, seconds, held };
        Ok(Owed { obligation, undo: field(row, "undo_sql")?, by: field(row, "by_user")? })
    };
    found.iter().map(owed).collect()
}

/// What goes on by itself; nothing, where what does it is not installed.
async fn pausable(client: &Client, pausing: Pausing, owed: &[Owed]) -> Result<Vec<Pausable>, Failure> {
    let present = one_row(client, pausing.present).await?;
    if !truth(&present, "present") {
        return Ok(Vec::new());
    }
    let found = rows(client, pausing.list).await.map_err(|error| failure::of(&error))?;
    let one = |row: &SimpleQueryRow| {
        let (key, name): (u64, String) = (field(row, "key")?, field(row, "name")?);
        let undo = pausing.resume(key);
        let active = truth(row, "active") || owed.iter().any(|owed| owed.undo == undo);
        let what = match name.as_str() {
            "" => format!("{} {key}", pausing.noun),
            name => format!("{} `{name}`", pausing.noun),
        };
        Ok(Pausable { key, what, name, database: field(row, "database").unwrap_or(0), active })
    };
    found.iter().map(one).collect()
}

/// Pauses what is still there and goes on, or is paused by another run: one transaction, on the connection that shows from
/// before until it is dropped that the run lives.
pub(crate) async fn pause(
    connector: &Connector,
    pausing: Pausing,
    project: &ProjectName,
    run: &RunId,
    (what, deadline): (&[Pausable], Duration),
) -> Result<Paused, Failure> {
    let connection = connector.connect().await?;
    prove(&connection, connector, run).await?;
    let client = connection.client();
    let mut obligations = Vec::new();
    if begin(client).await? {
        let owed = open(client).await?;
        let there = pausable(client, pausing, &owed).await?;
        for one in there.iter().filter(|one| one.active && what.iter().any(|wanted| wanted.key == one.key)) {
            obligations.push(record(client, project, run, one, &pausing.resume(one.key)).await?);
            execute(client, &pausing.pause(one.key)).await?;
            tell(client, project, run, "paused", &one.what).await?;
        }
        if !obligations.is_empty() {
            execute(client, &deadline::watch(pausing, deadline)).await?;
        }
    }
    execute(client, "COMMIT").await?;
    Ok(Paused { obligations, proof: Box::new(connection) })
}

/// Takes the lock that shows that the run lives. Shared, since a run may have several connections to one database.
async fn prove(connection: &Connection, connector: &Connector, run: &RunId) -> Result<(), Failure> {
    if connection.is_pooled().await? {
        let message =
            format!("{} is a connection pooler, and nothing would show that the run still lives", connector.options());
        let hint = "give the target a `direct_url` that goes past the pooler".to_owned();
        return Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) });
    }
    // It says nothing for as long as the run takes. The setting is there from 14 on.
    let text = format!(
        "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'; \
         SELECT pg_catalog.pg_advisory_lock_shared({}, {})",
        sql::RUN_CLASS,
        sql::run_key(run)
    );
    execute(connection.client(), &text).await
}

/// Begins a transaction; false where no run can owe anything, since there is no ledger that keeps it. Pauses and resumptions
/// of one database come one after the other, each with those before it in view. Row security is on, as tables of others are
/// read too: who may not see a row there cannot change it either.
pub(crate) async fn begin(client: &Client) -> Result<bool, Failure> {
    let text = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {} SET LOCAL row_security = on; {} SET LOCAL synchronous_commit = local; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'; \
         SELECT pg_advisory_xact_lock({}, 0)",
        sql::PLAIN,
        sql::unlimited(true),
        sql::PAUSE_CLASS
    );
    execute(client, &text).await?;
    let meta = ledger::trusted_meta(client, Purpose::Write).await?;
    Ok(meta.is_some_and(|meta| meta.protocol >= SINCE))
}

async fn record(
    client: &Client,
    project: &ProjectName,
    run: &RunId,
    one: &Pausable,
    undo: &str,
) -> Result<Obligation, Failure> {
    let insert = format!(
        "INSERT INTO dunlin.obligation (project, run_id, what, undo_sql) VALUES ({}, '{}', {}, {}) RETURNING seq",
        sql::text(project.as_str()),
        messages::run(run)?,
        sql::text(&one.what),
        sql::text(undo)
    );
    let id = field(&one_row(client, &insert).await?, "seq")?;
    Ok(Obligation { id, run: run.clone(), what: one.what.clone(), seconds: 0, held: true })
}

async fn tell(client: &Client, project: &ProjectName, run: &RunId, word: &str, said: &str) -> Result<(), Failure> {
    let detail = json!({"message": said, "tool": messages::TOOL});
    let insert = format!(
        "INSERT INTO dunlin.event (project, run_id, what, detail) VALUES ({}, '{}', '{word}', {})",
        sql::text(project.as_str()),
        messages::run(run)?,
        sql::json(&detail)
    );
    execute(client, &insert).await
}

/// Resumes what `run` owes and what runs owe that are gone. What several runs paused is one thing to resume.
pub(crate) async fn resume(
    connector: &Connector,
    pausing: Option<Pausing>,
    target: &TargetName,
    project: &ProjectName,
    run: &RunId,
) -> Result<Vec<Resumption>, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    let mut ended: Vec<Resumption> = Vec::new();
    let mut keeps = true;
    while keeps {
        keeps = begin(client).await?;
        if !keeps {
            break;
        }
        let (due, others): (Vec<_>, Vec<_>) =
            open(client).await?.into_iter().partition(|owed| owed.obligation.run == *run || !owed.obligation.held);
        let tried = |owed: &Owed| ended.iter().any(|one| one.id == owed.obligation.id);
        let Some(first) = due.iter().find(|owed| !tried(owed)) else { break };
        let same: Vec<_> = due.iter().filter(|owed| owed.undo == first.undo).collect();
        let end = if !pausing.is_some_and(|pausing| is_from(pausing, &first.undo)) {
            Err(unknown(&first.obligation))
        } else if others.iter().any(|owed| owed.undo == first.undo) {
            close(client, &same).await.map(|()| ResumptionEnd::StillNeeded)
        } else {
            settle(client, &same, project, run).await
        };
        let end = match end {
            Ok(end) => {
                execute(client, "COMMIT").await?;
                end
            }
            Err(failure) if failure.class == FailureClass::Rejected || failure.sqlstate.is_some() => {
                execute(client, "ROLLBACK").await?;
                ResumptionEnd::Failed { failure }
            }
            Err(lost) => return Err(lost),
        };
        ended.extend(same.into_iter().map(|Owed { obligation: one, .. }| Resumption {
            target: target.clone(),
            id: one.id,
            owner: one.run.clone(),
            what: one.what.clone(),
            end: end.clone(),
        }));
    }
    // The transaction that found nothing more to do. Where nothing is owed at all, nobody has to watch over it.
    let watched = pausing.filter(|_| keeps);
    let is_over = match watched {
        Some(pausing) => open(client).await?.is_empty() && execute(client, pausing.unwatch).await.is_ok(),
        None => false,
    };
    execute(client, if is_over { "COMMIT" } else { "ROLLBACK" }).await?;
    connection.give_back();
    Ok(ended)
}

/// Whether it is the query that resumes one of these. Whoever may write into the ledger could have put another one there, for
/// a more powerful role to run.
fn is_from(pausing: Pausing, undo: &str) -> bool {
    let mut numbers = undo.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    numbers.any(|key| pausing.resume(key) == undo)
}

fn unknown(owed: &Obligation) -> Failure {
    let Obligation { id, what, .. } = owed;
    let message = format!("what would resume {what} is no query that this kind of target has, and was not run");
    let hint = format!(
        "`SELECT * FROM dunlin.obligation WHERE seq = {id}` shows it; resume by hand what is paused, and set `done` there"
    );
    Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) }
}

/// Marks obligations as done.
async fn close(client: &Client, owed: &[&Owed]) -> Result<(), Failure> {
    let ids: Vec<_> = owed.iter().map(|owed| owed.obligation.id.to_string()).collect();
    let update = format!(
        "UPDATE dunlin.obligation SET done = clock_timestamp() WHERE done IS NULL AND seq IN ({})",
        ids.join(", ")
    );
    execute(client, &update).await
}

/// Marks obligations to the same end as done, and does what resumes them. Rows of an answer are what was resumed.
async fn settle(client: &Client, owed: &[&Owed], project: &ProjectName, run: &RunId) -> Result<ResumptionEnd, Failure> {
    close(client, owed).await?;
    execute(client, "SAVEPOINT undo").await?;
    let (what, undo) = (&owed[0].obligation.what, &owed[0].undo);
    let is_there = match rows(client, undo).await.map_err(|error| failure::of(&error)) {
        Ok(found) => !found.is_empty(),
        Err(refused) if is_absent(&refused) => {
            execute(client, "ROLLBACK TO SAVEPOINT undo").await?;
            false
        }
        Err(refused) => return Err(refused),
    };
    if is_there {
        tell(client, project, run, "resumed", what).await?;
        return Ok(ResumptionEnd::Resumed);
    }
    may_see(client, owed).await?;
    tell(client, project, run, "resumed", &format!("{what}, which is not there any more")).await?;
    Ok(ResumptionEnd::Gone)
}

/// What this role does not see may be there all the same, for the role that paused it.
async fn may_see(client: &Client, owed: &[&Owed]) -> Result<(), Failure> {
    let query = "SELECT rolname, rolsuper OR rolbypassrls AS sees FROM pg_roles WHERE rolname = session_user";
    let row = one_row(client, query).await?;
    let role: String = field(&row, "rolname")?;
    if truth(&row, "sees") || owed.iter().any(|owed| owed.by == role) {
        return Ok(());
    }
    let Owed { obligation, by, .. } = owed[0];
    let message = format!("role `{role}` does not see {}, which role `{by}` paused", obligation.what);
    let sqlstate = Some(SqlState::INSUFFICIENT_PRIVILEGE.code().to_owned());
    let hint = Some(format!("run Dunlin as `{by}`, or as a superuser"));
    Err(Failure { sqlstate, hint, ..Failure::new(FailureClass::Rejected, message) })
}

/// Whether what the statement names is not installed any more.
fn is_absent(refused: &Failure) -> bool {
    let absent = [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_FUNCTION, SqlState::INVALID_SCHEMA_NAME];
    absent.iter().any(|state| refused.sqlstate.as_deref() == Some(state.code()))
}
