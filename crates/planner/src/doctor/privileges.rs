//! What the role may do that migrates.

use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{REFUSED, each};
use crate::doctor::health::{Access, Creation, Health, Membership, RoleSeen};

pub(crate) fn privileges(health: &Health) -> Vec<Check> {
    each(Area::Privileges, &health.role, |role| {
        let mut checks: Vec<Check> = ledger(role).into_iter().collect();
        checks.extend(role.members.iter().filter_map(|member| membership(role, member)));
        checks.extend(role.creations.iter().filter_map(creation));
        if !role.sees_others {
            let hint = format!("as an administrator: GRANT pg_read_all_stats TO \"{}\"", role.name);
            let message =
                format!("role `{}` does not see what others do, so messages cannot name their statements", role.name);
            checks.push(Check::info(Area::Privileges, message).hint(hint));
        }
        if checks.is_empty() {
            let whose = if role.superuser { ", a superuser," } else { "" };
            checks
                .push(Check::ok(Area::Privileges, format!("role `{}`{whose} may do what migrations need", role.name)));
        }
        checks
    })
}

fn ledger(role: &RoleSeen) -> Option<Check> {
    let name = &role.name;
    match &role.ledger {
        Access::Absent { may_create: false } => {
            let message = format!("role `{name}` may not create the ledger's schema `dunlin`");
            let hint = format!(
                "as an administrator: GRANT CREATE ON DATABASE … TO \"{name}\", or run what `dunlin init --roles` prints"
            );
            Some(Check::error(Area::Privileges, REFUSED, message).hint(hint))
        }
        Access::Present { owner, writes: false, .. } => {
            let message = format!("role `{name}` may not write the ledger, which belongs to `{owner}`");
            let hint = match owner.as_str() {
                "dunlin_owner" => format!("as an administrator: GRANT dunlin_runner TO \"{name}\""),
                _ => format!("migrate as `{owner}`, or let `dunlin init --roles` make roles that share the ledger"),
            };
            Some(Check::error(Area::Privileges, REFUSED, message).hint(hint))
        }
        Access::Absent { .. } | Access::Present { .. } => None,
    }
}

fn membership(role: &RoleSeen, member: &Membership) -> Option<Check> {
    let (name, of) = (&role.name, &member.role);
    let check = match (member.exists, member.may_set) {
        (true, true) => return None,
        (false, _) => Check::warning(Area::Privileges, format!("migrations run under role `{of}`, which is not there"))
            .hint(format!("as an administrator: CREATE ROLE \"{of}\"; or let a migration before them make it")),
        (true, false) => {
            let message = format!("migrations run under role `{of}`, and role `{name}` may not become it");
            let hint = format!("as an administrator: GRANT \"{of}\" TO \"{name}\"");
            Check::error(Area::Privileges, REFUSED, message).hint(hint)
        }
    };
    Some(check)
}

/// No error: a migration may create nothing, or name another schema.
fn creation(creation: &Creation) -> Option<Check> {
    let Creation { role, schema, may_create } = creation;
    if *may_create {
        return None;
    }
    let message = format!("role `{role}` may not create anything in schema `{schema}`, where unqualified names go");
    let hint = format!(
        "as an administrator: GRANT CREATE ON SCHEMA \"{schema}\" TO \"{role}\"; or give the set a `role` that may"
    );
    Some(Check::warning(Area::Privileges, message).hint(hint))
}
