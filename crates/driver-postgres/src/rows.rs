//! Answers of the simple protocol as typed values: all that Dunlin asks goes through it, because prepared statements do not
//! survive a pooler and extended ones pin a snapshot that index builds wait for.

use std::str::FromStr;

use dunlin_planner::{Failure, FailureClass};
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::failure;

/// All rows that a message of statements returns.
pub(crate) async fn rows(client: &Client, query: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let messages = client.simple_query(query).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}

/// The only row of a query.
pub(crate) async fn one_row(client: &Client, query: &str) -> Result<SimpleQueryRow, Failure> {
    let mut found = rows(client, query).await.map_err(|error| failure::of(&error))?;
    match (found.pop(), found.is_empty()) {
        (Some(row), true) => Ok(row),
        _ => Err(Failure::new(FailureClass::Rejected, "the server gave another number of rows than one")),
    }
}

/// A value that is there.
pub(crate) fn field<T: FromStr>(row: &SimpleQueryRow, name: &str) -> Result<T, Failure> {
    let unexpected = || Failure::new(FailureClass::Rejected, format!("the server gave no usable `{name}`"));
    row.get(name).ok_or_else(unexpected)?.parse().map_err(|_| unexpected())
}

/// Whether a row's first column has this name. Where settings are set by `set_config`, that answers with rows of its own.
pub(crate) fn begins_with(row: &SimpleQueryRow, name: &str) -> bool {
    row.columns().first().is_some_and(|column| column.name() == name)
}

/// A truth value; the simple protocol writes `t`.
pub(crate) fn truth(row: &SimpleQueryRow, name: &str) -> bool {
    row.get(name) == Some("t")
}
