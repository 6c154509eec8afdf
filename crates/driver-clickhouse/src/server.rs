//! Which server answers, what it can do, and which database of it is meant.
//!
//! Releases differ in functions and settings more than in statements, so the server is asked for those that matter instead of
//! trusting a table of versions; only what cannot be asked for goes by the version.

use std::collections::BTreeSet;

use dunlin_planner::{Capabilities, Digest, Failure, FailureClass, Feature, Identity, ServerVersion, Timestamp};

use crate::http::{Ask, Http};
use crate::reply::Refused;
use crate::rows::{number, rows, text};
use crate::sql;

/// The oldest release that was tried.
const OLDEST: u32 = 181_600;

/// What has a name for `requires`, and the release since which it can be relied on.
const FEATURES: [(&str, u32); 6] = [
    ("skip-indexes", 200_100),
    ("rename-column", 200_400),
    ("access-control", 200_500),
    ("exchange-tables", 201_000),
    ("projections", 210_600),
    ("lightweight-delete", 230_300),
];

/// Functions and settings that are used where they are.
const FUNCTIONS: [&str; 3] = ["serverUUID", "currentUser", "toUnixTimestamp64Micro"];
const SETTINGS: [&str; 6] = [
    "async_insert",
    "mutations_sync",
    "alter_sync",
    "replication_alter_partitions_sync",
    "input_format_parallel_parsing",
    "lock_acquire_timeout",
];

/// A server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) version: u32,
    release: String,
    host: String,
    path: String,
    uuid: Option<String>,
    /// Who is logged in.
    pub(crate) user: String,
    known: BTreeSet<String>,
}

impl Server {
    pub(crate) async fn ask(http: &Http) -> Result<Self, Refused> {
        let named = |names: &[&str]| names.iter().map(|name| sql::text(name)).collect::<Vec<_>>().join(", ");
        let query = format!(
            "SELECT 'version' AS what, version() AS name UNION ALL SELECT 'host', hostName() \
             UNION ALL SELECT 'path', data_path FROM system.databases WHERE name = 'system' \
             UNION ALL SELECT 'known', name FROM system.functions WHERE name IN ({}) \
             UNION ALL SELECT 'known', name FROM system.settings WHERE name IN ({}) FORMAT JSONEachRow",
            named(&FUNCTIONS),
            named(&SETTINGS)
        );
        let mut server = Self {
            version: 0,
            release: String::new(),
            host: String::new(),
            path: String::new(),
            uuid: None,
            user: http.user().to_owned(),
            known: BTreeSet::new(),
        };
        for row in rows(&http.ask(Ask::own(query)).await?)? {
            let name = text(&row, "name");
            match text(&row, "what").as_str() {
                "version" => (server.version, server.release) = (version_number(&name), name),
                "host" => server.host = name,
                "path" => server.path = name,
                _ => drop(server.known.insert(name)),
            }
        }
        if server.version < OLDEST {
            let message =
                format!("ClickHouse {} is older than the oldest that Dunlin works with, 18.16", server.release);
            return Err(Refused::without_code(Failure::new(FailureClass::Rejected, message)));
        }
        server.ask_more(http).await?;
        Ok(server)
    }

    async fn ask_more(&mut self, http: &Http) -> Result<(), Refused> {
        if !self.knows("currentUser") {
            return Ok(());
        }
        let uuid = if self.knows("serverUUID") { "toString(serverUUID())" } else { "''" };
        let query = format!("SELECT currentUser() AS user, {uuid} AS uuid FORMAT JSONEachRow");
        if let Some(row) = rows(&http.ask(Ask::own(query)).await?)?.first() {
            self.user = text(row, "user");
            // An engine that is no server has one of zeros alone.
            self.uuid = Some(text(row, "uuid")).filter(|uuid| uuid.bytes().any(|byte| byte != b'0' && byte != b'-'));
        }
        Ok(())
    }

    /// Whether it has this function or setting.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// Its clock, in microseconds, as an expression; old servers tell seconds.
    pub(crate) fn now(&self) -> &'static str {
        if self.knows("toUnixTimestamp64Micro") {
            "toUnixTimestamp64Micro(now64(6))"
        } else {
            "toInt64(toUnixTimestamp(now())) * 1000000"
        }
    }

    /// Whether what it receives is handed on only a mebibyte at a time, as releases before 21.3 do.
    pub(crate) fn reads_by_the_mebibyte(&self) -> bool {
        self.version < 210_300
    }

    /// Whether the request may name a role (`role=…` in the URL).
    pub(crate) fn takes_roles(&self) -> bool {
        self.version >= 240_400
    }

    /// Whether all replicas of a cluster can be asked at once.
    pub(crate) fn asks_clusters(&self) -> bool {
        self.version >= 200_100
    }

    /// Which database `name` of it is. A server without a UUID does not tell who it is.
    pub(crate) fn identity(&self, name: &str, uuid: Option<&str>) -> Identity {
        let place = || format!("{}:{}", self.host, self.path);
        Identity {
            system: self.uuid.clone().unwrap_or_else(place),
            database: short(uuid.unwrap_or(name)).max(1),
            timeline: u32::from(self.uuid.is_some()),
        }
    }

    /// Stands for the moment of its start, which it tells too roughly: its host and the path of its data tell it from a copy.
    pub(crate) fn started(&self) -> Timestamp {
        Timestamp(i64::from(short(&format!("{}\0{}", self.host, self.path))))
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        let features = FEATURES.iter().filter(|(_, since)| self.version >= *since);
        Capabilities {
            server: format!("ClickHouse {}", self.release),
            version: ServerVersion(self.version),
            transactional_ddl: false,
            sessions: true,
            unknown: BTreeSet::new(),
            installed: BTreeSet::new(),
            features: features.map(|(name, _)| Feature((*name).to_owned())).collect(),
        }
    }
}

/// The first bytes of a digest: numbers of things that have only names.
fn short(text: &str) -> u32 {
    let Digest(bytes) = Digest::of(text.as_bytes());
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// `26.9.2.1` as 260902.
fn version_number(release: &str) -> u32 {
    let mut parts = release.split('.').map(|part| part.parse::<u32>().unwrap_or_default().min(99));
    let mut next = || parts.next().unwrap_or_default();
    next() * 10_000 + next() * 100 + next()
}

/// A database of a server, as its catalog lists it.
pub(crate) struct Found {
    /// Whether it is there.
    pub(crate) there: bool,
    /// Whether it has the tables of a ledger.
    pub(crate) ledger: bool,
    pub(crate) identity: Identity,
}

/// Looks for the target's database.
pub(crate) async fn find(http: &Http, server: &Server) -> Result<Found, Refused> {
    let uuid = if server.version >= 210_100 { "toString(uuid)" } else { "''" };
    let query = format!(
        "SELECT engine, {uuid} AS number, (SELECT count() FROM system.tables WHERE database = {name} AND name IN ('dunlin_event', 'dunlin_meta')) AS tables \
         FROM system.databases WHERE name = {name} FORMAT JSONEachRow",
        name = sql::text(http.database())
    );
    let found = rows(&http.ask(Ask::own(query)).await?)?;
    let own = found.first();
    let uuid = own
        .map(|row| text(row, "number"))
        .filter(|uuid| uuid.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0'));
    let mut identity = server.identity(http.database(), uuid.as_deref());
    if own.is_none() {
        identity.database = 0;
    }
    if own.is_some_and(|row| text(row, "engine") == "Replicated") {
        let message =
            format!("the database `{}` has the engine Replicated, and a ledger is one server's", http.database());
        let failure = Failure::new(FailureClass::Rejected, message);
        let hint =
            "let the target's URL name an Atomic database of one server; statements may say ON CLUSTER".to_owned();
        return Err(Refused::without_code(Failure { hint: Some(hint), ..failure }));
    }
    Ok(Found { there: own.is_some(), ledger: own.is_some_and(|row| number::<u64>(row, "tables") == 2), identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        for (release, number) in [("18.16.1", 181_601), ("26.9.2.1", 260_902), ("21.3", 210_300), ("x", 0)] {
            assert_eq!(version_number(release), number, "{release}");
        }
    }
}
