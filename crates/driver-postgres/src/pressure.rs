//! What a backfill asks the server about: how it bears the work, and how much of it there is.

use std::time::Duration;

use dunlin_planner::{Body, Failure, FailureClass, Pressure, QualifiedName};
use tokio_postgres::{Client, SimpleQueryRow};

use crate::rows::{begins_with, rows};
use crate::session::PostgresSession;
use crate::{failure, messages, sql};

/// A role that may not see it gets nulls.
const LAG: &str = "SELECT application_name AS who, (extract(epoch FROM replay_lag) * 1000)::int8 AS by \
    FROM pg_catalog.pg_stat_replication WHERE replay_lag IS NOT NULL ORDER BY replay_lag DESC LIMIT 1";

/// Only those that keep dead rows of this database from being cleaned up.
const OLDEST: &str = "SELECT pg_catalog.format('process %s (%s)', pid, application_name) AS who, \
    (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::int8 AS by FROM pg_catalog.pg_stat_activity \
    WHERE datname = current_database() AND backend_xmin IS NOT NULL AND xact_start IS NOT NULL AND pid <> pg_backend_pid() \
    ORDER BY xact_start LIMIT 1";

impl PostgresSession {
    pub(crate) async fn read_pressure(&mut self) -> Result<Pressure, Failure> {
        self.mark_interruptible();
        let client = self.line_or_lost()?.connection.client();
        let (lag, oldest) = (strain(client, LAG).await, strain(client, OLDEST).await);
        match (lag, oldest) {
            (Ok(lag), Ok(oldest)) => Ok(Pressure { lag, oldest }),
            (Err(error), _) | (_, Err(error)) => {
                let failure = self.failure(&error);
                if failure.class == FailureClass::Unknown {
                    self.hang_up();
                }
                Err(failure)
            }
        }
    }
}

async fn strain(client: &Client, query: &str) -> Result<Option<(String, Duration)>, tokio_postgres::Error> {
    let found = rows(client, query).await?;
    let read = |row: &SimpleQueryRow| {
        let by = row.get("by")?.parse().ok()?;
        Some((row.get("who")?.to_owned(), Duration::from_millis(by)))
    };
    Ok(found.first().and_then(read))
}

/// About how many rows the table has, with all of its partitions and chunks; none where it is not there, or where one of them
/// was never analysed.
pub(crate) async fn count(client: &Client, body: &Body, table: &QualifiedName) -> Result<Option<u64>, Failure> {
    let query = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE; SET LOCAL statement_timeout = '10s'; {} \
         WITH RECURSIVE part(oid) AS (SELECT pg_catalog.to_regclass({})::pg_catalog.oid \
         UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON i.inhparent = part.oid) \
         SELECT CASE WHEN bool_and(c.reltuples >= 0) THEN sum(c.reltuples)::pg_catalog.int8 END AS total \
         FROM part JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'r'; COMMIT",
        messages::body_settings(&body.settings, true),
        sql::text(&table.quoted()),
    );
    let found = rows(client, &query).await;
    if found.is_err() {
        client.batch_execute("ROLLBACK").await.ok();
    }
    let found = found.map_err(|error| failure::of(&error))?;
    Ok(found.iter().find(|row| begins_with(row, "total")).and_then(|row| row.get(0)?.parse().ok()))
}
