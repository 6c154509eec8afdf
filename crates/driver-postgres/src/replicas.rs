//! Commits that wait for a synchronous standby (PROTOCOL.md, "Replicas").
//!
//! A commit is never given up for the time it takes. One whose waiting somebody ended stands all the same; the server says so
//! in a warning, and from there on what it means to be done is found out with commits that change nothing: the standbys have
//! everything before what they have acknowledged.

use std::pin::pin;
use std::time::Duration;

use dunlin_driver::StepTask;
use dunlin_planner::{Failure, FailureClass, Notice, TargetName};
use tokio_postgres::Client;
use tokio_postgres::error::{DbError, SqlState};

use crate::connect::{Connection, Connector};
use crate::rows::rows;
use crate::session::PostgresSession;
use crate::{failure, messages};

/// How long a commit may wait before that is told.
pub(crate) const SOON: Duration = Duration::from_secs(2);
/// How long one look may wait for the standbys, and how often it is then asked to end.
const LOOK: Duration = Duration::from_secs(2);
const REPEAT: Duration = Duration::from_millis(200);

/// Whether a notice says that a commit's waiting was ended; its text may be in any language.
pub(crate) fn is_given_up(notice: &DbError) -> bool {
    notice.routine() == Some("SyncRepWaitForLSN")
}

/// The synchronous standbys that a backend waits for, as the server's setting names them; none where it does not.
pub(crate) async fn awaited(client: &Client, backend: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let query = format!(
        "SELECT pg_catalog.current_setting('synchronous_standby_names') AS names FROM pg_catalog.pg_stat_activity \
         WHERE pid = {backend} AND wait_event = 'SyncRep'"
    );
    let found = rows(client, &query).await?;
    Ok(found.first().and_then(|row| row.get("names")).map(str::to_owned))
}

/// What is told of a commit that waits.
pub(crate) fn waiting(names: &str) -> Notice {
    let message = format!("committed here, and waiting for the synchronous standby {}", quoted(names));
    Notice { severity: "WARNING".to_owned(), message, detail: None, hint: None }
}

pub(crate) fn quoted(names: &str) -> String {
    format!("`{}`", names.trim_matches('"'))
}

impl PostgresSession {
    /// Awaits the standbys where it is not certain that they have what was done; `done` goes through.
    pub(crate) async fn replicated(&mut self, task: &StepTask<'_>, done: bool) -> Result<bool, Failure> {
        if done && self.is_replicated() {
            return Ok(true);
        }
        let mut told = false;
        while !self.is_stopped() {
            if self.reach_standbys().await? {
                return Ok(done);
            }
            if !std::mem::replace(&mut told, true) {
                (task.notices)(waiting(&names(self.outside()).await));
            }
        }
        let message = format!("not yet replicated to the synchronous standby {}", quoted(&names(self.outside()).await));
        let hint = "it is applied where it ran; see that the standby runs and follows, then run it again: what needs it in other databases waits";
        Err(Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Unreplicated, message) })
    }

    /// Whether a commit that changes nothing comes through to the standbys.
    async fn reach_standbys(&mut self) -> Result<bool, Failure> {
        self.line().await?;
        let line = self.begin_work()?;
        let ended = commit_nothing(&line.connection).await;
        self.end_work();
        match ended {
            Ok(()) => Ok(self.is_replicated()),
            Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {
                self.settle().await;
                Ok(false)
            }
            Err(error) => {
                self.hang_up();
                Err(Failure { class: FailureClass::Unknown, ..failure::of(&error) })
            }
        }
    }

    /// Whether no commit of this connection was let go before the standbys had it, since this was asked last.
    fn is_replicated(&self) -> bool {
        self.line_or_lost().is_ok_and(|line| !line.connection.gave_up_waiting())
    }
}

/// Whether everything that was committed has come through to the standbys; if not, why what relies on it waits.
pub(crate) async fn check(connector: &Connector, target: &TargetName) -> Result<(), Failure> {
    let connection = connector.connect().await?;
    match commit_nothing(&connection).await {
        Ok(()) if !connection.gave_up_waiting() => {
            connection.give_back();
            return Ok(());
        }
        Err(error) if error.code() != Some(&SqlState::QUERY_CANCELED) => return Err(failure::of(&error)),
        _ => {}
    }
    let names = quoted(&names(connector).await);
    let message = format!("what it needs in `{target}` is not yet replicated to the synchronous standby {names}");
    let hint = "see that the standby runs and follows, then run it again".to_owned();
    Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Busy, message) })
}

/// A commit that changes nothing, and is let go when it waits too long.
async fn commit_nothing(connection: &Connection) -> Result<(), tokio_postgres::Error> {
    let text = format!(
        "BEGIN READ WRITE; SELECT pg_catalog.pg_logical_emit_message(true, 'dunlin', ''); {}",
        messages::COMMIT
    );
    let cancel = connection.cancel_request();
    let mut work = pin!(connection.client().batch_execute(&text));
    let mut pause = LOOK;
    loop {
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            () = tokio::time::sleep(pause) => cancel.cancel().await,
        }
        pause = REPEAT;
    }
}

/// The standbys as the server's setting names them.
async fn names(outside: &Connector) -> String {
    let asked = async {
        let connection = outside.connect().await.ok()?;
        let found = rows(connection.client(), "SHOW synchronous_standby_names").await.ok()?;
        connection.give_back();
        found.first()?.get(0).map(str::to_owned)
    };
    asked.await.unwrap_or_default()
}
