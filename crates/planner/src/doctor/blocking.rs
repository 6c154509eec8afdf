//! What a migration would have to wait for, and what others left behind.

use std::time::Duration;

use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{count, duration, each};
use crate::doctor::health::{Health, InvalidIndex, LongTransaction, Mutation, Prepared};

/// How many of each are named.
const NAMED: usize = 5;

/// The first of `all` as checks of their own, and how many more there are.
fn named<T>(area: Area, all: &[T], word: &str, one: impl Fn(&T) -> Check) -> Vec<Check> {
    let mut checks: Vec<_> = all.iter().take(NAMED).map(one).collect();
    if all.len() > NAMED {
        checks.push(Check::warning(area, format!("{} more", count((all.len() - NAMED) as u64, word))));
    }
    checks
}

pub(crate) fn transactions(health: &Health, long: Duration) -> Vec<Check> {
    each(Area::Transactions, &health.transactions, |seen| {
        let old: Vec<_> = seen.open.iter().filter(|one| one.age >= long).collect();
        let mut checks = named(Area::Transactions, &old, "long transaction", |one| transaction(one));
        if seen.hidden > 0 {
            let message =
                format!("{} of others cannot be looked at by this role", count(seen.hidden.into(), "connection"));
            let hint = "a member of `pg_read_all_stats` sees them";
            checks.push(Check::info(Area::Transactions, message).hint(hint));
        }
        if checks.is_empty() {
            checks.push(Check::ok(Area::Transactions, format!("none goes on for {} or longer", duration(long))));
        }
        checks
    })
}

fn transaction(one: &LongTransaction) -> Check {
    let LongTransaction { pid, application, role, state, age, query, locks } = one;
    let application = if application.is_empty() { String::new() } else { format!("app `{application}`, ") };
    let query = if query.is_empty() { String::new() } else { format!(": {query}") };
    let locks = match locks {
        0 => String::new(),
        locks => format!(", with {} on tables and indexes", count((*locks).into(), "lock")),
    };
    let message = format!("pid {pid} ({application}user {role}) is {state} for {}{locks}{query}", duration(*age));
    let hint = if state.starts_with("idle") {
        format!("its locks stay until it ends: see who forgot it; SELECT pg_terminate_backend({pid}) ends it")
    } else {
        "index builds wait for it, and changes of what it uses: begin when it is over".to_owned()
    };
    Check::warning(Area::Transactions, message).hint(hint)
}

pub(crate) fn prepared(health: &Health, long: Duration) -> Vec<Check> {
    each(Area::Prepared, &health.prepared, |all| {
        let old: Vec<_> = all.iter().filter(|one| one.age >= long).collect();
        if old.is_empty() {
            return vec![Check::ok(Area::Prepared, format!("none waits for {} or longer", duration(long)))];
        }
        named(Area::Prepared, &old, "prepared transaction", |one| {
            let Prepared { gid, role, age } = one;
            let quoted = gid.replace('\'', "''");
            let message =
                format!("transaction `{gid}` of user {role} is prepared for {} and holds its locks", duration(*age));
            let hint =
                format!("ask its coordinator; else COMMIT PREPARED '{quoted}' or ROLLBACK PREPARED '{quoted}' ends it");
            Check::warning(Area::Prepared, message).hint(hint)
        })
    })
}

pub(crate) fn mutations(health: &Health, long: Duration) -> Vec<Check> {
    each(Area::Mutations, &health.mutations, |all| {
        let stuck: Vec<_> = all.iter().filter(|one| one.trouble.is_some() || one.age >= long).collect();
        if stuck.is_empty() {
            let message = match all.len() as u64 {
                0 => "none is under way".to_owned(),
                some => format!("{} under way", count(some, "mutation")),
            };
            return vec![Check::ok(Area::Mutations, message)];
        }
        named(Area::Mutations, &stuck, "mutation", |one| {
            let Mutation { table, id, command, age, trouble } = one;
            let why = trouble.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let message = format!("`{id}` of `{table}` ({command}) goes on for {}{why}", duration(*age));
            let quoted = id.replace('\'', "''");
            Check::warning(Area::Mutations, message).hint(format!(
                "what changes `{table}` waits behind it; KILL MUTATION WHERE mutation_id = '{quoted}' gives it up"
            ))
        })
    })
}

pub(crate) fn indexes(health: &Health) -> Vec<Check> {
    each(Area::Indexes, &health.indexes, |all| {
        if all.is_empty() {
            return vec![Check::ok(Area::Indexes, "all are valid")];
        }
        named(Area::Indexes, all, "invalid index", |one| {
            let InvalidIndex { name, table, building } = one;
            if *building {
                return Check::info(Area::Indexes, format!("{name} on {table} is not valid yet: somebody builds it"));
            }
            let message = format!("{name} on {table} is not valid: writes keep it up to date, and no query uses it");
            let hint = format!(
                "DROP INDEX CONCURRENTLY {name}, or REINDEX INDEX CONCURRENTLY {name}; one that a migration left is mended by the next run"
            );
            Check::warning(Area::Indexes, message).hint(hint)
        })
    })
}
