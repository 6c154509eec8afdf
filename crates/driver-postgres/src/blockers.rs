//! Who keeps a step waiting: a second connection looks, while the first one waits.
//!
//! A wait that ends with its lock timeout has been seen by then, because there are two looks within it. Nothing is asked of a
//! backend that does not wait, and a look that fails is left out: it is a help and no more.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use dunlin_driver::NoticeSink;
use dunlin_planner::{Failure, FailureClass, Notice};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::Connector;
use crate::rows::rows;
use crate::{replicas, sql};

/// How many are named.
const NAMED: usize = 3;
/// How much of a statement is quoted.
const QUOTED: usize = 60;
/// The longest pause between two looks at what may wait as long as it takes.
const PATIENT: Duration = Duration::from_secs(1);

/// Looks at the backend of one step.
pub(crate) struct Lookout {
    connector: Connector,
    /// The query for the backend's process id, which a pooler would hide.
    backend: String,
    every: Duration,
    notices: NoticeSink,
    /// Whether locks are told of too.
    tells: bool,
}

impl Lookout {
    /// Looks for the backend that holds the migration's advisory lock, every half `lock_timeout`. Tells `notices` of a commit
    /// that waits for a synchronous standby.
    pub(crate) fn new(connector: Connector, lock: i32, lock_timeout: Duration, notices: NoticeSink) -> Self {
        let backend = format!(
            "(SELECT l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = {} AND l.objid = {} AND l.granted \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1)",
            sql::LOCK_CLASS.cast_unsigned(),
            lock.cast_unsigned(),
        );
        let every = (lock_timeout / 2).max(Duration::from_millis(20));
        Self { connector, backend, every, notices, tells: false }
    }

    /// Tells who is in the way, and whenever it is somebody else: for what may wait as long as it takes, such as an index
    /// build. What is over by the second look shows in its failure.
    pub(crate) fn telling(self) -> Self {
        Self { tells: true, ..self }
    }

    /// Awaits `work`, and says who kept it waiting when it was last looked at.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> (T, Option<String>) {
        let mut seen = None;
        let done = {
            let (mut work, mut looking) = (pin!(work), pin!(self.look(&mut seen)));
            tokio::select! {
                biased;
                done = &mut work => done,
                () = &mut looking => work.await,
            }
        };
        (done, seen)
    }

    /// Looks until nobody asks any more.
    async fn look(&self, seen: &mut Option<String>) {
        tokio::time::sleep(self.every).await;
        let Ok(connection) = self.connector.connect().await else { return };
        let (mut every, mut told, mut commit) = (self.every, BTreeSet::new(), Commit::default());
        loop {
            let Ok(found) = blockers(connection.client(), &self.backend).await else { return };
            let again = seen.is_some();
            if let Some(Blockers { pids, words }) = found {
                if self.tells && again && told != pids {
                    (self.notices)(notice(&words));
                    told = pids;
                }
                *seen = Some(words);
            }
            let Ok(awaited) = replicas::awaited(connection.client(), &self.backend).await else { return };
            let waits = awaited.is_some();
            if let Some(names) = commit.is_due(awaited) {
                (self.notices)(replicas::waiting(&names));
            }
            tokio::time::sleep(every).await;
            if self.tells || waits {
                every = (every * 2).min(PATIENT);
            }
        }
    }
}

/// For how long a commit has waited for a synchronous standby.
#[derive(Default)]
struct Commit {
    since: Option<Instant>,
    told: bool,
}

impl Commit {
    /// The standbys, once for each time that it waits long.
    fn is_due(&mut self, awaited: Option<String>) -> Option<String> {
        if awaited.is_none() {
            *self = Self::default();
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let names = awaited.filter(|_| !self.told && since.elapsed() >= replicas::SOON)?;
        self.told = true;
        Some(names)
    }
}

fn notice(blockers: &str) -> Notice {
    let message = format!("waiting for lock: held by {blockers}");
    Notice { severity: "WARNING".to_owned(), message, detail: None, hint: None }
}

/// The failure of a wait that was given up, with those who were in the way.
pub(crate) fn named(failure: Failure, blockers: Option<&str>) -> Failure {
    let state = failure.sqlstate.as_deref().unwrap_or_default();
    let waited = [SqlState::LOCK_NOT_AVAILABLE.code(), SqlState::QUERY_CANCELED.code()].contains(&state);
    match blockers.filter(|_| waited && failure.class != FailureClass::Interrupted) {
        None => failure,
        Some(blockers) => Failure {
            message: format!("waiting for lock: held by {blockers}"),
            detail: Some(failure.message),
            ..failure
        },
    }
}

/// Those whom a backend waits for.
struct Blockers {
    pids: BTreeSet<String>,
    words: String,
}

/// Those whom the backend waits for; nothing where it does not wait.
async fn blockers(client: &Client, backend: &str) -> Result<Option<Blockers>, tokio_postgres::Error> {
    let query = format!(
        "SELECT b.pid, a.application_name AS application, a.usename AS role, a.state, \
         extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS age, a.query, a.backend_type AS type \
         FROM pg_catalog.pg_stat_activity w CROSS JOIN LATERAL pg_catalog.unnest(CASE WHEN w.wait_event_type = 'Lock' \
         THEN pg_catalog.pg_blocking_pids(w.pid) END) AS b(pid) LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid \
         WHERE w.pid = {backend} ORDER BY a.xact_start NULLS LAST"
    );
    let found = rows(client, &query).await?;
    let more = found.len().saturating_sub(NAMED);
    let mut words: Vec<_> = found.iter().take(NAMED).map(in_words).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    let pids = found.iter().filter_map(|row| row.get("pid")).map(str::to_owned).collect();
    Ok((!words.is_empty()).then(|| Blockers { pids, words: words.join(", ") }))
}

/// `pid 4711 (app `billing`, user app, idle in transaction for 12 s: UPDATE …)`.
fn in_words(row: &SimpleQueryRow) -> String {
    let said = |name: &str| row.get(name).filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    parts.extend(said("application").map(|name| format!("app `{name}`")));
    parts.extend(said("role").map(|role| format!("user {role}")));
    if said("application").is_none() && said("role").is_none() {
        parts.extend(said("type").map(str::to_owned));
    }
    let age = said("age").map(|age| format!(" for {age} s")).unwrap_or_default();
    parts.extend(said("state").map(|state| format!("{state}{age}")));
    // Others' statements are hidden from roles without `pg_read_all_stats`.
    let query = said("query").filter(|query| !query.starts_with('<')).map(|query| format!(": {}", shortened(query)));
    let pid = row.get("pid").filter(|pid| *pid != "0");
    let who = pid.map_or_else(|| "a prepared transaction".to_owned(), |pid| format!("pid {pid}"));
    if parts.is_empty() { who } else { format!("{who} ({}{})", parts.join(", "), query.unwrap_or_default()) }
}

pub(crate) fn shortened(query: &str) -> String {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}
