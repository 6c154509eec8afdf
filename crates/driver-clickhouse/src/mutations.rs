//! Mutations: rewrites of a table's rows that go on in the server after their statement was answered.
//!
//! Newer servers are told to answer when they are done (`mutations_sync`); either way the list of mutations is what counts. The
//! server writes a command in words of its own, so commands are compared without spaces, quotes and parentheses; of a table's new
//! mutations, one that says something else is somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use dunlin_planner::{Failure, FailureClass};

use crate::probe::Eyes;
use crate::replicas::Catalog;
use crate::rows::{Row, number, text};
use crate::sql;

/// What became of a mutation.
pub(crate) enum Found {
    /// None of the kind.
    None,
    /// It is done on every part.
    Done,
    /// Some replicas have it, others have not.
    Partly,
    /// Something else happened to the table.
    Unclear,
    /// It cannot go on: what, and why.
    Failing(String),
}

/// The mutations that a table has, on every replica.
pub(crate) async fn known(
    eyes: &Eyes<'_>,
    catalog: &Catalog,
    (database, table): (&str, &str),
) -> Result<Vec<String>, Failure> {
    let query = format!(
        "SELECT replica, mutation_id FROM {} WHERE database = {} AND table = {} FORMAT JSONEachRow",
        catalog.table_by_replica("system.mutations"),
        sql::text(database),
        sql::text(table)
    );
    Ok(catalog.ask(eyes.http, query).await?.iter().map(name).collect())
}

/// What a mutation is told from others by.
fn name(row: &Row) -> String {
    match (text(row, "replica"), text(row, "mutation_id")) {
        (replica, id) if replica.is_empty() => id,
        (replica, id) => format!("{replica}:{id}"),
    }
}

/// Looks for the mutation of a table among those that are not `before`, and waits while it goes on. Without a record of what was
/// before, none is ours.
pub(crate) async fn find(
    eyes: &Eyes<'_>,
    catalog: &Catalog,
    of: ((&str, &str), &str),
    before: Option<&[String]>,
) -> Result<Found, Failure> {
    let Some(before) = before else { return Ok(Found::None) };
    let mut pause = Duration::from_millis(20);
    loop {
        match state(eyes, catalog, of, before).await? {
            Some(found) => return Ok(found),
            None => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// What became of it; none while it goes on.
async fn state(
    eyes: &Eyes<'_>,
    catalog: &Catalog,
    ((database, table), command): ((&str, &str), &str),
    before: &[String],
) -> Result<Option<Found>, Failure> {
    let (failed, killed) = match (eyes.server.version >= 190_600, eyes.server.version >= 201_200) {
        (_, true) => ("latest_fail_reason", "toUInt8(is_killed)"),
        (true, false) => ("latest_fail_reason", "0"),
        _ => ("''", "0"),
    };
    let query = format!(
        "SELECT replica, mutation_id, command, toUInt8(is_done) AS done, {failed} AS failed, {killed} AS killed FROM {} \
         WHERE database = {} AND table = {} ORDER BY replica, mutation_id FORMAT JSONEachRow",
        catalog.table_by_replica("system.mutations"),
        sql::text(database),
        sql::text(table)
    );
    let found = catalog.ask(eyes.http, query).await?;
    let new: Vec<_> =
        found.iter().filter(|row| !before.contains(&name(row)) && number::<u8>(row, "killed") == 0).collect();
    let ours: Vec<_> = new.iter().filter(|row| bare(&text(row, "command")) == bare(command)).collect();
    if ours.is_empty() {
        return Ok(Some(if new.is_empty() { Found::None } else { Found::Unclear }));
    }
    if let Some(row) = ours.iter().find(|row| number::<u8>(row, "done") == 0 && !text(row, "failed").is_empty()) {
        let (id, failed) = (text(row, "mutation_id"), text(row, "failed"));
        let failed = failed.split(" (version ").next().unwrap_or_default().trim();
        return Ok(Some(Found::Failing(format!("mutation {id} of {table} cannot go on: {failed}"))));
    }
    let replicas: BTreeSet<_> = ours.iter().map(|row| text(row, "replica")).collect();
    if (replicas.len() as u64) < catalog.count() {
        return Ok(Some(Found::Partly));
    }
    Ok(ours.iter().all(|row| number::<u8>(row, "done") == 1).then_some(Found::Done))
}

/// What a failed mutation needs.
pub(crate) fn failing(what: String, (database, table): (&str, &str)) -> Failure {
    let hint = format!(
        "the server tries it again for ever: mend what it says, or end it with `KILL MUTATION WHERE database = {} AND table = {}`, and run again",
        sql::text(database),
        sql::text(table)
    );
    Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, what) }
}

/// A command without what the server writes in its own way.
fn bare(command: &str) -> String {
    let kept = command.chars().filter(|char| !char.is_whitespace() && !matches!(char, '(' | ')' | '`' | '"'));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn the_servers_own_words_are_the_same_command() {
        assert_eq!(bare("UPDATE v = v+1 WHERE a % 2 = 0"), bare("(UPDATE v = v + 1 WHERE (a % 2) = 0)"));
        assert_ne!(bare("UPDATE v = v + 1 WHERE 1"), bare("UPDATE v = v + 2 WHERE 1"));
    }
}
