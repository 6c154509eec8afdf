//! What `dunlin doctor` asks a ClickHouse server: system tables that anybody may read. Much of what keeps a PostgreSQL waiting is
//! not there; mutations that do not get on, and room on the disk, are.

use std::time::{Duration, SystemTime};

use dunlin_planner::{
    Direct, Encryption, Failure, Health, HostSeen, Line, Mutation, Room, Route, ServerRole, Told, Used, Verified,
};

use crate::http::{Ask, Http};
use crate::options::ConnectOptions;
use crate::reply::Refused;
use crate::rows::{Row, number, rows, text};
use crate::sql;

/// How much of a command is quoted.
const QUOTED: usize = 60;

pub(crate) async fn examine(http: &Http) -> Result<Health, Refused> {
    let here = sql::text(http.database());
    let first = one(http, "SELECT value AS readonly FROM system.settings WHERE name = 'readonly'").await?;
    let stands = if text(&first, "readonly") == "0" { ServerRole::Primary } else { ServerRole::ReadOnly };
    Ok(Health {
        hosts: vec![HostSeen { name: http.address(), answer: Ok(stands) }],
        line: Told::Known(line(http, http.options())),
        pooled: Told::Foreign,
        direct: Direct::None,
        extensions: Told::Foreign,
        preloaded: Told::Foreign,
        role: Told::Unknown("what a user may do shows only when it does it".to_owned()),
        replication: Told::Foreign,
        transactions: Told::Foreign,
        prepared: Told::Foreign,
        indexes: Told::Foreign,
        limits: Told::Foreign,
        room: told(room(http, &here).await),
        clock: told(clock(http).await),
        settings: Told::Foreign,
        freeze: Told::Foreign,
        mutations: told(mutations(http, &here).await),
        ..Health::default()
    })
}

fn told<T>(asked: Result<T, Refused>) -> Told<T> {
    match asked {
        Ok(value) => Told::Known(value),
        Err(Refused { failure: Failure { message, .. }, .. }) => Told::Unknown(message),
    }
}

async fn all(http: &Http, query: &str) -> Result<Vec<Row>, Refused> {
    rows(&http.ask(Ask::own(format!("{query} FORMAT JSONEachRow"))).await?)
}

async fn one(http: &Http, query: &str) -> Result<Row, Refused> {
    Ok(all(http, query).await?.into_iter().next().unwrap_or_default())
}

fn line(http: &Http, options: &ConnectOptions) -> Line {
    let host = options.host.trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let encryption = options.tls.as_ref().map(|tls| Encryption {
        version: "TLS".to_owned(),
        verified: if tls.verify { Verified::Name } else { Verified::Nothing },
    });
    Line { host: http.address(), way: if is_local { Route::Loopback } else { Route::Network }, encryption }
}

/// Old releases do not tell what is free.
async fn room(http: &Http, database: &str) -> Result<Room, Refused> {
    let query = format!("SELECT sum(bytes) AS size FROM system.parts WHERE active AND database = {database}");
    let size = number(&one(http, &query).await?, "size");
    let disks = one(http, "SELECT sum(free_space) AS free, sum(total_space) AS total FROM system.disks").await;
    let used = |row: Row| {
        let (free, of): (u64, u64) = (number(&row, "free"), number(&row, "total"));
        (of > 0).then(|| Used { used: of.saturating_sub(free), of })
    };
    Ok(Room { size, free: disks.ok().and_then(used) })
}

/// By the second, which is what old releases tell.
async fn clock(http: &Http) -> Result<i64, Refused> {
    let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let before = now();
    let there: i64 = number(&one(http, "SELECT toUInt64(toUnixTimestamp(now())) AS now").await?, "now");
    let here = i64::try_from(before.midpoint(now())).unwrap_or(i64::MAX);
    Ok(there.saturating_mul(1000).saturating_add(500).saturating_sub(here))
}

async fn mutations(http: &Http, database: &str) -> Result<Vec<Mutation>, Refused> {
    let query = |reason: &str| {
        format!(
            "SELECT table, mutation_id, command, toUInt64(now()) - toUInt64(create_time) AS age, {reason} AS trouble \
             FROM system.mutations WHERE database = {database} AND NOT is_done ORDER BY create_time"
        )
    };
    let found = match all(http, &query("latest_fail_reason")).await {
        Ok(found) => found,
        Err(_) => all(http, &query("''")).await?,
    };
    let mutation = |row: &Row| Mutation {
        table: text(row, "table"),
        id: text(row, "mutation_id"),
        command: shortened(&text(row, "command")),
        age: Duration::from_secs(number(row, "age")),
        trouble: Some(shortened(&text(row, "trouble"))).filter(|why| !why.is_empty()),
    };
    Ok(found.iter().map(mutation).collect())
}

fn shortened(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}
