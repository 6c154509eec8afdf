//! A session: one connection that executes steps, and what is true of it between them.
//!
//! The connection is opened again when it was lost, at the beginning of the next step and nowhere else; whether that step has
//! happened already is then a matter of its claim.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::{BatchClaim, Canceller, Claim, NoticeSink, Session, StepTask};
use dunlin_planner::{BatchFacts, Body, Failure, FailureClass, LaneKind, Pressure, ProbeFact};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::blockers::{self, Lookout};
use crate::connect::{CancelRequest, Connection, Connector, locked};
use crate::flavor::Flavor;
use crate::ranges::Ranges;
use crate::rows::{field, one_row};
use crate::{failure, messages};

/// One lane's connection to a PostgreSQL database.
pub(crate) struct PostgresSession {
    connector: Connector,
    /// The kind of database.
    pub(crate) flavor: Arc<dyn Flavor>,
    /// Another way to the same database, for looking at this session's backend.
    outside: Connector,
    lane: LaneKind,
    line: Option<Line>,
    brake: Arc<Brake>,
    /// Something was sent whose end nobody has seen: the caller dropped the future that waited for it.
    pub(crate) in_flight: bool,
    /// Who kept the last work waiting, when it was last looked at.
    pub(crate) blockers: Option<String>,
    /// The step that is claimed statement by statement.
    pub(crate) claimed: Option<Claimed>,
}

/// A claimed step: the key of its session lock, and the attempt that fences its writes.
pub(crate) struct Claimed {
    pub(crate) lock: i32,
    pub(crate) attempt: u32,
    /// Where a backfill goes on.
    pub(crate) ranges: Option<Ranges>,
    pub(crate) notices: NoticeSink,
}

/// An open connection and what is known of its server.
pub(crate) struct Line {
    pub(crate) connection: Connection,
    /// Statements may land on different backends: nothing may be left in the session.
    pub(crate) pooled: bool,
    /// The server can notice by itself that its client is gone.
    pub(crate) watches_client: bool,
    /// It leads to a server that takes no writes: the name may lead elsewhere by the next attempt.
    unfit: AtomicBool,
}

/// Stops what a session is doing.
#[derive(Default)]
struct Brake {
    token: Mutex<Option<CancelRequest>>,
    pulled: AtomicBool,
    /// What runs now is short and has to end by itself: cancel requests are not passed on.
    shielded: AtomicBool,
}

#[async_trait]
impl Canceller for Brake {
    async fn cancel(&self) {
        self.pulled.store(true, Ordering::SeqCst);
        let token = locked(&self.token).clone().filter(|_| !self.shielded.load(Ordering::SeqCst));
        if let Some(token) = token {
            tokio::time::timeout(Duration::from_secs(5), token.cancel()).await.ok();
        }
    }
}

impl PostgresSession {
    pub(crate) async fn open(
        connector: Connector,
        outside: Connector,
        flavor: Arc<dyn Flavor>,
        lane: LaneKind,
    ) -> Result<Self, Failure> {
        let mut session = Self {
            connector,
            flavor,
            outside,
            lane,
            line: None,
            brake: Arc::default(),
            in_flight: false,
            blockers: None,
            claimed: None,
        };
        session.line().await?;
        Ok(session)
    }

    /// The connection for the next step, opened again where it was lost; from here on a cancel request counts.
    pub(crate) async fn line(&mut self) -> Result<&Line, Failure> {
        self.mark_interruptible();
        if self.in_flight {
            self.hang_up();
        }
        if self.line.as_ref().is_none_or(|line| line.connection.client().is_closed()) {
            self.line = None;
            self.claimed = None;
            let line = Line::open(&self.connector, self.lane).await?;
            *locked(&self.brake.token) = Some(line.connection.cancel_request());
            self.line = Some(line);
        }
        Ok(self.line.as_ref().expect("it was opened just now"))
    }

    /// The connection, where it was not lost.
    pub(crate) fn line_or_lost(&self) -> Result<&Line, Failure> {
        self.line.as_ref().ok_or_else(|| Failure::new(FailureClass::Unknown, "the connection of this step was lost"))
    }

    /// The connection, for something that must be awaited to its end.
    pub(crate) fn begin_work(&mut self) -> Result<&Line, Failure> {
        self.line_or_lost()?;
        (self.in_flight, self.blockers) = (true, None);
        self.line_or_lost()
    }

    /// Somebody who looks at what this session's backend waits for.
    pub(crate) fn lookout(&self, lock: i32, task: &StepTask<'_>) -> Lookout {
        let timeout = messages::lock_timeout(&task.step.body.settings);
        Lookout::new(self.outside.clone(), lock, timeout, task.notices.clone())
    }

    /// Another way to the same database.
    pub(crate) fn outside(&self) -> &Connector {
        &self.outside
    }

    /// Whether a cancel request came since the last thing was begun that may be cancelled.
    pub(crate) fn is_stopped(&self) -> bool {
        self.brake.pulled.load(Ordering::SeqCst)
    }

    /// What was sent has come to its end.
    pub(crate) fn end_work(&mut self) {
        self.in_flight = false;
        if let Some(line) = &self.line {
            line.listen(None);
        }
    }

    /// From here on a cancel request counts.
    pub(crate) fn mark_interruptible(&self) {
        self.brake.pulled.store(false, Ordering::SeqCst);
    }

    /// Whether cancel requests are kept from what runs now.
    pub(crate) fn shield(&self, on: bool) {
        self.brake.shielded.store(on, Ordering::SeqCst);
    }

    /// The connection of a claimed step: it must not be opened again half way.
    pub(crate) fn held(&self) -> Result<(&Line, &Claimed), Failure> {
        let unclaimed = || Failure::new(FailureClass::Unknown, "this step's claim was lost with its connection");
        let claimed = self.claimed.as_ref().filter(|_| !self.in_flight);
        Ok((self.line_or_lost()?, claimed.ok_or_else(unclaimed)?))
    }

    /// The connection is of no more use.
    pub(crate) fn hang_up(&mut self) {
        (self.claimed, self.in_flight) = (None, false);
        *locked(&self.brake.token) = None;
        if let Some(line) = self.line.take() {
            line.connection.listen(None);
        }
    }

    /// The failure that an error is, for this session.
    pub(crate) fn failure(&self, error: &tokio_postgres::Error) -> Failure {
        let failure = blockers::named(self.perhaps_interrupted(failure::of(error)), self.blockers.as_deref());
        if let Some(line) = self.line.as_ref().filter(|_| failure.class == FailureClass::Unreachable) {
            line.unfit.store(true, Ordering::SeqCst);
        }
        failure
    }

    pub(crate) fn perhaps_interrupted(&self, failure: Failure) -> Failure {
        // Cancelled after our own request it was interrupted; otherwise its time was up, or somebody else cancelled it.
        let cancelled = failure.sqlstate.as_deref() == Some(SqlState::QUERY_CANCELED.code());
        if !cancelled || !self.is_stopped() {
            return failure;
        }
        Failure { class: FailureClass::Interrupted, hint: None, ..failure }
    }

    /// Leaves whatever transaction is open, so that the connection can be used again; gives it up where that fails.
    pub(crate) async fn settle(&mut self) -> bool {
        let Some(line) = &self.line else { return false };
        // In one message: behind a pooler the next one may reach another session.
        if !in_spite_of_cancels(line.connection.client(), &format!("ROLLBACK; {}", line.shed())).await {
            self.hang_up();
            return false;
        }
        self.rinse().await;
        true
    }

    /// The failure that an error is, with whatever it left open closed behind it; where the session is of no more use, what it did
    /// is in doubt.
    pub(crate) async fn left_by(&mut self, error: &tokio_postgres::Error) -> Failure {
        let failure = self.failure(error);
        if self.settle().await { failure } else { Failure { class: FailureClass::Unknown, ..failure } }
    }

    /// Washes off what a body that left its transaction may have set, unless a session lock would go with it.
    async fn rinse(&mut self) {
        let Some(line) = &self.line else { return };
        let rinse = !line.pooled && self.claimed.is_none();
        if rinse && line.connection.client().batch_execute("DISCARD ALL").await.is_err() {
            self.hang_up();
        }
    }
}

/// Runs a text that waits for nothing; a late cancel request can still hit it.
pub(crate) async fn in_spite_of_cancels(client: &Client, text: &str) -> bool {
    for _ in 0..5 {
        match client.batch_execute(text).await {
            Ok(()) => return true,
            Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
            Err(_) => return false,
        }
    }
    false
}

impl Line {
    /// What a transaction does in the end for whoever gets its session next.
    pub(crate) fn shed(&self) -> &'static str {
        if self.pooled { messages::SHED } else { "" }
    }

    async fn open(connector: &Connector, lane: LaneKind) -> Result<Self, Failure> {
        let connection = connector.connect().await?;
        let query = "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num') AS number, \
                     pg_catalog.version() AS version";
        let row = one_row(connection.client(), query).await?;
        let pooled = field::<i32>(&row, "pid")? != connection.startup_pid;
        if pooled && lane == LaneKind::Long {
            let message = format!(
                "{} is a connection pooler, and steps outside a transaction need a session of their own",
                connector.options()
            );
            let hint = "give the target a `direct_url` that goes past the pooler".to_owned();
            return Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) });
        }
        let watches_client = can_watch_client(row.get("version").unwrap_or_default(), field(&row, "number")?);
        Ok(Self { connection, pooled, watches_client, unfit: AtomicBool::default() })
    }

    pub(crate) fn listen(&self, sink: Option<NoticeSink>) {
        self.connection.listen(sink);
    }
}

/// Whether a server can notice that its client is gone: the setting exists everywhere from 14 on, and is refused where the
/// system cannot tell.
fn can_watch_client(version: &str, number: u32) -> bool {
    version.contains("linux") && number >= 140_000
}

impl Drop for PostgresSession {
    /// A connection that still holds a lock or has worked outside transactions does not go back to the pool.
    fn drop(&mut self) {
        let clean = self.lane == LaneKind::Main && self.claimed.is_none() && !self.in_flight;
        if let Some(line) = self.line.take().filter(|line| clean && !line.unfit.load(Ordering::SeqCst)) {
            line.connection.give_back();
        }
    }
}

#[async_trait]
impl Session for PostgresSession {
    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::clone(&self.brake) as Arc<dyn Canceller>
    }

    async fn apply(&mut self, task: &StepTask<'_>) -> Result<bool, Failure> {
        let done = self.apply_whole(task).await?;
        self.replicated(task, done).await
    }

    async fn claim(&mut self, task: &StepTask<'_>) -> Result<Claim, Failure> {
        let claim = self.claim_alone(task).await?;
        if claim == Claim::AlreadyDone {
            self.replicated(task, false).await?;
        }
        Ok(claim)
    }

    async fn probe(&mut self, body: &Body, index: usize) -> Result<ProbeFact, Failure> {
        self.probe_statement(body, index).await
    }

    async fn intend(&mut self, task: &StepTask<'_>, index: usize, seen: &ProbeFact) -> Result<(), Failure> {
        self.write_intent(task, index, seen).await
    }

    async fn clean(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.clean_up(task, index).await
    }

    async fn execute(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.execute_alone(task, index).await
    }

    async fn execute_recorded(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.execute_in_transaction(task, index).await
    }

    async fn advance(&mut self, task: &StepTask<'_>, index: usize) -> Result<(), Failure> {
        self.write_progress(task, index).await
    }

    async fn claim_batches(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure> {
        let claim = self.claim_ranges(task, size).await?;
        if claim == BatchClaim::AlreadyDone {
            self.replicated(task, false).await?;
        }
        Ok(claim)
    }

    async fn batch(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure> {
        let facts = self.run_range(task, size).await?;
        if facts.last {
            self.replicated(task, true).await?;
        }
        Ok(facts)
    }

    async fn pressure(&mut self) -> Result<Pressure, Failure> {
        self.read_pressure().await
    }

    async fn finish(&mut self, task: &StepTask<'_>) -> Result<(), Failure> {
        self.write_finish(task).await?;
        self.replicated(task, true).await.map(drop)
    }

    async fn release(&mut self) {
        self.give_back().await;
    }
}

#[cfg(test)]
mod tests {
    use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home};
    use tokio_postgres::{NoTls, SimpleQueryMessage};

    use super::*;

    async fn connect(server: &Cluster) -> Client {
        let (client, connection) = tokio_postgres::connect(&server.url("postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn value(client: &Client, query: &str) -> String {
        let answer = client.simple_query(query).await.unwrap();
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        row.unwrap_or_default().to_owned()
    }

    #[test]
    fn a_server_notices_that_its_client_is_gone_where_it_can() {
        let on =
            |system: &str, number| can_watch_client(&format!("PostgreSQL on x86_64-pc-{system}, compiled by"), number);
        assert!(on("linux-gnu", 140_000) && on("linux-musl", 170_012));
        assert!(!on("linux-gnu", 130_022) && !on("mingw64", 170_012));
    }

    /// A request that comes late hits whatever runs by then. What is refused for another reason would be refused again.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_late_cancel_request_is_survived() {
        let home = Home::new(Home::default_dir());
        let linger = Duration::from_secs(30);
        let spec = ClusterSpec { linger, ..ClusterSpec::named(home, Flavour::Full, "driver-tests") };
        let server = Cluster::start(&spec, &|_| {}).unwrap();
        let (client, other) = (connect(&server).await, connect(&server).await);
        client.batch_execute("CREATE TEMP SEQUENCE tried").await.unwrap();
        let pid = value(&client, "SELECT pg_backend_pid()").await;
        let cancel = async {
            let sleeps = format!(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'"
            );
            while value(&other, &sleeps).await != "t" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let text = "SELECT nextval('tried'); SELECT pg_sleep(0.5)";
        let (done, ()) = tokio::join!(in_spite_of_cancels(&client, text), cancel);
        assert!(done);
        assert_eq!(value(&client, "SELECT last_value FROM tried").await, "2");

        assert!(!in_spite_of_cancels(&client, "SELECT nextval('tried'); SELECT 1/0").await);
        assert_eq!(value(&client, "SELECT last_value FROM tried").await, "3");
        client.batch_execute("SET statement_timeout = 100").await.unwrap();
        assert!(!in_spite_of_cancels(&client, text).await, "it is not tried for ever");
        assert_eq!(value(&client, "SELECT last_value FROM tried").await, "8");
    }
}
