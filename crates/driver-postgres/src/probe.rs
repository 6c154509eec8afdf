//! What the catalog shows of a statement that ran outside a transaction.

use std::time::Duration;

use dunlin_planner::{
    Body, Failure, FailureClass, IndexShape, Probe, ProbeFact, QualifiedName, Rebuilt, StatementClass,
};
use tokio_postgres::SimpleQueryRow;

use crate::messages;
use crate::rows::{rows, truth};
use crate::session::PostgresSession;
use crate::shape::There;
use crate::sql;

/// The longest look at the catalog, or by an author's query.
const LOOK: Duration = Duration::from_mins(1);

/// The process that builds an index on table `t` just now. Others' progress is hidden from most roles, their locks are not.
const BUILDER: &str = "(SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_locks l ON l.pid = p.pid \
    WHERE l.relation = t.oid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND p.pid <> pg_catalog.pg_backend_pid() \
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) LIMIT 1)";

/// The process that builds index `i` chunk by chunk just now: it has a lock on it for as long as that takes.
const CHUNK_BUILDER: &str = "(SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_locks l ON l.pid = p.pid \
    WHERE l.relation = i.indexrelid AND l.granted AND p.pid <> pg_catalog.pg_backend_pid() \
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) LIMIT 1)";

fn building(index: &str, pid: &str) -> Failure {
    Failure::new(FailureClass::Busy, format!("index `{index}` is being built just now by process {pid}"))
}

/// Whether table `t` is one that a REINDEX concerns: with its partitions, and with the tables that hold what is too long.
fn concerned(scope: &Rebuilt) -> String {
    let tables = match scope {
        Rebuilt::Database => return "true".to_owned(),
        Rebuilt::Schema(name) => format!(
            "SELECT r.oid FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace WHERE s.nspname = {}",
            sql::text(name)
        ),
        Rebuilt::Table(name) => tree(name),
        Rebuilt::Index(name) => {
            format!("SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid IN ({})", tree(name))
        }
    };
    format!(
        "(t.oid IN ({tables}) OR t.oid IN (SELECT h.reltoastrelid FROM pg_catalog.pg_class h WHERE h.oid IN ({tables})))"
    )
}

/// A table's oid as a key of advisory locks, which have a sign.
const TABLE_KEY: &str = "t.oid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4";

/// The table of a statement that waits for others, as a query; none where it is no such statement, or concerns many.
fn tables(body: &Body, index: usize) -> Option<String> {
    let StatementClass::Alone { probe, .. } = &body.statements[index].class else { return None };
    let relation =
        |name: &QualifiedName| format!("pg_catalog.to_regclass({})::pg_catalog.oid", sql::text(&name.quoted()));
    let of_index = |name: &QualifiedName| {
        format!("SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid = {}", relation(name))
    };
    match probe {
        Probe::IndexValid { table, .. }
        | Probe::ChunkIndex { table, .. }
        | Probe::Detached { table, .. }
        | Probe::Rebuilt(Rebuilt::Table(table)) => Some(format!("SELECT {}", relation(table))),
        Probe::IndexAbsent(names) => names.first().map(of_index),
        Probe::Rebuilt(Rebuilt::Index(name)) => Some(of_index(name)),
        _ => None,
    }
}

fn tree(name: &QualifiedName) -> String {
    let root = format!("pg_catalog.to_regclass({})", sql::text(&name.quoted()));
    format!(
        "SELECT {root}::pg_catalog.oid UNION ALL SELECT p.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree({root}) p"
    )
}

impl PostgresSession {
    pub(crate) async fn probe_statement(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        let StatementClass::Alone { probe, .. } = &body.statements[index].class else {
            return Ok(ProbeFact::Repeatable);
        };
        if let Some(fact) = probe.settled() {
            return Ok(fact);
        }
        match probe {
            Probe::IndexValid { index, table, shape } => {
                self.index_valid(body, (index, table), shape.as_ref(), BUILDER).await
            }
            Probe::ChunkIndex { index, table, shape } => {
                self.index_valid(body, (index, table), shape.as_ref(), CHUNK_BUILDER).await
            }
            Probe::Promised(promise) => self.promised(&body.settings, promise).await,
            Probe::Updated { extension, version } => self.updated(body, extension, version.as_deref()).await,
            Probe::IndexAbsent(indexes) => self.index_absent(body, indexes).await,
            Probe::Rebuilt(scope) => self.rebuilt(body, scope).await,
            Probe::Detached { table, partition } => self.detached(body, table, partition).await,
            Probe::EnumValue { name, value } => self.enum_value(body, name, value).await,
            Probe::DatabaseThere(name) => self.database_there(body, name).await,
            Probe::DatabaseGone(name) => self.database_gone(body, name).await,
            Probe::Query(query) => self.author_query(body, index, query).await,
            // No statement of PostgreSQL is judged by effects.
            Probe::Effects { .. } | Probe::Refreshed(_) | Probe::Repeat | Probe::Unknown | Probe::Piecemeal => {
                Ok(ProbeFact::Unknown)
            }
        }
    }

    /// Reads under the body's own settings, so that names mean what they mean in the body.
    pub(crate) async fn look(&mut self, body: &Body, query: &str) -> Result<Vec<SimpleQueryRow>, Failure> {
        let client = self.line_or_lost()?.connection.client();
        let limit = body.settings.timeout.filter(|limit| !limit.is_zero()).unwrap_or(LOOK).min(LOOK).as_millis();
        let message = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = {limit}; {} {query}; \
             RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; COMMIT",
            messages::body_settings(&body.settings, true)
        );
        match rows(client, &message).await {
            // `set_config` answers with a row of its own.
            Ok(found) => Ok(found
                .into_iter()
                .filter(|row| row.columns().first().is_none_or(|column| column.name() != "set_config"))
                .collect()),
            Err(error) => Err(self.left_by(&error).await),
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

    async fn index_valid(
        &mut self,
        body: &Body,
        (index, table): (&str, &QualifiedName),
        shape: Option<&IndexShape>,
        builder: &str,
    ) -> Result<ProbeFact, Failure> {
        let query = format!(
            "SELECT i.indexrelid IS NOT NULL AS is_index, i.indrelid = t.oid AS same_table, i.indisvalid AND i.indisready AS valid, \
             i.indrelid::pg_catalog.regclass AS other, t.relname AS table, \
             (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = t.relnamespace) AS schema, \
             {builder} AS builder FROM pg_catalog.pg_class t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace AND c.relname = {name} \
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
        let name = |name| row.get(name).unwrap_or_default();
        let there = There { index, schema: name("schema"), table: name("table"), is_valid: truth(row, "valid") };
        let what = match shape {
            Some(shape) => self.otherwise(body, &there, shape).await?,
            None => None,
        };
        match (what, row.get("builder")) {
            (Some(what), _) => Ok(ProbeFact::Other { what }),
            _ if truth(row, "valid") => Ok(ProbeFact::Done),
            (None, Some(pid)) => Err(building(index, pid)),
            (None, None) => Ok(ProbeFact::Garbage { what: format!("index `{index}` is not valid") }),
        }
    }

    async fn index_absent(&mut self, body: &Body, indexes: &[QualifiedName]) -> Result<ProbeFact, Failure> {
        let names: Vec<String> =
            indexes.iter().map(|index| format!("(pg_catalog.to_regclass({}))", sql::text(&index.quoted()))).collect();
        let query = format!("SELECT 1 FROM (VALUES {}) AS t(index) WHERE index IS NOT NULL", names.join(", "));
        let left = self.look(body, &query).await?;
        Ok(if left.is_empty() { ProbeFact::Done } else { ProbeFact::Absent })
    }

    /// What REINDEX CONCURRENTLY left behind, as schema and name.
    async fn leftovers(&mut self, body: &Body, scope: &Rebuilt) -> Result<Vec<(String, String)>, Failure> {
        let query = format!(
            "SELECT n.nspname AS schema, c.relname AS name, {BUILDER} AS builder FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND {} ORDER BY 1, 2",
            concerned(scope),
        );
        let found = self.look(body, &query).await?;
        let leftover = |row: &SimpleQueryRow| {
            let name = row.get("name").unwrap_or_default();
            match row.get("builder") {
                Some(pid) => Err(building(name, pid)),
                None => Ok((row.get("schema").unwrap_or_default().to_owned(), name.to_owned())),
            }
        };
        found.iter().map(leftover).collect()
    }

    async fn rebuilt(&mut self, body: &Body, scope: &Rebuilt) -> Result<ProbeFact, Failure> {
        let left = self.leftovers(body, scope).await?;
        if left.is_empty() {
            return Ok(ProbeFact::Repeatable);
        }
        let names: Vec<String> = left.iter().map(|(_, name)| format!("`{name}`")).collect();
        Ok(ProbeFact::Garbage { what: format!("an earlier rebuild left {}", names.join(", ")) })
    }

    async fn detached(
        &mut self,
        body: &Body,
        table: &QualifiedName,
        partition: &QualifiedName,
    ) -> Result<ProbeFact, Failure> {
        // The column came with 14, and the statement with it.
        let query = format!(
            "SELECT pg_catalog.to_jsonb(i) ->> 'inhdetachpending' AS pending FROM pg_catalog.pg_inherits i \
             WHERE i.inhrelid = pg_catalog.to_regclass({}) AND i.inhparent = pg_catalog.to_regclass({})",
            sql::text(&partition.quoted()),
            sql::text(&table.quoted()),
        );
        let found = self.look(body, &query).await?;
        Ok(match found.first().map(|row| row.get("pending")) {
            None => ProbeFact::Done,
            Some(Some("true")) => ProbeFact::Garbage { what: format!("`{partition}` is half detached") },
            Some(_) => ProbeFact::Absent,
        })
    }

    async fn enum_value(&mut self, body: &Body, name: &QualifiedName, value: &str) -> Result<ProbeFact, Failure> {
        let query = format!(
            "SELECT 1 FROM pg_catalog.pg_enum e WHERE e.enumtypid = pg_catalog.to_regtype({}) AND e.enumlabel = {}",
            sql::text(&name.quoted()),
            sql::text(value),
        );
        let found = self.look(body, &query).await?;
        Ok(if found.is_empty() { ProbeFact::Absent } else { ProbeFact::Done })
    }

    /// Whether a database is there, and whether an interrupted DROP has left it unusable.
    async fn database(&mut self, body: &Body, name: &str) -> Result<Option<bool>, Failure> {
        let name = sql::text(name);
        let query =
            format!("SELECT d.datconnlimit = -2 AS invalid FROM pg_catalog.pg_database d WHERE d.datname = {name}");
        Ok(self.look(body, &query).await?.first().map(|row| truth(row, "invalid")))
    }

    async fn database_there(&mut self, body: &Body, name: &str) -> Result<ProbeFact, Failure> {
        Ok(match self.database(body, name).await? {
            None => ProbeFact::Absent,
            Some(true) => {
                ProbeFact::Garbage { what: format!("database `{name}` is left of a DROP that was interrupted") }
            }
            Some(false) => ProbeFact::Done,
        })
    }

    async fn database_gone(&mut self, body: &Body, name: &str) -> Result<ProbeFact, Failure> {
        let left = self.database(body, name).await?;
        Ok(if left.is_some() { ProbeFact::Absent } else { ProbeFact::Done })
    }

    /// Takes the tables that a concurrent build works on, among all that run Dunlin: two builds on one table wait for each
    /// other, until one of them dies of it. False where another session has them.
    pub(crate) async fn take_tables(&mut self, body: &Body, index: usize) -> Result<bool, Failure> {
        let Some(tables) = tables(body, index) else { return Ok(true) };
        let take = |oid| format!("pg_catalog.pg_try_advisory_lock({}, {oid})", sql::TABLE_CLASS);
        let query = format!("SELECT {} AS taken FROM ({tables}) AS t(oid) WHERE t.oid IS NOT NULL", take(TABLE_KEY));
        let found = self.look(body, &query).await?;
        Ok(found.first().is_none_or(|row| truth(row, "taken")))
    }

    /// Gives them back; a connection that was lost has given them back already.
    pub(crate) async fn leave_tables(&mut self, body: &Body, index: usize) {
        if tables(body, index).is_none() {
            return;
        }
        let class = sql::TABLE_CLASS.cast_unsigned();
        let query = format!(
            "SELECT pg_catalog.pg_advisory_unlock({}, l.objid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4) \
             FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid() AND l.classid = {class}",
            sql::TABLE_CLASS
        );
        self.look(body, &query).await.ok();
    }

    /// The statements that remove, or complete, what is left of the statement at `index`.
    pub(crate) async fn clean_ups(&mut self, body: &Body, index: usize) -> Result<Vec<String>, Failure> {
        let drop_index = |schema: &str, name: &str| {
            format!("DROP INDEX CONCURRENTLY IF EXISTS {}.{}", sql::identifier(schema), sql::identifier(name))
        };
        let StatementClass::Alone { probe, .. } = &body.statements[index].class else { return Ok(Vec::new()) };
        Ok(match probe {
            Probe::IndexValid { index, table, .. } => {
                let schema = self.schema_of(body, table).await?;
                schema.iter().map(|schema| drop_index(schema, index)).collect()
            }
            Probe::ChunkIndex { index, table, .. } => {
                let schema = self.schema_of(body, table).await?;
                let drop = |schema: &String| {
                    format!("DROP INDEX IF EXISTS {}.{}", sql::identifier(schema), sql::identifier(index))
                };
                schema.iter().map(drop).collect()
            }
            Probe::Rebuilt(scope) => {
                let left = self.leftovers(body, scope).await?;
                left.iter().map(|(schema, name)| drop_index(schema, name)).collect()
            }
            Probe::Detached { table, partition } => {
                vec![format!("ALTER TABLE {} DETACH PARTITION {} FINALIZE", table.quoted(), partition.quoted())]
            }
            Probe::DatabaseThere(name) => vec![format!("DROP DATABASE IF EXISTS {}", sql::identifier(name))],
            _ => Vec::new(),
        })
    }
}
