//! What is used of what the server has.

use dunlin_planner::{Failure, Load, Room, Told, Used};
use tokio_postgres::SimpleQueryRow;

use crate::connect::CONNECTIONS;
use crate::health::asking::{Asking, number};

/// A limit of -1 is none. Superusers may take what is reserved, and count on it no more than others.
const LOAD: &str = "SELECT current_setting('max_connections')::int8 AS most, current_setting('superuser_reserved_connections')::int8 \
    + COALESCE(current_setting('reserved_connections', true), '0')::int8 AS reserved, \
    (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL) AS used, \
    r.rolconnlimit AS role_most, (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid) AS role_used, \
    d.datconnlimit AS database_most, (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND usesysid IS NOT NULL) AS database_used, \
    current_setting('max_locks_per_transaction')::int8 * (current_setting('max_connections')::int8 \
    + current_setting('max_prepared_transactions')::int8) AS locks, (SELECT count(*) FROM pg_locks WHERE NOT fastpath) AS locks_used \
    FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()";

const ROOM: &str = "SELECT pg_database_size(current_database()) AS size";

pub(crate) async fn load(asking: &Asking<'_>) -> Result<Told<Load>, Failure> {
    let read = |row: &SimpleQueryRow| {
        let most = number::<u64>(row, "most")?.saturating_sub(number(row, "reserved")?);
        let mut connections =
            vec![("the server's connections".to_owned(), Used { used: number(row, "used")?, of: most })];
        for (what, limit, used) in [
            ("the role's connections", "role_most", "role_used"),
            ("the database's connections", "database_most", "database_used"),
        ] {
            // Below zero is no limit.
            if let Some(of) = number::<u64>(row, limit) {
                connections.push((what.to_owned(), Used { used: number(row, used)?, of }));
            }
        }
        let locks = Used { used: number(row, "locks_used")?, of: number(row, "locks")? };
        Some(Load { connections, wanted: CONNECTIONS as u64, locks: Some(locks) })
    };
    asking.ask_one(LOAD, read).await
}

/// What is free where the files lie the server tells nobody.
pub(crate) async fn room(asking: &Asking<'_>) -> Result<Told<Room>, Failure> {
    asking.ask_one(ROOM, |row| Some(Room { size: number(row, "size")?, free: None })).await
}
