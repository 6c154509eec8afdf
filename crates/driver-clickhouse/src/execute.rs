//! Sending one statement of a migration, and what its failure leaves in doubt.

use dunlin_driver::StepTask;
use dunlin_planner::{Body, Failure, FailureClass, Place, ProbeFact, StepSettings, doubt};

use crate::event::Event;
use crate::http::Ask;
use crate::mutations::{self, Found};
use crate::probe::{Eyes, cluster, mutated};
use crate::replicas::Catalog;
use crate::reply::{self, Refused};
use crate::server::Server;
use crate::session::ClickHouseSession;
use crate::sql;

/// As long as a statement may be for its rows to be one block.
const SMALL: usize = 512 * 1024;
/// What a server reads of a statement before its data, unless it is told otherwise.
const QUERY_SIZE: usize = 200_000;

impl ClickHouseSession {
    /// Runs the statement at `index`, and awaits what it lets the server do.
    pub(crate) async fn run(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        let (database, attempt) = {
            let claimed = self.held()?;
            (claimed.database.clone(), claimed.entry.row.attempt)
        };
        let body = &task.step.body;
        let text = task.text[body.statements[index].range.clone()].to_owned();
        let prefix = sql::work_name(self.http.database(), task.project, &task.step.id);
        let query = format!("{prefix}{attempt}:{index}");
        let params = params(&self.server, &body.settings, &text, (&query, &database))?;
        if self.brake.is_pulled() {
            return Err(self.interrupted(task).await);
        }
        self.brake.runs(Some(query));
        let ended = self.http.ask(Ask { text, params, patient: true, in_database: false }).await;
        self.brake.runs(None);
        match ended {
            Ok(_) => self.await_mutations(task, index, &database).await,
            Err(refused) => Err(self.failed(task, index, refused).await),
        }
    }

    /// Nothing was sent.
    async fn interrupted(&mut self, task: &StepTask<'_>) -> Failure {
        self.write(task, &Event::of_run("advanced", task.run.as_str()), |entry| entry.pre = None).await.ok();
        Failure::new(FailureClass::Interrupted, "the run was stopped before the statement was sent")
    }

    async fn await_mutations(&mut self, task: &StepTask<'_>, index: usize, database: &str) -> Result<(), Failure> {
        let commands = mutated(&task.step.body, index);
        if commands.is_empty() {
            return Ok(());
        }
        let catalog = Catalog::of(&self.http, &self.server, cluster(&task.step.body, index)).await?;
        let before = self.held()?.entry.pre.as_ref().map(|pre| pre.mutations.clone()).unwrap_or_default();
        for (table, command) in commands {
            let eyes = Eyes { http: &self.http, server: &self.server, database };
            let of = eyes.place(table);
            let found = tokio::select! {
                found = mutations::find(&eyes, &catalog, (of, command), Some(&before)) => found?,
                () = self.brake.pulled() => {
                    let message = "the run was stopped; the mutation goes on in the server, and the next run awaits it";
                    return Err(Failure::new(FailureClass::Interrupted, message));
                }
            };
            match found {
                // The look behind the statement awaits the rest.
                Found::Done | Found::Partly => {}
                Found::Failing(what) => {
                    let failure = mutations::failing(what, of);
                    self.tell(task, &failure, false).await;
                    return Err(Failure { place: Some(task.step.body.place(index)), ..failure });
                }
                Found::None | Found::Unclear => self.held()?.unlisted = Some(index),
            }
        }
        Ok(())
    }

    /// What a refusal means: with nothing done the statement is in doubt no longer.
    async fn failed(&mut self, task: &StepTask<'_>, index: usize, refused: Refused) -> Failure {
        let body = &task.step.body;
        let small = body.statements[index].range.len() < SMALL;
        let place = place(body, &task.text, index, &refused.failure.message);
        let mut failure = Failure { place: Some(place), ..refused.failure.clone() };
        let killed = refused.code == Some(394) && self.brake.is_pulled();
        if killed {
            failure.class = FailureClass::Interrupted;
        } else if failure.class == FailureClass::Unknown {
            return failure;
        }
        // With ON CLUSTER one replica may refuse what others have done.
        let nothing = refused.is_before_anything(small) && !refused.is_of_a_replica();
        let fact = match nothing {
            true => ProbeFact::Absent,
            false => self.fact(body, index).await,
        };
        let clear = matches!(fact, ProbeFact::Absent | ProbeFact::Repeatable);
        if !clear && fact == ProbeFact::Unknown {
            failure.hint = Some(format!("it may be done in part: {}", doubt(&task.step.id, index + 1)));
            failure.class = FailureClass::Dirty;
        }
        self.tell(task, &failure, clear).await;
        failure
    }

    /// What the catalog shows, past a brake that was pulled.
    async fn fact(&mut self, body: &Body, index: usize) -> ProbeFact {
        let Some(claimed) = &self.claimed else { return ProbeFact::Unknown };
        let eyes = Eyes { http: &self.http, server: &self.server, database: &claimed.database };
        let pre = claimed.entry.pre.as_ref().filter(|pre| pre.statement == index);
        eyes.look(body, index, pre).await.unwrap_or(ProbeFact::Unknown)
    }

    /// Writes a failure down; where that fails too, the statement stays in doubt and the next claim looks.
    async fn tell(&mut self, task: &StepTask<'_>, failure: &Failure, clear: bool) {
        let event = Event { message: &failure.message, ..Event::of_run("failed", task.run.as_str()) };
        let written = self.write(task, &event, |entry| {
            if clear {
                entry.pre = None;
            }
        });
        if let Err(unwritten) = written.await {
            tracing::debug!(message = %unwritten.message, "a failure could not be written down");
        }
    }
}

/// What stands beside a statement in its request.
fn params(
    server: &Server,
    settings: &StepSettings,
    text: &str,
    (query, database): (&str, &str),
) -> Result<Vec<(String, String)>, Failure> {
    let mut params: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| {
        params.retain(|(known, _)| known != name);
        params.push((name.to_owned(), value));
    };
    set("query_id", query.to_owned());
    set("database", database.to_owned());
    // What a SELECT finds is of no interest, unless it says in which form.
    set("default_format", "Null".to_owned());
    if text.len() > QUERY_SIZE {
        set("max_query_size", (text.len() + QUERY_SIZE).to_string());
    }
    for name in ["mutations_sync", "alter_sync", "replication_alter_partitions_sync"] {
        if server.knows(name) && !(name.starts_with("replication") && server.knows("alter_sync")) {
            set(name, "2".to_owned());
        }
    }
    if server.knows("async_insert") {
        set("async_insert", "0".to_owned());
    }
    if let Some(timeout) = settings.timeout.filter(|timeout| !timeout.is_zero()) {
        set("max_execution_time", timeout.as_millis().div_ceil(1000).to_string());
    }
    if let Some(timeout) = settings.lock_timeout.filter(|_| server.knows("lock_acquire_timeout")) {
        set("lock_acquire_timeout", timeout.as_millis().div_ceil(1000).max(1).to_string());
    }
    for (name, value) in &settings.settings {
        set(name, value.clone());
    }
    if let Some(role) = &settings.role {
        if !server.takes_roles() {
            let message =
                format!("role `{role}` cannot be taken: this server's HTTP interface knows no roles before 24.4");
            let hint = "let the target's user have the privileges itself, and remove `role`".to_owned();
            return Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) });
        }
        set("role", role.clone());
    }
    Ok(params)
}

/// The place of a failure: where the server stopped reading, or else the statement's beginning.
fn place(body: &Body, text: &str, index: usize, message: &str) -> Place {
    let range = body.statements[index].range.clone();
    let at = text.floor_char_boundary((range.start + reply::position(message).unwrap_or_default()).min(range.end));
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let word = text[at..].chars().take_while(|char| char.is_alphanumeric() || *char == '_').count().max(1);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place {
        line: number(text[..start].matches('\n').count() + 1),
        column: number(text[start..at].chars().count() + 1),
        text: std::sync::Arc::from(text[start..].lines().next().unwrap_or_default()),
        width: number(word),
        ..Place::file(&body.path)
    }
}
