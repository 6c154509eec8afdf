//! A lock that lives as long as a connection, on a server that has none.
//!
//! A lock is an INSERT that never ends: its identifier is the lock's name, and a server runs no two queries of one identifier
//! (`QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING`). The request's body stays open, with a row now and then into a table that keeps
//! nothing. When the client is gone, the server reads the end of the connection and ends the query, within milliseconds where the
//! client's machine still closes its connections. Where a machine vanished, it takes the server's `http_receive_timeout`: half a
//! minute by default, and half an hour before 21.3.
//!
//! What it guarantees, and from where: no two runs hold a name on one server at once (the server's list of processes). It does
//! not reach over several servers behind one name; there the ledger, which is one server's, tells the second run that it is not
//! at home. Whoever lost the lock without noticing is stopped by the ledger's attempts (see [`claim`](crate::claim)).
//!
//! That the lock is ours shows in the list of processes, which names a token of ours; no answer comes before the end.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use dunlin_planner::{Failure, FailureClass, Holder};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::http::{Ask, Http, SendBody};
use crate::reply::Refused;
use crate::rows::{Row, number, rows, text};
use crate::server::Server;
use crate::sql;

/// How often a row is sent; the default of `http_receive_timeout` is six times as long.
const BEAT: Duration = Duration::from_secs(5);
/// How long a request may stay unseen: a proxy may hold it back, or it was refused by a lock that is gone again.
const UNSEEN: Duration = Duration::from_secs(5);
/// How long the server may take to end it.
const ENDING: Duration = Duration::from_secs(5);

/// A lock that is held until it is dropped, or lost with its connection.
pub(crate) struct Lock {
    /// Dropped, it ends the request's body.
    end: Option<oneshot::Sender<Infallible>>,
    request: JoinHandle<Result<String, Refused>>,
}

impl Lock {
    /// Takes the lock, which has the name of a query.
    pub(crate) async fn take(http: &Http, server: &Server, name: &str, what: &str) -> Result<Self, Failure> {
        let token = uuid::Uuid::new_v4().to_string();
        let (end, ended) = oneshot::channel();
        let mut params: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: &str| params.push((name.to_owned(), value.to_owned()));
        set("query_id", name);
        set("database", http.database());
        // So that the statement is read before the body's end.
        set("max_query_size", "256");
        set("max_execution_time", "0");
        for setting in ["async_insert", "input_format_parallel_parsing"].into_iter().filter(|name| server.knows(name)) {
            set(setting, "0");
        }
        let padding = if server.reads_by_the_mebibyte() { 1 << 20 } else { 1 << 12 };
        let opening = format!("INSERT INTO dunlin_lock /* {token} */ FORMAT TSV\n{}\n", ".".repeat(padding));
        let (body, streaming) = (body(opening, ended), http.clone());
        let request = tokio::spawn(async move { streaming.stream(&params, body).await });
        let mut lock = Self { end: Some(end), request };
        let deadline = Instant::now() + UNSEEN;
        let mut pause = Duration::from_millis(2);
        while Instant::now() < deadline && lock.is_held() {
            match holder_row(http, name).await? {
                Some(row) if text(&row, "query").contains(&token) => return Ok(lock),
                Some(row) => {
                    lock.free().await;
                    let message = format!("{what} is held by {}", holder(&row));
                    return Err(Failure::new(FailureClass::Busy, message));
                }
                None => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        Err(lock.unseen(what).await)
    }

    /// Why the list of processes never showed it.
    async fn unseen(&mut self, what: &str) -> Failure {
        drop(self.end.take());
        match timeout(ENDING, &mut self.request).await {
            Ok(Ok(Err(refused))) if refused.code == Some(216) => {
                Failure::new(FailureClass::Busy, format!("{what} is held by another run"))
            }
            Ok(Ok(Err(refused))) => refused.failure,
            _ => {
                let message = format!("{what} cannot be locked: the server does not list the query that is to hold it");
                let hint = "no proxy between here and the server may hold back the body of a request; the user has to see its own queries in system.processes";
                Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Rejected, message) }
            }
        }
    }

    /// Whether the server still reads, as far as anybody knows.
    pub(crate) fn is_held(&self) -> bool {
        !self.request.is_finished()
    }

    /// Gives it back, and waits for the server to say so.
    pub(crate) async fn free(mut self) {
        drop(self.end.take());
        timeout(ENDING, &mut self.request).await.ok();
    }
}

/// What is sent first, and a row at every beat until `ended` is.
fn body(opening: String, ended: oneshot::Receiver<Infallible>) -> SendBody {
    let frame = |text: String| Ok::<_, Infallible>(Frame::data(Bytes::from(text)));
    let rows = stream::unfold((Some(opening), ended), move |(opening, mut ended)| async move {
        let text = match opening {
            Some(opening) => opening,
            None => match timeout(BEAT, &mut ended).await {
                Ok(_) => return None,
                Err(_) => ".\n".to_owned(),
            },
        };
        Some((frame(text), (None, ended)))
    });
    StreamBody::new(rows).boxed_unsync()
}

async fn holder_row(http: &Http, name: &str) -> Result<Option<Row>, Failure> {
    let query = format!(
        "SELECT query_id AS name, query, toUInt32(elapsed) AS seconds, http_user_agent AS agent FROM system.processes \
         WHERE query_id = {} FORMAT JSONEachRow",
        sql::text(name)
    );
    Ok(rows(&http.ask(Ask::own(query)).await?)?.into_iter().next())
}

/// Who holds which of the locks whose names begin with `prefix`.
pub(crate) async fn holders(http: &Http, prefix: &str) -> Result<Vec<(String, Holder)>, Refused> {
    let query = format!(
        "SELECT query_id AS name, toUInt32(elapsed) AS seconds, http_user_agent AS agent FROM system.processes \
         WHERE position(query_id, {}) = 1 FORMAT JSONEachRow",
        sql::text(prefix)
    );
    let found = rows(&http.ask(Ask::own(query)).await?)?;
    Ok(found.iter().map(|row| (text(row, "name"), holder(row))).collect())
}

/// The process of the client, as its requests say.
fn holder(row: &Row) -> Holder {
    let agent = text(row, "agent");
    let (application, pid) = agent.split_once(" (process ").unwrap_or((agent.as_str(), ""));
    let pid = pid.trim_end_matches(')').parse().unwrap_or_default();
    let application = if application.is_empty() { "unnamed" } else { application };
    Holder { pid, application: application.to_owned(), seconds: number(row, "seconds") }
}
