//! What the role may do that logs in.

use dunlin_planner::{Access, Creation, Failure, Membership, RoleSeen, RunsUnder, Told};
use tokio_postgres::SimpleQueryRow;

use crate::health::asking::{Asking, text};
use crate::rows::truth;
use crate::{roles, sql};

const ROLE: &str = "SELECT current_user AS role, r.rolsuper AS superuser, has_database_privilege(current_database(), 'CREATE') AS creates, \
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees, (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'dunlin') AS owner \
    FROM pg_roles r WHERE r.rolname = current_user";

pub(crate) async fn role(asking: &Asking<'_>, under: &RunsUnder) -> Result<Told<RoleSeen>, Failure> {
    let own = asking.ask_one(ROLE, |row| {
        let seen = RoleSeen {
            name: text(row, "role"),
            superuser: truth(row, "superuser"),
            sees_others: truth(row, "sees"),
            ledger: Access::Absent { may_create: truth(row, "creates") },
            members: Vec::new(),
            creations: Vec::new(),
        };
        Some((seen, row.get("owner").map(str::to_owned)))
    });
    let (mut seen, owner) = match own.await? {
        Told::Known(own) => own,
        Told::Unknown(why) => return Ok(Told::Unknown(why)),
        Told::Foreign => return Ok(Told::Foreign),
    };
    if let Some(owner) = owner {
        let access = asking.ask_one(roles::STANDING, |row| {
            let (owner, owns, writes) = (text(row, "owner"), truth(row, "owns"), truth(row, "writes"));
            Some(Access::Present { owner, owns, writes })
        });
        seen.ledger = match access.await? {
            Told::Known(access) => access,
            // A role that may not even look into the schema is refused the question.
            _ => Access::Present { owner, owns: false, writes: false },
        };
    }
    let bodies: Vec<_> = under.bodies.iter().filter_map(|(role, _)| role.as_deref()).collect();
    if let Told::Known(members) = asking.ask_all(&memberships(&bodies), member).await? {
        seen.members = members;
    }
    if let Told::Known(creations) = asking.ask_all(&creations(under), creation).await? {
        seen.creations = creations;
    }
    Ok(Told::Known(seen))
}

/// From version 16 on, a member may be kept from becoming the role.
fn memberships(roles: &[&str]) -> String {
    let names: Vec<_> = roles.iter().map(|role| sql::text(role)).collect();
    format!(
        "SELECT DISTINCT w.name, r.oid IS NOT NULL AS there, pg_has_role(r.oid, \
         CASE WHEN current_setting('server_version_num')::int4 >= 160000 THEN 'SET' ELSE 'MEMBER' END) AS may \
         FROM unnest(ARRAY[{}]::text[]) AS w(name) LEFT JOIN pg_roles r ON r.rolname = w.name ORDER BY w.name",
        names.join(", ")
    )
}

fn member(row: &SimpleQueryRow) -> Option<Membership> {
    Some(Membership { role: text(row, "name"), exists: truth(row, "there"), may_set: truth(row, "may") })
}

/// The first schema of each search path that is there. Where none is, a migration may still make it.
fn creations(under: &RunsUnder) -> String {
    let entries = under.bodies.iter().flat_map(|(role, path)| {
        let role = role.as_ref().map_or_else(|| "current_user::text".to_owned(), |role| sql::text(role));
        let path = path.as_ref().map_or_else(
            || "(SELECT reset_val FROM pg_settings WHERE name = 'search_path')".to_owned(),
            |path| sql::text(path),
        );
        [format!("({role}, {path})")]
    });
    let mut entries: Vec<_> = entries.collect();
    if entries.is_empty() {
        entries.push("(NULL, NULL)".to_owned());
    }
    format!(
        "SELECT DISTINCT r.rolname AS role, s.nspname AS schema, has_schema_privilege(r.oid, s.oid, 'CREATE') AS may \
         FROM (VALUES {}) AS w(role, path) JOIN pg_roles r ON r.rolname = w.role CROSS JOIN LATERAL (SELECT n.oid, n.nspname \
         FROM regexp_split_to_table(w.path, ',') WITH ORDINALITY AS e(word, at) \
         JOIN pg_namespace n ON n.nspname = CASE btrim(e.word, ' \"') WHEN '$user' THEN w.role ELSE btrim(e.word, ' \"') END \
         ORDER BY e.at LIMIT 1) AS s ORDER BY 1, 2",
        entries.join(", ")
    )
}

fn creation(row: &SimpleQueryRow) -> Option<Creation> {
    Some(Creation { role: text(row, "role"), schema: text(row, "schema"), may_create: truth(row, "may") })
}
