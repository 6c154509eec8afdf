//! From a target to its driver: the one match over kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use dunlin_devdb::Flavour;
use dunlin_driver::{Driver, TargetUrl};
use dunlin_driver_clickhouse::{ClickHouseDriver, ClickHouseSettings, ConnectOptions as HttpOptions, OptionsError};
use dunlin_driver_cron::Cron;
use dunlin_driver_postgres::{ConnectOptions, Flavor, POSTGRES, Plain, PostgresDriver, PostgresSettings, Surroundings};
use dunlin_driver_timescale::Timescale;
use dunlin_engine::Connectors;
use dunlin_planner::{Body, Catalog, Failure, FailureClass, Finding, Offers, TargetKind, TargetName};
use dunlin_project::{Connection, Endpoint, Project, Resolved};
use nix::unistd::{User, geteuid};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::embedded::Embedded;
use crate::terminal::Terminal;

/// Reaches the project's databases; each driver is made once, when it is first asked for.
pub(crate) struct Databases {
    connections: BTreeMap<TargetName, Connection>,
    kinds: BTreeMap<TargetName, TargetKind>,
    roles: BTreeMap<TargetName, BTreeSet<String>>,
    /// Targets that are switched off.
    off: BTreeSet<TargetName>,
    embedded: Embedded,
    sidecar: Embedded,
    terminal: Terminal,
    drivers: Mutex<BTreeMap<TargetName, Arc<dyn Driver>>>,
}

impl Databases {
    pub(crate) fn new(project: &Project, terminal: Terminal) -> Self {
        let catalog = &project.catalog;
        Self {
            connections: project.connections.clone(),
            kinds: catalog.targets.values().map(|target| (target.name.clone(), target.kind)).collect(),
            roles: roles(catalog),
            off: catalog.targets.values().filter(|target| !target.enabled).map(|target| target.name.clone()).collect(),
            embedded: Embedded::new(&catalog.project, &project.root, flavour(project), terminal),
            sidecar: Embedded::new(&catalog.project, &project.root, Flavour::ClickHouse, terminal),
            terminal,
            drivers: Mutex::default(),
        }
    }

    /// The embedded server that the target `name` lives in.
    pub(crate) fn embedded(&self, target: &TargetName) -> &Embedded {
        let is_clickhouse = self.kinds.get(target) == Some(&TargetKind::Clickhouse);
        if is_clickhouse { &self.sidecar } else { &self.embedded }
    }

    /// Every embedded server that there may be.
    pub(crate) fn servers(&self) -> [&Embedded; 2] {
        [&self.embedded, &self.sidecar]
    }

    /// The targets that live in them.
    pub(crate) fn embedded_targets(&self) -> Vec<&TargetName> {
        let embedded = self.connections.values().filter(|connection| connection.is_embedded());
        embedded.map(|connection| &connection.target).filter(|target| !self.off.contains(*target)).collect()
    }

    /// The URL of one of [`Databases::embedded_targets`].
    pub(crate) async fn embedded_url(&self, target: &TargetName) -> Result<String, Failure> {
        match resolve(&self.connections[target]).await?.endpoint {
            Endpoint::Embedded { database } => self.embedded(target).url(&database).await,
            Endpoint::Url(_) | Endpoint::Parts { .. } => {
                Err(Failure::new(FailureClass::Rejected, format!("target `{target}` is not embedded")))
            }
        }
    }

    /// Reads a connection string in this process's surroundings, and tells what was left out.
    fn read(&self, connection: &Connection, text: impl Into<String>) -> Result<ConnectOptions, Failure> {
        let user = User::from_uid(geteuid()).ok().flatten().map(|user| user.name);
        let around = Surroundings {
            variable: &|name| std::env::var(name).ok(),
            user: user.as_deref(),
            names_server: connection.alone,
        };
        let options = read(connection, text, &around)?;
        let left_out = |warning: &String| {
            let message = format!("target `{}`: {warning}", connection.target);
            Finding::warning("password-file", message).at(connection.place.clone())
        };
        self.terminal.findings(&options.warnings().iter().map(left_out).collect::<Vec<_>>());
        Ok(options)
    }

    async fn make(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure> {
        let flavor: Arc<dyn Flavor> = match self.kinds[target] {
            TargetKind::Postgres => Arc::new(Plain),
            TargetKind::Timescale => Arc::new(Timescale),
            TargetKind::Cron => Arc::new(Cron),
            TargetKind::Clickhouse => return self.clickhouse(target).await,
        };
        let connection = &self.connections[target];
        let Resolved { endpoint, direct_url } = resolve(connection).await?;
        let options = match endpoint {
            Endpoint::Embedded { database } => {
                read(connection, self.embedded.url(&database).await?, &Surroundings::NONE)?
            }
            Endpoint::Url(url) => self.read(connection, url.expose_secret())?,
            Endpoint::Parts { parameters, password } => {
                self.read(connection, keywords(&parameters, password.as_ref()))?
            }
        };
        let plain = PostgresSettings::new(options);
        let settings = PostgresSettings {
            deadline: connection.pause_deadline.unwrap_or(plain.deadline),
            direct: direct_url.map(|url| self.read(connection, url.expose_secret())).transpose()?,
            create: connection.create,
            roles: self.roles.get(target).into_iter().flatten().cloned().collect(),
            ..plain
        };
        Ok(Arc::new(PostgresDriver::new(target.clone(), settings, flavor)?))
    }

    async fn clickhouse(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure> {
        let connection = &self.connections[target];
        let options = match resolve(connection).await?.endpoint {
            Endpoint::Embedded { database } => HttpOptions::parse(&TargetUrl::new(self.sidecar.url(&database).await?)),
            Endpoint::Url(url) => HttpOptions::parse(&TargetUrl::new(url.expose_secret())),
            Endpoint::Parts { parameters, password } => HttpOptions::of_parts(&parameters, password),
        };
        let unusable = |error: OptionsError| Failure {
            place: Some(connection.place.clone()),
            hint: Some(error.hint()),
            ..Failure::new(FailureClass::Misconfigured, error.to_string())
        };
        let settings = ClickHouseSettings { options: options.map_err(unusable)?, create: connection.create };
        Ok(Arc::new(ClickHouseDriver::new(target.clone(), settings)?))
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

/// What each kind of database can do at all.
pub(crate) fn offers(kind: TargetKind) -> Offers {
    match kind {
        TargetKind::Postgres => POSTGRES,
        TargetKind::Timescale => dunlin_driver_timescale::OFFERS,
        TargetKind::Cron => dunlin_driver_cron::OFFERS,
        TargetKind::Clickhouse => dunlin_driver_clickhouse::OFFERS,
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

fn read(
    connection: &Connection,
    text: impl Into<String>,
    around: &Surroundings<'_>,
) -> Result<ConnectOptions, Failure> {
    ConnectOptions::read(&TargetUrl::new(text), around).map_err(|error| Failure {
        place: Some(connection.place.clone()),
        hint: Some(error.hint()),
        ..Failure::new(FailureClass::Misconfigured, error.to_string())
    })
}

/// A server that is named part by part, as a keyword string: one reader for every way to name a server.
fn keywords(parameters: &BTreeMap<String, String>, password: Option<&SecretString>) -> String {
    let password = password.map(|password| ("password", password.expose_secret()));
    let pairs = parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(password);
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    pairs.map(|(key, value)| format!("{key}='{}'", quoted(value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_every_character() {
        let parameters = [("dbname", "it's"), ("host", "db"), ("port", "6432")];
        let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let text = keywords(&parameters, Some(&SecretString::from("a'b\\c d")));
        assert_eq!(text, r"dbname='it\'s' host='db' port='6432' password='a\'b\\c d'");
        assert_eq!(ConnectOptions::parse(&TargetUrl::new(text)).unwrap().database(), "it's");
    }
}
