//! One question at a time, so that one that is refused leaves the others answered.

use std::str::FromStr;
use std::time::Duration;

use dunlin_planner::{Failure, Told};
use tokio_postgres::{Client, SimpleQueryRow};

use crate::failure;
use crate::inspect::execute;
use crate::rows::rows;

/// The transaction in which questions are asked.
pub(crate) struct Asking<'c>(pub(crate) &'c Client);

impl Asking<'_> {
    /// What the rows of `query` come to; not known, with the server's reason, where it refuses.
    pub(crate) async fn ask<T>(
        &self,
        query: &str,
        read: impl FnOnce(&[SimpleQueryRow]) -> Option<T>,
    ) -> Result<Told<T>, Failure> {
        execute(self.0, "SAVEPOINT asked").await?;
        let found = rows(self.0, query).await.map_err(|error| failure::of(&error));
        execute(self.0, "ROLLBACK TO SAVEPOINT asked").await?;
        Ok(match found {
            Ok(found) => read(&found).map_or_else(unexpected, Told::Known),
            Err(failure) if failure.sqlstate.is_some() => Told::Unknown(failure.message),
            Err(failure) => return Err(failure),
        })
    }

    /// The same of a query with one row.
    pub(crate) async fn ask_one<T>(
        &self,
        query: &str,
        read: impl FnOnce(&SimpleQueryRow) -> Option<T>,
    ) -> Result<Told<T>, Failure> {
        self.ask(query, |found| found.first().and_then(read)).await
    }

    /// The same of a query whose rows are one thing each; one that cannot be read is left out.
    pub(crate) async fn ask_all<T>(
        &self,
        query: &str,
        read: impl Fn(&SimpleQueryRow) -> Option<T>,
    ) -> Result<Told<Vec<T>>, Failure> {
        self.ask(query, |found| Some(found.iter().filter_map(read).collect())).await
    }
}

fn unexpected<T>() -> Told<T> {
    Told::Unknown("the server's answer cannot be read".to_owned())
}

/// A text; empty where it is null.
pub(crate) fn text(row: &SimpleQueryRow, name: &str) -> String {
    row.get(name).unwrap_or_default().to_owned()
}

/// A number, where there is one.
pub(crate) fn number<T: FromStr>(row: &SimpleQueryRow, name: &str) -> Option<T> {
    row.get(name)?.parse().ok()
}

/// A time in whole seconds; one of before is none at all.
pub(crate) fn seconds(row: &SimpleQueryRow, name: &str) -> Option<Duration> {
    let seconds: i64 = number(row, name)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
