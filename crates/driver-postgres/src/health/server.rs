//! What the server is, and how it stands to others.

use std::time::{Duration, SystemTime};

use dunlin_planner::{ExtensionSeen, Failure, Freeze, Lag, Replication, ServerRole, Setting, Slot, StandbySeen, Told};
use tokio_postgres::SimpleQueryRow;

use crate::health::asking::{Asking, number, seconds, text};
use crate::rows::{one_row, truth};

pub(crate) const STANDS: &str = "SELECT pg_catalog.pg_is_in_recovery() AS standby, \
    pg_catalog.current_setting('default_transaction_read_only') AS read_only";

/// What is in the database, and what kinds of targets need.
const EXTENSIONS: &str = "SELECT name, default_version AS available, installed_version AS installed FROM pg_available_extensions \
    WHERE installed_version IS NOT NULL OR name IN ('timescaledb', 'pg_cron') ORDER BY name";

const PRELOADED: &str = "SELECT current_setting('shared_preload_libraries') AS libraries";

/// The lag of a standby is that of the last transaction it has seen: on a quiet primary that is no lag at all.
const REPLICATION: &str = "SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_standby_names') AS names, \
    current_setting('synchronous_commit') AS commit, CASE WHEN pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn() \
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::int8 END AS behind";

/// Roles without `pg_read_all_stats` see names and no more.
const STANDBYS: &str = "SELECT application_name AS name, sync_state, extract(epoch FROM replay_lag)::int8 AS behind, \
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::int8 END AS bytes \
    FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY application_name, pid";

const SLOTS: &str = "SELECT slot_name AS name, active, CASE WHEN NOT pg_is_in_recovery() \
    THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 END AS kept FROM pg_replication_slots ORDER BY slot_name";

/// As the connection began: this transaction has settings of its own.
const SETTINGS: &str = "SELECT name, reset_val AS value, unit FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', \
    'idle_in_transaction_session_timeout', 'transaction_timeout', 'idle_session_timeout') AND reset_val <> '0' ORDER BY name";

const FREEZE: &str = "SELECT age(datfrozenxid) AS transactions, mxid_age(datminmxid) AS multixacts, \
    current_setting('autovacuum') AS autovacuum FROM pg_database WHERE datname = current_database()";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now";

/// Whether the server takes writes.
pub(crate) async fn stands(asking: &Asking<'_>) -> Result<ServerRole, Failure> {
    Ok(role(&one_row(asking.0, STANDS).await?))
}

pub(crate) fn role(row: &SimpleQueryRow) -> ServerRole {
    match (truth(row, "standby"), row.get("read_only")) {
        (true, _) => ServerRole::Standby,
        (false, Some("on")) => ServerRole::ReadOnly,
        _ => ServerRole::Primary,
    }
}

pub(crate) async fn extensions(asking: &Asking<'_>) -> Result<Told<Vec<ExtensionSeen>>, Failure> {
    let read = |row: &SimpleQueryRow| {
        let installed = row.get("installed").map(str::to_owned);
        Some(ExtensionSeen { name: text(row, "name"), available: text(row, "available"), installed })
    };
    asking.ask_all(EXTENSIONS, read).await
}

pub(crate) async fn preloaded(asking: &Asking<'_>) -> Result<Told<Vec<String>>, Failure> {
    let name = |library: &str| {
        let library = library.trim().trim_matches('"');
        library.rsplit('/').next().unwrap_or(library).trim_end_matches(".so").to_owned()
    };
    asking.ask_one(PRELOADED, |row| Some(row.get("libraries")?.split(',').map(name).collect())).await
}

pub(crate) async fn replication(asking: &Asking<'_>) -> Result<Told<Replication>, Failure> {
    let own = asking.ask_one(REPLICATION, |row| {
        let lag = Lag { bytes: None, time: seconds(row, "behind") };
        let standby = truth(row, "standby").then_some(lag);
        let (names, commit) = (text(row, "names"), text(row, "commit"));
        Some(Replication { standby, names, commit, standbys: Vec::new(), slots: Vec::new() })
    });
    let mut replication = match own.await? {
        Told::Known(replication) => replication,
        other => return Ok(other),
    };
    let standby = |row: &SimpleQueryRow| {
        let lag = Lag { bytes: number(row, "bytes"), time: seconds(row, "behind") };
        let synchronous = row.get("sync_state").map(|state| matches!(state, "sync" | "quorum"));
        Some(StandbySeen { name: text(row, "name"), synchronous, lag })
    };
    if let Told::Known(standbys) = asking.ask_all(STANDBYS, standby).await? {
        replication.standbys = standbys;
    }
    let slot = |row: &SimpleQueryRow| {
        let kept = number(row, "kept").unwrap_or_default();
        Some(Slot { name: text(row, "name"), active: truth(row, "active"), kept })
    };
    if let Told::Known(slots) = asking.ask_all(SLOTS, slot).await? {
        replication.slots = slots;
    }
    Ok(Told::Known(replication))
}

pub(crate) async fn settings(asking: &Asking<'_>) -> Result<Told<Vec<Setting>>, Failure> {
    let read = |row: &SimpleQueryRow| {
        let (value, unit) = (text(row, "value"), text(row, "unit"));
        let time = number(row, "value").filter(|_| unit == "ms").map(Duration::from_millis);
        Some(Setting { name: text(row, "name"), value: format!("{value}{}", spaced(&unit)), time })
    };
    asking.ask_all(SETTINGS, read).await
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

pub(crate) async fn freeze(asking: &Asking<'_>) -> Result<Told<Freeze>, Failure> {
    let read = |row: &SimpleQueryRow| {
        let (transactions, multixacts) = (number(row, "transactions")?, number(row, "multixacts")?);
        Some(Freeze { transactions, multixacts, autovacuum: row.get("autovacuum") == Some("on") })
    };
    asking.ask_one(FREEZE, read).await
}

/// The middle of asking and being answered is when the server looked, about.
pub(crate) async fn clock(asking: &Asking<'_>) -> Result<Told<i64>, Failure> {
    let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let before = now();
    let told = asking.ask_one(CLOCK, |row| number::<i64>(row, "now")).await?;
    let here = i64::try_from(before.midpoint(now())).unwrap_or(i64::MAX);
    Ok(match told {
        Told::Known(there) => Told::Known(there.saturating_sub(here)),
        other => other,
    })
}
