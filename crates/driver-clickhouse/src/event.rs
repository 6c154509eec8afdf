//! Writing the ledger: one row at a time, read back before anybody relies on it.
//!
//! A row is written with `INSERT … SELECT` of one line of literals, so that the server's clock is in it, and only where no later
//! attempt stands. What happened to an INSERT whose answer was lost is found out by whoever claims the migration next: every row
//! bears a token, and nothing is written a second time.

use dunlin_planner::{Digest, Failure, FailureClass, MigrationId, ProjectName, Timestamp};

use crate::http::{Ask, Http};
use crate::ledger::{Entry, Pre, kind_word};
use crate::rows::{Row, number, rows, text};
use crate::server::Server;
use crate::sql;
use crate::tables::{EVENT, META, TOOL};

/// What happened, and what is said of it.
pub(crate) struct Event<'a> {
    /// In one word.
    pub(crate) what: &'a str,
    /// The run, where it was one.
    pub(crate) run: Option<&'a str>,
    pub(crate) message: &'a str,
    /// Whether the migration came to its end with it.
    pub(crate) finished: bool,
    /// What was there before, of a repair.
    pub(crate) before: &'a str,
}

impl<'a> Event<'a> {
    pub(crate) fn of_run(what: &'a str, run: &'a str) -> Self {
        Self { what, run: Some(run), message: "", finished: false, before: "" }
    }
}

/// Where events are written, and whose they are.
pub(crate) struct Scribe<'a> {
    pub(crate) http: &'a Http,
    pub(crate) server: &'a Server,
    pub(crate) project: &'a ProjectName,
}

impl Scribe<'_> {
    /// Writes where `entry` stands after `event`: the first event of an attempt holds everything. The entry has the number of the
    /// event before, or none of its attempt yet.
    pub(crate) async fn write(&self, entry: &mut Entry, event: &Event<'_>, first: bool) -> Result<(), Failure> {
        let n = if first { 0 } else { entry.n + 1 };
        let token = uuid::Uuid::new_v4().to_string();
        let id = entry.row.id.clone();
        let query = format!(
            "{} WHERE (SELECT count() FROM dunlin_event WHERE {} AND (attempt > {} OR (attempt = {} AND n >= {n}))) = 0",
            row("dunlin_event", &EVENT, |column, _| self.value(column, entry, event, (n, &token))),
            self.these(&id),
            entry.row.attempt,
            entry.row.attempt,
        );
        self.http.ask(self.insert(query)).await?;
        let written = self.read_back(&id, (entry.row.attempt, n), &token).await?;
        if event.finished {
            entry.row.finished = Some(Timestamp(number(&written, "finished")));
        }
        if first {
            entry.row.started = Timestamp(number(&written, "started"));
        }
        (entry.n, entry.token) = (n, token);
        Ok(())
    }

    /// Writes a line about no migration.
    pub(crate) async fn write_line(&self, n: u32, event: &Event<'_>) -> Result<(), Failure> {
        let token = uuid::Uuid::new_v4().to_string();
        let value = |column: &str, kind: &str| match column {
            "project" => sql::text(self.project.as_str()),
            "n" => n.to_string(),
            "what" => sql::text(event.what),
            "at" => self.server.now().to_owned(),
            "run" => sql::text(event.run.unwrap_or_default()),
            "who" => sql::text(&self.server.user),
            "message" => sql::text(event.message),
            "before" => sql::text(event.before),
            "tool" => sql::text(TOOL),
            "token" => sql::text(&token),
            _ if kind == "String" => "''".to_owned(),
            _ => "0".to_owned(),
        };
        self.http.ask(self.insert(row("dunlin_event", &EVENT, value))).await?;
        Ok(())
    }

    fn value(&self, column: &str, entry: &Entry, event: &Event<'_>, (n, token): (u32, &str)) -> String {
        let row = &entry.row;
        let base = |value: String| if n == 0 { sql::text(&value) } else { "''".to_owned() };
        let moment = |known: i64, now: bool| match (known, now) {
            (0, true) => self.server.now().to_owned(),
            (known, _) => known.to_string(),
        };
        match column {
            "project" => sql::text(self.project.as_str()),
            "id" => sql::text(&row.id.to_string()),
            "attempt" => row.attempt.to_string(),
            "n" => n.to_string(),
            "what" => sql::text(event.what),
            "at" => self.server.now().to_owned(),
            "run" => sql::text(event.run.unwrap_or_default()),
            "who" => sql::text(&self.server.user),
            "message" => sql::text(event.message),
            "state" => sql::text(row.state.as_str()),
            "step" => row.step.to_string(),
            "pre" => sql::text(&entry.pre.as_ref().map(pre).unwrap_or_default()),
            "finished" if event.finished => self.server.now().to_owned(),
            "finished" => row.finished.map_or(0, |at| at.0).to_string(),
            "name" => base(row.name.clone()),
            "kind" => base(kind_word(row.kind).to_owned()),
            "checksum" => base(row.checksum.to_string()),
            "raw" => base(entry.raw.clone()),
            "tokens" => base(row.tokens.to_string()),
            "sums" => base(sums(&entry.sums)),
            "deps" => base(dependencies(entry)),
            "started" => moment(row.started.0, n == 0),
            "of_run" => base(row.run.to_string()),
            "of_user" => base(row.by.clone()),
            "before" => sql::text(event.before),
            "tool" => sql::text(TOOL),
            _ => sql::text(token),
        }
    }

    fn insert(&self, query: String) -> Ask {
        insert(self.server, query)
    }

    fn these(&self, id: &MigrationId) -> String {
        format!("project = {} AND id = {}", sql::text(self.project.as_str()), sql::text(&id.to_string()))
    }

    /// What was written, if it is the last word on the migration.
    async fn read_back(&self, id: &MigrationId, mine: (u32, u32), token: &str) -> Result<Row, Failure> {
        let query = format!(
            "SELECT attempt, n, token, started, finished FROM dunlin_event WHERE {} AND attempt >= {} \
             ORDER BY attempt DESC, n DESC, token LIMIT 1 FORMAT JSONEachRow",
            self.these(id),
            mine.0
        );
        let last = rows(&self.http.ask(Ask::ledger(query)).await?)?.into_iter().next();
        let is_ours = |row: &Row| (number(row, "attempt"), number(row, "n")) == mine && text(row, "token") == token;
        last.filter(is_ours)
            .ok_or_else(|| Failure::new(FailureClass::Estranged, format!("another attempt has taken over `{id}`")))
    }
}

/// A row of `dunlin_meta`: values by column; what is left out is empty, and the moment is now.
pub(crate) async fn write_meta(http: &Http, server: &Server, values: &[(&str, String)]) -> Result<(), Failure> {
    let value = |column: &str, kind: &str| match (column, values.iter().find(|(name, _)| *name == column)) {
        ("at", _) => server.now().to_owned(),
        ("who", _) => sql::text(&server.user),
        ("token", _) => sql::text(&uuid::Uuid::new_v4().to_string()),
        (_, Some((_, value))) if kind == "String" => sql::text(value),
        (_, Some((_, value))) => value.clone(),
        (_, None) => if kind == "String" { "''" } else { "0" }.to_owned(),
    };
    http.ask(insert(server, row("dunlin_meta", &META, value))).await?;
    Ok(())
}

/// The INSERT of one row, its values as SQL by name and type of each column.
fn row(table: &str, columns: &[(&str, &str)], value: impl Fn(&str, &str) -> String) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns.iter().map(|(name, kind)| value(name, kind)).collect();
    format!("INSERT INTO {table} ({}) SELECT {}", names.join(", "), values.join(", "))
}

/// An INSERT that is answered when its row can be read.
fn insert(server: &Server, query: String) -> Ask {
    let ask = Ask::ledger(query);
    if server.knows("async_insert") { ask.param("async_insert", "0") } else { ask }
}

fn pre(pre: &Pre) -> String {
    serde_json::to_string(pre).expect("names and numbers are JSON")
}

fn sums(sums: &[Digest]) -> String {
    sums.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn dependencies(entry: &Entry) -> String {
    let pairs = entry.row.dependencies.iter().map(|needed| (needed.id.to_string(), needed.ledger.to_string()));
    serde_json::to_string(&pairs.collect::<Vec<_>>()).expect("names are JSON")
}
