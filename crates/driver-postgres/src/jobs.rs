//! A set's declared jobs as a step: what runs follows from the plan, in one transaction with the ledger's row, whose line in the
//! log says what was left behind. How jobs are changed is the flavor's to say.
//!
//! Between the claim and the changes nobody pauses or resumes a job: what a run has paused is its own to resume, and a job that
//! is to stand still for good is owed no longer.

use std::collections::BTreeMap;

use dunlin_driver::StepTask;
use dunlin_planner::{
    AppliedJob, Body, Failure, JobChange, JobFacts, JobKey, Jobs, Ledger, MigrationId, Pausable, Place, ProjectName,
    Statement, StatementClass, Word,
};
use serde_json::{Value, json};
use tokio_postgres::{Client, SimpleQueryRow};

use crate::flavor::{Flavor, Pausing};
use crate::rows::{field, rows};
use crate::window::Part;
use crate::{failure, sql};

/// What the log calls a person's word on a job.
pub(crate) const PAUSED: &str = "job-paused";
pub(crate) const RESUMED: &str = "job-resumed";

/// The statements of a step, laid out as a body.
pub(crate) struct Script {
    pub(crate) body: Body,
    pub(crate) text: String,
    places: Vec<Option<Place>>,
}

impl Script {
    /// What `task` runs, where it declares jobs.
    pub(crate) fn of(flavor: &dyn Flavor, task: &StepTask<'_>) -> Option<Self> {
        let body = &task.step.body;
        let jobs = body.jobs.as_ref()?;
        let mut script = Self { body: body.clone(), text: String::new(), places: Vec::new() };
        for (statement, place) in flavor.reconcile(jobs) {
            let start = script.text.len();
            script.text.push_str(&statement);
            let (range, digest) = (start..script.text.len(), body.digest);
            let line = place.as_ref().map_or(1, |place| place.line);
            let class = StatementClass::Transactional;
            script.body.statements.push(Statement { range, line, digest, class, copy: None });
            script.text.push_str(";\n");
            script.places.push(place);
        }
        Some(script)
    }

    /// The place of the job whose statement failed.
    pub(crate) fn placed(&self, part: Part) -> Part {
        let Part::Body(offset) = part else { return part };
        let at = |offset| self.body.statements.iter().rposition(|statement| statement.range.start <= offset);
        Part::Piece(offset.and_then(at).and_then(|index| self.places[index].clone()))
    }
}

/// Behind the claim, under the run's own role.
pub(crate) fn opening(jobs: &Jobs, pausing: Option<Pausing>) -> String {
    let mut text = format!("SELECT pg_catalog.pg_advisory_xact_lock({}, 0);", sql::PAUSE_CLASS);
    let stands_still = |change: &JobChange| match change {
        JobChange::Alter { id, what, .. } if what.iter().any(|one| one.key == JobKey::Active && one.to == "false") => {
            Some(*id)
        }
        _ => None,
    };
    for id in jobs.changes.iter().filter_map(stands_still) {
        let undo = pausing.map(|pausing| sql::text(&pausing.resume(id))).unwrap_or_default();
        text.push_str(&format!(
            "UPDATE dunlin.obligation SET done = pg_catalog.clock_timestamp() WHERE done IS NULL AND undo_sql = {undo};"
        ));
    }
    text
}

/// What the log says that was left behind.
pub(crate) fn left(jobs: &Jobs) -> Value {
    let job = |job: &dunlin_planner::Job| {
        json!({"name": job.name, "schedule": job.schedule, "sum": job.sum().to_string(), "database": job.database,
               "user": job.user, "active": job.active})
    };
    json!({"jobs": jobs.declared.iter().map(job).collect::<Vec<_>>()})
}

/// Adds to a flavor's facts what the ledger knows of the jobs, and which of them only rest.
pub(crate) async fn read(
    client: &Client,
    project: &ProjectName,
    ledger: &Ledger,
    pausable: &[Pausable],
    facts: &mut JobFacts,
) -> Result<(), Failure> {
    for live in &mut facts.live {
        live.active |= pausable.iter().any(|one| one.key == live.id && one.active);
    }
    if *ledger == Ledger::Absent {
        return Ok(());
    }
    let query = format!(
        "SELECT DISTINCT ON (id) id, (detail -> 'jobs')::text AS jobs FROM dunlin.event \
         WHERE project = {} AND what IN ('applied', 'reverted') AND detail ? 'jobs' ORDER BY id, seq DESC",
        sql::text(project.as_str())
    );
    for row in rows(client, &query).await.map_err(|error| failure::of(&error))? {
        facts.applied.insert(field::<MigrationId>(&row, "id")?, applied(row.get("jobs").unwrap_or_default()));
    }
    let query = format!(
        "SELECT DISTINCT ON (detail ->> 'job') detail ->> 'job' AS job, what, who, detail ->> 'reason' AS reason FROM dunlin.event \
         WHERE what IN ('{PAUSED}', '{RESUMED}') AND detail ? 'job' ORDER BY detail ->> 'job', seq DESC"
    );
    let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
    facts.words = found.iter().map(word).collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(())
}

fn word(row: &SimpleQueryRow) -> Result<(u64, Word), Failure> {
    let active = row.get("what") == Some(RESUMED);
    let reason = row.get("reason").map(str::to_owned);
    Ok((field(row, "job")?, Word { active, by: field(row, "who")?, reason }))
}

/// A line that cannot be read counts as none: then nothing of Dunlin's is taken for declared no longer.
fn applied(text: &str) -> Vec<AppliedJob> {
    let Ok(Value::Array(jobs)) = serde_json::from_str(text) else { return Vec::new() };
    let text = |job: &Value, key: &str| job[key].as_str().map(str::to_owned);
    let one = |job: &Value| {
        Some(AppliedJob {
            name: text(job, "name")?,
            schedule: text(job, "schedule")?,
            sum: job["sum"].as_str()?.parse().ok()?,
            database: text(job, "database")?,
            user: text(job, "user"),
            active: job["active"].as_bool()?,
        })
    };
    jobs.iter().filter_map(one).collect()
}
