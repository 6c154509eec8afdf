//! Reading a database: who it is, what it can do, what its ledger says. Creates and changes nothing.

use std::collections::BTreeMap;

use dunlin_planner::{
    Capabilities, Failure, FailureClass, Identity, JobFacts, Ledger, PauseFacts, ProjectName, ServerVersion,
    TargetFacts, TargetName, Timestamp,
};
use tokio_postgres::{Client, SimpleQueryRow};

use crate::connect::Connector;
use crate::failure;
use crate::flavor::{Extension, Flavor, ServerFacts};
use crate::jobs;
use crate::ledger;
use crate::messages;
use crate::obligation;
use crate::rows::{field, one_row, rows, truth};

/// `pg_current_xact_id` and `gen_random_uuid` came with 13.
const OLDEST: u32 = 130_000;

pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; \
    SET LOCAL row_security = off; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'; SET LOCAL standard_conforming_strings = on; \
    SET LOCAL quote_all_identifiers = off; SET LOCAL idle_in_transaction_session_timeout = 60000";

const SERVER: &str = "SELECT current_database() AS database, current_setting('server_version_num') AS number, \
    current_setting('server_version') AS name, pg_is_in_recovery() AS standby, \
    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8 AS started";

/// Whether the role may ask which cluster this is.
pub(crate) const MAY_READ_CONTROL: &str = "has_function_privilege('pg_control_system()', 'EXECUTE') \
    AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')";

/// The last checkpoint says the timeline of a standby; on a primary it may be the one before a promotion for a while.
pub(crate) const TIMELINE: &str = "CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint()) \
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4 END";

const EXTENSIONS: &str = "SELECT name, default_version, installed_version FROM pg_available_extensions";

/// Everything there is to know of a target.
pub(crate) async fn inspect(
    connector: &Connector,
    target: &TargetName,
    flavor: &dyn Flavor,
    project: &ProjectName,
    has_direct: bool,
) -> Result<TargetFacts, Failure> {
    let connection = connector.connect().await?;
    let read = read(connection.client(), connector, flavor, project).await?;
    let sessions = has_direct || !connection.is_pooled().await?;
    execute(connection.client(), "ROLLBACK").await?;
    connection.give_back();
    let Read { server, ledger, pausing, jobs } = read;
    Ok(TargetFacts { ledger, pausing, jobs, ..server.facts(target, flavor, sessions)? })
}

/// A database that is not there yet, as its server's maintenance database shows it: number 0, and no ledger.
pub(crate) async fn inspect_absent(
    maintenance: &Connector,
    database: &str,
    target: &TargetName,
    flavor: &dyn Flavor,
    has_direct: bool,
) -> Result<TargetFacts, Failure> {
    let connection = maintenance.connect().await?;
    let client = connection.client();
    execute(client, BEGIN).await?;
    let mut server = server(client, maintenance, flavor).await?;
    let sessions = has_direct || !connection.is_pooled().await?;
    execute(client, "ROLLBACK").await?;
    database.clone_into(&mut server.facts.database);
    server.facts.extensions.values_mut().for_each(|extension| extension.installed = None);
    server.identity.database = 0;
    server.facts(target, flavor, sessions)
}

/// What a server says of itself and of the database.
struct ServerNow {
    facts: ServerFacts,
    identity: Identity,
    started: Timestamp,
}

impl ServerNow {
    /// Facts of a database without a ledger.
    fn facts(self, target: &TargetName, flavor: &dyn Flavor, sessions: bool) -> Result<TargetFacts, Failure> {
        let Self { facts, identity, started } = self;
        let capabilities = capabilities(flavor, &facts, sessions)?;
        let (target, standby) = (target.clone(), facts.standby);
        let (ledger, pausing, database) = (Ledger::Absent, PauseFacts::default(), facts.database.clone());
        let jobs = flavor.jobs(&facts).map(Box::new);
        Ok(TargetFacts { target, identity, started, standby, capabilities, ledger, pausing, database, jobs })
    }
}

/// What is read of a database that is there.
struct Read {
    server: ServerNow,
    ledger: Ledger,
    pausing: PauseFacts,
    jobs: Option<Box<JobFacts>>,
}

async fn read(
    client: &Client,
    connector: &Connector,
    flavor: &dyn Flavor,
    project: &ProjectName,
) -> Result<Read, Failure> {
    execute(client, BEGIN).await?;
    let server = server(client, connector, flavor).await?;
    let ledger = ledger::read(client, project).await?;
    let pausing = obligation::read(client, &ledger, flavor.pausing()).await?;
    let mut jobs = flavor.jobs(&server.facts).map(Box::new);
    if let Some(jobs) = &mut jobs {
        jobs::read(client, project, &ledger, &pausing.pausable, jobs).await?;
    }
    Ok(Read { server, ledger, pausing, jobs })
}

async fn server(client: &Client, connector: &Connector, flavor: &dyn Flavor) -> Result<ServerNow, Failure> {
    let row = one_row(client, SERVER).await?;
    let version = ServerVersion(field(&row, "number")?);
    if version.0 < OLDEST {
        let message =
            format!("the server is PostgreSQL {}, and Dunlin needs 13 or newer", row.get("name").unwrap_or("?"));
        return Err(Failure::new(FailureClass::Rejected, message));
    }
    let facts = ServerFacts {
        database: field(&row, "database")?,
        version,
        version_name: row.get("name").and_then(|name| name.split(' ').next()).unwrap_or_default().to_owned(),
        standby: truth(&row, "standby"),
        extensions: extensions(client).await?,
        extra: extra(client, flavor.extra_queries()).await?,
    };
    Ok(ServerNow { facts, identity: identity(client, connector).await?, started: Timestamp(field(&row, "started")?) })
}

/// Which database this is. Where the control functions are not for this role, the server goes by its address.
pub(crate) async fn identity(client: &Client, connector: &Connector) -> Result<Identity, Failure> {
    let query =
        format!("SELECT oid, {MAY_READ_CONTROL} AS control FROM pg_database WHERE datname = current_database()");
    let row = one_row(client, &query).await?;
    let database = field(&row, "oid")?;
    if !truth(&row, "control") {
        return Ok(Identity { system: connector.options().address(), database, timeline: 0 });
    }
    let query = format!("SELECT system_identifier AS system, {TIMELINE} AS timeline FROM pg_control_system()");
    let row = one_row(client, &query).await?;
    Ok(Identity { system: field(&row, "system")?, database, timeline: field(&row, "timeline")? })
}

/// The timeline that the server writes on; none where it is a standby, or does not tell this role.
pub(crate) async fn timeline(connector: &Connector) -> Result<Option<u32>, Failure> {
    let query = format!(
        "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE') \
         AND pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE') THEN {} END AS file",
        messages::FILE
    );
    let connection = connector.connect().await?;
    let row = one_row(connection.client(), &query).await;
    // A server that only speaks PostgreSQL's protocol may keep its log of writes otherwise.
    let row = match row {
        Err(failure) if failure.class == FailureClass::Rejected => return Ok(None),
        row => row?,
    };
    connection.give_back();
    Ok(row.get("file").and_then(|file| u32::from_str_radix(file.get(..8)?, 16).ok()))
}

async fn extensions(client: &Client) -> Result<BTreeMap<String, Extension>, Failure> {
    let found = rows(client, EXTENSIONS).await.map_err(|error| failure::of(&error))?;
    let extension = |row: &SimpleQueryRow| {
        let default = row.get("default_version").unwrap_or_default().to_owned();
        Ok((field(row, "name")?, Extension { default, installed: row.get("installed_version").map(str::to_owned) }))
    };
    found.iter().map(extension).collect()
}

/// What rows `name`, `value` say; what the role may not ask stays unanswered.
pub(crate) async fn extra(client: &Client, queries: &[&str]) -> Result<BTreeMap<String, String>, Failure> {
    let mut extra = BTreeMap::new();
    for query in queries {
        // Tables of extensions may have row security: who does not see a row there cannot change it either.
        execute(client, "SAVEPOINT extra; SET LOCAL row_security = on").await?;
        let found = rows(client, query).await;
        execute(client, "ROLLBACK TO SAVEPOINT extra").await?;
        let pair = |row: &SimpleQueryRow| Some((row.get("name")?.to_owned(), row.get("value")?.to_owned()));
        extra.extend(found.iter().flatten().filter_map(pair));
    }
    Ok(extra)
}

fn capabilities(flavor: &dyn Flavor, facts: &ServerFacts, sessions: bool) -> Result<Capabilities, Failure> {
    let mut server = format!("PostgreSQL {}", facts.version_name);
    if let Some(more) = flavor.describe(facts) {
        server = format!("{server}, {more}");
    }
    if facts.standby {
        server.push_str(" (standby)");
    }
    let features = flavor.features(facts)?;
    let unknown = flavor.unknown(facts);
    let installed = facts.installed();
    let version = facts.version;
    Ok(Capabilities { server, version, transactional_ddl: true, sessions, features, unknown, installed })
}

pub(crate) async fn execute(client: &Client, statements: &str) -> Result<(), Failure> {
    client.batch_execute(statements).await.map_err(|error| failure::of(&error))
}
