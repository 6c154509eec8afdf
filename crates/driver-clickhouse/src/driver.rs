//! [`ClickHouseDriver`]: the driver of one target.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::{Driver, Paused, Session};
use dunlin_planner::{
    Adoption, Body, EnvironmentName, Failure, FailureClass, Health, Identity, LaneKind, Ledger, LedgerId, LogEntry,
    Offers, Pausable, PauseFacts, ProjectName, Resumption, RunId, RunsUnder, Settlement, TargetFacts, TargetName,
};
use tokio::time::{Instant, sleep};

use crate::event::write_meta;
use crate::http::{Ask, Http};
use crate::ledger::{self, Meta};
use crate::lock::Lock;
use crate::offers::OFFERS;
use crate::options::ConnectOptions;
use crate::server::{self, Found, Server};
use crate::session::ClickHouseSession;
use crate::{health, repair, sql, tables, trust};

/// How long another run that makes the same ledger is waited for.
const MAKING: Duration = Duration::from_secs(30);

/// Everything that a target's configuration says about reaching and using its database.
#[derive(Debug, Clone)]
pub struct ClickHouseSettings {
    /// How the database is reached.
    pub options: ConnectOptions,
    /// Whether a missing database is made.
    pub create: bool,
}

/// The driver of a ClickHouse database.
pub struct ClickHouseDriver {
    target: TargetName,
    http: Http,
    create: bool,
}

impl ClickHouseDriver {
    /// Prepares the driver; connects nowhere yet.
    ///
    /// # Errors
    /// A [`Failure`] when TLS cannot be set up, such as an unreadable `sslrootcert`.
    pub fn new(target: TargetName, settings: ClickHouseSettings) -> Result<Self, Failure> {
        Ok(Self { target, http: Http::new(Arc::new(settings.options))?, create: settings.create })
    }

    /// The database is there, or may be made.
    fn check_database(&self, there: bool) -> Result<(), Failure> {
        if there || self.create {
            return Ok(());
        }
        let message = format!("the server has no database `{}`", self.http.database());
        let hint = "let the target's URL name another one, or say `create = true` for it to be made".to_owned();
        Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) })
    }

    /// The server and the database, whose ledger can be trusted where it has one.
    async fn look(&self) -> Result<(Server, Found), Failure> {
        let server = Server::ask(&self.http).await?;
        let found = server::find(&self.http, &server).await?;
        self.check_database(found.there)?;
        if found.ledger {
            trust::check(&self.http, &server).await?;
        }
        Ok((server, found))
    }

    async fn facts(&self, project: &ProjectName) -> Result<TargetFacts, Failure> {
        let (server, found) = self.look().await?;
        let ledger = if found.ledger { ledger::read(&self.http, project).await? } else { Ledger::Absent };
        Ok(TargetFacts {
            target: self.target.clone(),
            identity: found.identity,
            started: server.started(),
            standby: false,
            capabilities: server.capabilities(),
            ledger,
            pausing: PauseFacts::default(),
            database: self.http.database().to_owned(),
            jobs: None,
        })
    }

    async fn make(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        let (server, found) = self.look().await?;
        if !found.there {
            let statement = format!("CREATE DATABASE IF NOT EXISTS {}", sql::identifier(self.http.database()));
            self.http.ask(Ask::own(statement)).await?;
        }
        let now = server::find(&self.http, &server).await?.identity;
        if let Some(meta) = ledger::meta(&self.http).await? {
            check(&meta, environment, &now)?;
            if meta.born.is_some() == now.is_known() && meta.environment.as_ref() == environment {
                return Ok(meta.id);
            }
        }
        for statement in tables::statements(&server) {
            self.http.ask(Ask::ledger(statement)).await?;
        }
        let lock = self.locked(&server).await?;
        let made = self.write(&server, environment, &now).await;
        lock.free().await;
        made
    }

    async fn locked(&self, server: &Server) -> Result<Lock, Failure> {
        let deadline = Instant::now() + MAKING;
        loop {
            match Lock::take(&self.http, server, &repair::making(&self.http), "the ledger").await {
                Err(failure) if failure.class == FailureClass::Busy && Instant::now() < deadline => {
                    sleep(Duration::from_millis(50)).await;
                }
                ended => return ended,
            }
        }
    }

    async fn write(
        &self,
        server: &Server,
        environment: Option<&EnvironmentName>,
        now: &Identity,
    ) -> Result<LedgerId, Failure> {
        let born = Some(now).filter(|now| now.is_known());
        let (id, values) = match ledger::meta(&self.http).await? {
            Some(meta) => {
                check(&meta, environment, now)?;
                if meta.born.as_ref() == born && meta.environment.as_ref() == environment {
                    return Ok(meta.id);
                }
                (meta.id.clone(), repair::next(&meta, &meta.id, born, environment))
            }
            None => {
                let id = repair::fresh_id()?;
                let mut values = repair::stamped(&id, born, environment);
                values.push(("n", "1".to_owned()));
                (id, values)
            }
        };
        write_meta(&self.http, server, &values).await?;
        Ok(id)
    }
}

/// Refuses a ledger of another environment, or one that was made in another database.
fn check(meta: &Meta, environment: Option<&EnvironmentName>, now: &Identity) -> Result<(), Failure> {
    meta.environment.as_ref().map_or(Ok(()), |stamped| stamped.admits(environment))?;
    now.recognise(meta.born.as_ref()).map(|_| ())
}

/// While reading or preparing, nothing is left undone that would have to be looked up.
fn named(failure: Failure) -> Failure {
    let class = if failure.class == FailureClass::Unknown { FailureClass::Unreachable } else { failure.class };
    Failure { class, ..failure }
}

#[async_trait]
impl Driver for ClickHouseDriver {
    fn offers(&self) -> Offers {
        OFFERS
    }

    async fn inspect(&self, project: &ProjectName) -> Result<TargetFacts, Failure> {
        self.facts(project).await.map_err(named)
    }

    async fn examine(&self, _under: &RunsUnder) -> Result<Health, Failure> {
        health::examine(&self.http).await.map_err(|refused| named(refused.failure))
    }

    async fn bootstrap(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        self.make(environment).await.map_err(named)
    }

    async fn session(&self, _lane: LaneKind) -> Result<Box<dyn Session>, Failure> {
        let server = Server::ask(&self.http).await.map_err(|refused| named(refused.failure))?;
        Ok(Box::new(ClickHouseSession::new(self.http.clone(), Arc::new(server))))
    }

    async fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
        let server = Server::ask(&self.http).await.map_err(|refused| named(refused.failure))?;
        repair::settle(&self.http, &server, project, settlement).await
    }

    async fn adopt(&self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure> {
        let server = Server::ask(&self.http).await.map_err(|refused| named(refused.failure))?;
        repair::adopt(&self.http, &server, project, adoption).await
    }

    async fn pause(&self, _project: &ProjectName, _run: &RunId, _what: &[Pausable]) -> Result<Paused, Failure> {
        Err(Failure::new(FailureClass::Rejected, format!("nothing in `{}` can be paused", self.target)))
    }

    async fn resume(&self, _project: &ProjectName, _run: &RunId) -> Result<Vec<Resumption>, Failure> {
        Ok(Vec::new())
    }

    async fn log(&self, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
        ledger::log(&self.http, project).await.map_err(named)
    }

    async fn estimate(&self, _body: &Body) -> Result<Option<u64>, Failure> {
        Ok(None)
    }
}
