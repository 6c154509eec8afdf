//! Roles for a ledger that nobody who migrates owns, and what is said to a role that may not do what it is asked to.
//!
//! They are optional. `roles.sql` makes them in a database and is what keeps the ledger's tables up to date there; without it
//! the role that migrates owns the ledger. That a repair needs `dunlin_admin` is Dunlin's own rule: to the server it is one
//! more write of a row, which a run may do too.

use dunlin_planner::{Failure, FailureClass};
use tokio_postgres::Client;

use crate::bootstrap::{BORN, BORN_UNKNOWN, LEDGER, UPGRADES};
use crate::inspect::MAY_READ_CONTROL;
use crate::ledger::{DANGERS, EXPECTED_SHAPE, SHAPE};
use crate::rows::{field, one_row, truth};
use crate::sql;

/// What helps where the server denies a role the ledger.
pub(crate) const MEMBERS: &str = "the role has to be a member of `dunlin_reader` to look and of `dunlin_runner` to migrate, \
    or to own the ledger; `dunlin init --roles` makes these roles";

/// A script that makes the roles and a ledger that belongs to one of them, or gives them the one that is there.
#[must_use]
pub fn roles_script() -> String {
    let upgrades = UPGRADES.iter().zip(2..).map(|(text, version)| {
        format!(
            "DO $dunlin$ BEGIN\nIF (SELECT protocol FROM dunlin.meta) < {version} THEN\n{text}\
             UPDATE dunlin.meta SET protocol = {version};\nEND IF;\nEND $dunlin$;\n"
        )
    });
    let lock = format!("{}, {}", sql::LOCK_CLASS, sql::BOOTSTRAP_KEY);
    [
        ("{lock}", lock.as_str()),
        ("{ledger}", LEDGER),
        ("{control}", MAY_READ_CONTROL),
        ("{born}", BORN),
        ("{born_unknown}", BORN_UNKNOWN),
        ("{dangers}", DANGERS),
        ("{shape}", SHAPE),
        ("{expected}", EXPECTED_SHAPE.trim_end()),
        ("{upgrades}", &upgrades.collect::<String>()),
    ]
    .iter()
    .fold(include_str!("roles.sql").to_owned(), |script, (name, text)| script.replace(name, text))
}

/// What the role of a connection may do with the ledger, and whose it is.
struct Standing {
    role: String,
    owner: String,
    owns: bool,
    writes: bool,
    repairs: bool,
}

/// A row, where there is a ledger.
pub(crate) const STANDING: &str = "SELECT current_user AS role, o.rolname AS owner, pg_has_role(o.oid, 'USAGE') AS owns, \
                 has_table_privilege('dunlin.ledger', 'INSERT') AND has_table_privilege('dunlin.ledger', 'UPDATE') \
                 AND has_table_privilege('dunlin.event', 'INSERT') AS writes, \
                 COALESCE((SELECT pg_has_role(a.oid, 'USAGE') FROM pg_roles a WHERE a.rolname = 'dunlin_admin'), true) AS repairs \
                 FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname = 'dunlin'";

async fn standing(client: &Client) -> Result<Standing, Failure> {
    let row = one_row(client, STANDING).await?;
    Ok(Standing {
        role: field(&row, "role")?,
        owner: field(&row, "owner")?,
        owns: truth(&row, "owns"),
        writes: truth(&row, "writes"),
        repairs: truth(&row, "repairs"),
    })
}

fn denied(message: String, hint: String) -> Failure {
    let sqlstate = Some("42501".to_owned());
    Failure { sqlstate, hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) }
}

/// Refuses a role that may only read, before any migration is begun.
pub(crate) async fn may_write(client: &Client) -> Result<(), Failure> {
    let Standing { role, owner, writes, .. } = standing(client).await?;
    if writes {
        return Ok(());
    }
    let message = format!("role `{role}` may not write the ledger, which belongs to `{owner}`");
    let grantee = sql::identifier(&role);
    let hint = match owner.as_str() {
        "dunlin_owner" => format!("as an administrator: GRANT dunlin_runner TO {grantee}"),
        _ => format!("migrate as `{owner}`, or let `dunlin init --roles` make roles that share the ledger"),
    };
    Err(denied(message, hint))
}

/// Refuses a role that does not own the tables that are to be changed.
pub(crate) async fn may_upgrade(client: &Client, from: u32, to: u32) -> Result<(), Failure> {
    let Standing { role, owner, owns, .. } = standing(client).await?;
    if owns {
        return Ok(());
    }
    let message = format!(
        "the ledger has version {from} and needs {to}: it belongs to `{owner}`, and role `{role}` may not change it"
    );
    let hint = match owner.as_str() {
        "dunlin_owner" => {
            "as an administrator, run what `dunlin init --roles` prints in this database once more".to_owned()
        }
        _ => format!("run `dunlin up` once as `{owner}`"),
    };
    Err(denied(message, hint))
}

/// Refuses to let a role write what a person says of a row, where there is a role for that.
pub(crate) async fn may_repair(client: &Client) -> Result<(), Failure> {
    let Standing { role, owner, repairs, .. } = standing(client).await?;
    if repairs || owner != "dunlin_owner" {
        return Ok(());
    }
    let message = format!("role `{role}` may not repair: it is no member of `dunlin_admin`");
    let hint =
        format!("repair as somebody who is, or as an administrator: GRANT dunlin_admin TO {}", sql::identifier(&role));
    Err(denied(message, hint))
}

/// Refuses to give the roles of migrations what the guard needs where the ledger is somebody else's.
pub(crate) async fn may_grant(client: &Client, to: &str) -> Result<(), Failure> {
    let Standing { role, owns, .. } = standing(client).await?;
    if owns {
        return Ok(());
    }
    let message =
        format!("migrations run under role `{to}`, which may not read the ledger, and role `{role}` may not let it");
    let to = sql::identifier(to);
    let hint =
        format!("as an administrator: GRANT USAGE ON SCHEMA dunlin TO {to}; GRANT SELECT ON dunlin.ledger TO {to}");
    Err(denied(message, hint))
}
