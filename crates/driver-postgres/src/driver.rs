//! [`PostgresDriver`]: the driver of one target, generic over its [`Flavor`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::{Driver, JobWord, Paused, Session, UnderWay};
use dunlin_planner::{
    Adoption, Body, Digest, EnvironmentName, Expected, Failure, FailureClass, Health, JobRun, LaneKind, LedgerId,
    Listed, LiveJob, Log, LogEntry, Offers, Pausable, ProbeFact, ProjectName, Resumption, RunId, RunsUnder, Settlement,
    TargetFacts, TargetName,
};
use tokio_postgres::error::SqlState;

use crate::connect::Connector;
use crate::flavor::Flavor;
use crate::health::{self, Lines};
use crate::inspect::execute;
use crate::options::ConnectOptions;
use crate::session::PostgresSession;
use crate::{
    adopt, bootstrap, chain, crontab, deadline, inspect, listing, obligation, pressure, repair, replicas, sql,
};

/// Everything that a target's configuration says about reaching and using its database.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// How the database is reached.
    pub options: ConnectOptions,
    /// How it is reached past a pooler, for steps outside a transaction.
    pub direct: Option<ConnectOptions>,
    /// Whether a missing database is made.
    pub create: bool,
    /// The roles that migration bodies run under.
    pub roles: Vec<String>,
    /// After this long the server itself resumes what a run paused that shows no sign of life.
    pub deadline: Duration,
}

/// A run that was killed is most often followed by another one sooner.
const DEADLINE: Duration = Duration::from_mins(10);

impl PostgresSettings {
    /// Settings with nothing but the way to the database.
    #[must_use]
    pub fn new(options: ConnectOptions) -> Self {
        Self { options, direct: None, create: false, roles: Vec::new(), deadline: DEADLINE }
    }
}

/// The driver of a PostgreSQL database.
pub struct PostgresDriver {
    target: TargetName,
    flavor: Arc<dyn Flavor>,
    settings: PostgresSettings,
    main: Connector,
    long: Connector,
    /// Looks at what the others wait for, so that it takes none of their connections.
    outside: Connector,
}

impl PostgresDriver {
    /// Prepares the driver; connects nowhere yet.
    ///
    /// # Errors
    /// A [`Failure`] when TLS cannot be set up, such as an unreadable `sslrootcert`.
    pub fn new(target: TargetName, settings: PostgresSettings, flavor: Arc<dyn Flavor>) -> Result<Self, Failure> {
        let main = Connector::new(Arc::new(settings.options.clone()))?;
        let long = match &settings.direct {
            Some(direct) => Connector::new(Arc::new(direct.clone()))?,
            None => main.clone(),
        };
        let outside = Connector::new(Arc::new(settings.direct.as_ref().unwrap_or(&settings.options).clone()))?;
        Ok(Self { target, flavor, settings, main, long, outside })
    }

    /// The server's own database, from where a missing one can be seen and made.
    fn maintenance(&self) -> Result<Connector, Failure> {
        let options = self.settings.direct.as_ref().unwrap_or(&self.settings.options);
        Connector::new(Arc::new(options.with_database("postgres")))
    }

    fn is_missing(&self, failure: &Failure) -> bool {
        self.settings.create && failure.sqlstate.as_deref() == Some(SqlState::UNDEFINED_DATABASE.code())
    }

    async fn create_database(&self) -> Result<(), Failure> {
        let connection = self.maintenance()?.connect().await?;
        // Its ledger is what tells whether it is the same one later: it need not wait for a standby.
        execute(connection.client(), "SET synchronous_commit = local").await?;
        let statement = format!("CREATE DATABASE {}", sql::identifier(self.settings.options.database()));
        match execute(connection.client(), &statement).await {
            // Another run was quicker: by name, or by the name's entry in the catalog.
            Err(failure) if matches!(failure.sqlstate.as_deref(), Some("42P04" | "23505")) => Ok(()),
            created => created,
        }
    }

    fn without_jobs(&self) -> Failure {
        Failure::new(FailureClass::Rejected, format!("`{}` is no place of jobs", self.target))
    }

    /// A failure while reading or preparing leaves nothing undone that would have to be looked up.
    fn named(&self, failure: Failure) -> Failure {
        let class = if failure.class == FailureClass::Unknown { FailureClass::Unreachable } else { failure.class };
        Failure { class, ..failure }
    }
}

#[async_trait]
impl Driver for PostgresDriver {
    fn offers(&self) -> Offers {
        self.flavor.offers()
    }

    async fn inspect(&self, project: &ProjectName) -> Result<TargetFacts, Failure> {
        let has_direct = self.settings.direct.is_some();
        let inspected = match inspect::inspect(&self.main, &self.target, &*self.flavor, project, has_direct).await {
            Err(failure) if self.is_missing(&failure) => {
                let database = self.settings.options.database();
                let maintenance = self.maintenance()?;
                inspect::inspect_absent(&maintenance, database, &self.target, &*self.flavor, has_direct).await
            }
            inspected => inspected,
        };
        inspected.map_err(|failure| self.named(failure))
    }

    async fn bootstrap(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        let roles = &self.settings.roles;
        let made = match bootstrap::bootstrap(&self.main, environment, roles).await {
            Err(failure) if self.is_missing(&failure) => {
                self.create_database().await?;
                bootstrap::bootstrap(&self.main, environment, roles).await
            }
            made => made,
        };
        made.map_err(|failure| self.named(failure))
    }

    async fn timeline(&self) -> Result<Option<u32>, Failure> {
        inspect::timeline(&self.main).await.map_err(|failure| self.named(failure))
    }

    async fn replicated(&self) -> Result<(), Failure> {
        replicas::check(&self.main, &self.target).await.map_err(|failure| self.named(failure))
    }

    async fn examine(&self, under: &RunsUnder) -> Result<Health, Failure> {
        let lines = Lines { main: &self.main, direct: self.settings.direct.is_some().then_some(&self.long) };
        let examined = match health::examine(lines, &*self.flavor, under).await {
            Err(failure) if self.is_missing(&failure) => {
                let maintenance = self.maintenance()?;
                health::examine_absent(&maintenance, self.settings.options.database()).await
            }
            examined => examined,
        };
        examined.map_err(|failure| self.named(failure))
    }

    async fn session(&self, lane: LaneKind) -> Result<Box<dyn Session>, Failure> {
        let connector = match lane {
            LaneKind::Main => self.main.clone(),
            LaneKind::Long | LaneKind::Batch => self.long.clone(),
        };
        let session = PostgresSession::open(connector, self.outside.clone(), Arc::clone(&self.flavor), lane)
            .await
            .map_err(|failure| self.named(failure))?;
        Ok(Box::new(session))
    }

    async fn verify(&self, expected: &[Expected]) -> Result<Vec<ProbeFact>, Failure> {
        let (connector, flavor) = (self.main.clone(), Arc::clone(&self.flavor));
        let session = PostgresSession::open(connector, self.outside.clone(), flavor, LaneKind::Main).await;
        let mut session = session.map_err(|failure| self.named(failure))?;
        let mut facts = Vec::with_capacity(expected.len());
        for one in expected {
            facts.push(match session.promised(&one.settings, &one.promise).await {
                Err(failure) if failure.class == FailureClass::Rejected => ProbeFact::Unknown,
                fact => fact?,
            });
        }
        Ok(facts)
    }

    async fn listed(&self) -> Result<Vec<Listed>, Failure> {
        match self.flavor.listing() {
            Some(how) => listing::listed(&self.main, how).await.map_err(|failure| self.named(failure)),
            None => Ok(Vec::new()),
        }
    }

    async fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
        let connection = self.main.connect().await?;
        repair::settle(connection, project, settlement).await
    }

    async fn adopt(&self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure> {
        adopt::adopt(&self.main, project, adoption).await
    }

    async fn pause(&self, project: &ProjectName, run: &RunId, what: &[Pausable]) -> Result<Paused, Failure> {
        let Some(pausing) = self.flavor.pausing() else {
            return Err(Failure::new(FailureClass::Rejected, format!("nothing in `{}` can be paused", self.target)));
        };
        obligation::pause(&self.long, pausing, project, run, (what, self.settings.deadline)).await
    }

    async fn job_runs(&self, job: Option<u64>, most: u32) -> Result<Vec<JobRun>, Failure> {
        let Some(known) = self.flavor.crontab() else { return Ok(Vec::new()) };
        crontab::runs(&self.main, known, job, most).await.map_err(|failure| self.named(failure))
    }

    async fn say_of_job(&self, project: &ProjectName, job: &LiveJob, word: &JobWord) -> Result<(), Failure> {
        let Some(known) = self.flavor.crontab().zip(self.flavor.pausing()) else { return Err(self.without_jobs()) };
        crontab::say(&self.main, known, project, job, word).await
    }

    async fn run_job(&self, _project: &ProjectName, job: &LiveJob) -> Result<(), Failure> {
        if self.flavor.crontab().is_none() {
            return Err(self.without_jobs());
        }
        crontab::run_now(self.settings.direct.as_ref().unwrap_or(&self.settings.options), job).await
    }

    async fn under_way(&self, what: &[Pausable], paused: bool) -> Result<Vec<UnderWay>, Failure> {
        let Some(pausing) = self.flavor.pausing() else { return Ok(Vec::new()) };
        deadline::under_way(&self.main, pausing, what, paused).await
    }

    async fn resume(&self, project: &ProjectName, run: &RunId) -> Result<Vec<Resumption>, Failure> {
        obligation::resume(&self.main, self.flavor.pausing(), &self.target, project, run).await
    }

    async fn log(&self, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
        let connection = self.main.connect().await.map_err(|failure| self.named(failure))?;
        let lines = repair::log(connection.client(), project).await.map_err(|failure| self.named(failure))?;
        connection.give_back();
        Ok(lines)
    }

    async fn seal(&self, project: &ProjectName, run: Option<&RunId>) -> Result<Option<Digest>, Failure> {
        chain::seal(&self.main, project, run).await.map_err(|failure| self.named(failure))
    }

    async fn whole_log(&self) -> Result<Option<Log>, Failure> {
        chain::log(&self.main).await.map_err(|failure| self.named(failure))
    }

    async fn estimate(&self, body: &Body) -> Result<Option<u64>, Failure> {
        let Some(batch) = &body.batch else { return Ok(None) };
        let connection = self.main.connect().await?;
        let counted = pressure::count(connection.client(), body, &batch.table).await?;
        connection.give_back();
        Ok(counted)
    }
}
