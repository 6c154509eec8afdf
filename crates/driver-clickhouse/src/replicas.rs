//! The catalog of one server, or of every replica of a cluster, as tables to select from.
//!
//! From 20.1 on `clusterAllReplicas` asks all of them; before that, `remote` does, at the addresses that the server lists, as the
//! user that it lists and without a password. A replica that does not answer is an error: then nobody knows.

use std::time::Duration;

use dunlin_planner::{Failure, FailureClass};

use crate::http::{Ask, Http};
use crate::reply::Refused;
use crate::rows::{Row, number, rows, text};
use crate::server::Server;
use crate::sql;

/// How long a replica may lag behind others before the step rests; one that was away has a queue to go through.
pub(crate) const LAG: Duration = Duration::from_secs(5);

/// Where a statement's effects are looked for.
pub(crate) enum Catalog {
    /// The server's own.
    Own,
    /// That of each replica.
    Replicas { cluster: String, addresses: Vec<String>, user: String, at_once: bool },
}

impl Catalog {
    /// The catalog for a statement that runs on `cluster`, or here alone.
    pub(crate) async fn of(http: &Http, server: &Server, cluster: Option<&str>) -> Result<Self, Failure> {
        let Some(cluster) = cluster else { return Ok(Self::Own) };
        let mut cluster = cluster.to_owned();
        if cluster.contains('{') {
            let macros = "SELECT macro, substitution FROM system.macros FORMAT JSONEachRow";
            for row in rows(&http.ask(Ask::own(macros)).await?)? {
                cluster = cluster.replace(&format!("{{{}}}", text(&row, "macro")), &text(&row, "substitution"));
            }
        }
        let query = format!(
            "SELECT host_name, toString(port) AS port, user FROM system.clusters WHERE cluster = {} \
             ORDER BY shard_num, replica_num FORMAT JSONEachRow",
            sql::text(&cluster)
        );
        let listed = rows(&http.ask(Ask::own(query)).await?)?;
        let Some(first) = listed.first() else {
            let failure = Failure::new(FailureClass::Rejected, format!("the server lists no cluster `{cluster}`"));
            let hint = "write the name of one that `SELECT DISTINCT cluster FROM system.clusters` lists".to_owned();
            return Err(Failure { hint: Some(hint), ..failure });
        };
        let user = text(first, "user");
        let addresses = listed.iter().map(address).collect();
        Ok(Self::Replicas { cluster, addresses, user, at_once: server.asks_clusters() })
    }

    /// How many have to show an effect.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Own => 1,
            Self::Replicas { addresses, .. } => addresses.len() as u64,
        }
    }

    /// What stands behind FROM for a system table's rows everywhere.
    pub(crate) fn table(&self, table: &str) -> String {
        match self {
            Self::Own => table.to_owned(),
            Self::Replicas { cluster, at_once: true, .. } => {
                format!("clusterAllReplicas({}, {table})", sql::text(cluster))
            }
            Self::Replicas { addresses, user, .. } => remote(&addresses.join(","), table, user),
        }
    }

    /// The same with a column `replica`, which tells the replicas apart; it is empty on one server.
    pub(crate) fn table_by_replica(&self, table: &str) -> String {
        match self {
            Self::Own => format!("(SELECT '' AS replica, * FROM {table})"),
            Self::Replicas { at_once: true, .. } => {
                format!("(SELECT toString(_shard_num) AS replica, * FROM {})", self.table(table))
            }
            Self::Replicas { addresses, user, .. } => {
                let each = addresses.iter().enumerate().map(|(index, address)| {
                    format!("SELECT '{}' AS replica, * FROM {}", index + 1, remote(address, table, user))
                });
                format!("({})", each.collect::<Vec<_>>().join(" UNION ALL "))
            }
        }
    }

    /// Asks; of a cluster, all or nobody.
    pub(crate) async fn ask(&self, http: &Http, query: String) -> Result<Vec<Row>, Failure> {
        let Self::Replicas { cluster, .. } = self else { return Ok(rows(&http.ask(Ask::own(query)).await?)?) };
        let found = everywhere(http, cluster, query).await?;
        // Before 20.1, the error of one that is away is lost now and then, as if it had no rows. Each has this one.
        let query = format!("SELECT count() AS replicas FROM {} FORMAT JSONEachRow", self.table("system.one"));
        let there = everywhere(http, cluster, query).await?.first().map_or(0, |row| number(row, "replicas"));
        if there < self.count() {
            return Err(away(cluster, format!("{there} of {} do", self.count())));
        }
        Ok(found)
    }

    /// What is said of an effect that is on some replicas, and not on others.
    pub(crate) fn lags(&self) -> Failure {
        let Self::Replicas { cluster, .. } = self else {
            return Failure::new(FailureClass::Busy, "the server has done a part of it");
        };
        let message = format!("not every replica of cluster `{cluster}` has done it yet");
        let hint = "it is awaited; see `system.distributed_ddl_queue` for what keeps a replica from it, and put that one right by hand";
        Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Busy, message) }
    }
}

async fn everywhere(http: &Http, cluster: &str, query: String) -> Result<Vec<Row>, Failure> {
    match http.ask(Ask::own(query).param("skip_unavailable_shards", "0")).await {
        Ok(answer) => Ok(rows(&answer)?),
        Err(Refused { code: Some(32 | 209 | 210 | 279 | 519), failure }) => {
            Err(away(cluster, failure.message.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        Err(refused) => Err(refused.failure),
    }
}

fn away(cluster: &str, detail: String) -> Failure {
    let message = format!("not every replica of cluster `{cluster}` answers");
    let hint = "what runs on a cluster is done when each replica shows it: bring the replica back, or take it out of the cluster";
    let failure = Failure::new(FailureClass::Unreachable, message);
    Failure { detail: Some(detail), hint: Some(hint.to_owned()), ..failure }
}

fn address(row: &Row) -> String {
    let host = text(row, "host_name");
    let port = text(row, "port");
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn remote(addresses: &str, table: &str, user: &str) -> String {
    format!("remote({}, {table}, {})", sql::text(addresses), sql::text(user))
}
