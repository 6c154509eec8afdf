//! Asks everything of one database.

use dunlin_planner::{Direct, Failure, Health, RunsUnder, Told};

use crate::connect::Connector;
use crate::flavor::Flavor;
use crate::health::asking::Asking;
use crate::health::{activity, line, load, role, server};
use crate::inspect::{self, execute};

/// No question is worth more.
const TIMEOUT: &str = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'";

/// The ways to a database.
pub(crate) struct Lines<'d> {
    pub(crate) main: &'d Connector,
    /// Past a pooler, where that is configured.
    pub(crate) direct: Option<&'d Connector>,
}

pub(crate) async fn examine(lines: Lines<'_>, flavor: &dyn Flavor, under: &RunsUnder) -> Result<Health, Failure> {
    let connection = lines.main.connect().await?;
    let client = connection.client();
    let pooled = connection.is_pooled().await?;
    let (direct, connection_direct) = direct(lines.direct).await;
    execute(client, inspect::BEGIN).await?;
    execute(client, TIMEOUT).await?;
    let asking = Asking(client);
    let mut health = Health {
        line: Told::Known(line::line(lines.main.options(), connection.endpoint())),
        pooled: Told::Known(pooled),
        direct,
        extensions: server::extensions(&asking).await?,
        preloaded: server::preloaded(&asking).await?,
        role: role::role(&asking, under).await?,
        replication: server::replication(&asking).await?,
        transactions: activity::transactions(&asking).await?,
        prepared: activity::prepared(&asking).await?,
        indexes: activity::indexes(&asking).await?,
        limits: load::load(&asking).await?,
        room: load::room(&asking).await?,
        clock: server::clock(&asking).await?,
        settings: server::settings(&asking).await?,
        freeze: server::freeze(&asking).await?,
        mutations: Told::Foreign,
        extra: inspect::extra(client, flavor.health_queries()).await?,
        hosts: Vec::new(),
    };
    let here = server::stands(&asking).await?;
    execute(client, "ROLLBACK").await?;
    health.hosts = line::hosts(lines.main.options(), connection.endpoint(), here).await;
    connection.give_back();
    if let Some(connection) = connection_direct {
        connection.give_back();
    }
    Ok(health)
}

/// A database that the first run makes: its server alone is there to be looked at.
pub(crate) async fn examine_absent(maintenance: &Connector, database: &str) -> Result<Health, Failure> {
    let connection = maintenance.connect().await?;
    let client = connection.client();
    execute(client, inspect::BEGIN).await?;
    execute(client, TIMEOUT).await?;
    let asking = Asking(client);
    let absent = || format!("database `{database}` is not there yet: the first run makes it");
    let health = Health {
        line: Told::Known(line::line(maintenance.options(), connection.endpoint())),
        preloaded: server::preloaded(&asking).await?,
        replication: server::replication(&asking).await?,
        limits: load::load(&asking).await?,
        clock: server::clock(&asking).await?,
        role: Told::Unknown(absent()),
        hosts: line::hosts(maintenance.options(), connection.endpoint(), server::stands(&asking).await?).await,
        extensions: Told::Foreign,
        pooled: Told::Foreign,
        transactions: Told::Foreign,
        prepared: Told::Foreign,
        indexes: Told::Foreign,
        room: Told::Foreign,
        settings: Told::Foreign,
        freeze: Told::Foreign,
        mutations: Told::Foreign,
        ..Health::default()
    };
    execute(client, "ROLLBACK").await?;
    connection.give_back();
    Ok(health)
}

async fn direct(connector: Option<&Connector>) -> (Direct, Option<crate::connect::Connection>) {
    let Some(connector) = connector else { return (Direct::None, None) };
    let connection = match connector.connect().await {
        Ok(connection) => connection,
        Err(failure) => return (Direct::Failed(in_words(&failure)), None),
    };
    match connection.is_pooled().await {
        Ok(false) => (Direct::Reached, Some(connection)),
        Ok(true) => (Direct::Failed("there is a pooler on that way too".to_owned()), None),
        Err(failure) => (Direct::Failed(in_words(&failure)), None),
    }
}

/// A failure in one line.
pub(crate) fn in_words(failure: &Failure) -> String {
    match &failure.detail {
        None => failure.message.clone(),
        Some(detail) => format!("{}: {}", failure.message, detail.replace('\n', "; ")),
    }
}
