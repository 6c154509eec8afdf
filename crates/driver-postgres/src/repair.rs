//! What a person says of a row: one transaction under the migration's own lock, and its line in the log (PROTOCOL.md, "Repair").

use dunlin_planner::{
    Becomes, Failure, FailureClass, LogEntry, ProjectName, RunId, Settlement, StepSettings, Timestamp,
};
use serde_json::json;
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::Connection;
use crate::inspect::execute;
use crate::ledger::{self, PROTOCOL, Purpose};
use crate::messages::{self, FENCED, NEEDS};
use crate::rows::{field, rows};
use crate::{apply, failure, roles, sql};

/// How many lines of the log are read of each migration, and of what is about no migration.
const LINES: u32 = 10;

/// Makes the row what `settlement` says.
pub(crate) async fn settle(
    connection: Connection,
    project: &ProjectName,
    settlement: &Settlement,
) -> Result<(), Failure> {
    let client = connection.client();
    let begin = messages::begin(&StepSettings::default(), false)?;
    execute(client, &format!("{begin}{}", messages::HERE)).await?;
    match ledger::trusted_meta(client, Purpose::Write).await? {
        Some(meta) if meta.protocol == PROTOCOL => {}
        _ => return Err(Failure::new(FailureClass::Estranged, "the ledger is not as this version writes it")),
    }
    roles::may_repair(client).await?;
    match execute(client, &format!("{}COMMIT", texts(project, settlement))).await {
        Ok(()) => {
            connection.give_back();
            Ok(())
        }
        Err(refused) => Err(explained(client, project, settlement, refused).await),
    }
}

/// The lock, the row as it was shown, nobody who needs it, and the line in the log.
fn texts(project: &ProjectName, settlement: &Settlement) -> String {
    let Settlement { id, before, after, .. } = settlement;
    let (key, lock) = (sql::text(project.as_str()), sql::lock_key(project, id));
    let id = sql::text(&id.to_string());
    let row = format!(
        "UPDATE dunlin.ledger SET {} WHERE project = {key} AND id = {id} AND state = '{}' AND checksum = {} AND attempt = {} \
         AND step = {} AND (pre IS NOT NULL) = {};\n{}",
        set(after, before.state.is_open()),
        before.state.as_str(),
        sql::digest(&before.checksum),
        before.attempt,
        before.step,
        before.in_doubt,
        messages::exactly_one(FENCED),
    );
    let needed = if settlement.takes_away() { messages::remembered(&key, &settlement.id) } else { String::new() };
    let event = format!(
        "INSERT INTO dunlin.event (project, id, what, detail) SELECT l.project, l.id, 'repaired', {} OPERATOR(pg_catalog.||) {} \
         FROM dunlin.ledger AS l WHERE l.project = {key} AND l.id = {id};",
        sql::json(&detail(settlement)),
        messages::ROW_SAID,
    );
    messages::plpgsql(&format!("{}\n{row}\n{needed}\n{event}", messages::try_lock(lock)))
}

/// The attempt grows, so that one that was overtaken cannot write.
fn set(after: &Becomes, was_open: bool) -> String {
    let mut set =
        format!("state = '{}', step = {}, pre = NULL, attempt = attempt + 1", after.state.as_str(), after.step);
    if was_open && !after.state.is_open() {
        set.push_str(", finished = pg_catalog.clock_timestamp()");
    }
    if let Some(sums) = &after.checksums {
        set.push_str(&format!(
            ", checksum = {}, raw = {}, tokens = {}",
            sql::digest(&sums.checksum),
            sql::digest(&sums.raw),
            sql::digest(&sums.tokens)
        ));
    }
    if let Some(sums) = &after.sums {
        set.push_str(&format!(", stmt_sums = {}", sql::digests(sums.iter())));
    }
    set
}

fn detail(settlement: &Settlement) -> serde_json::Value {
    let Settlement { repair, reason, before, after, .. } = settlement;
    let checksum = after.checksums.as_ref().map_or(before.checksum, |sums| sums.checksum);
    let row = |state: &str, step: u32, checksum: String| json!({"state": state, "step": step, "checksum": checksum});
    json!({
        "message": format!("`repair {}`: {reason}", repair.word()),
        "repair": repair,
        "reason": reason,
        "before": row(before.state.as_str(), before.step, before.checksum.to_string()),
        "after": row(after.state.as_str(), after.step, checksum.to_string()),
        "tool": messages::TOOL,
    })
}

async fn explained(client: &Client, project: &ProjectName, settlement: &Settlement, refused: Failure) -> Failure {
    let id = &settlement.id;
    match refused.sqlstate.as_deref() {
        Some("55P03") => {
            client.batch_execute("ROLLBACK").await.ok();
            // The context is that of our own statements.
            apply::held(client, project, id, Failure { context: None, ..refused }).await
        }
        Some(FENCED) => settlement.outrun(),
        Some(NEEDS) => settlement.kept_by(&refused.message),
        _ if refused.class == FailureClass::Unknown => {
            let hint = Some("whether it took effect shows in `dunlin explain`; run it again if not".to_owned());
            Failure { hint, ..Failure::new(refused.class, refused.message) }
        }
        _ => Failure { context: None, ..refused },
    }
}

/// The last lines of the log about each migration, and of those about none, oldest first.
pub(crate) async fn log(client: &Client, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
    execute(client, crate::inspect::BEGIN).await?;
    let mut lines = Vec::new();
    if ledger::trusted_meta(client, Purpose::Read).await?.is_some() {
        let query = format!(
            "SELECT id, (extract(epoch FROM at) * 1000000)::int8 AS at, run_id, what, who, detail->>'message' AS message, \
             detail->>'sqlstate' AS sqlstate FROM (SELECT e.*, row_number() OVER (PARTITION BY id ORDER BY seq DESC) AS age \
             FROM dunlin.event e WHERE project = {} AND hash IS NULL) AS recent WHERE age <= {LINES} ORDER BY seq",
            sql::text(project.as_str())
        );
        let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
        lines = found.iter().map(line).collect::<Result<_, _>>()?;
    }
    execute(client, "ROLLBACK").await?;
    Ok(lines)
}

fn line(row: &SimpleQueryRow) -> Result<LogEntry, Failure> {
    let text = |name: &str| row.get(name).map(str::to_owned);
    Ok(LogEntry {
        id: row.get("id").map(|_| field(row, "id")).transpose()?,
        at: Timestamp(field(row, "at")?),
        run: row.get("run_id").and_then(|run| RunId::new(run).ok()),
        what: field(row, "what")?,
        by: field(row, "who")?,
        message: text("message"),
        sqlstate: text("sqlstate"),
    })
}
