//! What others do in the database, and what they left there.

use dunlin_planner::{Failure, InvalidIndex, LongTransaction, Prepared, Told, Transactions};
use tokio_postgres::SimpleQueryRow;

use crate::blockers::shortened;
use crate::health::asking::{Asking, number, seconds, text};
use crate::rows::truth;

/// Other people's transactions are told to members of `pg_read_all_stats`; to others, that there are connections.
/// A vacuum against wraparound does not give way as others do.
const TRANSACTIONS: &str = "SELECT a.pid, a.usename AS role, a.application_name AS application, \
    COALESCE(NULLIF(a.state, ''), a.backend_type) AS state, a.query, extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS age, \
    (SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted \
    AND l.database = a.datid AND l.relation >= 16384) AS locks, \
    a.state IS NULL AND a.backend_type IS NULL AS hidden FROM pg_stat_activity a \
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND (a.backend_type IS NULL OR \
    a.xact_start IS NOT NULL AND (a.backend_type = 'client backend' \
    OR a.backend_type = 'autovacuum worker' AND a.query LIKE '%to prevent wraparound%')) ORDER BY a.xact_start NULLS LAST, a.pid";

const PREPARED: &str = "SELECT gid, owner AS role, extract(epoch FROM clock_timestamp() - prepared)::int8 AS age \
    FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared, gid";

/// One of a partitioned table waits for those of its partitions. What is being built holds this lock on its table.
const INDEXES: &str = "SELECT format('%I.%I', n.nspname, c.relname) AS name, format('%I.%I', tn.nspname, t.relname) AS of, \
    EXISTS (SELECT FROM pg_locks l WHERE l.relation = i.indrelid AND l.granted AND l.mode = 'ShareUpdateExclusiveLock' \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS building \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1";

pub(crate) async fn transactions(asking: &Asking<'_>) -> Result<Told<Transactions>, Failure> {
    let read = |row: &SimpleQueryRow| {
        Some(LongTransaction {
            pid: number(row, "pid")?,
            application: text(row, "application"),
            role: text(row, "role"),
            state: text(row, "state"),
            age: seconds(row, "age")?,
            query: shortened(row.get("query").filter(|query| !query.starts_with('<')).unwrap_or_default()),
            locks: number(row, "locks").unwrap_or_default(),
        })
    };
    let all = |found: &[SimpleQueryRow]| {
        let (hidden, seen): (Vec<_>, Vec<_>) = found.iter().partition(|row| truth(row, "hidden"));
        let open = seen.into_iter().filter_map(read).collect();
        Some(Transactions { open, hidden: u32::try_from(hidden.len()).unwrap_or(u32::MAX) })
    };
    asking.ask(TRANSACTIONS, all).await
}

pub(crate) async fn prepared(asking: &Asking<'_>) -> Result<Told<Vec<Prepared>>, Failure> {
    let read = |row: &SimpleQueryRow| {
        Some(Prepared { gid: text(row, "gid"), role: text(row, "role"), age: seconds(row, "age")? })
    };
    asking.ask_all(PREPARED, read).await
}

pub(crate) async fn indexes(asking: &Asking<'_>) -> Result<Told<Vec<InvalidIndex>>, Failure> {
    let read = |row: &SimpleQueryRow| {
        Some(InvalidIndex { name: text(row, "name"), table: text(row, "of"), building: truth(row, "building") })
    };
    asking.ask_all(INDEXES, read).await
}
