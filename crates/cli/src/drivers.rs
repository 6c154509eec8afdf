//! From a target to its driver: the one match over kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use dunlin_devdb::Flavour;
use dunlin_driver::{Driver, TargetUrl};
use dunlin_driver_cron::Cron;
use dunlin_driver_postgres::{ConnectOptions, Flavor, Plain, PostgresDriver, PostgresSettings};
use dunlin_driver_timescale::Timescale;
use dunlin_engine::Connectors;
use dunlin_planner::{Body, Catalog, Failure, FailureClass, Finding, TargetKind, TargetName};
use dunlin_project::{Connection, Endpoint, Parts, Project, Resolved};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::embedded::Embedded;
use crate::terminal::Terminal;

/// Reaches the project's databases; each driver is made once, when it is first asked for.
pub(crate) struct Databases {
    connections: BTreeMap<TargetName, Connection>,
    kinds: BTreeMap<TargetName, TargetKind>,
    roles: BTreeMap<TargetName, BTreeSet<String>>,
    embedded: Embedded,
    drivers: Mutex<BTreeMap<TargetName, Arc<dyn Driver>>>,
}

impl Databases {
    pub(crate) fn new(project: &Project, terminal: Terminal) -> Self {
        let catalog = &project.catalog;
        Self {
            connections: project.connections.clone(),
            kinds: catalog.targets.values().map(|target| (target.name.clone(), target.kind)).collect(),
            roles: roles(catalog),
            embedded: Embedded::new(&catalog.project, &project.root, flavour(project), terminal),
            drivers: Mutex::default(),
        }
    }

    /// The project's embedded server.
    pub(crate) fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    /// The targets that live in it.
    pub(crate) fn embedded_targets(&self) -> Vec<&TargetName> {
        let embedded = |connection: &&Connection| {
            connection.is_embedded() && self.kinds.get(&connection.target) != Some(&TargetKind::Clickhouse)
        };
        self.connections.values().filter(embedded).map(|connection| &connection.target).collect()
    }

    /// The URL of one of [`Databases::embedded_targets`].
    pub(crate) async fn embedded_url(&self, target: &TargetName) -> Result<String, Failure> {
        match resolve(&self.connections[target]).await?.endpoint {
            Endpoint::Embedded { database } => self.embedded.url(&database).await,
            Endpoint::Url(_) | Endpoint::Parts { .. } => {
                Err(Failure::new(FailureClass::Rejected, format!("target `{target}` is not embedded")))
            }
        }
    }

    async fn make(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure> {
        let flavor: Arc<dyn Flavor> = match self.kinds[target] {
            TargetKind::Postgres => Arc::new(Plain),
            TargetKind::Timescale => Arc::new(Timescale),
            TargetKind::Cron => Arc::new(Cron),
            TargetKind::Clickhouse => return Err(no_clickhouse(target)),
        };
        let connection = &self.connections[target];
        let Resolved { endpoint, direct_url } = resolve(connection).await?;
        let options = match endpoint {
            Endpoint::Embedded { database } => parse(connection, self.embedded.url(&database).await?)?,
            Endpoint::Url(url) => parse(connection, url.expose_secret())?,
            Endpoint::Parts { parts, password } => parse(connection, keywords(&parts, password.as_ref()))?,
        };
        let settings = PostgresSettings {
            direct: direct_url.map(|url| parse(connection, url.expose_secret())).transpose()?,
            create: connection.create,
            roles: self.roles.get(target).into_iter().flatten().cloned().collect(),
            ..PostgresSettings::new(options)
        };
        Ok(Arc::new(PostgresDriver::new(target.clone(), settings, flavor)?))
    }
}

#[async_trait]
impl Connectors for Databases {
    async fn driver(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure> {
        if let Some(driver) = self.drivers.lock().await.get(target) {
            return Ok(Arc::clone(driver));
        }
        let driver = self.make(target).await?;
        self.drivers.lock().await.insert(target.clone(), Arc::clone(&driver));
        Ok(driver)
    }
}

/// A server without extensions is enough where no embedded target needs one.
fn flavour(project: &Project) -> Flavour {
    let embedded = project.connections.values().filter(|connection| connection.is_embedded());
    let kinds = embedded.filter_map(|connection| Some(project.catalog.targets.get(&connection.target)?.kind));
    let mut kinds = kinds.filter(|kind| *kind != TargetKind::Clickhouse).peekable();
    let plain = kinds.peek().is_some() && kinds.all(|kind| kind == TargetKind::Postgres);
    if plain { Flavour::Plain } else { Flavour::Full }
}

/// The roles that bodies run under, by target: the ledger's guard needs them to read it.
fn roles(catalog: &Catalog) -> BTreeMap<TargetName, BTreeSet<String>> {
    let mut roles: BTreeMap<TargetName, BTreeSet<String>> = BTreeMap::new();
    for migration in &catalog.migrations {
        let Some(set) = catalog.sets.get(migration.set()) else { continue };
        let bodies = std::iter::once(&migration.up).chain(&migration.down);
        let named = bodies.filter_map(|body: &Body| body.settings.role.clone());
        roles.entry(set.target.clone()).or_default().extend(named);
    }
    roles
}

fn no_clickhouse(target: &TargetName) -> Failure {
    Failure {
        hint: Some(format!("leave it switched off: `enabled = false` under [targets.{target}]")),
        ..Failure::new(FailureClass::Misconfigured, "this version of Dunlin has no driver for ClickHouse yet")
    }
}

/// Looks up what the configuration leaves open; off the threads that drive connections, since it may run a command.
async fn resolve(connection: &Connection) -> Result<Resolved, Failure> {
    let connection = connection.clone();
    let resolved = tokio::task::spawn_blocking(move || connection.resolve()).await.expect("resolving does not panic");
    resolved.map_err(|findings| findings.into_iter().next().map_or_else(unresolved, failure))
}

fn unresolved() -> Failure {
    Failure::new(FailureClass::Misconfigured, "the connection cannot be resolved")
}

fn failure(finding: Finding) -> Failure {
    Failure { hint: finding.hint, place: finding.place, ..Failure::new(FailureClass::Misconfigured, finding.message) }
}

fn parse(connection: &Connection, text: impl Into<String>) -> Result<ConnectOptions, Failure> {
    ConnectOptions::parse(&TargetUrl::new(text)).map_err(|error| Failure {
        place: Some(connection.place.clone()),
        hint: Some(
            "write postgres://user:password@host:port/database, or give host, port, database, user and password"
                .to_owned(),
        ),
        ..Failure::new(FailureClass::Misconfigured, error.to_string())
    })
}

/// A server that is named part by part, as a keyword string: one reader for every way to name a server.
fn keywords(parts: &Parts, password: Option<&SecretString>) -> String {
    let port = parts.port.map(|port| port.to_string());
    let root = parts.sslrootcert.as_ref().map(|path| path.display().to_string());
    [
        ("host", Some(parts.host.as_str())),
        ("port", port.as_deref()),
        ("dbname", parts.database.as_deref()),
        ("user", parts.user.as_deref()),
        ("password", password.map(ExposeSecret::expose_secret)),
        ("sslmode", parts.sslmode.as_deref()),
        ("sslrootcert", root.as_deref()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(format!("{key}='{}'", value?.replace('\\', "\\\\").replace('\'', "\\'"))))
    .collect::<Vec<_>>()
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_every_character() {
        let parts = Parts {
            host: "db".to_owned(),
            port: Some(6432),
            database: Some("it's".to_owned()),
            user: None,
            sslmode: None,
            sslrootcert: None,
        };
        let text = keywords(&parts, Some(&SecretString::from("a'b\\c d")));
        assert_eq!(text, r"host='db' port='6432' dbname='it\'s' password='a\'b\\c d'");
        assert_eq!(ConnectOptions::parse(&TargetUrl::new(text)).unwrap().database(), "it's");
    }
}
