//! Where a connection's notices go.

use std::sync::{Arc, Mutex};

use dunlin_driver::NoticeSink;
use dunlin_planner::Notice;
use tokio_postgres::error::DbError;

use crate::connect::locked;
use crate::replicas;

/// Hands on what the server says besides answers, to whoever listens just now.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Hearing>>);

#[derive(Default)]
struct Hearing {
    sink: Option<NoticeSink>,
    /// What was said while the connection was made, such as a warning of the collation's version.
    early: Vec<Notice>,
    /// A commit was let go before the synchronous standbys had it.
    given_up: bool,
}

impl Tap {
    /// Keeps a notice for the first who listens.
    pub(crate) fn keep(&self, notice: &DbError) {
        locked(&self.0).early.push(of(notice));
    }

    /// Sends notices to `sink` from here on; nowhere, without one.
    pub(crate) fn listen(&self, sink: Option<NoticeSink>) {
        let early = {
            let mut hearing = locked(&self.0);
            hearing.sink.clone_from(&sink);
            if sink.is_some() { std::mem::take(&mut hearing.early) } else { Vec::new() }
        };
        if let Some(sink) = sink {
            early.into_iter().for_each(|notice| sink(notice));
        }
    }

    pub(crate) fn hand_on(&self, notice: &DbError) {
        let sink = {
            let mut hearing = locked(&self.0);
            hearing.given_up |= replicas::is_given_up(notice);
            hearing.sink.clone()
        };
        if let Some(sink) = sink {
            sink(of(notice));
        }
    }

    /// Whether a commit was let go before the synchronous standbys had it, since this was asked last.
    pub(crate) fn gave_up_waiting(&self) -> bool {
        std::mem::take(&mut locked(&self.0).given_up)
    }
}

fn of(notice: &DbError) -> Notice {
    Notice {
        severity: notice.severity().to_owned(),
        message: notice.message().to_owned(),
        detail: notice.detail().map(str::to_owned),
        hint: notice.hint().map(str::to_owned),
    }
}
