//! A session that only reads texts.

use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::{Client, NoTls};

/// What the server's grammar makes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// No command, or one that ends a transaction.
    Accepted,
    One,
    Many,
    /// None of its language.
    Wrong {
        message: String,
        /// The character that it points at, from 0.
        at: Option<usize>,
    },
}

/// A transaction that has failed.
pub(crate) struct Reader {
    runtime: Runtime,
    client: Client,
}

impl Reader {
    pub(crate) fn open(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            tokio::spawn(connection);
            // Texts that are wrong are no news, so they stay out of the server's log.
            client.batch_execute("SET log_min_messages = panic; SET client_min_messages = error").await.unwrap();
            client.batch_execute("BEGIN; SELECT 1 / 0").await.unwrap_err();
            client
        });
        Self { runtime, client }
    }

    /// Reads each text for itself.
    pub(crate) fn read<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Vec<Reading> {
        let each = texts.into_iter().map(|text| async move {
            match self.client.prepare(text).await {
                Ok(_) => Reading::Accepted,
                Err(error) => reading(error.as_db_error().unwrap_or_else(|| panic!("{error}: {text:?}"))),
            }
        });
        self.runtime.block_on(join_all(each))
    }
}

fn reading(error: &DbError) -> Reading {
    if *error.code() == SqlState::IN_FAILED_SQL_TRANSACTION {
        return Reading::One;
    }
    if *error.code() == SqlState::SYNTAX_ERROR && error.routine() == Some("exec_parse_message") {
        return Reading::Many;
    }
    let at = error.position().map(|position| match position {
        ErrorPosition::Original(at) | ErrorPosition::Internal { position: at, .. } => *at as usize - 1,
    });
    Reading::Wrong { message: error.message().to_owned(), at }
}
