//! Making the ledger, or bringing an older one up to date: one transaction under one lock, so that any number of runs can
//! begin at once.

use dunlin_planner::{EnvironmentName, Failure, FailureClass, LedgerId};
use tokio_postgres::Client;

use crate::connect::Connector;
use crate::inspect::{MAY_READ_CONTROL, execute};
use crate::ledger::{self, Meta, PROTOCOL, Purpose};
use crate::rows::{field, one_row, rows, truth};
use crate::{adopt, failure, roles, sql};

pub(crate) const LEDGER: &str = include_str!("ledger.sql");

/// What leads from each older version of the tables to the next, beginning with the one from version 1 to version 2.
pub(crate) const UPGRADES: [&str; PROTOCOL as usize - 1] =
    [include_str!("upgrade_2.sql"), include_str!("upgrade_3.sql")];

/// The row of a ledger that was made just now, and where the role may not ask which cluster this is.
pub(crate) const BORN: &str = "INSERT INTO dunlin.meta (protocol, sysid, dboid, timeline) \
    SELECT 1, (SELECT system_identifier::text FROM pg_control_system()), d.oid, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4 \
    FROM pg_database d WHERE d.datname = current_database()";
pub(crate) const BORN_UNKNOWN: &str = "INSERT INTO dunlin.meta (protocol, sysid, dboid, timeline) \
    SELECT 1, '', oid, 0 FROM pg_database WHERE datname = current_database()";

/// Makes sure of a ledger that can be trusted and belongs to `environment`.
pub(crate) async fn bootstrap(
    connector: &Connector,
    environment: Option<&EnvironmentName>,
    roles: &[String],
) -> Result<LedgerId, Failure> {
    let connection = connector.connect().await?;
    let id = in_transaction(connection.client(), connector, environment, roles).await?;
    connection.give_back();
    Ok(id)
}

async fn in_transaction(
    client: &Client,
    connector: &Connector,
    environment: Option<&EnvironmentName>,
    roles: &[String],
) -> Result<LedgerId, Failure> {
    let meta = match begin(client).await? {
        Some(meta) => meta,
        None => create(client).await?,
    };
    upgrade(client, meta.protocol).await?;
    roles::may_write(client).await?;
    stamp(client, &meta, environment).await?;
    adopt::recognise(client, connector, &meta).await?;
    grant(client, roles).await?;
    execute(client, "COMMIT").await?;
    Ok(meta.id)
}

/// Begins the transaction in which the ledger may be made or changed, one after the other; what ledger there is.
pub(crate) async fn begin(client: &Client) -> Result<Option<Meta>, Failure> {
    let lock = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {} SET LOCAL row_security = off; {} SET LOCAL synchronous_commit = local; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'; \
         SELECT pg_advisory_xact_lock({}, {})",
        sql::PLAIN,
        sql::unlimited(true),
        sql::LOCK_CLASS,
        sql::BOOTSTRAP_KEY
    );
    execute(client, &lock).await?;
    ledger::trusted_meta(client, Purpose::Write).await
}

/// Makes the first version, from which the upgrades lead to today's: there is one way to its tables.
async fn create(client: &Client) -> Result<Meta, Failure> {
    may_create(client).await?;
    execute(client, LEDGER).await?;
    let control = one_row(client, &format!("SELECT {MAY_READ_CONTROL} AS control")).await?;
    execute(client, if truth(&control, "control") { BORN } else { BORN_UNKNOWN }).await?;
    let made = ledger::trusted_meta(client, Purpose::Write).await?;
    made.ok_or_else(|| Failure::new(FailureClass::Rejected, "the ledger vanished while it was made"))
}

/// Says what is missing before the server only says no.
async fn may_create(client: &Client) -> Result<(), Failure> {
    let query = "SELECT has_database_privilege(current_database(), 'CREATE') AS allowed, current_user AS role, current_database() AS database";
    let row = one_row(client, query).await?;
    if truth(&row, "allowed") {
        return Ok(());
    }
    let (role, database): (String, String) = (field(&row, "role")?, field(&row, "database")?);
    let message = format!("the ledger cannot be made: role `{role}` may not create a schema in database `{database}`");
    let hint = format!(
        "as the database's owner: GRANT CREATE ON DATABASE {} TO {}",
        sql::identifier(&database),
        sql::identifier(&role)
    );
    let sqlstate = Some("42501".to_owned());
    Err(Failure { sqlstate, hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) })
}

pub(crate) async fn upgrade(client: &Client, from: u32) -> Result<(), Failure> {
    if from < PROTOCOL {
        roles::may_upgrade(client, from, PROTOCOL).await?;
    }
    let from = usize::try_from(from).unwrap_or(usize::MAX).max(1);
    for text in UPGRADES.iter().skip(from - 1) {
        execute(client, text).await?;
    }
    if from < PROTOCOL as usize {
        execute(client, &format!("UPDATE dunlin.meta SET protocol = {PROTOCOL}")).await?;
        // What came of it is compared like any ledger that is found.
        ledger::trusted_meta(client, Purpose::Write).await?;
    }
    Ok(())
}

async fn stamp(client: &Client, meta: &Meta, environment: Option<&EnvironmentName>) -> Result<(), Failure> {
    match (&meta.environment, environment) {
        (None, None) => Ok(()),
        (None, Some(asked)) => {
            execute(client, &format!("UPDATE dunlin.meta SET environment = {}", sql::text(asked.as_str()))).await
        }
        (Some(stamped), asked) => stamped.admits(asked),
    }
}

/// Bodies run under these roles, and the guard before each body reads the ledger. What is granted already is left alone, so
/// that whoever does not own the ledger can still run.
async fn grant(client: &Client, roles: &[String]) -> Result<(), Failure> {
    for role in roles {
        let name = sql::text(role);
        let query = format!(
            "SELECT has_schema_privilege(r.oid, 'dunlin', 'USAGE') AND has_table_privilege(r.oid, 'dunlin.ledger', 'SELECT') AS granted \
             FROM pg_roles r WHERE r.rolname = {name}"
        );
        let found = rows(client, &query).await.map_err(|error| failure::of(&error))?;
        let Some(row) = found.first() else {
            return Err(Failure::new(
                FailureClass::Rejected,
                format!("the role `{role}` that migrations are to run under does not exist"),
            ));
        };
        if !truth(row, "granted") {
            roles::may_grant(client, role).await?;
            let role = sql::identifier(role);
            execute(
                client,
                &format!("GRANT USAGE ON SCHEMA dunlin TO {role}; GRANT SELECT ON dunlin.ledger TO {role}"),
            )
            .await?;
        }
    }
    Ok(())
}
