//! What a person does with one job: looks at its runs, runs it, says whether it goes on.

use dunlin_driver::JobWord;
use dunlin_planner::{Failure, FailureClass, JobRun, LiveJob, ProjectName, Timestamp};
use serde_json::{Value, json};
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::Connector;
use crate::flavor::{Crontab, Pausing};
use crate::inspect::{BEGIN, execute};
use crate::options::ConnectOptions;
use crate::rows::{field, one_row, rows, truth};
use crate::{failure, jobs, messages, obligation, sql};

/// The runs of one job, or the last of each, newest first.
pub(crate) async fn runs(
    connector: &Connector,
    crontab: Crontab,
    job: Option<u64>,
    most: u32,
) -> Result<Vec<JobRun>, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    execute(client, BEGIN).await?;
    execute(client, "SET LOCAL row_security = on").await?;
    let present = truth(&one_row(client, crontab.present).await?, "present");
    let filter = job.map_or_else(|| "true".to_owned(), |job| format!("d.jobid = {job}"));
    let query = crontab.runs.replace("$1", &filter).replace("$2", &most.to_string());
    let found = if present { rows(client, &query).await.map_err(|error| failure::of(&error))? } else { Vec::new() };
    execute(client, "ROLLBACK").await?;
    connection.give_back();
    found.iter().map(run).collect()
}

fn run(row: &SimpleQueryRow) -> Result<JobRun, Failure> {
    let moment = |name: &str| row.get(name).and_then(|text| text.parse().ok()).map(Timestamp);
    let text = |name: &str| row.get(name).unwrap_or_default().to_owned();
    Ok(JobRun {
        run: field(row, "run")?,
        job: field(row, "job")?,
        name: text("name"),
        status: text("status"),
        message: text("message"),
        started: moment("started"),
        ended: moment("ended"),
    })
}

/// Lets a job go on, or rest, with a line in the log that later runs respect. A run that has paused it resumes it no more
/// where it is to rest, and resumes it at its own end where it is to go on.
pub(crate) async fn say(
    connector: &Connector,
    (crontab, pausing): (Crontab, Pausing),
    project: &ProjectName,
    job: &LiveJob,
    word: &JobWord,
) -> Result<(), Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    if !obligation::begin(client).await? {
        return Err(Failure::new(FailureClass::Estranged, "there is no ledger to write it down in"));
    }
    let undo = sql::text(&pausing.resume(job.id));
    let owed = format!("FROM dunlin.obligation WHERE done IS NULL AND undo_sql = {undo}");
    let is_owed = truth(&one_row(client, &format!("SELECT EXISTS (SELECT {owed}) AS owed")).await?, "owed");
    if is_owed && !word.active {
        let close =
            format!("UPDATE dunlin.obligation SET done = clock_timestamp() WHERE done IS NULL AND undo_sql = {undo}");
        execute(client, &close).await?;
    }
    if !is_owed || !word.active {
        let alter = crontab.alter.replace("$1", &job.id.to_string()).replace("$2", &word.active.to_string());
        if rows(client, &alter).await.map_err(|error| failure::of(&error))?.is_empty() {
            return Err(Failure::new(FailureClass::Rejected, format!("job `{}` is not there any more", job.name)));
        }
    }
    let verb = if word.active { "goes on" } else { "rests" };
    let why = word.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let detail = json!({"job": job.id.to_string(), "name": job.name, "reason": word.reason,
        "message": format!("job `{}` {verb}{why}", job.name), "tool": messages::TOOL});
    tell(client, project, if word.active { jobs::RESUMED } else { jobs::PAUSED }, &detail).await?;
    execute(client, "COMMIT").await?;
    connection.give_back();
    Ok(())
}

async fn tell(client: &Client, project: &ProjectName, what: &str, detail: &Value) -> Result<(), Failure> {
    let insert = format!(
        "INSERT INTO dunlin.event (project, what, detail) VALUES ({}, '{what}', {})",
        sql::text(project.as_str()),
        sql::json(detail)
    );
    execute(client, &insert).await
}

/// Runs a job's command at once, in its database and as its user, in a connection of its own: exactly once, and awaited.
pub(crate) async fn run_now(options: &ConnectOptions, job: &LiveJob) -> Result<(), Failure> {
    let connector = Connector::new(std::sync::Arc::new(options.with_database(&job.database)))?;
    let connection = connector.connect().await?;
    let client = connection.client();
    let row = one_row(client, "SELECT session_user AS role").await?;
    let role: String = field(&row, "role")?;
    if role != job.user {
        let becomes = format!("SET SESSION AUTHORIZATION {}", sql::identifier(&job.user));
        execute(client, &becomes).await.map_err(|failure| {
            let message = format!(
                "job `{}` runs as `{}`, whom `{role}` cannot stand for: {}",
                job.name, job.user, failure.message
            );
            let hint = Some(format!("run Dunlin as `{}`, or as a superuser", job.user));
            Failure { message, hint, ..failure }
        })?;
    }
    execute(client, &job.command).await
}
