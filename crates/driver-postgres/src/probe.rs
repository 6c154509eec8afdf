//! What the catalog shows of a statement that ran outside a transaction.

use dunlin_planner::{Body, Failure, FailureClass, Probe, ProbeFact, QualifiedName, StatementClass};
use tokio_postgres::SimpleQueryRow;

use crate::messages;
use crate::rows::{rows, truth};
use crate::session::PostgresSession;
use crate::sql;

impl PostgresSession {
    pub(crate) async fn probe_statement(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        let StatementClass::Alone { probe, .. } = &body.statements[index].class else {
            return Ok(ProbeFact::Repeatable);
        };
        if let Some(fact) = probe.settled() {
            return Ok(fact);
        }
        match probe {
            Probe::IndexValid { index, table } => self.index_valid(body, index, table).await,
            Probe::IndexAbsent(indexes) => self.index_absent(body, indexes).await,
            Probe::Query(query) => self.author_query(body, query).await,
            Probe::Repeat | Probe::Unknown => Ok(ProbeFact::Unknown),
        }
    }

    /// Reads under the body's own settings, so that names mean what they mean in the body.
    async fn look(&mut self, body: &Body, query: &str) -> Result<Vec<SimpleQueryRow>, Failure> {
        let client = self.line_or_lost()?.connection.client();
        let message = format!(
            "BEGIN READ ONLY; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'; {} {query}; \
             RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; COMMIT",
            messages::body_settings(&body.settings, true)
        );
        match rows(client, &message).await {
            // `set_config` answers with a row of its own.
            Ok(found) => Ok(found
                .into_iter()
                .filter(|row| row.columns().first().is_none_or(|column| column.name() != "set_config"))
                .collect()),
            Err(error) => {
                let failure = self.failure(&error);
                if failure.class == FailureClass::Unknown || !self.settle().await {
                    self.hang_up();
                }
                Err(failure)
            }
        }
    }

    pub(crate) async fn schema_of(&mut self, body: &Body, table: &QualifiedName) -> Result<Option<String>, Failure> {
        let query = format!(
            "SELECT n.nspname AS schema FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
             WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})",
            sql::text(&table.quoted())
        );
        let found = self.look(body, &query).await?;
        Ok(found.first().and_then(|row| row.get("schema")).map(str::to_owned))
    }

    async fn index_valid(&mut self, body: &Body, index: &str, table: &QualifiedName) -> Result<ProbeFact, Failure> {
        let query = format!(
            "SELECT i.indexrelid IS NOT NULL AS is_index, i.indrelid = t.oid AS same_table, i.indisvalid AND i.indisready AS valid, \
             i.indrelid::pg_catalog.regclass AS other, \
             (SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_locks l ON l.pid = p.pid \
               WHERE l.relation = t.oid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND p.pid <> pg_catalog.pg_backend_pid() \
               AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) LIMIT 1) AS builder \
             FROM pg_catalog.pg_class t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace AND c.relname = {name} \
             LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE t.oid = pg_catalog.to_regclass({table})",
            name = sql::text(index),
            table = sql::text(&table.quoted()),
        );
        let found = self.look(body, &query).await?;
        let Some(row) = found.first() else { return Ok(ProbeFact::Absent) };
        if !truth(row, "is_index") {
            return Ok(ProbeFact::Other { what: format!("`{index}` is there already and is no index") });
        }
        if !truth(row, "same_table") {
            let other = row.get("other").unwrap_or("another table");
            return Ok(ProbeFact::Other { what: format!("index `{index}` is there already, on `{other}`") });
        }
        if truth(row, "valid") {
            return Ok(ProbeFact::Done);
        }
        match row.get("builder") {
            Some(pid) => Err(Failure::new(
                FailureClass::Busy,
                format!("index `{index}` is being built just now by process {pid}"),
            )),
            None => Ok(ProbeFact::Garbage { what: format!("index `{index}` is not valid") }),
        }
    }

    async fn index_absent(&mut self, body: &Body, indexes: &[QualifiedName]) -> Result<ProbeFact, Failure> {
        let names: Vec<String> =
            indexes.iter().map(|index| format!("(pg_catalog.to_regclass({}))", sql::text(&index.quoted()))).collect();
        let query = format!("SELECT 1 FROM (VALUES {}) AS t(index) WHERE index IS NOT NULL", names.join(", "));
        let left = self.look(body, &query).await?;
        Ok(if left.is_empty() { ProbeFact::Done } else { ProbeFact::Absent })
    }

    /// The author's query: its first column is true once the statement is done.
    async fn author_query(&mut self, body: &Body, query: &str) -> Result<ProbeFact, Failure> {
        let query = query.trim().trim_end_matches(';');
        let found = self.look(body, query).await.map_err(|failure| Failure {
            message: format!("the probe of this statement failed: {}", failure.message),
            hint: Some("correct the line `-- dunlin: probe SELECT …`".to_owned()),
            ..failure
        })?;
        Ok(match found.first().and_then(|row| row.get(0)) {
            Some("t") => ProbeFact::Done,
            Some("f") | None if !found.is_empty() => ProbeFact::Absent,
            _ => ProbeFact::Unknown,
        })
    }
}
